/* Samples by a counter-based generator: a sample is a function of its key and of nothing else.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011, as in Random123) turns the key into blocks of random bits; gsl_rng presents them to GSL's
 * distributions. So policies are compared on the same luck, and any number of threads draws the
 * same numbers.
 *
 *     struct td_draw draw = {.seed = 1, .replication = 1, .peer = 0, .step = 4,
 *                            .purpose = TD_DRAW_BUILD};
 *     td_time length = td_round_ns(td_sample(step->build, &draw) / speed);
 */
#ifndef TD_WORKLOAD_SAMPLER_H
#define TD_WORKLOAD_SAMPLER_H

#include "base/time.h"
#include "workload/distribution.h"
#include "workload/exponential.h"

#include <Random123/philox.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "-ffast-math would change the bytes of the results"
#endif

enum td_purpose {
    TD_DRAW_BUILD,
    TD_DRAW_FETCH,
    TD_DRAW_OVERHEAD,
    TD_DRAW_ARRIVAL,
    TD_DRAW_LOT,        /* the numbers that `random` ranks by; `peer` is then the cohort */
    TD_DRAW_FACTOR,     /* of a step's builds, the same for all peers; `peer` is 0 */
    TD_DRAW_HIT,        /* whether a fetch finds what is published; step + steps x part */
    TD_DRAW_FLAKY,      /* whether an attempt fails by accident; step + steps x attempt */
    TD_DRAW_BROKEN,     /* whether the base breaks a step; `peer` is the cohort */
    TD_DRAW_BREAKS,     /* whether a change breaks a step */
    TD_DRAW_LEAVES,     /* when a peer leaves, */
    TD_DRAW_RETURNS,    /* and comes back */
    TD_DRAW_SLOW_AFTER, /* when it becomes slow, */
    TD_DRAW_SLOW_FOR,   /* and for how long */
};

/* What a sample depends on. 64 + 32 + 32 + 32 bits and a purpose of at most 8 bits. */
struct td_draw {
    uint64_t seed;
    uint32_t replication; /* from 1 */
    uint32_t peer;        /* the peer's place in the scenario, from 0 */
    uint32_t step;        /* the step's index in the schema, from 0; its count for the rest */
    enum td_purpose purpose;
};

/* Block `block` (below 2^24) of the draw's stream: 128 random bits. The seed is the key; step,
 * peer, replication, and purpose with block are the counter's four words. */
static inline void td_draw_block(const struct td_draw *draw, uint32_t block, uint32_t out[4])
{
    philox4x32_key_t key = {{(uint32_t)draw->seed, (uint32_t)(draw->seed >> 32)}};
    philox4x32_ctr_t counter = {
        {draw->step, draw->peer, draw->replication, (uint32_t)draw->purpose << 24 | block}};
    philox4x32_ctr_t bits = philox4x32_R(10, counter, key);
    for (int i = 0; i < 4; i++)
        out[i] = bits.v[i];
}

/* A number from [0, 1) with 53 bits, out of two words of a block. */
static inline double td_uniform(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

/* The first 64 of these bits of a draw's stream. */
static inline uint64_t td_draw_bits(const struct td_draw *draw)
{
    uint32_t bits[4];
    td_draw_block(draw, 0, bits);
    return (uint64_t)bits[0] << 32 | bits[1];
}

/* A sample of mean 1 from the first block of a draw's stream, and further ones if need be. */
static inline double td_exponential(const struct td_draw *draw)
{
    double sample;
    if (td_exponential_at_once(td_draw_bits(draw), &sample)) return sample;
    return td_exponential_outside(*draw);
}

/* td_sample() for any distribution, through GSL. */
double td_sample_general(const struct td_dist *dist, const struct td_draw *draw);

/* One sample in nanoseconds, not rounded, never negative, perhaps infinite.
 * Cost: constant 1 ns, exponential some 15 ns, the others 30 to 150 ns. */
static inline double td_sample(const struct td_dist *dist, const struct td_draw *draw)
{
    if (dist->kind == TD_DIST_EXPONENTIAL) return dist->parameter[0] * td_exponential(draw);
    if (dist->kind == TD_DIST_CONSTANT) return dist->parameter[0];
    const struct td_draw copy = *draw; /* for this path only the draw has to be in memory */
    return td_sample_general(dist, &copy);
}

/* True with the probability. Nothing is drawn for 0 and 1. */
static inline bool td_sample_chance(double probability, const struct td_draw *draw)
{
    if (probability <= 0) return false;
    if (probability >= 1) return true;
    uint32_t bits[4];
    td_draw_block(draw, 0, bits);
    return td_uniform(bits[0], bits[1]) < probability;
}

/* 63 random bits for the draw, not negative. */
static inline int64_t td_sample_lot(const struct td_draw *draw)
{
    uint32_t bits[4];
    td_draw_block(draw, 0, bits);
    return (int64_t)(((uint64_t)bits[0] << 32 | bits[1]) >> 1);
}

/* To the nearest nanosecond, halves up; `ns` is not negative. TD_TIME_MAX + 1 for what passes
 * TD_TIME_MAX, infinity and NaN included. */
static inline td_time td_round_ns(double ns)
{
    /* Below 26 days: beside 2^52 a double has no room for a fraction, so that the sum is rounded,
     * halves to even, and the number is in its low bits. Next events wait for it, and it is there
     * in a third of the time of a conversion and back. */
    if (__builtin_expect(FLT_EVAL_METHOD == 0 && ns < 0x1p51, 1)) {
        double sum = ns + 0x1p52, two_to_52 = 0x1p52;
        int64_t bits, bits_of_none;
        memcpy(&bits, &sum, sizeof bits);
        memcpy(&bits_of_none, &two_to_52, sizeof bits_of_none);
        td_time whole = bits - bits_of_none;
        if (__builtin_expect(ns - (sum - two_to_52) == 0.5, 0)) whole++; /* a half that went down */
        return whole;
    }
    /* TD_TIME_MAX is no double; the next whole number is. */
    if (!(ns < (double)TD_TIME_MAX)) return TD_TIME_MAX + 1;
    /* The difference is exact, unlike the sum in floor(ns + 0.5). */
    td_time whole = (td_time)ns;
    return whole + (ns - (double)whole >= 0.5);
}

#endif
