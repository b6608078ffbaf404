/* `task-director replay JOURNAL`: what an authority did, lived again. */
#include "base/assert.h"
#include "cli/cli.h"
#include "cli/policy_list.h"
#include "live/history.h"
#include "report/csv.h"
#include "report/outputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CSV, POLICY, FIRST, QUIET, OPTION_COUNT };

#define FIRST_DIFFERENCES 10u

static const struct td_option options[] = {
    [CSV] = {.name = "csv",
             .kind = TD_OPTION_TEXT,
             .value = "DIR",
             .help =
                 "write the CSV files of this run to DIR, which is made if it is missing; with\n"
                 "--policy also differences.csv"},
    [POLICY] = {.name = "policy",
                .kind = TD_OPTION_TEXT,
                .value = "NAME",
                .help = "tell where this policy would have decided otherwise"},
    [FIRST] = {.name = "first",
               .kind = TD_OPTION_WHOLE,
               .value = "N",
               .help = "with --policy: print the first N differences (default: 10)",
               .max = UINT32_MAX},
    [QUIET] = {.name = "quiet",
               .kind = TD_OPTION_FLAG,
               .help = "print nothing if all is identical"},
};

static const struct td_usage usage = {
    .command = "replay",
    .positionals = "JOURNAL",
    .about =
        "Lives what an authority has written into its journal once more, and proves that every\n"
        "event and every decision is the same; or names the first that differs, with exit status "
        "1.\nThe file is only read, and may be that of an authority that runs.",
    .min_positionals = 1,
    .max_positionals = 1,
    .options = options,
    .option_count = OPTION_COUNT,
};

/* One replay, from the command line on. */
struct replay {
    const struct td_value *given;
    const char *path;
    struct td_journal *journal;
    struct td_history *history;
    const struct td_policy *policy, *other;
    struct td_history_questions questions;
    struct td_buffer rows; /* of differences.csv */
    uint64_t left;         /* differences to print */
};

static bool find_policy(const char *name, const char *place, const struct td_policy **out,
                        struct td_error *error)
{
    struct td_policy_list list;
    if (!td_policy_list_from_text(name, place, &list, error)) return false;
    if (list.count != 1)
        return td_error_set(error, TD_FAULT_INPUT, "replay: %s takes one policy", place);
    *out = list.policies[0];
    return ((*out)->needs & TD_NEEDS_LOTS) == 0 ||
           td_error_set(error, TD_FAULT_INPUT,
                        "replay: policy %s wants numbers drawn, which is for simulations: choose "
                        "another",
                        (*out)->name);
}

static bool prepare(struct replay *replay, struct td_error *error)
{
    const struct td_value *given = replay->given;
    if (given[FIRST].given && !given[POLICY].given)
        return td_error_set(error, TD_FAULT_INPUT,
                            "replay: --first is about another policy: add --policy NAME, or leave "
                            "it out");
    replay->left = given[FIRST].given ? given[FIRST].whole : FIRST_DIFFERENCES;
    if (given[POLICY].given && !find_policy(given[POLICY].text, "--policy", &replay->other, error))
        return false;
    replay->journal = td_journal_open(replay->path, false, error);
    if (replay->journal == NULL) return false;
    const struct td_journal_meta *meta = td_journal_meta(replay->journal);
    return find_policy(meta->policy_path == NULL ? meta->policy : meta->policy_path, replay->path,
                       &replay->policy, error);
}

static bool prove(struct replay *replay, struct td_error *error)
{
    struct td_error why = {0};
    replay->history = td_history_create(replay->journal, replay->policy, &why);
    if (replay->history != NULL) return true;
    return td_error_set(error, why.fault, "%s%s%s", why.fault == TD_FAULT_RUN ? replay->path : "",
                        why.fault == TD_FAULT_RUN ? ": " : "", why.text);
}

