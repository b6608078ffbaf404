/* Eight draws at once: what td_draw_block() does one by one, four counters in each register. Eight
 * would fit in one of AVX-512, but where these are used some processors lower their clock. */
#include "workload/bundle.h"

#include "base/assert.h"

#include <stdlib.h>

#define ROUNDS 10
#define LANES 4 /* of a register, 64 bits each */

/* A round makes (high(b) ^ c[1] ^ key[0], low(b), high(a) ^ c[3] ^ key[1], low(a)) of a counter,
 * with a = M0 * c[0] and b = M1 * c[2]. It begins as (step, peer, replication, purpose << 24). This
 * is what follows from that without the replication, of eight draws side by side. */
struct td_known {
    uint64_t peer[TD_DRAW_BUNDLE]; /* ^ key[0] of the first round */
    uint64_t high[TD_DRAW_BUNDLE]; /* high(b) ^ key[0] of the second round */
    uint64_t low[TD_DRAW_BUNDLE];  /* low(b) of the second round */
    uint64_t step[TD_DRAW_BUNDLE]; /* low(a) of the first round ^ key[1] of the second */
};

#define KNOWN_ROUNDS 2 /* but for half of the second one, in after_known() */

/* Of the rounds that follow, as often as there are lanes. */
struct td_keys {
    uint64_t word[ROUNDS - KNOWN_ROUNDS][2][LANES];
};

static uint32_t round_key(uint64_t seed, uint32_t round, uint32_t word)
{
    if (word == 0) return (uint32_t)seed + round * (uint32_t)PHILOX_W32_0;
    return (uint32_t)(seed >> 32) + round * (uint32_t)PHILOX_W32_1;
}

bool td_lanes_create(struct td_lanes *lanes, uint64_t seed, uint32_t count)
{
    TD_ASSERT(count % TD_DRAW_BUNDLE == 0);
    *lanes = (struct td_lanes){
        .seed = seed,
        .count = count,
        .known = calloc(count / TD_DRAW_BUNDLE, sizeof *lanes->known),
        .keys = malloc(sizeof *lanes->keys),
    };
    if (lanes->known == NULL || lanes->keys == NULL) {
        td_lanes_destroy(lanes);
        return false;
    }
    for (uint32_t round = KNOWN_ROUNDS; round < ROUNDS; round++)
        for (uint32_t i = 0; i < 2 * LANES; i++)
            lanes->keys->word[round - KNOWN_ROUNDS][i / LANES][i % LANES] =
                round_key(seed, round, i / LANES);
    return true;
}

void td_lanes_destroy(struct td_lanes *lanes)
{
    free(lanes->known);
    free(lanes->keys);
    *lanes = (struct td_lanes){0};
}

void td_lanes_set(struct td_lanes *lanes, uint32_t lane, const struct td_draw *draw)
{
    uint64_t a = (uint64_t)draw->step * PHILOX_M4x32_0; /* of the first round */
    uint32_t third =
        (uint32_t)(a >> 32) ^ (uint32_t)draw->purpose << 24 ^ round_key(lanes->seed, 0, 1);
    uint64_t b = (uint64_t)third * PHILOX_M4x32_1;
    TD_ASSERT(lane < lanes->count);
    struct td_known *known = &lanes->known[lane / TD_DRAW_BUNDLE];
    uint32_t i = lane % TD_DRAW_BUNDLE;
    known->peer[i] = draw->peer ^ round_key(lanes->seed, 0, 0);
    known->high[i] = (uint32_t)(b >> 32) ^ round_key(lanes->seed, 1, 0);
    known->low[i] = (uint32_t)b;
    known->step[i] = (uint32_t)a ^ round_key(lanes->seed, 1, 1);
}

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>

/* Each word is in the low half of a lane; what is in the high half does not matter. */
struct counters {
    __m256i word[4];
};

__attribute__((target("avx2"), always_inline)) static inline struct counters
one_round(struct counters c, __m256i key0, __m256i key1)
{
    const __m256i a = _mm256_mul_epu32(c.word[0], _mm256_set1_epi64x(PHILOX_M4x32_0));
    const __m256i b = _mm256_mul_epu32(c.word[2], _mm256_set1_epi64x(PHILOX_M4x32_1));
    const __m256i high_a = _mm256_srli_epi64(a, 32), high_b = _mm256_srli_epi64(b, 32);
    return (struct counters){{_mm256_xor_si256(high_b, _mm256_xor_si256(c.word[1], key0)), b,
                              _mm256_xor_si256(high_a, _mm256_xor_si256(c.word[3], key1)), a}};
}

/* The first two words of each block. */
__attribute__((target("avx2"), always_inline)) static inline void put(struct counters c,
                                                                      uint64_t *bits)
{
    const __m256i second = _mm256_and_si256(c.word[1], _mm256_set1_epi64x(UINT32_MAX));
    _mm256_storeu_si256((__m256i *)(void *)bits,
                        _mm256_or_si256(_mm256_slli_epi64(c.word[0], 32), second));
}

