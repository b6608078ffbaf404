/* What stands in options, and in messages: times, words, lists of policies, an authority's address,
 * options themselves. */
#include "fuzz/fuzz.h"

#include "base/text.h"
#include "cli/address.h"
#include "cli/options.h"
#include "cli/policy_list.h"
#include "workload/values.h"

#include <stdlib.h>
#include <string.h>

#define WORDS 16u

static const struct td_option options[] = {
    {.name = "flag", .kind = TD_OPTION_FLAG, .help = "a flag"},
    {.name = "text", .kind = TD_OPTION_TEXT, .value = "TEXT", .help = "a text"},
    {.name = "whole", .kind = TD_OPTION_WHOLE, .value = "N", .help = "a number", .max = 1000},
    {.name = "real", .kind = TD_OPTION_REAL, .value = "N", .help = "a number", .below = 10},
};

static const struct td_usage usage = {.command = "fuzz",
                                      .positionals = "WORD...",
                                      .about = "Is fuzzed.",
                                      .max_positionals = 3,
                                      .options = options,
                                      .option_count = sizeof options / sizeof *options};

static void parse_options(char *text)
{
    char name[] = "fuzz", *argv[WORDS + 2] = {name}, *rest = NULL;
    struct td_arguments arguments;
    struct td_error error = {0};
    int argc = 1;
    for (char *word = strtok_r(text, "\n", &rest); word != NULL && argc <= (int)WORDS;
         word = strtok_r(NULL, "\n", &rest))
        /* those print, and nothing is to be learned from it */
        if (strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0 &&
            strcmp(word, "--version") != 0)
            argv[argc++] = word;
    enum td_parsed parsed = td_options_parse(&usage, argc, argv, &arguments, &error);
    TD_ASSERT((parsed == TD_PARSED_BAD) == (error.fault != TD_FAULT_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const words[] = {"directed", "linear", "parallel"};
    char quote[TD_QUOTE_SIZE], *text = td_fuzz_text(bytes, length);
    struct td_error error;
    struct td_policy_list list;
    struct td_server_address address;
    td_time time = -1;
    if (td_value_time(text, &time) == NULL) TD_ASSERT(time >= 0);
    TD_ASSERT(strlen(td_text_quote(text, quote)) < sizeof quote);
    TD_ASSERT(td_text_printable_length(quote) != SIZE_MAX);
    if (td_server_address_read("fuzz", text, &address, &error))
        TD_ASSERT(address.host[0] != '\0' && address.port > 0 && address.port < 65536);
    if (length < 4096) (void)td_text_nearest(text, words, sizeof words / sizeof *words);
    /* a path would be opened */
    if (strchr(text, '/') == NULL) (void)td_policy_list_from_text(text, "--policy", &list, &error);
    parse_options(text);
    free(text);
    return 0;
}
