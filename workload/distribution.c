#include "workload/distribution.h"

#include "base/assert.h"

#include <gsl/gsl_sf_erf.h>
#include <math.h>

/* Mean of a normal distribution given that it is not below 0: with a = -mean/sd and the hazard
 * h(a) = pdf(a) / (1 - cdf(a)) of the standard one, mean + sd h(a) = sd (h(a) - a). */
static double normal_mean(double mean, double sd)
{
    double a = -mean / sd;
    /* h is below 1e-190; GSL would report the underflow as an error. */
    if (a < -30) return mean;
    if (a < 5) return mean + sd * gsl_sf_hazard(a);
    /* Laplace's continued fraction, h(a) - a = 1/(a + 2/(a + 3/(a + ...))), where the difference
     * above would cancel. 100 terms give every digit from a = 5 up. */
    double tail = a;
    for (int i = 100; i >= 2; i--)
        tail = a + i / tail;
    return sd / tail;
}

double td_dist_mean(const struct td_dist *dist)
{
    const double *p = dist->parameter;
    double sum = 0, before = 0;
    switch (dist->kind) {
    case TD_DIST_CONSTANT:
    case TD_DIST_EXPONENTIAL:
        return p[0];
    case TD_DIST_UNIFORM:
        return p[0] + (p[1] - p[0]) / 2;
    case TD_DIST_NORMAL:
        return normal_mean(p[0], p[1]);
    case TD_DIST_LOGNORMAL:
        return exp(p[0] + p[1] * p[1] / 2);
    case TD_DIST_GAMMA:
        return p[0] * p[1];
    case TD_DIST_WEIBULL:
        return p[1] * tgamma(1 + 1 / p[0]);
    case TD_DIST_PARETO:
        return p[0] > 1 ? p[1] * (p[0] / (p[0] - 1)) : HUGE_VAL;
    case TD_DIST_TRIANGULAR:
        return (p[0] + p[1] + p[2]) / 3;
    case TD_DIST_BETA:
        return p[2] + (p[3] - p[2]) * (p[0] / (p[0] + p[1]));
    case TD_DIST_EMPIRICAL:
        for (size_t i = 0; i < dist->count; i++)
            sum += dist->values[i];
        return sum / (double)dist->count;
    case TD_DIST_MIXTURE:
        for (size_t i = 0; i < dist->count; i++) {
            sum += (dist->values[i] - before) * td_dist_mean(dist->parts[i]);
            before = dist->values[i];
        }
        return sum;
    case TD_DIST_SHIFTED:
        return p[0] + td_dist_mean(dist->parts[0]);
    }
    TD_ASSERT(!"a distribution of an unknown kind");
    return 0;
}

/* The smallest of `count` values. */
static double least_of(const double *values, size_t count)
{
    double least = HUGE_VAL;
    for (size_t i = 0; i < count; i++)
        least = fmin(least, values[i]);
    return least;
}

double td_dist_least(const struct td_dist *dist)
{
    /* what is computed with rounding can fall short of the support by the last digits */
    const double hair = 1 - 1e-12;
    double least = HUGE_VAL;
    switch (dist->kind) {
    case TD_DIST_CONSTANT:
        return dist->parameter[0];
    case TD_DIST_UNIFORM:
    case TD_DIST_TRIANGULAR:
        return dist->parameter[0] * hair;
    case TD_DIST_BETA:
        return dist->parameter[2] * hair;
    case TD_DIST_PARETO:
        return dist->parameter[1] * hair;
    case TD_DIST_EMPIRICAL:
        return least_of(dist->values, dist->count);
    case TD_DIST_MIXTURE:
        for (size_t i = 0; i < dist->count; i++)
            least = fmin(least, td_dist_least(dist->parts[i]));
        return least;
    case TD_DIST_SHIFTED:
        return dist->parameter[0] + td_dist_least(dist->parts[0]);
    default:
        return 0;
    }
}

bool td_dist_has_variance(const struct td_dist *dist)
{
    if (dist->kind == TD_DIST_PARETO) return dist->parameter[0] > 2;
    if (dist->kind == TD_DIST_SHIFTED) return td_dist_has_variance(dist->parts[0]);
    if (dist->kind != TD_DIST_MIXTURE) return true;
    for (size_t i = 0; i < dist->count; i++)
        if (!td_dist_has_variance(dist->parts[i])) return false;
    return true;
}

bool td_dist_is_constant(const struct td_dist *dist)
{
    const double *p = dist->parameter;
    switch (dist->kind) {
    case TD_DIST_CONSTANT:
        return true;
    case TD_DIST_UNIFORM:
        return p[0] >= p[1];
    case TD_DIST_TRIANGULAR:
        return p[0] >= p[2];
    case TD_DIST_BETA:
        return p[2] >= p[3];
    case TD_DIST_EMPIRICAL:
        for (size_t i = 1; i < dist->count; i++)
            if (dist->values[i] != dist->values[0]) return false;
        return true;
    case TD_DIST_MIXTURE:
        for (size_t i = 0; i < dist->count; i++)
            if (!td_dist_is_constant(dist->parts[i]) ||
                td_dist_mean(dist->parts[i]) != td_dist_mean(dist->parts[0]))
                return false;
        return true;
    case TD_DIST_SHIFTED:
        return td_dist_is_constant(dist->parts[0]);
    default:
        return false;
    }
}
