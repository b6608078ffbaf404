/* The program: finds the command, and sees that what it printed has arrived. */
#include "cli/cli.h"
#include "cli/unknown.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "simulate a scenario and compare its policies", td_command_run},
    {"serve", "be the authority for real peers", td_command_serve},
    {"peer", "build what an authority says is to be built next", td_command_peer},
    {"status", "print what an authority knows", td_command_status},
    {"swarm", "open many peers that only sleep", td_command_swarm},
    {"replay", "live an authority's journal again, and prove its decisions", td_command_replay},
    {"check", "read and validate scenarios, run nothing", td_command_check},
    {"policies", "list the policies", td_command_policies},
    {"plot", "draw pictures from the CSV files of a run", td_command_plot},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    (void)puts(
        "Usage: task-director COMMAND [ARGUMENT...]\n\n"
        "Finds out how CI peers that share a Bazel remote cache should divide their work.\n\n"
        "Commands:");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-10s  %s\n", commands[i].name, commands[i].summary);
    (void)puts("\nOptions:\n"
               "  --help      print this, or behind a command what it does and its options\n"
               "  --version   print the version\n\n"
               "Exit status: 0 done; 1 the run failed; 2 bad usage or bad input;\n"
               "of 'peer' that of the build.");
}

static int no_command(void)
{
    struct td_error error;
    (void)td_error_set(&error, TD_FAULT_INPUT,
                       "no command given: 'task-director --help' lists the commands");
    return td_cli_fail(&error);
}

static int unknown_word(const char *word)
{
    static const char *const program_options[] = {"--help", "--version"};
    const char *names[COMMANDS];
    struct td_error error;

    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    if (word[0] == '-')
        (void)td_cli_unknown(&error, "", "option", word, program_options, 2,
                             "task-director --help");
    else
        (void)td_cli_unknown(&error, "", "command", word, names, COMMANDS, "task-director --help");
    return td_cli_fail(&error);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) return no_command();
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return TD_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        td_print_version();
        return TD_EXIT_DONE;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    return unknown_word(argv[1]);
}

/* A standard stream that was closed before the start would lend its number to the next file that is
 * opened, and the table would end up in a CSV file. The stand-ins fail as a closed one does. */
static void occupy_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) return;
}

/* The status, unless what was printed has not arrived. */
static int finish(int status)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    if ((fclose(stdout) == 0 && !failed) || status != TD_EXIT_DONE) return status;

    struct td_error error;
    (void)td_error_set(&error, TD_FAULT_RUN, "standard output could not be written%s%s",
                       errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return td_cli_fail(&error);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    return finish(dispatch(argc, argv));
}
