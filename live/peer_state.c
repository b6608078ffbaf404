#include "live/peer_state.h"

#include "base/assert.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A peer that has told of a broken build, or has built the universe, is not kept by an authority
 * that does not answer. */
#define ANSWER_TIME (10 * TD_NS_PER_S)

static const td_time pauses[] = {1 * TD_NS_PER_S,  2 * TD_NS_PER_S,  5 * TD_NS_PER_S,
                                 10 * TD_NS_PER_S, 20 * TD_NS_PER_S, 30 * TD_NS_PER_S};
#define PAUSES (sizeof pauses / sizeof *pauses)

enum link { LINK_DOWN, LINK_CONNECTING, LINK_GREETED /* hello is said */, LINK_UP };

enum work {
    WORK_NONE,
    WORK_ORDER,
    WORK_STRAY, /* interrupted: it is nobody's order any more */
    WORK_UNDIRECTED,
};

/* A task with texts of its own. */
struct kept {
    struct td_peer_task task;
    char *step, *targets;
};

struct td_peer_state {
    struct td_peer_state_options options;
    struct td_peer_outlet outlet;
    bool *held; /* by step of the hello */
    bool *came; /* and with the last order, that was for the universe */
    const char **holds;

    enum link link;
    uint32_t tries;
    td_time retry_at;   /* when to connect; TD_TIME_MAX: not */
    td_time away_since; /* TD_TIME_MAX: the authority is there */
    char trouble[256];  /* why it is not */

    enum work work;
    bool interrupted;
    struct kept running, next; /* next: an order that waits for the stray's end */
    td_time idle_since;        /* TD_TIME_MAX: there is something to do */

    /* What the last order came to; said again until the authority shows that it knows. */
    bool unanswered;
    struct td_message report;
    char report_text[sizeof((struct td_build *)NULL)->why];

    struct td_peer_end failure; /* of the last build; status 0: it did not fail */
    td_time answer_by;          /* all is built, or broken; TD_TIME_MAX: there is more to do */
    bool leaving, ended;        /* `end` is settled; and nothing runs any more */
    struct td_peer_end end;
};

__attribute__((format(printf, 2, 3))) static void say_log(const struct td_peer_state *state,
                                                          const char *format, ...)
{
    char text[1024];
    va_list args;
    if (state->outlet.log == NULL) return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    state->outlet.log(state->outlet.context, text);
}

/* "step "2"" or "the universe". */
static const char *name_of(const char *step, char out[static TD_QUOTE_SIZE + 8])
{
    char quote[TD_QUOTE_SIZE];
    (void)snprintf(out, TD_QUOTE_SIZE + 8, "%s%s", step != NULL ? "step " : "the universe",
                   step != NULL ? td_text_quote(step, quote) : "");
    return out;
}

/* A reason is a word; anything else is not for a log. */
static const char *reason_of(const struct td_message *message)
{
    return message->reason != NULL ? message->reason : "no reason given";
}

static void drop(struct kept *kept)
{
    free(kept->step);
    free(kept->targets);
    *kept = (struct kept){0};
}

static bool keep(struct kept *kept, const struct td_peer_task *task)
{
    drop(kept);
    kept->step = task->step == NULL ? NULL : strdup(task->step);
    kept->targets = strdup(task->targets);
    if (kept->targets == NULL || (task->step != NULL && kept->step == NULL)) {
        drop(kept);
        return false;
    }
    kept->task = *task;
    kept->task.step = kept->step;
    kept->task.targets = kept->targets;
    return true;
}

