/* The table of cases.json: good scenarios are read, bad ones refused with their place and mend.
 * tests/workload/test_schema.py holds the JSON Schema to the same table. */
#include "base/json.h"
#include "tests/workload/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_CASES 1000u
#define LONGEST 8192u

static struct td_json *cases;
static char base[LONGEST];

static uint32_t member(uint32_t object, const char *key)
{
    uint32_t node = td_json_first(cases, object);
    while (node != TD_JSON_NONE && strcmp(td_json_key(cases, node), key) != 0)
        node = td_json_next(cases, node);
    return node;
}

static const char *text_of(uint32_t object, const char *key, const char *otherwise)
{
    uint32_t node = member(object, key);
    return node == TD_JSON_NONE ? otherwise : td_json_string(cases, node);
}

/* The base with the one place changed that the case says, or the case's own text. */
static void make_text(uint32_t this_case, char out[static LONGEST])
{
    const char *whole = text_of(this_case, "text", NULL);
    uint32_t replace = member(this_case, "replace");
    if (whole != NULL || replace == TD_JSON_NONE) {
        (void)snprintf(out, LONGEST, "%s", whole != NULL ? whole : base);
        return;
    }
    const char *old = td_json_string(cases, td_json_first(cases, replace));
    const char *new = td_json_string(cases, td_json_next(cases, td_json_first(cases, replace)));
    const char *at = strstr(base, old);
    assert_non_null(at);
    assert_null(strstr(at + 1, old));
    int length = snprintf(out, LONGEST, "%.*s%s%s", (int)(at - base), base, new, at + strlen(old));
    assert_true(length > 0 && (size_t)length < LONGEST);
}

static void test_good(void **state)
{
    char text[LONGEST];
    make_text((uint32_t)(uintptr_t)*state, text);
    td_scenario_destroy(scenario_of(text));
}

static void test_bad(void **state)
{
    uint32_t this_case = (uint32_t)(uintptr_t)*state;
    char text[LONGEST], expected[LONGEST];
    make_text(this_case, text);
    const char *path = write_file("scenario.json", text, strlen(text));
    struct td_error error = {TD_FAULT_NONE, ""};
    struct td_scenario *scenario = td_scenario_read(path, &error);
    if (scenario != NULL) {
        td_scenario_destroy(scenario);
        fail_msg("accepted");
    }
    assert_int_equal(td_error_exit_status(&error), 2);

    const char *json_path = text_of(this_case, "path", NULL);
    const char *file = text_of(this_case, "file", "scenario.json");
    (void)snprintf(expected, sizeof expected, "%.*s%s:%s: %s%s",
                   (int)(strrchr(path, '/') + 1 - path), path, file,
                   text_of(this_case, "place", ""), json_path == NULL ? "" : json_path,
                   json_path == NULL ? "" : ": ");
    if (strncmp(error.text, expected, strlen(expected)) != 0)
        fail_msg("expected %s, got %s", expected, error.text);
    const char *message = text_of(this_case, "message", "");
    if (strstr(error.text + strlen(expected), message) == NULL)
        fail_msg("expected %s in %s", message, error.text);
    assert_null(strchr(error.text, '\n'));
}

static int write_files(void **state)
{
    if (make_folder(state) != 0) return -1;
    for (uint32_t node = td_json_first(cases, member(0, "files")); node != TD_JSON_NONE;
         node = td_json_next(cases, node)) {
        const char *text = td_json_string(cases, node);
        (void)write_file(td_json_key(cases, node), text, strlen(text));
    }
    return 0;
}

static size_t add_tests(struct CMUnitTest *tests, size_t count, const char *key,
                        CMUnitTestFunction function)
{
    for (uint32_t node = td_json_first(cases, member(0, key)); node != TD_JSON_NONE;
         node = td_json_next(cases, node)) {
        if (count == MOST_CASES) abort();
        tests[count++] = (struct CMUnitTest){.name = text_of(node, "name", key),
                                             .test_func = function,
                                             .initial_state = (void *)(uintptr_t)node};
    }
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[MOST_CASES];
    struct td_error error;
    cases = td_json_read(CASES, &error);
    if (cases == NULL) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    size_t used = 0;
    for (uint32_t line = td_json_first(cases, member(0, "base")); line != TD_JSON_NONE;
         line = td_json_next(cases, line))
        used +=
            (size_t)snprintf(base + used, sizeof base - used, "%s\n", td_json_string(cases, line));
    size_t count = add_tests(tests, 0, "good", test_good);
    count = add_tests(tests, count, "bad", test_bad);
    int failed = _cmocka_run_group_tests("cases", tests, count, write_files, remove_folder);
    td_json_destroy(cases);
    return failed;
}
