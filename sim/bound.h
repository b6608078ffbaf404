/* A makespan that no policy can beat on a replication's samples: docs/lower-bound.md has the
 * argument, term by term.
 *
 *     struct td_bound *bound = td_bound_create(plan, seed, &error);
 *     td_time least;
 *     if (!td_bound_find(bound, 7, &least, &error)) ...    of replication 7, whatever the policy
 *     td_bound_destroy(bound);
 *
 * A policy is anything that orders steps or the universe to peers that ask, or has them wait, even
 * with all samples known. A thread makes one; memory is kept. */
#ifndef TD_SIM_BOUND_H
#define TD_SIM_BOUND_H

#include "base/error.h"
#include "base/time.h"
#include "sim/plan.h"

struct td_bound;

struct td_bound *td_bound_create(const struct td_plan *plan, uint64_t seed, struct td_error *error);

/* The bound for a replication (from 1): a function of scenario, seed and replication alone. False
 * where the arrivals pass the end of time. Cost: up to some thousands of peers x steps a pair of
 * samples for each and, with few of both, a search of at most a few hundred nodes; beyond that, a
 * small part of what simulating the replication costs. */
bool td_bound_find(struct td_bound *bound, uint32_t replication, td_time *makespan,
                   struct td_error *error);

void td_bound_destroy(struct td_bound *bound);

#endif