struct td_peer_state *td_peer_state_create(const struct td_peer_state_options *options,
                                           const struct td_peer_outlet *outlet, td_time now,
                                           struct td_error *error)
{
    TD_ASSERT(options->hello.universe != NULL && options->hello.step_count > 0);
    struct td_peer_state *state = calloc(1, sizeof *state);
    if (state == NULL) goto fail;
    state->options = *options;
    state->outlet = *outlet;
    state->held = calloc(options->hello.step_count, sizeof *state->held);
    state->came = calloc(options->hello.step_count, sizeof *state->came);
    state->holds = calloc(options->hello.step_count, sizeof *state->holds);
    if (state->held == NULL || state->came == NULL || state->holds == NULL) goto fail;
    state->retry_at = state->away_since = now;
    state->idle_since = state->answer_by = TD_TIME_MAX;
    (void)snprintf(state->trouble, sizeof state->trouble, "it does not answer");
    return state;
fail:
    td_peer_state_destroy(state);
    (void)td_error_memory(error, "a peer");
    return NULL;
}

void td_peer_state_destroy(struct td_peer_state *state)
{
    if (state == NULL) return;
    drop(&state->running);
    drop(&state->next);
    free(state->held);
    free(state->came);
    free(state->holds);
    free(state);
}

const struct td_peer_end *td_peer_state_end(const struct td_peer_state *state)
{
    return state->ended ? &state->end : NULL;
}

static void interrupt(struct td_peer_state *state)
{
    if (!state->interrupted) state->outlet.interrupt(state->outlet.context);
    state->interrupted = true;
}

static void send(const struct td_peer_state *state, const struct td_message *message)
{
    state->outlet.send(state->outlet.context, message);
}

/* What the last order came to; before the universe's end the steps that came with it. */
static void say_report(const struct td_peer_state *state)
{
    const struct td_hello *hello = &state->options.hello;
    const bool universe = state->report.kind == TD_MESSAGE_OBTAINED && state->report.step == NULL;
    for (size_t i = 0; universe && i < hello->step_count; i++) {
        if (!state->came[i]) continue;
        struct td_message step = state->report;
        step.step = hello->steps[i].id;
        step.obtained.last = step.obtained.whole = false;
        step.obtained.actions = step.obtained.hits = -1;
        send(state, &step);
    }
    send(state, &state->report);
}

static void hang_up(struct td_peer_state *state)
{
    if (state->link != LINK_DOWN) state->outlet.close(state->outlet.context);
    state->link = LINK_DOWN;
}

static void say_bye(struct td_peer_state *state)
{
    const struct td_message bye = {.kind = TD_MESSAGE_BYE};
    if (state->link == LINK_GREETED || state->link == LINK_UP) send(state, &bye);
    hang_up(state);
}

/* What the peer comes to is settled; it ends when nothing runs any more. */
static void leave(struct td_peer_state *state, const struct td_peer_end *end)
{
    if (state->leaving) return;
    hang_up(state);
    state->retry_at = state->away_since = state->idle_since = state->answer_by = TD_TIME_MAX;
    state->leaving = true;
    state->end = *end;
    state->ended = state->work == WORK_NONE;
    if (!state->ended) interrupt(state);
}

__attribute__((format(printf, 3, 4))) static void
leave_with(struct td_peer_state *state, enum td_fault fault, const char *format, ...)
{
    struct td_peer_end end = {0};
    va_list args;
    va_start(args, format);
    (void)td_error_vset(&end.error, fault, format, args);
    va_end(args);
    end.status = td_error_exit_status(&end.error);
    leave(state, &end);
}

void td_peer_state_fail(struct td_peer_state *state, const struct td_error *error)
{
    say_bye(state);
    state->work = WORK_NONE;
    leave_with(state, error->fault, "%s", error->text);
    state->ended = true;
}

void td_peer_state_quit(struct td_peer_state *state)
{
    say_bye(state);
    leave_with(state, TD_FAULT_INTERRUPT, "interrupted; the build was given up");
}

static void begin(struct td_peer_state *state, enum work work)
{
    state->work = work;
    state->interrupted = false;
    state->idle_since = state->answer_by = TD_TIME_MAX;
    state->outlet.start(state->outlet.context, &state->running.task);
}

