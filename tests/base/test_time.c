/* Times as text: figures worked out by hand, and the same text as that of sums, which is written
 * another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"

#include <string.h>

static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        td_time time;
        const char *text;
    } cases[] = {
        {0, "0.000000000"},
        {1, "0.000000001"},
        {-1, "-0.000000001"},
        {120003, "0.000120003"},
        {9999999999, "9.999999999"},
        {INT64_C(10) * TD_NS_PER_S, "10.000000000"},
        {INT64_C(100) * TD_NS_PER_S - 1, "99.999999999"},
        {INT64_C(100) * TD_NS_PER_S, "100.000000000"},
        {INT64_C(-1234567) * TD_NS_PER_S - 89, "-1234567.000000089"},
        {TD_TIME_MAX, "4611686018.427387903"},
        {INT64_MAX, "9223372036.854775807"},
        {INT64_MIN, "-9223372036.854775808"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TD_TIME_TEXT];
        assert_int_equal(td_time_text(cases[i].time, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void test_like_sums(void **state)
{
    (void)state;
    uint64_t dice = 1;
    for (unsigned i = 0; i < 100000; i++) {
        char text[TD_TIME_TEXT], sum[TD_SUM_TEXT];
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        td_time time = (td_time)(dice >> dice / 64 % 64);
        assert_int_equal(td_time_text(time, text), td_sum_text(time, sum));
        assert_string_equal(text, sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_like_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
