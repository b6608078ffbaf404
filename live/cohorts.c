/* The authority's cohorts, and how they are found. */
#include "live/authority_internal.h"

#include <stdlib.h>
#include <string.h>

/* Where the identity stands in the table, or would. */
static uint32_t slot_of(const struct td_authority *authority, const struct td_identity *identity)
{
    uint64_t hash = td_hash(&authority->cohort_key, identity, sizeof *identity);
    uint32_t mask = authority->cohort_slots - 1, slot = (uint32_t)hash & mask;
    for (uint32_t entry; (entry = authority->cohort_table[slot]) != 0; slot = (slot + 1) & mask)
        if (memcmp(&authority->cohorts[entry - 1].identity, identity, sizeof *identity) == 0) break;
    return slot;
}

uint32_t td_authority_find_cohort(const struct td_authority *authority,
                                  const struct td_identity *identity)
{
    if (authority->cohort_count == 0) return NOBODY;
    uint32_t entry = authority->cohort_table[slot_of(authority, identity)];
    return entry == 0 ? NOBODY : entry - 1;
}

/* Room for one cohort more, the table at most half full. */
static bool reserve(struct td_authority *authority)
{
    uint32_t count = authority->cohort_count, slots = authority->cohort_slots;
    if (count == authority->cohort_capacity) {
        uint32_t capacity = count == 0 ? 8 : 2 * count;
        struct live_cohort *cohorts = realloc(authority->cohorts, capacity * sizeof *cohorts);
        if (cohorts == NULL) return false;
        authority->cohorts = cohorts;
        authority->cohort_capacity = capacity;
    }
    if (2 * (count + 1) <= slots) return true;
    slots = slots == 0 ? 32 : 2 * slots;
    uint32_t *table = calloc(slots, sizeof *table);
    if (table == NULL) return false;
    if (authority->cohort_table == NULL) authority->cohort_key = td_hash_key_draw();
    free(authority->cohort_table);
    authority->cohort_table = table;
    authority->cohort_slots = slots;
    for (uint32_t i = 0; i < count; i++)
        table[slot_of(authority, &authority->cohorts[i].identity)] = i + 1;
    return true;
}

uint32_t td_authority_cohort(struct td_authority *authority, const struct td_identity *identity)
{
    uint32_t found = td_authority_find_cohort(authority, identity);
    if (found != NOBODY) return found;
    uint32_t steps = authority->schemas.items[identity->schema]->steps.count;
    if (!reserve(authority)) return NOBODY;
    struct live_cohort *cohort = &authority->cohorts[authority->cohort_count];
    *cohort = (struct live_cohort){.identity = *identity,
                                   .builds = calloc(steps, sizeof *cohort->builds)};
    if (cohort->builds == NULL) return NOBODY;
    authority->cohort_table[slot_of(authority, identity)] = authority->cohort_count + 1;
    return authority->cohort_count++;
}

bool td_authority_set_untouched(struct td_authority *authority, uint32_t cohort, td_step step,
                                uint32_t digest)
{
    struct live_cohort *live = &authority->cohorts[cohort];
    uint32_t steps = authority->schemas.items[live->identity.schema]->steps.count;
    if (live->untouched == NULL) live->untouched = calloc(steps, sizeof *live->untouched);
    if (live->untouched == NULL) return false;
    live->untouched[step] = digest;
    return true;
}
