#include "live/ci.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How a text is found: alternatives, separated by spaces, of which the first counts whose variables
 * are all set. In an alternative, a sign and a name stand for a variable:
 *
 *     $NAME  its value           ^NAME  its value without refs/heads/ or origin/
 *     @NAME  a repository's URL  %NAME  its value without its last part, behind a slash
 *     ?NAME  nothing, but the variable must be set
 *
 * Anything else stands for itself. */
struct system {
    const char *name;
    const char *mark; /* a variable that only this system sets */
    const char *repository, *base_ref, *change, *pipeline, *base;
    const char *dependent_name, *dependent_value; /* a variable and its value; NULL: never */
};

static const struct system systems[] = {
    {
        .name = "Zuul",
        .mark = "ZUUL_PIPELINE",
        .repository = "@ZUUL_PROJECT",
        .base_ref = "^ZUUL_BRANCH",
        .change = "$ZUUL_CHANGE,$ZUUL_PATCHSET $ZUUL_CHANGE $ZUUL_REF",
        .pipeline = "$ZUUL_PIPELINE",
        .base = "origin/^ZUUL_BRANCH",
        .dependent_name = "ZUUL_PIPELINE",
        .dependent_value = "gate",
    },
    {
        .name = "GitHub Actions",
        .mark = "GITHUB_ACTIONS",
        .repository = "$GITHUB_REPOSITORY",
        .base_ref = "^GITHUB_BASE_REF ^GITHUB_REF_NAME ^GITHUB_REF",
        .change = "$GITHUB_REF?GITHUB_BASE_REF $GITHUB_HEAD_REF",
        .pipeline = "$GITHUB_WORKFLOW",
        .base = "origin/^GITHUB_BASE_REF",
        .dependent_name = "GITHUB_EVENT_NAME",
        .dependent_value = "merge_group",
    },
    {
        .name = "GitLab CI",
        .mark = "GITLAB_CI",
        .repository = "$CI_PROJECT_PATH",
        .base_ref = "^CI_MERGE_REQUEST_TARGET_BRANCH_NAME ^CI_COMMIT_REF_NAME",
        .change = "$CI_MERGE_REQUEST_REF_PATH $CI_MERGE_REQUEST_IID",
        .pipeline = "$CI_PIPELINE_NAME $CI_PIPELINE_SOURCE",
        .base = "$CI_MERGE_REQUEST_DIFF_BASE_SHA origin/^CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
        .dependent_name = "CI_MERGE_REQUEST_EVENT_TYPE",
        .dependent_value = "merge_train",
    },
    {
        .name = "Jenkins",
        .mark = "JENKINS_URL",
        .repository = "$GERRIT_PROJECT @GIT_URL",
        .base_ref = "^GERRIT_BRANCH ^CHANGE_TARGET ^BRANCH_NAME ^GIT_BRANCH",
        .change = "$GERRIT_REFSPEC $CHANGE_ID",
        /* A multibranch job has a job for each branch below it. */
        .pipeline = "?BRANCH_NAME%JOB_NAME $JOB_NAME",
        .base = "origin/^GERRIT_BRANCH origin/^CHANGE_TARGET",
    },
    {
        .name = "Buildkite",
        .mark = "BUILDKITE",
        .repository = "@BUILDKITE_REPO",
        .base_ref = "^BUILDKITE_PULL_REQUEST_BASE_BRANCH ^BUILDKITE_BRANCH",
        .change = "$BUILDKITE_PULL_REQUEST",
        .pipeline = "$BUILDKITE_PIPELINE_SLUG",
        .base = "origin/^BUILDKITE_PULL_REQUEST_BASE_BRANCH",
        .dependent_name = "BUILDKITE_MERGE_QUEUE_BASE_BRANCH",
    },
};

void td_repository_name(const char *url, char out[static TD_IDENTITY_TEXT])
{
    const char *scheme = strstr(url, "://"), *colon = strchr(url, ':');
    const char *path = url;
    if (scheme != NULL) {
        path = scheme + strlen("://");
        /* A file's URL has no host, and its path tells nothing but itself. */
        path += *path == '/' ? 0 : strcspn(path, "/");
    } else if (colon != NULL && memchr(url, '/', (size_t)(colon - url)) == NULL) {
        path = colon + 1;
    }
    path += strspn(path, "/");
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    if (length > 4 && memcmp(path + length - 4, ".git", 4) == 0) length -= 4;
    (void)snprintf(out, TD_IDENTITY_TEXT, "%.*s", (int)(length < 4096 ? length : 4096), path);
}

/* What a variable stands for under a sign, without the terminating zero; false if it is not set, or
 * "false", as Buildkite says of no pull request, or too long. */
static bool expand(char sign, const char *value, char out[static TD_IDENTITY_TEXT])
{
    static const char *const prefixes[] = {"refs/heads/", "origin/"};
    if (value == NULL || *value == '\0' || strcmp(value, "false") == 0 ||
        strlen(value) >= TD_IDENTITY_TEXT)
        return false;
    if (sign == '@') {
        td_repository_name(value, out);
        return true;
    }
    for (size_t i = 0; sign == '^' && i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(value, prefixes[i], strlen(prefixes[i])) == 0) value += strlen(prefixes[i]);
    (void)snprintf(out, TD_IDENTITY_TEXT, "%s", sign == '?' ? "" : value);
    char *slash = sign == '%' ? strrchr(out, '/') : NULL;
    if (slash != NULL) *slash = '\0';
    return true;
}

