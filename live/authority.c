#include "live/authority_internal.h"
#include "live/summary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct td_recording *td_authority_recording(const struct td_authority *authority, td_peer peer)
{
    struct td_recording *recording = authority->options.recording;
    return recording != NULL && td_recording_has(recording, peer) ? recording : NULL;
}

void td_authority_log(const struct td_authority *authority, td_peer peer, const char *format, ...)
{
    if (authority->outlet.log == NULL) return;
    char text[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length >= (int)sizeof text) { /* cut between characters, not within one */
        size_t end = sizeof text - 1;
        while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80)
            end--;
        text[end - (end > 0 && (unsigned char)text[end - 1] >= 0xC0)] = '\0';
    }
    authority->outlet.log(authority->outlet.context, authority->now, name_of(authority, peer),
                          text);
}

void td_authority_fail(struct td_authority *authority)
{
    authority->failed = true;
}

const struct td_error *td_authority_fault(const struct td_authority *authority)
{
    return authority->failed ? &authority->error : NULL;
}

void td_authority_set_timer(struct td_authority *authority, td_peer peer)
{
    const struct member *member = &authority->members[peer];
    td_time due = member->lost_until < member->ask_at ? member->lost_until : member->ask_at;
    td_agenda_set(&authority->timers, peer, member->here ? due : TD_TIME_MAX);
}

td_time td_authority_due(const struct td_authority *authority)
{
    return td_agenda_due(&authority->timers);
}

/* Time passes; it never goes back. */
static void begin_input(struct td_authority *authority, td_time now)
{
    if (now > authority->now) authority->now = now;
    authority->idle = false;
}

/* The input is over: whoever keeps inputs hears of it. */
static void end_input(const struct td_authority *authority, const struct td_input *input)
{
    if (!authority->idle && !authority->failed && authority->outlet.input != NULL)
        authority->outlet.input(authority->outlet.context, input);
}

void td_authority_hold(struct td_authority *authority, enum td_hold why, bool on, td_time now)
{
    begin_input(authority, now);
    const struct td_input input = {
        .kind = TD_INPUT_HOLD, .at = authority->now, .hold = {.why = why, .on = on}};
    unsigned holds = on ? authority->holds | why : authority->holds & ~(unsigned)why;
    if (holds == authority->holds) return;
    authority->holds = holds;
    td_authority_pump(authority);
    end_input(authority, &input);
}

void td_authority_drain(struct td_authority *authority)
{
    td_authority_hold(authority, TD_HOLD_DRAIN, true, authority->now);
}

bool td_authority_is_held(const struct td_authority *authority, enum td_hold why)
{
    return (authority->holds & why) != 0;
}

bool td_authority_is_idle(const struct td_authority *authority)
{
    for (uint32_t peer = 0; peer < authority->member_capacity; peer++)
        if (authority->members[peer].here && authority->members[peer].order != 0) return false;
    return true;
}

uint32_t td_authority_present(const struct td_authority *authority)
{
    return authority->present;
}

bool td_authority_is_draining(const struct td_authority *authority)
{
    return td_authority_is_held(authority, TD_HOLD_DRAIN);
}

struct td_metrics *td_authority_metrics(struct td_authority *authority)
{
    return &authority->metrics;
}

struct td_gauges td_authority_gauges(const struct td_authority *authority)
{
    struct td_gauges gauges = {0};
    for (uint32_t i = 0; i < authority->cohort_count; i++)
        gauges.cohorts += authority->cohorts[i].present > 0;
    for (uint32_t peer = 0; peer < authority->member_capacity; peer++) {
        const struct member *member = &authority->members[peer];
        if (!member->here) continue;
        if (member->order != 0)
            gauges.working++;
        else if (member->waiting)
            gauges.waiting++;
        else
            gauges.idle++;
        gauges.away += member->link == TD_NO_LINK;
    }
    return gauges;
}

/* The schema of a scenario, or of a file that is just that. */
static bool add_schema(struct td_authority *authority, const struct td_scenario *scenario,
                       struct td_error *error)
{
    if (td_schemas_find(&authority->schemas, scenario->schema_id) != UINT32_MAX)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: there is another schema of the ID %s: give only one of them, or "
                            "another \"id\"",
                            scenario->path, scenario->schema_id);
    uint32_t made = td_schemas_add_scenario(&authority->schemas, scenario, error);
    if (made == UINT32_MAX) return false;
    const struct td_schema_spec spec = td_known_schema_spec(authority->schemas.items[made]);
    const struct td_event event = {
        .kind = TD_EVENT_SCHEMA, .at = INT64_MIN, .schema = {.id = made, .spec = &spec}};
    if (td_authority_tell(authority, &event)) return true;
    *error = authority->error;
    return false;
}

