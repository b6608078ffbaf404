/* Who builds what: variables of each CI system, and git. */
#include "live/ci.h"

#include "folder.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct pair {
    const char *name, *value;
};

static const char *look_up(void *context, const char *name)
{
    for (const struct pair *pair = context; pair->name != NULL; pair++)
        if (strcmp(pair->name, name) == 0) return pair->value;
    return NULL;
}

static void systems(void **state)
{
    (void)state;
    static struct {
        struct pair variables[10];
        struct td_identity is;
    } cases[] = {
        {{{"ZUUL_PIPELINE", "gate"},
          {"ZUUL_PROJECT", "acme/universe"},
          {"ZUUL_BRANCH", "master"},
          {"ZUUL_CHANGE", "123"},
          {"ZUUL_PATCHSET", "4"}},
         {"acme/universe", "master", "123,4", "gate", "origin/master", true, "Zuul"}},
        {{{"GITHUB_ACTIONS", "true"},
          {"GITHUB_REPOSITORY", "acme/universe"},
          {"GITHUB_BASE_REF", "main"},
          {"GITHUB_REF", "refs/pull/12/merge"},
          {"GITHUB_REF_NAME", "12/merge"},
          {"GITHUB_WORKFLOW", "presubmit"}},
         {"acme/universe", "main", "refs/pull/12/merge", "presubmit", "origin/main", false,
          "GitHub Actions"}},
        {{{"GITHUB_ACTIONS", "true"},
          {"GITHUB_REPOSITORY", "acme/universe"},
          {"GITHUB_BASE_REF", ""},
          {"GITHUB_REF", "refs/heads/main"},
          {"GITHUB_WORKFLOW", "nightly"}},
         {"acme/universe", "main", "", "nightly", "", false, "GitHub Actions"}},
        {{{"GITLAB_CI", "true"},
          {"CI_PROJECT_PATH", "acme/universe"},
          {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"},
          {"CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/7/train"},
          {"CI_PIPELINE_SOURCE", "merge_request_event"},
          {"CI_MERGE_REQUEST_DIFF_BASE_SHA", "abc"},
          {"CI_MERGE_REQUEST_EVENT_TYPE", "merge_train"}},
         {"acme/universe", "main", "refs/merge-requests/7/train", "merge_request_event", "abc",
          true, "GitLab CI"}},
        {{{"JENKINS_URL", "https://ci.example.org/"},
          {"GIT_URL", "git@example.org:acme/universe.git"},
          {"CHANGE_TARGET", "main"},
          {"CHANGE_ID", "9"},
          {"BRANCH_NAME", "PR-9"},
          {"JOB_NAME", "universe/PR-9"}},
         {"acme/universe", "main", "9", "universe", "origin/main", false, "Jenkins"}},
        {{{"JENKINS_URL", "https://ci.example.org/"},
          {"GERRIT_PROJECT", "universe"},
          {"GERRIT_BRANCH", "main"},
          {"GERRIT_REFSPEC", "refs/changes/01/1/2"},
          {"JOB_NAME", "universe/verify"}},
         {"universe", "main", "refs/changes/01/1/2", "universe/verify", "origin/main", false,
          "Jenkins"}},
        {{{"BUILDKITE", "true"},
          {"BUILDKITE_REPO", "https://example.org/acme/universe.git"},
          {"BUILDKITE_BRANCH", "main"},
          {"BUILDKITE_PULL_REQUEST", "false"},
          {"BUILDKITE_PULL_REQUEST_BASE_BRANCH", ""},
          {"BUILDKITE_PIPELINE_SLUG", "universe"}},
         {"acme/universe", "main", "", "universe", "", false, "Buildkite"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct td_identity identity = {0};
        assert_true(td_identity_from_ci(look_up, cases[i].variables, &identity));
        assert_string_equal(identity.ci, cases[i].is.ci);
        assert_string_equal(identity.repository, cases[i].is.repository);
        assert_string_equal(identity.base_ref, cases[i].is.base_ref);
        assert_string_equal(identity.change, cases[i].is.change);
        assert_string_equal(identity.pipeline, cases[i].is.pipeline);
        assert_string_equal(identity.base, cases[i].is.base);
        assert_int_equal(identity.dependent, cases[i].is.dependent);
    }
}

static void what_was_given_stays(void **state)
{
    (void)state;
    struct pair variables[] = {{"BUILDKITE", "true"}, {"BUILDKITE_BRANCH", "main"}, {NULL, NULL}};
    struct td_identity identity = {.base_ref = "release"};
    assert_true(td_identity_from_ci(look_up, variables, &identity));
    assert_string_equal(identity.base_ref, "release");
    assert_false(td_identity_from_ci(look_up, variables + 1, &identity));
}

static void names_of_repositories(void **state)
{
    (void)state;
    static const char *const urls[] = {"https://user@example.org:8080/acme/universe.git",
                                       "git@example.org:acme/universe",
                                       "ssh://example.org/acme/universe.git/", "acme/universe"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char name[TD_IDENTITY_TEXT];
        td_repository_name(urls[i], name);
        assert_string_equal(name, "acme/universe");
    }
}

static void from_git(void **state)
{
    const char *folder = *state;
    (void)folder_run(folder, "git init -q -b main");
    (void)folder_run(folder, "git commit -q --allow-empty -m one");
    (void)folder_run(folder, "git remote add origin https://example.org/acme/universe.git");
    (void)folder_run(folder, "git update-ref refs/remotes/origin/main HEAD");
    (void)folder_run(folder, "git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main");
    char base[TD_IDENTITY_TEXT];
    memcpy(base, folder_run(folder, "git rev-parse HEAD"), sizeof base);
    base[strcspn(base, "\n")] = '\0';
    (void)folder_run(folder, "git checkout -q -b feature");
    (void)folder_run(folder, "git commit -q --allow-empty -m two");

    struct td_identity identity = {0};
    td_identity_from_git(folder, NULL, &identity);
    assert_string_equal(identity.repository, "acme/universe");
    assert_string_equal(identity.base_ref, "main");
    assert_string_equal(identity.change, "feature");
    assert_string_equal(identity.base, base);
}

static void no_git_is_no_identity(void **state)
{
    struct td_identity identity = {0};
    td_identity_from_git(*state, NULL, &identity);
    assert_string_equal(identity.repository, "");
    assert_string_equal(identity.base, "");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systems),
        cmocka_unit_test(what_was_given_stays),
        cmocka_unit_test(names_of_repositories),
        IN_FOLDER(from_git),
        IN_FOLDER(no_git_is_no_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
