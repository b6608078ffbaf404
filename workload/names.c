#include "workload/names_internal.h"

#include <string.h>

/* FNV-1a, 64 bits. */
static uint32_t slot_of(const struct td_names *names, const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++)
        hash = (hash ^ *byte) * UINT64_C(0x100000001b3);
    uint32_t slot = (uint32_t)(hash ^ hash >> 32) & names->mask;
    while (names->text[slot] != NULL && strcmp(names->text[slot], text) != 0)
        slot = (slot + 1) & names->mask;
    return slot;
}

bool td_names_create(struct td_names *names, struct td_arena *arena, uint32_t count)
{
    uint32_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    names->mask = slots - 1;
    names->text = td_arena_array(arena, slots, sizeof *names->text);
    names->number = td_arena_array(arena, slots, sizeof *names->number);
    return names->text != NULL && names->number != NULL;
}

uint32_t td_names_add(struct td_names *names, const char *text, uint32_t number)
{
    uint32_t slot = slot_of(names, text);
    if (names->text[slot] != NULL) return names->number[slot];
    names->text[slot] = text;
    names->number[slot] = number;
    return TD_NAME_NONE;
}

uint32_t td_names_find(const struct td_names *names, const char *text)
{
    uint32_t slot = slot_of(names, text);
    return names->text[slot] == NULL ? TD_NAME_NONE : names->number[slot];
}
