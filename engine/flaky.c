/* How often a step has failed by accident on a peer: sparse, since most never do. */
#include "engine/engine_internal.h"

static struct flaky_entry *find(const struct flaky *flaky, uint64_t key)
{
    uint32_t mask = flaky->capacity - 1;
    uint32_t slot = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;
    while (flaky->entries[slot].key != 0 && flaky->entries[slot].key != key)
        slot = (slot + 1) & mask;
    return &flaky->entries[slot];
}

static bool grow(struct flaky *flaky)
{
    if (2 * (flaky->count + 1) <= flaky->capacity) return true;
    struct flaky old = *flaky;
    flaky->capacity = old.capacity == 0 ? 64 : 2 * old.capacity;
    flaky->entries = calloc(flaky->capacity, sizeof *flaky->entries);
    if (flaky->entries == NULL) {
        *flaky = old;
        return false;
    }
    for (uint32_t i = 0; i < old.capacity; i++)
        if (old.entries[i].key != 0) *find(flaky, old.entries[i].key) = old.entries[i];
    free(old.entries);
    return true;
}

bool td_flaky_count(struct flaky *flaky, td_peer peer, td_step step, uint32_t *count)
{
    if (!grow(flaky)) return false;
    uint64_t key = ((uint64_t)peer + 1) << 32 | step;
    struct flaky_entry *entry = find(flaky, key);
    if (entry->key == 0) {
        entry->key = key;
        entry->count = 0;
        flaky->count++;
    }
    if (peer > flaky->newest) flaky->newest = peer;
    *count = ++entry->count;
    return true;
}

void td_flaky_forget(struct flaky *flaky, td_peer peer)
{
    if (peer > flaky->newest) return; /* as each is that comes for the first time */
    /* a count of 0 is as good as no entry, and leaves the chains of the others whole */
    for (uint32_t i = 0; flaky->count != 0 && i < flaky->capacity; i++)
        if (flaky->entries[i].key >> 32 == (uint64_t)peer + 1) flaky->entries[i].count = 0;
}

void td_flaky_reset(struct flaky *flaky)
{
    if (flaky->count != 0) memset(flaky->entries, 0, flaky->capacity * sizeof *flaky->entries);
    flaky->count = 0;
    flaky->newest = 0;
}

bool td_flaky_copy(struct flaky *to, const struct flaky *from)
{
    if (from->count == 0) {
        td_flaky_reset(to);
        return true;
    }
    if (!td_table_copy(&to->entries, &to->capacity, from->entries, from->capacity,
                       sizeof *from->entries))
        return false;
    to->count = from->count;
    to->newest = from->newest;
    return true;
}
