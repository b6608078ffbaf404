/* What peers do with their orders (model, sections 3 to 5): overheads, fetches, builds that go well
 * or fail. */
#include "sim/world_internal.h"

/* A task of the peer that ends `length` from now. */
static inline uint64_t end_after(struct td_world *world, td_peer peer, double length)
{
    td_time at = world->now + td_round_ns(length);
    if (__builtin_expect(at > TD_TIME_MAX, 0)) return td_world_late(world);
    return td_queue_key(&world->queue, at, TD_CLASS_COMPLETION, peer);
}

/* The first position of the order that the peer does not hold; `steps` for the rest. */
static uint32_t first_missing(const struct td_world *world, td_peer peer,
                              const struct sim_peer *who)
{
    const struct td_plan *plan = world->plan;
    if (world->held == NULL) { /* no step comes after another: the schema's order */
        td_step first = td_engine_first_missing(world->engine, peer);
        return first == TD_NO_STEP ? plan->steps : plan->position[first];
    }
    const uint64_t *held = held_of(world, peer);
    const uint64_t *wanted = NULL;
    if (who->order_step != TD_UNIVERSE && plan->closure != NULL)
        wanted = plan->closure + (size_t)who->order_step * plan->words;
    for (uint32_t word = 0; word < plan->words; word++) {
        uint64_t bits = ~held[word] & (wanted == NULL ? ~UINT64_C(0) : wanted[word]);
        if (bits != 0) return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    TD_ASSERT(who->order_step == TD_UNIVERSE);
    return plan->steps;
}

/* Position of the next artifact of the peer's order; `steps` for the rest. */
static inline uint32_t next_artifact(const struct td_world *world, td_peer peer,
                                     const struct sim_peer *who)
{
    if (who->order_step == TD_UNIVERSE || world->plan->closure != NULL)
        return first_missing(world, peer, who);
    return world->plan->position[who->order_step];
}

uint32_t td_task_next_artifact(const struct td_world *world, td_peer peer)
{
    return next_artifact(world, peer, peer_at(world, peer));
}

/* A published artifact can have left the cache. */
static inline bool hits(const struct td_world *world, td_peer peer, uint32_t at, uint32_t part)
{
    const struct td_plan *plan = world->plan;
    if (__builtin_expect(plan->step[at].hit_rate >= 1, 1)) return true;
    const struct td_draw draw =
        draw_for(world, peer, plan->order[at] + plan->steps * part, TD_DRAW_HIT);
    return td_sample_chance(plan->step[at].hit_rate, &draw);
}

static inline double speed_now(const struct td_world *world, td_peer peer,
                               const struct td_plan_group *group)
{
    if (__builtin_expect(world->slow == NULL || group->slow == NULL, 1)) return group->speed;
    bool slow = world->slow[peer].from <= world->now && world->now < world->slow[peer].to;
    return slow ? group->speed * group->slow->factor : group->speed;
}

/* A sample of a build or a fetch. In a world of few peers the draws of neighbouring steps are made
 * together: a peer needs most of them, and the next event does not wait for each. */
static inline double work_sample(const struct td_world *world, const struct td_dist *dist,
                                 td_peer peer, uint32_t step, enum td_purpose purpose)
{
    struct td_bundle *bundles = world->bundles[purpose];
    if (bundles != NULL) {
        const struct td_draw draw = draw_for(world, peer, step, purpose);
        double sample;
        if (td_sample_bundled(dist, &draw, &bundles[peer], &sample)) return sample;
    }
    if (dist->kind == TD_DIST_CONSTANT) return dist->parameter[0];
    return td_world_sample(world, dist, peer, step, purpose);
}

/* All draws of the replication, into the bundles. */
static void draw_at_once(const struct td_world *world)
{
    const uint64_t *from = world->drawn;
    td_lanes_draw(&world->lanes, world->draw.replication, world->drawn);
    for (enum td_purpose purpose = TD_DRAW_BUILD; purpose <= TD_DRAW_FETCH; purpose++) {
        struct td_bundle *bundle = world->bundles[purpose];
        struct td_bundle *end = bundle + world->plan->scenario->peer_count;
        /* a whole bundle is copied faster than a part, and what is behind is never asked for */
        for (; bundle < end; bundle++, from += world->lanes_each)
            memcpy(bundle->bits, from, sizeof bundle->bits);
    }
}

void td_task_begin_bundles(const struct td_world *world)
{
    struct td_bundle *bundles = world->bundles[TD_DRAW_FETCH];
    if (world->drawn != NULL)
        draw_at_once(world);
    else
        for (td_peer peer = 0; bundles != NULL && peer < world->plan->scenario->peer_count; peer++)
            bundles[peer].first = TD_NO_BUNDLE;
}

/* The time of a whole fetch. A sample is ready only some 100 cycles after its draw began, and the
 * next event waits for it; so the one that the peer will probably need next is drawn now, while
 * others go on. Peers tend to fetch in the same order: the guess is what came after this artifact
 * last time. A wrong guess costs its draw, and changes nothing. */
static inline double fetch_time(struct td_world *world, td_peer peer, struct sim_peer *who,
                                uint32_t before)
{
    const struct td_plan *plan = world->plan;
    uint32_t at = who->at;
    double length = who->guess == at ? who->guess_ns
                                     : td_world_sample(world, plan->step[at].fetch, peer,
                                                       plan->order[at], TD_DRAW_FETCH);
    if (before != NOTHING) world->successor[before] = at;

    uint32_t guess = world->successor[at];
    who->guess = NOTHING;
    if (guess == NOTHING || !bit_get(cache_of(world, who)->published, guess)) return length;
    who->guess = guess;
    who->guess_ns =
        td_world_sample(world, plan->step[guess].fetch, peer, plan->order[guess], TD_DRAW_FETCH);
    return length;
}

/* The build of one part: whole, or in part from the untouched one if that is there and can be had.
 */
static double build_length(struct td_world *world, td_peer peer, struct sim_peer *who, uint32_t at,
                           uint32_t part, bool missed)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_step *step = &plan->step[at];
    const struct td_plan_group *group = group_of(world, who);
    double length = work_sample(world, step->build, peer, plan->order[at], TD_DRAW_BUILD);
    if (world->factors != NULL && at < plan->steps) length *= world->factors[at];
    length = length / step->parts / speed_now(world, peer, group);

    double fraction;
    if (missed || !td_cache_start(world, peer, who, at, part, &fraction) ||
        !hits(world, peer, at, part))
        return length;
    who->whole = false;
    return work_sample(world, step->fetch, peer, plan->order[at], TD_DRAW_FETCH) / step->parts +
           length * fraction;
}

