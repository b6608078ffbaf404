/* Who is there: arrivals, departures, returns, ends. */
#include "sim/world_internal.h"

static bool tell_step(struct td_world *world, td_peer peer, enum td_event_kind kind, uint32_t at,
                      uint64_t digest)
{
    struct td_event event = {.kind = kind, .at = world->now, .peer = peer};
    if (kind == TD_EVENT_HOLDS) {
        event.holds.step = world->plan->order[at];
    } else {
        event.variant.step = world->plan->order[at];
        event.variant.digest = digest;
    }
    return td_world_tell(world, &event, 1);
}

/* In an independent pipeline nobody else has this peer's change: its number is digest enough. */
static bool tell_own_variants(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_group *group = group_of(world, peer_at(world, peer));
    for (uint32_t at = 0; group->private != NULL && at < plan->steps; at++) {
        if (!bit_get(group->private, at)) continue;
        if (!tell_step(world, peer, TD_EVENT_VARIANT, at, (uint64_t)peer + 1) ||
            (group->fraction[at] < 1 && !tell_step(world, peer, TD_EVENT_START, at, 0)))
            return false;
    }
    return true;
}

/* In a dependent one a list of changes settles a variant; it can start from those of the shorter
 * lists that begin it, as far as that leaves less than a whole build. */
static bool tell_listed_variants(struct td_world *world, td_peer peer)
{
    for (uint32_t at = 0; at < world->plan->steps; at++) {
        uint32_t list = list_of(world, peer, at);
        if (list == 0) continue;
        if (!tell_step(world, peer, TD_EVENT_VARIANT, at, td_list_digest(list))) return false;
        double fraction = 0;
        while (list != 0) {
            fraction += td_list_fraction(world, list, at);
            if (td_fraction_is_whole(fraction)) break;
            list = world->queues->lists.items[list].parent;
            if (!tell_step(world, peer, TD_EVENT_START, at, td_list_digest(list))) return false;
        }
    }
    return true;
}

/* The engine hears of a peer and of what it holds from before. */
static bool join(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = group_of(world, who);
    bool queued = who->queued != QUEUED_NOT;
    const struct td_event event = {
        .kind = TD_EVENT_JOIN,
        .at = world->now,
        .peer = peer,
        .join = {.identity = group->identity,
                 .since = queued ? world->queues->line_since[peer] : world->now,
                 .ticket = queued ? world->queues->ticket[peer] : 0,
                 .read_only = !group->publishes,
                 .again = who->joined}};
    if (queued && !td_pipeline_take_lists(world, peer)) return false;
    if (!td_world_tell(world, &event, 1) ||
        !(queued ? tell_listed_variants(world, peer) : tell_own_variants(world, peer)))
        return false;
    for (uint32_t at = 0; who->joined && at < plan->steps; at++)
        if (bit_get(held_of(world, peer), at) && !tell_step(world, peer, TD_EVENT_HOLDS, at, 0))
            return false;
    who->joined = true;
    who->present = true;
    return true;
}

/* What it was ordered the engine takes back; others may have waited for that. */
static bool leave(struct td_world *world, td_peer peer)
{
    const struct td_event event = {.kind = TD_EVENT_LEFT, .at = world->now, .peer = peer};
    if (!td_world_tell(world, &event, 1)) return false;
    td_world_wake(world);
    return true;
}

/* A pending event of the peer, apart from the one that is at hand. */
static bool set_pending(struct td_world *world, td_peer peer, td_time at, enum td_class class)
{
    uint64_t key = td_queue_key(&world->queue, at, class, peer);
    if (key == TD_KEY_FAILED) return td_error_memory(world->error, "the event queue");
    td_queue_set(&world->queue, td_queue_leaf(&world->queue, class, peer), key);
    world->woken = true;
    return true;
}

static void clear_pending(struct td_world *world, td_peer peer, enum td_class class)
{
    td_queue_set(&world->queue, td_queue_leaf(&world->queue, class, peer), TD_KEY_NONE);
    world->woken = true;
}

/* It has not been here since its last change. */
static void was_absent(const struct td_world *world, td_peer peer)
{
    if (world->absent != NULL) world->absent[peer] += world->now - peer_at(world, peer)->since;
}

bool td_presence_enter(struct td_world *world, td_peer peer)
{
    was_absent(world, peer);
    return join(world, peer) && set_pending(world, peer, world->now, TD_CLASS_START);
}

bool td_presence_suspend(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    td_task_end_wait(world, peer);
    if (!leave(world, peer)) return false;
    clear_pending(world, peer, TD_CLASS_START);
    who->present = false;
    who->outside = false;
    who->since = world->now;
    return true;
}

bool td_presence_restart(struct td_world *world, td_peer peer)
{
    peer_at(world, peer)->outside = false;
    return leave(world, peer) && join(world, peer) &&
           set_pending(world, peer, world->now, TD_CLASS_START);
}

void td_presence_stay(struct td_world *world, td_peer peer)
{
    if (world->departs == NULL) return;
    world->departs[peer] = NEVER;
    clear_pending(world, peer, TD_CLASS_DEPARTURE);
}

/* A time after now, not beyond the end of time; NEVER if it is. */
static td_time later(const struct td_world *world, const struct td_dist *dist, td_peer peer,
                     enum td_purpose purpose)
{
    td_time length = td_round_ns(td_world_sample(world, dist, peer, 0, purpose));
    return length > TD_TIME_MAX - world->now ? NEVER : world->now + length;
}

