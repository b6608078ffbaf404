/* The simulated world: virtual time, and the loop over what happens next. */
#include "base/block.h"
#include "sim/world_internal.h"

#define PREFETCH_FROM 4096 /* peers; measured: below it the records stay in the cache */
#define BUNDLES_UP_TO 64   /* peers; measured: with more they cost in the cache what they save */
#define GUESS_FROM 16      /* steps; measured: below it too many guesses are wrong */
#define AHEAD_FROM 16      /* steps; measured: with fewer there are too few fetches in a row */
#define AT_END_UP_TO 64    /* peers; measured: with more that costs what it saves */
#define TURNS 0x10000u     /* after so many it is asked whether to go on */
#define VAIN_WAITS 1000u   /* in a row, and two a peer: then it is asked whether anything runs */

/* True if the world has to know itself what a peer holds. */
static bool needs_held(const struct td_plan *plan)
{
    return plan->closure != NULL || plan->leaves || plan->pipelines > 0;
}

static bool has_few_peers(const struct td_plan *plan)
{
    return plan->scenario->peer_count <= BUNDLES_UP_TO && td_draw_bundle_is_there();
}

/* True if a peer draws its fetches in bundles; its builds. */
static bool bundles_fetches(const struct td_plan *plan)
{
    return has_few_peers(plan) && plan->exponential;
}

static bool bundles_builds(const struct td_plan *plan)
{
    return bundles_fetches(plan) && plan->steps < TD_DRAW_BUNDLE; /* of many it builds only a few */
}

static bool bundles_create(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    uint32_t peers = plan->scenario->peer_count;
    struct td_bundle **of = world->bundles;
    if (bundles_builds(plan)) of[TD_DRAW_BUILD] = td_block_alloc(peers, sizeof(struct td_bundle));
    if (bundles_fetches(plan)) of[TD_DRAW_FETCH] = td_block_alloc(peers, sizeof(struct td_bundle));
    return (!bundles_builds(plan) || of[TD_DRAW_BUILD] != NULL) &&
           (!bundles_fetches(plan) || of[TD_DRAW_FETCH] != NULL);
}

static bool is_exponential(const struct td_dist *dist)
{
    return dist->kind == TD_DIST_EXPONENTIAL;
}

/* All draws of builds and fetches that a replication can need, if they are few. */
static bool lanes_create(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_step *rest = &plan->step[plan->steps];
    uint32_t peers = plan->scenario->peer_count;
    if (!bundles_builds(plan)) return true;
    world->lanes_each = plan->steps + (is_exponential(rest->build) || is_exponential(rest->fetch));
    uint32_t draws = 2 * peers * world->lanes_each;
    uint32_t count = (draws + TD_DRAW_BUNDLE - 1) / TD_DRAW_BUNDLE * TD_DRAW_BUNDLE;
    world->drawn = calloc(count + TD_DRAW_BUNDLE, sizeof *world->drawn); /* the last as a whole */
    if (world->drawn == NULL || !td_lanes_create(&world->lanes, world->draw.seed, count))
        return false;
    for (uint32_t i = 0; i < draws; i++) {
        enum td_purpose purpose = i / world->lanes_each < peers ? TD_DRAW_BUILD : TD_DRAW_FETCH;
        const struct td_draw draw =
            draw_for(world, i / world->lanes_each % peers, i % world->lanes_each, purpose);
        td_lanes_set(&world->lanes, i, &draw);
    }
    return true;
}

size_t td_world_bytes_per_peer(const struct td_plan *plan)
{
    /* its record here and in the engine, its arrival, its leaf of the queue */
    size_t kept = sizeof(struct sim_peer) + td_engine_bytes_per_peer(plan->steps) +
                  sizeof(td_time) + sizeof(uint64_t);
    return kept + sizeof(struct run) + sizeof(uint64_t) + /* its inner node */
           (needs_held(plan) ? plan->words * sizeof(uint64_t) : 0) +
           (bundles_builds(plan) + bundles_fetches(plan)) * sizeof(struct td_bundle) +
           (bundles_builds(plan) ? 2 * (plan->steps + (size_t)1) * TD_LANE_BYTES : 0) +
           (td_opening_is_kept(plan) ? kept : 0);
}

