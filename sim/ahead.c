/* A look ahead, as in conservative parallel simulation (Chandy and Misra, "Distributed simulation",
 * 1979). Where nothing is ready, nobody sees what the others fetch until a build ends. So a peer
 * that fetches goes on alone, past earlier events of others, up to the first time at which anything
 * happens to somebody who builds. Nothing comes out otherwise but the order of rows in tasks.csv,
 * in which each peer's are still in order.
 *
 * With few peers or few steps it is not worth while to know these times, and peers go on alone only
 * when every step is published, and only if nobody wants rows: these stay in the order of time. */
#include "sim/world_internal.h"

bool td_ahead_is_possible(const struct td_plan *plan, const struct td_policy *policy)
{
    /* who leaves may do so before the end of what it fetches, or give up what it builds */
    return plan->plain && !plan->leaves && (policy->needs & TD_NEEDS_STEPS_ONLY) != 0 &&
           policy->gives_way == NULL;
}

/* The times of those who build are a heap: the parent of i is (i - 1) / 2. */
static bool add(struct td_world *world, td_time at)
{
    struct builders *builders = &world->builders;
    if (builders->count == builders->capacity) {
        uint32_t capacity = 2 * builders->capacity + 64;
        td_time *next = realloc(builders->next, capacity * sizeof *next);
        if (next == NULL) return false;
        builders->next = next;
        builders->capacity = capacity;
    }
    uint32_t i = builders->count++;
    for (; i > 0 && builders->next[(i - 1) / 2] > at; i = (i - 1) / 2)
        builders->next[i] = builders->next[(i - 1) / 2];
    builders->next[i] = at;
    return true;
}

static void remove_first(struct builders *builders)
{
    td_time *next = builders->next, last = next[--builders->count];
    uint32_t i = 0;
    for (uint32_t child = 1; child < builders->count; child = 2 * i + 1) {
        child += child + 1 < builders->count && next[child + 1] < next[child];
        if (next[child] >= last) break;
        next[i] = next[child];
        i = child;
    }
    next[i] = last;
}

/* True if the peer lacks more than what it is at. */
static inline bool lacks_more(const struct td_world *world, const struct sim_peer *who)
{
    return who->builds + who->fetches + 1 < world->plan->steps;
}

/* The same for a peer that fetches. */
static inline bool fetches_more(const struct td_world *world, const struct sim_peer *who)
{
    bool fetches = who->task == TASK_FETCH || who->task == TASK_OVERHEAD;
    return fetches && !who->builder && who->order_step != TD_UNIVERSE && lacks_more(world, who);
}

static inline bool is_builder(const struct sim_peer *who)
{
    return who->builder && who->order != 0;
}

bool td_ahead_enter(struct td_world *world, td_peer peer, uint64_t key)
{
    const struct td_queue *queue = &world->queue;
    if (!is_builder(peer_at(world, peer))) return true;
    bool far = td_queue_is_far(queue, key);
    return add(world, far ? queue->far[peer] : td_key_time(queue, key));
}

/* Draws of neighbouring steps: the peer's own, or those of the peer that looks ahead. */
static struct td_bundle *bundle_of(struct td_world *world, td_peer peer)
{
    if (world->bundles[TD_DRAW_FETCH] != NULL) return &world->bundles[TD_DRAW_FETCH][peer];
    if (!td_draw_bundle_is_there()) return NULL;
    if (world->ahead_of != peer) world->ahead_bundle.first = TD_NO_BUNDLE;
    world->ahead_of = peer;
    return &world->ahead_bundle;
}

