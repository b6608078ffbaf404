#include "live/summary.h"

#include "live/authority_internal.h"
#include "live/v1.h"

#include <stdlib.h>

enum item { ITEM_SCHEMA = 1, ITEM_NAMES, ITEM_COHORT };

/* What a cohort's item says, one after the other. */
enum entry {
    ENTRY_END,
    ENTRY_UNTOUCHED, /* step, digest */
    ENTRY_PUBLISHED, /* step or rest, digest, parts */
    ENTRY_PARTS,     /* the same, where not all of them are */
    ENTRY_BROKEN,    /* step, digest */
    ENTRY_LEARNED,   /* step, fetches, count, sum */
};

/* The bytes since the last item are one. */
static bool end_item(struct td_summary *summary, struct td_error *error)
{
    if (summary->count == summary->capacity) {
        size_t capacity = summary->capacity == 0 ? 64 : 2 * summary->capacity;
        size_t *ends = realloc(summary->ends, capacity * sizeof *ends);
        if (ends == NULL) return td_error_memory(error, "a summary");
        summary->ends = ends;
        summary->capacity = capacity;
    }
    if (summary->bytes.failed) return td_error_memory(error, "a summary");
    summary->ends[summary->count++] = summary->bytes.length;
    return true;
}

const char *td_summary_item(const struct td_summary *summary, size_t i, size_t *length)
{
    size_t start = i == 0 ? 0 : summary->ends[i - 1];
    *length = summary->ends[i] - start;
    return summary->bytes.bytes + start;
}

void td_summary_free(struct td_summary *summary)
{
    td_buffer_free(&summary->bytes);
    free(summary->ends);
    *summary = (struct td_summary){0};
}

static bool add_schema(struct td_summary *summary, const struct td_known_schema *schema,
                       struct td_error *error)
{
    td_put_unsigned(&summary->bytes, ITEM_SCHEMA);
    td_known_schema_write(schema, &summary->bytes);
    return end_item(summary, error);
}

bool td_summary_of_schema(struct td_summary *summary, const struct td_scenario *scenario,
                          struct td_error *error)
{
    struct td_schemas schemas = {0};
    bool good = td_schemas_add_scenario(&schemas, scenario, error) != UINT32_MAX &&
                add_schema(summary, schemas.items[0], error);
    td_schemas_free(&schemas);
    return good;
}

bool td_summary_of_scenario(struct td_summary *summary, const struct td_scenario *scenario,
                            struct td_error *error)
{
    if (!td_summary_of_schema(summary, scenario, error)) return false;
    td_put_unsigned(&summary->bytes, ITEM_NAMES);
    td_put_unsigned(&summary->bytes, scenario->peer_count);
    for (uint32_t peer = 0; peer < scenario->peer_count; peer++)
        td_put_text(&summary->bytes, scenario->peers[peer].name);
    return end_item(summary, error);
}

/* What a cohort's item is written from. */
struct writing {
    const struct td_authority *authority;
    struct td_buffer *out;
    uint32_t cohort, steps;
    uint32_t variants; /* of it that there are */
    uint32_t skip;     /* of these, the first ones are left out */
};

static const char *text_of(const struct td_authority *authority, uint64_t digest)
{
    return digest > UINT32_MAX ? NULL : td_intern_text(&authority->digests, (uint32_t)digest);
}

static void count_variants(void *context, const struct td_event *event)
{
    struct writing *writing = context;
    writing->variants += event->kind != TD_EVENT_LEARNED && event->known.digest != 0;
}

static void write_event(void *context, const struct td_event *event)
{
    struct writing *writing = context;
    struct td_buffer *out = writing->out;
    if (event->kind == TD_EVENT_LEARNED) {
        td_put_unsigned(out, ENTRY_LEARNED);
        td_put_unsigned(out, event->learned.step);
        td_put_unsigned(out, event->learned.fetches);
        td_put_unsigned(out, event->learned.count);
        td_put_signed(out, event->learned.sum);
        return;
    }
    if (event->known.digest != 0 && writing->skip > 0) {
        writing->skip--;
        return;
    }
    bool published = event->kind == TD_EVENT_PUBLISHED;
    td_step step = event->known.step == TD_UNIVERSE ? writing->steps : event->known.step;
    td_put_unsigned(out, published ? ENTRY_PUBLISHED : ENTRY_BROKEN);
    td_put_unsigned(out, step);
    td_put_text(out, text_of(writing->authority, event->known.digest));
    if (published)
        td_put_unsigned(out, td_store_parts(&writing->authority->store, writing->cohort, step,
                                            event->known.digest));
}

