#include "base/hash.h"

#include "base/assert.h"

#include <string.h>
#include <sys/random.h>

struct td_hash_key td_hash_key_draw(void)
{
    struct td_hash_key key;
    ssize_t got = getrandom(&key, sizeof key, 0);
    TD_ASSERT(got ==
              (ssize_t)sizeof key); /* so few bytes come whole, or not before there are any */
    return key;
}

static uint64_t turn(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static void round_of(uint64_t v[static 4])
{
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}

static void add(uint64_t v[static 4], uint64_t word)
{
    v[3] ^= word;
    round_of(v);
    v[0] ^= word;
}

uint64_t td_hash(const struct td_hash_key *key, const void *bytes, size_t length)
{
    uint64_t v[4] = {
        key->words[0] ^ UINT64_C(0x736F6D6570736575), key->words[1] ^ UINT64_C(0x646F72616E646F6D),
        key->words[0] ^ UINT64_C(0x6C7967656E657261), key->words[1] ^ UINT64_C(0x7465646279746573)};
    const unsigned char *at = bytes;
    uint64_t word;
    size_t left = length;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        add(v, word);
    }
    word = (uint64_t)length << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)at[i] << 8 * i;
    add(v, word);
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        round_of(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
