/* Who is there: arrivals, departures, returns, ends. */
#include "sim/world_internal.h"

static bool join(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    const struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = group_of(world, who);
    const struct td_event event = {
        .kind = TD_EVENT_JOIN,
        .at = world->now,
        .peer = peer,
        .join = {.identity = group->identity,
                 .since = world->now,
                 .read_only = !group->publishes,
                 .again = who->left}};
    if (!td_world_tell(world, &event, 1)) return false;
    for (uint32_t at = 0; group->private != NULL && at < plan->steps; at++) {
        if (!bit_get(group->private, at)) continue;
        /* in an independent pipeline nobody else has this peer's change: its number is digest
         * enough */
        const struct td_event variant = {.kind = TD_EVENT_VARIANT,
                                         .at = world->now,
                                         .peer = peer,
                                         .variant = {.step = plan->order[at],
                                                     .digest = (uint64_t)peer + 1}};
        if (!td_world_tell(world, &variant, 1)) return false;
        const struct td_event start = {.kind = TD_EVENT_START,
                                       .at = world->now,
                                       .peer = peer,
                                       .variant = {.step = plan->order[at], .digest = 0}};
        if (group->fraction[at] < 1 && !td_world_tell(world, &start, 1)) return false;
    }
    for (uint32_t at = 0; who->left && at < plan->steps; at++) {
        if (!bit_get(who->held, at)) continue;
        const struct td_event holds = {.kind = TD_EVENT_HOLDS,
                                       .at = world->now,
                                       .peer = peer,
                                       .holds = {.step = plan->order[at]}};
        if (!td_world_tell(world, &holds, 1)) return false;
    }
    return true;
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
    if (leaves == NEVER) return true; /* it will have ended before */
    uint64_t key = td_queue_key(&world->queue, leaves, TD_CLASS_DEPARTURE, peer);
    if (key == TD_KEY_NONE) return td_error_memory(world->error, "the event queue");
    td_queue_set(&world->queue, td_queue_leaf(&world->queue, TD_CLASS_DEPARTURE, peer), key);
    world->woken = true;
    return true;
}

struct next td_presence_arrive(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    if (!join(world, peer) || (!who->left && !first_arrival(world, peer))) return NEXT_FAILED;
    if (who->left) who->absent += world->now - who->since;
    who->present = true;
    return start_now(world);
}

void td_presence_end(struct td_world *world, td_peer peer, enum td_peer_outcome outcome)
{
    struct sim_peer *who = peer_at(world, peer);
    td_task_end_wait(world, peer);
    who->since = world->now;
    who->present = false;
    who->ended = true;
    who->outcome = (uint8_t)outcome;
    world->ended++;
    if (group_of(world, who)->leaves == NULL || who->left) return;
    td_queue_set(&world->queue, td_queue_leaf(&world->queue, TD_CLASS_DEPARTURE, peer),
                 TD_KEY_NONE);
    world->woken = true;
}

static void forget(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);
    memset(who->held, 0, plan->words * sizeof(uint64_t));
    if (plan->steps % 64 != 0) who->held[plan->words - 1] = ~UINT64_C(0) << (plan->steps % 64);
    if (world->held_parts != NULL)
        memset(world->held_parts + (size_t)peer * plan->steps, 0, plan->steps * sizeof(uint16_t));
}

struct next td_presence_depart(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = group_of(world, who);
    TD_ASSERT(!who->ended);
    td_task_give_up(world, peer);
    if (who->present) {
        const struct td_event event = {.kind = TD_EVENT_LEFT, .at = world->now, .peer = peer};
        if (!td_world_tell(world, &event, 1)) return NEXT_FAILED;
        td_world_wake(world);
    }
    who->left = true;
    who->present = false;
    who->since = world->now;
    uint64_t key = TD_KEY_NONE;
    td_time returns =
        group->returns == NULL ? NEVER : later(world, group->returns, peer, TD_DRAW_RETURNS);
    if (returns == NEVER) {
        td_presence_end(world, peer, TD_PEER_LEFT);
    } else {
        if (!group->keeps) forget(world, peer);
        key = td_queue_key(&world->queue, returns, TD_CLASS_ARRIVAL, peer);
        if (key == TD_KEY_NONE) {
            td_error_memory(world->error, "the event queue");
            return NEXT_FAILED;
        }
    }
    td_queue_set(&world->queue, peer, key); /* whatever it was at */
    world->woken = true;
    return NEXT_NONE;
}
