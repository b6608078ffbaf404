/* A hard-coded simulation of `directed`, the yardstick that the simulator is measured beside.
 *
 * One cohort, no prerequisites, no touches, everybody arrives at 0, no overhead, no rest; build and
 * fetch times from the same samples as the simulator's, so that both must come to the same
 * makespan. No engine, no events, no commands, no records: what a program that knows nothing else
 * would do. */
#ifndef TD_BENCH_HARD_CODED_H
#define TD_BENCH_HARD_CODED_H

#include "base/time.h"
#include "workload/distribution.h"

#include <stdbool.h>
#include <stdint.h>

struct hard_coded;

struct hard_coded *hard_coded_create(uint32_t peers, uint32_t steps, const struct td_dist *build,
                                     const struct td_dist *fetch);
/* Runs replications first .. last and returns the sum of their makespans, to be compared. */
td_time hard_coded_run(struct hard_coded *loop, uint64_t seed, uint32_t first, uint32_t last);
/* True if its keys have room for times up to this one. */
bool hard_coded_reaches(uint32_t peers, td_time last);
void hard_coded_destroy(struct hard_coded *loop);

#endif
