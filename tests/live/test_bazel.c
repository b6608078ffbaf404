/* Bazel as a child, and digests by its queries: a script plays Bazel, git is the real one. */
#include "live/bazel.h"
#include "live/digest.h"
#include "live/executor.h"

#include "folder.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Notes its words, gives recorded events out, and ends as the file `status` says. */
static const char player[] = "#!/bin/sh\n"
                             "here=$(dirname \"$0\")\n"
                             "printf '%s|' \"$@\" >\"$here/words\"\n"
                             "for word; do case $word in --build_event_json_file=*)\n"
                             "  [ ! -e \"$here/events\" ] || cat \"$here/events\" "
                             ">\"${word#*=}\" ;;\n"
                             "esac; done\n"
                             "exit $(cat \"$here/status\")\n";

static void play(const char *folder, const char *events, const char *status)
{
    char text[PATH_MAX];
    folder_script(folder, "bazel", player);
    folder_write(folder, "status", status);
    assert_non_null(getcwd(text, sizeof text));
    folder_write(folder, "events", folder_read(text, events));
}

static void a_build(void **state)
{
    play(*state, "tests/live/events/built.json", "0");
    const struct td_bazel bazel = {
        .path = folder_path(*state, "bazel"),
        .startup = (const char *const[]){"--output_base=/o", NULL},
        .options = (const char *const[]){"--jobs=2", NULL},
        .workspace = *state,
        .scratch = *state,
    };
    struct td_build build;
    struct td_error error;
    if (!td_bazel_build(&bazel, "//a/... -//a:b", NULL, &build, &error)) fail_msg("%s", error.text);
    assert_int_equal(build.result, TD_BUILD_OK);
    assert_true(build.built && build.whole && build.published);
    assert_int_equal(build.actions, 23);
    assert_int_equal(build.hits, 0);
    const char *words = folder_read(*state, "words");
    assert_int_equal(strncmp(words, "--output_base=/o|build|--jobs=2|--build_event_json_file=", 56),
                     0);
    assert_non_null(strstr(words, "|--|//a/...|-//a:b|"));
}

static void event_files_are_kept(void **state)
{
    play(*state, "tests/live/events/built.json", "0");
    char bazel[2 * FOLDER_PATH];
    (void)snprintf(bazel, sizeof bazel, "%s", folder_path(*state, "bazel"));
    const struct td_executor_bazel own = {.bazel = {.path = bazel, .workspace = *state},
                                          .events = *state};
    const struct td_executor executor = td_executor_bazel(&own);
    const struct td_peer_task tasks[] = {{.order = 7, .step = "a/b", .targets = "//a"},
                                         {.order = 8, .targets = "//..."}};
    struct td_build build;
    for (size_t i = 0; i < 2; i++) {
        assert_true(executor.build(executor.context, &tasks[i], NULL, &build, NULL));
        assert_true(build.built);
    }
    assert_true(folder_has(*state, "7-a_b.json"));
    assert_true(folder_has(*state, "8-universe.json"));
    assert_non_null(strstr(folder_read(*state, "7-a_b.json"), "buildMetrics"));
}

