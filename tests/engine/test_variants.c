/* Variants: peers with different digests for a step need different artifacts of it. */
#include "support.h"

static void start_from(struct rig *rig, td_peer peer, td_step step, uint64_t digest)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_START,
                                  .peer = peer,
                                  .variant = {.step = step, .digest = digest}});
}

/* With `partial` its build can start from the untouched artifact. */
static void vary(struct rig *rig, td_peer peer, td_step step, uint64_t digest, bool partial)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_VARIANT,
                                  .peer = peer,
                                  .variant = {.step = step, .digest = digest}});
    if (partial) start_from(rig, peer, step, 0);
}

static void test_a_touched_step_is_built_by_its_peer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    vary(&rig, 1, 0, 77, false);
    rig_carry_out(&rig, 0, 0, true);
    rig_carry_out(&rig, 1, 0, true); /* its own variant, although the other is published */
    rig_carry_out(&rig, 1, 1, true);
    rig_carry_out(&rig, 0, 1, false); /* the other step is shared both ways */
    rig_carry_out(&rig, 0, TD_UNIVERSE, false);
    rig_close(&rig);
}

static void test_equal_digests_share(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(&rig, peer);
    vary(&rig, 1, 0, 77, false);
    vary(&rig, 2, 0, 77, false);
    struct td_command a = rig_ask(&rig, 1);
    assert_true(a.build);
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_WAIT);
    rig_obtain(&rig, 1, a.order, 0, true);
    assert_true(rig_woke(&rig, 2));
    rig_end(&rig, 1, a.order, TD_END_OK);
    rig_carry_out(&rig, 2, 0, false);
    rig_carry_out(&rig, 0, 0, true);
    rig_close(&rig);
}

static void test_a_partial_build_waits_for_the_untouched_one_while_it_is_built(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    rig_join(&rig, 2);
    vary(&rig, 1, 0, 77, true);
    vary(&rig, 2, 0, 78, false);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    /* touched wholly: there is nothing to wait for */
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_ORDER);
    rig_obtain(&rig, 0, a.order, 0, true);
    assert_true(rig_woke(&rig, 1));
    rig_end(&rig, 0, a.order, TD_END_OK);
    rig_carry_out(&rig, 1, 0, true);
    rig_close(&rig);
}

static void test_a_partial_build_goes_on_when_the_untouched_one_is_given_up(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    vary(&rig, 1, 0, 77, true);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    rig_end(&rig, 0, a.order, TD_END_FLAKY);
    assert_true(rig_woke(&rig, 1));
    /* nobody is building the untouched one now: a whole build, rather than waiting for ever */
    rig_carry_out(&rig, 1, 0, true);
    rig_close(&rig);
}

static void test_a_build_waits_for_a_better_start_than_the_published_one(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(&rig, peer);
    rig_carry_out(&rig, 0, 0, true); /* the untouched one, the worst start */
    vary(&rig, 1, 0, 1, true);
    vary(&rig, 2, 0, 12, false);
    start_from(&rig, 2, 0, 1);
    start_from(&rig, 2, 0, 0);
    struct td_command better = rig_ask(&rig, 1);
    assert_true(better.build);
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_WAIT);
    rig_end(&rig, 1, better.order, TD_END_FLAKY);
    assert_true(rig_woke(&rig, 2)); /* then from the untouched one */
    better = rig_ask(&rig, 1);
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_WAIT);
    rig_obtain(&rig, 1, better.order, 0, true);
    assert_true(rig_woke(&rig, 2));
    rig_carry_out(&rig, 2, 0, true);
    assert_false(td_engine_knows_broken(rig.engine, &(struct td_identity){0}, 0, 12));
    rig_close(&rig);
}

static void test_prerequisites_are_those_of_the_own_variant(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    vary(&rig, 1, 0, 77, false);
    vary(&rig, 1, 1, 77, false);
    rig_carry_out(&rig, 0, 0, true);
    rig_carry_out(&rig, 0, 1, true);
    rig_carry_out(&rig, 1, 0, true); /* the untouched step 0 does not help */
    rig_carry_out(&rig, 1, 1, true);
    rig_close(&rig);
}

static void test_a_private_artifact_outlives_its_peer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    rig_join(&rig, 0);
    vary(&rig, 0, 0, 77, false);
    rig_carry_out(&rig, 0, 0, true);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 0});
    rig_join(&rig, 0);
    vary(&rig, 0, 0, 77, false);
    rig_carry_out(&rig, 0, 0, false); /* it fetches what it published before */
    rig_close(&rig);
}

static void test_strains_are_used_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 3, NULL);
    for (uint64_t round = 1; round <= 50; round++) {
        rig_join(&rig, 0);
        rig_join(&rig, 1);
        vary(&rig, 0, 1, round, false);
        vary(&rig, 1, 2, round, true);
        vary(&rig, 1, 1, round, false);
        vary(&rig, 1, 1, round + 1000, false); /* it changes its mind before it asks */
        rig_carry_out(&rig, 0, round == 1 ? 0 : 1, true);
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 1});
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 0});
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_touched_step_is_built_by_its_peer),
        cmocka_unit_test(test_equal_digests_share),
        cmocka_unit_test(test_a_partial_build_waits_for_the_untouched_one_while_it_is_built),
        cmocka_unit_test(test_a_partial_build_goes_on_when_the_untouched_one_is_given_up),
        cmocka_unit_test(test_a_build_waits_for_a_better_start_than_the_published_one),
        cmocka_unit_test(test_prerequisites_are_those_of_the_own_variant),
        cmocka_unit_test(test_a_private_artifact_outlives_its_peer),
        cmocka_unit_test(test_strains_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
