#include "live/bazel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FETCH_SHARE 0.05

static const struct {
    int status;
    enum td_build_result result;
    const char *sentence;
} meanings[] = {
    {0, TD_BUILD_OK, ""},
    {1, TD_BUILD_BROKEN, "the build failed: see Bazel's messages above"},
    {2, TD_BUILD_BROKEN, "Bazel does not know the options that it was given: check them"},
    {3, TD_BUILD_BROKEN, "tests failed: see Bazel's messages above"},
    /* A step of libraries only, in a run of tests. */
    {4, TD_BUILD_OK, "it was built; there were no tests to run"},
    {7, TD_BUILD_BROKEN, "the analysis failed: see Bazel's messages above"},
    {8, TD_BUILD_ABORTED, "Bazel was interrupted"},
    {9, TD_BUILD_FLAKY, "another Bazel command holds the lock: give each peer an --output_base"},
    {32, TD_BUILD_FLAKY, "the remote service failed"},
    {33, TD_BUILD_FLAKY, "Bazel ran out of memory: give it more, or fewer --jobs"},
    {34, TD_BUILD_FLAKY, "the remote cache could not be reached: check --remote_cache"},
    {36, TD_BUILD_FLAKY, "something on this machine failed, such as its disk: see above"},
    {37, TD_BUILD_FLAKY, "Bazel crashed: see its messages above"},
    {38, TD_BUILD_FLAKY, "the build events could not be uploaded: check --bes_backend"},
    {39, TD_BUILD_FLAKY, "the remote cache lost results while they were used"},
    {45, TD_BUILD_BROKEN, "the build events are refused by their server: check --bes_backend"},
    {48, TD_BUILD_BROKEN, "external dependencies could not be resolved: see above"},
};

enum td_build_result td_bazel_result(int status, const char **sentence)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].status != status) continue;
        *sentence = meanings[i].sentence;
        return meanings[i].result;
    }
    /* Bazel's own troubles are numbered from 32. */
    *sentence = "Bazel ended with an exit status that is not known here: see its messages above";
    return status >= 32 ? TD_BUILD_FLAKY : TD_BUILD_BROKEN;
}

static const char *program(const struct td_bazel *bazel)
{
    return bazel->path != NULL ? bazel->path : "bazel";
}

