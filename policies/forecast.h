/* A cohort played forward from where it stands, by the estimates, under a simple rule: what the
 * policy `weighing` compares its choices with.
 *
 *     struct td_forecast forecast;
 *     if (!td_forecast_look(&forecast, view)) ...   too large: choose in another way
 *     struct td_forecast_end end;
 *     if (td_forecast_play(&forecast, TD_FORECAST_DIRECTED, 0, TD_TIME_MAX, &end)) ...
 *
 * It plays what the model says of orders, overheads, prerequisites, fetches, builds and the rest;
 * that who is ordered to build what another publishes gives way; not what can go wrong, and nobody
 * comes or leaves. Speeds are inferred from the builds observed.
 * Where times vary, a play has a number that says how lucky each build and fetch is: the same for
 * every rule, so that rules are compared on the same luck, and all TD_FORECAST_PLAYS together have
 * the estimates as their means. Integers only; nothing is allocated.
 */
#ifndef TD_POLICIES_FORECAST_H
#define TD_POLICIES_FORECAST_H

#include "engine/policy.h"

#define TD_FORECAST_PEERS 32u
#define TD_FORECAST_STEPS 64u
#define TD_FORECAST_PLAYS 8u

/* Orders beside those for a step. */
#define TD_FORECAST_UNIVERSE 254u
#define TD_FORECAST_WAIT 255u

enum td_forecast_rule {
    TD_FORECAST_DIRECTED,
    TD_FORECAST_CRITICAL_PATH,
    TD_FORECAST_FAR_END, /* from the end of the dependency order; doubles a build sooner than wait
                          */
    TD_FORECAST_UNIVERSE_AT_ONCE,
};
#define TD_FORECAST_RULES 4u

/* A peer as a play begins with it, and what does not change in a play. */
struct td_forecast_peer {
    /* By step: held; and in the peer's variant published, being built, of its own, touched in part.
     */
    uint64_t held, published, building, own, partial;
    uint32_t artifacts[TD_FORECAST_STEPS]; /* of the steps in `own` */
    td_peer peer;
    uint32_t pace; /* time that a build takes, in 1024ths of the estimate */
    bool read_only, touches;
    /* What it is at: an order (TD_FORECAST_WAIT: none), and of that a step or the universe's rest.
     */
    uint8_t order, current;
    bool builds;
    td_time begun, length; /* from now on; as expected */
};

struct td_forecast {
    uint32_t steps, peers;
    uint32_t asking; /* of peers */
    bool vary;
    td_time since; /* the first of the peers came */
    uint64_t all;
    td_time overhead, rest_build, rest_fetch;
    td_time build[TD_FORECAST_STEPS], fetch[TD_FORECAST_STEPS];
    uint64_t before[TD_FORECAST_STEPS];  /* directly */
    uint64_t closure[TD_FORECAST_STEPS]; /* the step and all before it */
    uint8_t dependency_order[TD_FORECAST_STEPS];
    uint8_t priority[TD_FORECAST_RULES][TD_FORECAST_STEPS];
    /* Of the artifacts that somebody's partial build starts from: published, or being built. */
    uint64_t untouched, untouched_building;
    bool rest;                                       /* is published */
    struct td_forecast_peer peer[TD_FORECAST_PEERS]; /* in the scenario's order */
};

struct td_forecast_end {
    td_time last; /* from now until all have ended */
    td_time sum;  /* of all peers' times */
};

/* False if the cohort is larger than a forecast. Cost: a look at each step of each peer. */
bool td_forecast_look(struct td_forecast *forecast, const struct td_view *view);

/* What the rule orders the asking peer now: a step, or one of the above. */
uint32_t td_forecast_order(const struct td_forecast *forecast, enum td_forecast_rule rule);

/* Plays on until all have ended. False if they never do, or not within `limit` from now. Cost: for
 * each step of each peer an event, which looks at all peers. */
bool td_forecast_play(const struct td_forecast *forecast, enum td_forecast_rule rule, uint32_t play,
                      td_time limit, struct td_forecast_end *end);

/* When the first of the running tasks is expected to end, from now; TD_TIME_MAX if none runs. */
td_time td_forecast_next(const struct td_forecast *forecast);

#endif
