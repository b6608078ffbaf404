/* Each shipped policy's rule, in a view made by hand: no engine, no world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_view.h"
#include "policies/policies.h"

#include <string.h>

static void test_the_registry(void **state)
{
    (void)state;
    static const char *const names[] = {"universe", "linear",      "parallel",      "directed",
                                        "longest",  "shortest",    "critical-path", "most-unlocked",
                                        "random",   "speculative", "weighing"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct td_policy *policy = td_policy_at(i);
        assert_non_null(policy);
        assert_string_equal(policy->name, names[i]);
        assert_ptr_equal(td_policy_find(names[i]), policy);
        assert_int_equal(policy->abi, TD_POLICY_ABI);
        assert_non_null(policy->choose);
        assert_true(strlen(policy->summary) > 0);
        assert_null(strchr(policy->summary, '\n'));
    }
    assert_null(td_policy_at(sizeof names / sizeof *names));
    assert_null(td_policy_find("Directed"));
    assert_null(td_policy_find(""));
}

#define NO TD_NO_STEP
#define FAMILY "directed longest shortest critical-path most-unlocked random speculative"

/* What a policy chooses in a given view, as data. */
static void test_choices(void **state)
{
    (void)state;
    static const struct {
        const char *policies; /* separated by spaces */
        struct {
            td_step ready, published, not_held, hopeful;
            bool holds_all, its_turn;
        } view;
        struct td_choice expected;
    } cases[] = {
        {"universe",
         {2, 1, 0, 0, false, false},
         {.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_ALL_AT_ONCE}},
        {"parallel",
         {2, 1, 0, 1, false, false},
         {.kind = TD_CHOOSE_STEP, .step = 0, .reason = TD_REASON_NEXT_IN_SCHEMA}},
        {"parallel",
         {NO, NO, NO, NO, true, false},
         {.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL}},
        /* parallel knows nothing of what is broken, linear passes it by */
        {"linear",
         {2, 1, 0, 1, false, true},
         {.kind = TD_CHOOSE_STEP, .step = 1, .reason = TD_REASON_IN_TURN}},
        {"linear",
         {2, 1, 0, 0, false, false},
         {.kind = TD_CHOOSE_WAIT, .step = NO, .reason = TD_REASON_NOT_ITS_TURN}},
        {"linear",
         {NO, NO, NO, NO, true, true},
         {.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL}},
        {"linear",
         {NO, NO, 0, NO, false, true},
         {.kind = TD_CHOOSE_GIVE_UP, .step = NO, .reason = TD_REASON_BROKEN}},
        {"linear",
         {NO, NO, 0, NO, false, false},
         {.kind = TD_CHOOSE_GIVE_UP, .step = NO, .reason = TD_REASON_BROKEN}},
        /* a build before a fetch, a fetch before a wait */
        {FAMILY,
         {2, 1, 0, 0, false, false},
         {.kind = TD_CHOOSE_STEP, .step = 2, .reason = TD_REASON_READY}},
        {FAMILY,
         {NO, 1, 0, 0, false, true},
         {.kind = TD_CHOOSE_STEP, .step = 1, .reason = TD_REASON_PUBLISHED}},
        {FAMILY,
         {NO, NO, 0, 0, false, true},
         {.kind = TD_CHOOSE_WAIT, .step = NO, .reason = TD_REASON_OTHERS_BUILD}},
        {FAMILY,
         {NO, NO, 0, NO, false, true},
         {.kind = TD_CHOOSE_GIVE_UP, .step = NO, .reason = TD_REASON_BROKEN}},
        {FAMILY,
         {NO, NO, NO, NO, true, true},
         {.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct td_view view = {.steps = 3,
                                     .ready = cases[i].view.ready,
                                     .published = cases[i].view.published,
                                     .not_held = cases[i].view.not_held,
                                     .hopeful = cases[i].view.hopeful,
                                     .holds_all = cases[i].view.holds_all,
                                     .its_turn = cases[i].view.its_turn};
        char names[128];
        assert_true(strlen(cases[i].policies) < sizeof names);
        memcpy(names, cases[i].policies, strlen(cases[i].policies) + 1);
        for (char *rest = names, *name; (name = strtok_r(rest, " ", &rest)) != NULL;) {
            const struct td_policy *policy = td_policy_find(name);
            assert_non_null(policy);
            struct td_choice choice = policy->choose(&view);
            assert_int_equal(choice.kind, cases[i].expected.kind);
            assert_int_equal(choice.step, cases[i].expected.step);
            assert_int_equal(choice.reason, cases[i].expected.reason);
        }
    }
}

/* Four steps of 30, 10, 50 and 20 s; 1 comes after 0, 3 after 1 and 2. By hand: the upward ranks
 * are 3: 20, 1: 10 + 20 = 30, 0: 30 + 30 = 60, 2: 50 + 20 = 70. */
static const struct td_view diamond = {
    .steps = 4,
    .estimates = {30, 10, 50, 20},
    .lots = {7, 3, 9, 1},
    .dependency_order = {0, 1, 2, 3},
    .dependents = {{1}, {3}, {3}, {0}},
    .dependent_count = {1, 1, 1, 0},
    .unlocks = {2, 1, 1, 0},
};

static void check_rank(const char *name, const int64_t *expected)
{
    int64_t ranks[FAKE_STEPS] = {0};
    const struct td_policy *policy = td_policy_find(name);
    assert_non_null(policy->rank);
    policy->rank(&diamond, ranks);
    assert_memory_equal(ranks, expected, 4 * sizeof *ranks);
}

static void test_ranks(void **state)
{
    (void)state;
    check_rank("longest", (const int64_t[]){-30, -10, -50, -20});
    check_rank("shortest", (const int64_t[]){30, 10, 50, 20});
    check_rank("critical-path", (const int64_t[]){-60, -30, -70, -20});
    check_rank("most-unlocked", (const int64_t[]){-2, -1, -1, 0});
    check_rank("random", (const int64_t[]){7, 3, 9, 1});
    assert_null(td_policy_find("directed")->rank);
    assert_null(td_policy_find("linear")->rank);
    assert_null(td_policy_find("parallel")->rank);
}

/* A path longer than time can be is the longest, not the shortest. */
static void test_a_critical_path_does_not_wrap(void **state)
{
    (void)state;
    struct td_view view = diamond;
    view.estimates[3] = INT64_MAX;
    view.estimates[1] = INT64_MAX;
    int64_t ranks[FAKE_STEPS] = {0};
    td_policy_find("critical-path")->rank(&view, ranks);
    assert_true(ranks[1] == INT64_MIN && ranks[0] == INT64_MIN);
}

/* Peer 0 would wait: peer 1 has built step 0 (30 s) since 100, peer 2 step 1 (10 s) since 120; an
 * order has an overhead of 5 s. Long overdue is twice estimate and overhead: from 170 and from 150.
 */
static const struct td_view waiting = {
    .steps = 3,
    .estimates = {30, 10, 0},
    .ready = NO,
    .published = NO,
    .overhead = 5,
    .patience = -1,
    .peers = 4,
    .seen = {{.order = NO},
             {.order = 0, .builds = true, .since = 100},
             {.order = 1, .builds = true, .since = 120},
             {.order = NO}},
    .builders = {1, 1, 0},
};

static void check_wait(const struct td_view *view, td_time until)
{
    struct td_choice choice = td_policy_find("speculative")->choose(view);
    assert_int_equal(choice.kind, TD_CHOOSE_WAIT);
    assert_int_equal(choice.step, NO);
    assert_int_equal(choice.until, until);
}

static void check_overdue(const struct td_view *view, td_step step)
{
    struct td_choice choice = td_policy_find("speculative")->choose(view);
    assert_int_equal(choice.kind, TD_CHOOSE_STEP);
    assert_int_equal(choice.step, step);
    assert_int_equal(choice.reason, TD_REASON_OVERDUE);
}

static void test_speculation(void **state)
{
    (void)state;
    struct td_view view = waiting;
    view.now = 130;
    check_wait(&view, 150);
    view.now = 150;
    check_overdue(&view, 1);
    view.held[0] = 1u << 1; /* of no use to it */
    check_wait(&view, 170);
    view.artifacts[0][0] = 7; /* nor is another variant */
    check_wait(&view, 0);

    view = waiting;
    view.patience = 25; /* less than is long overdue by the estimate of step 0 */
    view.now = 124;
    check_wait(&view, 125);
    view.now = 125;
    check_overdue(&view, 0);
    view.seen[3] = (struct td_peer_view){.order = 0, .builds = true, .since = 125};
    view.builders[0] = 2;
    check_wait(&view, 145); /* a second one is at it: step 1 is next */
    view.now = 145;
    view.seen[2].order = NO;
    view.seen[2].builds = false;
    check_wait(&view, 150); /* until that one is overdue, too */

    view = waiting;
    view.seen[1].order = 2; /* an estimate of 0 says nothing */
    view.seen[2].order = NO;
    view.seen[2].builds = false;
    view.now = 1000;
    check_wait(&view, 0);
}

static void test_needs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned needs;
    } cases[] = {{"universe", 0},
                 {"linear", 0},
                 {"parallel", 0},
                 {"directed", TD_NEEDS_STEPS_ONLY},
                 {"longest", TD_NEEDS_ESTIMATES | TD_NEEDS_STEPS_ONLY},
                 {"shortest", TD_NEEDS_ESTIMATES | TD_NEEDS_STEPS_ONLY},
                 {"critical-path", TD_NEEDS_ESTIMATES | TD_NEEDS_STEPS_ONLY},
                 {"most-unlocked", TD_NEEDS_STEPS_ONLY},
                 {"random", TD_NEEDS_LOTS | TD_NEEDS_STEPS_ONLY},
                 {"speculative", TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES},

                 {"weighing", TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(td_policy_find(cases[i].name)->needs, cases[i].needs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_registry), cmocka_unit_test(test_choices),
        cmocka_unit_test(test_ranks),        cmocka_unit_test(test_a_critical_path_does_not_wrap),
        cmocka_unit_test(test_speculation),  cmocka_unit_test(test_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