static void go_undirected(struct td_peer_state *state)
{
    const struct td_peer_task task = {.targets = state->options.hello.universe, .build = true};
    TD_ASSERT(state->work == WORK_NONE);
    say_bye(state);
    state->unanswered = false;
    state->retry_at = state->away_since = TD_TIME_MAX;
    if (!keep(&state->running, &task)) {
        leave_with(state, TD_FAULT_RUN, "out of memory for a task");
        return;
    }
    begin(state, WORK_UNDIRECTED);
}

void td_peer_state_open(struct td_peer_state *state, td_time now)
{
    struct td_message hello = {.kind = TD_MESSAGE_HELLO, .hello = state->options.hello};
    size_t count = 0;
    (void)now;
    if (state->link != LINK_CONNECTING) return;
    for (size_t step = 0; step < hello.hello.step_count; step++)
        if (state->held[step]) state->holds[count++] = hello.hello.steps[step].id;
    hello.hello.holds = state->holds;
    hello.hello.hold_count = count;
    hello.hello.resume = state->unanswered           ? state->report.order
                         : state->work == WORK_ORDER ? state->running.task.order
                                                     : state->next.task.order;
    state->link = LINK_GREETED;
    send(state, &hello);
}

/* Connects again after a while. */
static void try_later(struct td_peer_state *state, td_time now)
{
    uint32_t last = (uint32_t)PAUSES - 1;
    state->link = LINK_DOWN;
    state->retry_at = now + pauses[state->tries < last ? state->tries : last];
    state->tries++;
    if (state->away_since == TD_TIME_MAX) state->away_since = now;
}

void td_peer_state_lose(struct td_peer_state *state, const char *why, td_time now)
{
    if (state->link == LINK_DOWN) return;
    if (state->away_since == TD_TIME_MAX || state->tries == 0)
        say_log(state, "the authority at %s is not there: %s", state->options.server, why);
    (void)snprintf(state->trouble, sizeof state->trouble, "%s", why);
    try_later(state, now);
}

void td_peer_state_refuse(struct td_peer_state *state, const char *why)
{
    if (state->link == LINK_DOWN) return;
    state->link = LINK_DOWN;
    if (state->failure.status != 0 || state->answer_by != TD_TIME_MAX)
        leave(state, &state->failure);
    else
        leave_with(state, TD_FAULT_INPUT, "the authority at %s refuses this peer: %s",
                   state->options.server, why);
}

static void welcome(struct td_peer_state *state, bool resumed, td_time now)
{
    if (state->link != LINK_GREETED) return;
    state->link = LINK_UP;
    state->tries = 0;
    state->away_since = TD_TIME_MAX;
    say_log(state, "the authority at %s is there%s", state->options.server,
            resumed ? ": the order goes on" : "");
    if (resumed && state->unanswered) say_report(state);
    if (!resumed) {
        state->unanswered = false;
        drop(&state->next);
    }
    if (!resumed && state->work == WORK_ORDER) {
        state->work = WORK_STRAY;
        interrupt(state);
    }
    if (state->work == WORK_NONE && state->idle_since == TD_TIME_MAX) state->idle_since = now;
}

static void take_order(struct td_peer_state *state, const struct td_message *message)
{
    const struct td_peer_task task = {.order = message->order,
                                      .step = message->step,
                                      .targets = message->order_for.targets,
                                      .build = message->order_for.build};
    char name[TD_QUOTE_SIZE + 8];
    if (state->work == WORK_ORDER && state->running.task.order == task.order) return;
    if (state->unanswered && state->report.order == task.order) {
        say_report(state);
        return;
    }
    state->unanswered = false;
    if (state->work == WORK_ORDER) {
        state->work = WORK_STRAY;
        interrupt(state);
    }
    say_log(state, "order %" PRIu64 ": %s %s (%s)", task.order, task.build ? "build" : "fetch",
            name_of(task.step, name), reason_of(message));
    bool waits = state->work == WORK_STRAY;
    if (!keep(waits ? &state->next : &state->running, &task))
        leave_with(state, TD_FAULT_RUN, "out of memory for an order");
    else if (!waits)
        begin(state, WORK_ORDER);
}

