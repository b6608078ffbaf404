#include "live/agenda.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

bool td_agenda_reserve(struct td_agenda *agenda, uint32_t peers)
{
    if (peers <= agenda->room) return true;
    uint32_t room = peers + peers / 2 + 16;
    struct td_agenda_entry *entries = realloc(agenda->entries, room * sizeof *entries);
    if (entries == NULL) return false;
    agenda->entries = entries;
    uint32_t *places = realloc(agenda->places, room * sizeof *places);
    if (places == NULL) return false;
    memset(places + agenda->room, 0, (room - agenda->room) * sizeof *places);
    agenda->places = places;
    agenda->room = room;
    return true;
}

static bool before(struct td_agenda_entry a, struct td_agenda_entry b)
{
    return a.at < b.at || (a.at == b.at && a.peer < b.peer);
}

static void put(struct td_agenda *agenda, uint32_t place, struct td_agenda_entry entry)
{
    agenda->entries[place] = entry;
    agenda->places[entry.peer] = place + 1;
}

static void sift_up(struct td_agenda *agenda, uint32_t place, struct td_agenda_entry entry)
{
    while (place > 0 && before(entry, agenda->entries[(place - 1) / 2])) {
        put(agenda, place, agenda->entries[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(agenda, place, entry);
}

static void sift_down(struct td_agenda *agenda, uint32_t place, struct td_agenda_entry entry)
{
    const struct td_agenda_entry *entries = agenda->entries;
    for (uint32_t child; (child = 2 * place + 1) < agenda->count; place = child) {
        if (child + 1 < agenda->count && before(entries[child + 1], entries[child])) child++;
        if (!before(entries[child], entry)) break;
        put(agenda, place, entries[child]);
    }
    put(agenda, place, entry);
}

void td_agenda_set(struct td_agenda *agenda, td_peer peer, td_time at)
{
    TD_ASSERT(peer < agenda->room);
    struct td_agenda_entry entry = {.at = at, .peer = peer};
    uint32_t place = agenda->places[peer];
    if (at == TD_TIME_MAX) {
        if (place == 0) return;
        agenda->places[peer] = 0;
        if (place == agenda->count--) return;
        entry = agenda->entries[agenda->count]; /* the last one takes its place */
    } else if (place == 0) {
        place = ++agenda->count;
    }
    if (place > 1 && before(entry, agenda->entries[(place - 2) / 2]))
        sift_up(agenda, place - 1, entry);
    else
        sift_down(agenda, place - 1, entry);
}

td_peer td_agenda_first(const struct td_agenda *agenda)
{
    return agenda->count == 0 ? TD_NO_PEER : agenda->entries[0].peer;
}

td_time td_agenda_due(const struct td_agenda *agenda)
{
    return agenda->count == 0 ? TD_TIME_MAX : agenda->entries[0].at;
}

void td_agenda_free(struct td_agenda *agenda)
{
    free(agenda->entries);
    free(agenda->places);
    *agenda = (struct td_agenda){0};
}
