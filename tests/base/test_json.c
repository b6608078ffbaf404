/* What is JSON is read, with its places; what is none is refused where it ceases to be. Cases that
 * a scenario can show are in tests/workload/cases.json; here are bytes, files and the tree. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct td_json *parse(const char *text)
{
    struct td_error error = {TD_FAULT_NONE, ""};
    struct td_json *json = td_json_parse("f.json", text, strlen(text), &error);
    if (json == NULL) fail_msg("%s: %s", text, error.text);
    return json;
}

static void refuse(const char *text, size_t length, const char *message)
{
    struct td_error error = {TD_FAULT_NONE, ""};
    struct td_json *json = td_json_parse("f.json", text, length, &error);
    if (json != NULL) fail_msg("accepted: %.*s", (int)length, text);
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_string_equal(error.text, message);
}

static void test_tree(void **state)
{
    (void)state;
    struct td_json *json = parse("{\"a\": [1, [], {}, \"x\"], \"b\": {\"c\": null}, \"d\": true}");
    assert_int_equal(td_json_type(json, 0), TD_JSON_OBJECT);
    assert_int_equal(td_json_count(json, 0), 3);
    uint32_t a = td_json_first(json, 0), b = td_json_next(json, a), d = td_json_next(json, b);
    assert_string_equal(td_json_key(json, a), "a");
    assert_string_equal(td_json_key(json, b), "b");
    assert_string_equal(td_json_key(json, d), "d");
    assert_int_equal(td_json_next(json, d), TD_JSON_NONE);
    assert_int_equal(td_json_next(json, 0), TD_JSON_NONE);
    assert_int_equal(td_json_type(json, d), TD_JSON_BOOL);

    uint32_t one = td_json_first(json, a), array = td_json_next(json, one);
    uint32_t object = td_json_next(json, array), text = td_json_next(json, object);
    assert_int_equal(td_json_count(json, a), 4);
    assert_true(td_json_number(json, one) == 1);
    assert_null(td_json_key(json, one));
    assert_int_equal(td_json_type(json, array), TD_JSON_ARRAY);
    assert_int_equal(td_json_first(json, array), TD_JSON_NONE);
    assert_int_equal(td_json_first(json, object), TD_JSON_NONE);
    assert_string_equal(td_json_string(json, text), "x");
    assert_int_equal(td_json_next(json, text), TD_JSON_NONE);
    uint32_t c = td_json_first(json, b);
    assert_int_equal(td_json_type(json, c), TD_JSON_NULL);
    assert_int_equal(td_json_next(json, c), TD_JSON_NONE);
    td_json_destroy(json);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
    } numbers[] = {{"0", 0},          {"-0", 0},     {"-12.5", -12.5},     {"1e3", 1000},
                   {"1E+3", 1000},    {"2e-2", .02}, {"1.7e308", 1.7e308}, {"1e-400", 0},
                   {" 5\r\n\t ", 5.0}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct td_json *json = parse(numbers[i].text);
        assert_true(td_json_number(json, 0) == numbers[i].number);
        td_json_destroy(json);
    }
    struct td_json *json = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude80\"");
    assert_string_equal(td_json_string(json, 0), "\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x9a\x80");
    size_t length;
    json = (td_json_destroy(json), parse(" [1.50e1 , \"a\"]"));
    const char *literal = td_json_literal(json, 1, &length);
    assert_int_equal(length, 6);
    assert_memory_equal(literal, "1.50e1", 6);
    literal = td_json_literal(json, 0, &length);
    assert_int_equal(length, 15 - 1);
    assert_memory_equal(literal, "[1.50e1 , \"a\"]", length);
    td_json_destroy(json);
}

static void check_place(const struct td_json *json, uint32_t node, enum td_json_part part,
                        const char *expected)
{
    char place[200];
    td_json_place(json, node, part, place, sizeof place);
    assert_string_equal(place, expected);
}

static void test_places(void **state)
{
    (void)state;
    /* Columns count characters: the umlaut takes one, the emoji one, a tab one. */
    struct td_json *json = parse("{\"\xc3\xa4\": \"\xf0\x9f\x9a\x80\", \"k\" : [\r\n"
                                 "\t1, {\"b c\" :\n\n  2}]}");
    uint32_t umlaut = td_json_first(json, 0), k = td_json_next(json, umlaut);
    uint32_t one = td_json_first(json, k), object = td_json_next(json, one);
    uint32_t two = td_json_first(json, object);
    check_place(json, 0, TD_JSON_VALUE, "f.json:1:1: $");
    check_place(json, umlaut, TD_JSON_KEY, "f.json:1:2: $[\"\xc3\xa4\"]");
    check_place(json, umlaut, TD_JSON_VALUE, "f.json:1:7: $[\"\xc3\xa4\"]");
    check_place(json, k, TD_JSON_KEY, "f.json:1:12: $.k");
    check_place(json, k, TD_JSON_VALUE, "f.json:1:18: $.k");
    check_place(json, one, TD_JSON_VALUE, "f.json:2:2: $.k[0]");
    check_place(json, object, TD_JSON_VALUE, "f.json:2:5: $.k[1]");
    check_place(json, two, TD_JSON_KEY, "f.json:2:6: $.k[1][\"b c\"]");
    check_place(json, two, TD_JSON_VALUE, "f.json:4:3: $.k[1][\"b c\"]");

    struct td_error error;
    assert_false(td_json_error(json, two, TD_JSON_VALUE, &error, "is %d", 2));
    assert_string_equal(error.text, "f.json:4:3: $.k[1][\"b c\"]: is 2");
    assert_false(td_json_error(json, two, TD_JSON_VALUE, NULL, "nobody listens"));
    char cut[8];
    td_json_place(json, two, TD_JSON_KEY, cut, sizeof cut);
    assert_string_equal(cut, "f.json:");
    td_json_destroy(json);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    refuse("\"a\xff\"", 4, "f.json:1:3: the byte 0xff is not UTF-8: save the file as UTF-8");
    refuse("\"\xc3\xa4\xed\xa0\x80\"", 7,
           "f.json:1:3: the byte 0xed is not UTF-8: save the file as UTF-8");
    refuse("\"\xe2\x82\"", 4, "f.json:1:2: the byte 0xe2 is not UTF-8: save the file as UTF-8");
    refuse("\"a\0b\"", 5, "f.json:1:3: a text holds the control character U+0000: leave it out");
    refuse("\"a\033b\"", 5, "f.json:1:3: a text holds the control character U+001B: leave it out");
    refuse("1\0", 2,
           "f.json:1:2: expected the end of the file, found the character U+0000: leave it out");
    refuse("\0", 1, "f.json:1:1: expected a value, found the character U+0000: leave it out");
    refuse("[\xe2\x80\x8b]", 5,
           "f.json:1:2: expected a value, found the character U+200B: leave it out");
    refuse("[\xff]", 3,
           "f.json:1:2: expected a value, found the byte 0xff: save the file as UTF-8");
    refuse("", 0, "f.json:1:1: the file is empty: write a JSON object");
    refuse(NULL, 0, "f.json:1:1: the file is empty: write a JSON object");
    refuse("[1,\n\xc2\xa0]", 6, "f.json:2:1: expected a value, found '\xc2\xa0': write one there");
}

