/* A journal's rows, whatever they say: the authority lives them or refuses them with a sentence.
 * What it has lived, it lives again as the same; what is left of it when all have gone can be
 * restored, and says the same once more. The input is lines of bytes:
 *     0 to 6  a row of that kind: behind it a letter, for its link, and its body; behind a byte
 *             0x1C what it has caused
 *     +       time passes, as many milliseconds as the rest has characters
 *     @       a time, in nanoseconds
 *     !       as the first line: retries, patience, grace and the first order, and all of it goes
 *             through a file
 * A byte behind 0x1B stands for itself, with its bit 0x40 turned. */
#include "fuzz/fuzz.h"

#include "live/history.h"
#include "live/inputs.h"
#include "live/summary.h"
#include "live/trace.h"
#include "policies/policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS 400u
#define SECOND TD_NS_PER_S

static const char *const policies[] = {"directed", "linear", "speculative", "weighing"};

struct life {
    struct td_journal_meta meta;
    const struct td_policy *policy, *other;
    struct td_authority *authority;
    struct td_buffer trace;
    struct td_journal_row rows[ROWS];
    char *caused[ROWS]; /* of the rows that were lived */
    size_t count;
    bool file;
};

static void ignore_send(void *context, uint32_t link, const struct td_message *message)
{
    struct td_buffer text = {0};
    (void)context, (void)link;
    td_message_write(message, &text);
    td_buffer_free(&text);
}

static void ignore_close(void *context, uint32_t link)
{
    (void)context, (void)link;
}

static void on_event(void *context, const struct td_event *event)
{
    struct life *life = context;
    td_trace_event(&life->trace, td_authority_now(life->authority), event);
}

static void on_command(void *context, const struct td_command *command)
{
    struct life *life = context;
    td_trace_command(&life->trace, command);
}

static void begin(struct life *life)
{
    const struct td_authority_options options = {.policy = life->policy,
                                                 .engine = {.retries = life->meta.retries,
                                                            .learn = life->meta.learn,
                                                            .patience = life->meta.patience,
                                                            .first_order = life->meta.first_order},
                                                 .grace = life->meta.grace};
    const struct td_authority_outlet outlet = {.context = life,
                                               .send = ignore_send,
                                               .close = ignore_close,
                                               .event = on_event,
                                               .command = on_command};
    struct td_error error;
    life->authority = td_authority_create(&options, &outlet, &error);
    TD_ASSERT(life->authority != NULL);
}

/* Undoes the escapes, in place. */
static size_t plain(char *bytes, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        bytes[kept++] = (char)(bytes[i] == 0x1B && i + 1 < length ? bytes[++i] ^ 0x40 : bytes[i]);
    return kept;
}

static void add_row(struct life *life, char *line, size_t length, td_time at)
{
    struct td_journal_row *row = &life->rows[life->count];
    char *body = line + 2, *end = line + length;
    char *caused = memchr(body, 0x1C, (size_t)(end - body));
    *row = (struct td_journal_row){.number = (int64_t)life->count + 1,
                                   .at = at,
                                   .kind = (uint32_t)(line[0] - '0'),
                                   .link = (uint32_t)(line[1] - 'a') % 64};
    row->body_length = plain(body, (size_t)((caused == NULL ? end : caused) - body));
    row->body = row->body_length == 0 ? NULL : body; /* as SQLite has it */
    if (caused == NULL) caused = end - 1;
    row->caused_length = plain(caused + 1, (size_t)(end - caused - 1));
    row->caused = row->caused_length == 0 ? NULL : caused + 1;
    life->count++;
}

static void read_options(struct life *life, const char *line)
{
    struct td_journal_meta *meta = &life->meta;
    char *at;
    meta->retries = (uint32_t)strtoul(line + 1, &at, 10);
    meta->patience = strtoll(at, &at, 10);
    meta->grace = strtoll(at, &at, 10);
    meta->first_order = strtoull(at, &at, 10);
    life->file = true;
}

static void read_rows(struct life *life, char *text, size_t length)
{
    td_time at = 0;
    for (char *line = text, *end = text + length; line < end && life->count < ROWS;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) stop = end;
        *stop = '\0';
        if (line[0] == '+' && at < INT64_MAX - SECOND * 1000) at += (stop - line) * 1000000;
        if (line[0] == '@') at = strtoll(line + 1, NULL, 10);
        if (line == text && line[0] == '!') read_options(life, line);
        if (line[0] >= '0' && line[0] <= '7' && stop - line >= 2)
            add_row(life, line, (size_t)(stop - line), at);
        line = stop + 1;
    }
}

/* A row that cannot be changes nothing, and is left out; one that says what else it has caused is
 * corrected. False: what has been lived is of no use any more. */
static bool live_row(struct life *life, struct td_journal_row *row, size_t kept)
{
    struct td_error error = {0};
    bool good = td_input_relive(life->authority, row, &life->trace, &error);
    TD_ASSERT(good == (error.fault == TD_FAULT_NONE));
    const char *sentence = error.text + strcspn(error.text, ", "); /* behind "input" */
    bool differs = !good && sentence[1 + strcspn(sentence + 1, ", ")] == ',';
    if (td_authority_fault(life->authority) != NULL) return false;
    if (!good && !differs && row->kind == TD_INPUT_RESTORE) return false;
    if (!good && !differs) row->kind = TD_INPUT_KINDS;
    if (row->kind == TD_INPUT_KINDS) return true;
    life->caused[kept] = malloc(life->trace.length + 1);
    TD_ASSERT(life->caused[kept] != NULL);
    if (life->trace.length > 0) memcpy(life->caused[kept], life->trace.bytes, life->trace.length);
    row->caused = life->trace.length == 0 ? NULL : life->caused[kept];
    row->caused_length = life->trace.length;
    return true;
}

