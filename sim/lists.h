/* Lists of changes, and what is published of the artifacts that they settle.
 *
 * In a dependent pipeline a change's variant of a step is settled by the ordered list of the
 * changes that touch it, from the head of the queue down to the change itself. Lists are interned:
 * equal lists have equal numbers, a list is its parent (the list that begins it) and its last
 * change. Number 0 is the empty list, that of the untouched variant.
 */
#ifndef TD_SIM_LISTS_H
#define TD_SIM_LISTS_H

#include "engine/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_LIST_NONE UINT32_MAX

struct td_list {
    uint32_t parent;
    td_peer last;
};

/* Parts of one artifact that are published. */
struct td_list_parts {
    uint64_t place; /* of cohort and step, as the caller numbers them */
    uint32_t list;  /* 0: a free slot */
    uint16_t parts;
};

struct td_lists {
    struct td_list *items; /* by number */
    uint32_t count, capacity;
    uint32_t *table; /* (parent, last) -> number, open addressing; 0 is free */
    uint32_t table_capacity;
    struct td_list_parts *published; /* open addressing */
    uint32_t published_count, published_capacity;
};

/* Forgets all, keeping the memory. False if there is none for the empty list. */
bool td_lists_reset(struct td_lists *lists);
void td_lists_free(struct td_lists *lists);

/* The list with one change more. TD_LIST_NONE if memory is short. */
uint32_t td_lists_append(struct td_lists *lists, uint32_t list, td_peer change);

/* How many parts are published, the first ones. `list` is not the empty one. */
uint32_t td_lists_parts(const struct td_lists *lists, uint64_t place, uint32_t list);
/* One more than `part` are. False if memory is short. */
bool td_lists_publish(struct td_lists *lists, uint64_t place, uint32_t list, uint32_t part);

#endif
