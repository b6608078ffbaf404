/* Durations and the distributions that they are drawn from.
 *
 * A distribution is an immutable value in the scenario's arena; it is made by the scenario reader
 * (workload/scenario.h) and sampled by workload/sampler.h. Definitions and parameters are those of
 * the GNU Scientific Library's manual, chapter "Random Number Distributions".
 *
 * Unit: everything with the dimension of time is in nanoseconds, as a double that is not rounded
 * yet (model 3.4: each length is rounded once, after speed and fraction have been applied).
 */
#ifndef TD_WORKLOAD_DISTRIBUTION_H
#define TD_WORKLOAD_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

enum td_dist_kind {
    TD_DIST_CONSTANT,
    TD_DIST_UNIFORM,
    TD_DIST_EXPONENTIAL,
    TD_DIST_NORMAL, /* redrawn below 0 */
    TD_DIST_LOGNORMAL,
    TD_DIST_GAMMA,
    TD_DIST_WEIBULL,
    TD_DIST_PARETO,
    TD_DIST_TRIANGULAR,
    TD_DIST_BETA,
    TD_DIST_EMPIRICAL,
    TD_DIST_MIXTURE,
    TD_DIST_SHIFTED,
};

struct td_dist {
    enum td_dist_kind kind;
    /* Of the kind, in the order of the scenario's words; time in nanoseconds:
     * constant {value}; uniform {min, max}; exponential {mean}; normal {mean, sd};
     * lognormal {mu, sigma} with mu the logarithm of nanoseconds; gamma {shape, scale};
     * weibull {shape, scale}; pareto {shape, scale}; triangular {min, mode, max};
     * beta {a, b, min, max}; shifted {by}. */
    double parameter[4];
    size_t count;         /* empirical: values; mixture: components */
    const double *values; /* empirical: the values; mixture: cumulated weights, last 1 */
    const struct td_dist *const *parts; /* mixture: the components; shifted: the one shifted */
};

/* Mean in nanoseconds; +infinity where it is not finite (pareto with shape <= 1). */
double td_dist_mean(const struct td_dist *dist);

/* A number that no sample is below: the end of the distribution's support, or a hair before it. */
double td_dist_least(const struct td_dist *dist);

/* False where the variance is infinite (pareto with shape <= 2), so that intervals don't hold. */
bool td_dist_has_variance(const struct td_dist *dist);

/* True if every sample is the same. */
bool td_dist_is_constant(const struct td_dist *dist);

#endif
