#include "report/student.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdbool.h>

/* P(|T| >= t) for t >= 0. Up to 1,000 degrees of freedom by the incomplete beta function
 * (Abramowitz and Stegun 26.7.1), since gsl_cdf_tdist_Q is off by up to 8e-7 of the value in the
 * tails from 31 on; above it is exact, and the incomplete beta function is not. */
static double both_tails(double t, double freedom)
{
    if (freedom > 1000.0) return 2.0 * gsl_cdf_tdist_Q(t, freedom);
    gsl_sf_result result;
    double x = freedom / (freedom + t * t);
    int status = gsl_sf_beta_inc_e(freedom / 2.0, 0.5, x, &result);
    if (status == GSL_EUNDRFLW) return 0.0;
    return status == GSL_SUCCESS ? result.val : (double)NAN;
}

double td_student_two_sided(double t, double freedom)
{
    if (isnan(t) || !(freedom >= 1.0)) return (double)NAN;
    gsl_error_handler_t *before = gsl_set_error_handler_off();
    double p = both_tails(fabs(t), freedom);
    (void)gsl_set_error_handler(before);
    if (p < 0.0) return 0.0;
    return p > 1.0 ? 1.0 : p;
}

double td_student_quantile(double confidence, double freedom)
{
    if (!(confidence > 0.0 && confidence < 1.0) || !(freedom >= 1.0)) return (double)NAN;
    gsl_error_handler_t *before = gsl_set_error_handler_off();
    double tails = 1.0 - confidence;
    double t = gsl_cdf_tdist_Qinv(tails / 2.0, freedom);
    /* GSL stops at nine digits; two steps of Newton's method give the rest. */
    for (int i = 0; i < 2; i++) {
        double slope = 2.0 * gsl_ran_tdist_pdf(t, freedom);
        if (slope > 0.0) t += (both_tails(t, freedom) - tails) / slope;
    }
    (void)gsl_set_error_handler(before);
    return t;
}

void td_holm(const double *p, size_t count, double *adjusted)
{
    size_t tests = 0;
    for (size_t i = 0; i < count; i++) {
        adjusted[i] = (double)NAN;
        if (!isnan(p[i])) tests++;
    }
    double largest = 0.0;
    for (size_t rank = 0; rank < tests; rank++) {
        size_t smallest = count;
        for (size_t i = 0; i < count; i++) {
            bool waits = !isnan(p[i]) && isnan(adjusted[i]);
            if (waits && (smallest == count || p[i] < p[smallest])) smallest = i;
        }
        double corrected = fmin(1.0, p[smallest] * (double)(tests - rank));
        largest = fmax(largest, corrected);
        adjusted[smallest] = largest;
    }
}
