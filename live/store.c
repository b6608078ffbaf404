#include "live/store.h"

#include <stdlib.h>

static struct td_store_entry *find(const struct td_store *store, uint32_t cohort, uint32_t step,
                                   uint64_t digest)
{
    uint64_t hash = (digest ^ ((uint64_t)cohort << 32 | step)) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t slot = (uint32_t)(hash >> 32) & (store->capacity - 1);
    struct td_store_entry *entry;
    while ((entry = &store->entries[slot])->used &&
           (entry->digest != digest || entry->cohort != cohort || entry->step != step))
        slot = (slot + 1) & (store->capacity - 1);
    return entry;
}

uint32_t td_store_parts(const struct td_store *store, uint32_t cohort, uint32_t step,
                        uint64_t digest)
{
    return store->count == 0 ? 0 : find(store, cohort, step, digest)->parts;
}

td_peer td_store_publisher(const struct td_store *store, uint32_t cohort, uint32_t step,
                           uint64_t digest)
{
    if (store->count == 0) return TD_NO_PEER;
    const struct td_store_entry *entry = find(store, cohort, step, digest);
    return entry->parts == 0 ? TD_NO_PEER : entry->by;
}

/* Room for one artifact more, at most three quarters full: the tables are the most of what is kept
 * of a cohort. */
static bool reserve(struct td_store *store)
{
    if (4 * ((uint64_t)store->count + 1) <= 3 * (uint64_t)store->capacity) return true;
    struct td_store_entry *old = store->entries;
    uint32_t old_capacity = store->capacity, capacity = old_capacity == 0 ? 64 : 2 * old_capacity;
    struct td_store_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) return false;
    store->entries = entries;
    store->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++)
        if (old[i].used) *find(store, old[i].cohort, old[i].step, old[i].digest) = old[i];
    free(old);
    return true;
}

bool td_store_publish(struct td_store *store, uint32_t cohort, uint32_t step, uint64_t digest,
                      uint32_t parts, td_peer by)
{
    if (parts == 0) return true;
    if (!reserve(store)) return false;
    struct td_store_entry *entry = find(store, cohort, step, digest);
    store->count += !entry->used;
    if (entry->parts < parts)
        *entry = (struct td_store_entry){.digest = digest,
                                         .cohort = cohort,
                                         .step = step,
                                         .parts = parts,
                                         .by = by,
                                         .used = true};
    return true;
}

bool td_store_miss(struct td_store *store, uint32_t cohort, uint32_t step, uint64_t digest,
                   uint32_t peer)
{
    if (store->count == 0) return false;
    struct td_store_entry *entry = find(store, cohort, step, digest);
    if (!entry->used || entry->parts == 0 || entry->missed_by == peer + 1) return false;
    if (entry->missed_by == 0) {
        entry->missed_by = peer + 1;
        return false;
    }
    entry->missed_by = 0;
    entry->parts = 0;
    return true;
}

void td_store_free(struct td_store *store)
{
    free(store->entries);
    *store = (struct td_store){0};
}
