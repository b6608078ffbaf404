/* `task-director check SCENARIO...`: everything that `run` looks at before it runs. */
#include "cli/cli.h"
#include "cli/policy_list.h"
#include "workload/scenario.h"

#include <stdint.h>
#include <stdio.h>

enum { QUIET, OPTION_COUNT };

static const struct td_option options[] = {
    [QUIET] = {.name = "quiet",
               .kind = TD_OPTION_FLAG,
               .help = "print errors only: no line for a good file, no warnings"},
};

static const struct td_usage usage = {
    .command = "check",
    .positionals = "SCENARIO...",
    .about = "Reads and validates scenario files, and runs nothing. Prints one line for each good "
             "file, and\none error for each bad one; one bad file makes the exit status 2.",
    .min_positionals = 1,
    .max_positionals = SIZE_MAX,
    .options = options,
    .option_count = OPTION_COUNT,
};

static void print_scenario(const struct td_scenario *scenario, const struct td_policy_list *list)
{
    (void)printf("%s: %s: %u peer%s, %u step%s, %u replication%s, ", scenario->path, scenario->name,
                 scenario->peer_count, scenario->peer_count == 1 ? "" : "s", scenario->step_count,
                 scenario->step_count == 1 ? "" : "s", scenario->replications,
                 scenario->replications == 1 ? "" : "s");
    if (list->count == 0) (void)printf("no policies (--policy names some)");
    for (uint32_t i = 0; i < list->count; i++)
        (void)printf("%s%s", i == 0 ? "policies " : ",", list->names[i]);
    (void)putchar('\n');
}

static bool check(const char *path, bool quiet, struct td_error *error)
{
    struct td_policy_list list;
    struct td_scenario *scenario = td_scenario_read(path, error);
    if (scenario == NULL) return false;

    bool good = td_policy_list_from_file(scenario, &list, error) &&
                td_policy_list_fits(&list, scenario, error);
    if (good && !quiet) {
        const char *warning;
        print_scenario(scenario, &list);
        (void)fflush(stdout); /* the lines of one file stay together on a terminal */
        for (size_t i = 0; (warning = td_scenario_warning(scenario, i)) != NULL; i++)
            td_cli_warn(warning);
    }
    td_scenario_destroy(scenario);
    return good;
}

int td_command_check(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    status = TD_EXIT_DONE;
    for (size_t i = 0; i < arguments.positional_count; i++) {
        struct td_error error;
        if (check(arguments.positionals[i], arguments.values[QUIET].given, &error)) continue;
        int failed = td_cli_fail(&error);
        if (failed > status) status = failed;
    }
    return status;
}
