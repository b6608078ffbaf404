/* An arena: memory that is taken piece by piece and given back all at once.
 *
 * Whatever is read from one file lives in one arena, so that nothing in it is freed on its own and
 * an error half-way leaks nothing. Memory comes zeroed and aligned for any type.
 *
 * Errors: an allocation that fails returns NULL and leaves the arena as it was.
 * Cost: constant, apart from the zeroing; a chunk of memory serves many pieces.
 */
#ifndef TD_BASE_ARENA_H
#define TD_BASE_ARENA_H

#include <stddef.h>

struct td_arena;

struct td_arena *td_arena_create(void);
void td_arena_destroy(struct td_arena *arena); /* NULL is allowed */

void *td_arena_alloc(struct td_arena *arena, size_t size);

/* `count` pieces of `size` bytes, NULL also where the product would overflow. */
void *td_arena_array(struct td_arena *arena, size_t count, size_t size);

/* A copy of `length` bytes with a terminating zero. */
char *td_arena_text(struct td_arena *arena, const char *text, size_t length);

/* A text as printf() would write it. */
char *td_arena_format(struct td_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