static bool caches_create(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    size_t words = plan->cohorts * (size_t)plan->words, cells = plan->cohorts * (size_t)plan->steps;
    world->caches = calloc(plan->cohorts, sizeof *world->caches);
    world->cache_bits = malloc(words * sizeof(uint64_t));
    if (plan->broken) world->broken_bits = malloc(words * sizeof(uint64_t));
    if (plan->parts) world->cache_parts = malloc(cells * sizeof(uint16_t));
    if (world->caches == NULL || world->cache_bits == NULL ||
        (plan->broken && world->broken_bits == NULL) || (plan->parts && world->cache_parts == NULL))
        return false;
    for (uint32_t i = 0; i < plan->cohorts; i++) {
        world->caches[i].published = world->cache_bits + i * (size_t)plan->words;
        if (plan->broken) world->caches[i].broken = world->broken_bits + i * (size_t)plan->words;
        if (plan->parts) world->caches[i].parts = world->cache_parts + i * (size_t)plan->steps;
    }
    return true;
}

/* What only some scenarios need. */
static bool extras_create(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    uint32_t peers = plan->scenario->peer_count;
    size_t cells = (size_t)peers * plan->steps;
    bool away = plan->leaves || plan->pipelines > 0;
    if (needs_held(plan)) world->held = td_block_alloc(peers, plan->words * sizeof(uint64_t));
    if (plan->parts) world->held_parts = malloc(cells * sizeof(uint16_t));
    if (plan->refetches) world->own_parts = malloc(cells * sizeof(uint16_t));
    if (plan->flaky) world->attempts = malloc(cells * sizeof(uint16_t));
    if (plan->factors) world->factors = malloc(plan->steps * sizeof(double));
    if (plan->leaves) world->departs = malloc(peers * sizeof(td_time));
    if (away) world->absent = malloc(peers * sizeof(td_time));
    if (plan->slow) world->slow = malloc(peers * sizeof *world->slow);
    return (!needs_held(plan) || world->held != NULL) && (!away || world->absent != NULL) &&
           (!plan->parts || world->held_parts != NULL) &&
           (!plan->refetches || world->own_parts != NULL) &&
           (!plan->flaky || world->attempts != NULL) &&
           (!plan->factors || world->factors != NULL) &&
           (!plan->leaves || world->departs != NULL) && (!plan->slow || world->slow != NULL);
}

struct td_engine *td_world_engine_create(struct td_world *world, struct td_error *error)
{
    const struct td_plan *plan = world->plan;
    const struct td_engine_options options = {.retries = plan->scenario->retries,
                                              .patience = plan->scenario->patience,
                                              .learn = plan->scenario->learned};
    const struct td_event open = {
        .kind = TD_EVENT_SCHEMA, .at = INT64_MIN, .schema = {.id = 0, .spec = &plan->schema}};
    struct td_engine *engine = td_engine_create(world->policy, &options, error);
    if (engine != NULL && td_engine_apply(engine, &open, 1, &world->commands, error) == 1 &&
        td_engine_expect(engine, plan->scenario->peer_count, error))
        return engine;
    td_engine_destroy(engine);
    return NULL;
}

static enum looks_ahead how_to_look_ahead(const struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    if (!td_ahead_is_possible(plan, world->policy)) return LOOKS_AHEAD_NEVER;
    if (!world->queue.flat && plan->steps >= AHEAD_FROM) return LOOKS_AHEAD_ALWAYS;
    return plan->scenario->peer_count <= AT_END_UP_TO ? LOOKS_AHEAD_AT_END : LOOKS_AHEAD_NEVER;
}