/* Whether a build that begins now will fail, and with which part it ends then. */
static void foresee(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_group *group = group_of(world, who);
    const struct cache *cache = &world->caches[group->cohort];
    struct run *run = &world->runs[peer];
    uint32_t at = who->at, step = plan->order[at];
    who->failure = FAILS_NOT;
    if (at == plan->steps) return;

    if (world->attempts != NULL) {
        uint32_t attempt = world->attempts[cell(world, peer, at)]++;
        const struct td_draw draw =
            draw_for(world, peer, step + plan->steps * attempt, TD_DRAW_FLAKY);
        if (td_sample_chance(plan->step[at].flaky, &draw)) who->failure = FAILS_FLAKY;
    }
    if (cache->broken != NULL && bit_get(cache->broken, at)) who->failure = FAILS_BROKEN;
    if (td_change_breaks(world, peer, at) || td_pipeline_breaks_ahead(world, peer, at))
        who->failure = FAILS_BROKEN;
    if (who->failure == FAILS_NOT) return;
    /* it takes the parts that are missing now, whatever is published meanwhile */
    run->fail_end = run->part + 1;
    while (run->fail_end < plan->step[at].parts &&
           !(td_cache_has(world, peer, who, at, run->fail_end) &&
             hits(world, peer, at, run->fail_end)))
        run->fail_end++;
}

