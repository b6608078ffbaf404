/* What Bazel did, from build events that Bazel 4.2.3 wrote (tests/live/events/, shortened). */
#include "live/build_events.h"

#include "folder.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void read_recorded(const char *name, struct td_build_events *events)
{
    char path[256];
    struct td_error error;
    (void)snprintf(path, sizeof path, "tests/live/events/%s.json", name);
    if (!td_build_events_read(path, events, &error)) fail_msg("%s", error.text);
}

static void recorded_builds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ran, hits;
        bool built, cached, uploads;
        const char *upload, *failed, *pattern;
    } cases[] = {
        {"built", 23, 0, true, true, true, "", "", ""},
        {"hits", 0, 23, false, true, true, "", "", ""},
        {"nothing-to-do", 0, 0, false, true, true, "", "", ""},
        {"no-upload", 7, 0, true, true, true, "3 errors during bulk transfer", "", ""},
        {"read-only", 0, 0, false, true, false, "", "", ""},
        {"bad-target", 0, 0, false, false, false, "", "",
         "//nope/...: no targets found beneath 'nope'"},
        {"failed", 0, 0, false, true, true, "", "//bad:bad", ""},
        {"tests-failed", 4, 0, true, true, true, "", "", ""},
        {"interrupted", 0, 0, false, false, false, "", "", ""},
        {"no-tests", 0, 0, false, true, true, "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct td_build_events events;
        read_recorded(cases[i].name, &events);
        if (!events.complete || !events.counted || events.unread != 0)
            fail_msg("%s is not read to its end", cases[i].name);
        if (events.ran != cases[i].ran || events.hits != cases[i].hits)
            fail_msg("%s: %ld ran, %ld hits", cases[i].name, (long)events.ran, (long)events.hits);
        assert_int_equal(td_build_events_built(&events, 0.05), cases[i].built);
        assert_int_equal(events.cached, cases[i].cached);
        assert_int_equal(events.uploads, cases[i].uploads);
        assert_string_equal(events.upload, cases[i].upload);
        assert_string_equal(events.failed, cases[i].failed);
        assert_string_equal(events.pattern, cases[i].pattern);
    }
}

static void the_critical_path(void **state)
{
    (void)state;
    struct td_build_events events;
    read_recorded("built", &events);
    assert_int_equal(events.critical_path, 2200 * (TD_NS_PER_S / 1000));
}

static void lines_of_counts(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool good;
        int64_t ran, hits, kept;
    } cases[] = {
        {"25 processes: 4 remote cache hit, 9 internal, 12 linux-sandbox.", true, 12, 4, 0},
        {"1 process: 1 internal.", true, 0, 0, 0},
        {"0 processes.", true, 0, 0, 0},
        {"9 processes: 2 disk cache hit, 3 internal, 1 worker, 3 remote.", true, 4, 2, 0},
        {"5 processes: 4 action cache hit, 3 internal, 2 local.", true, 2, 0, 4},
        {"processes: 4 internal.", false, 0, 0, 0},
        {"4 processes: four internal.", false, 0, 0, 0},
        {"", false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct td_build_events events = {0};
        assert_int_equal(td_build_events_count(cases[i].line, &events), cases[i].good);
        if (!cases[i].good) continue;
        assert_int_equal(events.ran, cases[i].ran);
        assert_int_equal(events.hits, cases[i].hits);
        assert_int_equal(events.kept, cases[i].kept);
    }
}

static void the_share_of_a_fetch(void **state)
{
    (void)state;
    struct td_build_events events = {.ran = 5, .hits = 95};
    assert_false(td_build_events_built(&events, 0.05));
    assert_true(td_build_events_built(&events, 0.04));
    events.ran = 6;
    assert_true(td_build_events_built(&events, 0.05));
    assert_false(td_build_events_built(&(struct td_build_events){0}, 0.0));
}

/* Later versions count runners, colour their warnings, and name the cache differently. */
static void later_versions(void **state)
{
    folder_write(*state, "new.json",
                 "{\"id\":{\"optionsParsed\":{}},\"optionsParsed\":{\"cmdLine\":["
                 "\"--remote_cache=grpc://a\",\"--remote_upload_local_results=no\","
                 "\"--remote_upload_local_results=true\"]}}\n"
                 "{\"id\":{\"progress\":{}},\"progress\":{\"stderr\":\"x\\u001b[35mWAR\"}}\n"
                 "{\"id\":{\"progress\":{}},\"progress\":{\"stderr\":\"\\n\\u001b[35mWARN\"}}\n"
                 "{\"id\":{\"progress\":{}},\"progress\":{\"stderr\":"
                 "\"ING: \\u001b[0mRemote Cache: 403 Forbidden\\n\"}}\n"
                 "{\"id\":{\"progress\":{}},\"progress\":{\"stderr\":\"\\u0000\"}}\n"
                 "{\"id\":{\"buildMetrics\":{}},\"buildMetrics\":{\"actionSummary\":{"
                 "\"runnerCount\":[{\"name\":\"total\",\"count\":9},{\"name\":\"remote cache hit\","
                 "\"count\":4},{\"name\":\"internal\",\"count\":3},{\"name\":\"worker\","
                 "\"count\":2,\"execKind\":\"Worker\"}]}}}\n");
    struct td_build_events events;
    assert_true(td_build_events_read(folder_path(*state, "new.json"), &events, NULL));
    assert_true(events.counted);
    assert_false(events.complete);
    assert_true(events.uploads);
    assert_int_equal(events.ran, 2);
    assert_int_equal(events.hits, 4);
    assert_int_equal(events.unread, 1);
    assert_string_equal(events.upload, "403 Forbidden");
}

static void files_that_are_none(void **state)
{
    struct td_build_events events;
    struct td_error error;
    assert_false(td_build_events_read(folder_path(*state, "none"), &events, &error));
    assert_non_null(strstr(error.text, "Bazel's build events cannot be read"));
    folder_write(*state, "odd.json", "\n{\n{\"id\":{\"buildToolLogs\":7}}\nnull\n");
    assert_true(td_build_events_read(folder_path(*state, "odd.json"), &events, NULL));
    assert_false(events.counted);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_builds), cmocka_unit_test(the_critical_path),
        cmocka_unit_test(lines_of_counts), cmocka_unit_test(the_share_of_a_fetch),
        IN_FOLDER(later_versions),         IN_FOLDER(files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
