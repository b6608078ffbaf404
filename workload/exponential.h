/* Exponential samples by the ziggurat method (Marsaglia and Tsang 2000): 256 layers of equal area
 * cover exp(-x); a draw picks a layer and a place in it, and 98.9% of the time that is all. The
 * inverse of the distribution function needs a logarithm each time. */
#ifndef TD_WORKLOAD_EXPONENTIAL_H
#define TD_WORKLOAD_EXPONENTIAL_H

#include <stdint.h>

struct td_exponential_layer {
    double width;   /* of 2^-53 of the layer */
    uint64_t inner; /* places below it lie under the curve for sure */
};

extern const struct td_exponential_layer td_exponential_layers[256];
extern const double td_exponential_heights[256]; /* exp(-x) at each layer's right edge */

struct td_draw;

/* The 1.1% for which the layer is not enough; `bits` is the draw's first block. */
double td_exponential_outside(const struct td_draw *draw, const uint32_t bits[4]);

/* A sample of mean 1 from the first block of a draw's stream, and further ones if need be. */
static inline double td_exponential(const struct td_draw *draw, const uint32_t bits[4])
{
    uint64_t place = ((uint64_t)bits[0] << 32 | bits[1]) >> 11; /* 53 bits */
    const struct td_exponential_layer *layer = &td_exponential_layers[bits[1] & 0xff];
    if (__builtin_expect(place < layer->inner, 1)) return (double)(int64_t)place * layer->width;
    return td_exponential_outside(draw, bits);
}

#endif
