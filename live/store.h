/* What of each artifact is published, part by part, as the peers have reported it: the live world's
 * truth for peers that have no cache of their own to look into. */
#ifndef TD_LIVE_STORE_H
#define TD_LIVE_STORE_H

#include "engine/types.h"

#include <stdbool.h>
#include <stdint.h>

struct td_store_entry {
    uint64_t digest;
    uint32_t cohort, step; /* step: the schema's count for the rest */
    uint32_t parts;        /* the first ones are published */
    td_peer by;            /* who published the last of them */
    uint32_t missed_by;    /* a peer + 1 that did not find it in the cache; 0: none */
    bool used;             /* else it is a free slot */
};

struct td_store {
    struct td_store_entry *entries; /* open addressing */
    uint32_t count, capacity;
};

/* How many parts are published. */
uint32_t td_store_parts(const struct td_store *store, uint32_t cohort, uint32_t step,
                        uint64_t digest);
/* Who published it; TD_NO_PEER if it is not published. */
td_peer td_store_publisher(const struct td_store *store, uint32_t cohort, uint32_t step,
                           uint64_t digest);
/* At least that many are, by this peer. False if memory is short. */
bool td_store_publish(struct td_store *store, uint32_t cohort, uint32_t step, uint64_t digest,
                      uint32_t parts, td_peer by);
/* A peer has not found what is published. True if it is the second one: then it counts as lost, and
 * nothing of it is published any more. */
bool td_store_miss(struct td_store *store, uint32_t cohort, uint32_t step, uint64_t digest,
                   uint32_t peer);
void td_store_free(struct td_store *store);

#endif
