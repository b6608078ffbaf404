/* A scenario as the simulator runs it: what can be worked out once, for all policies, replications
 * and threads. Immutable after td_plan_create().
 *
 * Position: a step's place in dependency order (model, section 3.2). An order goes through its
 * prerequisites by ascending position, so that the next artifact is the lowest bit of a bitmap. */
#ifndef TD_SIM_PLAN_H
#define TD_SIM_PLAN_H

#include "engine/engine.h"
#include "workload/scenario.h"

#include <stdalign.h>

/* Both of a size that needs no multiplication: they are looked up for each event. */
struct td_plan_group {
    alignas(64) struct td_identity identity;
    uint32_t cohort;
    uint32_t pipeline; /* a dependent one, or UINT32_MAX */
    double speed;
    bool publishes, keeps;
    const struct td_dist *leaves, *returns; /* NULL: never */
    const struct td_slow *slow;             /* NULL: never */
    /* Peers of a group touch the same steps: NULL if they touch none. By position. */
    uint64_t *private; /* touched, or after a touched one: the peer's own variant */
    double *fraction;  /* of the build; 1 unless the step is touched in part */
    double *breaks;    /* probability that the change breaks the step; NULL: none */
};

/* What is given for each step, by position; behind the last step that of the rest. */
struct td_plan_step {
    alignas(64) const struct td_dist *build;
    const struct td_dist *fetch, *factor;
    double hit_rate, flaky, broken;
    uint32_t parts;
};

struct td_plan {
    const struct td_scenario *scenario;
    uint32_t steps, words;
    uint32_t *order;    /* position -> step; behind them the rest: steps -> steps */
    uint32_t *position; /* step -> position */
    uint64_t
        *closure; /* by step, a bitmap of positions: itself and all before it; no edges: NULL */
    struct td_plan_step *step; /* by position */
    struct td_plan_group *groups;
    uint32_t cohorts;
    const struct td_identity **cohort_identity; /* by cohort */
    uint32_t pipelines;                         /* dependent ones */
    bool overhead;                              /* an invocation takes time */
    bool exponential;                           /* some build or fetch is */
    /* What some scenario has and others don't pay for. */
    bool parts, factors, flaky, broken, leaves, slow;
    /* none of these but that peers may leave, nor misses, touches and queues: whole builds and
     * fetches that go well */
    bool plain;
    bool opens_alike; /* who comes first, and what is heard of them, is the same each time */
    bool refetches;   /* a peer can come back without what it held, and fetch its own results */
    struct td_schema_spec schema; /* for the engine */
};

struct td_plan *td_plan_create(const struct td_scenario *scenario, struct td_error *error);
void td_plan_destroy(struct td_plan *plan);

#endif
