/* Summaries and comparisons against figures worked out by hand and by published examples. */
#include "report/statistics.h"

#include <math.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const policy_names[] = {"a", "b", "c", "d"};

/* Runs whose makespan is given in nanoseconds, policy by policy; all else is 0. */
static struct td_results results_of(struct td_labels *labels, uint32_t policies,
                                    uint32_t replications, const td_time *makespans)
{
    *labels = (struct td_labels){.scenario = "s",
                                 .mode = "simulated",
                                 .policy_count = policies,
                                 .replications = replications,
                                 .policies = policy_names};
    size_t count = (size_t)policies * replications;
    struct td_run_record *runs = calloc(count, sizeof *runs);
    assert_non_null(runs);
    for (size_t i = 0; i < count; i++)
        runs[i].makespan = makespans[i];
    return (struct td_results){.labels = labels, .runs = runs};
}

static struct td_comparison *compare(const struct td_results *results)
{
    struct td_comparison *comparison = td_compare(results, 0.95, NULL);
    assert_non_null(comparison);
    return comparison;
}

static void assert_near(double value, double expected)
{
    if (isnan(expected) ? isnan(value) : fabs(value - expected) <= 1e-12 * fabs(expected)) return;
    fail_msg("%.17g instead of %.17g", value, expected);
}

/* 2 4 4 4 5 5 7 9 (a known textbook set): mean 5, squares 32, sd sqrt(32 / 7). */
static void summary_by_hand(void **state)
{
    (void)state;
    static const td_time seconds[] = {2, 4, 4, 4, 5, 5, 7, 9};
    td_time makespans[8];
    for (size_t i = 0; i < 8; i++)
        makespans[i] = seconds[7 - i] * TD_NS_PER_S;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 1, 8, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_summary *s = &comparison->summaries[TD_METRIC_MAKESPAN_S];
    double half = 2.3646242515927844 * sqrt(32.0 / 7.0) / sqrt(8.0);
    assert_int_equal(s->n, 8);
    assert_near(s->mean, 5);
    assert_near(s->sd, sqrt(32.0 / 7.0));
    assert_near(s->ci_low, 5.0 - half);
    assert_near(s->ci_high, 5.0 + half);
    assert_near(s->min, 2);
    assert_near(s->p50, 4);
    assert_near(s->p90, 9);
    assert_near(s->p99, 9);
    assert_near(s->max, 9);
    assert_int_equal(comparison->pair_count, 0);
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* sorted[ceil(q n) - 1], for values 1 to n: the rank itself. */
static void nearest_ranks(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        double p50, p90, p95, p99;
    } cases[] = {{1, 1, 1, 1, 1},           {2, 1, 2, 2, 2},           {3, 2, 3, 3, 3},
                 {10, 5, 9, 10, 10},        {20, 10, 18, 19, 20},      {40, 20, 36, 38, 40},
                 {99, 50, 90, 95, 99},      {100, 50, 90, 95, 99},     {101, 51, 91, 96, 100},
                 {200, 100, 180, 190, 198}, {1000, 500, 900, 950, 990}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        uint32_t n = cases[c].n;
        td_time makespans[1000];
        /* 7 is prime to every n here: a permutation. */
        for (uint32_t i = 0; i < n; i++)
            makespans[i] = ((i * 7) % n + 1) * TD_NS_PER_S;
        struct td_labels labels;
        struct td_results results = results_of(&labels, 1, n, makespans);
        struct td_comparison *comparison = compare(&results);
        const struct td_summary *s = &comparison->summaries[TD_METRIC_MAKESPAN_S];
        assert_near(s->min, 1);
        assert_near(s->p50, cases[c].p50);
        assert_near(s->p90, cases[c].p90);
        assert_near(s->p95, cases[c].p95);
        assert_near(s->p99, cases[c].p99);
        assert_near(s->max, n);
        td_comparison_destroy(comparison);
        free(results.runs);
    }
}

/* The sleep data of Student (1908), as in R's t.test(extra ~ group, paired = TRUE): t = -4.0621,
 * df = 9, p = 0.002833, interval -2.4598858 to -0.7001142. In tenths of an hour, moved by 20. */