/* One alternative of `length` bytes; false if a variable of it is not set. */
static bool fill_from(const char *rule, size_t length, td_variable variable, void *context,
                      char out[static TD_IDENTITY_TEXT])
{
    static const char signs[] = "$^@%?";
    char text[TD_IDENTITY_TEXT] = "";
    for (size_t at = 0; at < length;) {
        const size_t used = strlen(text);
        char piece[TD_IDENTITY_TEXT] = {rule[at]};
        if (strchr(signs, rule[at++]) != NULL) {
            const size_t size = strspn(rule + at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
            char name[64];
            (void)snprintf(name, sizeof name, "%.*s", (int)size, rule + at);
            at += size;
            if (!expand(piece[0], variable(context, name), piece)) return false;
        }
        if (used + strlen(piece) >= sizeof text) return false;
        memcpy(text + used, piece, strlen(piece) + 1);
    }
    memcpy(out, text, sizeof text);
    return true;
}

/* Fills a text that is still empty. */
static void fill(const char *rules, td_variable variable, void *context,
                 char out[static TD_IDENTITY_TEXT])
{
    while (rules != NULL && *rules != '\0' && out[0] == '\0') {
        const size_t length = strcspn(rules, " ");
        if (fill_from(rules, length, variable, context, out)) return;
        rules += length;
        rules += strspn(rules, " ");
    }
}

static bool is_dependent(const struct system *system, td_variable variable, void *context)
{
    if (system->dependent_name == NULL) return false;
    const char *value = variable(context, system->dependent_name);
    if (value == NULL || *value == '\0') return false;
    return system->dependent_value == NULL || strcmp(value, system->dependent_value) == 0;
}

bool td_identity_from_ci(td_variable variable, void *context, struct td_identity *identity)
{
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        const struct system *system = &systems[i];
        const char *mark = variable(context, system->mark);
        if (mark == NULL || *mark == '\0') continue;
        identity->ci = system->name;
        fill(system->repository, variable, context, identity->repository);
        fill(system->base_ref, variable, context, identity->base_ref);
        fill(system->change, variable, context, identity->change);
        fill(system->pipeline, variable, context, identity->pipeline);
        fill(system->base, variable, context, identity->base);
        identity->dependent = identity->dependent || is_dependent(system, variable, context);
        return true;
    }
    return false;
}

/* The first line of what git says; "" if it fails or says more than fits. */
static void ask_git(const char *folder, const struct td_stop *stop, const char *const *argv,
                    char out[static TD_IDENTITY_TEXT])
{
    out[0] = '\0';
    const int silence = td_scratch_open(NULL, 0, NULL);
    if (silence < 0) return;
    const struct td_child_command command = {.argv = argv, .folder = folder, .errors = silence};
    struct td_child_end end;
    struct td_buffer said = {0};
    if (td_child_read(&command, stop, &said, &end, NULL) && end.signal == 0 && end.status == 0) {
        const char *line_end = said.length == 0 ? NULL : memchr(said.bytes, '\n', said.length);
        const size_t length = line_end == NULL ? 0 : (size_t)(line_end - said.bytes);
        if (length > 0 && length < TD_IDENTITY_TEXT) {
            memcpy(out, said.bytes, length);
            out[length] = '\0';
        }
    }
    td_buffer_free(&said);
    (void)close(silence);
}

#define ASK_GIT(folder, stop, out, ...)                                                            \
    ask_git(folder, stop, (const char *const[]){"git", __VA_ARGS__, NULL}, out)

void td_identity_from_git(const char *folder, const struct td_stop *stop,
                          struct td_identity *identity)
{
    char text[TD_IDENTITY_TEXT];
    if (identity->repository[0] == '\0') {
        ASK_GIT(folder, stop, text, "remote", "get-url", "origin");
        td_repository_name(text, identity->repository);
    }
    if (identity->base_ref[0] == '\0') {
        ASK_GIT(folder, stop, text, "symbolic-ref", "--short", "refs/remotes/origin/HEAD");
        (void)expand('^', text, identity->base_ref);
    }
    if (identity->change[0] == '\0') {
        ASK_GIT(folder, stop, text, "symbolic-ref", "--short", "HEAD");
        if (strcmp(text, identity->base_ref) != 0)
            memcpy(identity->change, text, sizeof identity->change);
    }
    if (identity->base[0] == '\0' && identity->base_ref[0] != '\0')
        (void)snprintf(identity->base, sizeof identity->base, "origin/%.240s", identity->base_ref);
    if (identity->base[0] == '\0') return;
    /* The base may have gone on since the change left it. Without its history (a shallow clone)
     * what was given has to do. */
    ASK_GIT(folder, stop, text, "merge-base", "HEAD", identity->base);
    if (text[0] != '\0') memcpy(identity->base, text, sizeof identity->base);
}
