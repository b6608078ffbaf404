/* Eight draws at once: what td_draw_block() does one by one, four counters in each register. Eight
 * would fit in one of AVX-512, but to use these makes processors slower in all that they do. */
#include "base/assert.h"
#include "workload/sampler.h"

#if defined __x86_64__ && defined __GNUC__

#include <immintrin.h>

#define ROUNDS 10
#define LANES 4 /* of a register, 64 bits each */

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

/* Eight draws with one key, at the same time. */
__attribute__((target("avx2"), always_inline)) static inline void
draw_eight(uint64_t seed, struct counters low, struct counters high, uint64_t *bits)
{
    __m256i key0 = _mm256_set1_epi64x((uint32_t)seed);
    __m256i key1 = _mm256_set1_epi64x((int64_t)(seed >> 32));
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

__attribute__((target("avx2"), always_inline)) static inline void
draw_bundle(const struct td_draw *draw, uint64_t *bits)
{
    struct counters low = {
        {_mm256_add_epi64(_mm256_set1_epi64x(draw->step), _mm256_set_epi64x(3, 2, 1, 0)),
         _mm256_set1_epi64x(draw->peer), _mm256_set1_epi64x(draw->replication),
         _mm256_set1_epi64x((int64_t)draw->purpose << 24)}};
    struct counters high = low;
    high.word[0] = _mm256_add_epi64(low.word[0], _mm256_set1_epi64x(LANES));
    draw_eight(draw->seed, low, high, bits);
}

__attribute__((target("avx2"), always_inline)) static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

__attribute__((target("avx2"), always_inline)) static inline struct counters
counters_of(const struct td_lanes *lanes, uint32_t from, uint32_t replication)
{
    return (struct counters){{load(lanes->steps + from), load(lanes->peers + from),
                              _mm256_set1_epi64x(replication), load(lanes->purposes + from)}};
}

__attribute__((target("avx2"), always_inline)) static inline void
draw_lanes(uint64_t seed, uint32_t replication, const struct td_lanes *lanes, uint64_t *bits)
{
    for (uint32_t i = 0; i < lanes->count; i += 2 * LANES)
        draw_eight(seed, counters_of(lanes, i, replication),
                   counters_of(lanes, i + LANES, replication), bits + i);
}

/* The same code twice: with AVX-512 there are instructions that take three operands. */
__attribute__((target("avx2"))) static void bundle_with_avx2(const struct td_draw *draw,
                                                             uint64_t *bits)
{
    draw_bundle(draw, bits);
}

__attribute__((target("avx2"))) static void
lanes_with_avx2(uint64_t seed, uint32_t replication, const struct td_lanes *lanes, uint64_t *bits)
{
    draw_lanes(seed, replication, lanes, bits);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void
bundle_with_avx512(const struct td_draw *draw, uint64_t *bits)
{
    draw_bundle(draw, bits);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void
lanes_with_avx512(uint64_t seed, uint32_t replication, const struct td_lanes *lanes, uint64_t *bits)
{
    draw_lanes(seed, replication, lanes, bits);
}

void td_draw_bundle(const struct td_draw *draw, uint64_t bits[TD_DRAW_BUNDLE])
{
    TD_ASSERT(td_draw_bundle_is_there());
    if (__builtin_cpu_supports("avx512vl"))
        bundle_with_avx512(draw, bits);
    else
        bundle_with_avx2(draw, bits);
}

void td_draw_lanes(uint64_t seed, uint32_t replication, const struct td_lanes *lanes,
                   uint64_t *bits)
{
    TD_ASSERT(td_draw_bundle_is_there() && lanes->count % TD_DRAW_BUNDLE == 0);
    if (__builtin_cpu_supports("avx512vl"))
        lanes_with_avx512(seed, replication, lanes, bits);
    else
        lanes_with_avx2(seed, replication, lanes, bits);
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

void td_draw_lanes(uint64_t seed, uint32_t replication, const struct td_lanes *lanes,
                   uint64_t *bits)
{
    (void)seed;
    (void)replication;
    (void)lanes;
    (void)bits;
    TD_ASSERT(td_draw_bundle_is_there());
}

bool td_draw_bundle_is_there(void)
{
    return false;
}

#endif