/* The peer reaches the step of its order, or one that comes before it: all that is published. */
__attribute__((always_inline)) static inline uint64_t
begin_fetch(struct td_world *world, td_peer peer, struct sim_peer *who, struct td_bundle *bundle,
            td_time now)
{
    const struct td_plan *plan = world->plan;
    td_step step = who->order_step;
    uint32_t at = plan->position[step];
    if (plan->closure != NULL) {
        at = td_task_next_artifact(world, peer);
        step = plan->order[at];
    }
    const struct td_dist *dist = plan->step[at].fetch;
    const struct td_draw draw = draw_for(world, peer, step, TD_DRAW_FETCH);
    double length;
    if (bundle == NULL || !td_sample_bundled(dist, &draw, bundle, &length))
        length = td_world_sample(world, dist, peer, step, TD_DRAW_FETCH);
    who->at = at;
    who->since = now;
    who->task = who->run = TASK_FETCH;
    td_time end = now + td_round_ns(length);
    if (__builtin_expect(end > TD_TIME_MAX, 0)) return td_world_late(world);
    return td_queue_key(&world->queue, end, TD_CLASS_COMPLETION, peer);
}

/* The fetch at hand ends, and if the next order is to fetch, too, that begins; what comes next for
 * the peer, or NEXT_NONE: it has to be done in turn. */
static inline uint64_t end_fetch(struct td_world *world, td_peer peer, struct sim_peer *who,
                                 struct td_bundle *bundle, td_time now)
{
    const struct td_fetch next = td_engine_ahead_fetched(world->engine, now);
    if (next.step == TD_NO_STEP) return NEXT_NONE;
    if (__builtin_expect(world->recorder != NULL, 0)) {
        world->now = now;
        td_world_interval(world, peer, who->since, who->order_step, TD_KIND_FETCH, TD_TASK_OK);
    }
    if (world->held != NULL) bit_set(held_of(world, peer), who->at);
    world->record->events++;
    who->busy += now - who->since;
    who->fetches++;
    who->order = next.order;
    who->order_step = next.step;
    if (!world->plan->overhead) return begin_fetch(world, peer, who, bundle, now);
    world->now = now;
    return td_task_begin_overhead(world, peer);
}

/* An overhead ends, and the fetch begins. */
__attribute__((noinline)) static uint64_t end_overhead(struct td_world *world, td_peer peer,
                                                       struct sim_peer *who,
                                                       struct td_bundle *bundle, td_time now)
{
    world->now = now;
    td_task_end_overhead(world, peer);
    return begin_fetch(world, peer, who, bundle, now);
}

/* It has to be a peer that fetches more. */
__attribute__((noinline)) static uint64_t go_alone(struct td_world *world, td_peer peer,
                                                   uint64_t key)
{
    const struct td_queue *queue = &world->queue;
    const struct td_plan *plan = world->plan;
    const struct builders *builders = &world->builders;
    struct sim_peer *who = peer_at(world, peer);
    uint64_t end =
        builders->count == 0 ? queue->far_key : td_queue_first_key(queue, builders->next[0]);
    if (key >= end || !td_engine_ahead_begin(world->engine, peer)) return key;

    struct td_bundle *bundle = bundle_of(world, peer);
    do {
        uint64_t next;
        if (who->task == TASK_FETCH) {
            if (plan->order[who->at] != who->order_step) break; /* something that comes before it */
            next = end_fetch(world, peer, who, bundle, td_key_time(queue, key));
            if (next == NEXT_NONE) break;
        } else {
            next = end_overhead(world, peer, who, bundle, td_key_time(queue, key));
        }
        key = next;
        world->alone++;
    } while (key < end && lacks_more(world, who));
    return key;
}

uint64_t td_ahead_alone(struct td_world *world, td_peer peer, uint64_t key)
{
    return fetches_more(world, peer_at(world, peer)) ? go_alone(world, peer, key) : key;
}

uint64_t td_ahead_before(struct td_world *world, td_peer peer, uint64_t key)
{
    struct builders *builders = &world->builders;
    if (!is_builder(peer_at(world, peer))) return td_ahead_alone(world, peer, key);
    TD_ASSERT(builders->count > 0 && builders->next[0] == td_key_time(&world->queue, key));
    remove_first(builders);
    return key;
}

uint64_t td_ahead_after(struct td_world *world, td_peer peer, uint64_t key)
{
    if (key >= NEXT_FAILED) return key;
    if (!is_builder(peer_at(world, peer))) return td_ahead_alone(world, peer, key);
    return td_ahead_enter(world, peer, key) ? key : NEXT_FAILED;
}
