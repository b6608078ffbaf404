/* Exponential samples by the ziggurat method (Marsaglia and Tsang 2000): 256 layers of equal area
 * cover exp(-x); a draw picks a layer and a place in it, and 97.8% of the time that is all. The
 * inverse of the distribution function needs a logarithm each time. */
#ifndef TD_WORKLOAD_EXPONENTIAL_H
#define TD_WORKLOAD_EXPONENTIAL_H

#include <stdbool.h>
#include <stdint.h>

struct td_exponential_layer {
    double width;   /* of 2^-53 of the layer */
    uint64_t inner; /* places below it lie under the curve for sure */
};

extern const struct td_exponential_layer td_exponential_layers[256];
extern const double td_exponential_heights[256]; /* exp(-x) at each layer's right edge */

/* A sample of mean 1 from 64 random bits; false if they are not enough. */
static inline bool td_exponential_at_once(uint64_t bits, double *sample)
{
    const struct td_exponential_layer *layer = &td_exponential_layers[bits & 0xff];
    uint64_t place = bits >> 11; /* 53 bits */
    *sample = (double)(int64_t)place * layer->width;
    return __builtin_expect(place < layer->inner, 1);
}

struct td_draw;

/* A sample of mean 1; called for the 2.2% for which the layer is not enough. The draw comes by
 * value, so that the others need not have it in memory. */
double td_exponential_outside(struct td_draw draw);

#endif
