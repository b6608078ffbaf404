#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CHUNK 16384u
#define LARGEST_CHUNK (1u << 20)

struct chunk {
    struct chunk *before;
    size_t size, used;
    max_align_t memory[];
};

struct td_arena {
    struct chunk *last;
    size_t next_size; /* grows, so that a large scenario takes few chunks and a small one little */
};

struct td_arena *td_arena_create(void)
{
    struct td_arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL) arena->next_size = FIRST_CHUNK;
    return arena;
}

void td_arena_destroy(struct td_arena *arena)
{
    if (arena == NULL) return;
    for (struct chunk *chunk = arena->last; chunk != NULL;) {
        struct chunk *before = chunk->before;
        free(chunk);
        chunk = before;
    }
    free(arena);
}

static struct chunk *grow(struct td_arena *arena, size_t size)
{
    size_t room = size > arena->next_size ? size : arena->next_size;
    if (room > SIZE_MAX - sizeof(struct chunk)) return NULL;
    struct chunk *chunk = calloc(1, sizeof *chunk + room);
    if (chunk == NULL) return NULL;
    chunk->before = arena->last;
    chunk->size = room;
    arena->last = chunk;
    if (arena->next_size < LARGEST_CHUNK) arena->next_size *= 2;
    return chunk;
}

void *td_arena_alloc(struct td_arena *arena, size_t size)
{
    size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - align) return NULL;
    /* A piece of no bytes has an address of its own, too. */
    size_t padded = (size + (size == 0) + align - 1) / align * align;
    struct chunk *chunk = arena->last;
    if (chunk == NULL || chunk->size - chunk->used < padded) chunk = grow(arena, padded);
    if (chunk == NULL) return NULL;
    void *piece = (char *)chunk->memory + chunk->used;
    chunk->used += padded;
    return piece;
}

void *td_arena_array(struct td_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    return td_arena_alloc(arena, total);
}

char *td_arena_text(struct td_arena *arena, const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : td_arena_alloc(arena, length + 1);
    if (copy != NULL) memcpy(copy, text, length);
    return copy;
}

char *td_arena_format(struct td_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : td_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
