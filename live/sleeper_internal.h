/* The insides of the peers that only sleep: see sleeper.h. sleep_plan.c has what is settled once,
 * sleeper.c the state machine.
 *
 * Position: a step's place in dependency order (model, section 3.2). An order goes through its
 * prerequisites by ascending position. Behind the last step comes the rest. */
#ifndef TD_LIVE_SLEEPER_INTERNAL_H
#define TD_LIVE_SLEEPER_INTERNAL_H

#include "base/arena.h"
#include "live/sleeper.h"
#include "workload/sampler.h"

struct sleep_group {
    uint32_t cohort; /* numbered as the simulator does: luck is drawn for this number */
    /* Peers of a group touch the same steps: NULL if they touch none. By position. */
    uint64_t *private; /* touched, or after a touched one: the peer's own variant */
    double *fraction;  /* of the build; 1 unless the step is touched in part */
    double *breaks;    /* probability that the change breaks the step; NULL: none */
    uint32_t private_count;
};

struct td_sleep_plan {
    struct td_arena *arena; /* has all of it */
    const struct td_scenario *scenario;
    uint64_t seed;
    uint32_t replication;
    uint32_t steps, words;
    uint32_t *order;                  /* position -> step; behind them the rest: steps -> steps */
    uint32_t *position;               /* step -> position */
    uint64_t *closure;                /* by step, a bitmap of positions: itself and all before it */
    const struct td_step_spec **spec; /* by position, the rest included */
    struct td_step_spec rest;
    uint32_t *by_id; /* steps in the order of their IDs' bytes */
    struct sleep_group *groups;
    uint32_t cohorts;
    uint64_t *broken; /* by cohort, a bitmap of positions: what the base does not build */
    double *factors;  /* by position, the rest included: of build times */
    td_time *arrivals;
    bool overhead; /* an invocation takes time */
    bool parts, flaky;
    struct td_hello_step *hello_steps; /* by step */
};

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline struct td_draw draw_for(const struct td_sleep_plan *plan, uint32_t peer,
                                      uint32_t step, enum td_purpose purpose)
{
    return (struct td_draw){.seed = plan->seed,
                            .replication = plan->replication,
                            .peer = peer,
                            .step = step,
                            .purpose = purpose};
}

/* The step with this ID, or the count of the steps. */
uint32_t td_sleep_plan_find(const struct td_sleep_plan *plan, const char *id);

#endif
