/* The command line: one function a command, and what all of them share.
 *
 * A command gets its own words: argv[0] is its name, as `run` in `task-director run FILE`. It reads
 * them with cli/options.h, does its work through the other rooms, writes its results to standard
 * output and returns an exit status. When it fails it says so by ONE td_cli_fail(); nothing else
 * goes to standard error (warnings apart, and the log of a peer). main() checks that standard
 * output has arrived, so no command needs to.
 *
 *     int td_command_plot(int argc, char **argv)
 *     {
 *         struct td_arguments arguments;
 *         int status;
 *         if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;
 *         ...
 *     }
 *
 * SIGPIPE is left as it was inherited: a reader that goes away ends the program silently, as it
 * ends every filter. So files are complete before the first word goes to standard output; a command
 * that writes to a pipe of its own guards itself.
 */
#ifndef TD_CLI_CLI_H
#define TD_CLI_CLI_H

#include "base/error.h"
#include "cli/options.h"

#include <stdbool.h>

enum td_exit {
    TD_EXIT_DONE = 0,
    TD_EXIT_FAILED = 1, /* the run or a build failed */
    TD_EXIT_USAGE = 2,  /* bad usage or bad input */
};

int td_command_run(int argc, char **argv);
int td_command_serve(int argc, char **argv);
int td_command_check(int argc, char **argv);
int td_command_policies(int argc, char **argv);
int td_command_plot(int argc, char **argv);
int td_command_peer(int argc, char **argv);
int td_command_status(int argc, char **argv);
int td_command_swarm(int argc, char **argv);
int td_command_replay(int argc, char **argv);

/* td_options_parse() for a command: false if there is nothing left to do, be it that --help or
 * --version has been answered or that an error has been printed; *status is then the exit status.
 */
bool td_cli_parse(const struct td_usage *usage, int argc, char **argv,
                  struct td_arguments *arguments, int *status);

/* Prints "task-director: SENTENCE" on standard error, in one line whatever the sentence quotes, and
 * returns the exit status that belongs to the error. */
int td_cli_fail(const struct td_error *error);

/* "task-director: warning: SENTENCE". */
void td_cli_warn(const char *sentence);

#endif