static void paired_t_test(void **state)
{
    (void)state;
    static const int a[] = {7, -16, -2, -12, -1, 34, 37, 8, 0, 20};
    static const int b[] = {19, 8, 11, 1, -1, 44, 55, 16, 46, 34};
    td_time makespans[20];
    for (size_t i = 0; i < 10; i++) {
        makespans[i] = (td_time)(a[i] + 20) * TD_NS_PER_S / 10;
        makespans[10 + i] = (td_time)(b[i] + 20) * TD_NS_PER_S / 10;
    }
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 10, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_pair *pair = &comparison->pairs[TD_METRIC_MAKESPAN_S];
    assert_int_equal(comparison->pair_count, 1);
    assert_int_equal(pair->n, 10);
    assert_near(pair->mean_difference, -1.58);
    double half = 2.262157162798205 * 1.58 / 4.062127683382037;
    assert_near(pair->ci_low, -1.58 - half);
    assert_near(pair->ci_high, -1.58 + half);
    assert_near(pair->p_value, 0.00283289019738427);
    assert_near(pair->p_holm, pair->p_value);
    assert_near(pair->ratio, 27.5 / 43.3);
    assert_int_equal(td_comparison_best(comparison, TD_METRIC_MAKESPAN_S), 0);
    assert_false(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 0));
    assert_false(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 1));
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* Holm's correction over the three pairs, by hand from their p-values; the last two policies differ
 * by a constant: no test, and two remain. */
static void pairs_are_corrected_together(void **state)
{
    (void)state;
    static const td_time makespans[] = {10, 12, 11, 14, 10, 13, 11, 13, 20, 23, 21, 23};
    struct td_labels labels;
    struct td_results results = results_of(&labels, 3, 4, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_pair *pairs = &comparison->pairs[comparison->pair_count * TD_METRIC_MAKESPAN_S];
    assert_int_equal(comparison->pair_count, 3);
    assert_int_equal(pairs[1].a, 0);
    assert_int_equal(pairs[1].b, 2);
    assert_int_equal(pairs[2].a, 1);
    /* Differences 0 -1 0 1: t = 0. */
    assert_near(pairs[0].p_value, 1.0);
    assert_near(pairs[0].p_holm, 1.0);
    /* -10 -11 -10 -9: t = -10 / (sqrt(2 / 3) / 2), three degrees of freedom. */
    double t = 10.0 / (sqrt(2.0 / 3.0) / 2.0);
    double angle = atan(sqrt(3.0) / t);
    double p = 2.0 / 3.14159265358979323846 * (angle - sin(angle) * cos(angle));
    assert_true(fabs(pairs[1].p_value - p) < 1e-9 * p);
    assert_near(pairs[1].p_holm, 2.0 * pairs[1].p_value);
    assert_true(isnan(pairs[2].p_value) && isnan(pairs[2].p_holm));
    assert_near(pairs[2].mean_difference * 1e9, -10);
    assert_near(pairs[2].ci_low * 1e9, -10);
    assert_near(pairs[2].ci_high * 1e9, -10);

    assert_int_equal(td_comparison_best(comparison, TD_METRIC_MAKESPAN_S), 0);
    assert_true(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 1));
    assert_false(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 2));
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* 0.1 + 0.2 in nanoseconds is exact: equal differences have no variation, and no p-value of 1e-100.
 */
static void no_variation_is_no_test(void **state)
{
    (void)state;
    td_time makespans[20];
    for (td_time i = 0; i < 10; i++) {
        makespans[i] = 4800000000001 + i * 33333333;
        makespans[10 + i] = 4500000000002 + i * 33333333;
    }
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 10, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_pair *pair = &comparison->pairs[TD_METRIC_MAKESPAN_S];
    assert_near(pair->mean_difference, 299.999999999);
    assert_true(pair->ci_low == pair->mean_difference && pair->ci_high == pair->mean_difference);
    assert_true(isnan(pair->p_value) && isnan(pair->p_holm));
    assert_false(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 0));
    /* A metric that is 0 everywhere: an interval of no width, no ratio. */
    const struct td_summary *s = &comparison->summaries[TD_METRIC_FAILURES];
    assert_true(s->sd == 0.0 && s->ci_low == 0.0 && s->ci_high == 0.0);
    assert_true(isnan(comparison->pairs[TD_METRIC_FAILURES].ratio));
    td_comparison_destroy(comparison);
    free(results.runs);
}