/* What is published in part, so that the engine does not know of it as a whole. */
struct partial {
    uint32_t cohort, entry; /* of the store */
};

struct partials {
    struct partial *items; /* by cohort */
    size_t count;
};

static int by_cohort(const void *a, const void *b)
{
    const struct partial *x = a, *y = b;
    if (x->cohort != y->cohort) return x->cohort < y->cohort ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static bool is_partial(const struct td_authority *authority, const struct td_store_entry *entry)
{
    if (entry->parts == 0 || entry->digest > UINT32_MAX) return false;
    const struct td_identity *identity = &authority->cohorts[entry->cohort].identity;
    bool rest = entry->step == authority->schemas.items[identity->schema]->steps.count;
    return !td_engine_knows_published(authority->engine, identity, rest ? TD_UNIVERSE : entry->step,
                                      entry->digest);
}

/* All of it in one walk over the store. False if memory is short. */
static bool find_partials(const struct td_authority *authority, struct partials *found)
{
    const struct td_store *store = &authority->store;
    size_t capacity = 0;
    for (uint32_t i = 0; i < store->capacity; i++) {
        if (!is_partial(authority, &store->entries[i])) continue;
        if (found->count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            struct partial *items = realloc(found->items, capacity * sizeof *items);
            if (items == NULL) return false;
            found->items = items;
        }
        found->items[found->count++] =
            (struct partial){.cohort = store->entries[i].cohort, .entry = i};
    }
    if (found->count > 0) qsort(found->items, found->count, sizeof *found->items, by_cohort);
    return true;
}

/* Where those of the cohort begin. */
static size_t first_partial(const struct partials *partials, uint32_t cohort)
{
    size_t low = 0, high = partials->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partials->items[middle].cohort < cohort)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void write_parts(const struct writing *writing, const struct partials *partials)
{
    const struct td_store *store = &writing->authority->store;
    size_t at = first_partial(partials, writing->cohort);
    for (uint32_t left = TD_SUMMARY_VARIANTS; left > 0 && at < partials->count; left--, at++) {
        if (partials->items[at].cohort != writing->cohort) return;
        const struct td_store_entry *entry = &store->entries[partials->items[at].entry];
        td_put_unsigned(writing->out, ENTRY_PARTS);
        td_put_unsigned(writing->out, entry->step);
        td_put_text(writing->out, text_of(writing->authority, entry->digest));
        td_put_unsigned(writing->out, entry->parts);
    }
}

static bool add_cohort(struct td_summary *summary, const struct td_authority *authority,
                       uint32_t cohort, const struct partials *partials, struct td_error *error)
{
    const struct live_cohort *live = &authority->cohorts[cohort];
    const struct td_known_schema *schema = authority->schemas.items[live->identity.schema];
    struct td_buffer *out = &summary->bytes;
    struct writing writing = {
        .authority = authority, .out = out, .cohort = cohort, .steps = schema->steps.count};
    td_put_unsigned(out, ITEM_COHORT);
    td_put_text(out, schema->id);
    td_put_text(out, td_intern_text(&authority->texts, live->identity.repository));
    td_put_text(out, td_intern_text(&authority->texts, live->identity.base_ref));
    td_put_text(out, td_intern_text(&authority->texts, live->identity.cache));
    td_put_signed(out, live->used);
    for (td_step step = 0; step < writing.steps; step++) {
        if (untouched_of(live, step) == 0) continue;
        td_put_unsigned(out, ENTRY_UNTOUCHED);
        td_put_unsigned(out, step);
        td_put_text(out, text_of(authority, untouched_of(live, step)));
    }
    write_parts(&writing, partials);
    td_engine_summary(authority->engine, &live->identity, count_variants, &writing);
    if (writing.variants > TD_SUMMARY_VARIANTS)
        writing.skip = writing.variants - TD_SUMMARY_VARIANTS;
    td_engine_summary(authority->engine, &live->identity, write_event, &writing);
    td_put_unsigned(out, ENTRY_END);
    return end_item(summary, error);
}

struct recent {
    td_time used;
    uint32_t cohort;
};

static int by_use(const void *a, const void *b)
{
    const struct recent *x = a, *y = b;
    if (x->used != y->used) return x->used < y->used ? 1 : -1;
    return (x->cohort < y->cohort) - (x->cohort > y->cohort);
}

/* The cohorts that are kept, the oldest first, behind their schemas. */
static bool add_cohorts(struct td_summary *summary, const struct td_authority *authority,
                        const struct recent *recent, uint32_t count, size_t most,
                        struct td_error *error)
{
    struct td_summary cohorts = {0};
    struct partials partials = {0};
    bool *needed = calloc(authority->schemas.count + (size_t)1, sizeof *needed);
    bool good = needed != NULL && find_partials(authority, &partials);
    if (!good) {
        free(partials.items);
        free(needed);
        return td_error_memory(error, "a summary");
    }
    for (uint32_t i = 0; good && i < count && cohorts.bytes.length < most; i++) {
        good = add_cohort(&cohorts, authority, recent[i].cohort, &partials, error);
        needed[authority->cohorts[recent[i].cohort].identity.schema] = true;
    }
    for (uint32_t i = 0; good && i < authority->schemas.count; i++)
        if (needed[i] && !authority->schemas.items[i]->own)
            good = add_schema(summary, authority->schemas.items[i], error);
    for (size_t i = cohorts.count; good && i-- > 0;) {
        size_t length;
        const char *item = td_summary_item(&cohorts, i, &length);
        td_buffer_add(&summary->bytes, item, length);
        good = end_item(summary, error);
    }
    td_summary_free(&cohorts);
    free(partials.items);
    free(needed);
    return good;
}

/* Nobody comes to an instance of v1 any more that has been left once. */
static bool is_over(const struct td_authority *authority, uint32_t cohort)
{
    const struct live_cohort *live = &authority->cohorts[cohort];
    return live->present == 0 &&
           td_v1_is_instance(td_intern_text(&authority->texts, live->identity.cache));
}

bool td_summary_of_authority(struct td_summary *summary, const struct td_authority *authority,
                             uint32_t retain, size_t most, struct td_error *error)
{
    for (uint32_t i = 0; i < authority->schemas.count; i++)
        if (authority->schemas.items[i]->own &&
            !add_schema(summary, authority->schemas.items[i], error))
            return false;
    if (authority->own_names > 0) {
        td_put_unsigned(&summary->bytes, ITEM_NAMES);
        td_put_unsigned(&summary->bytes, authority->own_names);
        for (uint32_t i = 0; i < authority->own_names; i++)
            td_put_text(&summary->bytes, name_of(authority, i));
        if (!end_item(summary, error)) return false;
    }
    struct recent *recent = calloc(authority->cohort_count + (size_t)1, sizeof *recent);
    uint32_t count = 0;
    if (recent == NULL) return td_error_memory(error, "a summary");
    for (uint32_t i = 0; i < authority->cohort_count; i++)
        if (!is_over(authority, i))
            recent[count++] = (struct recent){.used = authority->cohorts[i].used, .cohort = i};
    qsort(recent, count, sizeof *recent, by_use);
    bool good =
        add_cohorts(summary, authority, recent, count < retain ? count : retain, most, error);
    free(recent);
    return good;
}

/* The other way. */

static bool damaged(struct td_authority *authority)
{
    return td_error_set(&authority->error, TD_FAULT_INPUT, "a summary is damaged");
}

static bool no_memory(struct td_authority *authority)
{
    return td_error_memory(&authority->error, "a summary");
}

static bool restore_schema(struct td_authority *authority, struct td_reader *reader)
{
    uint32_t made = td_schemas_add_written(&authority->schemas, reader, &authority->error);
    if (made == UINT32_MAX) return false;
    const struct td_known_schema *schema = authority->schemas.items[made];
    if (td_schemas_find(&authority->schemas, schema->id) != made) return damaged(authority);
    const struct td_schema_spec spec = td_known_schema_spec(schema);
    const struct td_event event = {
        .kind = TD_EVENT_SCHEMA, .at = authority->now, .schema = {.id = made, .spec = &spec}};
    return td_authority_tell(authority, &event);
}

static bool restore_names(struct td_authority *authority, struct td_reader *reader)
{
    uint32_t count = td_take_count(reader, TD_ENGINE_MAX_PEERS);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = td_take_text(reader);
        if (name == NULL) return damaged(authority);
        uint32_t number = td_intern(&authority->names, name);
        if (number == TD_INTERN_FULL) return no_memory(authority);
        if (number != authority->own_names + 1) return damaged(authority);
        authority->own_names++;
    }
    return !reader->failed || damaged(authority);
}

