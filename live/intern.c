#include "live/intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t slot_of(const struct td_intern *intern, const char *text)
{
    uint64_t hash = td_hash(&intern->key, text, strlen(text));
    uint32_t slot = (uint32_t)hash & (intern->table_capacity - 1);
    while (intern->table[slot] != 0 && strcmp(intern->texts[intern->table[slot] - 1], text) != 0)
        slot = (slot + 1) & (intern->table_capacity - 1);
    return slot;
}

/* Room for one text more, the table at most half full. */
static bool reserve(struct td_intern *intern)
{
    if (intern->count == intern->capacity) {
        uint32_t capacity = intern->capacity == 0 ? 32 : 2 * intern->capacity;
        char **texts = realloc(intern->texts, capacity * sizeof *texts);
        if (texts == NULL) return false;
        intern->texts = texts;
        intern->capacity = capacity;
    }
    if (2 * (intern->count + 1) <= intern->table_capacity) return true;
    uint32_t capacity = intern->table_capacity == 0 ? 128 : 2 * intern->table_capacity;
    uint32_t *table = calloc(capacity, sizeof *table);
    if (table == NULL) return false;
    if (intern->table == NULL) intern->key = td_hash_key_draw();
    free(intern->table);
    intern->table = table;
    intern->table_capacity = capacity;
    for (uint32_t i = 0; i < intern->count; i++)
        table[slot_of(intern, intern->texts[i])] = i + 1;
    return true;
}

uint32_t td_intern_find(const struct td_intern *intern, const char *text)
{
    if (text == NULL || intern->count == 0) return 0;
    return intern->table[slot_of(intern, text)];
}

uint32_t td_intern(struct td_intern *intern, const char *text)
{
    if (text == NULL) return 0;
    if (!reserve(intern)) return TD_INTERN_FULL;
    uint32_t slot = slot_of(intern, text);
    if (intern->table[slot] != 0) return intern->table[slot];
    char *copy = strdup(text);
    if (copy == NULL) return TD_INTERN_FULL;
    intern->texts[intern->count++] = copy;
    intern->table[slot] = intern->count;
    return intern->count;
}

const char *td_intern_text(const struct td_intern *intern, uint32_t number)
{
    return number == 0 ? NULL : intern->texts[number - 1];
}

void td_intern_free(struct td_intern *intern)
{
    for (uint32_t i = 0; i < intern->count; i++)
        free(intern->texts[i]);
    free(intern->texts);
    free(intern->table);
    *intern = (struct td_intern){0};
}
