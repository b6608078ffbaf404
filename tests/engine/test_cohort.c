/* Cohorts: who shares with whom, and the line in which peers came. */
#include "support.h"

static void join_as(struct rig *rig, td_peer peer, struct td_identity identity)
{
    rig_do(rig,
           (struct td_event){.kind = TD_EVENT_JOIN, .peer = peer, .join = {.identity = identity}});
}

static void test_only_equal_identities_share(void **state)
{
    (void)state;
    static const struct {
        struct td_identity identity;
        bool shares;
    } cases[] = {
        {{1, 2, 3, 0}, true},  {{9, 2, 3, 0}, false}, {{1, 9, 3, 0}, false},
        {{1, 2, 9, 0}, false}, {{0, 2, 3, 0}, false}, {{1, 2, 0, 0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        rig_open(&rig, &test_policy, 1, NULL);
        join_as(&rig, 0, (struct td_identity){1, 2, 3, 0});
        join_as(&rig, 1, cases[i].identity);
        rig_carry_out(&rig, 0, 0, true);
        rig_carry_out(&rig, 1, 0, !cases[i].shares);
        rig_close(&rig);
    }
}

static void test_fields_that_are_left_out_are_equal(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    join_as(&rig, 0, (struct td_identity){0});
    join_as(&rig, 1, (struct td_identity){0});
    rig_carry_out(&rig, 0, 0, true);
    rig_carry_out(&rig, 1, 0, false);
    rig_close(&rig);
}

static void test_cohorts_of_two_schemas(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    static const uint32_t start[71] = {0};
    const struct td_schema_spec wide = {.step_count = 70, .after_start = start, .after = NULL};
    join_as(&rig, 0, (struct td_identity){0});
    /* a wider schema while a peer is here: its record is moved, not lost */
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_SCHEMA, .schema = {.id = 1, .spec = &wide}});
    join_as(&rig, 1, (struct td_identity){.schema = 1});
    rig_carry_out(&rig, 0, 0, true);
    for (td_step step = 0; step < 70; step++)
        rig_carry_out(&rig, 1, step, true);
    rig_carry_out(&rig, 1, TD_UNIVERSE, false);
    rig_carry_out(&rig, 0, TD_UNIVERSE, false);
    rig_close(&rig);
}

static void join_since(struct rig *rig, td_peer peer, td_time since)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = peer, .join = {.since = since}});
}

static struct td_choice in_turn(const struct td_view *view)
{
    if (!td_view_is_its_turn(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_NOT_ITS_TURN};
    td_step step = td_view_first_not_held(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_IN_TURN};
    return (struct td_choice){
        .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
}

static const struct td_policy turn_policy = {.abi = TD_POLICY_ABI,
                                             .name = "in turn",
                                             .summary = "",
                                             .wake = TD_WAKE_IN_TURN,
                                             .choose = in_turn};

static void test_the_line_is_by_arrival_and_wakes_its_head_only(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &turn_policy, 1, NULL);
    join_since(&rig, 2, 10);
    join_since(&rig, 3, 20);
    join_since(&rig, 1, 20); /* a tie: by number */
    join_since(&rig, 0, 15); /* not by the order in which they join */
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    assert_int_equal(rig_ask(&rig, 3).kind, TD_COMMAND_WAIT);
    rig_carry_out(&rig, 2, 0, true);
    assert_int_equal(rig.commands.count, 0);
    rig_carry_out(&rig, 2, TD_UNIVERSE, false);
    assert_int_equal(rig.commands.count, 2); /* DONE and one WAKE */
    assert_true(rig_woke(&rig, 0));
    /* somebody in the middle of the line leaves: nobody's turn comes */
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 1});
    assert_int_equal(rig.commands.count, 0);
    rig_carry_out(&rig, 0, 0, false);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 0});
    assert_true(rig_woke(&rig, 3));
    rig_close(&rig);
}

static void test_who_comes_back_ahead_of_the_one_at_work_waits_for_its_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &turn_policy, 2, NULL);
    join_since(&rig, 1, 20);
    struct td_command first = rig_ask(&rig, 1);
    assert_int_equal(first.kind, TD_COMMAND_ORDER);
    join_since(&rig, 0, 10);
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_WAIT);
    rig_obtain(&rig, 1, first.order, 0, true);
    assert_false(rig_woke(&rig, 0));
    rig_end(&rig, 1, first.order, TD_END_OK);
    assert_true(rig_woke(&rig, 0));
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    rig_carry_out(&rig, 0, 0, false);
    rig_close(&rig);
}

static void by_lot(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = td_view_lot(view, step);
}

static void test_lots_rank_each_cohort_by_itself(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    policy.needs = TD_NEEDS_LOTS;
    policy.rank = by_lot;
    struct rig rig;
    rig_open(&rig, &policy, 3, NULL);
    static const int64_t lots[2][3] = {{30, 10, 20}, {5, 5, 1}};
    for (uint32_t cohort = 0; cohort < 2; cohort++)
        for (td_step step = 0; step < 3; step++)
            rig_do(&rig, (struct td_event){.kind = TD_EVENT_LOT,
                                           .lot = {.identity = {.cache = cohort},
                                                   .step = step,
                                                   .number = lots[cohort][step]}});
    join_as(&rig, 0, (struct td_identity){.cache = 0});
    join_as(&rig, 1, (struct td_identity){.cache = 1});
    rig_carry_out(&rig, 0, 1, true);
    rig_carry_out(&rig, 0, 2, true);
    rig_carry_out(&rig, 0, 0, true);
    rig_carry_out(&rig, 1, 2, true);
    rig_carry_out(&rig, 1, 0, true); /* a tie: the schema's order */
    rig_carry_out(&rig, 1, 1, true);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_equal_identities_share),
        cmocka_unit_test(test_fields_that_are_left_out_are_equal),
        cmocka_unit_test(test_cohorts_of_two_schemas),
        cmocka_unit_test(test_the_line_is_by_arrival_and_wakes_its_head_only),
        cmocka_unit_test(test_who_comes_back_ahead_of_the_one_at_work_waits_for_its_order),
        cmocka_unit_test(test_lots_rank_each_cohort_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