/* What is settled by a peer's first arrival: when it is slow, and when it leaves. */
static bool first_arrival(struct td_world *world, td_peer peer)
{
    const struct td_plan_group *group = group_of(world, peer_at(world, peer));
    if (group->slow != NULL) {
        td_time from = later(world, group->slow->after, peer, TD_DRAW_SLOW_AFTER);
        td_time length =
            td_round_ns(td_world_sample(world, group->slow->length, peer, 0, TD_DRAW_SLOW_FOR));
        world->slow[peer].from = from == NEVER ? TD_TIME_MAX : from;
        world->slow[peer].to = from == NEVER ? TD_TIME_MAX : from + length;
    }
    if (group->leaves == NULL) return true;
    td_time leaves = later(world, group->leaves, peer, TD_DRAW_LEAVES);
    world->departs[peer] = leaves;
    return leaves == NEVER /* it will have ended before */
           || set_pending(world, peer, leaves, TD_CLASS_DEPARTURE);
}

__attribute__((noinline)) uint64_t td_presence_arrive(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    if (!who->left) {
        who->since = world->now;
        if (!first_arrival(world, peer)) return NEXT_FAILED;
    }
    if (group_of(world, who)->pipeline != NOTHING) {
        if (!td_pipeline_join(world, peer)) return NEXT_FAILED;
        if (!td_pipeline_is_in_window(world, peer)) return NEXT_NONE;
    }
    was_absent(world, peer);
    return join(world, peer) ? start_now(world) : NEXT_FAILED;
}

uint64_t td_presence_end(struct td_world *world, td_peer peer, enum td_peer_outcome outcome)
{
    struct sim_peer *who = peer_at(world, peer);
    bool good = true;
    td_task_end_wait(world, peer);
    who->since = world->now;
    who->present = false;
    who->outside = false;
    who->ended = true;
    who->outcome = (uint8_t)outcome;
    world->ended++;
    if (who->queued == QUEUED_NOT) {
        if (!who->left) td_presence_stay(world, peer);
    } else if (outcome == TD_PEER_OK) {
        good = td_pipeline_complete(world, peer);
    } else { /* it leaves its queue with the departures of this instant */
        good = set_pending(world, peer, world->now, TD_CLASS_DEPARTURE);
    }
    return good ? NEXT_NONE : NEXT_FAILED;
}

void td_presence_lose(const struct td_world *world, td_peer peer, uint32_t at)
{
    bit_clear(held_of(world, peer), at);
    if (world->held_parts != NULL) world->held_parts[cell(world, peer, at)] = 0;
}

static void forget(const struct td_world *world, td_peer peer)
{
    for (uint32_t at = 0; at < world->plan->steps; at++)
        td_presence_lose(world, peer, at);
}

/* When the peer is due to leave; NEVER if it is not. */
static td_time departs_at(const struct td_world *world, td_peer peer)
{
    bool can = world->departs != NULL && group_of(world, peer_at(world, peer))->leaves != NULL;
    return can ? world->departs[peer] : NEVER;
}

/* What the engine wants aborted is given up, and the peer asks again. */
static bool abort_order(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_event event = {.kind = TD_EVENT_ENDED,
                                   .at = world->now,
                                   .peer = peer,
                                   .ended = {.order = who->order, .end = TD_END_ABORTED}};
    who->aborted = false;
    if (who->order == 0) return true; /* it has ended at this very instant */
    td_task_give_up(world, peer);
    if (!td_world_tell(world, &event, 1)) return false;
    td_world_wake(world);
    if (who->outside) return td_presence_suspend(world, peer);
    return set_pending(world, peer, world->now, TD_CLASS_START);
}

/* The events of the class DEPARTURE: a failed change leaves its queue, an order is aborted, or the
 * peer leaves. */
__attribute__((noinline)) uint64_t td_presence_depart(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = group_of(world, who);
    bool due = departs_at(world, peer) == world->now;
    if (who->ended && who->queued != QUEUED_NOT && who->outcome == TD_PEER_FAILED)
        return td_pipeline_leave(world, peer, true) ? NEXT_NONE : NEXT_FAILED;
    if (who->aborted && !due) {
        if (!abort_order(world, peer)) return NEXT_FAILED;
        td_time departs = departs_at(world, peer);
        return departs == NEVER ? NEXT_NONE
                                : td_queue_key(&world->queue, departs, TD_CLASS_DEPARTURE, peer);
    }
    if (!due) return NEXT_NONE;
    world->departs[peer] = NEVER;
    if (who->ended) return NEXT_NONE; /* who is complete does not leave */
    who->aborted = false;
    td_task_give_up(world, peer);
    td_task_end_wait(world, peer);
    if (!who->present)
        was_absent(world, peer);
    else if (!leave(world, peer))
        return NEXT_FAILED;
    who->left = true;
    who->present = false;
    who->outside = false;
    who->since = world->now;
    clear_pending(world, peer, TD_CLASS_START); /* whatever it was at */
    if (who->queued != QUEUED_NOT && !td_pipeline_leave(world, peer, false)) return NEXT_FAILED;

    td_time returns =
        group->returns == NULL ? NEVER : later(world, group->returns, peer, TD_DRAW_RETURNS);
    if (returns == NEVER) return td_presence_end(world, peer, TD_PEER_LEFT);
    if (!group->keeps) forget(world, peer);
    return set_pending(world, peer, returns, TD_CLASS_ARRIVAL) ? NEXT_NONE : NEXT_FAILED;
}
