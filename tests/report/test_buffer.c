/* How values are spelled in the files of a run. */
#include "report/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_buffer(struct td_buffer *buffer, const char *expected)
{
    assert_false(buffer->failed);
    assert_int_equal(buffer->length, strlen(expected));
    if (buffer->length > 0) assert_memory_equal(buffer->bytes, expected, buffer->length);
    td_buffer_free(buffer);
}

static void fields(void **state)
{
    (void)state;
    static const struct {
        const char *string, *field;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {NULL, ""},
        {"a b;c'd", "a b;c'd"},
        {"a,b", "\"a,b\""},
        {"\"", "\"\"\"\""},
        {"\"a\"\"b", "\"\"\"a\"\"\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"Größe µ", "Größe µ"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct td_buffer buffer = {0};
        td_buffer_field(&buffer, cases[i].string);
        assert_buffer(&buffer, cases[i].field);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *plain, *seconds;
    } cases[] = {
        {0.0, "0", "0.000000000"},
        {-0.0, "0", "0.000000000"},
        {-1e-12, "-1e-12", "0.000000000"},
        {12, "12", "12.000000000"},
        {-2.5, "-2.5", "-2.500000000"},
        {0.95, "0.95", "0.950000000"},
        {0.1 + 0.2, "0.30000000000000004", "0.300000000"},
        {1.0 / 3.0, "0.3333333333333333", "0.333333333"},
        {1e-300, "1e-300", "0.000000000"},
        {4800.123456789, "4800.123456789", "4800.123456789"},
        {(double)NAN, "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct td_buffer buffer = {0};
        td_buffer_number(&buffer, cases[i].number);
        assert_buffer(&buffer, cases[i].plain);
        td_buffer_seconds(&buffer, cases[i].number);
        assert_buffer(&buffer, cases[i].seconds);
    }
}

static void whole_numbers_and_times(void **state)
{
    (void)state;
    struct td_buffer buffer = {0};
    td_buffer_unsigned(&buffer, 0);
    td_buffer_add(&buffer, " ", 1);
    td_buffer_unsigned(&buffer, UINT64_MAX);
    td_buffer_add(&buffer, " ", 1);
    td_buffer_sum(&buffer, 4800 * TD_NS_PER_S + 1);
    assert_buffer(&buffer, "0 18446744073709551615 4800.000000001");
}

static void grows(void **state)
{
    (void)state;
    struct td_buffer buffer = {0};
    for (uint64_t i = 0; i < 100000; i++)
        td_buffer_unsigned(&buffer, i % 10);
    assert_int_equal(buffer.length, 100000);
    for (size_t i = 0; i < buffer.length; i++)
        assert_int_equal(buffer.bytes[i], '0' + i % 10);
    td_buffer_free(&buffer);
    assert_null(buffer.bytes);
}

/* What cannot be had is remembered, and what was there stays. */
static void too_much(void **state)
{
    (void)state;
    struct td_buffer buffer = {0};
    td_buffer_string(&buffer, "abc");
    assert_false(td_buffer_reserve(&buffer, SIZE_MAX / 2 + 1));
    assert_true(buffer.failed);
    td_buffer_string(&buffer, "def");
    assert_int_equal(buffer.length, 3);
    td_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(numbers),
        cmocka_unit_test(whole_numbers_and_times),
        cmocka_unit_test(grows),
        cmocka_unit_test(too_much),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
