/* Hashes for tables whose keys strangers choose: SipHash-1-3 under a key that nobody outside can
 * know, so that nobody can prepare keys that all fall into one slot. Not for checking what was
 * sent or stored. */
#ifndef TD_BASE_HASH_H
#define TD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct td_hash_key {
    uint64_t words[2];
};

/* A key from the system's randomness. */
struct td_hash_key td_hash_key_draw(void);
uint64_t td_hash(const struct td_hash_key *key, const void *bytes, size_t length);

#endif