struct td_world *td_world_create(const struct td_plan *plan, const struct td_policy *policy,
                                 uint64_t seed, struct td_error *error)
{
    uint32_t peers = plan->scenario->peer_count;
    struct td_world *world = calloc(1, sizeof *world);
    if (world == NULL) {
        td_error_memory(error, "a simulated world");
        return NULL;
    }
    world->plan = plan;
    world->policy = policy;
    world->draw.seed = seed;
    world->prefetch = peers > PREFETCH_FROM;
    world->guesses = !has_few_peers(plan) && plan->steps >= GUESS_FROM;
    world->peers = td_block_alloc(peers, sizeof *world->peers);
    world->runs = calloc(peers, sizeof *world->runs);
    world->arrivals = malloc(peers * sizeof(td_time));
    world->successor = malloc((plan->steps + (size_t)1) * sizeof *world->successor);
    if (world->peers == NULL || world->runs == NULL || world->arrivals == NULL ||
        world->successor == NULL || !bundles_create(world) || !lanes_create(world) ||
        !caches_create(world) || !extras_create(world) || !td_pipelines_create(world)) {
        td_error_memory(error, "a simulated world");
        goto fail;
    }
    for (uint32_t at = 0; at <= plan->steps; at++)
        world->successor[at] = NOTHING;
    world->engine = td_world_engine_create(world, error);
    if (world->engine == NULL ||
        !td_queue_create(&world->queue, peers,
                         plan->leaves || plan->pipelines > 0 || policy->gives_way != NULL, error) ||
        !td_opening_create(world, error))
        goto fail;
    world->looks_ahead = how_to_look_ahead(world);
    return world;
fail:
    td_world_destroy(world);
    return NULL;
}

void td_world_destroy(struct td_world *world)
{
    if (world == NULL) return;
    td_engine_destroy(world->engine);
    td_commands_free(&world->commands);
    td_queue_destroy(&world->queue);
    free(world->peers);
    free(world->runs);
    free(world->held);
    free(world->caches);
    free(world->cache_bits);
    free(world->broken_bits);
    free(world->cache_parts);
    free(world->held_parts);
    free(world->own_parts);
    free(world->attempts);
    free(world->factors);
    free(world->slow);
    free(world->departs);
    free(world->absent);
    td_pipelines_destroy(world);
    free(world->arrivals);
    free(world->bundles[TD_DRAW_BUILD]);
    free(world->bundles[TD_DRAW_FETCH]);
    td_lanes_destroy(&world->lanes);
    free(world->drawn);
    free(world->successor);
    free(world->builders.next);
    td_opening_destroy(world->opening);
    free(world);
}

__attribute__((noinline)) double td_world_sample(const struct td_world *world,
                                                 const struct td_dist *dist, td_peer peer,
                                                 uint32_t step, enum td_purpose purpose)
{
    const struct td_draw draw = draw_for(world, peer, step, purpose);
    return td_sample(dist, &draw);
}

uint64_t td_world_late(const struct td_world *world)
{
    td_error_set(world->error, TD_FAULT_RUN,
                 "a time passes 146 years in replication %u under %s: shorten the durations",
                 world->draw.replication, world->policy->name);
    return NEXT_FAILED;
}

static bool stuck(const struct td_world *world)
{
    uint32_t peers = world->plan->scenario->peer_count;
    return td_error_set(world->error, TD_FAULT_RUN,
                        "policy %s lets %u of %u peers wait for ever in replication %u, with "
                        "nothing running: mend the policy",
                        world->policy->name, peers - world->ended, peers, world->draw.replication);
}

/* True if somebody has an order, or has yet to come or to leave. */
static bool is_running(const struct td_world *world)
{
    for (td_peer peer = 0; peer < world->plan->scenario->peer_count; peer++) {
        const struct sim_peer *who = peer_at(world, peer);
        if (who->ended) continue;
        if (who->order != 0 || !who->present) return true;
        if (group_of(world, who)->leaves != NULL && !who->left) return true;
    }
    return false;
}

uint64_t td_world_ask_at(struct td_world *world, td_peer peer, td_time until)
{
    if (++world->vain > VAIN_WAITS + 2 * world->plan->scenario->peer_count) {
        world->vain = 0;
        if (!is_running(world)) {
            (void)stuck(world);
            return NEXT_FAILED;
        }
    }
    return td_queue_key(&world->queue, until, TD_CLASS_START, peer);
}

