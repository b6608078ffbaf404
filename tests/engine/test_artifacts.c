/* Artifacts: missing, building, published; given back when a build fails or its builder leaves; and
 * who is woken by that. */
#include "support.h"

static void test_a_step_is_ordered_to_one_builder(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(&rig, peer);

    struct td_command a = rig_ask(&rig, 0), b = rig_ask(&rig, 1), c = rig_ask(&rig, 2);
    assert_int_equal(a.step, 0);
    assert_true(a.build);
    assert_int_equal(b.step, 1);
    assert_true(b.build);
    assert_int_equal(c.kind, TD_COMMAND_WAIT);
    assert_int_equal(c.reason, TD_REASON_OTHERS_BUILD);
    assert_true(a.order != 0 && b.order != 0 && a.order != b.order);
    rig_close(&rig);
}

static void test_a_publication_wakes_whoever_can_use_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    for (td_peer peer = 0; peer < 4; peer++)
        rig_join(&rig, peer);
    struct td_command a = rig_ask(&rig, 0);
    (void)rig_ask(&rig, 1);
    (void)rig_ask(&rig, 2);
    (void)rig_ask(&rig, 3);

    rig_obtain(&rig, 0, a.order, 0, true);
    assert_int_equal(rig.commands.count, 2);
    assert_true(rig_woke(&rig, 2) && rig_woke(&rig, 3));
    rig_end(&rig, 0, a.order, TD_END_OK);
    assert_int_equal(rig.commands.count, 0);
    rig_carry_out(&rig, 2, 0, false);
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);
    rig_close(&rig);
}

/* However it ends without publication, the step is ready again and a waiting peer gets it. */
static void give_back(enum td_event_kind how, enum td_end end)
{
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    if (how == TD_EVENT_LEFT)
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 0});
    else
        rig_end(&rig, 0, a.order, end);
    assert_true(rig_woke(&rig, 1));
    rig_carry_out(&rig, 1, 0, true);
    rig_close(&rig);
}

/* What is in the cache no more is missing: it is ready again, and what comes after it only for
 * those that hold it. */
static void test_what_is_lost_is_built_again(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    for (td_peer peer = 0; peer < 4; peer++)
        rig_join(&rig, peer);
    rig_carry_out(&rig, 0, 0, true);
    struct td_command builds = rig_ask(&rig, 1), fetches = rig_ask(&rig, 2);
    assert_true(builds.step == 1 && builds.build);
    assert_true(fetches.step == 0 && !fetches.build);
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);

    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LOST, .peer = 2, .holds = {.step = 0}});
    assert_true(rig_woke(&rig, 0)); /* which holds it, and is told to wait again */
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);
    struct td_command again = rig_ask(&rig, 3);
    assert_true(again.step == 0 && again.build);
    rig_end(&rig, 1, builds.order, TD_END_FLAKY);
    assert_true(rig_woke(&rig, 0)); /* it holds step 0: step 1 is ready for it, */
    rig_join(&rig, 4);
    assert_int_equal(rig_ask(&rig, 4).kind, TD_COMMAND_WAIT); /* and for nobody else, */
    rig_obtain(&rig, 3, again.order, 0, true);
    assert_true(rig_woke(&rig, 4)); /* until step 0 is published again */
    rig_carry_out(&rig, 0, 1, true);
    /* what is not published cannot be lost, and only a peer at work can miss something */
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LOST, .peer = 3, .holds = {.step = 0}});
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LOST, .peer = 3, .holds = {.step = 0}});
    rig_close(&rig);
}

/* An authority that has begun anew does not know what is in the cache; its peers may all hold the
 * first steps, which nobody will build then. */
static void test_what_a_peer_brings_along_is_no_obstacle(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    for (td_peer peer = 0; peer < 2; peer++) {
        rig_join(&rig, peer);
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_HOLDS, .peer = peer, .holds = {.step = 0}});
    }
    struct td_command build = rig_ask(&rig, 0);
    assert_true(build.step == 1 && build.build);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    rig_end(&rig, 0, build.order, TD_END_ABORTED);
    assert_true(rig_woke(&rig, 1));
    rig_carry_out(&rig, 1, 1, true);
    rig_carry_out(&rig, 1, TD_UNIVERSE, false);
    rig_close(&rig);
}

