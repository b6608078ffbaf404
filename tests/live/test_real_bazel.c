/* The real Bazel on scenarios/live-workspace: `make check-bazel`. */
#include "live/bazel.h"
#include "live/digest.h"

#include "folder.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIVERSE "//my_universe/..."

/* The workspace as a git checkout of its own, and how Bazel is called in it. */
static struct {
    void *folder;
    char workspace[2 * FOLDER_PATH], output_base[2 * FOLDER_PATH], cache[2 * FOLDER_PATH];
    const char *startup[3], *options[4];
    struct td_bazel bazel;
} here;

static int set_up(void **state)
{
    (void)state;
    char root[PATH_MAX], copy[PATH_MAX + 64];
    if (folder_set_up(&here.folder) != 0 || getcwd(root, sizeof root) == NULL) return -1;
    (void)snprintf(copy, sizeof copy, "cp -r %s/scenarios/live-workspace w", root);
    (void)folder_run(here.folder, copy);
    (void)snprintf(here.workspace, sizeof here.workspace, "%s", folder_path(here.folder, "w"));
    (void)snprintf(here.output_base, sizeof here.output_base, "--output_base=%s",
                   folder_path(here.folder, "o"));
    (void)snprintf(here.cache, sizeof here.cache, "--disk_cache=%s", folder_path(here.folder, "c"));
    (void)folder_run(here.workspace, "git init -q");
    (void)folder_run(here.workspace, "git add .");
    (void)folder_run(here.workspace, "git commit -q -m one");
    here.startup[0] = here.output_base;
    here.startup[1] = "--max_idle_secs=60";
    here.options[0] = here.cache;
    here.options[1] = "--symlink_prefix=/";
    here.bazel = (struct td_bazel){
        .startup = here.startup, .options = here.options, .workspace = here.workspace};
    return 0;
}

static void bazel_does(const char *command)
{
    char words[1024];
    (void)snprintf(words, sizeof words, "bazel %s %s", here.output_base, command);
    (void)folder_run(here.workspace, words);
}

static int tear_down(void **state)
{
    (void)state;
    bazel_does("shutdown");
    /* Bazel takes its own right to write there. */
    (void)folder_run(here.folder, "chmod -R u+w o");
    return folder_tear_down(&here.folder);
}

static struct td_build build(const char *patterns, const struct td_stop *stop)
{
    struct td_build build;
    struct td_error error;
    if (!td_bazel_build(&here.bazel, patterns, stop, &build, &error)) fail_msg("%s", error.text);
    return build;
}

static void a_build_is_published_and_then_fetched(void **state)
{
    (void)state;
    struct td_error error;
    if (!td_bazel_check(&here.bazel, &error)) fail_msg("%s", error.text);
    const struct td_build first = build(UNIVERSE, NULL);
    if (first.result != TD_BUILD_OK) fail_msg("%s", first.why);
    assert_true(first.built && first.whole && first.published);
    assert_int_equal(first.hits, 0);
    assert_true(first.critical_path > 0);

    bazel_does("clean --symlink_prefix=/");
    const struct td_build second = build(UNIVERSE, NULL);
    assert_int_equal(second.result, TD_BUILD_OK);
    assert_false(second.built);
    assert_true(second.published);
    assert_int_equal(second.actions, first.actions);
    assert_int_equal(second.hits, first.actions);
}

static void what_is_not_there_is_a_bad_target(void **state)
{
    (void)state;
    const struct td_build bad = build("//nothing/here/...", NULL);
    assert_int_equal(bad.result, TD_BUILD_BROKEN);
    assert_non_null(strstr(bad.why, "nothing to build for //nothing/here/..."));
}

static void an_upload_that_does_not_work_is_noticed(void **state)
{
    (void)state;
    here.options[0] = "--remote_cache=http://127.0.0.1:9";
    here.options[2] = "--define=SECONDS=0.1";
    const struct td_build lost = build("//my_universe/common/...", NULL);
    here.options[0] = here.cache;
    here.options[2] = NULL;
    assert_int_equal(lost.result, TD_BUILD_OK);
    assert_true(lost.built);
    assert_false(lost.published);
    assert_non_null(strstr(lost.upload, "did not take all results"));
}

static void *ask_later(void *stop)
{
    (void)nanosleep(&(struct timespec){.tv_sec = 4}, NULL);
    td_stop_ask(stop);
    return NULL;
}

static void an_interrupt_ends_the_build(void **state)
{
    (void)state;
    struct td_stop stop;
    pthread_t thread;
    assert_true(td_stop_open(&stop, NULL));
    here.options[2] = "--define=SECONDS=60";
    assert_int_equal(pthread_create(&thread, NULL, ask_later, &stop), 0);
    const struct td_build ended = build(UNIVERSE, &stop);
    (void)pthread_join(thread, NULL);
    here.options[2] = NULL;
    td_stop_close(&stop);
    assert_int_equal(ended.result, TD_BUILD_ABORTED);
    assert_true(ended.took < 30 * TD_NS_PER_S);
}

static void warn(void *context, const char *sentence)
{
    (void)context;
    fail_msg("%s", sentence);
}

static void a_touched_step_has_its_own_digest(void **state)
{
    (void)state;
    static const char *const patterns[] = {"//my_universe/common/...",
                                           "//my_universe/planning/..."};
    const struct td_digest_watcher watcher = {NULL, warn};
    struct td_step_digest digests[2];
    struct td_error error;
    folder_write(here.workspace, "my_universe/planning/routes.txt", "route 2\n");
    if (!td_digest_steps(&here.bazel, "HEAD", patterns, 2, NULL, &watcher, digests, &error))
        fail_msg("%s", error.text);
    assert_int_equal(strlen(digests[0].own), 40);
    assert_string_equal(digests[0].own, digests[0].untouched);
    assert_string_not_equal(digests[1].own, digests[1].untouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_is_published_and_then_fetched),
        cmocka_unit_test(what_is_not_there_is_a_bad_target),
        cmocka_unit_test(an_upload_that_does_not_work_is_noticed),
        cmocka_unit_test(an_interrupt_ends_the_build),
        cmocka_unit_test(a_touched_step_has_its_own_digest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
