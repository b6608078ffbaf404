/* A scenario: what is to be run, read from a file and validated whole before anything runs.
 *
 *     struct td_error error;
 *     struct td_scenario *scenario = td_scenario_read("scenarios/three-strategies.json", &error);
 *     if (scenario == NULL) ...  error.text names file, line, column and JSON path
 *     ...
 *     td_scenario_destroy(scenario);
 *
 * The whole scenario is one arena: every pointer below lives until td_scenario_destroy(). It is
 * immutable after reading, so threads share it.
 *
 * Policies are names here; whether they exist is asked of the caller (this room knows no policies).
 */
#ifndef TD_WORKLOAD_SCENARIO_H
#define TD_WORKLOAD_SCENARIO_H

#include "base/error.h"
#include "base/time.h"
#include "workload/distribution.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_MAX_STEPS 10000u
#define TD_MAX_PEERS 1000000u
#define TD_MAX_REPLICATIONS 10000000u
#define TD_MAX_SEED ((UINT64_C(1) << 53) - 1)

/* A step of the schema; steps are known by their index in the schema's order. */
struct td_step_spec {
    const char *id;
    const char *targets; /* target patterns, separated by single spaces */
    const struct td_dist *build;
    const struct td_dist *fetch;
    const uint32_t *after; /* indices of its direct prerequisites, in the file's order */
    size_t after_count;
    double hit_rate;              /* probability that a fetch finds what is published; 0 to 1 */
    double flaky;                 /* probability that one build fails by accident; 0 to 1 */
    double broken;                /* probability that the base does not build it; 0 to 1 */
    uint32_t parts;               /* equal slices; at least 1 */
    const struct td_dist *factor; /* of everybody's build time, without unit; NULL: 1 */
};

enum td_arrival_form { TD_ARRIVAL_DRAWN, TD_ARRIVAL_EVERY, TD_ARRIVAL_POISSON, TD_ARRIVAL_TIMES };

/* A peer's change breaks a step with a probability; it touches it in any case. */
struct td_break {
    uint32_t step;
    double probability;
};

/* A while in which a peer is slow, from `after` its first arrival. */
struct td_slow {
    const struct td_dist *after, *length;
    double factor; /* of its speed; above 0 */
};

struct td_touch {
    uint32_t step;
    double fraction; /* above 0; 1 is the whole build */
};

/* A group of peers of one kind. A text that the file leaves out is NULL. */
struct td_group_spec {
    const char *name;
    uint32_t count;
    double speed; /* above 0 */
    const char *cache_id, *repository, *base_ref, *pipeline;
    bool dependent; /* its pipeline: changes form a queue, each tested on top of those ahead */
    enum td_arrival_form arrival_form;
    const struct td_dist *arrival;  /* DRAWN: a sample a peer; EVERY: constant; POISSON: the gaps */
    const td_time *arrival_times;   /* TIMES: `count` of them */
    const struct td_touch *touches; /* those that `breaks` implies included */
    size_t touch_count;
    const struct td_break *breaks;
    size_t break_count;
    bool publishes;                         /* false: a read-only cache */
    bool keeps;                             /* holds on its return what it held */
    const struct td_dist *leaves, *returns; /* after its arrival; after leaving. NULL: never */
    const struct td_slow *slow;             /* NULL: never */
};

/* A peer; peers are known by their place in the scenario. */
struct td_peer_spec {
    const char *name;
    uint32_t group;
    uint32_t index; /* in its group, from 0 */
};

/* How many changes of a dependent pipeline's queue run: `start` at first, one more at each merge,
 * half of them, but at least `floor`, after each failure. */
struct td_window {
    uint32_t start, floor; /* 1 <= floor <= start */
};

/* Who plays the peers of a live run. */
enum td_live_executor {
    TD_EXECUTOR_SLEEP, /* nobody builds: peers sleep for the times that the simulator would draw */
    TD_EXECUTOR_BAZEL,
    TD_EXECUTOR_EXEC, /* a command of the user's */
};

/* How the scenario is run live. Paths are as in the file; relative ones have the scenario's folder
 * before them, so that they hold from where the program was started. Nothing is looked up: what
 * they name need not exist. A member that is not for the executor is NULL or 0. */
struct td_live_spec {
    enum td_live_executor executor;
    double time_scale;             /* wall time to the scenario's time; 1 for BAZEL */
    const char *workspace;         /* BAZEL; EXEC: the folder to run in, NULL: the program's own */
    const char *const *bazel_args; /* none empty, with a NULL behind the last; NULL if left out */
    size_t bazel_arg_count;
    const char *cache_disk, *cache_http; /* a folder or a URL; at most one is not NULL */
    const char *program;        /* EXEC: the command; PATH is searched if it has no slash */
    const char *const *command; /* the command as in the file, its arguments, and a NULL */
    size_t command_count;       /* the NULL not included */
};

struct td_scenario {
    const char *path; /* as given */
    const char *name;
    const char *description; /* "" if left out */
    const char *schema_id;
    const char *universe; /* target patterns, separated by single spaces */
    const struct td_step_spec *steps;
    uint32_t step_count;
    const struct td_dist *rest_build, *rest_fetch, *overhead;
    const struct td_group_spec *groups;
    uint32_t group_count;
    const struct td_peer_spec *peers;
    uint32_t peer_count;
    const char *const *policies;
    const char *const *policy_places; /* "FILE:LINE:COLUMN: $.policies[0]" for messages */
    uint32_t policy_count;            /* 0 if the file leaves `policies` out */
    uint32_t replications;
    uint64_t seed;
    uint32_t retries;        /* flaky failures of a step that a peer survives; 2 if left out */
    struct td_window window; /* 20 and 3 if left out */
    td_time patience;        /* a build older than this may be duplicated; -1 if left out */
    bool learned; /* estimates are learned from what is observed, not the scenario's means */
    const struct td_live_spec *live; /* NULL if left out */
};

/* Reads and validates. NULL with an error if the file or anything in it is not as it must be. */
struct td_scenario *td_scenario_read(const char *path, struct td_error *error);

/* The same for a file that holds just a schema, as a scenario may name one. Only the path, the
 * schema's ID, the universe, and the steps' IDs and targets are set (so `name` is NULL); it is
 * destroyed as a scenario is. */
struct td_scenario *td_scenario_read_schema(const char *path, struct td_error *error);

/* One or the other: a file with a "universe" beside its "steps" is just a schema. */
struct td_scenario *td_scenario_read_either(const char *path, struct td_error *error);

void td_scenario_destroy(struct td_scenario *scenario);

/* Makes it one of so many peers (1 to TD_MAX_PEERS), before anybody else has seen it. Fewer: the
 * first ones, as they were. More: the groups follow once more behind the last, as often as it
 * takes, with the same arrivals and everything else; the peers of the second time are called NAME~2
 * and so on, and draw luck of their own. False if a name gets too long. */
bool td_scenario_set_peers(struct td_scenario *scenario, uint32_t peers, struct td_error *error);

/* What does not stop a run but must be said: sentence `i` of the warnings (a distribution without
 * a finite variance, say), NULL behind the last. */
const char *td_scenario_warning(const struct td_scenario *scenario, size_t i);

/* Arrival times of all peers of a replication (from 1), peer by peer, into `out` (peer_count of
 * them). False if one passes TD_TIME_MAX. */
bool td_scenario_arrivals(const struct td_scenario *scenario, uint64_t seed, uint32_t replication,
                          td_time *out, struct td_error *error);

#endif
