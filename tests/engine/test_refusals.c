/* The engine refuses what cannot be, says why, and stays as it was. */
#include "support.h"

/* Peer 0 works on order 1 (step 0), peer 1 waits, peer 2 is free, peer 3 is not here; two steps. */
static void rig_prepare(struct rig *rig)
{
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    rig_open(rig, &test_policy, 2, edges);
    for (td_peer peer = 0; peer < 3; peer++)
        rig_do(rig, (struct td_event){.kind = TD_EVENT_JOIN, .at = 10, .peer = peer});
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ASK, .at = 10, .peer = 0});
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ASK, .at = 10, .peer = 1});
}

/* The event by the way that it usually goes. */
static bool try_short(struct rig *rig, const struct td_event *event)
{
    rig->commands.count = 0;
    if (event->kind == TD_EVENT_ASK)
        return td_engine_ask(rig->engine, event->at, event->peer, &rig->commands, &rig->error);
    if (event->kind == TD_EVENT_OBTAINED && event->obtained.last)
        return !td_engine_obtain_and_ask(rig->engine, event, &rig->commands, &rig->error).refused;
    if (event->kind == TD_EVENT_ENDED && event->ended.end == TD_END_OK)
        return td_engine_end_well(rig->engine, event->at, event->peer, event->ended.order,
                                  &rig->commands, &rig->error);
    return rig_try(rig, *event);
}