static bool may_run(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* As exec looks for it, in the folders of PATH. */
static bool is_found(const char *name)
{
    if (strchr(name, '/') != NULL) return may_run(name);
    const char *folders = getenv("PATH");
    while (folders != NULL && *folders != '\0') {
        const size_t length = strcspn(folders, ":");
        char path[PATH_MAX];
        const int size = length == 0
                             ? snprintf(path, sizeof path, "%s", name)
                             : snprintf(path, sizeof path, "%.*s/%s", (int)length, folders, name);
        if (size < (int)sizeof path && may_run(path)) return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

/* Whether this folder is the root of a workspace. */
static bool is_root(const char *folder)
{
    static const char *const marks[] = {"MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel",
                                        "WORKSPACE"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        char path[PATH_MAX + 32];
        struct stat status;
        (void)snprintf(path, sizeof path, "%s/%s", folder, marks[i]);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) return true;
    }
    return false;
}

bool td_bazel_check(const struct td_bazel *bazel, struct td_error *error)
{
    const char *folder = bazel->workspace != NULL ? bazel->workspace : ".";
    char path[PATH_MAX];
    if (realpath(folder, path) == NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "the workspace %s cannot be entered: %s: check the path", folder,
                            strerror(errno));
    while (path[0] != '\0' && !is_root(path))
        *strrchr(path, '/') = '\0';
    if (path[0] == '\0')
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s is in no Bazel workspace (no MODULE.bazel or WORKSPACE there or "
                            "above): start in one, or name one with --workspace DIR",
                            folder);
    if (!is_found(program(bazel)))
        return td_error_set(error, TD_FAULT_INPUT,
                            "Bazel was not found as '%s': install it, or name it with --bazel PATH",
                            program(bazel));
    return true;
}

static size_t count_of(const char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL)
        count++;
    return count;
}

const char **td_bazel_command(const struct td_bazel *bazel, const char *command, size_t more,
                              size_t *at)
{
    const size_t startup = count_of(bazel->startup);
    const char **argv = calloc(startup + more + 3, sizeof *argv);
    if (argv == NULL) return NULL;
    *at = 0;
    argv[(*at)++] = program(bazel);
    for (size_t i = 0; i < startup; i++)
        argv[(*at)++] = bazel->startup[i];
    argv[(*at)++] = command;
    return argv;
}

/* Cuts `patterns` at its spaces, in place; the pieces go to `out`, which may be NULL. */
static size_t split(char *patterns, const char **out)
{
    size_t count = 0;
    for (char *at = patterns; *(at += strspn(at, " ")) != '\0';) {
        if (out != NULL) out[count] = at;
        count++;
        at += strcspn(at, " ");
        if (out != NULL && *at != '\0') *at++ = '\0';
    }
    return count;
}

/* The whole command line; it keeps pointers into `patterns` and `events`. */
static const char **command_line(const struct td_bazel *bazel, char *patterns, const char *events)
{
    const size_t options = count_of(bazel->options);
    size_t at;
    const char **argv = td_bazel_command(bazel, bazel->tests ? "test" : "build",
                                         options + split(patterns, NULL) + 2, &at);
    if (argv == NULL) return NULL;
    for (size_t i = 0; i < options; i++)
        argv[at++] = bazel->options[i];
    argv[at++] = events;
    argv[at++] = "--";
    (void)split(patterns, argv + at);
    return argv;
}

/* Says what the events know of a failure, in place of the usual sentence. */
static void explain(const struct td_build_events *events, struct td_build *build)
{
    if (build->status != 1 && build->status != 7) return;
    if (events->pattern[0] != '\0')
        (void)snprintf(build->why, sizeof build->why,
                       "there is nothing to build for %s: check the step's targets",
                       events->pattern);
    else if (events->failed[0] != '\0')
        (void)snprintf(build->why, sizeof build->why,
                       "the build of %s failed: see Bazel's messages above", events->failed);
}

static void take_events(const struct td_bazel *bazel, const struct td_build_events *events,
                        struct td_build *build)
{
    build->critical_path = events->critical_path;
    build->counted = events->counted;
    if (events->counted) {
        build->actions = events->ran + events->hits + events->kept;
        build->hits = events->hits;
        build->built = td_build_events_built(events, bazel->fetch_share > 0 ? bazel->fetch_share
                                                                            : FETCH_SHARE);
        build->whole = build->built && events->hits == 0 && events->kept == 0;
    }
    if (events->upload[0] != '\0')
        (void)snprintf(build->upload, sizeof build->upload,
                       "the remote cache did not take all results (%s): they do not count as "
                       "published",
                       events->upload);
    /* what came from the cache is there, whoever has put it there */
    const bool there =
        build->built ? events->uploads : events->hits > 0 && (events->ran == 0 || events->uploads);
    build->published = build->result == TD_BUILD_OK && there && events->upload[0] == '\0';
    explain(events, build);
}

static void judge(const struct td_child_end *end, struct td_build *build)
{
    *build = (struct td_build){.status = end->status,
                               .built = true,
                               .actions = -1,
                               .hits = -1,
                               .critical_path = -1,
                               .took = end->took};
    const char *sentence;
    if (end->signal != 0) {
        build->status = -1;
        build->result = end->signal == SIGINT ? TD_BUILD_ABORTED : TD_BUILD_FLAKY;
        (void)snprintf(build->why, sizeof build->why, "Bazel was ended by the signal %s",
                       sigdescr_np(end->signal));
    } else {
        build->result = td_bazel_result(end->status, &sentence);
        (void)snprintf(build->why, sizeof build->why, "%s", sentence);
    }
    /* What fails after an interrupt fails because of it. */
    if (end->interrupts > 0 && build->result != TD_BUILD_OK) build->result = TD_BUILD_ABORTED;
}

static bool run(const struct td_bazel *bazel, const char *const *argv, const char *events_path,
                const struct td_stop *stop, struct td_build *build, struct td_error *error)
{
    const struct td_child_command command = {
        .argv = argv, .folder = bazel->workspace, .grace = bazel->grace};
    struct td_child_end end;
    if (!td_child_run(&command, stop, &end, error)) return false;
    judge(&end, build);
    struct td_build_events events;
    struct td_error unread;
    /* No events are no failure of the build; it only counts for less. */
    if (!td_build_events_read(events_path, &events, &unread))
        (void)snprintf(build->upload, sizeof build->upload, "%.500s", unread.text);
    else
        take_events(bazel, &events, build);
    return true;
}

/* Makes the file of events, so that a folder that cannot be written to is seen before Bazel runs.
 */
static bool make_events(const struct td_bazel *bazel, char path[static PATH_MAX],
                        struct td_error *error)
{
    int length, file;
    if (bazel->events != NULL) {
        length = snprintf(path, PATH_MAX, "%s", bazel->events);
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    } else {
        length = snprintf(path, PATH_MAX, "%s/task-director-XXXXXX",
                          bazel->scratch != NULL ? bazel->scratch : "/tmp");
        file = mkstemp(path);
    }
    if (file < 0 || length >= PATH_MAX)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: no file for Bazel's build events: %s: name a folder for them",
                            path, strerror(file < 0 ? errno : ENAMETOOLONG));
    (void)close(file);
    return true;
}

bool td_bazel_build(const struct td_bazel *bazel, const char *patterns, const struct td_stop *stop,
                    struct td_build *build, struct td_error *error)
{
    static const char option[] = "--build_event_json_file=";
    char events[PATH_MAX + sizeof option] = "--build_event_json_file=";
    char *path = events + strlen(option);
    if (!make_events(bazel, path, error)) return false;
    char *words = strdup(patterns);
    const char **argv = words == NULL ? NULL : command_line(bazel, words, events);
    const bool good = argv != NULL ? run(bazel, argv, path, stop, build, error)
                                   : td_error_memory(error, "a command line");
    free(argv);
    free(words);
    if (bazel->events == NULL) (void)unlink(path);
    return good;
}
