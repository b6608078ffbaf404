/* A scenario with real peers: an authority and the scenario's own peers on this machine, once per
 * policy and replication, with the same records as a simulated run.
 *
 * Replications go outermost and the order of the policies rotates, so that none always runs on a
 * warmer machine. The scenario's "live" says who plays the peers: they sleep as long as the
 * simulator's would (live/swarm.h), or are processes that build (live/crew.h). Afterwards the
 * inputs of each run are fed through the engine once more, which must decide alike.
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
    double scale;       /* wall time = scenario time * scale */
    struct td_csv *csv; /* NULL: nothing is written */
    /* Peers that build leave there, in POLICY-REPLICATION/PEER, their output and Bazel's files of
     * build events; what was there is removed. NULL: nothing is kept. */
    const char *folder;
    const char *program;     /* the one that such a peer is: task-director */
    const atomic_bool *stop; /* NULL, or ends the run soon after it turns true */
    /* What went wrong without ending the run, such as a peer's build; from any thread. */
    void (*trouble)(void *context, const char *sentence);
    void *trouble_context;
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
