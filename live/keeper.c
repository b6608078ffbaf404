#include "live/keeper.h"

#include "live/batch.h"
#include "live/committer.h"
#include "live/inputs.h"
#include "live/summary.h"
#include "live/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_AGAIN_NS TD_NS_PER_S
#define FOLD_AGAIN_NS (60 * TD_NS_PER_S) /* a fold can wait: what has come in is written */
/* Inputs that are worth a fold as soon as nobody is present. */
#define FOLD_ROWS 10000u
/* What may wait in memory: inputs for a disk that is full, and hellos for a fold. */
#define PENDING_MOST (64u << 20)
#define PARKED_MOST (16u << 20)
/* And for a disk that is slow: nothing more is heard then until it is done. */
#define GATHERED_MOST (8u << 20)
/* A look at what has come in on thousands of connections takes as long as a fast disk: a commit may
 * last so long before there is one. */
#define LOOK_NS (TD_NS_PER_S / 2000)

/* A hello that waits for the journal to be folded. */
struct parked {
    uint32_t link;
    size_t length;
    char *text;
};

struct td_keeper {
    struct td_keeper_options options;
    struct td_authority_options authority_options;
    struct td_authority_outlet outlet; /* the shell's */
    struct td_authority *authority;
    struct td_journal *journal;
    struct td_committer *committer; /* NULL: commits are made here */
    struct td_buffer trace;         /* of the input at hand */
    struct td_batch handed;         /* over, for a commit; not empty: it is not durable */
    struct td_batch gathered;       /* since then */
    uint64_t durable;               /* the last batch that is */
    uint64_t rows, bytes;           /* of the journal, which may be the committer's */
    struct parked *parked;
    size_t parked_count, parked_capacity, parked_bytes;
    td_time start;
    int64_t retry_ns;
    int64_t fold_at_ns; /* no fold is tried before */
    bool silent;        /* it lives again: nothing goes out, nothing is kept */
    bool running;       /* the committer has what was handed over */
    bool failing;       /* the last commit has failed */
    bool unparks;       /* the next commit begins with the hellos that wait */
    bool crowded;       /* the log has said that newcomers wait */
    bool no_memory;     /* an input could not be kept */
    struct td_error fault;
    uint64_t folded; /* rows that the last fold has left, or the beginning */
};

/* The outlet: what goes out, and what is kept of what has come in. */

static void on_send(void *context, uint32_t link, const struct td_message *message)
{
    const struct td_keeper *keeper = context;
    if (!keeper->silent) keeper->outlet.send(keeper->outlet.context, link, message);
}

static void on_close(void *context, uint32_t link)
{
    const struct td_keeper *keeper = context;
    if (!keeper->silent) keeper->outlet.close(keeper->outlet.context, link);
}

static bool on_vouch(void *context, uint32_t link, const struct td_hello *hello,
                     struct td_voucher *voucher, struct td_error *error)
{
    const struct td_keeper *keeper = context;
    const struct td_authority_outlet *outlet = &keeper->outlet;
    return outlet->vouch == NULL || outlet->vouch(outlet->context, link, hello, voucher, error);
}

static void on_log(void *context, td_time at, const char *peer, const char *text)
{
    const struct td_keeper *keeper = context;
    if (!keeper->silent && keeper->outlet.log != NULL)
        keeper->outlet.log(keeper->outlet.context, at, peer, text);
}

static void on_event(void *context, const struct td_event *event)
{
    struct td_keeper *keeper = context;
    td_trace_event(&keeper->trace, td_authority_now(keeper->authority), event);
    if (!keeper->silent && keeper->outlet.event != NULL)
        keeper->outlet.event(keeper->outlet.context, event);
}

static void on_command(void *context, const struct td_command *command)
{
    struct td_keeper *keeper = context;
    td_trace_command(&keeper->trace, command);
    if (!keeper->silent && keeper->outlet.command != NULL)
        keeper->outlet.command(keeper->outlet.context, command);
}

