/* Random lives of cohorts: every choice is held against a plain walk over all steps and peers,
 * waiting peers are never forgotten, and the same events give the same commands again, also through
 * the engine's short ways and from copies of it. A failing seed is printed. */
#include "support.h"

#define PEERS 6u
#define STEPS 70u /* more than a word */
#define ROUNDS 400u

/* The truth, kept the plain way. */
struct plain {
    uint32_t steps;
    bool after[STEPS][STEPS];
    struct {
        bool here, waiting, woken, builds;
        td_order order;
        td_step step;
        bool held[STEPS];
        uint64_t digest[STEPS];
        uint64_t start[STEPS][2]; /* what a build could start from, the best first */
        uint32_t starts[STEPS];
    } peers[PEERS];
    struct {
        td_step step;
        uint64_t digest;
    } published[4096];
    size_t published_count;
};

static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % below);
}

static bool is_published(const struct plain *plain, td_step step, uint64_t digest)
{
    for (size_t i = 0; i < plain->published_count; i++)
        if (plain->published[i].step == step && plain->published[i].digest == digest) return true;
    return false;
}

static bool is_building(const struct plain *plain, td_step step, uint64_t digest)
{
    for (td_peer peer = 0; peer < PEERS; peer++)
        if (plain->peers[peer].here && plain->peers[peer].order != 0 && plain->peers[peer].builds &&
            plain->peers[peer].step == step && plain->peers[peer].digest[step] == digest)
            return true;
    return false;
}

static bool better_start_is_coming(const struct plain *plain, td_peer peer, td_step step)
{
    for (uint32_t i = 0; i < plain->peers[peer].starts[step]; i++) {
        uint64_t digest = plain->peers[peer].start[step][i];
        if (is_published(plain, step, digest)) return false;
        if (is_building(plain, step, digest)) return true;
    }
    return false;
}

/* The rule of the model's section 9, word by word. */
static td_step plain_choice(const struct plain *plain, td_peer peer, bool *build)
{
    bool all = true;
    for (int pass = 0; pass < 2; pass++)
        for (td_step step = 0; step < plain->steps; step++) {
            uint64_t digest = plain->peers[peer].digest[step];
            bool there = is_published(plain, step, digest);
            if (plain->peers[peer].held[step]) continue;
            all = false;
            if (pass == 1 && there) {
                *build = false;
                return step;
            }
            bool ready = pass == 0 && !there && !is_building(plain, step, digest);
            for (td_step before = 0; ready && before < plain->steps; before++)
                ready = !plain->after[step][before] || plain->peers[peer].held[before] ||
                        is_published(plain, before, plain->peers[peer].digest[before]);
            if (better_start_is_coming(plain, peer, step)) ready = false;
            if (ready) {
                *build = true;
                return step;
            }
        }
    return all ? TD_UNIVERSE : TD_NO_STEP;
}

/* All events and commands of a life, to be lived again. */
struct log {
    struct td_event events[64 * ROUNDS];
    size_t count;
    uint64_t commands;
};

static struct log life_log;

static void log_commands(const struct rig *rig)
{
    for (size_t i = 0; i < rig->commands.count; i++) {
        const struct td_command *command = &rig->commands.items[i];
        life_log.commands = life_log.commands * 31 + command->kind * 7 + command->peer * 3 +
                            command->step + command->order + command->reason;
    }
}

static void apply(struct rig *rig, struct td_event event)
{
    assert_true(life_log.count < sizeof life_log.events / sizeof *life_log.events);
    life_log.events[life_log.count++] = event;
    rig_do(rig, event);
    log_commands(rig);
}

static size_t asked_at_once;

/* The life goes on in the other engine, made the same; what that one had been before is gone. */
static void move_to(struct rig *rig, struct td_engine **other)
{
    struct td_engine *here = rig->engine;
    assert_true(td_engine_copy(*other, here, &rig->error));
    assert_true(td_engine_digest(*other) == td_engine_digest(here));
    rig->engine = *other;
    *other = here;
}

/* The logged life once more, through the short ways where there is one, now in this engine, now in
 * the other. */
static void live_again(struct rig *rig, struct td_engine **other)
{
    life_log.commands = 0;
    for (size_t i = 0; i < life_log.count; i++) {
        if (pick(16) == 0) move_to(rig, other);
        const struct td_event *event = &life_log.events[i], *next = event + 1;
        bool ends = event->kind == TD_EVENT_OBTAINED && event->obtained.last;
        rig->commands.count = 0;
        if (ends && i + 1 < life_log.count && next->kind == TD_EVENT_ASK &&
            next->peer == event->peer) {
            assert_true(rig_obtain_and_ask(rig, event));
            asked_at_once++;
            i++;
        } else if (event->kind == TD_EVENT_ASK) {
            assert_true(
                td_engine_ask(rig->engine, event->at, event->peer, &rig->commands, &rig->error));
        } else if (event->kind == TD_EVENT_ENDED && event->ended.end == TD_END_OK) {
            assert_true(td_engine_end_well(rig->engine, event->at, event->peer, event->ended.order,
                                           &rig->commands, &rig->error));
        } else {
            rig_do(rig, *event);
        }
        log_commands(rig);
    }
}