void td_world_record(const struct td_world *world, td_peer peer, td_time since, uint32_t step,
                     enum td_interval_kind kind, enum td_interval_outcome outcome)
{
    if (world->recorder->interval == NULL) return;
    const struct td_interval interval = {.start = since,
                                         .end = world->now,
                                         .peer = peer,
                                         .step = step,
                                         .kind = (uint8_t)kind,
                                         .outcome = (uint8_t)outcome};
    world->recorder->interval(world->recorder->context, &interval);
}

void td_world_wake(struct td_world *world)
{
    /* many at once: set the leaves and build the tree anew, instead of replaying a path for each */
    bool many = world->commands.count > world->queue.leaves / 16 && world->commands.count > 4;
    for (size_t i = 0; i < world->commands.count; i++) {
        const struct td_command *command = &world->commands.items[i];
        enum td_class class = TD_CLASS_START;
        if (command->kind == TD_COMMAND_ABORT) {
            peer_at(world, command->peer)->aborted = true;
            class = TD_CLASS_DEPARTURE; /* aborts take effect with the departures of the instant */
        } else if (command->kind != TD_COMMAND_WAKE) {
            continue;
        }
        uint64_t key = td_queue_key(&world->queue, world->now, class, command->peer);
        uint32_t leaf = td_queue_leaf(&world->queue, class, command->peer);
        if (many)
            td_queue_set_leaf(&world->queue, leaf, key);
        else
            td_queue_set(&world->queue, leaf, key);
        world->woken = true;
    }
    if (many) td_queue_rebuild(&world->queue);
}

/* Tells the engine; what it wants done is in world->commands. */
bool td_world_tell(struct td_world *world, const struct td_event *events, size_t count)
{
    world->commands.count = 0;
    return td_engine_apply(world->engine, events, count, &world->commands, world->error) == count;
}

static inline uint64_t handle(struct td_world *world, uint64_t key, td_peer peer)
{
    if (td_key_is_completion(&world->queue, key)) return td_task_complete(world, peer);
    enum td_class class = td_key_class(&world->queue, key);
    if (class == TD_CLASS_START) return td_task_start(world, peer);
    return class == TD_CLASS_ARRIVAL ? td_presence_arrive(world, peer)
                                     : td_presence_depart(world, peer);
}

/* With many peers their records are out of the cache when their turn comes; that of the peer that
 * is next among a 64th of all will be needed soon, one of the next 64 or so. With few peers it only
 * costs time. */
static void prefetch(const struct td_world *world, uint64_t key)
{
    if (key == TD_KEY_NONE) return;
    td_peer peer = td_key_place(&world->queue, key);
    __builtin_prefetch(peer_at(world, peer), 1);
    td_engine_prefetch(world->engine, peer);
    td_queue_prefetch(&world->queue, peer);
}

static bool end_of_patience(struct td_world *world)
{
    atomic_ullong *finished = world->finished;
    const atomic_bool *stop = world->stop;
    world->alone = 0;
    if (finished != NULL) {
        /* a change that starts again has not ended any more */
        uint64_t before = atomic_load_explicit(finished, memory_order_relaxed);
        atomic_store_explicit(finished, before + world->ended - world->told, memory_order_relaxed);
        world->told = world->ended;
    }
    if (stop == NULL || !atomic_load_explicit(stop, memory_order_relaxed)) return false;
    td_error_set(world->error, TD_FAULT_INTERRUPT, "interrupted");
    return true;
}

/* The next event of all, when the one at hand is over and what follows it has been set. In a flat
 * queue that is the next of the others, which is known without waiting for what follows. */
static inline uint64_t next_event(struct td_world *world)
{
    bool known = world->queue.flat && !td_queue_is_far(&world->queue, world->others);
    return known ? world->others : td_queue_top(&world->queue);
}

bool td_world_why_failed(const struct td_world *world)
{
    if (world->error == NULL || world->error->fault != TD_FAULT_NONE) return false;
    return td_error_memory(world->error, "the event queue");
}