__attribute__((target("avx2"), always_inline)) static inline void
draw_bundle(const struct td_draw *draw, uint64_t *bits)
{
    __m256i key0 = _mm256_set1_epi64x((uint32_t)draw->seed);
    __m256i key1 = _mm256_set1_epi64x((int64_t)(draw->seed >> 32));
    struct counters low = {
        {_mm256_add_epi64(_mm256_set1_epi64x(draw->step), _mm256_set_epi64x(3, 2, 1, 0)),
         _mm256_set1_epi64x(draw->peer), _mm256_set1_epi64x(draw->replication),
         _mm256_set1_epi64x((int64_t)draw->purpose << 24)}};
    struct counters high = low;
    high.word[0] = _mm256_add_epi64(low.word[0], _mm256_set1_epi64x(LANES));
#pragma GCC unroll 10
    for (int round = 0; round < ROUNDS; round++) {
        low = one_round(low, key0, key1);
        high = one_round(high, key0, key1);
        key0 = _mm256_add_epi32(key0, _mm256_set1_epi64x(PHILOX_W32_0));
        key1 = _mm256_add_epi32(key1, _mm256_set1_epi64x(PHILOX_W32_1));
    }
    put(low, bits);
    put(high, bits + LANES);
}

__attribute__((target("avx2"), always_inline)) static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

/* After the first two rounds, of half of the draws. `high` and `low` are those of b of the first
 * round. */
__attribute__((target("avx2"), always_inline)) static inline struct counters
after_known(const struct td_known *known, size_t from, __m256i high, __m256i low)
{
    const __m256i a = _mm256_mul_epu32(_mm256_xor_si256(high, load(known->peer + from)),
                                       _mm256_set1_epi64x(PHILOX_M4x32_0));
    return (struct counters){
        {_mm256_xor_si256(low, load(known->high + from)), load(known->low + from),
         _mm256_xor_si256(_mm256_srli_epi64(a, 32), load(known->step + from)), a}};
}

__attribute__((target("avx2"), always_inline)) static inline void
draw_lanes(const struct td_lanes *lanes, uint32_t replication, uint64_t *bits)
{
    uint64_t b = (uint64_t)replication * PHILOX_M4x32_1;
    const __m256i high = _mm256_set1_epi64x((int64_t)(b >> 32));
    const __m256i low = _mm256_set1_epi64x((uint32_t)b);
    for (uint32_t i = 0; i < lanes->count; i += TD_DRAW_BUNDLE) {
        const struct td_known *known = &lanes->known[i / TD_DRAW_BUNDLE];
        struct counters one = after_known(known, 0, high, low);
        struct counters other = after_known(known, LANES, high, low);
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS - KNOWN_ROUNDS; round++) {
            const __m256i key0 = load(lanes->keys->word[round][0]);
            const __m256i key1 = load(lanes->keys->word[round][1]);
            one = one_round(one, key0, key1);
            other = one_round(other, key0, key1);
        }
        put(one, bits + i);
        put(other, bits + i + LANES);
    }
}

/* The same code twice: with AVX-512 three values are combined by one instruction. */
__attribute__((target("avx2"))) static void bundle_with_avx2(const struct td_draw *draw,
                                                             uint64_t *bits)
{
    draw_bundle(draw, bits);
}

__attribute__((target("avx2"))) static void lanes_with_avx2(const struct td_lanes *lanes,
                                                            uint32_t replication, uint64_t *bits)
{
    draw_lanes(lanes, replication, bits);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void
bundle_with_avx512(const struct td_draw *draw, uint64_t *bits)
{
    draw_bundle(draw, bits);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void
lanes_with_avx512(const struct td_lanes *lanes, uint32_t replication, uint64_t *bits)
{
    draw_lanes(lanes, replication, bits);
}

void td_draw_bundle(const struct td_draw *draw, uint64_t bits[TD_DRAW_BUNDLE])
{
    TD_ASSERT(td_draw_bundle_is_there());
    if (__builtin_cpu_supports("avx512vl"))
        bundle_with_avx512(draw, bits);
    else
        bundle_with_avx2(draw, bits);
}

void td_lanes_draw(const struct td_lanes *lanes, uint32_t replication, uint64_t *bits)
{
    TD_ASSERT(td_draw_bundle_is_there());
    if (__builtin_cpu_supports("avx512vl"))
        lanes_with_avx512(lanes, replication, bits);
    else
        lanes_with_avx2(lanes, replication, bits);
}

bool td_draw_bundle_is_there(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

#else

void td_draw_bundle(const struct td_draw *draw, uint64_t bits[TD_DRAW_BUNDLE])
{
    (void)draw;
    (void)bits;
    TD_ASSERT(td_draw_bundle_is_there());
}

void td_lanes_draw(const struct td_lanes *lanes, uint32_t replication, uint64_t *bits)
{
    (void)lanes;
    (void)replication;
    (void)bits;
    TD_ASSERT(td_draw_bundle_is_there());
}

bool td_draw_bundle_is_there(void)
{
    return false;
}

#endif
