/* The simulated world: what peers do with their orders (model, section 3), in virtual time. */
#include "sim/world.h"

#include "base/assert.h"
#include "engine/engine.h"
#include "sim/queue.h"
#include "workload/sampler.h"

#include <stdlib.h>
#include <string.h>

#define NOTHING UINT32_MAX
#define PREFETCH_FROM 4096 /* peers; measured: below it the records stay in the cache */

enum task { TASK_NONE, TASK_OVERHEAD, TASK_FETCH, TASK_BUILD };

struct sim_peer {
    td_order order; /* 0: none */
    td_time since;  /* begin of the task or the wait; the end of a peer that has ended */
    td_time arrival, busy, wait;
    uint32_t order_step; /* index in the schema, or TD_UNIVERSE */
    uint32_t at;         /* position of the artifact that the task is about; `steps` for the rest */
    uint32_t group;
    uint32_t builds, fetches;
    uint32_t fetched; /* position of its last fetch, or NOTHING */
    uint32_t guess;   /* position of the artifact whose fetch was sampled ahead, or NOTHING */
    double guess_ns;  /* its sample */
    uint8_t task;     /* enum task */
    bool waiting, done;
    uint64_t held[]; /* by position in dependency order */
};

/* What a cohort's remote cache has of the untouched variants. */
struct cache {
    bool rest;
    uint64_t *published; /* by position */
};

struct td_world {
    const struct td_plan *plan;
    struct td_engine *engine;
    const struct td_policy *policy;
    struct td_queue queue;
    struct td_commands commands;
    struct td_error *error; /* of the run that is on */
    char *peers;            /* records of `stride` bytes */
    size_t stride;
    struct cache *caches; /* by cohort */
    uint64_t *cache_bits;
    td_time *arrivals, *turnarounds;
    const struct td_recorder *recorder;
    struct td_run_record *record;
    struct td_draw draw; /* seed and replication of the run */
    td_time now;
    bool prefetch;
    uint32_t ended;      /* peers */
    uint64_t others;     /* the next event of all peers but the one at hand */
    bool woken;          /* somebody's event has changed besides that of the peer at hand */
    uint32_t *successor; /* position -> the position that somebody fetched after it, last time */
};

/* What comes next for a peer: a time, or one of these. */
#define NEVER ((td_time)-1)
#define FAILED ((td_time)-2)

struct next {
    td_time at;
    enum td_class class;
};

static const struct next NEXT_NONE = {.at = NEVER};
static const struct next NEXT_FAILED = {.at = FAILED};

static struct sim_peer *peer_at(const struct td_world *world, td_peer peer)
{
    return (struct sim_peer *)(void *)(world->peers + (size_t)peer * world->stride);
}

static bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static size_t peer_stride(const struct td_plan *plan)
{
    return sizeof(struct sim_peer) + plan->words * sizeof(uint64_t);
}

size_t td_world_bytes_per_peer(const struct td_plan *plan)
{
    /* its record here, its two times, its record in the engine, its two nodes of the queue */
    return peer_stride(plan) + 2 * sizeof(td_time) + td_engine_bytes_per_peer(plan->steps) +
           2 * sizeof(uint64_t);
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
    world->stride = peer_stride(plan);
    world->peers = malloc(peers * world->stride);
    world->caches = malloc(plan->cohorts * sizeof *world->caches);
    world->cache_bits = malloc(plan->cohorts * (size_t)plan->words * sizeof(uint64_t));
    world->arrivals = malloc(peers * sizeof(td_time));
    world->turnarounds = malloc(peers * sizeof(td_time));
    world->successor = malloc(plan->steps * sizeof *world->successor);
    if (world->peers == NULL || world->caches == NULL || world->cache_bits == NULL ||
        world->arrivals == NULL || world->turnarounds == NULL || world->successor == NULL) {

        td_error_memory(error, "a simulated world");
        goto fail;
    }
    for (uint32_t at = 0; at < plan->steps; at++)
        world->successor[at] = NOTHING;
    for (uint32_t i = 0; i < plan->cohorts; i++)
        world->caches[i].published = world->cache_bits + i * (size_t)plan->words;
    world->engine = td_engine_create(policy, error);
    if (world->engine == NULL || !td_queue_create(&world->queue, peers, error)) goto fail;

    const struct td_event open = {
        .kind = TD_EVENT_SCHEMA, .at = INT64_MIN, .schema = {.id = 0, .spec = &plan->schema}};
    if (td_engine_apply(world->engine, &open, 1, &world->commands, error) != 1 ||
        !td_engine_expect(world->engine, peers, error))
        goto fail;
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
    free(world->caches);
    free(world->cache_bits);
    free(world->arrivals);
    free(world->turnarounds);
    free(world->successor);
    free(world);
}