/* A peer that goes alone has taken many steps, and somebody wants it to stop. */
static bool is_stopped(struct td_world *world)
{
    return world->alone >= TURNS && end_of_patience(world);
}

/* True if the peer has gone past its event, and others', alone; *key is then the next one of all,
 * or NEXT_FAILED. Else it is the peer's turn. */
static bool goes_alone(struct td_world *world, enum looks_ahead ahead, td_peer peer, uint64_t *key)
{
    struct td_queue *queue = &world->queue;
    uint64_t next = ahead == LOOKS_AHEAD_ALWAYS ? td_ahead_before(world, peer, *key)
                                                : td_ahead_alone(world, peer, *key);
    if (next == *key) return false;
    *key = NEXT_FAILED;
    if (next == NEXT_FAILED || is_stopped(world)) return true;
    td_queue_set(queue, peer, next);
    if (world->prefetch) prefetch(world, td_queue_rival(queue, peer));
    *key = td_queue_top(queue);
    return true;
}

/* The same after its turn; what comes next for it, or NEXT_FAILED. */
static uint64_t goes_on_alone(struct td_world *world, enum looks_ahead ahead, td_peer peer,
                              uint64_t key)
{
    key = ahead == LOOKS_AHEAD_ALWAYS ? td_ahead_after(world, peer, key)
                                      : td_ahead_alone(world, peer, key);
    return is_stopped(world) ? NEXT_FAILED : key;
}

/* A number that is 0 when peers may go on alone. */
static const uint64_t *keeps_from_looking_ahead(const struct td_world *world,
                                                enum looks_ahead ahead)
{
    static const uint64_t at_once = 0, never = 1;
    if (ahead == LOOKS_AHEAD_AT_END) return &world->unpublished;
    return ahead == LOOKS_AHEAD_ALWAYS ? &at_once : &never;
}

bool td_world_run(struct td_world *world, uint32_t replication, const struct td_recorder *recorder,
                  const atomic_bool *stop, atomic_ullong *finished, struct td_run_record *record,
                  struct td_error *error)
{
    struct td_queue *queue = &world->queue;
    enum looks_ahead ahead = world->looks_ahead;
    uint32_t turns = 0;
    uint64_t key;

    bool rows = recorder != NULL && recorder->interval != NULL;
    if (rows && ahead == LOOKS_AHEAD_AT_END) ahead = LOOKS_AHEAD_NEVER;
    const uint64_t *obstacles = keeps_from_looking_ahead(world, ahead);
    world->recorder = recorder;
    world->record = record;
    world->error = error;
    world->stop = stop;
    world->finished = finished;
    world->told = 0;
    if (error != NULL) error->fault = TD_FAULT_NONE;
    if (!td_replication_begin(world, replication)) return false;
    key = td_queue_top(queue);
    while (key != TD_KEY_NONE) {
        td_peer peer = td_key_place(queue, key);
        uint32_t leaf = td_queue_leaf_of(queue, key);
        if (*obstacles == 0 && goes_alone(world, ahead, peer, &key)) {
            if (key == NEXT_FAILED) return td_world_why_failed(world);
            continue;
        }
        world->others = td_queue_next_of_others(queue, leaf, key);
        world->woken = false;
        /* What the peer does next it does at once, unless something else comes before. */
        do {
            world->now = td_key_time(queue, key);
            world->key = key;
            key = handle(world, key, peer);
            if (world->woken) world->others = td_queue_top_of_others(queue, leaf);
            if (++turns % TURNS == 0 && end_of_patience(world)) return false;
        } while (key < world->others && !td_queue_is_far(queue, key));
        if (*obstacles == 0) key = goes_on_alone(world, ahead, peer, key);
        if (__builtin_expect(key == NEXT_FAILED, 0)) return td_world_why_failed(world);
        td_queue_set(queue, leaf, key);
        if (world->prefetch) prefetch(world, td_queue_rival(queue, leaf));
        key = next_event(world);
    }
    if (world->ended != world->plan->scenario->peer_count) return stuck(world);
    if (end_of_patience(world)) return false;
    td_replication_end(world);
    return true;
}