/* An upload that did not work: whoever built it goes on, and others have to build it, too. */
static void test_what_is_built_and_not_published_serves_its_builder(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    rig_join(&rig, 0);
    struct td_command first = rig_ask(&rig, 0);
    rig_do(&rig, (struct td_event){
                     .kind = TD_EVENT_OBTAINED,
                     .peer = 0,
                     .obtained = {.order = first.order, .step = 0, .built = true, .last = true}});
    struct td_command second = rig_ask(&rig, 0);
    assert_true(second.step == 1 && second.build);
    rig_join(&rig, 1);
    struct td_command again = rig_ask(&rig, 1);
    assert_true(again.step == 0 && again.build);
    rig_close(&rig);
}

static void test_a_failed_build_goes_back(void **state)
{
    (void)state;
    give_back(TD_EVENT_ENDED, TD_END_FLAKY);
}

static void test_an_aborted_build_goes_back(void **state)
{
    (void)state;
    give_back(TD_EVENT_ENDED, TD_END_ABORTED);
}

static void test_the_step_of_a_peer_that_left_goes_back(void **state)
{
    (void)state;
    give_back(TD_EVENT_LEFT, TD_END_OK);
}

static void test_a_build_that_is_not_published_goes_back_to_the_others(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    struct td_command a = rig_ask(&rig, 0);
    (void)rig_ask(&rig, 1);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                   .peer = 0,
                                   .obtained = {.order = a.order, .step = 0, .built = true}});
    assert_true(rig_woke(&rig, 1));
    rig_end(&rig, 0, a.order, TD_END_OK);
    rig_carry_out(&rig, 0, TD_UNIVERSE, false);
    rig_carry_out(&rig, 1, 0, true);
    rig_close(&rig);
}

static void test_prerequisites_come_first(void **state)
{
    (void)state;
    /* 0 comes after 2, 2 after 1: the only way through is 1, 2, 0 */
    static const uint32_t edges[][2] = {{0, 2}, {2, 1}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 3, edges);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(a.step, 1);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    rig_obtain(&rig, 0, a.order, 1, true);
    assert_true(rig_woke(&rig, 1));
    rig_end(&rig, 0, a.order, TD_END_OK);
    /* the waiting peer asks first and gets the build that has become ready, before any fetch */
    struct td_command b = rig_ask(&rig, 1);
    assert_int_equal(b.step, 2);
    assert_true(b.build);
    rig_close(&rig);
}

static void test_done_when_the_universe_is_built(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    rig_carry_out(&rig, 0, 0, true);
    struct td_command order = rig_ask(&rig, 0);
    assert_int_equal(order.step, TD_UNIVERSE);
    rig_end(&rig, 0, order.order, TD_END_OK);
    assert_int_equal(rig.commands.count, 1);
    assert_int_equal(rig.commands.items[0].kind, TD_COMMAND_DONE);
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    rig_close(&rig);
}

/* Where every change wakes everybody, the end of an order that publishes nothing does so, too. */
static void test_wake_all(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    policy.wake = TD_WAKE_ALL;
    struct rig rig;
    rig_open(&rig, &policy, 2, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(&rig, peer);
    rig_carry_out(&rig, 0, 0, true);
    (void)rig_ask(&rig, 1); /* builds 1 */
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);
    struct td_command fetch = rig_ask(&rig, 2);
    assert_false(fetch.build);
    rig_obtain(&rig, 2, fetch.order, 0, false);
    assert_int_equal(rig.commands.count, 0);
    rig_end(&rig, 2, fetch.order, TD_END_OK);
    assert_true(rig_woke(&rig, 0));
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_is_ordered_to_one_builder),
        cmocka_unit_test(test_a_publication_wakes_whoever_can_use_it),
        cmocka_unit_test(test_what_a_peer_brings_along_is_no_obstacle),
        cmocka_unit_test(test_what_is_lost_is_built_again),
        cmocka_unit_test(test_what_is_built_and_not_published_serves_its_builder),
        cmocka_unit_test(test_a_failed_build_goes_back),
        cmocka_unit_test(test_an_aborted_build_goes_back),
        cmocka_unit_test(test_the_step_of_a_peer_that_left_goes_back),
        cmocka_unit_test(test_a_build_that_is_not_published_goes_back_to_the_others),
        cmocka_unit_test(test_prerequisites_come_first),
        cmocka_unit_test(test_done_when_the_universe_is_built),
        cmocka_unit_test(test_wake_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
