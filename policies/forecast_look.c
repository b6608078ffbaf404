/* A forecast's beginning: the cohort as the view shows it. */
#include "policies/forecast.h"

#define LONGEST (INT64_C(1) << 46) /* 19 hours; no estimate counts as longer */
#define USUAL_PACE INT64_C(1024)
#define SLOWEST_PACE INT64_C(16384)
#define FASTEST_PACE INT64_C(64)

static uint64_t bit(uint32_t step)
{
    return UINT64_C(1) << step % TD_FORECAST_STEPS;
}

static td_time clamp(td_time time)
{
    return time < LONGEST ? time : LONGEST;
}

static void look_at_steps(struct td_forecast *forecast, const struct td_view *view)
{
    for (td_step step = 0; step < forecast->steps; step++) {
        uint32_t count;
        const td_step *before = td_view_prerequisites(view, step, &count);
        forecast->build[step] = clamp(td_view_estimate(view, step));
        forecast->fetch[step] = clamp(td_view_fetch_estimate(view, step));
        forecast->dependency_order[step] = (uint8_t)td_view_in_dependency_order(view, step);
        forecast->before[step] = 0;
        for (uint32_t i = 0; i < count; i++)
            forecast->before[step] |= bit(before[i]);
    }
    for (uint32_t i = 0; i < forecast->steps; i++) {
        uint32_t step = forecast->dependency_order[i];
        forecast->closure[step] = bit(step);
        for (uint64_t before = forecast->before[step]; before != 0; before &= before - 1)
            forecast->closure[step] |= forecast->closure[__builtin_ctzll(before)];
    }
    forecast->overhead = clamp(td_view_overhead_estimate(view));
    forecast->rest_build = clamp(td_view_rest_estimate(view, true));
    forecast->rest_fetch = clamp(td_view_rest_estimate(view, false));
    forecast->rest = td_view_rest_is_published(view);
    forecast->vary = td_view_times_vary(view);
}

/* The longest chain of builds that begins with the step, highest first. */
static void rank_by_critical_path(const struct td_forecast *forecast, uint8_t *priority)
{
    td_time chain[TD_FORECAST_STEPS] = {0};
    for (uint32_t i = forecast->steps; i-- > 0;) {
        uint32_t step = forecast->dependency_order[i];
        chain[step] += forecast->build[step];
        for (uint64_t before = forecast->before[step]; before != 0; before &= before - 1) {
            uint32_t earlier = (uint32_t)__builtin_ctzll(before);
            if (chain[step] > chain[earlier]) chain[earlier] = chain[step];
        }
    }
    for (uint32_t i = 0; i < forecast->steps; i++) {
        uint32_t at = i;
        for (; at > 0 && chain[priority[at - 1]] < chain[i]; at--)
            priority[at] = priority[at - 1];
        priority[at] = (uint8_t)i;
    }
}

static void rank(struct td_forecast *forecast)
{
    for (uint32_t i = 0; i < forecast->steps; i++) {
        forecast->priority[TD_FORECAST_DIRECTED][i] = (uint8_t)i;
        forecast->priority[TD_FORECAST_FAR_END][i] =
            forecast->dependency_order[forecast->steps - 1 - i];
    }
    rank_by_critical_path(forecast, forecast->priority[TD_FORECAST_CRITICAL_PATH]);
}

static void look_at_artifacts(struct td_forecast *forecast, const struct td_view *view,
                              struct td_forecast_peer *peer)
{
    for (td_step step = 0; step < forecast->steps; step++) {
        uint32_t artifact = td_view_artifact(view, peer->peer, step);
        if (td_view_peer_holds(view, peer->peer, step)) peer->held |= bit(step);
        if (td_view_is_published(view, artifact)) peer->published |= bit(step);
        if (td_view_builders(view, artifact) != 0) peer->building |= bit(step);
        if (artifact < forecast->steps) continue;
        uint32_t start = td_view_artifact_before(view, peer->peer, step);
        peer->own |= bit(step);
        peer->artifacts[step] = artifact;
        if (start == TD_NO_ARTIFACT) continue;
        peer->partial |= bit(step);
        if (td_view_is_published(view, start)) forecast->untouched |= bit(step);
        if (td_view_builders(view, start) != 0) forecast->untouched_building |= bit(step);
    }
}

/* Which part of its order the peer must be at, since when, and whether it builds or fetches it: not
 * known, but what has been published meanwhile, and how long it has been at it, say enough. */
