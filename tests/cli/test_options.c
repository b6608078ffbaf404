/* cli/options.h: what the words of a command mean. */
#include "cli/options.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUT, JOBS, LEVEL, QUIET, OPTION_COUNT };

static const struct td_option options[] = {
    [OUT] = {.name = "out", .kind = TD_OPTION_TEXT, .value = "DIR", .help = "where"},
    [JOBS] = {.name = "jobs",
              .kind = TD_OPTION_WHOLE,
              .value = "N",
              .help = "threads",
              .min = 1,
              .max = 64},
    [LEVEL] = {.name = "level",
               .kind = TD_OPTION_REAL,
               .value = "L",
               .help = "level",
               .above = 0,
               .below = 1},
    [QUIET] = {.name = "quiet", .kind = TD_OPTION_FLAG, .help = "print nothing"},
};

static const struct td_usage usage = {
    .command = "try",
    .positionals = "FILE [FILE]",
    .about = "Tries.",
    .min_positionals = 1,
    .max_positionals = 2,
    .options = options,
    .option_count = OPTION_COUNT,
};

/* Words, separated by '|', and what comes of them: a text as describe() writes it, or after '!' a
 * piece of the error. */
static const struct {
    const char *words, *result;
} cases[] = {
    {"f", "f"},
    {"f|g", "f g"},
    {"--quiet|f", "f quiet"},
    {"f|--quiet", "f quiet"},
    {"f|--out|dir|g", "f g out=dir"},
    {"f|--out=dir", "f out=dir"},
    {"f|--out=a=b", "f out=a=b"},
    {"f|--out|-", "f out=-"},
    {"f|--out|-x", "f out=-x"},
    {"f|--out=--quiet", "f out=--quiet"},
    {"-|--jobs|007", "- jobs=7"},
    {"f|--jobs|1|--level|.5", "f jobs=1 level=0.5"},
    {"f|--jobs=64|--level=5e-1", "f jobs=64 level=0.5"},
    {"--|--quiet", "--quiet"},
    {"--quiet|--|f|--", "f -- quiet"},
    {"--", "!FILE"},
    {"f|g|h", "!'h'"},
    {"f|--quiet|--quiet", "!twice"},
    {"f|--out|a|--out=a", "!twice"},
    {"f|--out", "!--out DIR"},
    {"f|--out=", "!--out DIR"},
    {"f|--out||g", "!--out DIR"},
    {"--out|--quiet|f", "!--out DIR"},
    {"f|--quiet=1", "!no value"},
    {"f|--jobs|0", "!from 1 to 64, not '0'"},
    {"f|--jobs|65", "!'65'"},
    {"f|--jobs|18446744073709551617", "!from 1 to 64"},
    {"f|--jobs| 1", "!from 1 to 64"},
    {"f|--jobs|+1", "!from 1 to 64"},
    {"f|--jobs|-1", "!from 1 to 64"},
    {"f|--jobs|1x", "!from 1 to 64"},
    {"f|--level|0", "!above 0 and below 1"},
    {"f|--level|1", "!above 0 and below 1"},
    {"f|--level|0.99999999999999999999", "!above 0 and below 1"},
    {"f|--level|nan", "!above 0 and below 1"},
    {"f|--level|0x1p-1", "!above 0 and below 1"},
    {"f|--level|0.5 ", "!above 0 and below 1"},
    {"f|--level|e", "!above 0 and below 1"},
    {"f|--", "f"},
    {"f|--job|3", "!'--jobs'"},
    {"f|--silent", "!'--silent'"},
    {"f|-quiet", "!'--quiet'"},
    {"f|---quiet", "!'--quiet'"},
    {"f|-q", "!unknown option '-q' ('task-director try --help'"},
    {"f|-out", "!'--out'"},
    {"f|--outer=3", "!unknown option '--outer'"},
    {"f|--ou", "!'--out'"},
    {"f|--=3", "!unknown option '--'"},
    {"f|--verison", "!'--version'"},
};

static void describe(const struct td_arguments *arguments, char *text, size_t room)
{
    const struct td_value *values = arguments->values;
    FILE *out = fmemopen(text, room, "w");
    assert_non_null(out);
    for (size_t i = 0; i < arguments->positional_count; i++)
        (void)fprintf(out, "%s%s", i == 0 ? "" : " ", arguments->positionals[i]);
    if (values[OUT].given) (void)fprintf(out, " out=%s", values[OUT].text);
    if (values[JOBS].given) (void)fprintf(out, " jobs=%" PRIu64, values[JOBS].whole);
    if (values[LEVEL].given) (void)fprintf(out, " level=%g", values[LEVEL].real);
    if (values[QUIET].given) (void)fprintf(out, " quiet");
    assert_int_equal(fclose(out), 0);
}

static enum td_parsed parse(const char *words, char *copy, struct td_arguments *arguments,
                            struct td_error *error)
{
    static char command[] = "try";
    static char *argv[16] = {command};
    int argc = 1;
    (void)snprintf(copy, 128, "%s", words);
    for (char *word = copy; word != NULL;) {
        argv[argc++] = word;
        word = strchr(word, '|');
        if (word != NULL) *word++ = '\0';
    }
    return td_options_parse(&usage, argc, argv, arguments, error);
}

static void test_words_and_what_they_mean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct td_arguments arguments;
        struct td_error error;
        char copy[128], text[128] = "";
        bool good = cases[i].result[0] != '!';
        enum td_parsed parsed = parse(cases[i].words, copy, &arguments, &error);
        if (parsed != (good ? TD_PARSED_OK : TD_PARSED_BAD))
            fail_msg("'%s': %d", cases[i].words, (int)parsed);
        if (good) {
            describe(&arguments, text, sizeof text);
            assert_string_equal(text, cases[i].result);
        } else if (strstr(error.text, cases[i].result + 1) == NULL) {
            fail_msg("'%s' says: %s", cases[i].words, error.text);
        } else {
            assert_int_equal(error.fault, TD_FAULT_INPUT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_what_they_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
