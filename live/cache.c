#include "live/cache.h"

#include <stdlib.h>

static struct td_cache_entry *find(const struct td_cache *cache, uint32_t cohort, uint32_t step,
                                   uint64_t digest)
{
    uint64_t hash = (digest ^ ((uint64_t)cohort << 32 | step)) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t slot = (uint32_t)(hash >> 32) & (cache->capacity - 1);
    struct td_cache_entry *entry;
    while ((entry = &cache->entries[slot])->parts != 0 &&
           (entry->digest != digest || entry->cohort != cohort || entry->step != step))
        slot = (slot + 1) & (cache->capacity - 1);
    return entry;
}

uint32_t td_cache_parts(const struct td_cache *cache, uint32_t cohort, uint32_t step,
                        uint64_t digest)
{
    return cache->count == 0 ? 0 : find(cache, cohort, step, digest)->parts;
}

/* Room for one artifact more, at most half full. */
static bool reserve(struct td_cache *cache)
{
    if (2 * (cache->count + 1) <= cache->capacity) return true;
    struct td_cache_entry *old = cache->entries;
    uint32_t old_capacity = cache->capacity, capacity = old_capacity == 0 ? 64 : 2 * old_capacity;
    struct td_cache_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) return false;
    cache->entries = entries;
    cache->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++)
        if (old[i].parts != 0) *find(cache, old[i].cohort, old[i].step, old[i].digest) = old[i];
    free(old);
    return true;
}

bool td_cache_publish(struct td_cache *cache, uint32_t cohort, uint32_t step, uint64_t digest,
                      uint32_t parts)
{
    if (parts == 0) return true;
    if (!reserve(cache)) return false;
    struct td_cache_entry *entry = find(cache, cohort, step, digest);
    cache->count += entry->parts == 0;
    if (entry->parts < parts)
        *entry = (struct td_cache_entry){
            .digest = digest, .cohort = cohort, .step = step, .parts = parts};
    return true;
}

void td_cache_free(struct td_cache *cache)
{
    free(cache->entries);
    *cache = (struct td_cache){0};
}
