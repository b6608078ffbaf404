/* A scenario with real peers: an authority and the scenario's own peers on this machine, once per
 * policy and replication, with the same records as a simulated run.
 *
 * Replications go outermost and the order of the policies rotates, so that none always runs on a
 * warmer machine. Peers sleep as long as the simulator's would: their samples are the same.
 * Afterwards the inputs of each run are fed through the engine once more, which must decide alike.
 */
#ifndef TD_LIVE_LIVE_H
#define TD_LIVE_LIVE_H

#include "base/error.h"
#include "engine/policy.h"
#include "report/csv.h"
#include "report/record.h"
#include "workload/scenario.h"

#include <stdatomic.h>

struct td_live_options {
    const struct td_policy *const *policies;
    uint32_t policy_count;
    uint32_t replications;
    uint64_t seed;
    double scale;            /* wall time = scenario time * scale */
    struct td_csv *csv;      /* NULL: nothing is written */
    const atomic_bool *stop; /* NULL, or ends the run soon after it turns true */
    /* NULL, or called on the calling thread about ten times a second with the part done, 0 to 1. */
    void (*progress)(void *context, double done);
    void *progress_context;
};

/* False with a sentence if the scenario cannot be run live: it does not say how, or in a way that
 * is not there yet. */
bool td_live_can(const struct td_scenario *scenario, struct td_error *error);

/* Fills results->runs. It takes the scenario's makespans times `scale`, one after the other. */
bool td_live_run(const struct td_scenario *scenario, const struct td_live_options *options,
                 struct td_results *results, struct td_error *error);

#endif