static void test_impossible_events(void **state)
{
    (void)state;
    const struct td_schema_spec none = {.step_count = 0, .after_start = (uint32_t[]){0}};
    const struct td_schema_spec itself = {
        .step_count = 1, .after_start = (uint32_t[]){0, 1}, .after = (td_step[]){0}};
    const struct td_schema_spec unknown = {
        .step_count = 1, .after_start = (uint32_t[]){0, 1}, .after = (td_step[]){5}};
    const struct td_schema_spec cycle = {
        .step_count = 2, .after_start = (uint32_t[]){0, 1, 2}, .after = (td_step[]){1, 0}};
    const struct td_schema_spec backwards = {
        .step_count = 2, .after_start = (uint32_t[]){0, 1, 0}, .after = (td_step[]){1}};
    const struct td_schema_spec early = {
        .step_count = 1, .after_start = (uint32_t[]){0, 0}, .fetch_estimates = (td_time[]){-1}};
    const struct td_schema_spec eager = {
        .step_count = 1, .after_start = (uint32_t[]){0, 0}, .rest_fetch = -1};
    const struct {
        const char *says;
        struct td_event event;
    } cases[] = {
        {"comes after one at 10 ns", {.kind = TD_EVENT_ASK, .at = 9, .peer = 2}},
        {"not here", {.kind = TD_EVENT_ASK, .at = 10, .peer = 3}},
        {"not here", {.kind = TD_EVENT_ASK, .at = 10, .peer = 1000000}},
        {"at work", {.kind = TD_EVENT_ASK, .at = 10, .peer = 0}},
        {"cannot join: it is free", {.kind = TD_EVENT_JOIN, .at = 10, .peer = 2}},
        {"limit", {.kind = TD_EVENT_JOIN, .at = 10, .peer = UINT32_MAX}},
        {"no schema 7", {.kind = TD_EVENT_JOIN, .at = 10, .peer = 3, .join = {{.schema = 7}}}},
        {"at work", {.kind = TD_EVENT_HOLDS, .at = 10, .peer = 0, .holds = {0}}},
        {"no step 2", {.kind = TD_EVENT_HOLDS, .at = 10, .peer = 2, .holds = {2}}},
        {"waiting", {.kind = TD_EVENT_VARIANT, .at = 10, .peer = 1, .variant = {.digest = 1}}},
        {"no step 2",
         {.kind = TD_EVENT_VARIANT, .at = 10, .peer = 2, .variant = {.step = 2, .digest = 1}}},
        {"digest 0", {.kind = TD_EVENT_VARIANT, .at = 10, .peer = 2, .variant = {.step = 1}}},
        {"order 2, but works on 1",
         {.kind = TD_EVENT_OBTAINED, .at = 10, .peer = 0, .obtained = {.order = 2}}},
        {"no step 9",
         {.kind = TD_EVENT_OBTAINED, .at = 10, .peer = 0, .obtained = {.order = 1, .step = 9}}},
        {"free", {.kind = TD_EVENT_OBTAINED, .at = 10, .peer = 2, .obtained = {.order = 1}}},
        {"comes after one at 10 ns",
         {.kind = TD_EVENT_OBTAINED, .at = 9, .obtained = {.order = 1, .last = true}}},
        {"order 2, but works on 1",
         {.kind = TD_EVENT_OBTAINED, .at = 10, .obtained = {.order = 2, .last = true}}},
        {"ends an order for step 0 with step 1",
         {.kind = TD_EVENT_OBTAINED,
          .at = 10,
          .peer = 0,
          .obtained = {.order = 1, .step = 1, .last = true}}},
        {"less than no time",
         {.kind = TD_EVENT_OBTAINED,
          .at = 10,
          .peer = 0,
          .obtained = {.order = 1, .whole = true, .took = -1}}},
        {"order 9", {.kind = TD_EVENT_ENDED, .at = 10, .peer = 0, .ended = {.order = 9}}},
        {"without holding", {.kind = TD_EVENT_ENDED, .at = 10, .peer = 0, .ended = {.order = 1}}},
        {"waiting", {.kind = TD_EVENT_ENDED, .at = 10, .peer = 1, .ended = {.order = 1}}},
        {"comes after one at 10 ns", {.kind = TD_EVENT_ENDED, .at = 9, .ended = {.order = 1}}},
        {"not here", {.kind = TD_EVENT_LEFT, .at = 10, .peer = 3}},
        {"draws no lots", {.kind = TD_EVENT_LOT, .at = 10}},
        {"out of turn", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {2, &cycle}}},
        {"1 to", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &none}}},
        {"comes after step 0", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &itself}}},
        {"comes after step 5", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &unknown}}},
        {"after themselves", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &cycle}}},
        {"end before", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &backwards}}},
        {"step 0 takes less", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &early}}},
        {"rest takes less", {.kind = TD_EVENT_SCHEMA, .at = 10, .schema = {1, &eager}}},
        {"no event of kind", {.kind = (enum td_event_kind)99, .at = 10}},
    };
    struct rig rig;
    rig_prepare(&rig);
    for (size_t way = 0; way < 2 * sizeof cases / sizeof *cases; way++) {
        size_t i = way / 2;
        uint64_t before = td_engine_digest(rig.engine);
        memset(&rig.error, 0, sizeof rig.error);
        if (way % 2 == 0 ? rig_try(&rig, cases[i].event) : try_short(&rig, &cases[i].event))
            fail_msg("case %zu is accepted", i);
        if (strstr(rig.error.text, cases[i].says) == NULL)
            fail_msg("case %zu says '%s', not '%s'", i, rig.error.text, cases[i].says);
        assert_int_equal(rig.error.fault, TD_FAULT_INPUT);
        assert_int_equal(rig.commands.count, 0);
        assert_true(td_engine_digest(rig.engine) == before);
    }
    rig_close(&rig);
}

/* The same of a fetch of what was ordered. Peer 2 is ordered the universe. */
static void test_impossible_fetches(void **state)
{
    (void)state;
    const struct {
        const char *says;
        td_time at;
        td_peer peer;
        td_order order;
        td_time took;
    } cases[] = {
        {"comes after one at 10 ns", 9, 0, 1, 0},
        {"order 2, but works on 1", 10, 0, 2, 0},
        {"waiting", 10, 1, 1, 0},
        {"not here", 10, 3, 1, 0},
        {"less than no time", 10, 0, 1, -1},
        {"no step", 10, 2, 2, 0},
    };
    struct rig rig;
    rig_prepare(&rig);
    for (td_step step = 0; step < 2; step++)
        rig_do(&rig,
               (struct td_event){.kind = TD_EVENT_HOLDS, .at = 10, .peer = 2, .holds = {step}});
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_ASK, .at = 10, .peer = 2});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t before = td_engine_digest(rig.engine);
        rig.commands.count = 0;
        const struct td_next next =
            td_engine_fetch_and_ask(rig.engine, cases[i].at, cases[i].peer, cases[i].order,
                                    cases[i].took, &rig.commands, &rig.error);
        assert_true(next.refused && next.step == TD_NO_STEP);
        if (strstr(rig.error.text, cases[i].says) == NULL)
            fail_msg("case %zu says '%s', not '%s'", i, rig.error.text, cases[i].says);
        assert_int_equal(rig.commands.count, 0);
        assert_true(td_engine_digest(rig.engine) == before);
    }
    rig_close(&rig);
}

