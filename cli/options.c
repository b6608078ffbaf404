#include "cli/options.h"

#include "base/assert.h"
#include "cli/unknown.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words being gone through. */
struct reader {
    const struct td_usage *usage;
    int argc, next;
    char **argv;
    struct td_arguments *arguments;
    struct td_error *error;
};

/* Where the help of an option begins. */
enum { HELP_COLUMN = 24 };

/* Room for an option's name with its dashes; what somebody typed is cut to it. */
enum { NAME_SIZE = 64 };

void td_print_version(void)
{
    (void)printf("task-director %s\n", TD_VERSION);
}

/* `help` may have several lines; all of them stand in the same column. */
static void print_option(const char *name, const char *value, const char *help)
{
    int used = printf("  --%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");
    if (used > HELP_COLUMN - 2) {
        (void)putchar('\n');
        used = 0;
    }
    (void)printf("%*s", HELP_COLUMN - used, "");
    for (; *help != '\0'; help++) {
        (void)putchar(*help);
        if (*help == '\n') (void)printf("%*s", HELP_COLUMN, "");
    }
    (void)putchar('\n');
}

static void print_help(const struct td_usage *usage)
{
    (void)printf("Usage: task-director %s%s%s%s\n\n%s\n\nOptions:\n", usage->command,
                 usage->option_count > 0 ? " [OPTION...]" : "",
                 usage->positionals[0] != '\0' ? " " : "", usage->positionals, usage->about);
    for (size_t i = 0; i < usage->option_count; i++)
        print_option(usage->options[i].name, usage->options[i].value, usage->options[i].help);
    print_option("help", NULL, "print this and do nothing else");
    print_option("version", NULL, "print the version and do nothing else");
}

static bool unknown_option(const struct reader *reader, const char *word)
{
    const struct td_usage *usage = reader->usage;
    char listed_by[NAME_SIZE], typed[NAME_SIZE];
    char names[TD_MAX_OPTIONS][NAME_SIZE];
    const char *known[TD_MAX_OPTIONS + 2];
    size_t count = 0;

    for (; count < usage->option_count; count++) {
        (void)snprintf(names[count], NAME_SIZE, "--%s", usage->options[count].name);
        known[count] = names[count];
    }
    known[count++] = "--help";
    known[count++] = "--version";
    (void)snprintf(listed_by, sizeof listed_by, "task-director %s --help", usage->command);
    (void)snprintf(typed, sizeof typed, "%.*s", (int)strcspn(word, "="), word);
    return td_cli_unknown(reader->error, usage->command, "option", typed, known, count, listed_by);
}

static bool read_whole(const struct reader *reader, const struct td_option *option,
                       const char *text, uint64_t *value)
{
    /* strtoull alone would take signs, blanks and what follows. */
    bool digits = text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    *value = strtoull(text, NULL, 10);
    if (digits && errno == 0 && *value >= option->min && *value <= option->max) return true;
    return td_error_set(reader->error, TD_FAULT_INPUT,
                        "%s: --%s needs a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'",
                        reader->usage->command, option->name, option->min, option->max, text);
}

static bool read_real(const struct reader *reader, const struct td_option *option, const char *text,
                      double *value)
{
    /* strtod alone would take "inf", "nan", hexadecimals and blanks. */
    bool decimal = text[strspn(text, "0123456789.eE+-")] == '\0';
    char *end;
    *value = strtod(text, &end);
    if (decimal && end != text && *end == '\0' && *value > option->above && *value < option->below)
        return true;
    return td_error_set(reader->error, TD_FAULT_INPUT,
                        "%s: --%s needs a number above %g and below %g, not '%s'",
                        reader->usage->command, option->name, option->above, option->below, text);
}

static bool read_value(const struct reader *reader, const struct td_option *option,
                       const char *text, struct td_value *value)
{
    switch (option->kind) {
    case TD_OPTION_TEXT:
        value->text = text;
        return true;
    case TD_OPTION_WHOLE:
        return read_whole(reader, option, text, &value->whole);
    case TD_OPTION_REAL:
        return read_real(reader, option, text, &value->real);
    case TD_OPTION_FLAG:
        break;
    }
    return td_error_set(reader->error, TD_FAULT_INPUT, "%s: --%s takes no value, so not '%s'",
                        reader->usage->command, option->name, text);
}

/* `word` is as it was typed, perhaps with a value. */
static bool is_named(const struct td_option *option, const char *word)
{
    size_t length = strlen(option->name);
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, option->name, length) == 0 &&
           (word[2 + length] == '\0' || word[2 + length] == '=');
}

/* `word` starts with a dash and is neither "-" nor "--". */
static bool read_option(struct reader *reader, const char *word)
{
    const struct td_usage *usage = reader->usage;
    const char *equals = strchr(word, '=');
    size_t i = 0;

    while (i < usage->option_count && !is_named(&usage->options[i], word))
        i++;
    if (i == usage->option_count) return unknown_option(reader, word);

    const struct td_option *option = &usage->options[i];
    struct td_value *value = &reader->arguments->values[i];
    if (value->given)
        return td_error_set(reader->error, TD_FAULT_INPUT, "%s: --%s is given twice: leave one out",
                            usage->command, option->name);
    value->given = true;
    if (option->kind == TD_OPTION_FLAG && equals == NULL) return true;

    const char *text = equals != NULL ? equals + 1 : NULL;
    /* In `--out --quiet` a value was forgotten; who means it writes `--out=--quiet`. */
    if (text == NULL && reader->next < reader->argc &&
        strncmp(reader->argv[reader->next], "--", 2) != 0)
        text = reader->argv[reader->next++];
    if (text == NULL || text[0] == '\0')
        return td_error_set(reader->error, TD_FAULT_INPUT, "%s: --%s needs a value: --%s %s",
                            usage->command, option->name, option->name,
                            option->value != NULL ? option->value : "");
    return read_value(reader, option, text, value);
}

static bool count_positionals(const struct reader *reader)
{
    const struct td_usage *usage = reader->usage;
    size_t count = reader->arguments->positional_count;

    if (count > usage->max_positionals)
        return td_error_set(reader->error, TD_FAULT_INPUT,
                            "%s: '%s' is one argument too many: usage is 'task-director %s%s%s'",
                            usage->command, reader->arguments->positionals[usage->max_positionals],
                            usage->command, usage->positionals[0] != '\0' ? " " : "",
                            usage->positionals);
    if (count < usage->min_positionals)
        return td_error_set(reader->error, TD_FAULT_INPUT,
                            "%s: an argument is missing: usage is 'task-director %s %s'",
                            usage->command, usage->command, usage->positionals);
    return true;
}

enum td_parsed td_options_parse(const struct td_usage *usage, int argc, char **argv,
                                struct td_arguments *arguments, struct td_error *error)
{
    struct reader reader = {usage, argc, 1, argv, arguments, error};
    bool options_ended = false;

    TD_ASSERT(usage->option_count <= TD_MAX_OPTIONS);
    *arguments = (struct td_arguments){.positionals = argv + 1};
    while (reader.next < argc) {
        char *word = argv[reader.next++];
        if (options_ended || word[0] != '-' || word[1] == '\0') {
            arguments->positionals[arguments->positional_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(usage);
            return TD_PARSED_ANSWERED;
        } else if (strcmp(word, "--version") == 0) {
            td_print_version();
            return TD_PARSED_ANSWERED;
        } else if (!read_option(&reader, word)) {
            return TD_PARSED_BAD;
        }
    }
    return count_positionals(&reader) ? TD_PARSED_OK : TD_PARSED_BAD;
}