static void keep(struct td_keeper *keeper, const struct td_input *input)
{
    if (td_batch_add(&keeper->gathered, input, &keeper->trace)) {
        keeper->trace.length = 0;
        return;
    }
    keeper->no_memory = true;
    (void)td_error_memory(&keeper->fault, "what the journal has to keep");
}

static void on_input(void *context, const struct td_input *input)
{
    struct td_keeper *keeper = context;
    if (!keeper->silent) keep(keeper, input);
}

static void forget_gathered(struct td_keeper *keeper)
{
    td_batch_clear(&keeper->gathered);
    keeper->trace.length = 0;
}

/* How large the journal is, while it is nobody else's. */
static void take_size(struct td_keeper *keeper)
{
    keeper->rows = td_journal_rows(keeper->journal);
    keeper->bytes = td_journal_bytes(keeper->journal);
}

/* An authority from nothing, with these options. */
static struct td_authority *begin(struct td_keeper *keeper, td_order first_order,
                                  struct td_error *error)
{
    struct td_authority_options options = keeper->authority_options;
    const struct td_authority_outlet outlet = {.context = keeper,
                                               .send = on_send,
                                               .close = on_close,
                                               .vouch = on_vouch,
                                               .event = on_event,
                                               .command = on_command,
                                               .input = on_input,
                                               .log = on_log};
    options.scenario = NULL;  /* it comes as inputs, */
    options.schema_count = 0; /* and so do these */
    options.engine.first_order = first_order;
    return td_authority_create(&options, &outlet, error);
}

static bool restore(struct td_keeper *keeper, const struct td_summary *summary, td_time now,
                    struct td_error *error)
{
    for (size_t i = 0; i < summary->count; i++) {
        size_t length;
        const char *item = td_summary_item(summary, i, &length);
        if (!td_authority_restore(keeper->authority, item, length, now, error)) return false;
    }
    return !keeper->no_memory || td_error_memory(error, "a journal");
}

static bool has_overhead(const struct td_scenario *scenario)
{
    const struct td_dist *overhead = scenario->overhead;
    return overhead->kind != TD_DIST_CONSTANT || overhead->parameter[0] > 0;
}

static struct td_journal_meta describe(const struct td_keeper *keeper,
                                       const struct td_summary *setup)
{
    const struct td_authority_options *options = &keeper->authority_options;
    const struct td_scenario *scenario = options->scenario;
    return (struct td_journal_meta){.policy = options->policy->name,
                                    .policy_path = keeper->options.policy_path,
                                    .scenario = scenario == NULL ? NULL : scenario->name,
                                    .setup = setup->bytes.bytes,
                                    .setup_length = setup->bytes.length,
                                    .retries = options->engine.retries,
                                    .learn = options->engine.learn,
                                    .overhead = scenario != NULL && has_overhead(scenario),
                                    .patience = options->engine.patience,
                                    .grace = options->grace,
                                    .first_order = 1};
}

/* A journal that begins. */
static bool create(struct td_keeper *keeper, const struct td_summary *setup, int64_t realtime_ns,
                   struct td_error *error)
{
    struct td_journal_meta meta = describe(keeper, setup);
    meta.began_ns = realtime_ns;
    keeper->authority = begin(keeper, 1, error);
    if (keeper->authority == NULL || !restore(keeper, setup, 0, error)) return false;
    size_t count = keeper->gathered.count;
    const struct td_journal_row *rows = td_batch_rows(&keeper->gathered);
    if (rows == NULL && count > 0) return td_error_memory(error, "a journal");
    bool good = td_journal_create(keeper->options.path, &meta, rows, count, error);
    forget_gathered(keeper);
    td_authority_destroy(keeper->authority);
    keeper->authority = NULL;
    return good;
}

static bool differs(const struct td_keeper *keeper, const char *what, const char *theirs,
                    const char *ours, struct td_error *error)
{
    return td_error_set(error, TD_FAULT_INPUT,
                        "journal %s was begun with %s %s, not %s: start with that one until its "
                        "peers have finished, or move the journal away to begin a new one",
                        keeper->options.path, what, theirs, ours);
}

