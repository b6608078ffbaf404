#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The Unicode standard's table 3-7 of well-formed byte sequences, at its edges. */
static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        uint32_t code;
    } cases[] = {
        {"A", 1, 0x41},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},             /* a continuation alone */
        {"\xc1\xbf", 0, 0},         /* overlong */
        {"\xe0\x9f\xbf", 0, 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
        {"\xed\xa0\x80", 0, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0, 0}, /* beyond the last code point */
        {"\xe2\x82", 0, 0},         /* cut short */
        {"\xc3(", 0, 0},
        {"\xff", 0, 0},
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t code = 0;
        assert_int_equal(td_utf8_decode(cases[i].text, strlen(cases[i].text), &code),
                         cases[i].size);
        assert_int_equal(code, cases[i].code);
    }
}

static void test_printable_length(void **state)
{
    (void)state;
    assert_int_equal(td_text_printable_length(""), 0);
    assert_int_equal(td_text_printable_length("a b~"), 4);
    assert_int_equal(td_text_printable_length("Gr\xc3\xbc\xc3\x9f"), 4);
    assert_int_equal(td_text_printable_length("\xc2\xa0"), 1); /* just behind the controls */
    assert_int_equal(td_text_printable_length("\xc2\x9f"), SIZE_MAX);
    assert_int_equal(td_text_printable_length("\x7f"), SIZE_MAX);
    assert_int_equal(td_text_printable_length("a\tb"), SIZE_MAX);
    assert_int_equal(td_text_printable_length("a\xff"), SIZE_MAX);
}

static void test_flaws(void **state)
{
    (void)state;
    static const uint32_t good[] = {0x20,   0x7e,    0xa0,    0xad - 1, 0x200a, 0x2010,
                                    0x2027, 0x202f,  0x205f,  0x2070,   0xfdcf, 0xfdf0,
                                    0xfffd, 0x1fffd, 0x20000, 0x1f680};
    static const struct {
        uint32_t code;
        const char *flaw;
    } bad[] = {
        {0x0000, "a control character"},
        {0x001f, "a control character"},
        {0x007f, "a control character"},
        {0x009f, "a control character"},
        {0x200b, "an invisible character"},
        {0x200d, "an invisible character"},
        {0x2060, "an invisible character"},
        {0xfeff, "an invisible character"},
        {0x200e, "a character that turns the direction of text"},
        {0x202a, "a character that turns the direction of text"},
        {0x202e, "a character that turns the direction of text"},
        {0x2066, "a character that turns the direction of text"},
        {0x2069, "a character that turns the direction of text"},
        {0x2028, "a line separator"},
        {0x2029, "a line separator"},
        {0xfdd0, "no character of Unicode"},
        {0xfdef, "no character of Unicode"},
        {0xfffe, "no character of Unicode"},
        {0x1ffff, "no character of Unicode"},
        {0x10fffe, "no character of Unicode"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(td_code_printable(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(td_code_printable(bad[i].code));
        assert_string_equal(td_code_flaw(bad[i].code), bad[i].flaw);
    }
    assert_true(td_code_is_space(0x20));
    assert_true(td_code_is_space(0x2003));
    assert_false(td_code_is_space('a'));
    assert_false(td_code_is_space(0x200b));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"name", "replications", "repository", "seed", "cache_id"};
    const size_t count = sizeof known / sizeof *known;
    assert_string_equal(td_text_nearest("relpications", known, count), "replications");
    assert_string_equal(td_text_nearest("Seed", known, count), "seed");
    assert_string_equal(td_text_nearest("sede", known, count), "seed");
    assert_string_equal(td_text_nearest("see", known, count), "seed");
    assert_string_equal(td_text_nearest("nname", known, count), "name");
    assert_string_equal(td_text_nearest("cacheId", known, count), "cache_id");
    assert_null(td_text_nearest("colour", known, count));
    assert_null(td_text_nearest("", known, count));
    assert_null(td_text_nearest("x", known, 0));
    char longest[2000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(td_text_nearest(longest, known, count));
}

static void test_quote(void **state)
{
    (void)state;
    char out[TD_QUOTE_SIZE];
    assert_string_equal(td_text_quote("abc", out), "\"abc\"");
    assert_string_equal(td_text_quote("a\nb\x7f", out), "\"a\\u000ab\\u007f\"");
    assert_string_equal(td_text_quote("\xc3\xa4\xff", out), "\"\xc3\xa4\\ufffd\"");
    char longest[1000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    td_text_quote(longest, out);
    assert_int_equal(strlen(out), 48 + 3 + 2);
    assert_string_equal(out + 48, "x...\"");
    /* The longest of all: escapes. */
    memset(longest, 1, sizeof longest - 1);
    td_text_quote(longest, out);
    assert_true(strlen(out) < TD_QUOTE_SIZE);
    assert_string_equal(out + strlen(out) - 4, "...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),  cmocka_unit_test(test_printable_length),
        cmocka_unit_test(test_flaws), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
