/* A scenario's own peers as processes of this machine, for the executors that really build: each is
 * a `task-director peer`, started at its arrival, in a process group of its own.
 *
 *     if (!td_crew_can(scenario, &error)) ...
 *     struct td_crew *crew = td_crew_create(&options, &error);
 *     if (crew == NULL) ...
 *     ... the authority listens; zero is the scenario's, by CLOCK_MONOTONIC
 *     if (!td_crew_run(crew, port, zero, &error)) ...
 *     td_crew_destroy(crew);
 *
 * With Bazel a crew starts from nothing: each peer has an empty folder for outputs
 * (`--output_base`), and the cache that they share is empty. A cache on the disk is a new folder;
 * one behind a URL gets keys that no other run has (`cache-silo-key`). Bazel's servers are started
 * before the scenario's zero, as a CI job has to under any strategy. Nothing is left behind:
 * Bazel's servers are shut down and the folders removed when the crew is destroyed. If this process
 * dies, the peers are interrupted, and Bazel's servers end after a while.
 *
 * Peers write to a file each, and never to the terminal.
 */
#ifndef TD_LIVE_CREW_H
#define TD_LIVE_CREW_H

#include "base/error.h"
#include "workload/scenario.h"

#include <stdatomic.h>

struct td_crew_options {
    const struct td_scenario *scenario;
    uint64_t seed; /* of the arrivals */
    uint32_t replication;
    const char *program; /* task-director */
    double scale;        /* nanoseconds of the wall clock to one of the scenario */
    /* What the peers leave goes there: NAME/output.log, and Bazel's NAME/ORDER-STEP.json. NULL: it
     * is thrown away. */
    const char *folder;
    /* A peer that has not ended well, though others have; from the thread of td_crew_run() or
     * td_crew_destroy(). */
    void (*trouble)(void *context, const char *sentence);
    void *trouble_context;
    const atomic_bool *stop; /* NULL, or ends all soon after it turns true: the peers are
                                interrupted as ctrl-C does it, and again after a while */
};

struct td_crew;

/* False with a sentence if the scenario has what real builds cannot play, or names what is not
 * there: the workspace, Bazel, a program. */
bool td_crew_can(const struct td_scenario *scenario, struct td_error *error);

/* NULL with an error. The options' texts must outlive it. It takes Bazel some seconds. */
struct td_crew *td_crew_create(const struct td_crew_options *options, struct td_error *error);

/* Plays against the authority at 127.0.0.1:port, and returns when all peers have ended. False with
 * an error if none of them has ended well, and with TD_FAULT_INTERRUPT if they were stopped. */
bool td_crew_run(struct td_crew *crew, int port, int64_t zero_ns, struct td_error *error);

/* Ends td_crew_run() soon, as `stop` does; from any thread. */
void td_crew_stop(const struct td_crew *crew);

void td_crew_destroy(struct td_crew *crew); /* NULL is allowed */

#endif
