#include "live/executor.h"

#include "live/folder.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static bool build_by_bazel(const void *context, const struct td_peer_task *task,
                           const struct td_stop *stop, struct td_build *build,
                           struct td_error *error)
{
    const struct td_executor_bazel *own = context;
    struct td_bazel bazel = own->bazel;
    char step[TD_FILE_NAME], path[PATH_MAX];
    if (own->events != NULL) {
        /* one that is cut cannot be made, and the error says so */
        (void)snprintf(path, sizeof path, "%s/%" PRIu64 "-%s.json", own->events,
                       (uint64_t)task->order,
                       task->step != NULL ? td_folder_name(task->step, step) : "universe");
        bazel.events = path;
    }
    return td_bazel_build(&bazel, task->targets, stop, build, error);
}

struct td_executor td_executor_bazel(const struct td_executor_bazel *bazel)
{
    return (struct td_executor){bazel, build_by_bazel};
}

/* The command's words, then the targets, which `targets` is cut into. An array to be freed; NULL if
 * memory ran short. */
static const char **command_line(const struct td_executor_command *command, char *targets)
{
    size_t count = 0, room = 2;
    while (command->words[count] != NULL)
        count++;
    for (const char *at = targets; (at = strchr(at, ' ')) != NULL; at++)
        room++;
    const char **argv = calloc(count + room, sizeof *argv);
    if (argv == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        argv[i] = command->words[i];
    char *rest = NULL;
    for (char *word = strtok_r(targets, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    return argv;
}

static void judge(const struct td_peer_task *task, const char *name, const struct td_child_end *end,
                  struct td_build *build)
{
    *build = (struct td_build){.result = TD_BUILD_BROKEN,
                               .status = end->signal != 0 ? -1 : end->status,
                               .built = task->build,
                               .whole = task->build,
                               .actions = -1,
                               .hits = -1,
                               .critical_path = -1,
                               .took = end->took};
    if (end->signal == 0 && end->status == 0) {
        build->result = TD_BUILD_OK;
        build->published = task->build;
        return;
    }
    if (end->signal != 0)
        (void)snprintf(build->why, sizeof build->why, "%s was ended by the signal %s", name,
                       sigdescr_np(end->signal));
    else
        (void)snprintf(build->why, sizeof build->why, "%s ended with exit status %d", name,
                       end->status);
    if (end->interrupts > 0)
        build->result = TD_BUILD_ABORTED;
    else if (end->signal != 0 || end->status == EX_TEMPFAIL)
        build->result = TD_BUILD_FLAKY;
}

static bool build_by_command(const void *context, const struct td_peer_task *task,
                             const struct td_stop *stop, struct td_build *build,
                             struct td_error *error)
{
    const struct td_executor_command *command = context;
    char step[560], order[48];
    (void)snprintf(step, sizeof step, "TD_STEP=%s", task->step != NULL ? task->step : "");
    (void)snprintf(order, sizeof order, "TD_ORDER=%" PRIu64, (uint64_t)task->order);
    const char *const environment[] = {step, order,
                                       task->build ? "TD_EXPECT=build" : "TD_EXPECT=fetch", NULL};
    char *targets = strdup(task->targets);
    const char **argv = targets == NULL ? NULL : command_line(command, targets);
    if (argv == NULL) {
        free(targets);
        return td_error_memory(error, "a command line");
    }
    const struct td_child_command child = {.argv = argv,
                                           .folder = command->folder,
                                           .environment = environment,
                                           .grace = command->grace,
                                           .kill = true};
    struct td_child_end end;
    bool good = td_child_run(&child, stop, &end, error);
    if (good) judge(task, argv[0], &end, build);
    free(argv);
    free(targets);
    return good;
}

struct td_executor td_executor_command(const struct td_executor_command *command)
{
    return (struct td_executor){command, build_by_command};
}
