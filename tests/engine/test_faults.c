/* Builds that fail, peers that only read, estimates that are learned. */
#include "support.h"

static void end_with(struct rig *rig, td_peer peer, td_order order, enum td_end end, td_step step)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ENDED,
                                  .peer = peer,
                                  .ended = {.order = order, .end = end, .step = step}});
}

static const struct td_command *done(const struct rig *rig)
{
    for (size_t i = 0; i < rig->commands.count; i++)
        if (rig->commands.items[i].kind == TD_COMMAND_DONE) return &rig->commands.items[i];
    return NULL;
}

/* Like the directed policies: gives up when nothing can be had any more. */
static struct td_choice choose(const struct td_view *view)
{
    struct td_choice choice = test_choose(view);
    if (choice.kind == TD_CHOOSE_WAIT && td_view_first_hopeful(view) == TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_BROKEN};
    return choice;
}

static struct td_policy giving_up(void)
{
    struct td_policy policy = test_policy;
    policy.choose = choose;
    return policy;
}

static void test_what_two_peers_find_broken_is_broken(void **state)
{
    (void)state;
    /* 1 comes after 0; 2 stands alone */
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    const struct td_policy policy = giving_up();
    struct rig rig;
    rig_open(&rig, &policy, 3, edges);
    for (td_peer peer = 0; peer < 4; peer++)
        rig_join(&rig, peer);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(a.step, 0);
    rig_carry_out(&rig, 1, 2, true);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    end_with(&rig, 0, a.order, TD_END_BROKEN, 0);
    assert_non_null(done(&rig));
    assert_true(done(&rig)->failed);
    assert_int_equal(done(&rig)->reason, TD_REASON_BROKEN);
    assert_true(
        rig_woke(&rig, 1)); /* the step is ready again: it may have been that peer's bad luck */

    struct td_command b = rig_ask(&rig, 1);
    assert_int_equal(b.step, 0);
    end_with(&rig, 1, b.order, TD_END_BROKEN, 0);
    /* peer 2 gets all that it can, then fails without trying */
    rig_carry_out(&rig, 2, 2, false);
    struct td_command c = rig_ask(&rig, 2);
    assert_int_equal(c.kind, TD_COMMAND_DONE);
    assert_true(c.failed);
    rig_close(&rig);
}

static void test_waiting_peers_learn_that_there_is_no_hope(void **state)
{
    (void)state;
    const struct td_policy policy = giving_up();
    struct rig rig;
    rig_open(&rig, &policy, 1, NULL);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_join(&rig, peer);
    struct td_command a = rig_ask(&rig, 0);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_WAIT);
    end_with(&rig, 0, a.order, TD_END_BROKEN, 0);
    struct td_command b = rig_ask(&rig, 1);
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_WAIT);
    end_with(&rig, 1, b.order, TD_END_BROKEN, 0);
    assert_true(rig_woke(&rig, 2));
    assert_int_equal(rig_ask(&rig, 2).kind, TD_COMMAND_DONE);
    rig_close(&rig);
}

static void test_one_peer_finding_it_twice_proves_nothing(void **state)
{
    (void)state;
    const struct td_policy policy = giving_up();
    struct rig rig;
    rig_open(&rig, &policy, 1, NULL);
    for (int round = 0; round < 2; round++) {
        rig_join(&rig, 0);
        end_with(&rig, 0, rig_ask(&rig, 0).order, TD_END_BROKEN, 0);
    }
    rig_join(&rig, 1);
    rig_carry_out(&rig, 1, 0, true);
    rig_close(&rig);
}

