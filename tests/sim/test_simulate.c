/* Replications on threads: the same records whatever the threads do, common luck, and ends before
 * the end. */
#include "support.h"

#include "workload/sampler.h"

static const char text[] =
    "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\",\"b\":\"//"
    "b\",\"c\":\"//"
    "c\",\"d\":\"//"
    "d\"}},\"steps\":{\"default\":{\"build\":{\"exponential\":{\"mean\":600}},\"fetch\":{"
    "\"gamma\":{\"mean\":100,\"cv\":0.5}}},\"d\":{\"after\":[\"a\",\"b\"]}},\"rest\":{\"build\":{"
    "\"uniform\":{"
    "\"min\":1,\"max\":9}},\"fetch\":1},\"overhead\":{\"exponential\":{\"mean\":5}},\"peers\":[{"
    "\"name\":\"p\","
    "\"count\":4,\"arrival\":{\"poisson\":{\"per_hour\":20}}},{\"name\":\"q\",\"touches\":{\"b\":0."
    "5}}],"
    "\"policies\":[\"directed\"]}";

static const char *const names[] = {"universe", "linear",        "parallel",
                                    "directed", "critical-path", "random"};
#define POLICIES (sizeof names / sizeof *names)
#define REPLICATIONS 50u

static void simulate(const struct td_scenario *scenario, const struct td_policy *const *policies,
                     uint32_t count, uint64_t seed, uint32_t jobs, struct td_run_record *runs)
{
    const struct td_sim_options options = {.policies = policies,
                                           .policy_count = count,
                                           .replications = REPLICATIONS,
                                           .seed = seed,
                                           .jobs = jobs};
    struct td_results results = {.runs = runs};
    struct td_error error;
    memset(runs, 0, count * REPLICATIONS * sizeof *runs);
    if (!td_sim_run(scenario, &options, &results, &error)) fail_msg("%s", error.text);
}

static void test_threads_and_company_change_nothing(void **state)
{
    (void)state;
    static struct td_run_record one[POLICIES * REPLICATIONS], four[POLICIES * REPLICATIONS],
        alone[REPLICATIONS];
    const struct td_policy *policies[POLICIES];
    struct td_scenario *scenario = scenario_from(text);
    for (size_t i = 0; i < POLICIES; i++)
        policies[i] = td_policy_find(names[i]);
    simulate(scenario, policies, POLICIES, 1, 1, one);
    simulate(scenario, policies, POLICIES, 1, 4, four);
    assert_memory_equal(one, four, sizeof one);
    /* a policy's luck does not depend on which others run */
    for (size_t i = 0; i < POLICIES; i++) {
        simulate(scenario, &policies[i], 1, 1, 2, alone);
        assert_memory_equal(alone, one + i * REPLICATIONS, sizeof alone);
    }
    simulate(scenario, policies, POLICIES, 2, 2, four);
    assert_memory_not_equal(one, four, sizeof one);
    td_scenario_destroy(scenario);
}

/* One peer has the same lengths under every policy: with nobody to share with, the same busy time.
 */
static void test_common_luck(void **state)
{
    (void)state;
    static const char alone[] = "{\"name\":\"x\",\"schema\":{\"universe\":\"//"
                                "...\",\"steps\":{\"a\":\"//a\",\"b\":\"//b\",\"c\":\"//"
                                "c\"}},\"steps\":{\"default\":{\"build\":{\"exponential\":{"
                                "\"mean\":600}},\"fetch\":1}},\"peers\":[{}],"
                                "\"policies\":[\"directed\"]}";
    struct run first, other;
    run_policy(alone, "linear", 9, &first);
    for (size_t i = 0; i < POLICIES; i++) {
        run_policy(alone, names[i], 9, &other);
        assert_true(other.record.makespan == first.record.makespan);
        run_free(&other);
    }
    run_policy(alone, "linear", 10, &other);
    assert_true(other.record.makespan != first.record.makespan);
    run_free(&other);
    run_free(&first);
}

static void test_a_run_that_is_stopped(void **state)
{
    (void)state;
    static struct td_run_record runs[REPLICATIONS];
    const atomic_bool stop = true;
    const struct td_policy *policy = td_policy_find("directed");
    const struct td_sim_options options = {.policies = &policy,
                                           .policy_count = 1,
                                           .replications = REPLICATIONS,
                                           .jobs = 2,
                                           .stop = &stop};
    struct td_results results = {.runs = runs};
    struct td_error error;
    struct td_scenario *scenario = scenario_from(text);
    assert_false(td_sim_run(scenario, &options, &results, &error));
    assert_int_equal(error.fault, TD_FAULT_INTERRUPT);
    td_scenario_destroy(scenario);
}

static struct td_choice wait_for_ever(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_NONE};
}

static struct td_choice build_twice(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = 0, .reason = TD_REASON_NONE};
}

/* Bad policies end in a sentence that names them. */
static void test_bad_policies(void **state)
{
    (void)state;
    static const struct {
        struct td_choice (*choose)(const struct td_view *);
        const char *says;
    } cases[] = {{wait_for_ever, "policy bad lets 5 of 5 peers wait for ever"},
                 {build_twice, "policy bad orders step 0"}};
    struct td_scenario *scenario = scenario_from(text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct td_policy bad = {
            .abi = TD_POLICY_ABI, .name = "bad", .choose = cases[i].choose};
        const struct td_policy *policy = &bad;
        const struct td_sim_options options = {
            .policies = &policy, .policy_count = 1, .replications = 3, .jobs = 1};
        struct td_run_record runs[3] = {0};
        struct td_results results = {.runs = runs};
        struct td_error error;
        assert_false(td_sim_run(scenario, &options, &results, &error));
        assert_int_equal(error.fault, TD_FAULT_RUN);
        if (strstr(error.text, cases[i].says) == NULL) fail_msg("it says: %s", error.text);
    }
    td_scenario_destroy(scenario);
}

/* `random` ranks by lots: over many replications each of three steps is built first about equally
 * often. */
static void test_lots_are_fair(void **state)
{
    (void)state;
    uint32_t firsts[3] = {0};
    for (uint32_t replication = 1; replication <= 3000; replication++) {
        int64_t best = INT64_MAX;
        uint32_t first = 0;
        for (uint32_t step = 0; step < 3; step++) {
            const struct td_draw draw = {
                .seed = 1, .replication = replication, .step = step, .purpose = TD_DRAW_LOT};
            int64_t lot = td_sample_lot(&draw);
            if (lot < best) {
                best = lot;
                first = step;
            }
        }
        firsts[first]++;
    }
    /* 1000 each, give or take five standard deviations of 26 */
    for (uint32_t step = 0; step < 3; step++)
        assert_in_range(firsts[step], 870, 1130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_company_change_nothing),
        cmocka_unit_test(test_common_luck),
        cmocka_unit_test(test_a_run_that_is_stopped),
        cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_lots_are_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
