/* How replications begin: with the first arrivals. Where nothing about these is left to chance, all
 * replications begin alike: the beginning of a world's second one is kept, and those that follow
 * start from a copy. It goes as far as the first orders, unless one of them can end at once. A
 * world with one replication has nothing of that. */
#include "sim/world_internal.h"

/* Peers, and words of steps: with more of either the beginning is too small a part of a replication
 * for what is kept of it. */
#define UP_TO 32
#define UP_TO_WORDS 1

bool td_opening_is_kept(const struct td_plan *plan)
{
    return plan->opens_alike && plan->scenario->peer_count <= UP_TO && plan->words <= UP_TO_WORDS;
}

bool td_opening_create(struct td_world *world, struct td_error *error)
{
    uint32_t peers = world->plan->scenario->peer_count;
    if (!td_opening_is_kept(world->plan) || (world->policy->needs & TD_NEEDS_LOTS) != 0)
        return true; /* without lots: those of each replication are others */
    struct opening *opening = calloc(1, sizeof *opening);
    if (opening == NULL) return td_error_memory(error, "a simulated world");
    world->opening = opening;
    opening->peers = malloc(peers * sizeof *opening->peers);
    opening->leaves = malloc(world->queue.leaves * sizeof *opening->leaves);
    opening->arrivals = malloc(peers * sizeof *opening->arrivals);
    if (opening->peers == NULL || opening->leaves == NULL || opening->arrivals == NULL)
        return td_error_memory(error, "a simulated world");
    opening->engine = td_world_engine_create(world, error);
    return opening->engine != NULL;
}

void td_opening_destroy(struct opening *opening)
{
    if (opening == NULL) return;
    td_engine_destroy(opening->engine);
    free(opening->peers);
    free(opening->leaves);
    free(opening->arrivals);
    free(opening);
}

/* Numbers for `random`, before anybody joins. */
static bool draw_lots(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    if ((world->policy->needs & TD_NEEDS_LOTS) == 0) return true;
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++)
        for (uint32_t step = 0; step < plan->steps; step++) {
            const struct td_draw draw = draw_for(world, cohort, step, TD_DRAW_LOT);
            const struct td_event lot = {.kind = TD_EVENT_LOT,
                                         .at = 0,
                                         .lot = {.identity = *plan->cohort_identity[cohort],
                                                 .step = step,
                                                 .number = td_sample_lot(&draw)}};
            if (!td_world_tell(world, &lot, 1)) return false;
        }
    return true;
}

/* Nobody is there yet. */
static bool begin_anew(struct td_world *world)
{
    const struct td_scenario *scenario = world->plan->scenario;
    td_engine_reset(world->engine);
    if (!td_scenario_arrivals(scenario, world->draw.seed, world->draw.replication, world->arrivals,
                              world->error) ||
        !draw_lots(world))
        return false;
    for (td_peer peer = 0; peer < scenario->peer_count; peer++) {
        struct sim_peer *who = peer_at(world, peer);
        *who = (struct sim_peer){
            .group = scenario->peers[peer].group, .at = NOTHING, .guess = NOTHING};
        uint64_t key = td_queue_key(&world->queue, world->arrivals[peer], TD_CLASS_ARRIVAL, peer);
        if (key == TD_KEY_FAILED) return td_error_memory(world->error, "the event queue");
        td_queue_set_leaf(&world->queue, peer, key);
    }
    return true;
}

/* True if the times of all arrivals are in their keys: what is beyond is kept apart, and changes.
 */
static bool are_near(const struct td_queue *queue, uint32_t peers)
{
    for (uint32_t leaf = 0; leaf < peers; leaf++)
        if (td_queue_is_far(queue, queue->leaf[leaf])) return false;
    return true;
}

static bool comes_first(const struct td_world *world, td_peer peer)
{
    return world->arrivals[peer] == world->opening->first;
}

/* Those who come at the very first instant do so: before anything else, in their order. */
static bool let_in(struct td_world *world)
{
    uint32_t peers = world->plan->scenario->peer_count;
    td_time *first = &world->opening->first;
    *first = world->arrivals[0];
    for (td_peer peer = 1; peer < peers; peer++)
        if (world->arrivals[peer] < *first) *first = world->arrivals[peer];
    for (td_peer peer = 0; peer < peers; peer++) {
        uint64_t key = world->queue.leaf[peer];
        if (!comes_first(world, peer)) continue;
        world->now = *first;
        world->key = key;
        key = td_presence_arrive(world, peer);
        if (key == NEXT_FAILED) return false;
        td_queue_set_leaf(&world->queue, peer, key);
    }
    return true;
}

