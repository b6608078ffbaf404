/* What has been observed of each peer: when it came, when its order began, how long its builds
 * took.
 */
#include "engine/engine_internal.h"

bool td_history_join(struct td_engine *engine, const struct td_event *event)
{
    if (!td_reserve(&engine->histories, &engine->history_capacity, event->peer + 1,
                    sizeof *engine->histories))
        return false;
    struct history *history = &engine->histories[event->peer];
    /* one that comes back is the same machine */
    if (!event->join.again) *history = (struct history){0};
    history->joined = history->since = history->progress = event->at;
    return true;
}

void td_history_order(struct td_engine *engine, td_peer peer, td_time at)
{
    struct history *history = &engine->histories[peer];
    history->since = history->progress = at;
}

void td_history_obtain(struct td_engine *engine, const struct td_event *event)
{
    struct cohort *cohort = &engine->cohorts[peer_at(engine, event->peer)->cohort];
    struct history *history = &engine->histories[event->peer];
    td_step step = event->obtained.step;
    td_time took = event->obtained.took;
    history->progress = event->at;
    if (!event->obtained.built && cohort->learns) td_learning_observe_fetch(cohort, step, took);

    const struct td_view view = {.engine = engine, .cohort = cohort};
    td_time expected = td_view_estimate(&view, step);
    /* nobody's builds fill 146 years; sums that would are left as they are */
    if (!event->obtained.whole || took < 0 || took > TD_TIME_MAX - history->took ||
        expected > TD_TIME_MAX - history->expected)
        return;
    history->took += took;
    history->expected += expected;
}

void td_history_free(struct td_engine *engine, td_peer peer, td_time at)
{
    engine->histories[peer].since = at;
}
