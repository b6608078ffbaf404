/* A look ahead: when a peer may go, what it is told, and that nothing has happened if it may not.
 */
#include "support.h"

static struct td_policy promising(struct td_choice (*choose)(const struct td_view *view))
{
    struct td_policy policy = test_policy;
    policy.needs = TD_NEEDS_STEPS_ONLY;
    policy.choose = choose;
    return policy;
}

/* What is published comes first. */
static struct td_choice choose_fetches(const struct td_view *view)
{
    td_step step = td_view_first_published(view);
    if (step == TD_NO_STEP) return test_choose(view);
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step};
}

static void at(struct rig *rig, struct td_event event, td_time time)
{
    event.at = time;
    rig_do(rig, event);
}

static td_order order(struct rig *rig, td_peer peer, td_step step)
{
    const struct td_command command = rig_ask(rig, peer);
    assert_int_equal(command.kind, TD_COMMAND_ORDER);
    assert_int_equal(command.step, step);
    return command.order;
}

/* Two of four steps are published; the third and the fourth are being built, or the fourth by
 * nobody. Peer 2 fetches the first. */
static td_order begin(struct rig *rig, const struct td_policy *policy, bool settled,
                      td_order *third)
{
    rig_open(rig, policy, 4, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(rig, peer);
    rig_carry_out(rig, 0, 0, true);
    rig_carry_out(rig, 0, 1, true);
    *third = order(rig, 0, 2);
    if (settled) {
        struct td_command answer = rig_ask(rig, 1);
        while (!answer.build) {
            rig_obtain(rig, 1, answer.order, answer.step, false);
            rig_end(rig, 1, answer.order, TD_END_OK);
            answer = rig_ask(rig, 1);
        }
        assert_int_equal(answer.step, 3);
    }
    return order(rig, 2, 0);
}

static void test_go(void **state)
{
    (void)state;
    const struct td_policy policy = promising(choose_fetches);
    struct rig rig;
    td_order third;
    td_order first = begin(&rig, &policy, true, &third);
    assert_true(td_engine_ahead_begin(rig.engine, 2));
    const struct td_fetch next = td_engine_ahead_fetched(rig.engine, 50);
    assert_int_equal(next.step, 1);
    assert_int_equal(next.order, first + 1);
    assert_true(td_engine_holds(rig.engine, 2, 0));
    /* what would come then is a wait: nothing has happened */
    uint64_t digest = td_engine_digest(rig.engine);
    assert_int_equal(td_engine_ahead_fetched(rig.engine, 60).step, TD_NO_STEP);
    assert_false(td_engine_holds(rig.engine, 2, 1));
    assert_true(td_engine_digest(rig.engine) == digest);
    assert_false(td_engine_ahead_begin(rig.engine, 2)); /* and that can be known at once */

    /* the engine's time is where it was: others come, and are told what is so then */
    at(&rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = 3}, 10);
    at(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 3}, 10);
    assert_int_equal(rig.commands.items[0].step, 0);
    at(&rig,
       (struct td_event){.kind = TD_EVENT_OBTAINED,
                         .peer = 0,
                         .obtained = {third, 2, .built = true, .published = true, .last = true}},
       55);
    at(&rig,
       (struct td_event){
           .kind = TD_EVENT_OBTAINED, .peer = 2, .obtained = {next.order, 1, .last = true}},
       60);
    at(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 2}, 60);
    assert_int_equal(rig.commands.items[0].step, 2);
    assert_false(rig.commands.items[0].build);
    rig_close(&rig);
}

static void test_only_if_settled(void **state)
{
    (void)state;
    static const struct {
        unsigned needs;
        enum td_wake wake;
        bool settled, may;
    } cases[] = {
        {TD_NEEDS_STEPS_ONLY, TD_WAKE_FOR_USE, true, true},
        {TD_NEEDS_STEPS_ONLY, TD_WAKE_NONE, true, true},
        {TD_NEEDS_STEPS_ONLY | TD_NEEDS_ESTIMATES, TD_WAKE_FOR_USE, true, true},
        {TD_NEEDS_STEPS_ONLY, TD_WAKE_FOR_USE, false, false}, /* the fourth step is ready */
        {0, TD_WAKE_FOR_USE, true, false},
        {TD_NEEDS_STEPS_ONLY | TD_NEEDS_TIMES, TD_WAKE_FOR_USE, true, false},
        {TD_NEEDS_STEPS_ONLY, TD_WAKE_ALL, true, false},
        {TD_NEEDS_STEPS_ONLY, TD_WAKE_IN_TURN, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct td_policy policy = promising(choose_fetches);
        policy.needs = cases[i].needs;
        policy.wake = cases[i].wake;
        struct rig rig;
        td_order third;
        begin(&rig, &policy, cases[i].settled, &third);
        assert_int_equal(td_engine_ahead_begin(rig.engine, 2), cases[i].may);
        rig_close(&rig);
    }
}

/* A peer that touches a step sees others, and is seen by them. */
static void test_who_touches(void **state)
{
    (void)state;
    const struct td_policy policy = promising(test_choose);
    for (uint32_t touches = 0; touches < 2; touches++) {
        struct rig rig;
        rig_open(&rig, &policy, 3, NULL);
        for (td_peer peer = 0; peer < 3; peer++)
            rig_join(&rig, peer);
        const struct td_event variant = {
            .kind = TD_EVENT_VARIANT, .peer = 2, .variant = {.step = 2, .digest = 7}};
        if (touches) rig_do(&rig, variant);
        for (td_step step = 0; step < 3; step++)
            rig_carry_out(&rig, 0, step, true);
        if (touches) order(&rig, 2, 2); /* its own is being built, by itself */
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = 3});
        if (touches)
            rig_do(&rig, (struct td_event){.kind = TD_EVENT_VARIANT,
                                           .peer = 3,
                                           .variant = {.step = 2, .digest = 7}});
        order(&rig, 3, 0);
        assert_int_equal(td_engine_ahead_begin(rig.engine, 3), !touches);
        rig_close(&rig);
    }
}

