/* weighing: plays the cohort forward under a few simple rules, by the estimates, and orders what
 * the rule orders by which all end soonest. */
#include "policies/directed.h"
#include "policies/forecast.h"
#include "policies/registry.h"

/* Of the end of all, beside the mean of all ends: what cannot help the last may help the others. */
#define WEIGHT_OF_LAST 8

/* Thousandths by which a rule must be better than another to be followed instead; more where times
 * vary, since less can be foreseen. A build that is one too many can be given up when another
 * publishes; the universe cannot be taken back, least of all where others are building already what
 * it would build. */
struct margin {
    int64_t exact, vary;
};
static const struct margin margins[TD_FORECAST_RULES] = {
    [TD_FORECAST_DIRECTED] = {0, 0},
    [TD_FORECAST_CRITICAL_PATH] = {4, 12},
    [TD_FORECAST_FAR_END] = {10, 20},
    [TD_FORECAST_UNIVERSE_AT_ONCE] = {10, 30},
};
static const struct margin universe_once_more = {20, 60};

/* One part in so many of its time is what a peer that is alone pays for invocations of their own,
 * so that whoever comes later finds something to share. */
#define SHARE_OF_HOPE 50

#define MOST_WORK 256u /* peers times steps that are played as often as there is luck for */

static uint32_t plays(const struct td_forecast *forecast)
{
    uint32_t count = forecast->vary ? TD_FORECAST_PLAYS : 1;
    while (count > 2 && forecast->peers * forecast->steps * count > MOST_WORK * TD_FORECAST_PLAYS)
        count /= 2;
    return count;
}

static int64_t margin_of(const struct td_forecast *forecast, enum td_forecast_rule rule)
{
    const struct td_forecast_peer *asking = &forecast->peer[forecast->asking];
    const struct margin *margin = &margins[rule];
    if (rule == TD_FORECAST_UNIVERSE_AT_ONCE) {
        if (forecast->peers == 1) return 0; /* has hoped enough */
        if ((asking->building & ~(asking->held | asking->published)) != 0)
            margin = &universe_once_more;
    }
    return forecast->vary ? margin->vary : margin->exact;
}

/* True for a peer that is alone as long as one more invocation than the universe's own, beside
 * those for what it holds, is a small part of the time that it would have taken without them. */
static bool hopes_for_others(const struct td_forecast *forecast)
{
    const struct td_forecast_peer *alone = &forecast->peer[0];
    struct td_forecast_end end;
    if (forecast->peers > 1 ||
        !td_forecast_play(forecast, TD_FORECAST_UNIVERSE_AT_ONCE, 0, TD_TIME_MAX, &end))
        return false;
    td_sum invocation = (td_sum)forecast->overhead * alone->pace / 1024;
    td_sum paid = invocation * __builtin_popcountll(alone->held);
    return (paid + invocation) * SHARE_OF_HOPE <= end.last + forecast->since - paid;
}

/* True, and a new `best`, if the rule is better than that by its margin. */
static bool is_better(const struct td_forecast *forecast, enum td_forecast_rule rule, td_sum *best)
{
    td_sum cost = 0;
    for (uint32_t play = 0; play < plays(forecast); play++) {
        struct td_forecast_end end;
        td_sum limit = (*best - cost) / WEIGHT_OF_LAST; /* beyond it, the rule is not the best */
        if (!td_forecast_play(forecast, rule, play,
                              limit < TD_TIME_MAX ? (td_time)limit : TD_TIME_MAX, &end))
            return false;
        cost += (td_sum)WEIGHT_OF_LAST * end.last + end.sum / (td_time)forecast->peers;
    }
    cost += cost * margin_of(forecast, rule) / 1000;
    if (cost >= *best) return false;
    *best = cost;
    return true;
}

/* The order of the best rule, or TD_FORECAST_WAIT. */
static uint32_t weigh(const struct td_forecast *forecast)
{
    td_sum best = (td_sum)TD_TIME_MAX * TD_TIME_MAX;
    uint32_t order = TD_FORECAST_WAIT;
    for (uint32_t i = 0; i < TD_FORECAST_RULES; i++) {
        enum td_forecast_rule rule = (enum td_forecast_rule)i;
        if (rule == TD_FORECAST_UNIVERSE_AT_ONCE && hopes_for_others(forecast)) continue;
        if (is_better(forecast, rule, &best)) order = td_forecast_order(forecast, rule);
    }
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
 * since its invocation began to build: before that it will find, and fetch, what is published by
 * itself. One that is overdue is expected to take as long again. */
static bool gives_way(const struct td_view *view)
{
    td_peer me = td_view_asking(view);
    const struct td_peer_view mine = td_view_peer(view, me);
    td_time overhead = td_view_overhead_estimate(view);
    td_time begun = mine.progress == mine.since ? mine.since + overhead : mine.progress;
    if (td_view_now(view) < begun) return false;
    uint32_t count;
    const td_step *before = td_view_prerequisites(view, mine.order, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!td_view_peer_holds(view, me, before[i])) return false;

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