/* The begin of the run: that of its task, unless steps have parts. */
static inline td_time run_since(const struct td_world *world, td_peer peer,
                                const struct sim_peer *who)
{
    return __builtin_expect(world->plan->parts, 0) ? world->runs[peer].since : who->since;
}

/* The run ends now, as a row and in the counts. */
static inline void end_run(struct td_world *world, td_peer peer, struct sim_peer *who,
                           enum td_interval_outcome outcome)
{
    const struct td_plan *plan = world->plan;
    bool rest = who->at == plan->steps, built = who->run == TASK_BUILD;
    if (outcome == TD_TASK_OK && built && who->duplicate) outcome = TD_TASK_DUPLICATE;
    if (outcome == TD_TASK_FAILED) {
        world->record->failures++;
    } else if (outcome != TD_TASK_ABORTED && !rest) {
        who->builds += built;
        who->fetches += !built;
        world->record->duplicate_builds += outcome == TD_TASK_DUPLICATE;
    }
    td_world_interval(world, peer, run_since(world, peer, who),
                      rest ? TD_RECORD_REST : plan->order[who->at],
                      built ? TD_KIND_BUILD : TD_KIND_FETCH, outcome);
    who->run = TASK_NONE;
    who->duplicate = false;
}

/* A whole build or fetch of an artifact that never fails. */
__attribute__((always_inline)) static inline uint64_t
begin_whole(struct td_world *world, td_peer peer, struct sim_peer *who, uint32_t at, bool build)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_step *step = &plan->step[at];
    uint32_t before = who->at;
    who->since = world->now;
    who->at = at;
    if (build) {
        who->task = who->run = TASK_BUILD;
        return end_after(world, peer,
                         work_sample(world, step->build, peer, plan->order[at], TD_DRAW_BUILD) /
                             group_of(world, who)->speed);
    }
    who->task = who->run = TASK_FETCH;
    if (world->guesses && at != plan->steps)
        return end_after(world, peer, fetch_time(world, peer, who, before));
    return end_after(world, peer,
                     work_sample(world, step->fetch, peer, plan->order[at], TD_DRAW_FETCH));
}

/* The same as below, where builds and fetches are whole and never fail. */
__attribute__((always_inline)) static inline uint64_t
begin_plain(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    const struct cache *cache = cache_of(world, who);
    uint32_t at = next_artifact(world, peer, who);
    bool rest = at == world->plan->steps;
    return begin_whole(world, peer, who, at, !(rest ? cache->rest : bit_get(cache->published, at)));
}

/* The peer reaches the next artifact of its order, or the next part of it: it fetches what is
 * published, and builds all else. */
__attribute__((noinline)) static uint64_t begin_any(struct td_world *world, td_peer peer,
                                                    struct sim_peer *who)
{
    const struct td_plan *plan = world->plan;
    struct run *run = &world->runs[peer];
    who->since = world->now;
    if (who->run == TASK_BUILD && who->failure != FAILS_NOT) { /* its next part, come what may */
        who->task = TASK_BUILD;
        return end_after(world, peer, build_length(world, peer, who, who->at, run->part, false));
    }
    uint32_t at = next_artifact(world, peer, who), before = who->at, part = 0;
    uint32_t parts = plan->step[at].parts;
    if (parts > 1) part = world->held_parts[cell(world, peer, at)];
    bool there = td_cache_has(world, peer, who, at, part);
    enum task task = there && hits(world, peer, at, part) ? TASK_FETCH : TASK_BUILD;

