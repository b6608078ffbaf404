/* What people and scripts read at the end of a run. */
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MINUTE (60 * TD_NS_PER_S)

static void durations(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0.0, "0 s"},
        {1e-12, "0 s"},
        {4.9e-9, "0 s"},
        {5e-9, "0.01 µs"},
        {2.5e-4, "250 µs"},
        {0.00099999, "999.99 µs"},
        {0.000999999, "1 ms"},
        {0.25, "250 ms"},
        {0.9999, "999.9 ms"},
        {0.999996, "1 s"},
        {1.0, "1 s"},
        {12.3, "12.3 s"},
        {12.05, "12.05 s"},
        {12.004, "12 s"},
        {59.99, "59.99 s"},
        {59.996, "1 min"},
        {60.0, "1 min"},
        {61.4, "1 min 1 s"},
        {119.6, "2 min"},
        {1600.0, "26 min 40 s"},
        {3599.7, "60 min"},
        {3600.0, "60 min"},
        {4800.0, "80 min"},
        {7199.4, "119 min 59 s"},
        {7199.5, "2 h"},
        {7200.0, "2 h"},
        {18180.0, "5 h 3 min"},
        {172769.0, "47 h 59 min"},
        {172770.0, "2 d"},
        {176400.0, "2 d 1 h"},
        {8640000.0, "100 d"},
        {-90.0, "-1 min 30 s"},
        {1e12, "11574074 d 2 h"},
        {1e20, "1.16e+15 d"},
        {(double)NAN, "-"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[TD_DURATION_TEXT];
        td_duration_text(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

static const char *const names[] = {"linear", "parallel", "directed"};

static struct td_results results_of(struct td_labels *labels, uint32_t policies,
                                    uint32_t replications)
{
    *labels = (struct td_labels){.scenario = "three",
                                 .mode = "simulated",
                                 .seed = 1,
                                 .policy_count = policies,
                                 .replications = replications,
                                 .policies = names,
                                 .peer_count = 3,
                                 .step_count = 6};
    struct td_run_record *runs = calloc((size_t)policies * replications, sizeof *runs);
    assert_non_null(runs);
    return (struct td_results){.labels = labels, .runs = runs};
}

typedef void print_function(FILE *out, const struct td_results *results,
                            const struct td_comparison *comparison);

static void print_json(FILE *out, const struct td_results *results,
                       const struct td_comparison *comparison)
{
    assert_true(td_table_json(out, results, comparison, NULL));
}

/* What is printed, to be freed; frees the runs. */
static char *printed(print_function *print, struct td_results *results)
{
    struct td_comparison *comparison = td_compare(results, 0.95, NULL);
    assert_non_null(comparison);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    print(out, results, comparison);
    assert_int_equal(fclose(out), 0);
    td_comparison_destroy(comparison);
    free(results->runs);
    return text;
}

static void assert_table(struct td_results *results, const char *expected)
{
    char *text = printed(td_table_print, results);
    assert_string_equal(text, expected);
    free(text);
}

/* An interval is no finer than its mean is written, and what is not the best does not look like it.
 */
static void fineness(void **state)
{
    (void)state;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 2);
    /* means of 3601 and 3602 s, each with a deviation of sqrt(2): half an interval is 12.7062 s */
    static const td_time makespans[] = {3600, 3602, 3603, 3601};
    for (size_t i = 0; i < 4; i++)
        results.runs[i].makespan = makespans[i] * TD_NS_PER_S;
    char *text = printed(td_table_print, &results);
    assert_non_null(strstr(text, "60 min 1 s ± 13 s"));
    assert_non_null(strstr(text, "60 min 2 s ± 13 s"));
    assert_non_null(strstr(text, "1.0003 ~"));
    free(text);
}

static void one_replication(void **state)
{
    (void)state;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 3, 1);
    static const struct td_run_record runs[] = {
        {80 * MINUTE, 70 * MINUTE, 80 * MINUTE, 1600 * TD_NS_PER_S, 0, 0, 210 * MINUTE, 6, 0, 12, 0,
         21, true, true},
        {60 * MINUTE, 60 * MINUTE, 60 * MINUTE, 1600 * TD_NS_PER_S, 0, 0, 180 * MINUTE, 18, 12, 0,
         0, 21, true, true},
        {1600 * TD_NS_PER_S, 1600 * TD_NS_PER_S, 0, 1600 * TD_NS_PER_S, 0, 0, 80 * MINUTE, 6, 0, 12,
         0, 21, true, true}};
    memcpy(results.runs, runs, sizeof runs);
    assert_table(
        &results,
        "three: 3 peers, 6 steps, 1 replication, seed 1\n"
        "\n"
        "policy       makespan  mean turnaround  builds  duplicates  fetches  machine time  vs "
        "best  lower bound\n"
        "linear         80 min           70 min       6           0       12    3 h 30 min     "
        "3.00  26 min 40 s\n"
        "parallel       60 min           60 min      18          12        0           3 h     "
        "2.25  26 min 40 s\n"
        "directed  26 min 40 s      26 min 40 s       6           0       12        80 min     "
        "1.00  26 min 40 s\n"
        "\n"
        "One replication: no confidence intervals. Where times are random, --replications N gives "
        "them.\n");
}

