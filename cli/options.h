/* Options: one table a command, which both parses its words and prints its --help.
 *
 *     enum { OUT, JOBS, OPTION_COUNT };
 *     static const struct td_option options[] = {
 *         [OUT] = {.name = "out", .kind = TD_OPTION_TEXT, .value = "DIR", .help = "where to"},
 *         [JOBS] = {.name = "jobs", .kind = TD_OPTION_WHOLE, .value = "N", .help = "threads",
 *                   .min = 1, .max = 64},
 *     };
 *     static const struct td_usage usage = {
 *         .command = "run", .positionals = "SCENARIO", .about = "Runs a scenario.",
 *         .min_positionals = 1, .max_positionals = 1,
 *         .options = options, .option_count = OPTION_COUNT,
 *     };
 *
 * Every command has --help (also -h) and --version besides. Options are written `--name VALUE` or
 * `--name=VALUE`, before, between or behind the positional arguments; `--` ends them. One that is
 * given twice is an error: which of the two is meant is not for us to guess.
 */
#ifndef TD_CLI_OPTIONS_H
#define TD_CLI_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_MAX_OPTIONS 24u

enum td_option_kind {
    TD_OPTION_FLAG,  /* takes no value */
    TD_OPTION_TEXT,  /* any text but the empty one */
    TD_OPTION_WHOLE, /* a whole number, min <= value <= max */
    TD_OPTION_REAL,  /* a decimal number, above < value < below */
};

struct td_option {
    const char *name; /* without its dashes */
    enum td_option_kind kind;
    const char *value; /* the value's name in --help; NULL for a flag */
    const char *help;  /* what it does; lines after the first are indented by --help */
    uint64_t min, max;
    double above, below;
};

struct td_usage {
    const char *command;
    const char *positionals; /* as --help writes them: "SCENARIO...", "" for none */
    const char *about;       /* one or more whole lines without the last line feed */
    size_t min_positionals, max_positionals;
    const struct td_option *options;
    size_t option_count; /* at most TD_MAX_OPTIONS */
};

struct td_value {
    bool given;
    union {
        const char *text;
        uint64_t whole;
        double real;
    };
};

/* What was given. values[i] belongs to options[i]; texts point into argv. */
struct td_arguments {
    struct td_value values[TD_MAX_OPTIONS];
    char **positionals;
    size_t positional_count;
};

enum td_parsed {
    TD_PARSED_OK,
    TD_PARSED_ANSWERED, /* --help or --version has been printed: the command is done */
    TD_PARSED_BAD,      /* the error says why */
};

/* Parses argv[1 .. argc); moves the positional arguments to the front of it. */
enum td_parsed td_options_parse(const struct td_usage *usage, int argc, char **argv,
                                struct td_arguments *arguments, struct td_error *error);

/* Prints the program's name and version, as every --version does. */
void td_print_version(void);

#endif