/* A task that ends `length` from now. */
static struct next end_after(const struct td_world *world, double length)
{
    td_time at = world->now + td_round_ns(length);
    if (__builtin_expect(at > TD_TIME_MAX, 0)) {
        td_error_set(world->error, TD_FAULT_RUN,
                     "a time passes 146 years in replication %u under %s: shorten the durations",
                     world->draw.replication, world->policy->name);
        return NEXT_FAILED;
    }
    return (struct next){.at = at, .class = TD_CLASS_COMPLETION};
}

/* A turn of the peer at this instant, after all that completes and arrives at it. */
static struct next start_now(const struct td_world *world)
{
    return (struct next){.at = world->now, .class = TD_CLASS_START};
}

static void record_interval(const struct td_world *world, td_peer peer, uint32_t step,
                            enum td_interval_kind kind, enum td_interval_outcome outcome)
{
    if (world->recorder == NULL || world->recorder->interval == NULL) return;
    const struct td_interval interval = {.start = peer_at(world, peer)->since,
                                         .end = world->now,
                                         .peer = peer,
                                         .step = step,
                                         .kind = (uint8_t)kind,
                                         .outcome = (uint8_t)outcome};
    world->recorder->interval(world->recorder->context, &interval);
}

static double sample(struct td_world *world, const struct td_dist *dist, td_peer peer,
                     uint32_t step, enum td_purpose purpose)
{
    struct td_draw draw = world->draw;
    draw.peer = peer;
    draw.step = step;
    draw.purpose = purpose;
    return td_sample(dist, &draw);
}

static void wake(struct td_world *world)
{
    /* many at once: set the leaves and build the tree anew, instead of replaying a path for each */
    bool many = world->commands.count > world->queue.leaves / 16 && world->commands.count > 4;
    for (size_t i = 0; i < world->commands.count; i++) {
        const struct td_command *command = &world->commands.items[i];
        if (command->kind != TD_COMMAND_WAKE) continue;
        uint64_t key = td_queue_key(&world->queue, world->now, TD_CLASS_START, command->peer);
        if (many)
            td_queue_set_leaf(&world->queue, command->peer, key);
        else
            td_queue_set(&world->queue, command->peer, key);
    }
    if (many) td_queue_rebuild(&world->queue);
    world->woken = true;
}

/* Tells the engine; what it wants done is in world->commands. */
static bool tell(struct td_world *world, const struct td_event *events, size_t count)
{
    world->commands.count = 0;
    return td_engine_apply(world->engine, events, count, &world->commands, world->error) == count;
}

/* Position of the next artifact of the peer's order; `steps` for the rest, NOTHING if it has all.
 */
