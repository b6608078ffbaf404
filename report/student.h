/* Student's t distribution and Holm's correction, to the last digits that a double has.
 *
 * GSL cannot abort on any input of these functions; what has no value is NaN.
 */
#ifndef TD_REPORT_STUDENT_H
#define TD_REPORT_STUDENT_H

#include <stddef.h>

/* The t that |T| stays below with probability `confidence` (0 to 1, excluded); `freedom` >= 1. */
double td_student_quantile(double confidence, double freedom);

/* P(|T| >= |t|): the two-sided p-value. May be tiny, is never negative. */
double td_student_two_sided(double t, double freedom);

/* Holm's step-down correction: adjusted[i] for p[i]. A NaN stays NaN and does not count as a test.
 * With m tests the smallest p-value is multiplied by m, the next by m - 1 and so on; none becomes
 * smaller than one before it, or larger than 1 (Holm 1979). Cost: count squared. */
void td_holm(const double *p, size_t count, double *adjusted);

#endif