/* An artifact in one of the entries; 0 is the untouched one. */
static bool take_digest(struct td_authority *authority, struct td_reader *reader, uint64_t *digest)
{
    uint32_t number = td_intern(&authority->digests, td_take_text(reader));
    *digest = number;
    return number != TD_INTERN_FULL || no_memory(authority);
}

static bool restore_learned(struct td_authority *authority, const struct td_identity *identity,
                            td_step step, struct td_reader *reader)
{
    struct td_event event = {.kind = TD_EVENT_LEARNED,
                             .at = authority->now,
                             .learned = {.identity = *identity, .step = step}};
    event.learned.fetches = td_take_unsigned(reader) != 0;
    event.learned.count = td_take_unsigned(reader);
    event.learned.sum = td_take_signed(reader);
    return reader->failed ? damaged(authority) : td_authority_tell(authority, &event);
}

static bool restore_entry(struct td_authority *authority, uint32_t cohort, enum entry kind,
                          struct td_reader *reader)
{
    const struct td_identity identity = authority->cohorts[cohort].identity;
    uint32_t steps = authority->schemas.items[identity.schema]->steps.count;
    uint32_t step = td_take_u32(reader);
    bool rest = step == steps && (kind == ENTRY_PUBLISHED || kind == ENTRY_PARTS);
    if (reader->failed || (step >= steps && !rest)) return damaged(authority);
    if (kind == ENTRY_LEARNED) return restore_learned(authority, &identity, step, reader);
    uint64_t digest;
    if (!take_digest(authority, reader, &digest)) return false;
    if (kind == ENTRY_UNTOUCHED) {
        if (reader->failed) return damaged(authority);
        return td_authority_set_untouched(authority, cohort, step, (uint32_t)digest) ||
               no_memory(authority);
    }
    uint32_t parts = kind == ENTRY_BROKEN ? 0 : td_take_u32(reader);
    if (reader->failed) return damaged(authority);
    if (!td_store_publish(&authority->store, cohort, step, digest, parts, TD_NO_PEER))
        return no_memory(authority);
    if (kind == ENTRY_PARTS) return true;
    const struct td_event event = {
        .kind = kind == ENTRY_PUBLISHED ? TD_EVENT_PUBLISHED : TD_EVENT_BROKEN,
        .at = authority->now,
        .known = {.identity = identity, .step = rest ? TD_UNIVERSE : step, .digest = digest}};
    return td_authority_tell(authority, &event);
}