static uint32_t next_artifact(const struct td_world *world, const struct sim_peer *who)
{
    const struct td_plan *plan = world->plan;
    const uint64_t *wanted = NULL;
    if (who->order_step != TD_UNIVERSE) {
        uint32_t at = plan->position[who->order_step];
        if (bit_get(who->held, at)) return NOTHING;
        if (plan->closure == NULL) return at;
        wanted = plan->closure + (size_t)who->order_step * plan->words;
    }
    for (uint32_t word = 0; word < plan->words; word++) {
        uint64_t bits = ~who->held[word] & (wanted == NULL ? ~UINT64_C(0) : wanted[word]);
        if (bits != 0) return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    TD_ASSERT(who->order_step == TD_UNIVERSE);
    return plan->steps;
}

/* The time of a fetch. A sample is ready only some 100 cycles after its draw began, and the next
 * event waits for it; so the one that the peer will probably need next is drawn now, while others
 * go on. Peers tend to fetch in the same order: the guess is what came after this artifact last
 * time. A wrong guess costs its draw, and changes nothing. */
static double fetch_time(struct td_world *world, td_peer peer, const uint64_t *published)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);
    uint32_t at = who->at;
    double length = who->guess == at
                        ? who->guess_ns
                        : sample(world, plan->fetch[at], peer, plan->order[at], TD_DRAW_FETCH);
    if (who->fetched != NOTHING) world->successor[who->fetched] = at;
    who->fetched = at;

    uint32_t guess = world->successor[at];
    if (guess != NOTHING && bit_get(who->held, guess)) guess = world->successor[guess];
    who->guess = NOTHING;
    if (guess == NOTHING || !bit_get(published, guess)) return length;
    who->guess = guess;
    who->guess_ns = sample(world, plan->fetch[guess], peer, plan->order[guess], TD_DRAW_FETCH);
    return length;
}

/* The peer reaches the next artifact of its order: it fetches what is published, and builds the
 * rest. */
static struct next begin_artifact(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = &plan->groups[who->group];
    const struct cache *cache = &world->caches[group->cohort];
    uint32_t at = next_artifact(world, who);
    bool rest = at == plan->steps;
    uint32_t step = plan->order[at];
    bool untouched_there = rest ? cache->rest : bit_get(cache->published, at);
    /* a peer that touches a step has a rest of its own, too */
    bool private = group->private != NULL && (rest || bit_get(group->private, at));
    double length;

    who->at = at;
    who->since = world->now;
    if (untouched_there && !private) {
        who->task = TASK_FETCH;
        length = rest ? sample(world, plan->fetch[at], peer, step, TD_DRAW_FETCH)
                      : fetch_time(world, peer, cache->published);
    } else {
        who->task = TASK_BUILD;
        length = sample(world, plan->build[at], peer, step, TD_DRAW_BUILD) / group->speed;
        if (private && !rest && untouched_there && group->fraction[at] < 1)
            length = sample(world, plan->fetch[at], peer, step, TD_DRAW_FETCH) +
                     length * group->fraction[at];
    }
    return end_after(world, length);
}

/* The engine has an order: the wait is over, and the invocation's overhead is paid first. */
static struct next begin_order(struct td_world *world, td_peer peer, const struct td_command *order)
{
    struct sim_peer *who = peer_at(world, peer);
    if (who->waiting) {
        who->waiting = false;
        who->wait += world->now - who->since;
        if (world->now > who->since)
            record_interval(world, peer, TD_RECORD_NO_STEP, TD_KIND_WAIT, TD_TASK_OK);
    }
    who->order = order->order;
    who->order_step = order->step;
    /* without overhead the first artifact is reached at once: nobody could come in between */
    if (!world->plan->overhead) return begin_artifact(world, peer);

    uint32_t step = order->step == TD_UNIVERSE ? world->plan->steps : order->step;
    double length = sample(world, world->plan->scenario->overhead, peer, step, TD_DRAW_OVERHEAD) /
                    world->plan->groups[who->group].speed;
    who->task = TASK_OVERHEAD;
    who->since = world->now;
    return end_after(world, length);
}

/* The engine's answer to ASK, the only command there is. */
static struct next on_answer(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_command *answer = &world->commands.items[0];
    if (answer->kind == TD_COMMAND_ORDER) return begin_order(world, peer, answer);
    TD_ASSERT(answer->kind == TD_COMMAND_WAIT);
    if (!who->waiting) {
        who->waiting = true;
        who->since = world->now;
    }
    return NEXT_NONE;
}