/* Makespans 9 and 11 s against 10 and 10 s (not to be told apart) and 31 and 29 s; failures shown,
 * since there are some; a turnaround that is not known. */
static void replications(void **state)
{
    (void)state;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 3, 2);
    static const td_time seconds[] = {9, 11, 10, 10, 31, 29};
    for (size_t i = 0; i < 6; i++) {
        results.runs[i] = (struct td_run_record){.makespan = seconds[i] * TD_NS_PER_S,
                                                 .mean_turnaround = 5 * TD_NS_PER_S,
                                                 .machine = 30 * TD_NS_PER_S,
                                                 .builds = 6 + i % 2,
                                                 .failures = i == 5,
                                                 .turnaround_known = i < 4};
    }
    labels.peer_count = 1;
    labels.mode = "live";
    assert_table(
        &results,
        "three (live): 1 peer, 6 steps, 2 replications, seed 1; means ± 95% confidence intervals\n"
        "\n"
        "policy          makespan  mean turnaround  builds  duplicates  fetches  failures  machine "
        "time  vs best\n"
        "linear    10 s ± 12.71 s        5 s ± 0 s    6.50           0        0         0          "
        "30 s   1.00\n"
        "parallel      10 s ± 0 s        5 s ± 0 s    6.50           0        0         0          "
        "30 s   1.00 ~\n"
        "directed  30 s ± 12.71 s                -    6.50           0        0      0.50          "
        "30 s   3.00 ~\n"
        "\n"
        "~ These replications cannot tell its makespan from the best one's (paired t test, Holm's\n"
        "  correction for 3 pairs, level 0.05): more of them may.\n");
}

static void json(void **state)
{
    (void)state;
    struct td_labels labels;
    struct td_results results = results_of(&labels, 2, 1);
    static const char *const odd[] = {"a\"b\\c\n", "µ"};
    labels.policies = odd;
    labels.seed = UINT64_C(9007199254740991);
    results.runs[0].makespan = 1500000000;
    results.runs[1].makespan = 1000000000;
    for (size_t i = 0; i < 2; i++) {
        results.runs[i].lower_bound = 500000000;
        results.runs[i].bound_known = true;
    }
    char *text = printed(print_json, &results);
    static const char *const parts[] = {
        "{\"scenario\": \"three\", \"mode\": \"simulated\", \"seed\": 9007199254740991, "
        "\"peers\": 3, \"steps\": 6, \"replications\": 1, \"confidence\": 0.95, "
        "\"lower_bound_s\": {\"n\": 1, \"mean\": 0.5, ",
        "\"policies\": [\n",
        "    {\"policy\": \"a\\\"b\\\\c\\u000a\", \"ratio_to_best\": 1.5, \"undecided\": false, "
        "\"metrics\": {\n      \"makespan_s\": {\"n\": 1, \"mean\": 1.5, \"sd\": null, \"ci_low\": "
        "null, \"ci_high\": null, \"min\": 1.5, ",
        "\"mean_turnaround_s\": {\"n\": 0, \"mean\": null, ",
        "    {\"policy\": \"µ\", \"ratio_to_best\": 1, ",
        "  \"pairs\": [\n    {\"metric\": \"makespan_s\", \"policy_a\": \"a\\\"b\\\\c\\u000a\", "
        "\"policy_b\": \"µ\", \"n\": 1, \"mean_difference\": 0.5, \"ci_low\": null, \"ci_high\": "
        "null, \"ratio\": 1.5, \"p_value\": null, \"p_holm\": null},\n",
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strstr(text, parts[i]) == NULL) fail_msg("no %s in %s", parts[i], text);
    free(text);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "we");
    assert_non_null(full);
    struct td_labels labels;
    struct td_results results = results_of(&labels, 1, 1);
    struct td_comparison *comparison = td_compare(&results, 0.95, NULL);
    struct td_error error;
    assert_false(td_table_json(full, &results, comparison, &error));
    assert_int_equal(error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(error.text, "No space left on device"));
    td_comparison_destroy(comparison);
    free(results.runs);
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(fineness),
        cmocka_unit_test(one_replication),
        cmocka_unit_test(replications),
        cmocka_unit_test(json),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