    if (who->run != TASK_NONE && who->run != task) end_run(world, peer, who, TD_TASK_OK);
    bool begins = who->run == TASK_NONE;
    who->task = (uint8_t)task;
    who->at = at;
    run->part = part;
    if (begins) {
        who->run = (uint8_t)task;
        run->since = world->now;
        who->whole = part == 0;
    }
    if (task == TASK_BUILD) {
        if (begins) foresee(world, peer, who);
        return end_after(world, peer, build_length(world, peer, who, at, part, there));
    }
    if (world->guesses && at < plan->steps && parts == 1)
        return end_after(world, peer, fetch_time(world, peer, who, before));
    return end_after(
        world, peer,
        work_sample(world, plan->step[at].fetch, peer, plan->order[at], TD_DRAW_FETCH) / parts);
}

__attribute__((noinline)) static uint64_t begin_artifact(struct td_world *world, td_peer peer,
                                                         struct sim_peer *who)
{
    return __builtin_expect(world->plan->plain, 1) ? begin_plain(world, peer, who)
                                                   : begin_any(world, peer, who);
}

void td_task_end_wait(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    if (!who->waiting) return;
    who->waiting = false;
    world->waiting--;
    if (world->now > who->since)
        td_world_interval(world, peer, who->since, TD_RECORD_NO_STEP, TD_KIND_WAIT, TD_TASK_OK);
}

__attribute__((noinline)) uint64_t td_task_begin_overhead(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    uint32_t step = who->order_step == TD_UNIVERSE ? world->plan->steps : who->order_step;
    double length =
        td_world_sample(world, world->plan->scenario->overhead, peer, step, TD_DRAW_OVERHEAD) /
        speed_now(world, peer, group_of(world, who));
    who->task = TASK_OVERHEAD;
    who->since = world->now;
    return end_after(world, peer, length);
}

/* The row of an overhead, unless it has taken no time. */
static void overhead_interval(const struct td_world *world, td_peer peer,
                              const struct sim_peer *who, enum td_interval_outcome outcome)
{
    if (world->now == who->since) return;
    td_world_interval(world, peer, who->since,
                      who->order_step == TD_UNIVERSE ? TD_RECORD_REST : who->order_step,
                      TD_KIND_OVERHEAD, outcome);
}

void td_task_end_overhead(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    who->busy += world->now - who->since;
    overhead_interval(world, peer, who, TD_TASK_OK);
}

static inline void take_order(struct td_world *world, struct sim_peer *who, td_order order,
                              td_step step, bool build)
{
    world->vain = 0;
    who->order = order;
    who->order_step = step;
    who->builder = build;
}

/* Without overhead the first artifact is reached at once: nobody could come in between. */
static inline uint64_t begin(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    return world->plan->overhead ? td_task_begin_overhead(world, peer)
                                 : begin_artifact(world, peer, who);
}

uint64_t td_task_begin(struct td_world *world, td_peer peer)
{
    return begin(world, peer, peer_at(world, peer));
}

/* The engine has an order: the wait is over, and the invocation's overhead is paid first. */
static inline uint64_t begin_order(struct td_world *world, td_peer peer, struct sim_peer *who,
                                   const struct td_command *order)
{
    if (who->waiting) td_task_end_wait(world, peer);
    take_order(world, who, order->order, order->step, order->build);
    return begin(world, peer, who);
}

/* The same if it has none. */
__attribute__((noinline)) static uint64_t on_other_answer(struct td_world *world, td_peer peer,
                                                          struct sim_peer *who,
                                                          const struct td_command *answer)
{
    if (answer->kind == TD_COMMAND_DONE) { /* it fails without trying what is known to be broken */
        td_world_wake(world);
        return td_pipeline_block_hopeless(world, peer)
                   ? NEXT_NONE
                   : td_presence_end(world, peer, TD_PEER_FAILED);
    }
    TD_ASSERT(answer->kind == TD_COMMAND_WAIT);
    if (!who->waiting) {
        who->waiting = true;
        world->waiting++;
        who->since = world->now;
    }
    if (answer->until == 0) return NEXT_NONE;
    return td_world_ask_at(world, peer, answer->until);
}