static void test_other_encodings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } files[] = {
        {"\xff\xfe{\0}\0", 6}, {"\xfe\xff\0{\0}", 6},      {"{\0}\0", 4},
        {"\0{\0}", 4},         {"\xff\xfe\0\0{\0\0\0", 8}, {"\0\0\xfe\xff\0\0\0{", 8},
        {"{\0\0\0}\0\0\0", 8}, {"\0\0\0{\0\0\0}", 8},      {"\xff\xfe", 2},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        refuse(files[i].text, files[i].length,
               "f.json:1:1: the file is in UTF-16 or UTF-32, not in UTF-8: save the file as "
               "UTF-8");
}

/* Every beginning of a text, and the text with any byte replaced, is read or refused: nothing
 * crashes, whatever cJSON would have let pass. The sanitizers look on. */
static void test_no_text_is_fatal(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [1.5e-3, -0, true, null], \"\\u00e4\\ud83d\\ude80\": {}}";
    char copy[sizeof text];
    size_t accepted = 0;
    for (size_t i = 0; i < sizeof text; i++) {
        td_json_destroy(td_json_parse("f", text, i, NULL));
        if (i == sizeof text - 1) break;
        for (int byte = 0; byte < 256; byte++) {
            memcpy(copy, text, sizeof text);
            copy[i] = (char)byte;
            struct td_json *json = td_json_parse("f", copy, sizeof text - 1, NULL);
            accepted += json != NULL;
            td_json_destroy(json);
        }
    }
    assert_true(accepted > sizeof text);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * 65 + 1];
    for (size_t depth = 64; depth <= 65; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        if (depth == 64) {
            text[2 * depth] = '\0';
            td_json_destroy(parse(text));
        } else {
            refuse(text, 2 * depth,
                   "f.json:1:65: values are nested more than 64 deep: flatten them");
        }
    }
}

static void test_files(void **state)
{
    (void)state;
    struct td_error error;
    char path[] = "/tmp/td_json_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "[7]", 3), 3);
    struct td_json *json = td_json_read(path, &error);
    assert_non_null(json);
    assert_string_equal(td_json_path(json), path);
    assert_true(td_json_number(json, 1) == 7);
    td_json_destroy(json);

    /* Longer than an input can be; it has no blocks on the disk. */
    assert_int_equal(ftruncate(file, (64L << 20) + 1), 0);
    assert_null(td_json_read(path, &error));
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, "is larger than 64 MiB"));
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(path), 0);

    assert_null(td_json_read(path, &error));
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, ": cannot be read: No such file or directory"));
    assert_null(td_json_read("/", &error));
    assert_string_equal(error.text, "/: cannot be read: Is a directory: name a file in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_other_encodings),
        cmocka_unit_test(test_no_text_is_fatal),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