static bool live(struct life *life)
{
    size_t kept = 0;
    bool good = true;
    begin(life);
    for (size_t i = 0; good && i < life->count; i++) {
        struct td_journal_row row = life->rows[i];
        good = live_row(life, &row, kept);
        if (!good || row.kind == TD_INPUT_KINDS) continue;
        row.number = (int64_t)kept + 1;
        life->rows[kept++] = row;
    }
    life->count = kept;
    return good;
}

static void live_again(struct life *life)
{
    struct td_error error = {0};
    uint64_t digest = td_authority_digest(life->authority);
    td_authority_destroy(life->authority);
    begin(life);
    for (size_t i = 0; i < life->count; i++) {
        bool good = td_input_relive(life->authority, &life->rows[i], &life->trace, &error);
        if (!good) (void)fprintf(stderr, "%s\n", error.text);
        TD_ASSERT(good);
    }
    TD_ASSERT(td_authority_digest(life->authority) == digest);
}

/* All go, and what they leave is what another authority begins with. */
static void fold(struct life *life)
{
    struct td_authority *old = life->authority;
    struct td_error error;
    td_authority_restart(old, td_authority_now(old));
    while (td_authority_present(old) > 0 && td_authority_fault(old) == NULL) {
        td_time due = td_authority_due(old);
        if (due == TD_TIME_MAX) return; /* its grace has no end */
        td_authority_wake(old, due);
    }
    if (td_authority_fault(old) != NULL) return;
    struct td_summary once = {0}, twice = {0};
    TD_ASSERT(td_summary_of_authority(&once, old, 100, 1u << 20, &error));
    begin(life);
    for (size_t i = 0; i < once.count; i++) {
        size_t length;
        const char *item = td_summary_item(&once, i, &length);
        bool good =
            td_authority_restore(life->authority, item, length, td_authority_now(old), &error);
        if (!good) (void)fprintf(stderr, "%s\n", error.text);
        TD_ASSERT(good);
    }
    TD_ASSERT(td_summary_of_authority(&twice, life->authority, 100, 1u << 20, &error));
    /* in another order, perhaps: that of a table of hashes */
    TD_ASSERT(once.count == twice.count && once.bytes.length == twice.bytes.length);
    td_summary_free(&once);
    td_summary_free(&twice);
    td_authority_destroy(old);
}

static void ignore_interval(void *context, const struct td_interval *interval)
{
    (void)context;
    TD_ASSERT(interval->end >= interval->start);
}

static void tell_history(struct td_history *history, const struct life *life)
{
    struct td_error error = {0};
    struct td_history_questions questions;
    struct td_run_record record;
    const struct td_recorder recorder = {.interval = ignore_interval};
    TD_ASSERT(td_history_counts(history).inputs == life->count);
    TD_ASSERT(td_history_record(history, &recorder, &record, &error));
    if (td_history_follow(history, life->other, NULL, NULL, &questions, &error))
        TD_ASSERT(questions.differ <= questions.asked);
    else
        TD_ASSERT(error.fault != TD_FAULT_NONE);
}

/* The rows as a file, and their history. */
static void go_through_a_file(const struct life *life)
{
    char path[64];
    struct td_error error = {0};
    (void)snprintf(path, sizeof path, "/dev/shm/td-fuzz-%ld", (long)getpid());
    bool good = td_journal_create(path, &life->meta, life->rows, life->count, &error);
    struct td_journal *journal = good ? td_journal_open(path, false, &error) : NULL;
    if (journal == NULL) (void)fprintf(stderr, "%s\n", error.text);
    TD_ASSERT(journal != NULL);
    struct td_history *history = td_history_create(journal, life->policy, &error);
    if (history == NULL) (void)fprintf(stderr, "%s\n", error.text);
    TD_ASSERT(history != NULL);
    tell_history(history, life);
    td_history_destroy(history);
    td_journal_close(journal);
    (void)unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const size_t count = sizeof policies / sizeof *policies;
    char *text = td_fuzz_text(bytes, length);
    struct life *life = calloc(1, sizeof *life);
    TD_ASSERT(life != NULL);
    life->policy = td_policy_find(policies[length % count]);
    life->other = td_policy_find(policies[(length + 1) % count]);
    life->meta = (struct td_journal_meta){.policy = life->policy->name,
                                          .setup = "",
                                          .retries = 1,
                                          .learn = true,
                                          .patience = 5000000,
                                          .grace = 10000000};
    read_rows(life, text, length);
    if (live(life)) {
        live_again(life);
        if (life->file) go_through_a_file(life);
        fold(life);
    }
    td_authority_destroy(life->authority);
    td_buffer_free(&life->trace);
    for (size_t i = 0; i < ROWS; i++)
        free(life->caused[i]);
    free(life);
    free(text);
    return 0;
}
