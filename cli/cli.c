#include "cli/cli.h"

#include <stdio.h>

/* One line whatever a quoted name holds: a line feed would be a second sentence, and an escape
 * sequence would be obeyed by the terminal. */
static void print_sentence(const char *kind, const char *sentence)
{
    char line[sizeof((struct td_error *)NULL)->text];
    size_t length = 0;
    for (; length < sizeof line - 1 && sentence[length] != '\0'; length++) {
        unsigned char byte = (unsigned char)sentence[length];
        bool control = byte < ' ' || byte == 0x7f;
        line[length] = control ? '?' : sentence[length];
    }
    line[length] = '\0';
    (void)fprintf(stderr, "task-director: %s%s\n", kind, line);
}

int td_cli_fail(const struct td_error *error)
{
    print_sentence("", error->text);
    return td_error_exit_status(error);
}

void td_cli_warn(const char *sentence)
{
    print_sentence("warning: ", sentence);
}

bool td_cli_parse(const struct td_usage *usage, int argc, char **argv,
                  struct td_arguments *arguments, int *status)
{
    struct td_error error;
    enum td_parsed parsed = td_options_parse(usage, argc, argv, arguments, &error);
    *status = parsed == TD_PARSED_BAD ? td_cli_fail(&error) : TD_EXIT_DONE;
    return parsed == TD_PARSED_OK;
}
