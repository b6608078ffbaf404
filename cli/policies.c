/* `task-director policies`: what there is to compare. */
#include "policies/policies.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct td_usage usage = {
    .command = "policies",
    .positionals = "",
    .about =
        "Lists the policies, one line each: its name, as --policy and the scenario's \"policies\" "
        "take it,\nand what it does.",
};

int td_command_policies(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    const struct td_policy *policy;
    size_t width = 0;
    for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++)
        if (strlen(policy->name) > width) width = strlen(policy->name);
    for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++)
        (void)printf("%-*s  %s\n", (int)width, policy->name, policy->summary);
    return TD_EXIT_DONE;
}
