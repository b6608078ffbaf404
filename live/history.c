#include "live/history.h"

#include "live/inputs.h"
#include "live/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct td_history {
    struct td_journal *journal;
    const struct td_policy *policy;
    struct td_authority *authority; /* of the life at hand */
    struct td_buffer trace;
    struct td_history_counts counts;
    struct td_intern steps; /* of all schemas */
    struct td_intern texts; /* that labels have: they outlive every authority */
    const char **names;     /* of peers, their caches, and steps, one behind the other */
    const char *policy_name;
    struct td_labels labels;
    const struct td_recorder *recorder; /* whom the record goes to */
};

static void ignore_send(void *context, uint32_t link, const struct td_message *message)
{
    (void)context, (void)link, (void)message;
}

static void ignore_close(void *context, uint32_t link)
{
    (void)context, (void)link;
}

static void on_event(void *context, const struct td_event *event)
{
    struct td_history *history = context;
    td_trace_event(&history->trace, td_authority_now(history->authority), event);
    history->counts.events++;
}

static void on_command(void *context, const struct td_command *command)
{
    struct td_history *history = context;
    td_trace_command(&history->trace, command);
    history->counts.decisions++;
    history->counts.orders += command->kind == TD_COMMAND_ORDER;
}

/* Lives it all, from the first row on. */
static bool live(struct td_history *history, struct td_recording *recording, struct td_error *error)
{
    const struct td_journal_meta *meta = td_journal_meta(history->journal);
    const struct td_authority_options options = {.policy = history->policy,
                                                 .engine = {.retries = meta->retries,
                                                            .learn = meta->learn,
                                                            .patience = meta->patience,
                                                            .first_order = meta->first_order},
                                                 .recording = recording,
                                                 .grace = meta->grace};
    const struct td_authority_outlet outlet = {.context = history,
                                               .send = ignore_send,
                                               .close = ignore_close,
                                               .event = on_event,
                                               .command = on_command};
    td_authority_destroy(history->authority);
    history->counts = (struct td_history_counts){0};
    history->authority = td_authority_create(&options, &outlet, error);
    if (history->authority == NULL) return false;
    struct td_journal_row row;
    td_journal_rewind(history->journal);
    while (td_journal_next(history->journal, &row, error)) {
        if (!td_input_relive(history->authority, &row, &history->trace, error)) return false;
        history->counts.inputs++;
        history->counts.end = row.at;
    }
    return error->fault == TD_FAULT_NONE;
}

static bool name_steps(struct td_history *history, struct td_error *error)
{
    const struct td_schemas *schemas = td_authority_schemas(history->authority);
    for (uint32_t i = 0; i < schemas->count; i++)
        for (uint32_t s = 0; s < schemas->items[i]->steps.count; s++)
            if (td_intern(&history->steps, td_intern_text(&schemas->items[i]->steps, s + 1)) ==
                TD_INTERN_FULL)
                return td_error_memory(error, "a journal's steps");
    return true;
}

/* A copy that lives as long as the history. */
static const char *copy(struct td_history *history, const char *text, bool *good)
{
    uint32_t number = td_intern(&history->texts, text);
    *good = *good && number != TD_INTERN_FULL;
    return *good ? td_intern_text(&history->texts, number) : NULL;
}

static bool label(struct td_history *history, struct td_error *error)
{
    const char *scenario = td_journal_meta(history->journal)->scenario;
    uint32_t peers = td_authority_peer_count(history->authority);
    if (!name_steps(history, error)) return false;
    history->names = calloc(2 * (size_t)peers + history->steps.count + 1, sizeof *history->names);
    if (history->names == NULL) return td_error_memory(error, "a journal's peers");
    bool good = true;
    for (uint32_t i = 0; i < peers; i++) {
        history->names[i] = copy(history, td_authority_peer_name(history->authority, i), &good);
        history->names[peers + i] =
            copy(history, td_authority_peer_cache(history->authority, i), &good);
    }
    if (!good) return td_error_memory(error, "a journal's peers");
    for (uint32_t i = 0; i < history->steps.count; i++)
        history->names[2 * (size_t)peers + i] = td_intern_text(&history->steps, i + 1);
    history->counts.peers = peers;
    history->counts.schemas = td_authority_schemas(history->authority)->count;
    history->policy_name = history->policy->name;
    history->labels = (struct td_labels){.scenario = scenario == NULL ? "journal" : scenario,
                                         .mode = "live",
                                         .policy_count = 1,
                                         .replications = 1,
                                         .policies = &history->policy_name,
                                         .peer_count = peers,
                                         .peers = history->names,
                                         .caches = history->names + peers,
                                         .step_count = history->steps.count,
                                         .steps = history->names + 2 * (size_t)peers};
    return true;
}

struct td_history *td_history_create(struct td_journal *journal, const struct td_policy *policy,
                                     struct td_error *error)
{
    struct td_history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        (void)td_error_memory(error, "a journal");
        return NULL;
    }
    history->journal = journal;
    history->policy = policy;
    if (live(history, NULL, error) && label(history, error)) return history;
    td_history_destroy(history);
    return NULL;
}

void td_history_destroy(struct td_history *history)
{
    if (history == NULL) return;
    td_authority_destroy(history->authority);
    td_buffer_free(&history->trace);
    td_intern_free(&history->steps);
    td_intern_free(&history->texts);
    free(history->names);
    free(history);
}