static struct next on_start(struct td_world *world, td_peer peer)
{
    if (peer_at(world, peer)->order != 0) return begin_artifact(world, peer);
    const struct td_event ask = {.kind = TD_EVENT_ASK, .at = world->now, .peer = peer};
    if (!tell(world, &ask, 1)) return NEXT_FAILED;
    return on_answer(world, peer);
}

static bool arrive(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_group *group = &plan->groups[plan->scenario->peers[peer].group];
    const struct td_event join = {.kind = TD_EVENT_JOIN,
                                  .at = world->now,
                                  .peer = peer,
                                  .join = {.identity = group->identity}};
    if (!tell(world, &join, 1)) return false;
    for (uint32_t at = 0; group->private != NULL && at < plan->steps; at++) {
        if (!bit_get(group->private, at)) continue;
        /* in an independent pipeline nobody else has this peer's change: its number is digest
         * enough */
        const struct td_event variant = {.kind = TD_EVENT_VARIANT,
                                         .at = world->now,
                                         .peer = peer,
                                         .variant = {.step = plan->order[at],
                                                     .digest = (uint64_t)peer + 1,
                                                     .partial = group->fraction[at] < 1}};
        if (!tell(world, &variant, 1)) return false;
    }
    return true;
}

static struct next on_arrival(struct td_world *world, td_peer peer)
{
    if (!arrive(world, peer)) return NEXT_FAILED;
    return start_now(world);
}

/* The peer has obtained an artifact: the cache and the counts. True if it was built and is
 * published now. */
static bool obtain(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *group = &plan->groups[who->group];
    struct cache *cache = &world->caches[group->cohort];
    bool rest = who->at == plan->steps, built = who->task == TASK_BUILD, duplicate = false;
    uint32_t step = rest ? TD_RECORD_REST : plan->order[who->at];

    if (rest) {
        if (built && group->private == NULL) cache->rest = true;
    } else {
        bit_set(who->held, who->at);
        if (built) {
            bool private = group->private != NULL && bit_get(group->private, who->at);
            duplicate = !private && bit_get(cache->published, who->at);
            if (!private) bit_set(cache->published, who->at);
            who->builds++;
            world->record->duplicate_builds += duplicate;
        } else {
            who->fetches++;
        }
    }
    record_interval(world, peer, step, built ? TD_KIND_BUILD : TD_KIND_FETCH,
                    duplicate ? TD_TASK_DUPLICATE : TD_TASK_OK);
    return built;
}

/* True if a peer whose fetch ends now asks next of all: a fetch wakes nobody (unless the policy has
 * everybody woken by everything), and no other event comes before. Then the engine is told both in
 * one go. */
static bool asks_at_once(struct td_world *world, td_peer peer)
{
    return world->policy->wake != TD_WAKE_ALL &&
           td_queue_key(&world->queue, world->now, TD_CLASS_START, peer) < world->others;
}

static struct next on_completion(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct sim_peer *who = peer_at(world, peer);

    who->busy += world->now - who->since;
    if (who->task == TASK_OVERHEAD) {
        if (world->now > who->since)
            record_interval(world, peer,
                            who->order_step == TD_UNIVERSE ? TD_RECORD_REST : who->order_step,
                            TD_KIND_OVERHEAD, TD_TASK_OK);
        who->task = TASK_NONE;
        return start_now(world);
    }

    bool built = obtain(world, peer), rest = who->at == plan->steps;
    uint32_t step = rest ? TD_UNIVERSE : plan->order[who->at];
    bool ended = step == who->order_step; /* its prerequisites come before it */
    struct td_event events[2];
    events[0].at = world->now;
    events[0].peer = peer;
    if (rest) {
        events[0].kind = TD_EVENT_ENDED;
        events[0].ended.order = who->order;
        events[0].ended.end = TD_END_OK;
    } else {
        events[0].kind = TD_EVENT_OBTAINED;
        events[0].obtained.order = who->order;
        events[0].obtained.step = step;
        events[0].obtained.built = events[0].obtained.published = built;
        events[0].obtained.last = ended;
    }
    if (ended) {
        world->record->events++;
        who->order = 0;
    }
    who->task = TASK_NONE;
    if (ended && !rest && !built && asks_at_once(world, peer)) {
        events[1].at = world->now;
        events[1].peer = peer;
        events[1].kind = TD_EVENT_ASK;
        return tell(world, events, 2) ? on_answer(world, peer) : NEXT_FAILED;
    }
    if (!tell(world, events, 1)) return NEXT_FAILED;
    if (world->commands.count > 0) wake(world);
    if (!ended || !rest) return start_now(world);
    who->since = world->now;
    who->done = true;
    world->ended++;
    return NEXT_NONE;
}