static void results(void **state)
{
    static const struct {
        const char *events, *status;
        enum td_build_result result;
        bool published;
        const char *why, *upload;
    } cases[] = {
        {"hits", "0", TD_BUILD_OK, true, "", ""},
        {"no-upload", "0", TD_BUILD_OK, false, "", "did not take all results (3 errors"},
        {"bad-target", "1", TD_BUILD_BROKEN, false, "nothing to build for //nope/...", ""},
        {"failed", "1", TD_BUILD_BROKEN, false, "the build of //bad:bad failed", ""},
        {"tests-failed", "3", TD_BUILD_BROKEN, false, "tests failed", ""},
        {"no-tests", "4", TD_BUILD_OK, false, "no tests to run", ""},
        {"interrupted", "8", TD_BUILD_ABORTED, false, "interrupted", ""},
        {"built", "33", TD_BUILD_FLAKY, false, "out of memory", ""},
        {"built", "34", TD_BUILD_FLAKY, false, "could not be reached", ""},
        {"built", "37", TD_BUILD_FLAKY, false, "crashed", ""},
        {"built", "99", TD_BUILD_FLAKY, false, "not known", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char events[128];
        (void)snprintf(events, sizeof events, "tests/live/events/%s.json", cases[i].events);
        play(*state, events, cases[i].status);
        const struct td_bazel bazel = {.path = folder_path(*state, "bazel"), .workspace = *state};
        struct td_build build;
        assert_true(td_bazel_build(&bazel, "//a", NULL, &build, NULL));
        assert_int_equal(build.result, cases[i].result);
        assert_int_equal(build.published, cases[i].published);
        assert_non_null(strstr(build.why, cases[i].why));
        assert_non_null(strstr(build.upload, cases[i].upload));
    }
}

static void what_is_missing_is_named(void **state)
{
    struct td_error error;
    struct td_bazel bazel = {.path = "td-no-bazel", .workspace = *state};
    assert_false(td_bazel_check(&bazel, &error));
    assert_non_null(strstr(error.text, "is in no Bazel workspace"));
    folder_write(*state, "WORKSPACE", "");
    assert_false(td_bazel_check(&bazel, &error));
    assert_string_equal(error.text, "Bazel was not found as 'td-no-bazel': install it, or name it "
                                    "with --bazel PATH");
    bazel.path = "sh";
    assert_true(td_bazel_check(&bazel, &error));
}

static void warn(void *context, const char *sentence)
{
    (void)snprintf(context, 1024, "%s", sentence);
}

static void digests_of(const char *folder, const struct td_digest_watcher *watcher,
                       struct td_step_digest digests[2])
{
    static const char *const patterns[] = {"//a/...", "//bad/..."};
    char path[2 * FOLDER_PATH];
    (void)snprintf(path, sizeof path, "%s", folder_path(folder, "bazel"));
    const struct td_bazel bazel = {.path = path, .workspace = folder};
    struct td_error error;
    if (!td_digest_steps(&bazel, "HEAD", patterns, 2, NULL, watcher, digests, &error))
        fail_msg("%s", error.text);
}

static void a_touched_file_changes_the_digest(void **state)
{
    const char *folder = *state;
    folder_script(folder, "bazel",
                  "#!/bin/sh\n"
                  "case \"$*\" in\n"
                  "info*) printf 'release: release 9\\noutput_base: /o\\ninstall_base: /i/k\\n"
                  "workspace: %s\\n' \"$PWD\" ;;\n"
                  "*bad*) echo 'ERROR: no such package' >&2; exit 7 ;;\n"
                  "*) printf '//a:x.c\\n//a:BUILD\\n@tool//c:d\\n' ;;\n"
                  "esac\n");
    folder_write(folder, "a/x.c", "int x;\n");
    folder_write(folder, "a/y.c", "int y;\n");
    folder_write(folder, "a/BUILD", "\n");
    (void)folder_run(folder, "git init -q");
    (void)folder_run(folder, "git add .");
    (void)folder_run(folder, "git commit -q -m one");
    struct td_step_digest first[2], then[2];
    char warned[1024] = "";
    const struct td_digest_watcher watcher = {warned, warn};
    digests_of(folder, &watcher, first);
    assert_int_equal(strlen(first[0].own), 40);
    assert_string_equal(first[0].own, first[0].untouched);
    assert_string_equal(first[1].own, "");
    assert_non_null(strstr(warned, "//bad/..."));
    assert_non_null(strstr(warned, "no such package"));

    folder_write(folder, "a/x.c", "int z;\n");
    digests_of(folder, &watcher, then);
    assert_string_not_equal(then[0].own, first[0].own);
    assert_string_equal(then[0].untouched, first[0].untouched);

    /* Undone; then a file is removed that a glob() had found. */
    folder_write(folder, "a/x.c", "int x;\n");
    digests_of(folder, &watcher, then);
    assert_string_equal(then[0].own, first[0].own);
    (void)folder_run(folder, "rm a/y.c");
    digests_of(folder, &watcher, then);
    assert_string_not_equal(then[0].own, then[0].untouched);
}

static void options_and_queries(void **state)
{
    (void)state;
    assert_true(td_digest_option_matters("--copt=-O2"));
    assert_true(td_digest_option_matters("--compilation_mode=opt"));
    assert_false(td_digest_option_matters("--jobs=4"));
    assert_false(td_digest_option_matters("--disk_cache=/c"));
    assert_false(td_digest_option_matters("--noremote_upload_local_results"));
    struct td_buffer query = {0};
    td_digest_query("//a/... -//a:b", &query);
    td_buffer_add(&query, "", 1);
    assert_string_equal(query.bytes, "kind(\"source file\", deps((\"//a/...\" - \"//a:b\"))) + "
                                     "buildfiles(deps((\"//a/...\" - \"//a:b\")))");
    td_buffer_free(&query);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_build),
        IN_FOLDER(event_files_are_kept),
        IN_FOLDER(results),
        IN_FOLDER(what_is_missing_is_named),
        IN_FOLDER(a_touched_file_changes_the_digest),
        cmocka_unit_test(options_and_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
