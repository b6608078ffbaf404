/* One engine made what another is. */
#include "engine/engine_internal.h"

/* `count` items of an array, behind the others of which there may be more. */
static bool copy_items(void *to, uint32_t *capacity, const void *from, uint32_t count, size_t size)
{
    if (count == 0) return true;
    if (!td_reserve(to, capacity, count, size)) return false;
    void *items;
    memcpy(&items, to, sizeof items); /* `to` is a pointer to a pointer of any type */
    memcpy(items, from, count * size);
    return true;
}

static bool copy_peers(struct td_engine *to, const struct td_engine *from)
{
    uint32_t words = (uint32_t)((from->peer_stride - sizeof(struct peer)) / sizeof(uint64_t));
    if (!td_peers_reserve(to, from->peer_count, words)) return false;
    TD_ASSERT(to->peer_stride == from->peer_stride); /* it follows from the schemas */
    if (from->peer_count > 0) memcpy(to->peers, from->peers, from->peer_count * from->peer_stride);
    for (td_peer peer = from->peer_count; peer < to->peer_count; peer++)
        peer_at(to, peer)->state = PEER_ABSENT;
    to->peer_count = from->peer_count;
    uint32_t known = from->history_capacity;
    if (!copy_items(&to->histories, &to->history_capacity, from->histories, known,
                    sizeof *from->histories))
        return false;
    /* who comes back without having been there has no past */
    if (to->history_capacity > known)
        memset(to->histories + known, 0, (to->history_capacity - known) * sizeof *to->histories);
    return true;
}

/* The priority that follows from the policy, the schema and the lots. */
static bool copy_priority(struct td_engine *engine, struct cohort *to, const struct cohort *from,
                          struct td_error *error)
{
    struct priority *shared = &engine->schemas[to->identity.schema]->priority;
    to->priority = NULL;
    if (from->priority == NULL) return true; /* it has not started */
    bool own = from->priority == from->own_priority;
    if (own && to->own_priority == NULL) to->own_priority = calloc(1, sizeof *to->own_priority);
    struct priority *priority = own ? to->own_priority : shared;
    if (priority == NULL) return td_error_memory(error, "a cohort's priorities");
    if ((own || !priority->set) && !td_priority_set(engine, to, priority, error)) return false;
    to->priority = priority;
    return true;
}

static bool copy_learned(struct cohort *to, const struct cohort *from)
{
    uint32_t steps = from->schema->steps;
    if (!from->learns || from->priority == NULL) return true;
    return copy_items(&to->learned, &to->learned_capacity, from->learned, steps,
                      sizeof *from->learned) &&
           copy_items(&to->ranks, &to->ranks_capacity, from->ranks, steps, sizeof *from->ranks) &&
           (from->learned_fetches == NULL ||
            copy_items(&to->learned_fetches, &to->learned_fetches_capacity, from->learned_fetches,
                       steps, sizeof *from->learned_fetches));
}

static bool copy_cohort(struct td_engine *engine, struct cohort *to, const struct cohort *from,
                        struct td_error *error)
{
    to->identity = from->identity;
    to->schema = engine->schemas[from->identity.schema];
    to->learns = from->learns;
    to->rest_published = from->rest_published;
    to->artifact_count = from->artifact_count;
    to->strain = from->strain;
    to->at_work = from->at_work;
    to->line_first = from->line_first;
    to->line_last = from->line_last;
    bool lots = (engine->policy->needs & TD_NEEDS_LOTS) != 0;
    if ((lots && !copy_items(&to->lots, &to->lots_capacity, from->lots, from->schema->steps,
                             sizeof *from->lots)) ||
        !copy_items(&to->artifacts, &to->artifact_capacity, from->artifacts, from->artifact_count,
                    sizeof *from->artifacts) ||
        !td_table_copy(&to->table, &to->table_capacity, from->table, from->table_capacity,
                       sizeof *from->table) ||
        !copy_learned(to, from))
        return td_error_memory(error, "a cohort");
    return copy_priority(engine, to, from, error);
}

static bool copy_strain(struct strain *to, const struct strain *from)
{
    size_t size = from->words * sizeof(uint64_t);
    if (!td_strain_reserve(to, from->words) ||
        !copy_items(&to->variants, &to->variant_capacity, from->variants, from->variant_count,
                    sizeof *from->variants) ||
        !copy_items(&to->starts, &to->start_capacity, from->starts, from->start_count,
                    sizeof *from->starts))
        return false;
    if (to->words == from->words) { /* they are one block */
        memcpy(to->published, from->published, 4 * size);
    } else {
        memcpy(to->published, from->published, size);
        memcpy(to->ready, from->ready, size);
        memcpy(to->own, from->own, size);
        memcpy(to->hopeless, from->hopeless, size);
    }
    to->variant_count = from->variant_count;
    to->start_count = from->start_count;
    to->cohort = from->cohort;
    to->next = from->next;
    to->previous = from->previous;
    to->ready_count = from->ready_count;
    to->waiting = from->waiting;
    to->holder = from->holder;
    to->stale = from->stale;
    return true;
}

bool td_engine_copy(struct td_engine *to, const struct td_engine *from, struct td_error *error)
{
    TD_ASSERT(to->policy == from->policy && to->schema_count == from->schema_count);
    if (!copy_peers(to, from) || !td_flaky_copy(&to->flaky, &from->flaky) ||
        !td_reserve(&to->cohorts, &to->cohort_capacity, from->cohort_count, sizeof *to->cohorts) ||
        !td_reserve(&to->strains, &to->strain_capacity, from->strain_count, sizeof *to->strains) ||
        !td_table_copy(&to->cohort_table, &to->cohort_slots, from->cohort_table, from->cohort_slots,
                       sizeof *from->cohort_table))
        return td_error_memory(error, "an engine");
    for (uint32_t i = 0; i < from->cohort_count; i++)
        if (!copy_cohort(to, &to->cohorts[i], &from->cohorts[i], error)) return false;
    for (uint32_t i = 0; i < from->strain_count; i++)
        if (!copy_strain(&to->strains[i], &from->strains[i]))
            return td_error_memory(error, "an engine");
    to->cohort_count = from->cohort_count;
    to->strain_count = from->strain_count;
    to->strain_free = from->strain_free;
    to->waiting_count = from->waiting_count;
    to->last_order = from->last_order;
    to->now = from->now;
    return true;
}
