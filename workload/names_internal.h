/* An index of distinct texts: which number has this name? The texts are not copied. Internal to
 * this room. */
#ifndef TD_WORKLOAD_NAMES_INTERNAL_H
#define TD_WORKLOAD_NAMES_INTERNAL_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define TD_NAME_NONE UINT32_MAX

struct td_names {
    const char **text; /* a hash table with open addressing; NULL where it is empty */
    uint32_t *number;
    uint32_t mask;
};

/* Room for `count` names (at most 2^29), in the arena. False without memory. */
bool td_names_create(struct td_names *names, struct td_arena *arena, uint32_t count);

/* Gives `text` the number, unless it has one: then returns that, otherwise TD_NAME_NONE. */
uint32_t td_names_add(struct td_names *names, const char *text, uint32_t number);

/* TD_NAME_NONE if it was never added. */
uint32_t td_names_find(const struct td_names *names, const char *text);

#endif