static bool number_differs(const struct td_keeper *keeper, const char *what, double theirs,
                           double ours, struct td_error *error)
{
    char was[32], is[32];
    (void)snprintf(was, sizeof was, "%.9g", theirs);
    (void)snprintf(is, sizeof is, "%.9g", ours);
    return theirs == ours || differs(keeper, what, was, is, error);
}

/* The authority is started with what the journal was begun with. */
static bool same_setup(const struct td_keeper *keeper, const struct td_summary *setup,
                       struct td_error *error)
{
    const struct td_journal_meta *was = td_journal_meta(keeper->journal);
    const struct td_journal_meta is = describe(keeper, setup);
    if (was->setup_length == is.setup_length &&
        memcmp(was->setup, is.setup == NULL ? "" : is.setup, is.setup_length) == 0)
        return true;
    const char *theirs = was->scenario == NULL ? "none" : was->scenario;
    const char *ours = is.scenario == NULL ? "none" : is.scenario;
    return differs(keeper, "scenario", theirs, strcmp(theirs, ours) == 0 ? "as it is now" : ours,
                   error);
}

/* And as it was: it would decide otherwise. */
static bool same_options(const struct td_keeper *keeper, struct td_error *error)
{
    const struct td_journal_meta *was = td_journal_meta(keeper->journal);
    const struct td_authority_options *is = &keeper->authority_options;
    double second = (double)TD_NS_PER_S;
    if (strcmp(was->policy, is->policy->name) != 0)
        return differs(keeper, "policy", was->policy, is->policy->name, error);
    return number_differs(keeper, "--retries", was->retries, is->engine.retries, error) &&
           number_differs(keeper, "--grace", (double)was->grace / second,
                          (double)is->grace / second, error) &&
           number_differs(keeper, "a patience (s) of", (double)was->patience / second,
                          (double)is->engine.patience / second, error) &&
           number_differs(keeper, "learned times", was->learn, is->engine.learn, error);
}

/* The options that the journal has; false if its policy is not to be had. */
static bool take_options(struct td_keeper *keeper)
{
    const struct td_journal_meta *was = td_journal_meta(keeper->journal);
    struct td_authority_options *options = &keeper->authority_options;
    if (strcmp(was->policy, options->policy->name) != 0)
        options->policy =
            keeper->options.find_policy == NULL ? NULL : keeper->options.find_policy(was->policy);
    options->engine.retries = was->retries;
    options->engine.learn = was->learn;
    options->engine.patience = was->patience;
    options->grace = was->grace;
    return options->policy != NULL;
}

/* The life that is in the journal, once more. */
static bool relive(struct td_keeper *keeper, struct td_error *error)
{
    struct td_journal_row row;
    keeper->authority = begin(keeper, td_journal_meta(keeper->journal)->first_order, error);
    if (keeper->authority == NULL) return false;
    keeper->silent = true;
    while (td_journal_next(keeper->journal, &row, error)) {
        struct td_error why;
        if (!td_input_relive(keeper->authority, &row, &keeper->trace, &why))
            return td_error_set(error, TD_FAULT_INPUT,
                                "journal %s cannot be gone on with (%.600s): use the version of "
                                "the program, or of the policy, that wrote it, or move it away to "
                                "begin a new one",
                                keeper->options.path, why.text);
        bool first = keeper->folded + 1 == td_journal_rows(keeper->journal);
        if (first && row.kind == TD_INPUT_RESTORE) keeper->folded++;
    }
    keeper->silent = false;
    keeper->trace.length = 0;
    take_size(keeper);
    return error->fault == TD_FAULT_NONE;
}

/* It goes on, after as long as it was away by the wall clock. */
static void go_on(struct td_keeper *keeper, int64_t realtime_ns)
{
    bool lived = keeper->rows > keeper->folded;
    int64_t since = realtime_ns - td_journal_meta(keeper->journal)->began_ns;
    keeper->start = td_authority_now(keeper->authority);
    if (since > keeper->start && since < TD_TIME_MAX) keeper->start = since;
    if (lived) td_authority_restart(keeper->authority, keeper->start);
}

