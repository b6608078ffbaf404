/* When peers arrive. */
#include "tests/workload/fixture.h"
#include "workload/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOST_PEERS 5000u

static struct td_scenario *scenario_with(const char *peers)
{
    char text[2048];
    int length =
        snprintf(text, sizeof text,
                 "{\"name\": \"a\", \"schema\": {\"universe\": \"//a\", \"steps\": {\"1\": "
                 "\"//a\"}}, \"steps\": {\"1\": {\"build\": 1, \"fetch\": 0}}, "
                 "\"peers\": %s}",
                 peers);
    assert_true(length > 0 && (size_t)length < sizeof text);
    return scenario_of(text);
}

static td_time *arrivals(const struct td_scenario *s, uint64_t seed, uint32_t replication)
{
    static td_time out[MOST_PEERS];
    struct td_error error;
    assert_true(s->peer_count <= MOST_PEERS);
    if (!td_scenario_arrivals(s, seed, replication, out, &error)) fail_msg("%s", error.text);
    return out;
}

static void test_fixed_forms(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_with(
        "[{\"name\": \"a\", \"count\": 2}, {\"name\": \"b\", \"count\": 2, \"arrival\": \"90s\"},"
        " {\"name\": \"c\", \"count\": 3, \"arrival\": {\"every\": 0.0000000015}},"
        " {\"name\": \"d\", \"arrival\": {\"times\": [95, 0, \"40.5s\"]}},"
        " {\"name\": \"e\", \"arrival\": {\"every\": \"1h\"}}]");
    /* A gap is a length: 1.5 ns are 2 ns, and the third comes after two of them. */
    static const td_time expected[] = {0, 0,           90000000000, 90000000000, 0, 2,
                                       4, 95000000000, 0,           40500000000, 0};
    assert_int_equal(s->peer_count, sizeof expected / sizeof *expected);
    const td_time *times = arrivals(s, 1, 1);
    for (uint32_t i = 0; i < s->peer_count; i++)
        assert_int_equal(times[i], expected[i]);
    td_scenario_destroy(s);
}

static void test_drawn(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_with("[{\"count\": 4, \"arrival\": {\"uniform\": {\"min\": 10, \"max\": 20}}}]");
    td_time first[4];
    memcpy(first, arrivals(s, 1, 1), sizeof first);
    for (int i = 0; i < 4; i++) {
        assert_true(first[i] >= 10 * TD_NS_PER_S && first[i] <= 20 * TD_NS_PER_S);
        assert_true(i == 0 || first[i] != first[i - 1]);
        const struct td_draw draw = {
            .seed = 1, .replication = 1, .peer = (uint32_t)i, .purpose = TD_DRAW_ARRIVAL};
        assert_int_equal(first[i], td_round_ns(td_sample(s->groups[0].arrival, &draw)));
    }
    assert_memory_equal(arrivals(s, 1, 1), first, sizeof first);
    assert_memory_not_equal(arrivals(s, 1, 2), first, sizeof first);
    assert_memory_not_equal(arrivals(s, 2, 1), first, sizeof first);
    td_scenario_destroy(s);
}

/* 5,000 arrivals at 20 an hour: the sum of as many exponential gaps of 180 s has the mean 900,000 s
 * and the deviation 180 s * sqrt(5000) = 12,728 s; here within three of them. */
static void test_poisson(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_with("[{\"count\": 5000, \"arrival\": {\"poisson\": {\"per_hour\": 20}}}]");
    const td_time *times = arrivals(s, 7, 1);
    td_time before = 0;
    size_t below = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(times[i] >= before);
        below += times[i] - before < 124766490000; /* 180 s * log(2): half of the gaps */
        before = times[i];
    }
    assert_true(times[0] > 0);
    assert_in_range(before / TD_NS_PER_S, 900000 - 38184, 900000 + 38184);
    assert_in_range(below, 2500 - 106, 2500 + 106); /* sqrt(5000) / 2 = 35 */
    td_scenario_destroy(s);
}

static void test_arrivals_past_the_end_of_time(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_with("[{}, {\"name\": \"b\", \"count\": 5, \"arrival\": {\"pareto\": "
                      "{\"shape\": 0.01, \"scale\": 1000000}}}]");
    td_time out[6];
    struct td_error error;
    assert_false(td_scenario_arrivals(s, 1, 3, out, &error));
    assert_int_equal(error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(error.text, "$.peers[1].arrival: in replication 3"));
    td_scenario_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_forms),
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_arrivals_past_the_end_of_time),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