/* Who is read-only may build what others have nothing to do with, at any time. They are taught by
 * that if estimates are learned and the policy ranks by them. */
static void test_who_is_taught(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        const bool learns = i & 1, ranks = i & 2, reader = i & 4;
        const struct td_engine_options options = {.learn = learns};
        struct td_policy policy = promising(test_choose);
        if (ranks) policy.needs |= TD_NEEDS_ESTIMATES;
        struct rig rig;
        rig_open_with(&rig, &policy, &options, 2, NULL);
        rig_join(&rig, 0);
        rig_join(&rig, 1);
        if (reader)
            rig_do(&rig, (struct td_event){
                             .kind = TD_EVENT_JOIN, .peer = 2, .join = {.read_only = true}});
        rig_carry_out(&rig, 0, 0, true);
        rig_carry_out(&rig, 0, 1, true);
        order(&rig, 1, 0);
        assert_int_equal(td_engine_ahead_begin(rig.engine, 1), !(learns && ranks && reader));
        if (reader) rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 2});
        assert_true(td_engine_ahead_begin(rig.engine, 1));
        rig_close(&rig);
    }
}

static struct td_choice nonsense;

static struct td_choice choose_nonsense(const struct td_view *view)
{
    return td_view_first_published(view) == 1 ? nonsense : choose_fetches(view);
}

/* What the policy answers when peer 2 has fetched the first step. */
static td_step answer_of(struct td_choice choice)
{
    const struct td_policy policy = promising(choose_nonsense);
    struct rig rig;
    td_order third;
    nonsense = (struct td_choice){.kind = TD_CHOOSE_STEP, .step = 1};
    begin(&rig, &policy, true, &third);
    nonsense = choice;
    assert_true(td_engine_ahead_begin(rig.engine, 2));
    uint64_t digest = td_engine_digest(rig.engine);
    td_step step = td_engine_ahead_fetched(rig.engine, 50).step;
    assert_int_equal(td_engine_digest(rig.engine) == digest, step == TD_NO_STEP);
    rig_close(&rig);
    return step;
}

static void test_nonsense(void **state)
{
    (void)state;
    const struct td_choice wait = {.kind = TD_CHOOSE_WAIT, .until = 60};
    const struct td_choice give_up = {.kind = TD_CHOOSE_GIVE_UP};
    const struct td_choice universe = {.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE};
    for (td_step step = 0; step < 6; step++) {
        const struct td_choice choice = {.kind = TD_CHOOSE_STEP, .step = step};
        /* held, published, being built twice, beyond the last */
        assert_int_equal(answer_of(choice), step == 1 ? 1 : TD_NO_STEP);
    }
    const struct td_choice beyond_all = {.kind = TD_CHOOSE_STEP, .step = TD_NO_STEP};
    assert_int_equal(answer_of(beyond_all), TD_NO_STEP);
    assert_int_equal(answer_of(wait), TD_NO_STEP);
    assert_int_equal(answer_of(give_up), TD_NO_STEP);
    assert_int_equal(answer_of(universe), TD_NO_STEP);
}

/* A fetch that turns out not to be the last of a word is still there to be ordered again. */
static void test_the_end_of_a_word(void **state)
{
    (void)state;
    const struct td_policy policy = promising(test_choose);
    struct rig rig;
    rig_open(&rig, &policy, 65, NULL);
    for (td_peer peer = 0; peer < 2; peer++)
        rig_join(&rig, peer);
    for (td_step step = 0; step < 64; step++)
        rig_carry_out(&rig, 0, step, true);
    order(&rig, 0, 64);
    for (td_step step = 0; step < 63; step++)
        rig_carry_out(&rig, 1, step, false);
    td_order last = order(&rig, 1, 63);
    assert_true(td_engine_ahead_begin(rig.engine, 1));
    assert_int_equal(td_engine_ahead_fetched(rig.engine, 5).step, TD_NO_STEP);
    rig_end(&rig, 1, last, TD_END_ABORTED);
    order(&rig, 1, 63);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go),          cmocka_unit_test(test_only_if_settled),
        cmocka_unit_test(test_who_touches), cmocka_unit_test(test_who_is_taught),
        cmocka_unit_test(test_nonsense),    cmocka_unit_test(test_the_end_of_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
