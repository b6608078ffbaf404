/* Waits with an end: which are granted, and what a peer that asks again gets. */
#include "support.h"

static td_time until; /* what the policy below answers */

static struct td_choice choose(const struct td_view *view)
{
    struct td_choice choice = test_choose(view);
    if (choice.kind == TD_CHOOSE_WAIT) choice.until = until;
    return choice;
}

static const struct td_policy policy = {.abi = TD_POLICY_ABI,
                                        .name = "impatient",
                                        .summary = "waits until a time",
                                        .wake = TD_WAKE_FOR_USE,
                                        .choose = choose};

/* Peer 0 builds the only step, and peer 1 has nothing to do at 10 ns. */
static void open_rig(struct rig *rig)
{
    rig_open(rig, &policy, 1, NULL);
    rig_join(rig, 0);
    rig_join(rig, 1);
    assert_int_equal(rig_ask(rig, 0).kind, TD_COMMAND_ORDER);
}

static bool ask_at(struct rig *rig, td_time at)
{
    return rig_try(rig, (struct td_event){.kind = TD_EVENT_ASK, .at = at, .peer = 1});
}

static void test_a_wait_has_the_end_that_the_policy_gives(void **state)
{
    (void)state;
    static const struct {
        td_time until, expected;
    } cases[] = {
        {0, 0}, {11, 11}, {TD_TIME_MAX - 1, TD_TIME_MAX - 1}, {TD_TIME_MAX, 0}, {INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        open_rig(&rig);
        until = cases[i].until;
        assert_true(ask_at(&rig, 10));
        assert_int_equal(rig.commands.items[0].kind, TD_COMMAND_WAIT);
        assert_int_equal(rig.commands.items[0].until, cases[i].expected);
        rig_close(&rig);
    }
}

static void test_a_wait_until_the_past_is_refused(void **state)
{
    (void)state;
    static const td_time past[] = {10, 9, -1, INT64_MIN};
    struct rig rig;
    open_rig(&rig);
    uint64_t digest = td_engine_digest(rig.engine);
    for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
        until = past[i];
        assert_false(ask_at(&rig, 10));
        assert_non_null(strstr(rig.error.text, "policy impatient lets peer 1 wait until"));
        assert_true(td_engine_digest(rig.engine) == digest);
    }
    rig_close(&rig);
}

/* Asking in vain leaves the peer as it was: it is still woken by the publication, and once. */
static void test_a_peer_can_ask_while_it_waits(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig);
    for (td_time at = 10; at < 13; at++) {
        until = at + 1;
        assert_true(ask_at(&rig, at));
        assert_int_equal(rig.commands.items[0].until, at + 1);
    }
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                   .at = 13,
                                   .peer = 0,
                                   .obtained = {.order = 1, .built = true, .published = true}});
    assert_int_equal(rig.commands.count, 1);
    assert_true(rig_woke(&rig, 1));
    assert_true(ask_at(&rig, 13));
    assert_int_equal(rig.commands.items[0].kind, TD_COMMAND_ORDER);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wait_has_the_end_that_the_policy_gives),
        cmocka_unit_test(test_a_wait_until_the_past_is_refused),
        cmocka_unit_test(test_a_peer_can_ask_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
