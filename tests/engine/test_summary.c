/* What outlives an engine: its cohorts' summary, told to another; and an engine that follows what
 * another policy has decided. */
#include "support.h"

#define MOST 64u

struct told {
    struct td_event events[MOST];
    size_t count;
};

static void keep(void *context, const struct td_event *event)
{
    struct told *told = context;
    assert_true(told->count < MOST);
    told->events[told->count++] = *event;
}

/* Another engine that is told what the first one knows. */
static void inherit(struct rig *rig, struct rig *heir, const struct td_policy *policy,
                    const struct td_engine_options *options, uint32_t steps,
                    const uint32_t (*edges)[2])
{
    struct told told = {0};
    const struct td_identity identity = {0};
    td_engine_summary(rig->engine, &identity, keep, &told);
    rig_open_with(heir, policy, options, steps, edges);
    for (size_t i = 0; i < told.count; i++)
        rig_do(heir, told.events[i]);
}

static void leave(struct rig *rig, td_peer peer)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_LEFT, .peer = peer});
}

static void test_what_is_published_stays_published(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    const struct td_engine_options options = {.retries = 2, .patience = -1, .first_order = 41};
    struct rig rig, heir;
    rig_open(&rig, &test_policy, 3, edges);
    rig_join(&rig, 0);
    rig_carry_out(&rig, 0, 0, true);
    leave(&rig, 0);
    inherit(&rig, &heir, &test_policy, &options, 3, edges);
    rig_join(&heir, 5);
    struct td_command order = rig_ask(&heir, 5);
    assert_int_equal(order.step, 1); /* ready, since what it comes after is there */
    assert_int_equal(order.order, 41);
    rig_join(&heir, 6);
    assert_int_equal(rig_ask(&heir, 6).step, 2);
    rig_join(&heir, 7);
    order = rig_ask(&heir, 7);
    assert_int_equal(order.step, 0);
    assert_false(order.build);
    td_engine_reset(heir.engine);
    rig_join(&heir, 0);
    assert_int_equal(rig_ask(&heir, 0).order, 41);
    rig_close(&rig);
    rig_close(&heir);
}

static void test_it_wakes_who_waits_for_it(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    rig_open(&rig, &test_policy, 2, edges);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    assert_int_equal(rig_ask(&rig, 0).step, 0);
    assert_int_equal(rig_ask(&rig, 1).kind, TD_COMMAND_WAIT);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_PUBLISHED, .known = {.step = 0}});
    assert_true(rig_woke(&rig, 1));
    rig_close(&rig);
}

static void test_variants_and_what_is_broken(void **state)
{
    (void)state;
    const struct td_engine_options options = {.retries = 2, .patience = -1};
    const struct td_identity identity = {0};
    struct rig rig, heir;
    rig_open(&rig, &test_policy, 2, NULL);
    for (td_peer peer = 0; peer < 3; peer++) {
        rig_join(&rig, peer);
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_VARIANT,
                                       .peer = peer,
                                       .variant = {.step = 0, .digest = 9}});
        td_order order = rig_ask(&rig, peer).order;
        enum td_end end = peer < 2 ? TD_END_BROKEN : TD_END_ABORTED;
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_ENDED,
                                       .peer = peer,
                                       .ended = {.order = order, .end = end, .step = 0}});
    }
    leave(&rig, 2);
    inherit(&rig, &heir, &test_policy, &options, 2, NULL);
    assert_true(td_engine_knows_broken(heir.engine, &identity, 0, 9));
    assert_false(td_engine_knows_broken(heir.engine, &identity, 0, 0));
    rig_close(&rig);
    rig_close(&heir);
}

static void longest(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = -td_view_estimate(view, step);
}

static void test_learned_times_go_on(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    const struct td_engine_options options = {.learn = true, .patience = -1};
    policy.needs = TD_NEEDS_ESTIMATES;
    policy.rank = longest;
    struct rig rig, heir;
    rig_open_with(&rig, &policy, &options, 2, NULL);
    rig_join(&rig, 0);
    for (td_step step = 0; step < 2; step++)
        rig_do(&rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                       .peer = 0,
                                       .obtained = {.order = rig_ask(&rig, 0).order,
                                                    .step = step,
                                                    .built = true,
                                                    .whole = true,
                                                    .took = step == 0 ? 5 : 50,
                                                    .last = true}});
    leave(&rig, 0);
    inherit(&rig, &heir, &policy, &options, 2, NULL);
    rig_join(&heir, 1);
    assert_int_equal(rig_ask(&heir, 1).step, 1);
    rig_close(&rig);
    rig_close(&heir);
}