struct td_history_counts td_history_counts(const struct td_history *history)
{
    return history->counts;
}

const struct td_labels *td_history_labels(const struct td_history *history)
{
    return &history->labels;
}

/* Steps have the numbers of the labels from here on. */
static void on_interval(void *context, const struct td_interval *interval)
{
    const struct td_history *history = context;
    struct td_interval named = *interval;
    const char *step = td_authority_step_name(history->authority, interval->peer, interval->step);
    if (step != NULL) named.step = td_intern_find(&history->steps, step) - 1;
    if (history->recorder->interval != NULL)
        history->recorder->interval(history->recorder->context, &named);
}

static void on_peer(void *context, uint32_t peer, const struct td_peer_record *record)
{
    const struct td_history *history = context;
    if (history->recorder->peer != NULL)
        history->recorder->peer(history->recorder->context, peer, record);
}

bool td_history_record(struct td_history *history, const struct td_recorder *recorder,
                       struct td_run_record *record, struct td_error *error)
{
    const struct td_recorder own = {.context = history, .interval = on_interval, .peer = on_peer};
    bool overhead = td_journal_meta(history->journal)->overhead;
    const struct td_history_counts counts = history->counts;
    struct td_recording *recording = td_recording_create(counts.peers, overhead, &own, error);
    if (recording == NULL) return false;
    history->recorder = recorder;
    bool good = live(history, recording, error) &&
                td_recording_finish(recording, counts.end, record, error);
    history->counts = counts;
    td_recording_destroy(recording);
    return good;
}

/* What a command is to its peer, in words. */
static void describe(const struct td_history *history, const struct td_command *command, char *out,
                     size_t size)
{
    const char *step = td_authority_step_name(history->authority, command->peer, command->step);
    const char *why = td_reason_word(command->reason);
    if (command->kind == TD_COMMAND_WAIT)
        (void)snprintf(out, size, "wait (%s)", why);
    else if (command->kind == TD_COMMAND_DONE)
        (void)snprintf(out, size, "give up (%s)", why);
    else if (command->step == TD_UNIVERSE)
        (void)snprintf(out, size, "build the universe (%s)", why);
    else
        (void)snprintf(out, size, "%s step \"%s\" (%s)", command->build ? "build" : "fetch",
                       step == NULL ? "?" : step, why);
}

struct following {
    const struct td_history *history;
    struct td_engine *engine;
    struct td_commands commands;
    void (*differs)(void *context, const struct td_history_difference *what);
    void *context;
    struct td_history_questions *questions;
};

/* A question, with the answer that was given. */
static bool ask(struct following *following, const struct td_event *event,
                const struct td_command *taken, struct td_error *error)
{
    struct td_command would;
    if (!td_engine_apply_as(following->engine, event, taken, &would, error)) return false;
    following->questions->asked++;
    if (would.kind == taken->kind && would.step == taken->step && would.build == taken->build)
        return true;
    following->questions->differ++;
    struct td_history_difference what = {
        .at = event->at,
        .peer = td_authority_peer_name(following->history->authority, event->peer)};
    describe(following->history, taken, what.taken, sizeof what.taken);
    would.peer = event->peer;
    describe(following->history, &would, what.would, sizeof what.would);
    if (following->differs != NULL) following->differs(following->context, &what);
    return true;
}

static bool follow_row(struct following *following, const struct td_journal_row *row,
                       struct td_error *error)
{
    struct td_reader reader = td_reader_of(row->caused, row->caused_length);
    struct td_trace_item item, answer;
    bool good = true;
    while (good && td_trace_next(&reader, row->at, &item)) {
        if (!item.is_event) continue;
        if (item.event.kind == TD_EVENT_ASK) {
            good = td_trace_next(&reader, row->at, &answer) && !answer.is_event
                       ? ask(following, &item.event, &answer.command, error)
                       : td_error_set(error, TD_FAULT_RUN, "question without an answer");
        } else {
            following->commands.count = 0;
            good = td_engine_apply(following->engine, &item.event, 1, &following->commands,
                                   error) == 1;
        }
        free(item.tables);
    }
    return good && (!reader.failed || td_error_set(error, TD_FAULT_RUN, "no trace"));
}

bool td_history_follow(struct td_history *history, const struct td_policy *other,
                       void (*differs)(void *context, const struct td_history_difference *what),
                       void *context, struct td_history_questions *questions,
                       struct td_error *error)
{
    const struct td_journal_meta *meta = td_journal_meta(history->journal);
    const struct td_engine_options options = {.retries = meta->retries,
                                              .learn = meta->learn,
                                              .patience = meta->patience,
                                              .first_order = meta->first_order};
    *questions = (struct td_history_questions){0};
    struct following following = {.history = history,
                                  .engine = td_engine_create(other, &options, error),
                                  .differs = differs,
                                  .context = context,
                                  .questions = questions};
    if (following.engine == NULL) return false;
    struct td_journal_row row;
    td_journal_rewind(history->journal);
    bool good = true;
    while (good && td_journal_next(history->journal, &row, error)) {
        struct td_error why;
        good = follow_row(&following, &row, &why) ||
               td_error_set(error, TD_FAULT_RUN, "policy %s cannot follow input %lld: %.900s",
                            other->name, (long long)row.number, why.text);
    }
    td_commands_free(&following.commands);
    td_engine_destroy(following.engine);
    return good && error->fault == TD_FAULT_NONE;
}