/* The engine's answer to ASK, the first command. */
static inline uint64_t on_answer(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    const struct td_command *answer = &world->commands.items[0];
    if (answer->kind == TD_COMMAND_ORDER) return begin_order(world, peer, who, answer);
    return on_other_answer(world, peer, who, answer);
}

bool td_task_ask(struct td_world *world, td_peer peer, bool *alike)
{
    struct sim_peer *who = peer_at(world, peer);
    world->commands.count = 0;
    if (!td_engine_ask(world->engine, world->now, peer, &world->commands, world->error))
        return false;
    const struct td_command *answer = &world->commands.items[0];
    if (answer->kind == TD_COMMAND_ORDER)
        take_order(world, who, answer->order, answer->step, answer->build);
    else if (answer->kind == TD_COMMAND_WAIT && answer->until == 0)
        (void)on_other_answer(world, peer, who, answer);
    else
        *alike = false;
    return true;
}

uint64_t td_task_start(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    if (who->order != 0) return begin_artifact(world, peer, who);
    world->commands.count = 0;
    if (!td_engine_ask(world->engine, world->now, peer, &world->commands, world->error))
        return NEXT_FAILED;
    return on_answer(world, peer, who);
}

/* True if the end of the peer's order, a fetch, may wake somebody who waits. */
static bool fetch_wakes_others(const struct td_world *world, td_peer peer)
{
    enum td_wake wake = world->policy->wake;
    if (wake == TD_WAKE_IN_TURN) return td_engine_first_in_line(world->engine, peer) != peer;
    return wake == TD_WAKE_ALL;
}

/* True if the peer whose order has ended just now asks next of all, in a plain world: the end of
 * its build or fetch wakes and aborts nobody, and no other event comes before. */
static inline bool asks_at_once(const struct td_world *world, td_peer peer, bool built)
{
    bool concerns_others = world->waiting > 0;
    if (built)
        concerns_others = concerns_others || world->policy->gives_way != NULL;
    else if (concerns_others)
        concerns_others = fetch_wakes_others(world, peer);
    return !concerns_others && td_key_of_start(&world->queue, world->key) < world->others;
}

/* The peer goes on with its order, or asks for the next one if it may. */
static inline uint64_t go_on(struct td_world *world, td_peer peer)
{
    const struct sim_peer *who = peer_at(world, peer);
    if (__builtin_expect(!who->outside || who->order != 0, 1)) return start_now(world);
    return td_presence_suspend(world, peer) ? NEXT_NONE : NEXT_FAILED;
}

/* The engine is told, and woken peers get their turn; then the peer's own. */
__attribute__((noinline)) static uint64_t report(struct td_world *world, td_peer peer,
                                                 const struct td_event *event)
{
    if (!td_world_tell(world, event, 1)) return NEXT_FAILED;
    if (world->commands.count == 0) return go_on(world, peer);
    bool done = false, failed = false;
    for (size_t i = 0; i < world->commands.count; i++)
        if (world->commands.items[i].kind == TD_COMMAND_DONE) {
            done = true;
            failed = world->commands.items[i].failed;
        }
    if (world->commands.count > done) td_world_wake(world);
    if (!done) return go_on(world, peer);
    uint32_t at = peer_at(world, peer)->at;
    if (failed && event->ended.end == TD_END_BROKEN && td_pipeline_breaks_ahead(world, peer, at)) {
        td_pipeline_block(world, peer, at);
        return NEXT_NONE;
    }
    return td_presence_end(world, peer, failed ? TD_PEER_FAILED : TD_PEER_OK);
}

static uint64_t end_failing(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_event event = {
        .kind = TD_EVENT_ENDED,
        .at = world->now,
        .peer = peer,
        .ended = {.order = who->order,
                  .end = who->failure == FAILS_BROKEN ? TD_END_BROKEN : TD_END_FLAKY,
                  .step = world->plan->order[who->at]}};
    end_run(world, peer, who, TD_TASK_FAILED);
    who->failure = FAILS_NOT;
    who->order = 0;
    world->record->events++;
    return report(world, peer, &event);
}

