/* What of each artifact is published, part by part, as the peers have reported it: the live world's
 * truth for peers that have no cache of their own to look into. */
#ifndef TD_LIVE_STORE_H
#define TD_LIVE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct td_store_entry {
    uint64_t digest;
    uint32_t cohort, step; /* step: the schema's count for the rest */
    uint32_t parts;        /* the first ones are published; 0: a free slot */
};

struct td_store {
    struct td_store_entry *entries; /* open addressing */
    uint32_t count, capacity;
};

/* How many parts are published. */
uint32_t td_store_parts(const struct td_store *store, uint32_t cohort, uint32_t step,
                        uint64_t digest);
/* At least that many are. False if memory is short. */
bool td_store_publish(struct td_store *store, uint32_t cohort, uint32_t step, uint64_t digest,
                      uint32_t parts);
void td_store_free(struct td_store *store);

#endif