void td_keeper_close(struct td_keeper *keeper)
{
    if (keeper == NULL) return;
    td_keeper_rest(keeper);
    td_authority_destroy(keeper->authority);
    td_journal_close(keeper->journal);
    td_buffer_free(&keeper->trace);
    td_batch_free(&keeper->handed);
    td_batch_free(&keeper->gathered);
    for (size_t i = 0; i < keeper->parked_count; i++)
        free(keeper->parked[i].text);
    free(keeper->parked);
    free(keeper);
}

struct td_authority *td_keeper_authority(const struct td_keeper *keeper)
{
    return keeper->authority;
}

uint64_t td_keeper_batch(const struct td_keeper *keeper)
{
    return keeper->gathered.number;
}

uint64_t td_keeper_durable(const struct td_keeper *keeper)
{
    return keeper->durable;
}

uint64_t td_keeper_rows(const struct td_keeper *keeper)
{
    return keeper->rows;
}

td_time td_keeper_start(const struct td_keeper *keeper)
{
    return keeper->start;
}

int64_t td_keeper_due(const struct td_keeper *keeper)
{
    return keeper->running ? INT64_MAX : keeper->retry_ns; /* its end wakes who waits */
}

const struct td_error *td_keeper_fault(const struct td_keeper *keeper)
{
    return keeper->no_memory ? &keeper->fault : NULL;
}

static void say(const struct td_keeper *keeper, td_time now, const char *text)
{
    if (keeper->outlet.log != NULL)
        keeper->outlet.log(keeper->outlet.context, now, "authority", text);
}

/* Nobody is told anything, and nobody is ordered anything, until what has come in is durable. */
static void begin_hold(struct td_keeper *keeper, td_time now, const struct td_error *why)
{
    char text[1200];
    if (keeper->failing) return;
    keeper->failing = true;
    (void)snprintf(text, sizeof text,
                   "%s: nobody gets an order or an answer until it can be written, so make room on "
                   "its disk or mend it; nothing is lost meanwhile",
                   why->text);
    say(keeper, now, text);
    td_authority_hold(keeper->authority, TD_HOLD_JOURNAL, true, now);
}

/* The batch that was handed over is durable, or it is not. */
static void decide(struct td_keeper *keeper, const struct td_commit_result *result, td_time now,
                   int64_t clock_ns)
{
    keeper->running = false;
    take_size(keeper);
    if (!result->durable) {
        begin_hold(keeper, now, &result->error);
        keeper->retry_ns = clock_ns + TRY_AGAIN_NS;
        return;
    }
    keeper->durable = keeper->handed.number;
    td_batch_clear(&keeper->handed);
    td_histogram_observe(&td_authority_metrics(keeper->authority)->commit, result->took);
    if (!keeper->failing) return;
    keeper->failing = false;
    keeper->retry_ns = INT64_MAX;
    say(keeper, now, "the journal can be written again: orders go on");
    td_authority_hold(keeper->authority, TD_HOLD_JOURNAL, false, now);
}

/* What has been gathered is to be committed next; after a failure, behind what is still to be. */
static bool close_batch(struct td_keeper *keeper)
{
    uint64_t number = keeper->gathered.number;
    if (!td_batch_move(&keeper->handed, &keeper->gathered)) {
        keeper->no_memory = true;
        return td_error_memory(&keeper->fault, "what the journal has to keep");
    }
    keeper->handed.number = number;
    keeper->gathered.number = number + 1;
    return true;
}

static void begin_commit(struct td_keeper *keeper, td_time now, int64_t clock_ns)
{
    struct td_commit_result result = {0};
    size_t count = keeper->handed.count;
    const struct td_journal_row *rows = td_batch_rows(&keeper->handed);
    if (rows == NULL && count > 0) {
        (void)td_error_memory(&result.error, "a journal");
        decide(keeper, &result, now, clock_ns);
    } else if (keeper->committer == NULL) {
        td_commit(keeper->journal, rows, count, &result);
        decide(keeper, &result, now, clock_ns);
    } else {
        td_committer_hand_over(keeper->committer, rows, count);
        keeper->running = true;
    }
}

