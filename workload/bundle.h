/* Eight draws at once: those of neighbouring steps in the time of two, on processors with AVX2.
 * They are td_draw_bits() to the last bit.
 */
#ifndef TD_WORKLOAD_BUNDLE_H
#define TD_WORKLOAD_BUNDLE_H

#include "workload/sampler.h"

/* True if they are there on this processor. */
bool td_draw_bundle_is_there(void);

#define TD_DRAW_BUNDLE 8u

/* td_draw_bits() of draw->step and the steps that follow it. */
void td_draw_bundle(const struct td_draw *draw, uint64_t bits[TD_DRAW_BUNDLE]);

/* For whoever needs most of the samples of neighbouring steps: their draws, made together. All have
 * one key but for the step. */
struct td_bundle {
    uint64_t bits[TD_DRAW_BUNDLE];
    uint32_t first; /* step; TD_NO_BUNDLE: there are none yet */
};

#define TD_NO_BUNDLE UINT32_MAX

/* td_sample() by the bundle, which is made anew if it has not got that step; only where bundles are
 * there. False if it takes more than that: another distribution, or more bits. */
static inline bool td_sample_bundled(const struct td_dist *dist, const struct td_draw *draw,
                                     struct td_bundle *bundle, double *sample)
{
    if (dist->kind != TD_DIST_EXPONENTIAL) return false;
    uint32_t first = draw->step / TD_DRAW_BUNDLE * TD_DRAW_BUNDLE;
    if (__builtin_expect(bundle->first != first, 0)) {
        struct td_draw of_first = *draw; /* for this path only the draw has to be in memory */
        of_first.step = bundle->first = first;
        td_draw_bundle(&of_first, bundle->bits);
    }
    if (!td_exponential_at_once(bundle->bits[draw->step - first], sample)) return false;
    *sample *= dist->parameter[0];
    return true;
}

/* Draws of any steps, peers and purposes with one seed, prepared once for many replications: of the
 * ten rounds one and a half depend on no replication. */
struct td_lanes {
    uint64_t seed;
    uint32_t count; /* a multiple of TD_DRAW_BUNDLE */
    struct td_known *known;
    struct td_keys *keys;
};

/* False if memory is short. The bits of a lane that is not set mean nothing. */
bool td_lanes_create(struct td_lanes *lanes, uint64_t seed, uint32_t count);
void td_lanes_destroy(struct td_lanes *lanes);
/* The draw's replication does not matter. */
void td_lanes_set(struct td_lanes *lanes, uint32_t lane, const struct td_draw *draw);
/* Only where bundles are there. */
void td_lanes_draw(const struct td_lanes *lanes, uint32_t replication, uint64_t *bits);

/* What a lane takes, with its bits. */
#define TD_LANE_BYTES (5 * sizeof(uint64_t))

#endif