static void take_abort(struct td_peer_state *state, const struct td_message *message)
{
    if (state->work == WORK_ORDER && state->running.task.order == message->order) {
        say_log(state, "order %" PRIu64 " is aborted (%s)", message->order, reason_of(message));
        interrupt(state);
        return;
    }
    if (state->work != WORK_STRAY || state->next.task.order != message->order) return;
    const struct td_message ended = {
        .kind = TD_MESSAGE_ENDED, .order = message->order, .ended.result = TD_ENDED_ABORTED};
    drop(&state->next);
    send(state, &ended);
}

static void take_done(struct td_peer_state *state, const struct td_message *message)
{
    static const struct td_peer_end good = {0};
    char quote[TD_QUOTE_SIZE];
    if (!message->done.failed) {
        say_log(state, "done");
        leave(state, &good);
    } else if (state->failure.status != 0) {
        leave(state, &state->failure);
    } else if (message->text != NULL) {
        leave_with(state, TD_FAULT_RUN, "the authority says that the build fails: %s",
                   td_text_quote(message->text, quote));
    } else {
        leave_with(state, TD_FAULT_RUN,
                   "the authority says that the build fails (%s): its log says whose build it was",
                   reason_of(message));
    }
}

/* What to do about an error, by its code. */
static const char *mend_of(const char *code)
{
    static const struct {
        const char *code, *mend;
    } mends[] = {
        {"version", "update whichever of the two is older"},
        {"unknown-schema", "give the schema's file with --schema"},
        {"schema-differs", "give the schema another \"id\", or use the file that the others use"},
        {"not-allowed", "ask those who run the authority"},
        {"too-fast", "ask those who run the authority for a higher --max-rate"},
        {"too-much", "restart the authority, or ask those who run it"},
    };
    for (size_t i = 0; i < sizeof mends / sizeof *mends; i++)
        if (strcmp(code, mends[i].code) == 0) return mends[i].mend;
    return "peer and authority do not understand each other: update the older one, or report it";
}

/* True if the error may be none a little later; the state's trouble says what it is about. */
static bool tell_trouble(struct td_peer_state *state, const struct td_message *message)
{
    const char *code = message->error.code, *text = message->text;
    char quote[TD_QUOTE_SIZE];
    if (strcmp(code, "name-taken") == 0) { /* perhaps by our own lost connection */
        (void)snprintf(state->trouble, sizeof state->trouble,
                       "another peer there is named %s: give each a --name of its own",
                       td_text_quote(state->options.hello.peer, quote));
        return true;
    }
    bool slow = strcmp(code, "too-slow") == 0; /* this machine may have stood still */
    if (!slow && strcmp(code, "try-later") != 0) return false;
    (void)snprintf(state->trouble, sizeof state->trouble, "%s%s%s",
                   slow ? "the authority has not heard this peer in time"
                        : "the authority has no room yet",
                   text == NULL ? "" : ": ", text == NULL ? "" : td_text_quote(text, quote));
    return true;
}

static void take_error(struct td_peer_state *state, const struct td_message *message, td_time now)
{
    const char *code = message->error.code, *text = message->text;
    char quote[TD_QUOTE_SIZE];
    if (tell_trouble(state, message)) {
        if (state->tries == 0) say_log(state, "%s", state->trouble);
        hang_up(state);
        try_later(state, now);
        return;
    }
    if (state->failure.status != 0 || state->answer_by != TD_TIME_MAX) {
        leave(state, &state->failure);
        return;
    }
    leave_with(state, TD_FAULT_INPUT, "the authority at %s refuses this peer (%s): %s; %s",
               state->options.server, code,
               text != NULL ? td_text_quote(text, quote) : "it does not say why", mend_of(code));
}

