/* What `weighing` chooses, and what its forecasts say, in views made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_view.h"
#include "policies/forecast.h"
#include "policies/policies.h"

/* Steps of 600 to build and 100 to fetch, and peers that have come just now; the last one asks. */
static struct td_view view_of(uint32_t peers, uint32_t steps)
{
    struct td_view view = {.steps = steps, .peers = peers, .asking = peers - 1, .now = 5000};
    for (td_step step = 0; step < steps; step++) {
        view.estimates[step] = 600;
        view.fetches[step] = 100;
        view.dependency_order[step] = step;
    }
    for (td_peer peer = 0; peer < peers; peer++)
        view.seen[peer] = (struct td_peer_view){
            .order = TD_NO_STEP, .joined = 5000, .since = 5000, .progress = 5000};
    view.ready = view.published = TD_NO_STEP;
    return view;
}

/* The peer has been building the step for so long. */
static void builds(struct td_view *view, td_peer peer, td_step step, td_time since)
{
    view->seen[peer].order = step;
    view->seen[peer].builds = true;
    view->seen[peer].since = view->seen[peer].progress = view->now - since;
    view->builders[step]++;
}

static void holds(struct td_view *view, td_peer peer, td_step step)
{
    view->held[peer] |= 1u << step;
    view->is_published[step] = true;
}

static void expect(const struct td_view *view, enum td_choice_kind kind, td_step step)
{
    struct td_choice choice = td_policy_find("weighing")->choose(view);
    assert_int_equal(choice.kind, kind);
    assert_int_equal(choice.step, step);
}

static td_time end_of(const struct td_view *view, enum td_forecast_rule rule)
{
    static struct td_forecast forecast;
    struct td_forecast_end end;
    assert_true(td_forecast_look(&forecast, view));
    assert_true(td_forecast_play(&forecast, rule, 0, TD_TIME_MAX, &end));
    return end.last;
}

/* The frame of the problem: 3 peers, 6 steps. */
static void test_forecasts_of_the_frame(void **state)
{
    (void)state;
    struct td_view view = view_of(3, 6);
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 2 * 600 + 4 * 100);
    assert_int_equal(end_of(&view, TD_FORECAST_CRITICAL_PATH), 2 * 600 + 4 * 100);
    assert_int_equal(end_of(&view, TD_FORECAST_UNIVERSE_AT_ONCE), 6 * 600);
    view.overhead = 10;
    view.rest_build = 50;
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 2 * 610 + 4 * 110 + 60);
    assert_int_equal(end_of(&view, TD_FORECAST_UNIVERSE_AT_ONCE), 6 * 600 + 60);
}

static uint32_t pace_of(const struct td_view *view, td_peer peer)
{
    static struct td_forecast forecast;
    assert_true(td_forecast_look(&forecast, view));
    return forecast.peer[peer].pace;
}

/* Where times are exact a peer goes on as its builds have shown; where they vary, one more as
 * expected counts: 6000 for 3000. */
static void test_forecasts_infer_speeds(void **state)
{
    (void)state;
    struct td_view view = view_of(1, 2);
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 1200);
    view.seen[0].took = 5400;
    view.seen[0].expected = 2400;
    assert_int_equal(pace_of(&view, 0), 1024 * 9 / 4);
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 2700);
    view.vary = true;
    assert_int_equal(pace_of(&view, 0), 1024 * 2);
}

/* A build of 600 that has taken 900 so far shows a pace of 3/2, whatever was shown before; and if
 * nothing was, with one more as expected, 1500 for 1200. */
static void test_forecasts_infer_speeds_from_what_is_late(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 2);
    builds(&view, 0, 0, 900);
    assert_int_equal(pace_of(&view, 0), 1024 * 5 / 4);
    view.seen[0].took = view.seen[0].expected = 600;
    assert_int_equal(pace_of(&view, 0), 1024 * 3 / 2);
    /* at that pace it is not late */
    view.seen[0].took = 1200;
    assert_int_equal(pace_of(&view, 0), 1024 * 2);
}

/* Peer 0 is slow: its build of the only step takes 2400. Peer 1, which builds it, too, publishes it
 * at 600. */
static void test_forecasts_know_who_gives_way(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 1);
    view.seen[0].took = 2400;
    view.seen[0].expected = 600;
    builds(&view, 0, 0, 100);
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 2300 + 100);
    assert_int_equal(end_of(&view, TD_FORECAST_FAR_END), 600 + 100);
    expect(&view, TD_CHOOSE_STEP, 0);
    /* what is left then, 50, is shorter than a fetch */
    view.seen[0].since = view.seen[0].progress = view.now - 1750;
    assert_int_equal(end_of(&view, TD_FORECAST_FAR_END), 650);
}

