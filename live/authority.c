#include "live/authority_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct td_recording *td_authority_recording(const struct td_authority *authority, td_peer peer)
{
    const struct td_scenario *scenario = authority->options.scenario;
    bool recorded = scenario != NULL && peer < scenario->peer_count;
    return recorded ? authority->options.recording : NULL;
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

void td_authority_drain(struct td_authority *authority)
{
    authority->draining = true;
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
    return authority->draining;
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
    for (uint32_t i = 0; i < authority->member_capacity; i++) {
        free(authority->members[i].digests);
        free(authority->members[i].fractions);
    }
    for (uint32_t i = 0; i < authority->cohort_count; i++) {
        free(authority->cohorts[i].untouched);
        free(authority->cohorts[i].builds);
    }
    free(authority->members);
    free(authority->cohorts);
    free(authority->links);
    td_agenda_free(&authority->timers);
    td_agenda_free(&authority->pending);
    td_store_free(&authority->store);
    free(authority);
}

/* Time passes; it never goes back. */
static void set_now(struct td_authority *authority, td_time now)
{
    if (now > authority->now) authority->now = now;
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
    if (!member->here) return;
    free(member->digests);
    free(member->fractions);
    member->digests = NULL;
    member->fractions = NULL;
    member->digest_room = 0;
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

void td_authority_refuse(struct td_authority *authority, uint32_t link, const char *code,
                         const char *text, td_time now)
{
    set_now(authority, now);
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

void td_authority_receive(struct td_authority *authority, uint32_t link,
                          const struct td_message *message, td_time now)
{
    set_now(authority, now);
    if (authority->failed) return;
    if (!reserve_link(authority, link)) {
        td_authority_fail(authority);
        return;
    }
    td_peer peer = peer_of(authority, link);
    if (message->kind > TD_MESSAGE_BYE)
        td_authority_refuse(authority, link, "bad-message",
                            "this is a message of the authority's: send those of a peer", now);
    else if ((peer == NOBODY) != (message->kind == TD_MESSAGE_HELLO))
        td_authority_refuse(authority, link, "not-first",
                            "a connection begins with one hello, and has no other", now);
    else if (peer == NOBODY)
        td_authority_hello(authority, link, message);
    else
        td_authority_report(authority, peer, message);
    td_authority_pump(authority);
}

void td_authority_lose(struct td_authority *authority, uint32_t link, td_time now)
{
    set_now(authority, now);
    td_peer peer = peer_of(authority, link);
    if (peer == NOBODY) return;
    struct member *member = &authority->members[peer];
    authority->links[link] = NOBODY;
    member->link = TD_NO_LINK;
    if (!member->here || authority->failed) return;
    member->lost_until = authority->options.grace < TD_TIME_MAX - authority->now
                             ? authority->now + authority->options.grace
                             : TD_TIME_MAX;
    td_authority_set_timer(authority, peer);
    authority->metrics.lost++;
    td_authority_log(authority, peer, "has lost its connection");
}

void td_authority_wake(struct td_authority *authority, td_time now)
{
    set_now(authority, now);
    while (!authority->failed && td_agenda_due(&authority->timers) <= authority->now) {
        td_peer peer = td_agenda_first(&authority->timers);
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
}
