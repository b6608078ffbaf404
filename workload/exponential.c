#include "workload/exponential.h"

#include "workload/sampler.h"

#include <math.h>

double td_exponential_outside(struct td_draw draw)
{
    for (uint32_t block = 0;; block++) {
        uint32_t words[4];
        td_draw_block(&draw, block, words);
        uint64_t place = ((uint64_t)words[0] << 32 | words[1]) >> 11;
        uint32_t i = words[1] & 0xff;
        double x = (double)(int64_t)place * td_exponential_layers[i].width;
        if (place < td_exponential_layers[i].inner) return x;
        double u = td_uniform(words[2], words[3]);
        if (i == 0) /* the tail is exponential again, behind the last edge; 1 - u is never 0 */
            return -log(td_exponential_heights[255]) - log(1 - u);
        double low = td_exponential_heights[i], high = td_exponential_heights[i - 1];
        if (low + u * (high - low) < exp(-x)) return x;
    }
}
