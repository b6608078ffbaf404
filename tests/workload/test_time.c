/* Times to the last bit: what decimals of seconds are in nanoseconds. */
#include "tests/workload/fixture.h"
#include "workload/sampler.h"
#include "workload/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double ns;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"-0.0", 0},
        {"90", 90e9},
        {"0.000000003", 3},
        {"3e-9", 3},
        {"0.0000000025", 2.5},
        {"2.5E-9", 2.5},
        {"0.1", 1e8},
        {"0.7", 7e8},
        {"1.1", 1100000000},
        {"123456.789012345", 123456789012345},
        {"4e3", 4e12},
        {"0.00002e+5", 2e9},
        {"315359999.999999999", 315359999999999999.0},
        {"315360000", 315360000e9},
        {"1e-400", 0},
        {"\"90s\"", 90e9},
        {"\"10m\"", 600e9},
        {"\"1h30m\"", 5400e9},
        {"\"250ms\"", 250e6},
        {"\"1.5h\"", 5400e9},
        {"\"0.7m\"", 42e9},
        {"\"0.1h\"", 360e9},
        {"\"1.1s\"", 1100000000},
        {"\"2h3m4s5ms\"", 7384005e6},
        {"\"1.5h0.5m0.25s\"", 5430.25e9},
        {"\"1h1ms\"", 3600001e6},
        {"\"0.0000025ms\"", 2.5},
        {"\"0.000000003s\"", 3},
        {"\"000000000000000000001s\"", 1e9},
        {"\"0.000000000001s\"", 1e-3},
        {"\"0h\"", 0},
        {"\"87600h\"", 87600 * 3600e9},
        {"{\"constant\": {\"value\": \"1h\"}}", 3600e9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct td_scenario *owner;
        const struct td_dist *dist = duration(cases[i].json, &owner);
        assert_int_equal(dist->kind, TD_DIST_CONSTANT);
        if (dist->parameter[0] != cases[i].ns)
            fail_msg("%s is %.17g ns", cases[i].json, dist->parameter[0]);
        td_scenario_destroy(owner);
    }
}

static void test_rounding(void **state)
{
    (void)state;
    assert_int_equal(td_round_ns(0), 0);
    assert_int_equal(td_round_ns(0.49999999999999994), 0);
    assert_int_equal(td_round_ns(0.5), 1);
    assert_int_equal(td_round_ns(1.5), 2);
    assert_int_equal(td_round_ns(2.5), 3);
    assert_int_equal(td_round_ns(2.4999999999999996), 2);
    /* Where doubles are whole numbers, floor(x + 0.5) would round to the even one. */
    assert_int_equal(td_round_ns(4503599627370497.0), 4503599627370497);
    assert_int_equal(td_round_ns(9007199254740991.0), 9007199254740991);
    assert_int_equal(td_round_ns(4611686018427387392.0), INT64_C(4611686018427387392));
    assert_int_equal(td_round_ns(4611686018427387904.0), TD_TIME_MAX + 1);
    assert_int_equal(td_round_ns(1e300), TD_TIME_MAX + 1);
    assert_int_equal(td_round_ns(INFINITY), TD_TIME_MAX + 1);
    assert_int_equal(td_round_ns(NAN), TD_TIME_MAX + 1);
}

/* Halves go up, and what is next to them to its own side, whichever way it is computed: it changes
 * at 2^51. */
static void test_rounding_of_halves(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        td_time whole = (td_time)(random >> (12 + random % 50));
        if (i < 64) whole = (INT64_C(1) << 51) - 32 + i;
        double half = (double)whole + 0.5; /* up to 2^52 that is a double */
        assert_int_equal(td_round_ns(half), whole + 1);
        assert_int_equal(td_round_ns(nextafter(half, 0)), whole);
        assert_int_equal(td_round_ns(nextafter(half, INFINITY)), whole + 1);
        assert_int_equal(td_round_ns((double)whole), whole);
    }
}

/* As on a command line. */
static void test_texts(void **state)
{
    (void)state;
    td_time time;
    assert_null(td_value_time("1h30m", &time));
    assert_int_equal(time, 5400 * TD_NS_PER_S);
    assert_null(td_value_time("2.5", &time));
    assert_int_equal(time, 5 * TD_NS_PER_S / 2);
    assert_null(td_value_time("250ms", &time));
    assert_int_equal(time, TD_NS_PER_S / 4);
    assert_string_equal(td_value_time("1d", &time), "the units are h, m, s and ms, without spaces");
    assert_string_equal(td_value_time("-1", &time), "a time is not negative");
    assert_string_equal(td_value_time("", &time), "it is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_rounding_of_halves),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