static void test_events_before_the_refused_one_are_applied(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 1, NULL);
    const struct td_event events[] = {{.kind = TD_EVENT_JOIN, .peer = 0},
                                      {.kind = TD_EVENT_ASK, .peer = 1},
                                      {.kind = TD_EVENT_ASK, .peer = 0}};
    assert_int_equal(td_engine_apply(rig.engine, events, 3, &rig.commands, &rig.error), 1);
    assert_int_equal(rig_ask(&rig, 0).kind, TD_COMMAND_ORDER);
    rig_close(&rig);
}

/* A variant may not change what is held already. */
static void test_a_held_step_keeps_its_variant(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    rig_join(&rig, 0);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_HOLDS, .peer = 0, .holds = {1}});
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_VARIANT,
                                                 .peer = 0,
                                                 .variant = {.step = 1, .digest = 5}}));
    assert_non_null(strstr(rig.error.text, "holds step 1"));
    rig_carry_out(&rig, 0, 0, true);
    rig_carry_out(&rig, 0, TD_UNIVERSE, false); /* step 1 was held from the start */
    rig_close(&rig);
}

static struct td_choice nonsense_step(const struct td_view *view)
{
    return (struct td_choice){
        .kind = TD_CHOOSE_STEP, .step = td_view_step_count(view), .reason = TD_REASON_NONE};
}

static struct td_choice held_step(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = 0, .reason = TD_REASON_NONE};
}

static struct td_choice unknown_kind(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = (enum td_choice_kind)17, .step = 0, .reason = TD_REASON_NONE};
}

static struct td_choice no_hope(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){
        .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_NONE};
}

static void test_a_policy_that_answers_nonsense_is_named(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    struct rig rig;
    policy.name = "nonsense";
    policy.choose = nonsense_step;
    rig_open(&rig, &policy, 2, NULL);
    rig_join(&rig, 0);
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    assert_int_equal(rig.error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(rig.error.text, "policy nonsense orders step 2"));
    rig_close(&rig);

    policy.choose = unknown_kind;
    rig_open(&rig, &policy, 2, NULL);
    rig_join(&rig, 0);
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    assert_non_null(strstr(rig.error.text, "policy nonsense answers with a choice of kind 17"));
    rig_close(&rig);

    policy.choose = no_hope;
    rig_open(&rig, &policy, 2, NULL);
    rig_join(&rig, 0);
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    assert_non_null(strstr(rig.error.text, "policy nonsense gives peer 0 up"));
    rig_close(&rig);

    policy.choose = held_step;
    rig_open(&rig, &policy, 2, NULL);
    rig_join(&rig, 0);
    rig_carry_out(&rig, 0, 0, true);
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = 0}));
    assert_non_null(strstr(rig.error.text, "which peer 0 holds"));
    rig_close(&rig);
}

static void test_a_policy_of_another_abi_is_refused(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    struct td_error error;
    policy.abi = TD_POLICY_ABI + 1;
    assert_null(td_engine_create(&policy, &(struct td_engine_options){0}, &error));
    assert_non_null(strstr(error.text, "ABI"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_impossible_events),
        cmocka_unit_test(test_impossible_fetches),
        cmocka_unit_test(test_events_before_the_refused_one_are_applied),
        cmocka_unit_test(test_a_held_step_keeps_its_variant),
        cmocka_unit_test(test_a_policy_that_answers_nonsense_is_named),
        cmocka_unit_test(test_a_policy_of_another_abi_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