void td_peer_state_receive(struct td_peer_state *state, const struct td_message *message,
                           td_time now)
{
    if (state->link != LINK_GREETED && state->link != LINK_UP) return;
    if (message->kind == TD_MESSAGE_ERROR) take_error(state, message, now);
    if (message->kind == TD_MESSAGE_WELCOME) welcome(state, message->welcome.resumed, now);
    if (state->link != LINK_UP) return;
    switch (message->kind) {
    case TD_MESSAGE_ORDER:
        take_order(state, message);
        break;
    case TD_MESSAGE_WAIT:
        state->unanswered = false;
        say_log(state, "waits (%s)", reason_of(message));
        break;
    case TD_MESSAGE_ABORT:
        take_abort(state, message);
        break;
    case TD_MESSAGE_DONE:
        take_done(state, message);
        break;
    default: /* nothing that it has to do with */
        break;
    }
}

static void hold(struct td_peer_state *state)
{
    const struct td_hello *hello = &state->options.hello;
    const char *step = state->running.step;
    for (size_t i = 0; i < hello->step_count; i++) {
        const bool got = step == NULL || strcmp(hello->steps[i].id, step) == 0;
        state->came[i] = step == NULL && !state->held[i];
        state->held[i] = state->held[i] || got;
    }
}

/* How the peer ends if nothing better comes. */
static void keep_failure(struct td_peer_state *state, const struct td_build *build)
{
    char name[TD_QUOTE_SIZE + 8];
    state->failure.status = build->status > 0 ? build->status : 1;
    (void)td_error_set(&state->failure.error, TD_FAULT_RUN, "%s failed: %s",
                       name_of(state->running.step, name), build->why);
}

static struct td_message obtained(const struct td_peer_state *state, const struct td_build *build)
{
    const struct td_peer_task *task = &state->running.task;
    return (struct td_message){
        .kind = TD_MESSAGE_OBTAINED,
        .order = task->order,
        .obtained = {.built = build->built,
                     .published = build->published && !state->options.hello.read_only,
                     .whole = build->built && build->whole,
                     .last = true,
                     .parts = 1,
                     .took = build->took > 0 ? build->took : 0,
                     .actions = build->actions,
                     .hits = build->hits}};
}

/* The step's name in a report must outlive the order: it is the schema's. */
static const char *own_name(const struct td_peer_state *state)
{
    const struct td_hello *hello = &state->options.hello;
    for (size_t i = 0; state->running.step != NULL && i < hello->step_count; i++)
        if (strcmp(hello->steps[i].id, state->running.step) == 0) return hello->steps[i].id;
    return NULL;
}

/* Bazel can have been interrupted by somebody else, which is an accident. */
static int result_of(const struct td_peer_state *state, const struct td_build *build)
{
    if (build->result == TD_BUILD_BROKEN) return TD_ENDED_BROKEN;
    if (build->result == TD_BUILD_FLAKY) return TD_ENDED_FLAKY;
    return state->interrupted ? TD_ENDED_ABORTED : TD_ENDED_FLAKY;
}

static void finish_order(struct td_peer_state *state, const struct td_build *build, td_time now)
{
    if (build->result == TD_BUILD_OK) {
        hold(state);
        state->report = obtained(state, build);
        state->failure = (struct td_peer_end){0};
        if (state->running.step == NULL) state->answer_by = now + ANSWER_TIME;
    } else {
        (void)snprintf(state->report_text, sizeof state->report_text, "%s", build->why);
        state->report =
            (struct td_message){.kind = TD_MESSAGE_ENDED,
                                .order = state->running.task.order,
                                .text = state->report_text[0] != '\0' ? state->report_text : NULL,
                                .ended.result = result_of(state, build)};
        if (state->report.ended.result != TD_ENDED_ABORTED) keep_failure(state, build);
        if (state->report.ended.result == TD_ENDED_BROKEN) state->answer_by = now + ANSWER_TIME;
    }
    state->report.step = own_name(state);
    state->unanswered = true;
    if (state->link == LINK_UP) say_report(state);
}