/* Some peers bring results along, be they published or not. */
static void hold(struct rig *rig, struct plain *plain, td_peer peer)
{
    for (td_step step = 0; step < plain->steps; step++) {
        if (pick(8) != 0) continue;
        plain->peers[peer].held[step] = true;
        apply(rig,
              (struct td_event){.kind = TD_EVENT_HOLDS, .peer = peer, .holds = {.step = step}});
    }
}

static void vary(struct rig *rig, struct plain *plain, td_peer peer)
{
    for (td_step step = 0; step < plain->steps; step++) {
        bool follows = false;
        for (td_step before = 0; before < plain->steps; before++)
            follows |= plain->after[step][before] && plain->peers[peer].digest[before] != 0;
        bool touched = pick(8) == 0;
        if (!touched && !follows) continue;
        /* few digests, so that they are shared */
        plain->peers[peer].digest[step] = 1 + pick(3);
        plain->peers[peer].starts[step] = touched ? pick(3) : 0;
        apply(rig, (struct td_event){
                       .kind = TD_EVENT_VARIANT,
                       .peer = peer,
                       .variant = {.step = step, .digest = plain->peers[peer].digest[step]}});
        for (uint32_t i = 0; i < plain->peers[peer].starts[step]; i++) {
            plain->peers[peer].start[step][i] = pick(4);
            apply(rig, (struct td_event){
                           .kind = TD_EVENT_START,
                           .peer = peer,
                           .variant = {.step = step, .digest = plain->peers[peer].start[step][i]}});
        }
    }
}

static void join(struct rig *rig, struct plain *plain, td_peer peer)
{
    apply(rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = peer});
    memset(&plain->peers[peer], 0, sizeof plain->peers[peer]);
    plain->peers[peer].here = true;
    if (pick(2) == 0) vary(rig, plain, peer);
    if (pick(4) == 0) hold(rig, plain, peer);
}

static void note_wakes(const struct rig *rig, struct plain *plain)
{
    for (size_t i = 0; i < rig->commands.count; i++)
        if (rig->commands.items[i].kind == TD_COMMAND_WAKE) {
            assert_true(plain->peers[rig->commands.items[i].peer].waiting);
            plain->peers[rig->commands.items[i].peer].woken = true;
        }
}

static void ask(struct rig *rig, struct plain *plain, td_peer peer)
{
    bool build = false;
    td_step expected = plain_choice(plain, peer, &build);
    apply(rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = peer});
    assert_int_equal(rig->commands.count, 1);
    const struct td_command *command = &rig->commands.items[0];
    plain->peers[peer].woken = false;
    plain->peers[peer].waiting = expected == TD_NO_STEP;
    assert_int_equal(command->kind, expected == TD_NO_STEP ? TD_COMMAND_WAIT : TD_COMMAND_ORDER);
    assert_int_equal(command->step, expected);
    if (expected == TD_NO_STEP) return;
    assert_int_equal(command->build, build);
    plain->peers[peer].order = command->order;
    plain->peers[peer].step = expected;
    plain->peers[peer].builds = build;
}

/* An order for a fetch finds nothing in the cache. */
static void lose(struct rig *rig, struct plain *plain, td_peer peer)
{
    td_step step = plain->peers[peer].step;
    uint64_t digest = plain->peers[peer].digest[step];
    size_t i = 0;
    while (i < plain->published_count &&
           (plain->published[i].step != step || plain->published[i].digest != digest))
        i++;
    if (i < plain->published_count)
        plain->published[i] = plain->published[--plain->published_count];
    apply(rig, (struct td_event){.kind = TD_EVENT_LOST, .peer = peer, .holds = {.step = step}});
    note_wakes(rig, plain);
}

static void end(struct rig *rig, struct plain *plain, td_peer peer)
{
    td_step step = plain->peers[peer].step;
    td_order order = plain->peers[peer].order;
    enum td_end how = pick(6) == 0 ? TD_END_FLAKY : TD_END_OK;
    if (how == TD_END_OK && step != TD_UNIVERSE) {
        uint64_t digest = plain->peers[peer].digest[step];
        bool built = !is_published(plain, step, digest);
        plain->peers[peer].held[step] = true;
        if (built) {
            plain->published[plain->published_count].step = step;
            plain->published[plain->published_count++].digest = digest;
        }
        /* the two ways in which an order can end well */
        bool last = pick(2) == 0;
        apply(rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                     .peer = peer,
                                     .obtained = {.order = order,
                                                  .step = step,
                                                  .built = built,
                                                  .published = built,
                                                  .last = last}});
        note_wakes(rig, plain);
        plain->peers[peer].order = 0;
        if (last) return;
    }
    apply(rig, (struct td_event){
                   .kind = TD_EVENT_ENDED, .peer = peer, .ended = {.order = order, .end = how}});
    note_wakes(rig, plain);
    plain->peers[peer].order = 0;
    if (step == TD_UNIVERSE && how == TD_END_OK) plain->peers[peer].here = false;
}

