/* Policies that have the same built by several: whoever publishes first has won. */
#include "support.h"

/* Everybody builds step 0 at once, then whatever is ready or published. */
static struct td_choice choose(const struct td_view *view)
{
    if (!td_view_peer_holds(view, td_view_asking(view), 0) && !td_view_is_published(view, 0))
        return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = 0, .reason = TD_REASON_OVERDUE};
    return test_choose(view);
}

static struct td_policy hedging = {.abi = TD_POLICY_ABI,
                                   .name = "hedging",
                                   .summary = "several build the same",
                                   .wake = TD_WAKE_FOR_USE,
                                   .needs = TD_NEEDS_TIMES,
                                   .choose = choose};

/* All but the one peer that is named. */
static td_peer stubborn;

static bool gives_way(const struct td_view *view)
{
    return td_view_asking(view) != stubborn;
}

static struct td_order_of {
    td_order order[3];
} open_rig(struct rig *rig, bool give_way)
{
    struct td_order_of orders;
    hedging.gives_way = give_way ? gives_way : NULL;
    stubborn = TD_NO_PEER;
    rig_open(rig, &hedging, 1, NULL);
    for (td_peer peer = 0; peer < 3; peer++) {
        rig_join(rig, peer);
        orders.order[peer] = rig_ask(rig, peer).order;
    }
    return orders;
}

static void test_a_publication_aborts_the_others(void **state)
{
    (void)state;
    struct rig rig;
    struct td_order_of orders = open_rig(&rig, true);
    rig_obtain(&rig, 1, orders.order[1], 0, true);
    assert_int_equal(rig.commands.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct td_command *abort = &rig.commands.items[i];
        assert_int_equal(abort->kind, TD_COMMAND_ABORT);
        assert_int_equal(abort->reason, TD_REASON_SUPERSEDED);
        assert_int_equal(abort->peer, 2 * i);
        assert_int_equal(abort->order, orders.order[2 * i]);
    }
    /* it is busy until it says that it has stopped */
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    rig_end(&rig, 0, orders.order[0], TD_END_ABORTED);
    rig_carry_out(&rig, 0, 0, false);
    /* a good end that crosses the abort counts, and aborts nobody */
    rig_obtain(&rig, 2, orders.order[2], 0, true);
    assert_int_equal(rig.commands.count, 0);
    rig_end(&rig, 2, orders.order[2], TD_END_OK);
    rig_carry_out(&rig, 2, TD_UNIVERSE, false);
    rig_close(&rig);
}

static void test_the_policy_says_who_gives_way(void **state)
{
    (void)state;
    struct rig rig;
    struct td_order_of orders = open_rig(&rig, true);
    stubborn = 0;
    rig_obtain(&rig, 1, orders.order[1], 0, true);
    assert_int_equal(rig.commands.count, 1);
    assert_int_equal(rig.commands.items[0].peer, 2);
    rig_close(&rig);
}

static void test_only_policies_that_say_so_abort(void **state)
{
    (void)state;
    struct rig rig;
    struct td_order_of orders = open_rig(&rig, false);
    rig_obtain(&rig, 1, orders.order[1], 0, true);
    assert_int_equal(rig.commands.count, 0);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_publication_aborts_the_others),
        cmocka_unit_test(test_the_policy_says_who_gives_way),
        cmocka_unit_test(test_only_policies_that_say_so_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