static void finish_undirected(struct td_peer_state *state, const struct td_build *build)
{
    static const struct td_peer_end good = {0};
    if (build->result != TD_BUILD_OK) keep_failure(state, build);
    leave(state, build->result == TD_BUILD_OK ? &good : &state->failure);
}

void td_peer_state_finish(struct td_peer_state *state, const struct td_build *build, td_time now)
{
    enum work work = state->work;
    char name[TD_QUOTE_SIZE + 8];
    if (state->ended) return;
    TD_ASSERT(work != WORK_NONE);
    state->work = WORK_NONE;
    if (state->leaving) {
        state->ended = true;
        return;
    }
    say_log(state, "%s: %s%s%s", name_of(state->running.step, name),
            build->result != TD_BUILD_OK ? "failed"
            : build->built               ? "built"
                                         : "fetched",
            build->built && build->published && !state->options.hello.read_only ? " and published"
                                                                                : "",
            build->result == TD_BUILD_ABORTED ? " (given up)" : "");
    if (build->actions > 0 && build->hits >= 0)
        say_log(state, "%s: %" PRId64 " of %" PRId64 " actions came from the cache", name,
                build->hits, build->actions);
    if (build->upload[0] != '\0') say_log(state, "%s", build->upload);
    if (work == WORK_UNDIRECTED) {
        finish_undirected(state, build);
        return;
    }
    if (work == WORK_ORDER) finish_order(state, build, now);
    if (work == WORK_STRAY && build->result == TD_BUILD_OK) hold(state);
    drop(&state->running);
    state->idle_since = now;
    if (state->next.task.order == 0) return;
    state->running = state->next;
    state->next = (struct kept){0};
    begin(state, WORK_ORDER);
}

/* Until when somebody may be missing while nothing runs. */
static td_time limit(td_time since, td_time most)
{
    return since == TD_TIME_MAX || most >= TD_TIME_MAX - since ? TD_TIME_MAX : since + most;
}

static td_time least(td_time a, td_time b)
{
    return a < b ? a : b;
}

td_time td_peer_state_due(const struct td_peer_state *state)
{
    if (state->leaving) return TD_TIME_MAX;
    td_time due = state->link == LINK_DOWN ? state->retry_at : TD_TIME_MAX;
    if (state->work != WORK_NONE) return due;
    due = least(due, state->answer_by);
    due = least(due, limit(state->idle_since, state->options.max_wait));
    return least(due, limit(state->away_since, state->options.max_away));
}

static void give_up_authority(struct td_peer_state *state)
{
    if (state->options.fallback) {
        say_log(state, "builds the universe undirected, since no authority is at %s (%s)",
                state->options.server, state->trouble);
        go_undirected(state);
    } else {
        leave_with(state, TD_FAULT_RUN,
                   "no authority at %s (%s): start it, check --server, or add --fallback to build "
                   "without it",
                   state->options.server, state->trouble);
    }
}

void td_peer_state_wake(struct td_peer_state *state, td_time now)
{
    if (state->leaving) return;
    if (state->work == WORK_NONE && state->answer_by <= now) {
        say_bye(state);
        leave(state, &state->failure);
    } else if (state->work == WORK_NONE &&
               limit(state->away_since, state->options.max_away) <= now) {
        give_up_authority(state);
    } else if (state->work == WORK_NONE &&
               limit(state->idle_since, state->options.max_wait) <= now) {
        say_log(state, "has waited for too long, and builds the universe undirected");
        go_undirected(state);
    } else if (state->link == LINK_DOWN && state->retry_at <= now) {
        state->link = LINK_CONNECTING;
        state->retry_at = TD_TIME_MAX;
        state->outlet.connect(state->outlet.context);
    }
}
