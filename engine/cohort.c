/* Cohorts: the peers that can share results, their artifacts, and the line in which they came. */
#include "engine/engine_internal.h"

#define FEW 8u /* so many are looked at one by one */

static bool is_cohort(const struct td_engine *engine, uint32_t cohort,
                      const struct td_identity *identity)
{
    return memcmp(&engine->cohorts[cohort].identity, identity, sizeof *identity) == 0;
}

/* Where the identity stands in the table, or would. */
static uint32_t index_slot(const struct td_engine *engine, const struct td_identity *identity)
{
    uint64_t hash = (uint64_t)identity->repository << 32 | identity->base_ref;
    hash = (hash ^ hash >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    hash ^= (uint64_t)identity->cache << 32 | identity->schema;
    hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t mask = engine->cohort_slots - 1, slot = (uint32_t)(hash >> 32) & mask;
    while (engine->cohort_table[slot] != 0 &&
           !is_cohort(engine, engine->cohort_table[slot] - 1, identity))
        slot = (slot + 1) & mask;
    return slot;
}

/* Room in the table for one cohort more, at most half full. It is made when there are more than a
 * few, and after a reset made anew then. */
static bool index_reserve(struct td_engine *engine)
{
    uint32_t count = engine->cohort_count, slots = engine->cohort_slots;
    if (count < FEW || (count > FEW && 2 * (count + 1) <= slots)) return true;
    while (slots < 2 * (count + 1))
        slots = slots == 0 ? 4 * FEW : 2 * slots;
    if (slots == engine->cohort_slots) {
        memset(engine->cohort_table, 0, slots * sizeof *engine->cohort_table);
    } else {
        uint32_t *table = calloc(slots, sizeof *table);
        if (table == NULL) return false;
        free(engine->cohort_table);
        engine->cohort_table = table;
        engine->cohort_slots = slots;
    }
    for (uint32_t i = 0; i < count; i++)
        engine->cohort_table[index_slot(engine, &engine->cohorts[i].identity)] = i + 1;
    return true;
}

uint32_t td_cohort_find(const struct td_engine *engine, const struct td_identity *identity)
{
    if (engine->cohort_count > FEW) {
        uint32_t entry = engine->cohort_table[index_slot(engine, identity)];
        return entry == 0 ? NONE : entry - 1;
    }
    /* the newest first: peers of one cohort tend to come together */
    for (uint32_t i = engine->cohort_count; i-- > 0;)
        if (is_cohort(engine, i, identity)) return i;
    return NONE;
}

uint32_t td_cohort_open(struct td_engine *engine, const struct td_identity *identity,
                        struct td_error *error)
{
    uint32_t found = td_cohort_find(engine, identity);
    if (found != NONE) return found;
    if (identity->schema >= engine->schema_count) {
        td_error_set(error, TD_FAULT_INPUT, "there is no schema %u: open it first",
                     identity->schema);
        return NONE;
    }
    if (!index_reserve(engine) || !td_reserve(&engine->cohorts, &engine->cohort_capacity,
                                              engine->cohort_count + 1, sizeof *engine->cohorts)) {
        td_error_memory(error, "a cohort");
        return NONE;
    }
    struct cohort *cohort = &engine->cohorts[engine->cohort_count];
    const struct schema *schema = engine->schemas[identity->schema];
    if ((engine->policy->needs & TD_NEEDS_LOTS) != 0) {
        if (!td_reserve(&cohort->lots, &cohort->lots_capacity, schema->steps,
                        sizeof *cohort->lots)) {
            td_error_memory(error, "a cohort's lots");
            return NONE;
        }
        memset(cohort->lots, 0, schema->steps * sizeof *cohort->lots);
    }
    cohort->identity = *identity;
    cohort->schema = schema;
    cohort->priority = NULL;
    cohort->artifact_count = 0;
    cohort->learns = engine->options.learn && (engine->policy->needs & TD_NEEDS_ESTIMATES) != 0;
    cohort->rest_published = false;
    cohort->strain = NONE;
    cohort->at_work = 0;
    cohort->line_first = cohort->line_last = TD_NO_PEER;
    if (engine->cohort_count >= FEW)
        engine->cohort_table[index_slot(engine, identity)] = engine->cohort_count + 1;
    return engine->cohort_count++;
}

bool td_cohort_start(struct td_engine *engine, uint32_t cohort, struct td_error *error)
{
    struct cohort *starting = &engine->cohorts[cohort];
    uint32_t steps = starting->schema->steps;
    /* lots differ from cohort to cohort; any other rank is the schema's for good */
    bool own = (engine->policy->needs & TD_NEEDS_LOTS) != 0;
    if (own && starting->own_priority == NULL)
        starting->own_priority = calloc(1, sizeof *starting->own_priority);
    struct priority *priority =
        own ? starting->own_priority : &engine->schemas[starting->identity.schema]->priority;

    if (priority == NULL || !td_reserve(&starting->artifacts, &starting->artifact_capacity, steps,
                                        sizeof *starting->artifacts))
        return td_error_memory(error, "a cohort's artifacts");
    if ((own || !priority->set) && !td_priority_set(engine, starting, priority, error))
        return false;
    for (uint32_t at = 0; at < steps; at++)
        starting->artifacts[at] =
            (struct artifact){.position = at, .user = NONE, .found_by = TD_NO_PEER};
    starting->artifact_count = steps;
    if (starting->learns && !td_learning_start(engine, starting))
        return td_error_memory(error, "learned estimates");
    if (starting->table_capacity != 0)
        memset(starting->table, 0, starting->table_capacity * sizeof *starting->table);
    if (td_strain_open(engine, cohort, error) == NONE) return false;
    starting->priority = priority; /* it has started now, and not before */
    td_strain_begin(engine, &engine->strains[starting->strain]);
    return true;
}

static uint32_t table_slot(const struct cohort *cohort, uint32_t position, uint64_t digest)
{
    uint64_t hash =
        (digest ^ position * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xBF58476D1CE4E5B9);
    uint32_t mask = cohort->table_capacity - 1, slot = (uint32_t)(hash >> 32) & mask;
    while (cohort->table[slot] != 0) {
        const struct artifact *artifact = &cohort->artifacts[cohort->table[slot] - 1];
        if (artifact->position == position && artifact->digest == digest) break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* At most half full, so that the search above ends soon. */
static bool table_reserve(struct cohort *cohort, uint32_t entries)
{
    uint32_t capacity = cohort->table_capacity < 16 ? 16 : cohort->table_capacity;
    while (capacity < 2 * entries)
        capacity *= 2;
    if (capacity == cohort->table_capacity) return true;
    uint32_t *table = calloc(capacity, sizeof *table);
    if (table == NULL) return false;
    free(cohort->table);
    cohort->table = table;
    cohort->table_capacity = capacity;
    for (uint32_t i = cohort->schema->steps; i < cohort->artifact_count; i++)
        table[table_slot(cohort, cohort->artifacts[i].position, cohort->artifacts[i].digest)] =
            i + 1;
    return true;
}

uint32_t td_cohort_seek(const struct cohort *cohort, uint32_t position, uint64_t digest)
{
    if (digest == 0) return position;
    if (cohort->table_capacity == 0) return NONE;
    uint32_t entry = cohort->table[table_slot(cohort, position, digest)];
    return entry == 0 ? NONE : entry - 1;
}

uint32_t td_cohort_artifact(struct cohort *cohort, uint32_t position, uint64_t digest)
{
    if (digest == 0) return position; /* the untouched one */
    if (!table_reserve(cohort, cohort->artifact_count - cohort->schema->steps + 1) ||
        !td_reserve(&cohort->artifacts, &cohort->artifact_capacity, cohort->artifact_count + 1,
                    sizeof *cohort->artifacts))
        return NONE;
    uint32_t slot = table_slot(cohort, position, digest);
    if (cohort->table[slot] == 0) {
        cohort->artifacts[cohort->artifact_count] = (struct artifact){
            .position = position, .digest = digest, .user = NONE, .found_by = TD_NO_PEER};
        cohort->table[slot] = ++cohort->artifact_count;
    }
    return cohort->table[slot] - 1;
}

void td_cohort_free(struct cohort *cohort)
{
    free(cohort->lots);
    free(cohort->learned);
    free(cohort->learned_fetches);
    free(cohort->ranks);
    free(cohort->artifacts);
    free(cohort->table);
    if (cohort->own_priority != NULL) td_priority_free(cohort->own_priority);
    free(cohort->own_priority);
}

void td_line_enter(struct td_engine *engine, struct cohort *cohort, td_peer peer)
{
    struct peer *who = peer_at(engine, peer);
    td_peer before = cohort->line_last;
    /* hardly anybody comes back to a place within the line: from its end it is not far */
    while (before != TD_NO_PEER &&
           (peer_at(engine, before)->since > who->since ||
            (peer_at(engine, before)->since == who->since && before > peer)))
        before = peer_at(engine, before)->line_previous;

    who->line_previous = before;
    who->line_next = before == TD_NO_PEER ? cohort->line_first : peer_at(engine, before)->line_next;
    if (before == TD_NO_PEER)
        cohort->line_first = peer;
    else
        peer_at(engine, before)->line_next = peer;
    if (who->line_next == TD_NO_PEER)
        cohort->line_last = peer;
    else
        peer_at(engine, who->line_next)->line_previous = peer;
}

void td_line_leave(struct td_engine *engine, struct cohort *cohort, td_peer peer)
{
    const struct peer *who = peer_at(engine, peer);
    if (who->line_previous == TD_NO_PEER)
        cohort->line_first = who->line_next;
    else
        peer_at(engine, who->line_previous)->line_next = who->line_next;
    if (who->line_next == TD_NO_PEER)
        cohort->line_last = who->line_previous;
    else
        peer_at(engine, who->line_next)->line_previous = who->line_previous;
}