/* The rest is there: the order for the universe has ended, and with it the peer. */
static uint64_t end_universe(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    td_order order = who->order;
    who->order = 0;
    world->record->events++;
    world->commands.count = 0;
    if (!td_engine_end_well(world->engine, world->now, peer, order, &world->commands, world->error))
        return NEXT_FAILED;
    if (world->commands.count > 1) td_world_wake(world);
    return td_presence_end(world, peer, TD_PEER_OK);
}

/* The peer holds a step now, which may be the end of its order: what the engine is told. Filled
 * field by field, as gcc would clear all of it first. */
__attribute__((always_inline)) static inline void hold(struct td_world *world, td_peer peer,
                                                       struct sim_peer *who, uint32_t step,
                                                       bool built, bool last, bool whole,
                                                       td_time took, struct td_event *event)
{
    event->at = world->now;
    event->peer = peer;
    event->kind = TD_EVENT_OBTAINED;
    event->obtained.order = who->order;
    event->obtained.step = step;
    event->obtained.built = built;
    event->obtained.published = built && group_of(world, who)->publishes;
    event->obtained.whole = whole;
    event->obtained.took = took;
    event->obtained.last = last;
    if (world->held != NULL) bit_set(held_of(world, peer), who->at);
    if (!last) return;
    world->record->events++;
    who->order = 0;
}

/* And tells it. */
__attribute__((noinline)) static uint64_t obtain(struct td_world *world, td_peer peer,
                                                 struct sim_peer *who, bool built, bool whole,
                                                 td_time took)
{
    struct td_event event;
    uint32_t step = world->plan->order[who->at];
    bool last = step == who->order_step; /* its prerequisites come before it */
    hold(world, peer, who, step, built, last, whole, took, &event);
    return report(world, peer, &event);
}

/* The answer to a peer in a plain world that has asked at the end of an order. */
__attribute__((always_inline)) static inline uint64_t
go_for(struct td_world *world, td_peer peer, struct sim_peer *who, struct td_next next)
{
    who->order = 0;
    if (__builtin_expect(next.step == TD_NO_STEP, 0)) {
        if (next.refused) return NEXT_FAILED;
        TD_ASSERT(world->commands.count == 1);
        return on_other_answer(world, peer, who, &world->commands.items[0]);
    }
    TD_ASSERT(world->commands.count == 0); /* it wakes nobody, or it would not ask at once */
    take_order(world, who, next.order, next.step, next.build);
    if (__builtin_expect(world->plan->overhead, 0)) return td_task_begin_overhead(world, peer);
    if (next.step == TD_UNIVERSE || world->plan->closure != NULL)
        return begin_artifact(world, peer, who);
    /* nothing comes before the step; the engine knows whether it is published as well as the cache
     */
    return begin_whole(world, peer, who, world->plan->position[next.step], next.build);
}

/* The same where the order ends and the peer asks next of all: the engine is told both in one go.
 */
__attribute__((always_inline)) static inline uint64_t
obtain_and_ask(struct td_world *world, td_peer peer, struct sim_peer *who, bool built, td_time took)
{
    world->commands.count = 0;
    if (built) {
        struct td_event event;
        hold(world, peer, who, who->order_step, true, true, true, took, &event);
        return go_for(
            world, peer, who,
            td_engine_obtain_and_ask(world->engine, &event, &world->commands, world->error));
    }
    if (world->held != NULL) bit_set(held_of(world, peer), who->at);
    world->record->events++;
    return go_for(world, peer, who,
                  td_engine_fetch_and_ask(world->engine, world->now, peer, who->order, took,
                                          &world->commands, world->error));
}

