/* What peers report: looks, results, ends. */
#include "live/authority_internal.h"

#include <stdarg.h>
#include <stdio.h>

static uint32_t steps_of(const struct td_authority *authority, td_peer peer)
{
    return schema_of(authority, peer)->steps.count;
}

/* The step that a message names; the count of steps for the rest, TD_NO_STEP for an unknown one. */
static uint32_t place_of(const struct td_authority *authority, td_peer peer, const char *step)
{
    if (step == NULL) return steps_of(authority, peer);
    return td_known_schema_step(schema_of(authority, peer), step);
}

static uint32_t parts_of(const struct td_authority *authority, td_peer peer, uint32_t place,
                         uint64_t digest)
{
    return td_store_parts(&authority->store, authority->members[peer].cohort, place, digest);
}

static void cut_off(struct td_authority *authority, td_peer peer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void cut_off(struct td_authority *authority, td_peer peer, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    td_authority_cut_off(authority, authority->members[peer].link, "bad-message", text);
}

static void bad_step(struct td_authority *authority, td_peer peer, const char *step)
{
    cut_off(authority, peer, "there is no step \"%s\" in schema %s: name one of its steps", step,
            schema_of(authority, peer)->id);
}

static void look(struct td_authority *authority, td_peer peer, const struct td_message *message)
{
    struct member *member = &authority->members[peer];
    uint32_t place = place_of(authority, peer, message->step);
    if (place == TD_NO_STEP) {
        bad_step(authority, peer, message->step);
        return;
    }
    uint32_t part = message->look.part;
    bool rest = place == steps_of(authority, peer);
    bool there = parts_of(authority, peer, place, digest_of(member, place)) > part;
    bool start = !rest && fraction_of(member, place) < 1 &&
                 parts_of(authority, peer, place, member->starts[place]) > part;
    if (rest) member->rest_there = there;
    member->to_fetch = false; /* it believes what it is told here, and knows no cache */
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (recording != NULL)
        td_recording_look(recording, peer, rest ? TD_RECORD_REST : place, there, authority->now);
    const struct td_message seen = {
        .kind = TD_MESSAGE_SEEN,
        .order = message->order,
        .step = message->step,
        .seen = {.published = there, .fraction = start ? fraction_of(member, place) : 1}};
    authority->outlet.send(authority->outlet.context, member->link, &seen);
}

/* It is free, and the engine knows. */
static void go_on(struct td_authority *authority, td_peer peer)
{
    td_authority_settle_rights(authority, peer);
    td_authority_ask_later(authority, peer);
}

/* Its order is over. */
static void free_member(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    member->order = 0;
    member->builds = false;
    member->since = authority->now;
}

/* What a build of the step takes: the mean of the whole ones seen in the cohort, else the schema's.
 * 0: not known. */
static td_time mean_build(const struct td_authority *authority, td_peer peer, td_step step)
{
    const struct observed *seen = &authority->cohorts[authority->members[peer].cohort].builds[step];
    const td_time *estimates = schema_of(authority, peer)->estimates;
    if (seen->count > 0) return seen->sum / (td_time)seen->count;
    return estimates == NULL || estimates[step] >= TD_TIME_MAX ? 0 : estimates[step];
}

/* A whole step has come; `known`: somebody has published it before. */
static void count_result(struct td_authority *authority, td_peer peer, td_step step, bool known,
                         const struct td_message *message)
{
    struct td_metrics *metrics = &authority->metrics;
    td_time took = message->obtained.took;
    if (message->obtained.built) {
        struct observed *seen = &authority->cohorts[authority->members[peer].cohort].builds[step];
        metrics->built++;
        metrics->duplicates += known;
        if (!message->obtained.whole) return;
        if (seen->sum > TD_TIME_MAX - took) { /* after centuries older ones count for less */
            seen->sum /= 2;
            seen->count /= 2;
        }
        seen->sum = took > TD_TIME_MAX - seen->sum ? TD_TIME_MAX : seen->sum + took;
        seen->count++;
        return;
    }
    metrics->fetched++;
    if (!known) return;
    td_time build = mean_build(authority, peer, step);
    metrics->avoided++;
    if (build > took) metrics->saved += build - took;
}

/* A fault of the peer's, that the engine has found. */
static void refused(struct td_authority *authority, td_peer peer)
{
    td_authority_cut_off(authority, authority->members[peer].link, "bad-message",
                         authority->error.text);
}

/* The universe is built, and with it its rest. */
static bool obtain_rest(struct td_authority *authority, td_peer peer)
{
    const struct member *member = &authority->members[peer];
    uint32_t rest = steps_of(authority, peer);
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (recording != NULL)
        td_recording_obtain(recording, peer, TD_RECORD_REST, !member->rest_there, false,
                            authority->now);
    return member->read_only || td_store_publish(&authority->store, member->cohort, rest,
                                                 digest_of(member, rest), 1, peer);
}

/* The universe has failed beyond its steps, which the engine knows nothing of: by accident it is
 * tried again, as a step is. */
static void fail_rest(struct td_authority *authority, td_peer peer,
                      const struct td_message *message, bool flaky)
{
    struct member *member = &authority->members[peer];
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (recording != NULL)
        td_recording_end(recording, peer, TD_TASK_FAILED, TD_RECORD_REST, authority->now);
    td_authority_log(authority, peer, "order %llu: %s", (unsigned long long)message->order,
                     message->text != NULL ? message->text : "the universe does not build");
    authority->metrics.flaky += flaky;
    authority->metrics.broken += !flaky;
    if (flaky && member->rest_failures++ < authority->options.engine.retries) {
        const struct td_event event = {
            .kind = TD_EVENT_ENDED,
            .at = authority->now,
            .peer = peer,
            .ended = {.order = message->order, .end = TD_END_ABORTED, .step = TD_NO_STEP}};
        free_member(authority, peer);
        if (!td_authority_tell(authority, &event))
            refused(authority, peer);
        else
            go_on(authority, peer);
        return;
    }
    const struct td_message done = {
        .kind = TD_MESSAGE_DONE,
        .reason = td_reason_word(flaky ? TD_REASON_TOO_FLAKY : TD_REASON_BROKEN),
        .done = {.failed = true}};
    td_authority_log(authority, peer, "has failed (%s)", done.reason);
    authority->outlet.send(authority->outlet.context, member->link, &done);
    if (recording != NULL) td_recording_done(recording, peer, TD_PEER_FAILED, authority->now);
    td_authority_drop(authority, peer);
}

static enum td_end end_of(const struct member *member, const struct td_message *message)
{
    static const enum td_end ends[] = {[TD_ENDED_OK] = TD_END_OK,
                                       [TD_ENDED_FLAKY] = TD_END_FLAKY,
                                       [TD_ENDED_BROKEN] = TD_END_BROKEN,
                                       [TD_ENDED_ABORTED] = TD_END_ABORTED};
    const enum td_end end = ends[message->ended.result];
    /* who gives up unasked has failed by accident: else it is ordered the same again, for ever, and
     * the others wait for it */
    return end == TD_END_ABORTED && !member->to_abort ? TD_END_FLAKY : end;
}

/* Whether its order can have ended well; else it is cut off. The engine would see to that too, but
 * knows no names. */
static bool has_all_of_it(struct td_authority *authority, td_peer peer)
{
    const struct member *member = &authority->members[peer];
    const bool universe = member->order_step == TD_UNIVERSE;
    td_step step = universe ? 0 : member->order_step;
    const td_step end = universe ? steps_of(authority, peer) : step + 1;
    while (step < end && td_engine_holds(authority->engine, peer, step))
        step++;
    if (step == end) return true;
    cut_off(authority, peer,
            "order %llu has not ended well: the peer has not said that it has obtained step %s",
            (unsigned long long)member->order,
            td_intern_text(&schema_of(authority, peer)->steps, step + 1));
    return false;
}

/* Whether its order is for that step; else it is cut off. */
static bool is_ordered(struct td_authority *authority, td_peer peer, td_step step)
{
    const struct member *member = &authority->members[peer];
    const struct td_intern *names = &schema_of(authority, peer)->steps;
    if (step == member->order_step) return true;
    const bool universe = member->order_step == TD_UNIVERSE;
    cut_off(authority, peer, "order %llu is for %s%s, so step %s cannot be its \"last\"",
            (unsigned long long)member->order, universe ? "the universe" : "step ",
            universe ? "" : td_intern_text(names, member->order_step + 1),
            td_intern_text(names, step + 1));
    return false;
}

/* Whether its order was for a step that it has now, and nobody can fetch. */
static bool has_it_alone(const struct td_authority *authority, td_peer peer, uint32_t parts)
{
    const struct member *member = &authority->members[peer];
    return !member->read_only && member->order_step != TD_UNIVERSE &&
           parts_of(authority, peer, member->order_step, digest_of(member, member->order_step)) <
               parts;
}

/* The universe is complete for a peer that may publish no more since it came back. The engine does
 * not know that yet, and would take the rest as published. */
static void complete_unpublished(struct td_authority *authority, td_peer peer)
{
    struct td_recording *recording = td_authority_recording(authority, peer);
    const struct td_message done = {.kind = TD_MESSAGE_DONE,
                                    .reason = td_reason_word(TD_REASON_COMPLETE)};
    td_authority_log(authority, peer, "is done (%s)", done.reason);
    authority->outlet.send(authority->outlet.context, authority->members[peer].link, &done);
    if (recording != NULL) td_recording_done(recording, peer, TD_PEER_OK, authority->now);
    authority->metrics.completed++;
    td_authority_drop(authority, peer);
}

static void ended(struct td_authority *authority, td_peer peer, const struct td_message *message)
{
    struct member *member = &authority->members[peer];
    enum td_end end = end_of(member, message);
    bool failed = end == TD_END_FLAKY || end == TD_END_BROKEN;
    td_step step = message->step == NULL
                       ? member->order_step
                       : td_known_schema_step(schema_of(authority, peer), message->step);
    if (failed && step == TD_UNIVERSE && message->step == NULL) {
        fail_rest(authority, peer, message, end == TD_END_FLAKY);
        return;
    }
    if (failed && step >= steps_of(authority, peer)) {
        bad_step(authority, peer, message->step == NULL ? "" : message->step);
        return;
    }
    if (end == TD_END_OK && !has_all_of_it(authority, peer)) return;
    if (end == TD_END_OK && member->order_step == TD_UNIVERSE && !obtain_rest(authority, peer)) {
        (void)td_error_memory(&authority->error, "what is published");
        td_authority_fail(authority);
        return;
    }
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (recording != NULL)
        td_recording_end(recording, peer,
                         failed                  ? TD_TASK_FAILED
                         : end == TD_END_ABORTED ? TD_TASK_ABORTED
                                                 : TD_TASK_OK,
                         step, authority->now);
    const struct td_event event = {.kind = TD_EVENT_ENDED,
                                   .at = authority->now,
                                   .peer = peer,
                                   .ended = {.order = message->order, .end = end, .step = step}};
    if (message->text != NULL)
        td_authority_log(authority, peer, "order %llu: %s", (unsigned long long)message->order,
                         message->text);
    if (end == TD_END_OK && member->order_step == TD_UNIVERSE &&
        member->read_only != member->told) {
        complete_unpublished(authority, peer);
        return;
    }
    authority->metrics.flaky += end == TD_END_FLAKY;
    authority->metrics.broken += end == TD_END_BROKEN;
    free_member(authority, peer);
    if (!td_authority_tell(authority, &event)) {
        refused(authority, peer);
        return;
    }
    if (!member->here) return;
    if (end == TD_END_OK && has_it_alone(authority, peer, 1))
        td_authority_set_apart(authority, peer);
    go_on(authority, peer);
}

/* An order for a fetch has turned out a build. Once can be an accident of the peer's; what two have
 * missed is in the cache no more. */
static bool note_miss(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    td_step step = member->order_step;
    member->to_fetch = false;
    td_authority_log(authority, peer, "has not found step %s in the cache",
                     td_intern_text(&schema_of(authority, peer)->steps, step + 1));
    if (!td_store_miss(&authority->store, member->cohort, step, digest_of(member, step), peer))
        return true;
    const struct td_event event = {
        .kind = TD_EVENT_LOST, .at = authority->now, .peer = peer, .holds = {.step = step}};
    td_authority_log(authority, peer, "is the second: the step counts as lost from the cache");
    return td_authority_tell(authority, &event);
}

/* With a new connection a peer may say again all that it has said of its order. */
static bool is_repeated(const struct td_authority *authority, td_peer peer, uint32_t place,
                        const struct td_message *message)
{
    const struct member *member = &authority->members[peer];
    const struct td_identity *identity = &authority->cohorts[member->cohort].identity;
    if (!td_engine_holds(authority->engine, peer, place))
        return place == member->last_step && message->obtained.part <= member->last_part &&
               message->obtained.part + 1 < message->obtained.parts;
    return !message->obtained.published || member->read_only ||
           td_engine_knows_published(authority->engine, identity, place, digest_of(member, place));
}

static void obtained(struct td_authority *authority, td_peer peer, const struct td_message *message)
{
    const struct td_message end = {.kind = TD_MESSAGE_ENDED, .order = message->order};
    struct member *member = &authority->members[peer];
    uint32_t place = place_of(authority, peer, message->step);
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (message->step == NULL) { /* the rest, which is there with the universe's end */
        /* one that does not look tells only now */
        member->rest_there = member->rest_there || !message->obtained.built;
        if (!message->obtained.last) return;
        if (recording != NULL)
            td_recording_actions(recording, peer, message->obtained.actions,
                                 message->obtained.hits);
        ended(authority, peer, &end);
        return;
    }
    if (place >= steps_of(authority, peer)) {
        bad_step(authority, peer, message->step);
        return;
    }
    if (message->obtained.last && !is_ordered(authority, peer, place)) return;
    uint32_t part = message->obtained.part, parts = message->obtained.parts;
    if (is_repeated(authority, peer, place, message)) {
        /* only that it is the last is new, if it is */
        authority->idle = !message->obtained.last;
        if (message->obtained.last) ended(authority, peer, &end);
        return;
    }
    member->last_step = place;
    member->last_part = part;
    bool built = message->obtained.built, published = message->obtained.published;
    bool known = parts_of(authority, peer, place, digest_of(member, place)) > part;
    if (built && member->to_fetch && place == member->order_step && !note_miss(authority, peer)) {
        refused(authority, peer);
        return;
    }
    if (published && !member->read_only &&
        !td_store_publish(&authority->store, member->cohort, place, digest_of(member, place),
                          part + 1, peer)) {
        (void)td_error_memory(&authority->error, "what is published");
        td_authority_fail(authority);
        return;
    }
    if (recording != NULL) {
        td_recording_actions(recording, peer, message->obtained.actions, message->obtained.hits);
        td_recording_obtain(recording, peer, place, built, built && known, authority->now);
    }
    if (part + 1 < parts) return;

    const struct td_event event = {.kind = TD_EVENT_OBTAINED,
                                   .at = authority->now,
                                   .peer = peer,
                                   .obtained = {.order = message->order,
                                                .step = place,
                                                .built = built,
                                                .published = published && !member->read_only,
                                                .whole = built && message->obtained.whole,
                                                .took = message->obtained.took,
                                                .last = message->obtained.last}};
    const bool held = member->held[place];
    if (message->obtained.last) {
        if (recording != NULL)
            td_recording_end(recording, peer, TD_TASK_OK, TD_RECORD_NO_STEP, authority->now);
        free_member(authority, peer);
    }
    member->held[place] = true;
    if (!td_authority_tell(authority, &event)) {
        refused(authority, peer);
        return;
    }
    if (!held) count_result(authority, peer, place, known, message);
    if (!message->obtained.last) return;
    if (has_it_alone(authority, peer, parts)) td_authority_set_apart(authority, peer);
    go_on(authority, peer);
}

void td_authority_report(struct td_authority *authority, td_peer peer,
                         const struct td_message *message)
{
    if (message->kind == TD_MESSAGE_BYE) {
        td_authority_log(authority, peer, "says goodbye");
        td_authority_drop(authority, peer);
        return;
    }
    /* late or repeated */
    authority->idle = message->order == 0 || message->order != authority->members[peer].order;
    if (authority->idle) return;
    if (message->kind == TD_MESSAGE_LOOK)
        look(authority, peer, message);
    else if (message->kind == TD_MESSAGE_OBTAINED)
        obtained(authority, peer, message);
    else
        ended(authority, peer, message);
}
