/* What a policy that needs times sees: estimates, peers, artifacts, and when what happened. */
#include "support.h"

/* A life of three peers, and in the middle of it a question: the policy below looks around. */
static void (*look)(const struct td_view *view);

static struct td_choice choose(const struct td_view *view)
{
    if (look != NULL) look(view);
    return test_choose(view);
}

static const struct td_policy policy = {.abi = TD_POLICY_ABI,
                                        .name = "watchful",
                                        .summary = "looks around",
                                        .needs = TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES,
                                        .choose = choose};

static void open_with(struct rig *rig, const struct td_policy *watching, bool learn)
{
    static const td_time builds[] = {60, 40}, fetches[] = {6, INT64_MAX};
    static const uint32_t start[] = {0, 0, 1};
    static const td_step after[] = {0};
    const struct td_schema_spec spec = {.step_count = 2,
                                        .after_start = start,
                                        .after = after,
                                        .estimates = builds,
                                        .fetch_estimates = fetches,
                                        .overhead = 3,
                                        .rest_build = 20,
                                        .rest_fetch = 2,
                                        .exact = true};
    const struct td_engine_options options = {.retries = 2, .learn = learn};
    memset(rig, 0, sizeof *rig);
    rig->engine = td_engine_create(watching, &options, &rig->error);
    assert_non_null(rig->engine);
    rig_do(rig, (struct td_event){.kind = TD_EVENT_SCHEMA, .schema = {.id = 0, .spec = &spec}});
}

static struct td_command ask_at(struct rig *rig, td_peer peer, td_time at)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ASK, .at = at, .peer = peer});
    return rig->commands.items[rig->commands.count - 1];
}

static void obtain(struct rig *rig, td_peer peer, struct td_event event)
{
    event.kind = TD_EVENT_OBTAINED;
    event.peer = peer;
    rig_do(rig, event);
}

static void see_estimates(const struct td_view *view)
{
    uint32_t count;
    assert_int_equal(td_view_now(view), 7);
    assert_int_equal(td_view_estimate(view, 1), 40);
    assert_int_equal(td_view_fetch_estimate(view, 0), 6);
    assert_int_equal(td_view_fetch_estimate(view, 1), TD_TIME_MAX); /* no finite mean */
    assert_int_equal(td_view_overhead_estimate(view), 3);
    assert_int_equal(td_view_rest_estimate(view, true), 20);
    assert_int_equal(td_view_rest_estimate(view, false), 2);
    assert_false(td_view_rest_is_published(view) || td_view_times_vary(view));
    assert_int_equal(td_view_prerequisites(view, 1, &count)[0], 0);
    assert_int_equal(count, 1);
    (void)td_view_prerequisites(view, 0, &count);
    assert_int_equal(count, 0);
}

static void test_estimates(void **state)
{
    (void)state;
    struct rig rig;
    look = see_estimates;
    open_with(&rig, &policy, false);
    rig_join(&rig, 0);
    (void)ask_at(&rig, 0, 7);
    rig_close(&rig);
}

/* At 100 peer 2 asks. Peer 0 has built step 0 from 10 to 90 (estimate 60) and builds step 1 since
 * 95; peer 1 touches step 1, and has been free since 5. */
static void see_peers(const struct td_view *view)
{
    assert_int_equal(td_view_asking(view), 2);
    assert_int_equal(td_view_next_peer(view, TD_NO_PEER), 0);
    assert_int_equal(td_view_next_peer(view, 0), 1);
    assert_int_equal(td_view_next_peer(view, 2), TD_NO_PEER);

    struct td_peer_view seen = td_view_peer(view, 0);
    assert_int_equal(seen.order, 1);
    assert_true(seen.builds && !seen.read_only && !seen.touches);
    assert_int_equal(seen.joined, 5);
    assert_int_equal(seen.since, 95);
    assert_int_equal(seen.progress, 95);
    assert_int_equal(seen.took, 80);
    assert_int_equal(seen.expected, 60);
    assert_true(td_view_peer_holds(view, 0, 0) && !td_view_peer_holds(view, 0, 1));

    seen = td_view_peer(view, 1);
    assert_int_equal(seen.order, TD_NO_STEP);
    assert_true(!seen.builds && !seen.read_only && seen.touches);
    assert_int_equal(seen.since, 5);
    assert_true(td_view_peer(view, 2).read_only && !td_view_peer(view, 2).touches);

    uint32_t mine = td_view_artifact(view, 2, 1), other = td_view_artifact(view, 1, 1);
    assert_int_equal(td_view_artifact_count(view), 3);
    assert_int_equal(mine, td_view_artifact(view, 0, 1));
    assert_int_equal(other, 2);
    assert_int_equal(td_view_artifact_before(view, 1, 1), mine);
    assert_int_equal(td_view_artifact_before(view, 0, 1), TD_NO_ARTIFACT);
    assert_int_equal(td_view_builders(view, mine), 1);
    assert_int_equal(td_view_builders(view, other), 0);
    assert_int_equal(td_view_built_since(view, mine), 95);
    assert_int_equal(td_view_built_since(view, other), TD_TIME_MAX);
    assert_true(td_view_is_published(view, td_view_artifact(view, 2, 0)));
    assert_true(!td_view_is_published(view, mine) && !td_view_is_broken(view, mine));
}