static bool write_csv(struct replay *replay, struct td_error *error)
{
    struct td_run_record record;
    const struct td_labels *labels = td_history_labels(replay->history);
    struct td_csv *csv = td_csv_open(replay->given[CSV].text, labels, UINT32_MAX, error);
    if (csv == NULL) return false;
    struct td_csv_part *part = td_csv_part_begin(csv, 0, 0, error);
    bool good = part != NULL;
    if (good) {
        const struct td_recorder recorder = td_csv_part_recorder(part);
        good = td_history_record(replay->history, &recorder, &record, error);
        if (good) td_csv_part_run(part, &record);
        struct td_error end_error;
        good = td_csv_part_end(part, good ? error : &end_error) && good;
    }
    struct td_results results = {.labels = labels, .runs = &record};
    struct td_comparison *comparison = good ? td_compare(&results, 0.95, error) : NULL;
    good = comparison != NULL && td_csv_commit(csv, &results, comparison, error);
    td_comparison_destroy(comparison);
    td_csv_destroy(csv);
    return good;
}

static void on_difference(void *context, const struct td_history_difference *what)
{
    struct replay *replay = context;
    char at[TD_TIME_TEXT];
    (void)td_time_text(what->at, at);
    td_buffer_string(&replay->rows, at);
    td_buffer_string(&replay->rows, ",");
    td_buffer_field(&replay->rows, what->peer);
    td_buffer_string(&replay->rows, ",");
    td_buffer_field(&replay->rows, what->taken);
    td_buffer_string(&replay->rows, ",");
    td_buffer_field(&replay->rows, what->would);
    td_buffer_string(&replay->rows, "\n");
    if (replay->left == 0 || replay->given[QUIET].given) return;
    replay->left--;
    (void)printf("%s %s: %s; %s: %s\n", at, what->peer, what->taken, replay->other->name,
                 what->would);
}

static bool write_differences(struct replay *replay, struct td_error *error)
{
    static const char *const name = "differences.csv";
    struct td_outputs *outputs =
        td_outputs_open(&td_disk_real, replay->given[CSV].text, &name, 1, error);
    if (outputs == NULL) return false;
    bool good = !replay->rows.failed || td_error_memory(error, "differences.csv");
    good = good && td_outputs_add(outputs, 0, replay->rows.bytes, replay->rows.length, error) &&
           td_outputs_commit(outputs, error);
    td_outputs_destroy(outputs);
    return good;
}

static bool follow(struct replay *replay, struct td_error *error)
{
    td_buffer_string(&replay->rows, "at_s,peer,decided,would_decide\n");
    return td_history_follow(replay->history, replay->other, on_difference, replay,
                             &replay->questions, error) &&
           (!replay->given[CSV].given || write_differences(replay, error));
}

static void print(const struct replay *replay)
{
    TD_ASSERT(replay->policy != NULL); /* prepare() has seen to it */
    const struct td_history_counts counts = td_history_counts(replay->history);
    if (replay->given[QUIET].given) return;
    if (replay->other != NULL)
        (void)printf("policy %s: of %" PRIu64 " questions it answers %" PRIu64 " otherwise\n",
                     replay->other->name, replay->questions.asked, replay->questions.differ);
    (void)printf("policy %s, %" PRIu64 " inputs, %" PRIu64 " events, %" PRIu64
                 " decisions, %" PRIu64 " orders, %u peers: identical\n",
                 replay->policy->name, counts.inputs, counts.events, counts.decisions,
                 counts.orders, counts.peers);
}

int td_command_replay(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    struct td_error error;
    struct replay replay = {.given = arguments.values, .path = arguments.positionals[0]};
    bool done = prepare(&replay, &error) && prove(&replay, &error) &&
                (!replay.given[CSV].given || write_csv(&replay, &error)) &&
                (replay.other == NULL || follow(&replay, &error));
    if (done) print(&replay);
    td_history_destroy(replay.history);
    td_journal_close(replay.journal);
    td_buffer_free(&replay.rows);
    return done ? TD_EXIT_DONE : td_cli_fail(&error);
}