/* Peer 0 goes through the universe: step 0 held, step 1 since 200. Peer 1 touches step 1 in part.
 */
static void test_forecasts_of_what_is_running(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 3);
    holds(&view, 0, 0);
    view.seen[0].order = TD_UNIVERSE;
    view.seen[0].progress = view.now - 200;
    assert_int_equal(end_of(&view, TD_FORECAST_UNIVERSE_AT_ONCE), 100 + 600 + 600);
    /* peer 1 builds step 2, from the far end, which peer 0 reaches at 400; then it fetches */
    assert_int_equal(end_of(&view, TD_FORECAST_FAR_END), 400 + 600);
    view.artifacts[1][1] = 8;
    view.partial[1][1] = true;
    /* step 2, then step 1 by a fetch and half of the build, then step 0 */
    assert_int_equal(end_of(&view, TD_FORECAST_FAR_END), 600 + 100 + 300 + 100);
}

static void test_it_builds_what_nobody_builds(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 2);
    builds(&view, 0, 0, 0);
    expect(&view, TD_CHOOSE_STEP, 1);
}

static void test_it_waits_where_that_is_sooner(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 1);
    builds(&view, 0, 0, 200);
    struct td_choice choice = td_policy_find("weighing")->choose(&view);
    assert_int_equal(choice.kind, TD_CHOOSE_WAIT);
    assert_int_equal(choice.until, 5000 + 400 + 50 + 1); /* an eighth of the time late */
}

static void test_it_builds_once_more_where_that_is_sooner(void **state)
{
    (void)state;
    struct td_view view = view_of(3, 2);
    builds(&view, 0, 0, 0);
    builds(&view, 1, 1, 0);
    view.fetches[0] = view.fetches[1] = 400;
    expect(&view, TD_CHOOSE_STEP, 1); /* then a fetch: 1000, instead of 600 and two fetches */
}

/* At 3000 of 600 its pace is held to be a third; it is late, and so expected to take as long again.
 */
static void test_it_does_not_wait_for_one_that_is_late(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 2);
    holds(&view, 1, 1);
    builds(&view, 0, 0, 3000);
    assert_int_equal(end_of(&view, TD_FORECAST_DIRECTED), 3000 + 1 + 100);
    expect(&view, TD_CHOOSE_STEP, 0);
}

static void test_it_fetches_all_in_one_go(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 2);
    holds(&view, 0, 0);
    holds(&view, 0, 1);
    expect(&view, TD_CHOOSE_UNIVERSE, TD_UNIVERSE);
}

/* Others may come: as long as invocations of their own cost it no more than 2%, it takes steps. Of
 * 2420, two of 20 do not, three do. */
static void test_one_that_is_alone(void **state)
{
    (void)state;
    struct td_view view = view_of(1, 4);
    view.overhead = 20;
    expect(&view, TD_CHOOSE_STEP, 0);
    holds(&view, 0, 0);
    view.seen[0].joined = view.now - 620;
    expect(&view, TD_CHOOSE_STEP, 1);
    holds(&view, 0, 1);
    view.seen[0].joined = view.now - 1240;
    expect(&view, TD_CHOOSE_UNIVERSE, TD_UNIVERSE);
    view = view_of(1, 4);
    view.overhead = 48; /* of 2448 */
    expect(&view, TD_CHOOSE_STEP, 0);
    view.overhead = 49; /* of 2449 */
    expect(&view, TD_CHOOSE_UNIVERSE, TD_UNIVERSE);
}

/* Peer 0 has just begun to build the only step, which it holds at 600 and an overhead; with the
 * universe it ends an overhead later. To build it once more as a step lets peer 1 end then, too:
 * 18 overheads + 5400 in all, by the weights. In one invocation it ends an overhead before: half of
 * one less, which is not worth 2% if an overhead is 100 (7150 and 7200), but if it is 300 (10650
 * and 10800, which itself must be better by 1% than to wait). */
static void test_the_universe_is_not_for_what_others_build(void **state)
{
    (void)state;
    struct td_view view = view_of(2, 1);
    builds(&view, 0, 0, 0);
    view.overhead = 100;
    expect(&view, TD_CHOOSE_STEP, 0);
    view.overhead = 300;
    expect(&view, TD_CHOOSE_UNIVERSE, TD_UNIVERSE);
}

