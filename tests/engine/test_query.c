/* What the engine says to those who ask what is going on. */
#include "support.h"

static const struct td_identity first_cohort = {0};

static struct td_artifact_state artifact(const struct rig *rig, uint32_t number)
{
    struct td_artifact_state state;
    assert_true(td_engine_artifact(rig->engine, &first_cohort, number, &state));
    return state;
}

static void test_artifacts_of_a_cohort(void **state)
{
    (void)state;
    struct rig rig;
    struct td_artifact_state seen;
    rig_open(&rig, &test_policy, 2, NULL);
    assert_false(td_engine_artifact(rig.engine, &first_cohort, 0, &seen));
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    rig_do(&rig, (struct td_event){
                     .kind = TD_EVENT_VARIANT, .peer = 1, .variant = {.step = 1, .digest = 7}});
    assert_true(artifact(&rig, 0).needed);
    assert_int_equal(artifact(&rig, 0).builders, 0);
    struct td_command order = rig_ask(&rig, 0);
    assert_int_equal(artifact(&rig, 0).builders, 1);
    rig_obtain(&rig, 0, order.order, 0, true);
    assert_true(artifact(&rig, 0).published);
    assert_false(artifact(&rig, 1).published);
    assert_int_equal(artifact(&rig, 2).step, 1);
    assert_int_equal(artifact(&rig, 2).digest, 7);
    assert_true(artifact(&rig, 2).needed);
    assert_false(td_engine_artifact(rig.engine, &first_cohort, 3, &seen));
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 1});
    assert_false(artifact(&rig, 2).needed);
    rig_close(&rig);
}

static void test_what_a_peer_lacks(void **state)
{
    (void)state;
    struct rig rig;
    struct td_artifact_state lacks;
    rig_open(&rig, &test_policy, 2, NULL);
    assert_false(td_engine_lacks(rig.engine, 0, 0, &lacks));
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_HOLDS, .peer = 1, .holds = {.step = 1}});
    (void)rig_ask(&rig, 0);
    assert_true(td_engine_lacks(rig.engine, 1, 0, &lacks));
    assert_int_equal(lacks.step, 0);
    assert_int_equal(lacks.builders, 1);
    assert_false(td_engine_lacks(rig.engine, 1, 1, &lacks));
    rig_close(&rig);
}

static void test_who_is_first(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    assert_int_equal(td_engine_first_in_line(rig.engine, 0), TD_NO_PEER);
    rig_join(&rig, 3);
    rig_join(&rig, 5);
    assert_int_equal(td_engine_first_in_line(rig.engine, 5), 3);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 3});
    assert_int_equal(td_engine_first_in_line(rig.engine, 5), 5);
    assert_int_equal(td_engine_first_in_line(rig.engine, 3), TD_NO_PEER);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_artifacts_of_a_cohort),
                                       cmocka_unit_test(test_what_a_peer_lacks),
                                       cmocka_unit_test(test_who_is_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
