#include "sim/lists.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(uint64_t a, uint64_t b, uint32_t capacity)
{
    uint64_t hash = (a ^ b * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(hash >> 32) & (capacity - 1);
}

bool td_lists_reset(struct td_lists *lists)
{
    if (lists->capacity == 0) {
        lists->items = malloc(64 * sizeof *lists->items);
        if (lists->items == NULL) return false;
        lists->capacity = 64;
    }
    lists->items[0] = (struct td_list){0};
    lists->count = 1;
    if (lists->table_capacity != 0)
        memset(lists->table, 0, lists->table_capacity * sizeof *lists->table);
    if (lists->published_count != 0)
        memset(lists->published, 0, lists->published_capacity * sizeof *lists->published);
    lists->published_count = 0;
    return true;
}

void td_lists_free(struct td_lists *lists)
{
    free(lists->items);
    free(lists->table);
    free(lists->published);
}

static uint32_t find(const struct td_lists *lists, uint32_t parent, td_peer last)
{
    uint32_t slot = slot_of(parent, last, lists->table_capacity);
    for (uint32_t list; (list = lists->table[slot]) != 0;
         slot = (slot + 1) & (lists->table_capacity - 1))
        if (lists->items[list].parent == parent && lists->items[list].last == last) break;
    return slot;
}

/* Room for one more list, the table at most half full. */
static bool reserve(struct td_lists *lists)
{
    if (lists->count == lists->capacity) {
        uint32_t capacity = 2 * lists->capacity;
        struct td_list *items = realloc(lists->items, capacity * sizeof *items);
        if (items == NULL) return false;
        lists->items = items;
        lists->capacity = capacity;
    }
    if (2 * lists->count <= lists->table_capacity) return true;
    uint32_t capacity = 4 * lists->capacity;
    uint32_t *table = calloc(capacity, sizeof *table);
    if (table == NULL) return false;
    free(lists->table);
    lists->table = table;
    lists->table_capacity = capacity;
    for (uint32_t list = 1; list < lists->count; list++)
        table[find(lists, lists->items[list].parent, lists->items[list].last)] = list;
    return true;
}

uint32_t td_lists_append(struct td_lists *lists, uint32_t list, td_peer change)
{
    if (!reserve(lists)) return TD_LIST_NONE;
    uint32_t *entry = &lists->table[find(lists, list, change)];
    if (*entry == 0) {
        lists->items[lists->count] = (struct td_list){.parent = list, .last = change};
        *entry = lists->count++;
    }
    return *entry;
}

static struct td_list_parts *find_parts(const struct td_lists *lists, uint64_t place, uint32_t list)
{
    uint32_t slot = slot_of(place, list, lists->published_capacity);
    while (lists->published[slot].list != 0 &&
           (lists->published[slot].list != list || lists->published[slot].place != place))
        slot = (slot + 1) & (lists->published_capacity - 1);
    return &lists->published[slot];
}

uint32_t td_lists_parts(const struct td_lists *lists, uint64_t place, uint32_t list)
{
    TD_ASSERT(list != 0);
    return lists->published_count == 0 ? 0 : find_parts(lists, place, list)->parts;
}

/* Room for one artifact more, at most half full. */
static bool reserve_parts(struct td_lists *lists)
{
    if (2 * (lists->published_count + 1) <= lists->published_capacity) return true;
    struct td_list_parts *old = lists->published;
    uint32_t old_capacity = lists->published_capacity;
    uint32_t capacity = old_capacity == 0 ? 64 : 2 * old_capacity;
    struct td_list_parts *published = calloc(capacity, sizeof *published);
    if (published == NULL) return false;
    lists->published = published;
    lists->published_capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++)
        if (old[i].list != 0) *find_parts(lists, old[i].place, old[i].list) = old[i];
    free(old);
    return true;
}

bool td_lists_publish(struct td_lists *lists, uint64_t place, uint32_t list, uint32_t part)
{
    TD_ASSERT(list != 0);
    if (!reserve_parts(lists)) return false;
    struct td_list_parts *entry = find_parts(lists, place, list);
    lists->published_count += entry->list == 0;
    *entry = (struct td_list_parts){.place = place, .list = list, .parts = (uint16_t)(part + 1)};
    return true;
}