/* Commits what has come in, as far as that can be now. True if all of it is durable. */
static bool write_down(struct td_keeper *keeper, td_time now, int64_t clock_ns)
{
    struct td_commit_result result;
    for (;;) {
        bool much = keeper->gathered.bytes.length > GATHERED_MOST;
        if (keeper->running) td_committer_wait(keeper->committer, much ? TD_TIME_MAX : LOOK_NS);
        if (keeper->running && td_committer_take(keeper->committer, &result))
            decide(keeper, &result, now, clock_ns);
        if (keeper->running || keeper->no_memory ||
            (keeper->failing && clock_ns < keeper->retry_ns) || !close_batch(keeper))
            return false;
        if (keeper->handed.count == 0 && !keeper->failing) { /* what waits, waits for nothing */
            keeper->durable = keeper->handed.number;
            return true;
        }
        begin_commit(keeper, now, clock_ns);
    }
}

/* Another authority in place of this one, that knows what this one leaves behind. */
static bool fold_into(struct td_keeper *keeper, const struct td_summary *summary, td_time now,
                      struct td_error *error)
{
    const struct td_authority_options *options = &keeper->authority_options;
    struct td_journal_meta meta = *td_journal_meta(keeper->journal);
    meta.policy = options->policy->name;
    meta.policy_path = keeper->options.policy_path;
    meta.retries = options->engine.retries;
    meta.learn = options->engine.learn;
    meta.patience = options->engine.patience;
    meta.grace = options->grace;
    meta.first_order = td_authority_last_order(keeper->authority) + 1;
    if (meta.first_order < td_journal_meta(keeper->journal)->first_order)
        meta.first_order = td_journal_meta(keeper->journal)->first_order;
    struct td_authority *old = keeper->authority;
    forget_gathered(keeper); /* what is in it, the summary says */
    keeper->authority = begin(keeper, meta.first_order, error);
    bool good = keeper->authority != NULL && restore(keeper, summary, now, error);
    size_t count = keeper->gathered.count;
    const struct td_journal_row *rows = good ? td_batch_rows(&keeper->gathered) : NULL;
    if (good && rows == NULL && count > 0) good = td_error_memory(error, "a journal");
    good = good && td_journal_replace(keeper->journal, &meta, rows, count, error);
    forget_gathered(keeper);
    if (good) *td_authority_metrics(keeper->authority) = *td_authority_metrics(old);
    td_authority_destroy(good ? old : keeper->authority);
    if (!good) keeper->authority = old;
    return good;
}

static bool fold(struct td_keeper *keeper, td_time now, struct td_error *error)
{
    struct td_summary summary = {0};
    char text[128];
    uint64_t rows = keeper->rows;
    bool good = td_summary_of_authority(&summary, keeper->authority, keeper->options.retain,
                                        keeper->options.most_bytes / 2, error) &&
                fold_into(keeper, &summary, now, error);
    td_summary_free(&summary);
    if (!good) return false;
    take_size(keeper);
    keeper->folded = keeper->rows;
    (void)snprintf(text, sizeof text,
                   "nobody is here: the journal is folded, from %llu rows to %llu",
                   (unsigned long long)rows, (unsigned long long)keeper->folded);
    say(keeper, now, text);
    return true;
}

/* The journal grows on, which is better than to let anybody wait for what may never go well. */
static void put_off_fold(struct td_keeper *keeper, td_time now, int64_t clock_ns,
                         const struct td_error *why)
{
    char text[1200];
    keeper->fold_at_ns = clock_ns + FOLD_AGAIN_NS;
    (void)snprintf(text, sizeof text,
                   "%s: it is not folded, and grows until that goes well; it is tried again when "
                   "nobody is here, at most once a minute",
                   why->text);
    say(keeper, now, text);
}