static void test_what_is_impossible(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    uint64_t digest = td_engine_digest(rig.engine);
    assert_false(rig_try(
        &rig, (struct td_event){.kind = TD_EVENT_PUBLISHED, .known = {.identity = {.schema = 3}}}));
    assert_false(rig_try(
        &rig, (struct td_event){.kind = TD_EVENT_LEARNED, .learned = {.step = 1, .sum = 3}}));
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_BROKEN, .known = {.step = 2}}));
    assert_false(rig_try(&rig, (struct td_event){.kind = TD_EVENT_LEARNED,
                                                 .learned = {.step = 2, .count = 1, .sum = 3}}));
    assert_int_equal(td_engine_digest(rig.engine), digest); /* and no cohort is made for them */
    rig_close(&rig);
}

/* Each of many cohorts is found again, and none after a reset. */
static void test_many_cohorts(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &test_policy, 2, NULL);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            const struct td_identity identity = {.repository = i % 7, .cache = i};
            assert_false(td_engine_knows_published(rig.engine, &identity, 0, 0));
            rig_do(&rig, (struct td_event){.kind = TD_EVENT_PUBLISHED,
                                           .known = {.identity = identity, .step = i % 2}});
        }
        for (uint32_t i = 0; i < 300; i++) {
            const struct td_identity identity = {.repository = i % 7, .cache = i};
            assert_true(td_engine_knows_published(rig.engine, &identity, i % 2, 0));
            assert_false(td_engine_knows_published(rig.engine, &identity, 1 - i % 2, 0));
        }
        td_engine_reset(rig.engine);
    }
    rig_close(&rig);
}

/* The last step that the peer lacks. */
static struct td_choice backwards(const struct td_view *view)
{
    for (td_step step = td_view_step_count(view); step-- > 0;)
        if (!td_view_peer_holds(view, td_view_asking(view), step))
            return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step};
    return (struct td_choice){.kind = TD_CHOOSE_UNIVERSE};
}

static void test_an_engine_follows_another_policy(void **state)
{
    (void)state;
    struct td_policy policy = test_policy;
    struct td_command would;
    struct rig rig, other;
    policy.choose = backwards;
    rig_open(&rig, &test_policy, 3, NULL);
    rig_open(&other, &policy, 3, NULL);
    rig_join(&rig, 0);
    rig_join(&other, 0);
    for (uint32_t i = 0; i < 4; i++) {
        const struct td_event ask = {.kind = TD_EVENT_ASK, .peer = 0};
        struct td_command taken = rig_ask(&rig, 0);
        assert_true(td_engine_apply_as(other.engine, &ask, &taken, &would, &other.error));
        assert_int_equal(would.kind, TD_COMMAND_ORDER);
        assert_int_equal(would.step, i < 3 ? 2 : TD_UNIVERSE);
        if (taken.step == TD_UNIVERSE) break;
        rig_obtain(&rig, 0, taken.order, taken.step, true);
        rig_end(&rig, 0, taken.order, TD_END_OK);
        rig_obtain(&other, 0, taken.order, taken.step, true);
        rig_end(&other, 0, taken.order, TD_END_OK);
    }
    assert_int_equal(td_engine_digest(rig.engine), td_engine_digest(other.engine));
    /* no question, and no answer */
    const struct td_event left = {.kind = TD_EVENT_LEFT, .peer = 0};
    const struct td_event ask = {.kind = TD_EVENT_ASK, .peer = 0};
    const struct td_command wake = {.kind = TD_COMMAND_WAKE};
    assert_false(td_engine_apply_as(other.engine, &left, &wake, &would, &other.error));
    assert_false(td_engine_apply_as(other.engine, &ask, &wake, &would, &other.error));
    rig_close(&rig);
    rig_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_published_stays_published),
        cmocka_unit_test(test_it_wakes_who_waits_for_it),
        cmocka_unit_test(test_variants_and_what_is_broken),
        cmocka_unit_test(test_learned_times_go_on),
        cmocka_unit_test(test_what_is_impossible),
        cmocka_unit_test(test_many_cohorts),
        cmocka_unit_test(test_an_engine_follows_another_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
