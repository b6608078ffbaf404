/* Samples by a counter-based generator: a sample is a function of its key and of nothing else.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
 * as in Random123) turns the key into blocks of random bits; gsl_rng presents them to GSL's
 * distributions. So policies are compared on the same luck, and any number of threads draws the
 * same numbers.
 */
#ifndef TD_WORKLOAD_SAMPLER_H
#define TD_WORKLOAD_SAMPLER_H

#include "base/time.h"
#include "workload/distribution.h"

#include <stdint.h>

enum td_purpose {
    TD_DRAW_BUILD,
    TD_DRAW_FETCH,
    TD_DRAW_OVERHEAD,
    TD_DRAW_ARRIVAL,
    TD_DRAW_LOT, /* the numbers that `random` ranks by; `peer` is then the cohort */
};

/* What a sample depends on. 64 + 32 + 32 + 32 bits and a purpose of at most 8 bits. */
struct td_draw {
    uint64_t seed;
    uint32_t replication; /* from 1 */
    uint32_t peer;        /* the peer's place in the scenario, from 0 */
    uint32_t step;        /* the step's index in the schema, from 0; its count for the rest */
    enum td_purpose purpose;
};

/* One sample in nanoseconds, not rounded, never negative, perhaps infinite. Cost: some 30 ns. */
double td_sample(const struct td_dist *dist, const struct td_draw *draw);

/* 63 random bits for the draw, not negative. */
int64_t td_sample_lot(const struct td_draw *draw);

/* To the nearest nanosecond, halves up. TD_TIME_MAX + 1 for what passes TD_TIME_MAX. */
td_time td_round_ns(double ns);

#endif
