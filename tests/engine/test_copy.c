/* A copy of an engine answers as that one does, whatever it had been before: with a policy that
 * needs all there is, estimates that are learned, two schemas, more cohorts than a few, and peers
 * that read only, have variants of their own, and find steps broken. */
#include "support.h"

#define PEERS 40u
#define COHORTS 12u
#define STEPS 5u
#define MORE_STEPS 70u /* of the second schema, in bitmaps of another size */

static void rank(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = td_view_lot(view, step) - td_view_estimate(view, step);
}

static struct td_choice choose(const struct td_view *view)
{
    if (!td_view_is_its_turn(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_NOT_ITS_TURN};
    if (!td_view_holds_all(view) && td_view_first_hopeful(view) == TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_BROKEN};
    return test_choose(view);
}

static const struct td_policy demanding = {.abi = TD_POLICY_ABI,
                                           .name = "demanding",
                                           .summary = "needs all that there is",
                                           .wake = TD_WAKE_IN_TURN,
                                           .needs =
                                               TD_NEEDS_LOTS | TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES,
                                           .rank = rank,
                                           .choose = choose};

static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % below);
}

/* What is known of the peers from the commands; the same for whichever engine gave them. */
struct life {
    uint32_t peers; /* at most PEERS */
    td_time now;
    bool here[PEERS], fresh[PEERS], reads[PEERS], lots[COHORTS];
    bool varied[PEERS][STEPS];      /* by a peer that is here */
    struct td_command order[PEERS]; /* .order 0: none */
};

static unsigned gave_up;

static struct td_identity identity_of(td_peer peer)
{
    return (struct td_identity){.repository = peer % COHORTS, .schema = peer % 2};
}

/* Something that can happen next. */
static struct td_event next_event(struct life *life)
{
    td_peer peer = pick(life->peers);
    const struct td_command *order = &life->order[peer];
    struct td_event event = {.at = life->now += pick(3), .peer = peer};
    if (!life->here[peer] && !life->lots[peer % COHORTS]) {
        life->lots[peer % COHORTS] = true;
        event.kind = TD_EVENT_LOT;
        event.lot.identity = identity_of(peer);
        event.lot.step = pick(STEPS);
        event.lot.number = pick(1000);
    } else if (!life->here[peer]) {
        life->here[peer] = true;
        event.kind = TD_EVENT_JOIN;
        event.join.identity = identity_of(peer);
        event.join.since = event.at;
        event.join.read_only = life->reads[peer] = pick(8) == 0;
        life->fresh[peer] = true; /* it holds nothing, and does not wait */
        memset(life->varied[peer], 0, sizeof life->varied[peer]);
    } else if (pick(30) == 0) {
        life->here[peer] = false;
        life->order[peer].order = 0;
        event.kind = TD_EVENT_LEFT;
    } else if (pick(40) == 0) {
        event.kind = TD_EVENT_BROKEN;
        event.known.identity = identity_of(peer);
        event.known.step = pick(STEPS);
        event.known.digest = pick(4);
    } else if (order->order == 0 && life->fresh[peer] && pick(2) == 0) {
        bool starts = pick(2) == 0;
        event.kind = TD_EVENT_VARIANT;
        event.variant.step = pick(STEPS);
        event.variant.digest = 1 + pick(3);
        if (starts && life->varied[peer][event.variant.step]) {
            event.kind = TD_EVENT_START;
            event.variant.digest = pick(4);
        }
        life->varied[peer][event.variant.step] = true;
    } else if (order->order == 0) {
        event.kind = TD_EVENT_ASK;
        life->fresh[peer] = false;
    } else if (order->step == TD_UNIVERSE || pick(8) == 0) {
        event.kind = TD_EVENT_ENDED;
        event.ended.order = order->order;
        event.ended.end = order->step == TD_UNIVERSE ? TD_END_OK
                          : pick(2) == 0             ? TD_END_FLAKY
                                                     : TD_END_BROKEN;
        event.ended.step = order->step == TD_UNIVERSE ? 0 : order->step;
    } else {
        event.kind = TD_EVENT_OBTAINED;
        event.obtained.order = order->order;
        event.obtained.step = order->step;
        event.obtained.built = event.obtained.whole = order->build;
        event.obtained.published = order->build && !life->reads[peer];
        event.obtained.took = 1 + pick(100);
        event.obtained.last = true;
    }
    return event;
}