static bool restore_cohort(struct td_authority *authority, struct td_reader *reader)
{
    const char *schema = td_take_text(reader);
    struct td_identity identity = {
        .schema = schema == NULL ? UINT32_MAX : td_schemas_find(&authority->schemas, schema)};
    identity.repository = td_intern(&authority->texts, td_take_text(reader));
    identity.base_ref = td_intern(&authority->texts, td_take_text(reader));
    identity.cache = td_intern(&authority->texts, td_take_text(reader));
    td_time used = td_take_signed(reader);
    if (reader->failed || identity.schema == UINT32_MAX) return damaged(authority);
    bool full = identity.repository == TD_INTERN_FULL || identity.base_ref == TD_INTERN_FULL ||
                identity.cache == TD_INTERN_FULL;
    uint32_t cohort = full ? NOBODY : td_authority_cohort(authority, &identity);
    if (cohort == NOBODY) return no_memory(authority);
    authority->cohorts[cohort].used = used;
    for (;;) {
        uint64_t kind = td_take_unsigned(reader);
        if (reader->failed || kind > ENTRY_LEARNED) return damaged(authority);
        if (kind == ENTRY_END) return true;
        if (!restore_entry(authority, cohort, (enum entry)kind, reader)) return false;
    }
}

bool td_summary_restore(struct td_authority *authority, const char *bytes, size_t length)
{
    struct td_reader reader = td_reader_of(bytes, length);
    uint64_t kind = td_take_unsigned(&reader);
    if (authority->names.count > authority->own_names) /* it comes before all peers */
        return damaged(authority);
    bool good = kind == ITEM_SCHEMA   ? restore_schema(authority, &reader)
                : kind == ITEM_NAMES  ? restore_names(authority, &reader)
                : kind == ITEM_COHORT ? restore_cohort(authority, &reader)
                                      : damaged(authority);
    return good && (!td_reader_has_more(&reader) || damaged(authority));
}