__attribute__((noinline)) static uint64_t complete_any(struct td_world *world, td_peer peer,
                                                       struct sim_peer *who, enum task task)
{
    const struct td_plan *plan = world->plan;
    if (task == TASK_OVERHEAD) {
        overhead_interval(world, peer, who, TD_TASK_OK);
        return start_now(world);
    }
    if (task == TASK_BUILD && who->failure != FAILS_NOT) {
        if (++world->runs[peer].part < world->runs[peer].fail_end) return start_now(world);
        return end_failing(world, peer);
    }
    bool built = task == TASK_BUILD;
    if (built && !td_cache_publish(world, peer, who)) return NEXT_FAILED;
    if (who->at == plan->steps) {
        end_run(world, peer, who, TD_TASK_OK);
        return end_universe(world, peer, who);
    }
    if (plan->step[who->at].parts > 1) {
        uint32_t ended = world->runs[peer].part + 1;
        world->held_parts[cell(world, peer, who->at)] = (uint16_t)ended;
        if (ended < plan->step[who->at].parts) return start_now(world);
    }

    bool whole = built && who->whole;
    td_time took = world->now - run_since(world, peer, who);
    end_run(world, peer, who, TD_TASK_OK);
    return obtain(world, peer, who, built, whole, took);
}

/* A whole build or fetch of a step, with nothing else to it. */
__attribute__((always_inline)) static inline uint64_t
complete_plain(struct td_world *world, td_peer peer, struct sim_peer *who, bool built, td_time took)
{
    const struct td_plan *plan = world->plan;
    uint32_t step = plan->order[who->at];
    enum td_interval_outcome outcome = TD_TASK_OK;
    who->run = TASK_NONE;
    who->builds += built;
    who->fetches += !built;
    if (built) {
        const struct cache *cache = cache_of(world, who);
        if (bit_get(cache->published, who->at)) {
            outcome = TD_TASK_DUPLICATE;
            world->record->duplicate_builds++;
        } else if (group_of(world, who)->publishes) {
            bit_set(cache->published, who->at);
            world->unpublished--;
        }
    }
    td_world_interval(world, peer, who->since, step, built ? TD_KIND_BUILD : TD_KIND_FETCH,
                      outcome);
    if (step == who->order_step && asks_at_once(world, peer, built))
        return obtain_and_ask(world, peer, who, built, took);
    return obtain(world, peer, who, built, built, took);
}

/* The same for the rest, of which there is one in a plain world. */
__attribute__((noinline)) static uint64_t complete_plain_rest(struct td_world *world, td_peer peer,
                                                              struct sim_peer *who, bool built)
{
    cache_of(world, who)->rest |= built & group_of(world, who)->publishes;
    who->run = TASK_NONE;
    td_world_interval(world, peer, who->since, TD_RECORD_REST,
                      built ? TD_KIND_BUILD : TD_KIND_FETCH, TD_TASK_OK);
    return end_universe(world, peer, who);
}

uint64_t td_task_complete(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    enum task task = (enum task)who->task;
    td_time took = world->now - who->since;

    who->busy += took;
    who->task = TASK_NONE;
    if (!world->plan->plain || task == TASK_OVERHEAD) return complete_any(world, peer, who, task);
    if (who->at == world->plan->steps)
        return complete_plain_rest(world, peer, who, task == TASK_BUILD);
    if (task == TASK_FETCH) return complete_plain(world, peer, who, false, took);
    return complete_plain(world, peer, who, true, took);
}

void td_task_give_up(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    if (who->task == TASK_OVERHEAD) {
        who->busy += world->now - who->since;
        overhead_interval(world, peer, who, TD_TASK_ABORTED);
    } else if (who->task != TASK_NONE) {
        who->busy += world->now - who->since;
        end_run(world, peer, who, TD_TASK_ABORTED);
    } else if (who->run != TASK_NONE) {
        /* between two parts: what there is of the run has ended well, unless it was bound to fail
         */
        end_run(world, peer, who, who->failure == FAILS_NOT ? TD_TASK_OK : TD_TASK_ABORTED);
    }
    who->task = TASK_NONE;
    who->failure = FAILS_NOT;
    if (who->order == 0) return;
    who->order = 0;
    world->record->events++;
}