/* Under other options a journal can be gone on with if nobody is expected: it is folded then. */
static bool recover(struct td_keeper *keeper, int64_t realtime_ns, struct td_error *error)
{
    const struct td_authority_options options = keeper->authority_options;
    struct td_error why;
    bool same = same_options(keeper, &why);
    if (!same && !take_options(keeper)) {
        *error = why;
        return false;
    }
    if (!relive(keeper, error)) return false;
    if (!same && td_authority_present(keeper->authority) > 0) {
        *error = why;
        return false;
    }
    if (!td_journal_write(keeper->journal, error)) return false;
    go_on(keeper, realtime_ns);
    keeper->authority_options = options;
    return same || fold(keeper, keeper->start, error);
}

/* What the authority is started with. */
static bool gather_setup(const struct td_authority_options *options, struct td_summary *setup,
                         struct td_error *error)
{
    if (options->scenario != NULL && !td_summary_of_scenario(setup, options->scenario, error))
        return false;
    for (size_t i = 0; i < options->schema_count; i++)
        if (!td_summary_of_schema(setup, options->schemas[i], error)) return false;
    return true;
}

static bool open_journal(struct td_keeper *keeper, int64_t realtime_ns, struct td_error *error)
{
    const char *path = keeper->options.path;
    struct td_summary setup = {0};
    bool good = gather_setup(&keeper->authority_options, &setup, error) &&
                (td_journal_exists(path) || create(keeper, &setup, realtime_ns, error)) &&
                (keeper->journal = td_journal_open(path, true, error)) != NULL &&
                same_setup(keeper, &setup, error) && recover(keeper, realtime_ns, error);
    td_summary_free(&setup);
    if (good) *td_authority_metrics(keeper->authority) = (struct td_metrics){0}; /* a new process */
    return good;
}

struct td_keeper *td_keeper_open(const struct td_keeper_options *options,
                                 const struct td_authority_options *authority,
                                 const struct td_authority_outlet *outlet, int64_t realtime_ns,
                                 struct td_error *error)
{
    struct td_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        (void)td_error_memory(error, "a journal");
        return NULL;
    }
    keeper->options = *options;
    keeper->authority_options = *authority;
    keeper->outlet = *outlet;
    keeper->retry_ns = INT64_MAX;
    keeper->gathered.number = 1;
    if (open_journal(keeper, realtime_ns, error)) return keeper;
    td_keeper_close(keeper);
    return NULL;
}

bool td_keeper_commit_aside(struct td_keeper *keeper, void (*wake)(void *context), void *context,
                            struct td_error *error)
{
    keeper->committer = td_committer_start(keeper->journal, wake, context, error);
    return keeper->committer != NULL;
}

void td_keeper_rest(struct td_keeper *keeper)
{
    td_committer_stop(keeper->committer);
    keeper->committer = NULL;
}

/* In memory, for the journal. */
static size_t waiting(const struct td_keeper *keeper)
{
    return keeper->handed.bytes.length + keeper->gathered.bytes.length;
}

static bool is_full(const struct td_keeper *keeper)
{
    return keeper->bytes + waiting(keeper) > keeper->options.most_bytes;
}

/* Hellos that had to wait. */
static void unpark(struct td_keeper *keeper, td_time now)
{
    for (size_t i = 0; i < keeper->parked_count; i++) {
        struct td_error error;
        struct td_message *message =
            td_message_read_own(keeper->parked[i].text, keeper->parked[i].length, &error);
        if (message != NULL)
            td_authority_receive(keeper->authority, keeper->parked[i].link, message, now);
        td_message_destroy(message);
        free(keeper->parked[i].text);
    }
    keeper->parked_count = keeper->parked_bytes = 0;
    keeper->unparks = false;
    keeper->retry_ns = INT64_MAX;
}