static void live_until_100(struct rig *rig)
{
    look = NULL;
    for (td_peer peer = 0; peer < 3; peer++)
        rig_do(rig,
               (struct td_event){
                   .kind = TD_EVENT_JOIN, .at = 5, .peer = peer, .join = {.read_only = peer == 2}});
    rig_do(rig,
           (struct td_event){
               .kind = TD_EVENT_VARIANT, .at = 5, .peer = 1, .variant = {.step = 1, .digest = 9}});
    rig_do(rig,
           (struct td_event){
               .kind = TD_EVENT_START, .at = 5, .peer = 1, .variant = {.step = 1, .digest = 0}});
    struct td_command order = ask_at(rig, 0, 10);
    obtain(rig, 0,
           (struct td_event){.at = 90,
                             .obtained = {.order = order.order,
                                          .built = true,
                                          .published = true,
                                          .whole = true,
                                          .took = 80,
                                          .last = true}});
    (void)ask_at(rig, 0, 95);
}

static void test_peers_and_artifacts(void **state)
{
    (void)state;
    struct rig rig;
    open_with(&rig, &policy, false);
    live_until_100(&rig);
    look = see_peers;
    (void)ask_at(&rig, 2, 100);
    rig_close(&rig);
}

static void see_what_was_learned(const struct td_view *view)
{
    assert_int_equal(td_view_estimate(view, 0), 80);
    assert_int_equal(td_view_fetch_estimate(view, 0), 11);
    assert_int_equal(td_view_fetch_estimate(view, 1), 11); /* as the other one */
    assert_true(td_view_rest_is_published(view) && td_view_times_vary(view));
}

static void test_fetches_are_learned(void **state)
{
    (void)state;
    struct rig rig;
    open_with(&rig, &policy, true);
    live_until_100(&rig);
    struct td_command order = ask_at(&rig, 1, 100);
    assert_false(order.build);
    obtain(
        &rig, 1,
        (struct td_event){.at = 111, .obtained = {.order = order.order, .took = 11, .last = true}});
    /* peer 0 completes: what lies beyond the steps is there */
    obtain(
        &rig, 0,
        (struct td_event){
            .at = 120,
            .obtained = {.order = 2, .step = 1, .built = true, .published = true, .last = true}});
    order = ask_at(&rig, 0, 120);
    assert_int_equal(order.step, TD_UNIVERSE);
    rig_do(&rig, (struct td_event){.kind = TD_EVENT_ENDED,
                                   .at = 140,
                                   .peer = 0,
                                   .ended = {.order = order.order, .end = TD_END_OK}});
    look = see_what_was_learned;
    (void)ask_at(&rig, 2, 140);
    rig_close(&rig);
}

/* Equal digests, equal futures: what only such a policy sees counts for it. */
static void test_the_digest_covers_what_was_observed(void **state)
{
    (void)state;
    uint64_t digests[2][2];
    for (int needs = 0; needs < 2; needs++)
        for (int late = 0; late < 2; late++) {
            struct td_policy watching = policy;
            struct rig rig;
            if (!needs) watching.needs = 0;
            look = NULL;
            open_with(&rig, &watching, false);
            rig_join(&rig, 0);
            (void)ask_at(&rig, 0, late ? 3 : 2);
            rig_do(&rig, (struct td_event){.kind = TD_EVENT_JOIN, .at = 5, .peer = 1});
            digests[needs][late] = td_engine_digest(rig.engine);
            rig_close(&rig);
        }
    assert_true(digests[0][0] == digests[0][1]);
    assert_true(digests[1][0] != digests[1][1]);
}

/* Peer 0 has built step 0, peer 1 fetches it, and asks. */
static td_order fetch_one(struct rig *rig)
{
    const struct td_engine_options options = {.retries = UINT32_MAX, .learn = true};
    rig_open_with(rig, &policy, &options, 2, NULL);
    look = NULL;
    for (td_peer peer = 0; peer < 2; peer++)
        rig_join(rig, peer);
    td_order first = rig_ask(rig, 0).order, second = rig_ask(rig, 1).order;
    for (td_peer peer = 0; peer < 2; peer++)
        rig_do(rig, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                      .at = 7,
                                      .peer = peer,
                                      .obtained = {peer == 0 ? first : second, peer, .built = true,
                                                   .published = true, .whole = true, .took = 7,
                                                   .last = true}});
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ASK, .at = 7, .peer = 1});
    assert_int_equal(rig->commands.items[0].step, 0);
    return rig->commands.items[0].order;
}

/* A fetch and the question that follows it, in one call, leave behind what both leave apart: also
 * what is observed, and the time. */
static void test_a_fetch_in_one_call_is_observed(void **state)
{
    (void)state;
    struct rig apart, at_once;
    td_order order = fetch_one(&apart);
    assert_int_equal(fetch_one(&at_once), order);
    rig_do(&apart, (struct td_event){.kind = TD_EVENT_OBTAINED,
                                     .at = 20,
                                     .peer = 1,
                                     .obtained = {order, 0, .took = 13, .last = true}});
    rig_do(&apart, (struct td_event){.kind = TD_EVENT_ASK, .at = 20, .peer = 1});
    const struct td_next next = td_engine_fetch_and_ask(at_once.engine, 20, 1, order, 13,
                                                        &at_once.commands, &at_once.error);
    assert_int_equal(next.step, TD_UNIVERSE);
    assert_int_equal(next.order, apart.commands.items[0].order);
    assert_true(td_engine_digest(at_once.engine) == td_engine_digest(apart.engine));
    const struct td_event early = {.kind = TD_EVENT_ASK, .at = 19, .peer = 0};
    assert_false(rig_try(&apart, early));
    assert_false(rig_try(&at_once, early));
    rig_close(&apart);
    rig_close(&at_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_peers_and_artifacts),
        cmocka_unit_test(test_fetches_are_learned),
        cmocka_unit_test(test_the_digest_covers_what_was_observed),
        cmocka_unit_test(test_a_fetch_in_one_call_is_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
