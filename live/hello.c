/* How peers come, and come back. */
#include "live/authority_internal.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct td_authority *authority, uint32_t link, const char *code)
{
    td_authority_cut_off(authority, link, code, authority->error.text);
}

/* The schema of a hello, opened if it is new. UINT32_MAX: it has been refused. */
static uint32_t find_schema(struct td_authority *authority, uint32_t link,
                            const struct td_hello *hello)
{
    uint32_t found = td_schemas_find(&authority->schemas, hello->schema_id);
    if (found != UINT32_MAX) {
        if (td_schemas_agree(authority->schemas.items[found], hello, &authority->error))
            return found;
        refuse(authority, link, "schema-differs");
        return UINT32_MAX;
    }
    if (hello->universe == NULL) {
        (void)td_error_set(&authority->error, TD_FAULT_INPUT,
                           "schema %s is not known here: send it with the hello, or start the "
                           "authority with it",
                           hello->schema_id);
        refuse(authority, link, "unknown-schema");
        return UINT32_MAX;
    }
    uint32_t made = td_schemas_add_hello(&authority->schemas, hello, &authority->error);
    if (made == UINT32_MAX) {
        refuse(authority, link, "bad-message");
        return UINT32_MAX;
    }
    const struct td_schema_spec spec = td_known_schema_spec(authority->schemas.items[made]);
    const struct td_event event = {
        .kind = TD_EVENT_SCHEMA, .at = authority->now, .schema = {.id = made, .spec = &spec}};
    if (td_authority_tell(authority, &event)) return made;
    refuse(authority, link, "bad-message");
    td_schemas_remove_last(&authority->schemas);
    return UINT32_MAX;
}

/* Room for what a peer holds, and, if it names some, for its digests; all of them the untouched
 * ones at first. */
static bool reserve_steps(struct member *member, size_t steps, bool digests)
{
    td_authority_free_steps(member);
    member->held = calloc(steps + 1, sizeof *member->held);
    if (member->held == NULL || !digests) return member->held != NULL;
    member->digests = calloc(2 * (steps + 1), sizeof *member->digests);
    member->fractions = calloc(steps + 1, sizeof *member->fractions);
    if (member->digests == NULL || member->fractions == NULL) return false;
    member->starts = member->digests + steps + 1;
    for (size_t step = 0; step <= steps; step++)
        member->fractions[step] = 1;
    return true;
}

/* What the engine calls a digest: 0 if it is that of the cohort's untouched variant. */
static bool number_digest(struct td_authority *authority, const struct live_cohort *cohort,
                          td_step step, const char *text, uint64_t *out)
{
    uint32_t number = td_intern(&authority->digests, text);
    *out = number == untouched_of(cohort, step) ? 0 : number;
    return number != TD_INTERN_FULL;
}

static bool read_digests(struct td_authority *authority, td_peer peer, const struct td_hello *hello)
{
    struct member *member = &authority->members[peer];
    struct live_cohort *cohort = &authority->cohorts[member->cohort];
    uint32_t rest = schema_of(authority, peer)->steps.count;
    for (size_t i = 0; i < hello->digest_count; i++) {
        const struct td_hello_digest *given = &hello->digests[i];
        td_step step = td_known_schema_step(schema_of(authority, peer), given->step);
        if (step == TD_NO_STEP) continue; /* it is of no use to anybody */
        if (given->untouched != NULL && untouched_of(cohort, step) == 0) {
            uint32_t number = td_intern(&authority->digests, given->untouched);
            if (number == TD_INTERN_FULL ||
                !td_authority_set_untouched(authority, member->cohort, step, number))
                return false;
        }
        if (!number_digest(authority, cohort, step, given->digest, &member->digests[step]))
            return false;
        if (given->untouched != NULL &&
            !number_digest(authority, cohort, step, given->untouched, &member->starts[step]))
            return false;
        if (given->untouched != NULL && member->starts[step] != member->digests[step])
            member->fractions[step] = given->fraction;
        /* whoever touches something builds its own rest */
        if (member->digests[step] != 0) member->digests[rest] = UINT64_C(1) << 32 | peer;
    }
    return true;
}