static struct next handle(struct td_world *world, enum td_class class, td_peer peer)
{
    switch (class) {
    case TD_CLASS_COMPLETION:
        return on_completion(world, peer);
    case TD_CLASS_ARRIVAL:
        return on_arrival(world, peer);
    case TD_CLASS_START:
        return on_start(world, peer);
    case TD_CLASS_DEPARTURE:
        break;
    }
    TD_ASSERT(class != TD_CLASS_DEPARTURE);
    return NEXT_FAILED;
}

/* Numbers for `random`, before anybody joins. */
static bool draw_lots(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    if ((world->policy->needs & TD_NEEDS_LOTS) == 0) return true;
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++)
        for (uint32_t step = 0; step < plan->steps; step++) {
            struct td_draw draw = world->draw;
            draw.peer = cohort;
            draw.step = step;
            draw.purpose = TD_DRAW_LOT;
            const struct td_event lot = {.kind = TD_EVENT_LOT,
                                         .at = 0,
                                         .lot = {.identity = *plan->cohort_identity[cohort],
                                                 .step = step,
                                                 .number = td_sample_lot(&draw)}};
            if (!tell(world, &lot, 1)) return false;
        }
    return true;
}

static bool begin_replication(struct td_world *world, uint32_t replication)
{
    const struct td_plan *plan = world->plan;
    const struct td_scenario *scenario = plan->scenario;
    world->draw.replication = replication;
    world->now = 0;
    world->ended = 0;
    *world->record = (struct td_run_record){0};
    td_engine_reset(world->engine);
    td_queue_reset(&world->queue);
    memset(world->cache_bits, 0, plan->cohorts * (size_t)plan->words * sizeof(uint64_t));
    for (uint32_t i = 0; i < plan->cohorts; i++)
        world->caches[i].rest = false;
    if (!td_scenario_arrivals(scenario, world->draw.seed, replication, world->arrivals,
                              world->error) ||
        !draw_lots(world))
        return false;
    for (td_peer peer = 0; peer < scenario->peer_count; peer++) {
        struct sim_peer *who = peer_at(world, peer);
        *who = (struct sim_peer){.group = scenario->peers[peer].group,
                                 .arrival = world->arrivals[peer],
                                 .fetched = NOTHING,
                                 .guess = NOTHING};
        memset(who->held, 0, plan->words * sizeof(uint64_t));
        if (plan->steps % 64 != 0) who->held[plan->words - 1] = ~UINT64_C(0) << (plan->steps % 64);
        uint64_t key = td_queue_key(&world->queue, who->arrival, TD_CLASS_ARRIVAL, peer);
        if (key == TD_KEY_NONE) return td_error_memory(world->error, "the event queue");
        td_queue_set_leaf(&world->queue, peer, key);
    }
    td_queue_rebuild(&world->queue);
    return true;
}

/* With many peers their records are out of the cache when their turn comes; the record of the peer
 * that is next among some 64 neighbours will be needed soon. With few it only costs time. */
static void prefetch(const struct td_world *world, uint64_t key)
{
    if (key == TD_KEY_NONE) return;
    td_peer peer = td_key_place(&world->queue, key);
    const char *record = (const char *)peer_at(world, peer);
    for (size_t at = 0; at < world->stride && at < 256; at += 64)
        __builtin_prefetch(record + at, 1);
    td_engine_prefetch(world->engine, peer);
}