/* The scenario's schema, and a number for each of its peers, which is its place. */
static bool add_scenario(struct td_authority *authority, struct td_error *error)
{
    const struct td_scenario *scenario = authority->options.scenario;
    if (!add_schema(authority, scenario, error)) return false;
    for (uint32_t peer = 0; peer < scenario->peer_count; peer++)
        if (td_intern(&authority->names, scenario->peers[peer].name) != peer + 1)
            return td_error_memory(error, "the scenario's peers");
    authority->own_names = scenario->peer_count;
    return true;
}

struct td_authority *td_authority_create(const struct td_authority_options *options,
                                         const struct td_authority_outlet *outlet,
                                         struct td_error *error)
{
    struct td_authority *authority = calloc(1, sizeof *authority);
    if (authority == NULL) {
        (void)td_error_memory(error, "an authority");
        return NULL;
    }
    authority->options = *options;
    authority->outlet = *outlet;
    authority->engine = td_engine_create(options->policy, &options->engine, error);
    bool good =
        authority->engine != NULL && (options->scenario == NULL || add_scenario(authority, error));
    for (size_t i = 0; good && i < options->schema_count; i++)
        good = add_schema(authority, options->schemas[i], error);
    if (good) return authority;
    td_authority_destroy(authority);
    return NULL;
}

void td_authority_free_steps(struct member *member)
{
    free(member->digests);
    free(member->fractions);
    free(member->held);
    member->digests = member->starts = NULL;
    member->fractions = NULL;
    member->held = NULL;
}

void td_authority_destroy(struct td_authority *authority)
{
    if (authority == NULL) return;
    td_engine_destroy(authority->engine);
    td_commands_free(&authority->commands);
    td_schemas_free(&authority->schemas);
    td_intern_free(&authority->names);
    td_intern_free(&authority->texts);
    td_intern_free(&authority->digests);
    td_intern_free(&authority->owners);
    free(authority->used);
    for (uint32_t i = 0; i < authority->member_capacity; i++)
        td_authority_free_steps(&authority->members[i]);
    for (uint32_t i = 0; i < authority->cohort_count; i++) {
        free(authority->cohorts[i].untouched);
        free(authority->cohorts[i].builds);
    }
    free(authority->members);
    free(authority->cohorts);
    free(authority->cohort_table);
    free(authority->links);
    td_agenda_free(&authority->timers);
    td_agenda_free(&authority->pending);
    td_store_free(&authority->store);
    free(authority);
}

/* The peer of a link, NOBODY before its hello. */
static td_peer peer_of(const struct td_authority *authority, uint32_t link)
{
    return link < authority->link_capacity ? authority->links[link] : NOBODY;
}

static bool reserve_link(struct td_authority *authority, uint32_t link)
{
    if (link < authority->link_capacity) return true;
    uint32_t capacity = link + link / 2 + 16;
    uint32_t *links = realloc(authority->links, capacity * sizeof *links);
    if (links == NULL) return td_error_memory(&authority->error, "connections");
    for (uint32_t i = authority->link_capacity; i < capacity; i++)
        links[i] = NOBODY;
    authority->links = links;
    authority->link_capacity = capacity;
    return true;
}

void td_authority_drop(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    const struct td_event event = {.kind = TD_EVENT_LEFT, .at = authority->now, .peer = peer};
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (member->link != TD_NO_LINK) {
        authority->links[member->link] = NOBODY;
        authority->outlet.close(authority->outlet.context, member->link);
    }
    member->link = TD_NO_LINK;
    td_authority_discharge(authority, peer); /* also who could not join */
    if (!member->here) return;
    td_authority_free_steps(member);
    member->here = false;
    member->order = 0;
    member->waiting = member->builds = false;
    member->lost_until = member->ask_at = TD_TIME_MAX;
    td_authority_set_timer(authority, peer);
    authority->present--;
    authority->cohorts[member->cohort].present--;
    if (recording != NULL) td_recording_leave(recording, peer, authority->now);
    if (!td_authority_tell(authority, &event)) td_authority_fail(authority);
}

