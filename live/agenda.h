/* Peers in the order of a time, ties by peer: who has to be seen to next. A binary heap in which
 * every peer knows its place, so that its time can change.
 *
 * Cost: td_agenda_set() the logarithm of those that are in it, all else nothing to speak of.
 */
#ifndef TD_LIVE_AGENDA_H
#define TD_LIVE_AGENDA_H

#include "base/time.h"
#include "engine/types.h"

#include <stdbool.h>

struct td_agenda_entry {
    td_time at;
    td_peer peer;
};

struct td_agenda {
    struct td_agenda_entry *entries; /* the heap */
    uint32_t *places;                /* by peer: its place in the heap + 1; 0: it is not in it */
    uint32_t count, room;
};

/* Room for the peers below `peers`. False if memory is short. */
bool td_agenda_reserve(struct td_agenda *agenda, uint32_t peers);
/* A peer that there is room for is in it with this time; TD_TIME_MAX takes it out. */
void td_agenda_set(struct td_agenda *agenda, td_peer peer, td_time at);
/* The first one, TD_NO_PEER if there is none. */
td_peer td_agenda_first(const struct td_agenda *agenda);
/* Its time, TD_TIME_MAX if there is none. */
td_time td_agenda_due(const struct td_agenda *agenda);
void td_agenda_free(struct td_agenda *agenda);

#endif