static int by_time(const void *a, const void *b)
{
    td_time x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The replication's record from its peers, and the peers for the recorder. */
static void end_replication(struct td_world *world)
{
    uint32_t peers = world->plan->scenario->peer_count;
    struct td_run_record *record = world->record;
    td_sum turnaround = 0;
    td_time first = INT64_MAX, last = 0;

    for (td_peer peer = 0; peer < peers; peer++) {
        const struct sim_peer *who = peer_at(world, peer);
        const struct td_peer_record row = {.arrival = who->arrival,
                                           .completion = who->since,
                                           .busy = who->busy,
                                           .wait = who->wait,
                                           .builds = who->builds,
                                           .fetches = who->fetches,
                                           .outcome = TD_PEER_OK};
        if (world->recorder != NULL && world->recorder->peer != NULL)
            world->recorder->peer(world->recorder->context, peer, &row);
        if (who->arrival < first) first = who->arrival;
        if (who->since > last) last = who->since;
        world->turnarounds[peer] = who->since - who->arrival;
        turnaround += who->since - who->arrival;
        record->busy += who->busy;
        record->wait += who->wait;
        record->builds += who->builds;
        record->fetches += who->fetches;
    }
    qsort(world->turnarounds, peers, sizeof *world->turnarounds, by_time);
    record->makespan = last - first;
    record->machine = turnaround;
    TD_ASSERT(peers > 0);
    record->mean_turnaround = (td_time)((2 * turnaround + peers) / (2 * (td_sum)peers));
    record->p95_turnaround = world->turnarounds[((size_t)peers * 95 + 99) / 100 - 1];
    record->turnaround_known = true;
}

static bool end_of_patience(struct td_world *world, const atomic_bool *stop,
                            atomic_ullong *finished, uint32_t *told)
{
    if (finished != NULL) {
        atomic_fetch_add_explicit(finished, world->ended - *told, memory_order_relaxed);
        *told = world->ended;
    }
    if (stop == NULL || !atomic_load_explicit(stop, memory_order_relaxed)) return false;
    td_error_set(world->error, TD_FAULT_INTERRUPT, "interrupted");
    return true;
}

static bool stuck(struct td_world *world)
{
    uint32_t peers = world->plan->scenario->peer_count;
    return td_error_set(world->error, TD_FAULT_RUN,
                        "policy %s lets %u of %u peers wait for ever in replication %u, with "
                        "nothing running: mend the policy",
                        world->policy->name, peers - world->ended, peers, world->draw.replication);
}

bool td_world_run(struct td_world *world, uint32_t replication, const struct td_recorder *recorder,
                  const atomic_bool *stop, atomic_ullong *finished, struct td_run_record *record,
                  struct td_error *error)
{
    struct td_queue *queue = &world->queue;
    uint32_t told = 0, turns = 0;
    uint64_t key;

    world->recorder = recorder;
    world->record = record;
    world->error = error;
    if (!begin_replication(world, replication)) return false;
    while ((key = td_queue_top(queue)) != TD_KEY_NONE) {
        td_peer peer = td_key_place(queue, key);
        world->others = td_queue_top_of_others(queue, peer);
        world->woken = false;
        /* What the peer does next it does at once, unless something of somebody else comes before.
         */
        do {
            world->now = td_key_time(queue, key);
            struct next next = handle(world, td_key_class(queue, key), peer);
            if (next.at == FAILED) return false;
            key = TD_KEY_NONE;
            if (next.at != NEVER) {
                key = td_queue_key(queue, next.at, next.class, peer);
                if (key == TD_KEY_NONE) return td_error_memory(error, "the event queue");
            }
            if (world->woken) world->others = td_queue_top_of_others(queue, peer);
            if ((++turns & 0xffff) == 0 && end_of_patience(world, stop, finished, &told))
                return false;
        } while (key < world->others && !td_queue_is_far(queue, key));
        td_queue_set(queue, peer, key);
        if (world->prefetch) prefetch(world, td_queue_rival(queue, peer));
    }
    if (world->ended != world->plan->scenario->peer_count) return stuck(world);
    if (end_of_patience(world, stop, finished, &told)) return false;
    end_replication(world);
    return true;
}