void td_authority_cut_off(struct td_authority *authority, uint32_t link, const char *code,
                          const char *text)
{
    const struct td_message message = {
        .kind = TD_MESSAGE_ERROR, .text = text, .error = {.code = code}};
    td_peer peer = peer_of(authority, link);
    authority->metrics.refused++;
    authority->outlet.send(authority->outlet.context, link, &message);
    if (peer == NOBODY) {
        authority->outlet.close(authority->outlet.context, link);
        return;
    }
    td_authority_log(authority, peer, "is cut off: %s", text);
    td_authority_drop(authority, peer);
    td_authority_pump(authority);
}

void td_authority_refuse(struct td_authority *authority, uint32_t link, const char *code,
                         const char *text, td_time now)
{
    begin_input(authority, now);
    const struct td_input input = {
        .kind = TD_INPUT_REFUSE, .link = link, .at = authority->now, .code = code};
    authority->idle = peer_of(authority, link) == NOBODY;
    td_authority_cut_off(authority, link, code, text);
    end_input(authority, &input);
}

/* What of a message is worth keeping: the schema of a hello only where it was new (its ID says it
 * all), and of what a peer says for people the beginning. */
static void shorten(struct td_message *message, bool known, char text[static TD_TEXT_KEPT + 1])
{
    if (message->kind == TD_MESSAGE_HELLO && known) {
        message->hello.universe = NULL;
        message->hello.step_count = 0;
    }
    if (message->text == NULL || strlen(message->text) <= TD_TEXT_KEPT) return;
    size_t end = TD_TEXT_KEPT;
    while (end > 0 && ((unsigned char)message->text[end] & 0xC0) == 0x80)
        end--; /* between characters, not within one */
    memcpy(text, message->text, end);
    text[end] = '\0';
    message->text = text;
}

void td_authority_receive(struct td_authority *authority, uint32_t link,
                          const struct td_message *message, td_time now)
{
    td_peer peer = peer_of(authority, link);
    if (message->kind > TD_MESSAGE_BYE) {
        td_authority_refuse(authority, link, "bad-message",
                            "this is a message of the authority's: send those of a peer", now);
        return;
    }
    if ((peer == NOBODY) != (message->kind == TD_MESSAGE_HELLO)) {
        td_authority_refuse(authority, link, "not-first",
                            "a connection begins with one hello, and has no other", now);
        return;
    }
    begin_input(authority, now);
    if (authority->failed) return;
    if (!reserve_link(authority, link)) {
        td_authority_fail(authority);
        return;
    }
    uint32_t known = authority->schemas.count;
    if (peer == NOBODY)
        td_authority_hello(authority, link, message);
    else
        td_authority_report(authority, peer, message);
    td_authority_pump(authority);
    char text[TD_TEXT_KEPT + 1];
    struct td_message kept = *message;
    shorten(&kept, known == authority->schemas.count, text);
    struct td_input input = {
        .kind = TD_INPUT_MESSAGE, .link = link, .at = authority->now, .message = &kept};
    if (message->kind == TD_MESSAGE_HELLO) input.voucher = authority->voucher;
    end_input(authority, &input);
}

static void begin_grace(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    member->lost_until = authority->options.grace < TD_TIME_MAX - authority->now
                             ? authority->now + authority->options.grace
                             : TD_TIME_MAX;
    td_authority_set_timer(authority, peer);
}

void td_authority_lose(struct td_authority *authority, uint32_t link, td_time now)
{
    begin_input(authority, now);
    const struct td_input input = {.kind = TD_INPUT_LOSE, .link = link, .at = authority->now};
    td_peer peer = peer_of(authority, link);
    if (peer == NOBODY) return;
    struct member *member = &authority->members[peer];
    authority->links[link] = NOBODY;
    member->link = TD_NO_LINK;
    if (!member->here || authority->failed) return;
    authority->metrics.lost++;
    begin_grace(authority, peer);
    td_authority_log(authority, peer, "has lost its connection");
    end_input(authority, &input);
}