/* Nobody who could go on waits without having been woken. */
static void check_nobody_is_forgotten(const struct plain *plain)
{
    for (td_peer peer = 0; peer < PEERS; peer++) {
        bool build;
        if (plain->peers[peer].here && plain->peers[peer].waiting && !plain->peers[peer].woken)
            assert_int_equal(plain_choice(plain, peer, &build), TD_NO_STEP);
    }
}

static uint32_t random_edges(struct plain *plain, uint32_t (*edges)[2])
{
    uint32_t count = 0, density = pick(4);
    td_step order[STEPS];
    for (uint32_t i = 0; i < plain->steps; i++)
        order[i] = i;
    for (uint32_t i = plain->steps; i > 1; i--) {
        uint32_t other = pick(i);
        td_step swap = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swap;
    }
    for (uint32_t late = 0; late < plain->steps; late++)
        for (uint32_t early = 0; early < late; early++) {
            if (density == 0 || pick(plain->steps) >= density) continue;
            plain->after[order[late]][order[early]] = true;
            edges[count][0] = order[late];
            edges[count++][1] = order[early];
        }
    edges[count][0] = edges[count][1] = TD_NO_STEP;
    return count;
}

static void tell_heir(void *context, const struct td_event *event)
{
    rig_do(context, *event);
}

/* Another engine, told what this one knows when all have gone, decides as the plain walk does. */
static void check_heir(struct rig *rig, struct plain *plain, const uint32_t (*edges)[2])
{
    struct rig heir;
    const struct td_identity identity = {0};
    for (td_peer peer = 0; peer < PEERS; peer++) {
        if (plain->peers[peer].here)
            rig_do(rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = peer});
        plain->peers[peer].here = plain->peers[peer].waiting = false;
        plain->peers[peer].order = 0;
    }
    rig_open(&heir, &test_policy, plain->steps, edges);
    td_engine_summary(rig->engine, &identity, tell_heir, &heir);
    life_log.count = 0;
    for (td_peer peer = 0; peer < PEERS; peer++) {
        join(&heir, plain, peer);
        ask(&heir, plain, peer);
        if (plain->peers[peer].order != 0) end(&heir, plain, peer);
    }
    rig_close(&heir);
}

static void live(uint64_t seed)
{
    static struct plain plain;
    static uint32_t edges[STEPS * STEPS + 1][2];
    struct rig rig, twin;
    random_state = seed;
    memset(&plain, 0, sizeof plain);
    life_log.count = 0;
    life_log.commands = 0;
    plain.steps = 1 + pick(pick(4) == 0 ? STEPS : 8);
    (void)random_edges(&plain, edges);
    rig_open(&rig, &test_policy, plain.steps, (const uint32_t(*)[2])edges);
    rig_open(&twin, &test_policy, plain.steps, (const uint32_t(*)[2])edges);

    for (uint32_t round = 0; round < ROUNDS; round++) {
        td_peer peer = pick(PEERS);
        if (!plain.peers[peer].here) {
            join(&rig, &plain, peer);
        } else if (pick(25) == 0) {
            apply(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = peer});
            note_wakes(&rig, &plain);
            plain.peers[peer].here = plain.peers[peer].waiting = false;
            plain.peers[peer].order = 0;
        } else if (plain.peers[peer].order != 0) {
            bool fetches = plain.peers[peer].step != TD_UNIVERSE && !plain.peers[peer].builds;
            if (fetches && pick(8) == 0) {
                lose(&rig, &plain, peer);
                check_nobody_is_forgotten(&plain);
            }
            end(&rig, &plain, peer);
        } else {
            ask(&rig, &plain, peer);
        }
        check_nobody_is_forgotten(&plain);
    }

    /* once more, in the same engine after a reset */
    uint64_t digest = td_engine_digest(rig.engine), commands = life_log.commands;
    td_engine_reset(rig.engine);
    live_again(&rig, &twin.engine);
    assert_true(life_log.commands == commands);
    assert_true(td_engine_digest(rig.engine) == digest);
    check_heir(&rig, &plain, (const uint32_t(*)[2])edges);
    rig_close(&rig);
    rig_close(&twin);
}

static uint64_t seed;
static bool lived;

static void test_random_lives(void **state)
{
    (void)state;
    lived = false;
    for (seed = 1; seed <= 300; seed++)
        live(seed);
    assert_true(asked_at_once > 1000);
    lived = true;
}

static int tell_seed(void **state)
{
    (void)state;
    if (!lived) print_message("it fails with seed %llu\n", (unsigned long long)seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_random_lives, tell_seed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