static void heed(struct life *life, const struct td_event *event, const struct rig *rig)
{
    if (event->kind == TD_EVENT_OBTAINED || event->kind == TD_EVENT_ENDED)
        life->order[event->peer].order = 0;
    for (size_t i = 0; i < rig->commands.count; i++) {
        const struct td_command *command = &rig->commands.items[i];
        if (command->kind == TD_COMMAND_ORDER) life->order[command->peer] = *command;
        if (command->kind == TD_COMMAND_DONE) life->here[command->peer] = false;
        gave_up += command->kind == TD_COMMAND_DONE && event->kind == TD_EVENT_ASK;
    }
}

static void live(struct rig *rig, struct life *life, uint32_t rounds)
{
    while (rounds-- > 0) {
        const struct td_event event = next_event(life);
        rig_do(rig, event);
        heed(life, &event, rig);
    }
}

static void open_engine(struct rig *rig)
{
    static const uint32_t edges[][2] = {{3, 0}, {4, 3}, {TD_NO_STEP, TD_NO_STEP}};
    static const td_time estimates[MORE_STEPS] = {5, 4, 3, 2, 1};
    static const uint32_t start[MORE_STEPS + 1] = {0};
    const struct td_schema_spec spec = {
        .step_count = MORE_STEPS, .after_start = start, .after = start, .estimates = estimates};
    const struct td_engine_options options = {.retries = UINT32_MAX, .learn = true};
    rig_open_with(rig, &demanding, &options, STEPS, edges);
    rig_do(rig, (struct td_event){.kind = TD_EVENT_SCHEMA, .schema = {.id = 1, .spec = &spec}});
}

static void same_commands(const struct rig *one, const struct rig *other)
{
    assert_int_equal(one->commands.count, other->commands.count);
    for (size_t i = 0; i < one->commands.count; i++) {
        const struct td_command *a = &one->commands.items[i], *b = &other->commands.items[i];
        assert_true(a->kind == b->kind && a->reason == b->reason && a->peer == b->peer &&
                    a->step == b->step && a->order == b->order && a->build == b->build &&
                    a->failed == b->failed);
    }
}

static void test_a_copy_lives_on(void **state)
{
    (void)state;
    uint32_t waited = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rig rig, copy;
        random_state = seed;
        struct life life = {.peers = 1 + pick(PEERS)}, other = {.peers = 1 + pick(PEERS)};
        open_engine(&rig);
        open_engine(&copy);
        live(&rig, &life, pick(400));
        live(&copy, &other, pick(400)); /* of that nothing is left */
        assert_true(td_engine_copy(copy.engine, rig.engine, &rig.error));
        assert_true(td_engine_digest(copy.engine) == td_engine_digest(rig.engine));
        life.peers = PEERS; /* others come as well, who may have been in the copy's former life */
        for (uint32_t round = 0; round < 300; round++) {
            const struct td_event event = next_event(&life);
            rig_do(&rig, event);
            rig_do(&copy, event);
            same_commands(&rig, &copy);
            if (td_engine_digest(copy.engine) != td_engine_digest(rig.engine))
                fail_msg("seed %llu: they differ after %u events", (unsigned long long)seed,
                         round + 1);
            heed(&life, &event, &rig);
            if (event.kind == TD_EVENT_ASK) waited += rig.commands.items[0].kind == TD_COMMAND_WAIT;
        }
        rig_close(&rig);
        rig_close(&copy);
    }
    assert_true(waited > 1000 && gave_up > 100);
}

/* Who is said to come back, but never was in the original, has no past in the copy either. */
static void test_no_past_is_left(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{TD_NO_STEP, TD_NO_STEP}};
    const struct td_engine_options options = {.learn = true};
    for (unsigned newcomers = 0; newcomers < 2; newcomers++) {
        struct rig rig, copy;
        rig_open_with(&rig, &demanding, &options, 1, edges);
        rig_open_with(&copy, &demanding, &options, 1, edges);
        if (newcomers > 0) rig_join(&rig, 0);
        rig_join(&copy, 3);
        rig_do(&copy, (struct td_event){.kind = TD_EVENT_ASK, .peer = 3});
        rig_do(&copy,
               (struct td_event){
                   .kind = TD_EVENT_OBTAINED,
                   .peer = 3,
                   .obtained = {
                       .order = 1, .built = true, .published = true, .whole = true, .took = 9}});
        assert_true(td_engine_copy(copy.engine, rig.engine, &rig.error));
        const struct td_event back = {.kind = TD_EVENT_JOIN, .peer = 3, .join = {.again = true}};
        rig_do(&rig, back);
        rig_do(&copy, back);
        assert_true(td_engine_digest(copy.engine) == td_engine_digest(rig.engine));
        rig_close(&rig);
        rig_close(&copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_copy_lives_on),
                                       cmocka_unit_test(test_no_past_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