/* Where all end at once in any case, plain `directed` is followed; so it is with what is broken,
 * and in cohorts that are too large. */
static void test_it_falls_back_to_directed(void **state)
{
    (void)state;
    struct td_view view = view_of(1, 3);
    expect(&view, TD_CHOOSE_STEP, 0);
    view.ready = 2;
    view.is_broken[0] = true;
    expect(&view, TD_CHOOSE_STEP, 2);
    view = view_of(FAKE_PEERS, 3);
    view.ready = 1;
    expect(&view, TD_CHOOSE_STEP, 1);
    view.holds_all = true;
    view.ready = TD_NO_STEP;
    expect(&view, TD_CHOOSE_UNIVERSE, TD_UNIVERSE);
}

/* Nothing is known yet (learned estimates), or all is endless. */
static void test_extreme_estimates(void **state)
{
    (void)state;
    struct td_view view = view_of(4, FAKE_STEPS);
    view.vary = true;
    for (td_step step = 0; step < view.steps; step++)
        view.estimates[step] = view.fetches[step] = 0;
    expect(&view, TD_CHOOSE_STEP, 0);
    for (td_step step = 0; step < view.steps; step++)
        view.estimates[step] = view.fetches[step] = TD_TIME_MAX;
    view.overhead = view.rest_build = view.rest_fetch = TD_TIME_MAX;
    for (td_peer peer = 0; peer < view.peers; peer++) {
        view.seen[peer].took = TD_TIME_MAX;
        view.seen[peer].expected = 1;
    }
    assert_int_equal(td_policy_find("weighing")->choose(&view).reason, TD_REASON_SOONEST);
}

/* Another has published what the asking peer builds (600, of which so much has passed); a fetch of
 * it takes 100, an invocation 20. */
static bool gives_way(td_time since_order, td_time since_result)
{
    struct td_view view = view_of(2, 1);
    view.overhead = 20;
    builds(&view, 1, 0, since_order);
    view.seen[1].progress = view.now - since_result;
    return td_policy_find("weighing")->gives_way(&view);
}

static void test_who_gives_way(void **state)
{
    (void)state;
    assert_true(gives_way(100, 100));  /* 20 of overhead, 80 of building: 520 are left */
    assert_true(gives_way(499, 499));  /* 121 */
    assert_false(gives_way(500, 500)); /* 120, as long as to fetch it */
    /* overdue: as long again */
    assert_true(gives_way(641, 641));
    /* the order is old, but its prerequisites took the time: the build itself has just begun ... */
    assert_true(gives_way(2000, 10));
    /* ... or is nearly done */
    assert_false(gives_way(2000, 590));
}

/* One that has not begun to build fetches what is published without being told. */
static void test_who_has_not_begun_goes_on(void **state)
{
    (void)state;
    assert_true(gives_way(20, 20));
    assert_false(gives_way(19, 19)); /* in its overhead */
    struct td_view view = view_of(2, 2);
    view.prerequisites[1][0] = 0;
    view.prerequisite_count[1] = 1;
    builds(&view, 1, 1, 50);
    assert_false(td_policy_find("weighing")->gives_way(&view)); /* it builds step 0 */
    holds(&view, 1, 0);
    assert_true(td_policy_find("weighing")->gives_way(&view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forecasts_of_the_frame),
        cmocka_unit_test(test_forecasts_infer_speeds),
        cmocka_unit_test(test_forecasts_infer_speeds_from_what_is_late),
        cmocka_unit_test(test_forecasts_know_who_gives_way),
        cmocka_unit_test(test_forecasts_of_what_is_running),
        cmocka_unit_test(test_it_builds_what_nobody_builds),
        cmocka_unit_test(test_it_waits_where_that_is_sooner),
        cmocka_unit_test(test_it_builds_once_more_where_that_is_sooner),
        cmocka_unit_test(test_it_does_not_wait_for_one_that_is_late),
        cmocka_unit_test(test_it_fetches_all_in_one_go),
        cmocka_unit_test(test_one_that_is_alone),
        cmocka_unit_test(test_the_universe_is_not_for_what_others_build),
        cmocka_unit_test(test_it_falls_back_to_directed),
        cmocka_unit_test(test_extreme_estimates),
        cmocka_unit_test(test_who_gives_way),
        cmocka_unit_test(test_who_has_not_begun_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