static bool keep(struct td_world *world)
{
    struct opening *opening = world->opening;
    uint32_t peers = world->plan->scenario->peer_count;
    if (!td_engine_copy(opening->engine, world->engine, world->error)) return false;
    memcpy(opening->peers, world->peers, peers * sizeof *opening->peers);
    memcpy(opening->leaves, world->queue.leaf, world->queue.leaves * sizeof *opening->leaves);
    memcpy(opening->arrivals, world->arrivals, peers * sizeof *opening->arrivals);
    opening->waiting = world->waiting;
    opening->known = true;
    return true;
}

static bool restore(struct td_world *world)
{
    const struct opening *opening = world->opening;
    uint32_t peers = world->plan->scenario->peer_count;
    memcpy(world->peers, opening->peers, peers * sizeof *opening->peers);
    td_queue_restore(&world->queue, opening->leaves);
    memcpy(world->arrivals, opening->arrivals, peers * sizeof *opening->arrivals);
    world->waiting = opening->waiting;
    return td_engine_copy(world->engine, opening->engine, world->error);
}

/* Those who came first ask, in their order; what they are ordered is not begun. It is not alike
 * each time if it depends on more than the policy and the schema. */
static bool ask_all(struct td_world *world, bool *alike)
{
    struct td_queue *queue = &world->queue;
    *alike = true;
    for (td_peer peer = 0; *alike && peer < world->plan->scenario->peer_count; peer++) {
        if (!comes_first(world, peer)) continue;
        if (!td_task_ask(world, peer, alike)) return false;
        td_queue_set_leaf(queue, peer, TD_KEY_NONE);
    }
    return true;
}

/* They begin what they were ordered; *apart if nothing of it ends at the same instant, which others
 * who ask would see. */
static bool begin_orders(struct td_world *world, bool *apart)
{
    *apart = true;
    world->now = world->opening->first;
    for (td_peer peer = 0; peer < world->plan->scenario->peer_count; peer++) {
        if (!comes_first(world, peer) || peer_at(world, peer)->order == 0) continue;
        uint64_t key = td_task_begin(world, peer);
        if (key == NEXT_FAILED ||
            (world->looks_ahead == LOOKS_AHEAD_ALWAYS && !td_ahead_enter(world, peer, key)))
            return td_world_why_failed(world);
        td_queue_set_leaf(&world->queue, peer, key);
        if (!td_queue_is_far(&world->queue, key) &&
            td_key_time(&world->queue, key) == world->opening->first)
            *apart = false;
    }
    return true;
}

/* The first ones have arrived, and that is kept; if they have been asked before, and it is alike
 * each time, what they were ordered is, too. */
static bool let_in_and_keep(struct td_world *world)
{
    struct opening *opening = world->opening;
    bool alike;
    opening->asked = false;
    if (!let_in(world) || !keep(world)) return false;
    if (opening->hasty || world->attempts != NULL) return true; /* attempts are counted */
    if (!ask_all(world, &alike)) return false;
    opening->asked = alike;
    return alike ? keep(world) : restore(world);
}

bool td_opening_begin(struct td_world *world)
{
    struct td_queue *queue = &world->queue;
    struct opening *opening = world->opening;
    bool known = opening != NULL && opening->known, apart = true;
    if (known) {
        if (!restore(world)) return false;
    } else {
        td_queue_reset(queue);
        if (!begin_anew(world)) return false;
        bool first = opening != NULL && !opening->begun;
        if (first)
            opening->begun = true;
        else if (opening != NULL && are_near(queue, world->plan->scenario->peer_count) &&
                 !let_in_and_keep(world))
            return false;
    }
    if (opening != NULL && opening->asked && !begin_orders(world, &apart)) return false;
    if (!apart) { /* from now on each asks in its turn */
        opening->hasty = true;
        world->waiting = 0;
        world->builders.count = 0;
        td_queue_reset(queue);
        if (!begin_anew(world) || !let_in_and_keep(world)) return false;
    }
    td_queue_rebuild(queue);
    return true;
}
