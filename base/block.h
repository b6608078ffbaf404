/* Blocks of memory, zeroed, aligned to cache lines; large ones on huge pages where the system has
 * them: what is read at random from a large table is found in fewer steps then. */
#ifndef TD_BASE_BLOCK_H
#define TD_BASE_BLOCK_H

#include <stddef.h>

/* NULL if there is no memory. Free it with free(). */
void *td_block_alloc(size_t count, size_t size);

#endif
