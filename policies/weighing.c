/* weighing: plays the cohort forward under a few simple rules, by the estimates, and orders what
 * the rule orders by which all end soonest. */
#include "policies/directed.h"
#include "policies/forecast.h"
#include "policies/registry.h"

/* Of the end of all, beside the mean of all ends: what cannot help the last may help the others. */
#define WEIGHT_OF_LAST 8

/* Thousandths by which a rule must be better than another to be followed instead. To build the same
 * twice, or everything in one invocation, cannot be taken back: a small gain is not worth it. */
static const int64_t margins[TD_FORECAST_RULES] = {
    [TD_FORECAST_DIRECTED] = 0,
    [TD_FORECAST_CRITICAL_PATH] = 4,
    [TD_FORECAST_FAR_END] = 10,
    [TD_FORECAST_UNIVERSE_AT_ONCE] = 10,
};
#define MARGIN_ALONE 50 /* of the universe, for one that is alone: others may come */

#define MOST_WORK 256u /* peers times steps that are played as often as there is luck for */

static uint32_t plays(const struct td_forecast *forecast)
{
    uint32_t count = forecast->vary ? TD_FORECAST_PLAYS : 1;
    while (count > 2 && forecast->peers * forecast->steps * count > MOST_WORK * TD_FORECAST_PLAYS)
        count /= 2;
    return count;
}

/* True, and a new `best`, if the rule is better than that by its margin. */
static bool is_better(const struct td_forecast *forecast, enum td_forecast_rule rule, td_sum *best)
{
    int64_t margin = margins[rule];
    if (forecast->vary) margin *= 3; /* less can be foreseen */
    if (rule == TD_FORECAST_UNIVERSE_AT_ONCE && forecast->peers == 1) margin = MARGIN_ALONE;
    td_sum cost = 0;
    for (uint32_t play = 0; play < plays(forecast); play++) {
        struct td_forecast_end end;
        td_sum limit = (*best - cost) / WEIGHT_OF_LAST; /* beyond it, the rule is not the best */
        if (!td_forecast_play(forecast, rule, play,
                              limit < TD_TIME_MAX ? (td_time)limit : TD_TIME_MAX, &end))
            return false;
        cost += (td_sum)WEIGHT_OF_LAST * end.last + end.sum / (td_time)forecast->peers;
    }
    cost += cost * margin / 1000;
    if (cost >= *best) return false;
    *best = cost;
    return true;
}

/* The order of the best rule, or TD_FORECAST_WAIT. */
static uint32_t weigh(const struct td_forecast *forecast)
{
    td_sum best = (td_sum)TD_TIME_MAX * TD_TIME_MAX;
    uint32_t order = TD_FORECAST_WAIT;
    for (uint32_t rule = 0; rule < TD_FORECAST_RULES; rule++)
        if (is_better(forecast, (enum td_forecast_rule)rule, &best))
            order = td_forecast_order(forecast, (enum td_forecast_rule)rule);
    return order;
}

/* What is known to be broken is what the forecasts know nothing of. */
static bool lacks_what_is_broken(const struct td_view *view)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        if (td_view_is_broken(view, td_view_artifact(view, td_view_asking(view), step)))
            return true;
    return false;
}

static struct td_choice choose(const struct td_view *view)
{
    struct td_forecast forecast;
    if (td_view_holds_all(view) || !td_forecast_look(&forecast, view) || lacks_what_is_broken(view))
        return td_directed_choose(view);

    const struct td_forecast_peer *asking = &forecast.peer[forecast.asking];
    if ((forecast.all & ~(asking->held | asking->published)) == 0)
        return (struct td_choice){
            .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_ALL_PUBLISHED};
    uint32_t order = weigh(&forecast);
    if (order == TD_FORECAST_UNIVERSE)
        return (struct td_choice){
            .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_SOONEST};
    if (order != TD_FORECAST_WAIT)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = order, .reason = TD_REASON_SOONEST};

    td_time next = td_forecast_next(&forecast);
    if (next == TD_TIME_MAX) return td_directed_choose(view);
    /* what is late by an eighth is looked at again */
    return (struct td_choice){.kind = TD_CHOOSE_WAIT,
                              .step = TD_NO_STEP,
                              .reason = TD_REASON_OTHERS_BUILD,
                              .until = td_view_now(view) + next + next / 8 + 1};
}

/* What is left of the peer's build takes longer than a fetch of what another has published. It has
 * been at it since its last result within the order, a prerequisite that it had to get first, or
 * since its invocation began to build. One that is overdue is expected to take as long again. */
static bool gives_way(const struct td_view *view)
{
    const struct td_peer_view mine = td_view_peer(view, td_view_asking(view));
    td_time overhead = td_view_overhead_estimate(view);
    td_time begun = mine.progress == mine.since ? mine.since + overhead : mine.progress;
    td_sum build = td_view_estimate(view, mine.order), elapsed = td_view_now(view) - begun;
    if (mine.expected > 0) build = build * mine.took / mine.expected;
    td_sum left = build > elapsed ? build - elapsed : elapsed;
    return left > (td_sum)td_view_fetch_estimate(view, mine.order) + overhead;
}

const struct td_policy td_policy_weighing = {
    .abi = TD_POLICY_ABI,
    .name = "weighing",
    .summary = "weighs building, fetching and waiting by forecasts, and follows the soonest end",
    .wake = TD_WAKE_ALL, /* whatever changes can change what is soonest */
    .needs = TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES,
    .choose = choose,
    .gives_way = gives_way,
};
