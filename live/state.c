#include "live/state.h"

#include "base/text.h"
#include "live/authority_internal.h"
#include "report/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Characters of a digest; two that differ later are told apart by whoever builds them. */
#define DIGEST_SHORT 12u

/* A peer that builds an artifact which others may wait for. */
struct builder {
    uint64_t digest;
    uint32_t cohort;
    td_step step;
    td_peer peer;
    td_time since;
};

enum section { SECTION_HEAD, SECTION_COHORTS, SECTION_PEERS, SECTION_ARTIFACTS, SECTION_END };

struct td_state {
    const struct td_authority *authority;
    td_time now;
    enum section section;
    uint32_t at;     /* the next cohort or peer */
    uint32_t number; /* the cohort's next artifact */
    bool first;      /* nothing stands in this array yet */
    uint32_t builder_count;
    struct builder builders[]; /* by artifact, then by who began first */
};

static int by_artifact(const void *a, const void *b)
{
    const struct builder *x = a, *y = b;
    if (x->cohort != y->cohort) return x->cohort < y->cohort ? -1 : 1;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    if (x->digest != y->digest) return x->digest < y->digest ? -1 : 1;
    if (x->since != y->since) return x->since < y->since ? -1 : 1;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

struct td_state *td_state_begin(const struct td_authority *authority, td_time now)
{
    uint32_t count = 0;
    for (td_peer peer = 0; peer < authority->member_capacity; peer++)
        count += authority->members[peer].builds;
    struct td_state *state = malloc(sizeof *state + count * sizeof *state->builders);
    if (state == NULL) return NULL;
    *state = (struct td_state){.authority = authority, .now = now, .first = true};
    for (td_peer peer = 0; peer < authority->member_capacity; peer++) {
        const struct member *member = &authority->members[peer];
        if (!member->builds) continue;
        state->builders[state->builder_count++] =
            (struct builder){.digest = digest_of(member, member->order_step),
                             .cohort = member->cohort,
                             .step = member->order_step,
                             .peer = peer,
                             .since = member->since};
    }
    qsort(state->builders, count, sizeof *state->builders, by_artifact);
    return state;
}

void td_state_end(struct td_state *state)
{
    free(state);
}

/* Who has built this for longest; NULL: nobody who was there at the beginning. */
static const struct builder *builder_of(const struct td_state *state, uint32_t cohort, td_step step,
                                        uint64_t digest)
{
    const struct builder wanted = {
        .cohort = cohort, .step = step, .digest = digest, .since = INT64_MIN};
    uint32_t low = 0, high = state->builder_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (by_artifact(&state->builders[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct builder *found = &state->builders[low];
    bool same = low < state->builder_count && found->cohort == cohort && found->step == step &&
                found->digest == digest;
    return same ? found : NULL;
}

static void key(struct td_buffer *out, const char *name)
{
    if (out->length > 0 && out->bytes[out->length - 1] != '{') td_buffer_string(out, ", ");
    td_buffer_json_string(out, name);
    td_buffer_string(out, ": ");
}

static void text_member(struct td_buffer *out, const char *name, const char *text)
{
    key(out, name);
    if (text == NULL)
        td_buffer_string(out, "null");
    else
        td_buffer_json_string(out, text);
}

static void whole_member(struct td_buffer *out, const char *name, uint64_t number)
{
    key(out, name);
    td_buffer_unsigned(out, number);
}

static void time_member(struct td_buffer *out, const char *name, td_time time)
{
    key(out, name);
    td_buffer_sum(out, time);
}

static void bool_member(struct td_buffer *out, const char *name, bool value)
{
    key(out, name);
    td_buffer_string(out, value ? "true" : "false");
}

/* An order's ID: JSON's numbers are doubles in many languages. */
static void order_member(struct td_buffer *out, td_order order)
{
    char digits[TD_UNSIGNED_TEXT + 1];
    digits[td_unsigned_text(order, digits)] = '\0';
    text_member(out, "order", digits);
}

static void begin_item(struct td_state *state, struct td_buffer *out)
{
    td_buffer_string(out, state->first ? "\n  {" : ",\n  {");
    state->first = false;
}

static const char *step_name(const struct td_state *state, uint32_t cohort, td_step step)
{
    const struct td_authority *authority = state->authority;
    uint32_t schema = authority->cohorts[cohort].identity.schema;
    return td_intern_text(&authority->schemas.items[schema]->steps, step + 1);
}

static void write_head(const struct td_state *state, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    td_buffer_string(out, "{");
    whole_member(out, "version", 1);
    text_member(out, "program", TD_VERSION);
    text_member(out, "policy", authority->options.policy->name);
    time_member(out, "now_s", state->now);
    bool_member(out, "draining", td_authority_is_draining(authority));
    key(out, "cohorts");
    td_buffer_string(out, "[");
}

static void write_cohort(struct td_state *state, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    const struct live_cohort *cohort = &authority->cohorts[state->at];
    const struct td_known_schema *schema = authority->schemas.items[cohort->identity.schema];
    begin_item(state, out);
    whole_member(out, "cohort", state->at);
    text_member(out, "repository", td_intern_text(&authority->texts, cohort->identity.repository));
    text_member(out, "base_ref", td_intern_text(&authority->texts, cohort->identity.base_ref));
    text_member(out, "cache", td_intern_text(&authority->texts, cohort->identity.cache));
    text_member(out, "schema", schema->id);
    whole_member(out, "steps", schema->steps.count);
    whole_member(out, "peers", cohort->present);
    td_buffer_string(out, "}");
}

/* In whole seconds, as a text of at most TD_DURATION_TEXT bytes. */
static void for_people(td_time time, char *text)
{
    td_time seconds = time / TD_NS_PER_S;
    td_duration_text((double)seconds, text);
}

/* "waits for step compile, built by pr-12 for 35 s", by what the peer lacks and others build. */
static void explain_builds(const struct td_state *state, td_peer peer, char *text, size_t size)
{
    const struct td_authority *authority = state->authority;
    const struct member *member = &authority->members[peer];
    uint32_t steps = schema_of(authority, peer)->steps.count, building = 0;
    const struct builder *builder = NULL;
    struct td_artifact_state lacks, first = {0};
    for (td_step step = 0; step < steps; step++) {
        if (!td_engine_lacks(authority->engine, peer, step, &lacks)) continue;
        if (lacks.published || lacks.broken || lacks.builders == 0) continue;
        if (building++ > 0 && builder != NULL) continue;
        first = lacks;
        builder = builder_of(state, member->cohort, step, lacks.digest);
    }
    if (building == 0) {
        (void)snprintf(text, size, "waits: nothing that it lacks is published or can be built yet");
        return;
    }
    char duration[TD_DURATION_TEXT] = "", others[64] = "";
    td_time since = builder == NULL ? state->now : builder->since;
    for_people(state->now - since, duration);
    if (building > 1)
        (void)snprintf(others, sizeof others, "; %u more %s being built", building - 1,
                       building == 2 ? "is" : "are");
    (void)snprintf(text, size, "waits for step %s, built by %s for %s%s",
                   step_name(state, member->cohort, first.step),
                   builder == NULL ? "another peer" : name_of(authority, builder->peer), duration,
                   others);
}

static void explain_turn(const struct td_authority *authority, td_peer peer, char *text,
                         size_t size)
{
    td_peer first = td_engine_first_in_line(authority->engine, peer);
    if (first == TD_NO_PEER || first == peer)
        (void)snprintf(text, size, "waits for its turn: another peer of its cohort is at work");
    else
        (void)snprintf(text, size, "waits for its turn: %s came before", name_of(authority, first));
}

static void why_member(const struct td_state *state, td_peer peer, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    const struct member *member = &authority->members[peer];
    char text[512], until[TD_DURATION_TEXT];
    if (member->reason == TD_REASON_NOT_ITS_TURN)
        explain_turn(authority, peer, text, sizeof text);
    else
        explain_builds(state, peer, text, sizeof text);
    if (member->ask_at != TD_TIME_MAX && member->ask_at > state->now) {
        size_t length = strlen(text);
        for_people(member->ask_at - state->now, until);
        (void)snprintf(text + length, sizeof text - length, "; asks again in %s", until);
    }
    text_member(out, "why", text);
}

static void write_peer(struct td_state *state, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    const struct member *member = &authority->members[state->at];
    bool works = member->order != 0;
    begin_item(state, out);
    text_member(out, "name", name_of(authority, state->at));
    whole_member(out, "cohort", member->cohort);
    text_member(out, "state", works ? "working" : member->waiting ? "waiting" : "idle");
    bool_member(out, "connected", member->link != TD_NO_LINK);
    time_member(out, "since_s", member->since);
    if (works) {
        order_member(out, member->order);
        text_member(out, "step",
                    member->order_step == TD_UNIVERSE
                        ? NULL
                        : step_name(state, member->cohort, member->order_step));
    }
    if (works || member->waiting) text_member(out, "reason", td_reason_word(member->reason));
    if (!works && member->waiting) why_member(state, state->at, out);
    if (member->link == TD_NO_LINK) time_member(out, "lost_until_s", member->lost_until);
    td_buffer_string(out, "}");
}

/* The first characters of a digest. NULL: nobody has said what it is. */
static const char *digest_text(const struct td_state *state, uint32_t cohort,
                               const struct td_artifact_state *artifact, char *out, size_t size)
{
    const struct td_authority *authority = state->authority;
    uint32_t number = artifact->digest != 0
                          ? (uint32_t)artifact->digest
                          : untouched_of(&authority->cohorts[cohort], artifact->step);
    const char *text = td_intern_text(&authority->digests, number);
    if (text == NULL) return NULL;
    size_t length = 0, left = strlen(text);
    for (unsigned i = 0; i < DIGEST_SHORT && length < left; i++)
        length += td_utf8_decode(text + length, left - length, NULL);
    (void)snprintf(out, size, "%.*s", (int)length, text);
    return out;
}

static void write_artifact(struct td_state *state, const struct td_artifact_state *artifact,
                           struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    char digest[4 * DIGEST_SHORT + 1];
    const struct builder *builder = builder_of(state, state->at, artifact->step, artifact->digest);
    td_peer by = td_store_publisher(&authority->store, state->at, artifact->step, artifact->digest);
    begin_item(state, out);
    whole_member(out, "cohort", state->at);
    text_member(out, "step", step_name(state, state->at, artifact->step));
    text_member(out, "digest", digest_text(state, state->at, artifact, digest, sizeof digest));
    bool_member(out, "touched", artifact->digest != 0);
    text_member(out, "state",
                artifact->published      ? "published"
                : artifact->builders > 0 ? "building"
                : artifact->broken       ? "broken"
                                         : "missing");
    if (artifact->published && by != TD_NO_PEER) text_member(out, "by", name_of(authority, by));
    if (!artifact->published && artifact->builders > 0 && builder != NULL) {
        text_member(out, "by", name_of(authority, builder->peer));
        time_member(out, "since_s", builder->since);
    }
    td_buffer_string(out, "}");
}

/* The next artifact that somebody may still want, or the next cohort. False: there is none. */
static bool next_artifact(struct td_state *state, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    struct td_artifact_state artifact;
    if (state->at >= authority->cohort_count) return false;
    const struct live_cohort *cohort = &authority->cohorts[state->at];
    if (cohort->present == 0 ||
        !td_engine_artifact(authority->engine, &cohort->identity, state->number, &artifact)) {
        state->at++;
        state->number = 0;
        return true;
    }
    state->number++;
    if (artifact.needed) write_artifact(state, &artifact, out);
    return true;
}

/* The next item of the section. False: there is none. */
static bool next_item(struct td_state *state, struct td_buffer *out)
{
    const struct td_authority *authority = state->authority;
    switch (state->section) {
    case SECTION_COHORTS:
        if (state->at >= authority->cohort_count) return false;
        if (authority->cohorts[state->at].present > 0) write_cohort(state, out);
        state->at++;
        return true;
    case SECTION_PEERS:
        if (state->at >= authority->member_capacity) return false;
        if (authority->members[state->at].here) write_peer(state, out);
        state->at++;
        return true;
    case SECTION_ARTIFACTS:
        return next_artifact(state, out);
    default:
        return false;
    }
}

static void next_section(struct td_state *state, struct td_buffer *out)
{
    static const char *const ends[] = {[SECTION_COHORTS] = "], \"peers\": [",
                                       [SECTION_PEERS] = "], \"artifacts\": [",
                                       [SECTION_ARTIFACTS] = "]}\n"};
    if (state->section == SECTION_HEAD)
        write_head(state, out);
    else
        td_buffer_string(out, ends[state->section]);
    state->section++;
    state->at = state->number = 0;
    state->first = true;
}

bool td_state_write(struct td_state *state, struct td_buffer *out, size_t enough)
{
    size_t end = out->length + enough;
    while (state->section != SECTION_END && out->length < end && !out->failed)
        if (!next_item(state, out)) next_section(state, out);
    return state->section != SECTION_END;
}