static void look_at_order(const struct td_forecast *forecast, const struct td_view *view,
                          const struct td_peer_view *seen, struct td_forecast_peer *peer)
{
    bool universe = seen->order == TD_UNIVERSE;
    uint64_t lacking = (universe ? forecast->all : forecast->closure[seen->order]) & ~peer->held;
    td_time build = forecast->rest_build, fetch = forecast->rest_fetch;
    bool there = forecast->rest && !peer->touches;

    peer->order = universe ? TD_FORECAST_UNIVERSE : (uint8_t)seen->order;
    peer->current = TD_FORECAST_UNIVERSE;
    for (uint32_t i = 0; lacking != 0 && peer->current == TD_FORECAST_UNIVERSE; i++)
        if ((lacking & bit(forecast->dependency_order[i])) != 0)
            peer->current = forecast->dependency_order[i];
    if (peer->current != TD_FORECAST_UNIVERSE) {
        build = forecast->build[peer->current];
        fetch = forecast->fetch[peer->current];
        there = (peer->published & bit(peer->current)) != 0 &&
                !(seen->builds && peer->current == seen->order);
        if ((peer->partial & forecast->untouched & bit(peer->current)) != 0)
            build = fetch + build / 2; /* its fraction is not known */
    }
    peer->begun = seen->progress - td_view_now(view);
    if (seen->progress == seen->since) peer->begun += forecast->overhead;
    peer->builds = !there || -peer->begun > fetch;
    peer->length = peer->builds ? build : fetch;
}

/* The time that a build takes beside its estimate: as with the peer's builds so far, and one more
 * as expected unless times are exact and it has shown its speed; a build that is late by that
 * counts as it stands. */
static uint32_t pace_of(const struct td_forecast *forecast, const struct td_peer_view *seen,
                        const struct td_forecast_peer *peer)
{
    td_time mean = 0, took = seen->took, expected = seen->expected, length = peer->length;
    for (uint32_t step = 0; step < forecast->steps; step++)
        mean += forecast->build[step] / forecast->steps;
    for (; took > LONGEST || expected > LONGEST; took >>= 1)
        expected >>= 1;
    bool known = !forecast->vary && took > 0 && expected > 0;
    if (known) length = clamp(length * (took * USUAL_PACE / expected) / USUAL_PACE);
    bool late = peer->order != TD_FORECAST_WAIT && peer->builds &&
                peer->current != TD_FORECAST_UNIVERSE && -peer->begun > length;
    if (known && late) took = expected = 0;
    if (!known) {
        took += mean;
        expected += mean;
    }
    if (late) {
        took += clamp(-peer->begun);
        expected += peer->length;
    }
    td_time pace = USUAL_PACE;
    if (took > 0 && expected > 0) pace = took * USUAL_PACE / expected;
    if (pace > SLOWEST_PACE) pace = SLOWEST_PACE;
    return (uint32_t)(pace < FASTEST_PACE ? FASTEST_PACE : pace);
}

static void look_at_peer(struct td_forecast *forecast, const struct td_view *view,
                         struct td_forecast_peer *peer)
{
    const struct td_peer_view seen = td_view_peer(view, peer->peer);
    td_time since = clamp(td_view_now(view) - seen.joined);
    if (since > forecast->since) forecast->since = since;
    peer->held = peer->published = peer->building = peer->own = peer->partial = 0;
    peer->read_only = seen.read_only;
    peer->touches = seen.touches;
    peer->order = peer->current = TD_FORECAST_WAIT;
    look_at_artifacts(forecast, view, peer);
    if (seen.order != TD_NO_STEP) look_at_order(forecast, view, &seen, peer);
    peer->pace = pace_of(forecast, &seen, peer);
    if (seen.order == TD_NO_STEP) return;
    if (peer->builds) peer->length = peer->length * peer->pace / USUAL_PACE;
    if (seen.progress == seen.since)
        peer->begun += forecast->overhead * peer->pace / USUAL_PACE - forecast->overhead;
}

bool td_forecast_look(struct td_forecast *forecast, const struct td_view *view)
{
    forecast->steps = td_view_step_count(view);
    forecast->peers = 0;
    forecast->since = 0;
    forecast->untouched = forecast->untouched_building = 0;
    if (forecast->steps > TD_FORECAST_STEPS) return false;
    for (td_peer next = td_view_next_peer(view, TD_NO_PEER); next != TD_NO_PEER;
         next = td_view_next_peer(view, next)) {
        if (forecast->peers == TD_FORECAST_PEERS) return false;
        uint32_t at = forecast->peers++;
        for (; at > 0 && forecast->peer[at - 1].peer > next; at--)
            forecast->peer[at].peer = forecast->peer[at - 1].peer;
        forecast->peer[at].peer = next;
    }
    forecast->all = ~UINT64_C(0) >> (TD_FORECAST_STEPS - forecast->steps);
    look_at_steps(forecast, view);
    rank(forecast);
    for (uint32_t i = 0; i < forecast->peers; i++) {
        look_at_peer(forecast, view, &forecast->peer[i]);
        if (forecast->peer[i].peer == td_view_asking(view)) forecast->asking = i;
    }
    return true;
}
