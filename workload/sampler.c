#include "workload/sampler.h"

#include "base/assert.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

/* A normal distribution with its mean further than this many deviations below 0 is, above 0, an
 * exponential one but for a relative 1e-8; GSL's tail would lose its digits to cancellation. */
#define FAR_BELOW_ZERO 1e4

/* The draw's blocks as an endless stream of words; lives on the stack of one sample. */
struct stream {
    const struct td_draw *draw;
    uint32_t block;
    unsigned used;
    uint32_t words[4];
};

static uint32_t next_word(struct stream *stream)
{
    if (stream->used == 4) {
        TD_ASSERT(stream->block < UINT32_C(1) << 24);
        td_draw_block(stream->draw, stream->block++, stream->words);
        stream->used = 0;
    }
    return stream->words[stream->used++];
}

static unsigned long stream_get(void *state)
{
    return next_word(state);
}

static double stream_get_double(void *state)
{
    uint32_t high = next_word(state), low = next_word(state);
    return td_uniform(high, low);
}

/* Is never seeded: its state is made for one draw. */
static const gsl_rng_type philox_type = {
    .name = "philox4x32-10",
    .max = UINT32_MAX,
    .min = 0,
    .size = sizeof(struct stream),
    .set = NULL,
    .get = stream_get,
    .get_double = stream_get_double,
};

/* Redrawn below 0, without drawing for ever where nearly all of it lies there. */
static double sample_normal(gsl_rng *rng, double mean, double sd)
{
    if (mean < 0) {
        if (-mean > FAR_BELOW_ZERO * sd) return gsl_ran_exponential(rng, sd * (sd / -mean));
        return fmax(0, mean + gsl_ran_gaussian_tail(rng, -mean, sd));
    }
    double sample;
    do
        sample = mean + gsl_ran_gaussian(rng, sd);
    while (sample < 0);
    return sample;
}

/* By the inverse of the distribution function; GSL has no triangular one. */
static double sample_triangular(double u, double min, double mode, double max)
{
    double width = max - min, left = mode - min;
    if (u * width < left) return min + sqrt(u * width * left);
    return max - sqrt((1 - u) * width * (max - mode));
}

static double sample(const struct td_dist *dist, gsl_rng *rng)
{
    const double *p = dist->parameter;
    size_t i = 0;
    double u;
    switch (dist->kind) {
    case TD_DIST_CONSTANT:
        return p[0];
    case TD_DIST_UNIFORM:
        return p[0] + (p[1] - p[0]) * gsl_rng_uniform(rng);
    case TD_DIST_EXPONENTIAL:
        return -p[0] * log(1 - gsl_rng_uniform(rng));
    case TD_DIST_NORMAL:
        return sample_normal(rng, p[0], p[1]);
    case TD_DIST_LOGNORMAL:
        return gsl_ran_lognormal(rng, p[0], p[1]);
    case TD_DIST_GAMMA:
        return gsl_ran_gamma(rng, p[0], p[1]);
    case TD_DIST_WEIBULL:
        return gsl_ran_weibull(rng, p[1], p[0]);
    case TD_DIST_PARETO:
        return gsl_ran_pareto(rng, p[0], p[1]);
    case TD_DIST_TRIANGULAR:
        return sample_triangular(gsl_rng_uniform(rng), p[0], p[1], p[2]);
    case TD_DIST_BETA:
        return p[2] + (p[3] - p[2]) * gsl_ran_beta(rng, p[0], p[1]);
    case TD_DIST_EMPIRICAL:
        i = (size_t)(gsl_rng_uniform(rng) * (double)dist->count);
        return dist->values[i < dist->count ? i : dist->count - 1];
    case TD_DIST_MIXTURE:
        u = gsl_rng_uniform(rng);
        while (u >= dist->values[i])
            i++;
        return sample(dist->parts[i], rng);
    case TD_DIST_SHIFTED:
        return p[0] + sample(dist->parts[0], rng);
    }
    TD_ASSERT(!"a distribution of an unknown kind");
    return 0;
}

double td_sample_general(const struct td_dist *dist, const struct td_draw *draw)
{
    struct stream stream = {.draw = draw, .used = 4};
    gsl_rng rng = {.type = &philox_type, .state = &stream};
    return sample(dist, &rng);
}