bool td_keeper_commit(struct td_keeper *keeper, td_time now, int64_t clock_ns)
{
    struct td_error error;
    if (keeper->unparks) unpark(keeper, now);
    if (!write_down(keeper, now, clock_ns)) return false;
    uint64_t rows = keeper->rows - keeper->folded;
    bool worth = rows >= FOLD_ROWS || (is_full(keeper) && rows > 0);
    if (!worth || td_authority_present(keeper->authority) > 0 ||
        td_authority_fault(keeper->authority) != NULL ||
        td_authority_is_held(keeper->authority, TD_HOLD_DRAIN))
        return true;
    if (clock_ns >= keeper->fold_at_ns && !fold(keeper, now, &error))
        put_off_fold(keeper, now, clock_ns, &error);
    keeper->crowded = false;
    keeper->unparks = keeper->parked_count > 0; /* once the caller has the new authority */
    if (keeper->unparks) keeper->retry_ns = clock_ns;
    return true;
}

bool td_keeper_settle(struct td_keeper *keeper, td_time now, int64_t clock_ns)
{
    bool durable;
    while (!(durable = td_keeper_commit(keeper, now, clock_ns)) && keeper->running)
        td_committer_wait(keeper->committer, TD_TIME_MAX);
    return durable;
}

static bool park(struct td_keeper *keeper, uint32_t link, const struct td_message *message)
{
    struct td_buffer text = {0};
    td_message_write(message, &text);
    if (keeper->parked_count == keeper->parked_capacity) {
        size_t capacity = keeper->parked_capacity == 0 ? 16 : 2 * keeper->parked_capacity;
        struct parked *parked = realloc(keeper->parked, capacity * sizeof *parked);
        if (parked != NULL) {
            keeper->parked = parked;
            keeper->parked_capacity = capacity;
        }
    }
    if (text.failed || keeper->parked_count == keeper->parked_capacity ||
        keeper->parked_bytes + text.length > PARKED_MOST) {
        td_buffer_free(&text);
        return false;
    }
    keeper->parked_bytes += text.length;
    keeper->parked[keeper->parked_count++] =
        (struct parked){.link = link, .length = text.length, .text = text.bytes};
    return true;
}

/* Once, until they are let in. */
static void say_that_it_is_full(struct td_keeper *keeper, td_time now)
{
    char text[160];
    if (keeper->crowded) return;
    keeper->crowded = true;
    (void)snprintf(
        text, sizeof text,
        "the journal has reached its %.0f MiB (--journal-max): newcomers wait until those "
        "who are here have finished",
        (double)keeper->options.most_bytes / (1 << 20));
    say(keeper, now, text);
}

uint32_t td_keeper_newcomers(const struct td_keeper *keeper)
{
    return (uint32_t)keeper->parked_count;
}

enum td_admission td_keeper_admit(struct td_keeper *keeper, uint32_t link,
                                  const struct td_message *message, td_time now)
{
    if (keeper->failing && waiting(keeper) > PENDING_MOST) return TD_TOO_MUCH;
    for (size_t i = 0; i < keeper->parked_count; i++)
        if (keeper->parked[i].link == link) return TD_TOO_MUCH; /* it cannot have been welcome */
    if (message->kind != TD_MESSAGE_HELLO || !is_full(keeper) ||
        td_authority_has(keeper->authority, message->hello.peer) ||
        (td_authority_present(keeper->authority) == 0 && !keeper->running)) /* else it is about to
                                                                               be folded */
        return TD_ADMIT;
    say_that_it_is_full(keeper, now);
    return park(keeper, link, message) ? TD_PARKED : TD_TRY_LATER;
}

void td_keeper_forget(struct td_keeper *keeper, uint32_t link)
{
    for (size_t i = 0; i < keeper->parked_count; i++) {
        if (keeper->parked[i].link != link) continue;
        keeper->parked_bytes -= keeper->parked[i].length;
        free(keeper->parked[i].text);
        memmove(&keeper->parked[i], &keeper->parked[i + 1],
                (--keeper->parked_count - i) * sizeof *keeper->parked);
        return;
    }
}