void td_authority_wake(struct td_authority *authority, td_time now)
{
    begin_input(authority, now);
    const struct td_input input = {.kind = TD_INPUT_WAKE, .at = authority->now};
    authority->idle = true;
    while (!authority->failed && td_agenda_due(&authority->timers) <= authority->now) {
        td_peer peer = td_agenda_first(&authority->timers);
        authority->idle = false;
        struct member *member = &authority->members[peer];
        if (member->lost_until <= authority->now) {
            authority->metrics.given_up++;
            td_authority_log(authority, peer, "has not come back, and is given up");
            td_authority_drop(authority, peer);
            continue;
        }
        member->ask_at = TD_TIME_MAX;
        td_authority_set_timer(authority, peer);
        td_authority_ask_later(authority, peer);
    }
    td_authority_pump(authority);
    end_input(authority, &input);
}

void td_authority_restart(struct td_authority *authority, td_time now)
{
    begin_input(authority, now);
    const struct td_input input = {.kind = TD_INPUT_RESTART, .at = authority->now};
    for (uint32_t link = 0; link < authority->link_capacity; link++)
        authority->links[link] = NOBODY;
    for (td_peer peer = 0; peer < authority->names.count && peer < authority->member_capacity;
         peer++) {
        authority->members[peer].link = TD_NO_LINK;
        if (authority->members[peer].here) begin_grace(authority, peer);
    }
    authority->holds = 0;
    td_authority_pump(authority);
    end_input(authority, &input);
}

bool td_authority_restore(struct td_authority *authority, const char *bytes, size_t length,
                          td_time now, struct td_error *error)
{
    begin_input(authority, now);
    const struct td_input input = {.kind = TD_INPUT_RESTORE,
                                   .at = authority->now,
                                   .restore = {.bytes = bytes, .length = length}};
    if (!td_summary_restore(authority, bytes, length)) {
        *error = authority->error;
        return false;
    }
    end_input(authority, &input);
    return true;
}

bool td_authority_apply(struct td_authority *authority, const struct td_input *input,
                        struct td_error *error)
{
    switch (input->kind) {
    case TD_INPUT_MESSAGE:
        authority->relived = &input->voucher;
        td_authority_receive(authority, input->link, input->message, input->at);
        authority->relived = NULL;
        break;
    case TD_INPUT_REFUSE:
        td_authority_refuse(authority, input->link, input->code, "", input->at);
        break;
    case TD_INPUT_LOSE:
        td_authority_lose(authority, input->link, input->at);
        break;
    case TD_INPUT_WAKE:
        td_authority_wake(authority, input->at);
        break;
    case TD_INPUT_HOLD:
        td_authority_hold(authority, input->hold.why, input->hold.on, input->at);
        break;
    case TD_INPUT_RESTORE:
        return td_authority_restore(authority, input->restore.bytes, input->restore.length,
                                    input->at, error);
    case TD_INPUT_RESTART:
        td_authority_restart(authority, input->at);
        break;
    case TD_INPUT_KINDS:
        return td_error_set(error, TD_FAULT_INPUT, "there is no such input");
    }
    if (authority->failed) *error = authority->error;
    return !authority->failed;
}

bool td_authority_has(const struct td_authority *authority, const char *peer)
{
    uint32_t number = td_intern_find(&authority->names, peer);
    return number != 0 && number <= authority->member_capacity &&
           authority->members[number - 1].here;
}

td_order td_authority_last_order(const struct td_authority *authority)
{
    return authority->last_order;
}

td_time td_authority_now(const struct td_authority *authority)
{
    return authority->now;
}

uint64_t td_authority_digest(const struct td_authority *authority)
{
    return td_engine_digest(authority->engine);
}

uint32_t td_authority_peer_count(const struct td_authority *authority)
{
    return authority->names.count;
}

const char *td_authority_peer_name(const struct td_authority *authority, td_peer peer)
{
    return peer < authority->names.count ? name_of(authority, peer) : NULL;
}

static bool has_come(const struct td_authority *authority, td_peer peer)
{
    return peer < authority->names.count && peer < authority->member_capacity &&
           authority->members[peer].joined;
}

const char *td_authority_peer_cache(const struct td_authority *authority, td_peer peer)
{
    if (!has_come(authority, peer)) return NULL;
    uint32_t cohort = authority->members[peer].cohort;
    return td_intern_text(&authority->texts, authority->cohorts[cohort].identity.cache);
}

const char *td_authority_step_name(const struct td_authority *authority, td_peer peer, td_step step)
{
    if (!has_come(authority, peer) || step >= schema_of(authority, peer)->steps.count) return NULL;
    return td_intern_text(&schema_of(authority, peer)->steps, step + 1);
}

const struct td_schemas *td_authority_schemas(const struct td_authority *authority)
{
    return &authority->schemas;
}
