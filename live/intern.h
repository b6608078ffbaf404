/* Texts as numbers: equal texts have equal numbers, from 1 in the order in which they first came; a
 * text that is left out (NULL) is 0. What the engine knows of names and digests. */
#ifndef TD_LIVE_INTERN_H
#define TD_LIVE_INTERN_H

#include "base/hash.h"

#include <stdint.h>

struct td_intern {
    char **texts;    /* by number - 1; owned */
    uint32_t *table; /* numbers by hash, open addressing; 0 is free */
    uint32_t count, capacity, table_capacity;
    struct td_hash_key key; /* drawn with the first text: peers choose the texts */
};

#define TD_INTERN_FULL UINT32_MAX

/* The number of a text, made if it is new; TD_INTERN_FULL if memory is short. */
uint32_t td_intern(struct td_intern *intern, const char *text);
/* The same, 0 if it is new. */
uint32_t td_intern_find(const struct td_intern *intern, const char *text);
/* The text of a number, NULL for 0. */
const char *td_intern_text(const struct td_intern *intern, uint32_t number);
void td_intern_free(struct td_intern *intern);

#endif