/* The engine hears of the peer: its identity, its variants, what it holds. */
static bool announce(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    const struct td_known_schema *schema = schema_of(authority, peer);
    struct td_event event = {.kind = TD_EVENT_JOIN,
                             .at = authority->now,
                             .peer = peer,
                             .join = {.identity = authority->cohorts[member->cohort].identity,
                                      .since = authority->now,
                                      .read_only = member->read_only,
                                      .again = member->joined}};
    if (!td_authority_tell(authority, &event)) return false;
    if (!member->here) {
        authority->present++;
        authority->cohorts[member->cohort].present++;
    }
    member->here = member->joined = true;
    member->told = member->read_only;
    member->since = authority->now;
    for (td_step step = 0; step < schema->steps.count; step++) {
        if (digest_of(member, step) == 0) continue;
        event = (struct td_event){.kind = TD_EVENT_VARIANT,
                                  .at = authority->now,
                                  .peer = peer,
                                  .variant = {.step = step, .digest = member->digests[step]}};
        if (!td_authority_tell(authority, &event)) return false;
        if (member->fractions[step] >= 1) continue;
        event.kind = TD_EVENT_START;
        event.variant.digest = member->starts[step];
        if (!td_authority_tell(authority, &event)) return false;
    }
    for (td_step step = 0; step < schema->steps.count; step++) {
        event = (struct td_event){
            .kind = TD_EVENT_HOLDS, .at = authority->now, .peer = peer, .holds = {.step = step}};
        if (member->held[step] && !td_authority_tell(authority, &event)) return false;
    }
    return true;
}

/* The engine hears of it anew, with the rights that it has now. */
static void announce_again(struct td_authority *authority, td_peer peer)
{
    const struct td_event left = {.kind = TD_EVENT_LEFT, .at = authority->now, .peer = peer};
    if (!td_authority_tell(authority, &left) || !announce(authority, peer))
        td_authority_fail(authority);
}

void td_authority_set_apart(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    member->read_only = member->apart = true;
    td_authority_log(authority, peer, "counts as read-only: nobody can fetch what it has");
    announce_again(authority, peer);
}

void td_authority_settle_rights(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    member->read_only = member->limited || member->apart;
    if (member->read_only == member->told) return;
    td_authority_log(authority, peer, "%s from now on",
                     member->read_only ? "counts as read-only" : "may publish");
    announce_again(authority, peer);
}

static bool join(struct td_authority *authority, td_peer peer, const struct td_hello *hello)
{
    struct member *member = &authority->members[peer];
    const struct td_known_schema *schema = schema_of(authority, peer);
    for (size_t i = 0; i < hello->hold_count; i++) {
        td_step held = td_known_schema_step(schema, hello->holds[i]);
        if (held != TD_NO_STEP) member->held[held] = true;
    }
    if (!announce(authority, peer)) return false;
    td_step step = hello->step == NULL ? TD_NO_STEP : td_known_schema_step(schema, hello->step);
    if (step == TD_NO_STEP) {
        td_authority_ask_later(authority, peer);
        return true;
    }
    if (member->held[step])
        return td_error_set(&authority->error, TD_FAULT_INPUT,
                            "the peer builds step %s, which it holds: leave one of them out",
                            hello->step);
    const struct td_event event = {
        .kind = TD_EVENT_ADOPT, .at = authority->now, .peer = peer, .holds = {.step = step}};
    return td_authority_tell(authority, &event);
}

/* The member of that name, made if it is new; NOBODY if memory is short. */
static td_peer member_of(struct td_authority *authority, const char *name)
{
    uint32_t number = td_intern(&authority->names, name);
    if (number == TD_INTERN_FULL) return NOBODY;
    if (!td_agenda_reserve(&authority->timers, number) ||
        !td_agenda_reserve(&authority->pending, number))
        return NOBODY;
    if (number > authority->member_capacity) {
        uint32_t capacity = number + number / 2 + 16;
        struct member *members = realloc(authority->members, capacity * sizeof *members);
        if (members == NULL) return NOBODY;
        for (uint32_t i = authority->member_capacity; i < capacity; i++)
            members[i] = (struct member){
                .link = TD_NO_LINK, .lost_until = TD_TIME_MAX, .ask_at = TD_TIME_MAX};
        authority->members = members;
        authority->member_capacity = capacity;
    }
    return number - 1;
}

static void welcome(const struct td_authority *authority, td_peer peer, bool resumed)
{
    const struct td_message message = {
        .kind = TD_MESSAGE_WELCOME,
        .order = resumed ? authority->members[peer].order : 0,
        .welcome = {.grace = authority->options.grace, .resumed = resumed}};
    authority->outlet.send(authority->outlet.context, authority->members[peer].link, &message);
}

/* Whether the text is the one of that number; one that is not known has none. */
static bool is_text(const struct td_authority *authority, uint32_t number, const char *text)
{
    return text == NULL ? number == 0
                        : number != 0 && td_intern_find(&authority->texts, text) == number;
}

/* Whether it is the peer that it was: with another identity it might do what it may not any more.
 */
