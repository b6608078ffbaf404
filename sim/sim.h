/* The simulator: the engine against simulated peers in virtual time, replications on threads.
 *
 *     struct td_run_record runs[2 * 100] = {0};     policies x replications
 *     struct td_results results = {.labels = &labels, .runs = runs};
 *     struct td_sim_options options = {.policies = policies, .policy_count = 2,
 *                                      .replications = 100, .seed = 1, .jobs = 2};
 *     if (!td_sim_run(scenario, &options, &results, &error)) ...
 *
 * Same scenario, options and seed: same records, whatever `jobs` is. A (policy, replication) is one
 * unit of parallel work; its luck depends on seed, replication, peer and step only (common random
 * numbers).
 */
#ifndef TD_SIM_SIM_H
#define TD_SIM_SIM_H

#include "base/error.h"
#include "engine/policy.h"
#include "report/csv.h"
#include "report/record.h"
#include "workload/scenario.h"

#include <stdatomic.h>

struct td_sim_options {
    const struct td_policy *const *policies;
    uint32_t policy_count;
    uint32_t replications;
    uint64_t seed;
    uint32_t jobs;      /* threads, at least 1 */
    bool bounds;        /* compute each replication's lower bound, once for all policies */
    struct td_csv *csv; /* NULL: no interval is stored or written */
    const atomic_bool
        *stop; /* NULL, or ends the run soon after it turns true (TD_FAULT_INTERRUPT) */
    /* NULL, or called on the calling thread about ten times a second with the part done, 0 to 1. */
    void (*progress)(void *context, double done);
    void *progress_context;
};

/* Fills results->runs, which come zeroed. Cost: for each event of a run a choice of the engine, a
 * sample, and one step of an event queue of as many entries as peers. */
bool td_sim_run(const struct td_scenario *scenario, const struct td_sim_options *options,
                struct td_results *results, struct td_error *error);

#endif
