/* Who does what an order says: Bazel, or a command that stands for another build tool.
 *
 *     const struct td_executor executor = td_executor_command(&command);
 *     if (!executor.build(executor.context, &task, &stop, &build, &error)) ...    it did not start
 *     if (build.result == TD_BUILD_OK) ...
 *
 * A build returns when the tool has ended, so it wants a thread of its own (live/child.h). The
 * tool's output goes where ours goes, untouched.
 */
#ifndef TD_LIVE_EXECUTOR_H
#define TD_LIVE_EXECUTOR_H

#include "engine/types.h"
#include "live/bazel.h"

/* What is to be built. */
struct td_peer_task {
    td_order order;      /* 0: without one, since the peer goes its own way */
    const char *step;    /* NULL: the universe */
    const char *targets; /* patterns, separated by single spaces */
    bool build;          /* false: it should all be in the cache */
};

struct td_executor {
    const void *context;
    /* False with an error if the tool could not be started. */
    bool (*build)(const void *context, const struct td_peer_task *task, const struct td_stop *stop,
                  struct td_build *build, struct td_error *error);
};

/* Bazel, which may leave the file of each build's events in a folder, an absolute path: as
 * ORDER-STEP.json, with 0 for a build without an order and `universe` for the universe. */
struct td_executor_bazel {
    struct td_bazel bazel;
    const char *events; /* NULL: none is kept */
};

/* `bazel` must outlive it. */
struct td_executor td_executor_bazel(const struct td_executor_bazel *bazel);

/* A command gets the targets behind its own words, and in its environment TD_STEP (empty for the
 * universe), TD_ORDER (0 without one) and TD_EXPECT ("build" or "fetch"). Exit status 0 is a build
 * that went well, or a fetch where one was expected; 75 (EX_TEMPFAIL) one that failed by accident;
 * any other a broken one. What went well counts as published. */
struct td_executor_command {
    const char *const *words; /* the program and its first arguments; ends with NULL */
    const char *folder;       /* that it runs in; NULL: ours */
    td_time grace;            /* between two interrupts; 0: 10 s */
};

/* `command` must outlive it. */
struct td_executor td_executor_command(const struct td_executor_command *command);

#endif