static void one_replication(void **state)
{
    (void)state;
    static const td_time makespans[] = {4800000000000, 1600000000000};
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 1, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_summary *s = &comparison->summaries[TD_METRIC_MAKESPAN_S];
    const struct td_pair *pair = &comparison->pairs[TD_METRIC_MAKESPAN_S];
    assert_true(s->mean == 4800.0 && s->min == 4800.0 && s->p99 == 4800.0);
    assert_true(isnan(s->sd) && isnan(s->ci_low) && isnan(s->ci_high));
    assert_true(pair->mean_difference == 3200.0 && pair->ratio == 3.0);
    assert_true(isnan(pair->ci_low) && isnan(pair->ci_high) && isnan(pair->p_value));
    assert_int_equal(td_comparison_best(comparison, TD_METRIC_MAKESPAN_S), 1);
    assert_false(td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, 0));
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* Turnarounds that are not known are left out, in pairs where either lacks one. */
static void missing_values(void **state)
{
    (void)state;
    static const td_time makespans[8];
    static const td_time turnarounds[] = {3, 5, 7, 9, 1, 2, 4, 8};
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 4, makespans);
    for (size_t i = 0; i < 8; i++) {
        results.runs[i].mean_turnaround = turnarounds[i] * TD_NS_PER_S;
        results.runs[i].turnaround_known = i != 1 && i != 6;
    }
    struct td_comparison *comparison = compare(&results);
    const struct td_summary *s = &comparison->summaries[TD_METRIC_MEAN_TURNAROUND_S];
    const struct td_pair *pair = &comparison->pairs[TD_METRIC_MEAN_TURNAROUND_S];
    assert_int_equal(s->n, 3);
    assert_near(s->mean, 19.0 / 3.0);
    assert_int_equal(comparison->summaries[TD_METRIC_MAKESPAN_S].n, 4);
    assert_int_equal(pair->n, 2);
    assert_near(pair->mean_difference, 1.5);
    assert_near(pair->ratio, 12.0 / 9.0);
    td_comparison_destroy(comparison);

    for (size_t i = 0; i < 4; i++)
        results.runs[i].turnaround_known = false;
    comparison = compare(&results);
    assert_int_equal(comparison->summaries[TD_METRIC_MEAN_TURNAROUND_S].n, 0);
    assert_true(isnan(comparison->summaries[TD_METRIC_MEAN_TURNAROUND_S].max));
    assert_int_equal(comparison->pairs[TD_METRIC_MEAN_TURNAROUND_S].n, 0);
    assert_true(isnan(comparison->pairs[TD_METRIC_MEAN_TURNAROUND_S].mean_difference));
    assert_int_equal(td_comparison_best(comparison, TD_METRIC_MEAN_TURNAROUND_S), 1);
    assert_true(isnan(td_metric_value(&results.runs[0], TD_METRIC_MEAN_TURNAROUND_S)));
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* Small spread on a large offset, where squares of the values themselves would lose all digits. */
static void large_values(void **state)
{
    (void)state;
    const td_time offset = TD_TIME_MAX / 2;
    td_time makespans[1000];
    for (td_time i = 0; i < 1000; i++)
        makespans[i] = offset + i % 2 * 2;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 1, 1000, makespans);
    struct td_comparison *comparison = compare(&results);
    const struct td_summary *s = &comparison->summaries[TD_METRIC_MAKESPAN_S];
    assert_near(s->sd, sqrt(1000.0 / 999.0) / 1e9);
    assert_near(s->mean, (double)(offset + 1) / 1e9);
    td_comparison_destroy(comparison);
    free(results.runs);
}

/* SplitMix64, and from it a number between 0 and 1. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return ((double)(z >> 11) + 0.5) / 9007199254740992.0;
}

/* Sums of twelve uniform numbers are close to normal. Over 400 seeds the 95% intervals of the mean
 * and of the difference hold the truth 380 times, give or take three deviations of 4.4. */
static void intervals_cover_the_truth(void **state)
{
    (void)state;
    int means = 0, differences = 0, rejected = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t random = seed * 1000003;
        td_time makespans[60];
        for (size_t i = 0; i < 60; i++) {
            double sum = i >= 40 ? 2.0 : 0.0;
            for (int k = 0; k < 12; k++)
                sum += uniform(&random);
            makespans[i] = (td_time)(sum * 1e9);
        }
        struct td_labels labels;
        struct td_results results = results_of(&labels, 3, 20, makespans);
        struct td_comparison *comparison = compare(&results);
        const struct td_summary *s = &comparison->summaries[TD_METRIC_MAKESPAN_S];
        const struct td_pair *pairs =
            &comparison->pairs[comparison->pair_count * TD_METRIC_MAKESPAN_S];
        means += s->ci_low <= 6.0 && 6.0 <= s->ci_high;
        differences += pairs[1].ci_low <= -2.0 && -2.0 <= pairs[1].ci_high;
        rejected += pairs[0].p_value < 0.05;
        td_comparison_destroy(comparison);
        free(results.runs);
    }
    assert_in_range(means, 367, 393);
    assert_in_range(differences, 367, 393);
    assert_in_range(rejected, 7, 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_by_hand),
        cmocka_unit_test(nearest_ranks),
        cmocka_unit_test(paired_t_test),
        cmocka_unit_test(pairs_are_corrected_together),
        cmocka_unit_test(no_variation_is_no_test),
        cmocka_unit_test(one_replication),
        cmocka_unit_test(missing_values),
        cmocka_unit_test(large_values),
        cmocka_unit_test(intervals_cover_the_truth),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