static void test_flaky_failures_are_counted_for_each_step(void **state)
{
    (void)state;
    const struct td_engine_options options = {.retries = 1};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    uint64_t patient = td_engine_digest(rig.engine);
    rig_close(&rig);
    rig_open_with(&rig, &test_policy, &options, 2, NULL);
    assert_true(td_engine_digest(rig.engine) == patient); /* options are no state */
    rig_join(&rig, 0);
    end_with(&rig, 0, rig_ask(&rig, 0).order, TD_END_FLAKY, 0);
    assert_null(done(&rig));
    rig_carry_out(&rig, 0, 0, true);
    end_with(&rig, 0, rig_ask(&rig, 0).order, TD_END_FLAKY, 1);
    assert_null(done(&rig));
    /* away and back: its failures still count */
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = 0});
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = 0, .join = {.again = true}});
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_HOLDS, .peer = 0, .holds = {0}});
    end_with(&rig, 0, rig_ask(&rig, 0).order, TD_END_FLAKY, 1);
    assert_non_null(done(&rig));
    assert_int_equal(done(&rig)->reason, TD_REASON_TOO_FLAKY);
    /* somebody else under its number starts anew */
    rig_join(&rig, 0);
    end_with(&rig, 0, rig_ask(&rig, 0).order, TD_END_FLAKY, 1);
    assert_null(done(&rig));
    rig_close(&rig);
}

static void test_many_flaky_failures(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 3, NULL);
    for (td_peer peer = 0; peer < 100; peer++) {
        rig_join(&rig, peer);
        for (int round = 0; round < 5; round++)
            end_with(&rig, peer, rig_ask(&rig, peer).order, TD_END_FLAKY, 0);
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = peer});
    }
    rig_close(&rig);
}

static void test_a_reader_builds_for_itself(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = 0, .join = {.read_only = true}});
    rig_join(&rig, 1);
    struct td_command a = rig_ask(&rig, 0), b = rig_ask(&rig, 1);
    assert_int_equal(a.step, 0);
    assert_true(a.build);
    assert_int_equal(b.step, 0); /* the reader's build counts as built by nobody */
    rig_do(&rig, (struct td_event){
                     .kind = TD_EVENT_OBTAINED,
                     .peer = 0,
                     .obtained = {.order = a.order, .step = 0, .built = true, .last = true}});
    /* what it holds is enough for its own next step, though nothing is published */
    struct td_command c = rig_ask(&rig, 0);
    assert_int_equal(c.step, 1);
    assert_true(c.build);
    rig_close(&rig);
}

static void longest_first(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = -td_view_estimate(view, step);
}

static void learn(struct rig *rig, td_peer peer, td_step step, td_time took)
{
    struct td_command order = rig_ask(rig, peer);
    assert_int_equal(order.step, step);
    rig_do(rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                  .peer = peer,
                                  .obtained = {.order = order.order,
                                               .step = step,
                                               .built = true,
                                               .published = true,
                                               .whole = true,
                                               .took = took,
                                               .last = true}});
}

static void test_estimates_are_learned(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    policy.needs = TD_NEEDS_ESTIMATES;
    policy.rank = longest_first;
    const struct td_engine_options options = {.learn = true};
    struct rig rig;
    rig_open_with(&rig, &policy, &options, 4, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    rig_do(&rig, (struct td_event){
                     .kind = TD_EVENT_VARIANT, .peer = 1, .variant = {.step = 1, .digest = 7}});
    /* nothing known: the schema's order; then 0 takes 10, and the unseen ones 10, too: a tie */
    learn(&rig, 0, 0, 10);
    learn(&rig, 0, 1, 40);
    /* unseen ones take (10 + 40) / 2 = 25: more than 0, less than 1, which peer 1 has of its own */
    learn(&rig, 1, 1, 20); /* and so 1 takes 30 */
    learn(&rig, 0, 2, 20); /* unseen: (10 + 30 + 20) / 3 = 20 */
    learn(&rig, 0, 3, 50);
    rig_join(&rig, 2);
    static const td_step expected[] = {3, 1, 2, 0};
    for (size_t i = 0; i < 4; i++)
        rig_carry_out(&rig, 2, expected[i], false);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_two_peers_find_broken_is_broken),
        cmocka_unit_test(test_waiting_peers_learn_that_there_is_no_hope),
        cmocka_unit_test(test_one_peer_finding_it_twice_proves_nothing),
        cmocka_unit_test(test_flaky_failures_are_counted_for_each_step),
        cmocka_unit_test(test_many_flaky_failures),
        cmocka_unit_test(test_a_reader_builds_for_itself),
        cmocka_unit_test(test_estimates_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