static bool is_as_before(const struct td_authority *authority, td_peer peer,
                         const struct td_hello *hello, uint32_t schema)
{
    const struct td_identity *was = &authority->cohorts[authority->members[peer].cohort].identity;
    return was->schema == schema && is_text(authority, was->repository, hello->repository) &&
           is_text(authority, was->base_ref, hello->base_ref) &&
           is_text(authority, was->cache, hello->cache);
}

/* What it may is told by its new hello. What it must not publish any more counts for nobody from
 * now on; the engine hears of it when the order has ended. */
static void take_rights(struct member *member, bool read_only)
{
    member->limited = read_only;
    if (read_only) member->read_only = true;
}

/* The peer has lost its connection, and goes on with what it was doing. */
static void resume(struct td_authority *authority, td_peer peer, uint32_t link, bool read_only)
{
    struct member *member = &authority->members[peer];
    take_rights(member, read_only);
    member->link = link;
    member->lost_until = TD_TIME_MAX;
    td_authority_set_timer(authority, peer);
    authority->links[link] = peer;
    td_authority_log(authority, peer, "is back, and goes on with order %llu",
                     (unsigned long long)member->order);
    welcome(authority, peer, true);
}

static bool identify(struct td_authority *authority, const struct td_hello *hello, uint32_t schema,
                     struct td_identity *identity)
{
    *identity = (struct td_identity){.repository = td_intern(&authority->texts, hello->repository),
                                     .base_ref = td_intern(&authority->texts, hello->base_ref),
                                     .cache = td_intern(&authority->texts, hello->cache),
                                     .schema = schema};
    return identity->repository != TD_INTERN_FULL && identity->base_ref != TD_INTERN_FULL &&
           identity->cache != TD_INTERN_FULL;
}

static void enter(struct td_authority *authority, td_peer peer, uint32_t link,
                  const struct td_hello *hello, uint32_t schema, const struct admission *admission)
{
    struct member *member = &authority->members[peer];
    struct td_identity identity;
    member->schema = schema;
    if (!identify(authority, hello, schema, &identity) ||
        (member->cohort = td_authority_cohort(authority, &identity)) == NOBODY ||
        !reserve_steps(member, authority->schemas.items[schema]->steps.count,
                       hello->digest_count > 0) ||
        !read_digests(authority, peer, hello)) {
        (void)td_error_memory(&authority->error, "a peer");
        td_authority_fail(authority);
        return;
    }
    member->link = link;
    member->lost_until = member->ask_at = TD_TIME_MAX;
    member->order = 0;
    member->read_only = member->limited = hello->read_only || admission->read_only;
    member->apart = false;
    authority->cohorts[member->cohort].used = authority->now;
    authority->links[link] = peer;
    struct td_recording *recording = td_authority_recording(authority, peer);
    if (recording != NULL) td_recording_arrive(recording, peer, authority->now);
    const char *owner = td_intern_text(&authority->owners, member->owner);
    td_authority_log(authority, peer, "joins%s%s", owner == NULL ? "" : " with the token ",
                     owner == NULL ? "" : owner);
    welcome(authority, peer, false);
    if (!join(authority, peer, hello)) refuse(authority, link, "bad-message");
}

void td_authority_hello(struct td_authority *authority, uint32_t link,
                        const struct td_message *message)
{
    const struct td_hello *hello = &message->hello;
    struct admission admission;
    authority->idle = true;
    if (!td_authority_admit(authority, link, hello, &admission)) return;
    uint32_t known = authority->schemas.count, schema = find_schema(authority, link, hello);
    authority->idle = schema == UINT32_MAX;
    if (schema == UINT32_MAX) return;
    td_authority_charge_schema(authority, &admission);
    td_peer peer = member_of(authority, hello->peer);
    if (peer == NOBODY) {
        (void)td_error_memory(&authority->error, "a peer");
        td_authority_fail(authority);
        return;
    }
    struct member *member = &authority->members[peer];
    if (member->here && member->link != TD_NO_LINK) {
        (void)td_error_set(&authority->error, TD_FAULT_INPUT,
                           "a peer named %s is connected already: give each a name of its own",
                           hello->peer);
        authority->idle = known == authority->schemas.count;
        refuse(authority, link, "name-taken");
        return;
    }
    if (member->here && hello->resume != 0 && hello->resume == member->order &&
        is_as_before(authority, peer, hello, schema)) {
        resume(authority, peer, link, hello->read_only || admission.read_only);
        return;
    }
    if (member->here) td_authority_drop(authority, peer); /* it starts anew */
    td_authority_charge_peer(authority, peer, authority->schemas.items[schema]->steps.count,
                             &admission);
    enter(authority, peer, link, hello, schema, &admission);
}
