/* What the simulator's tests share: a scenario's text, and the records and intervals of its runs.
 */
#ifndef TD_TESTS_SIM_SUPPORT_H
#define TD_TESTS_SIM_SUPPORT_H

#include "policies/policies.h"
#include "sim/sim.h"
#include "sim/world.h"
#include "tests/support/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Dice for random cases: the same state, the same cases. */
extern uint64_t dice;
uint32_t pick(uint32_t below);

/* For tests of many seeds: the one at hand, and whether all have passed; the teardown prints the
 * seed if not. */
extern uint64_t trial;
extern bool finished;
int tell_seed(void **state);

/* A scenario's text as it grows. */
struct text {
    char bytes[16384];
    size_t length;
};
void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The beginning of a scenario under `directed`, whose schema has so many steps: s0, s1 and so on.
 */
void begin_scenario(struct text *text, uint32_t steps);

/* A run of one replication with all that it leaves. */
struct run {
    struct td_run_record record;
    struct td_interval *intervals;
    size_t count, capacity;
    struct td_peer_record peers[160];
};

/* The last of the replications first .. last, one after the other in one world; the first one. */
void run_replication(const char *text, const struct td_policy *policy, uint64_t seed,
                     uint32_t first, uint32_t last, struct run *run);
/* The same, and nobody wants to know its intervals. */
void run_without_intervals(const char *text, const struct td_policy *policy, uint64_t seed,
                           uint32_t first, uint32_t last, struct run *run);
void run_with(const char *text, const struct td_policy *policy, uint64_t seed, struct run *run);
void run_policy(const char *text, const char *policy, uint64_t seed, struct run *run);
void run_free(struct run *run);

/* The lower bound of the first replication. */
td_time bound_of(const char *text, uint64_t seed);

/* One peer's intervals as text, such as "b0[0,10] f1[10,12] w[12,20] o0[20,21] b*[21,22]d": kind,
 * step's index
 * (* for the rest), begin and end in seconds, and the outcome's first letter if it is not ok. */
void run_text(const struct run *run, uint32_t peer, char *out, size_t size);

#endif
