/* Student's t against its closed forms and tables; Holm's correction against worked examples. */
#include "report/student.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PI 3.14159265358979323846
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_near(double value, double expected, double relative)
{
    if (fabs(value - expected) <= relative * fabs(expected)) return;
    fail_msg("%.17g instead of %.17g", value, expected);
}

/* One degree of freedom is Cauchy's distribution; two and four have elementary forms. */
static void closed_forms(void **state)
{
    (void)state;
    for (int percent = 1; percent < 100; percent++) {
        double c = percent / 100.0;
        assert_near(td_student_quantile(c, 1), tan(PI * c / 2.0), 1e-10);
        assert_near(td_student_quantile(c, 2), c * sqrt(2.0 / (1.0 - c * c)), 1e-10);
    }
    for (int power = -10; power < 14; power++) {
        double t = ldexp(1.0, power);
        assert_near(td_student_two_sided(t, 1), 2.0 / PI * atan(1.0 / t), 1e-12);
        double root = sqrt(2.0 + t * t);
        assert_near(td_student_two_sided(t, 2), 2.0 / (root * (root + t)), 1e-12);
    }
}

/* From scipy.stats.t.sf, and its inverse by Newton's method: 2.262157162798205 as in R. */
static void tables(void **state)
{
    (void)state;
    static const struct {
        double confidence, freedom, t;
    } quantiles[] = {
        {0.95, 9, 2.262157162798204},    {0.95, 30, 2.042272456301237},
        {0.95, 31, 2.039513446396408},   {0.95, 99, 1.984216951586417},
        {0.95, 999, 1.96234146113345},   {0.95, 1000, 1.962339080826408},
        {0.95, 1001, 1.962336705280879}, {0.95, 99999, 1.959987707771844},
        {0.5, 3, 0.7648923284043453},    {0.9, 5, 2.015048373333024},
        {0.99, 4, 4.604094871349992},    {0.999, 29, 3.659405019466332},
    };
    static const struct {
        double t, freedom, p;
    } tails[] = {
        {2.5, 9, 0.03386182768298571},
        {-2.5, 9, 0.03386182768298571},
        {8, 31, 4.940263701903391e-09},
        {17, 31, 2.88246450593652e-17},
        {30, 99, 1.700849911728204e-51},
        {100, 5, 1.896001422462366e-09},
        {10000000000.0, 3, 2.205315581687153e-30},
        {37, 1000, 1.730078880991379e-189},
        {37, 1001, 1.500305074579403e-189},
        {12, 99999, 3.744507776240289e-33},
        {1e+60, 4, 6.0000000000001e-240},
        {37, 100000, 1.197462824342413e-297},
    };
    for (size_t i = 0; i < COUNT(quantiles); i++)
        assert_near(td_student_quantile(quantiles[i].confidence, quantiles[i].freedom),
                    quantiles[i].t, 1e-12);
    for (size_t i = 0; i < COUNT(tails); i++)
        assert_near(td_student_two_sided(tails[i].t, tails[i].freedom), tails[i].p, 1e-9);
}

/* P(|T| >= quantile(c)) = 1 - c, for all degrees of freedom and on both sides of the change of
 * method. */
static void quantiles_undo_tails(void **state)
{
    (void)state;
    for (int freedom = 1; freedom < 2000000; freedom += 1 + freedom / 4) {
        for (int percent = 5; percent < 100; percent += 5) {
            double t = td_student_quantile(percent / 100.0, freedom);
            assert_near(td_student_two_sided(t, freedom), 1.0 - percent / 100.0, 1e-9);
        }
    }
}

static void extremes(void **state)
{
    (void)state;
    assert_true(td_student_two_sided(0.0, 7) == 1.0);
    assert_true(td_student_two_sided(1e200, 4) == 0.0);
    assert_true(td_student_two_sided((double)INFINITY, 4) == 0.0);
    assert_true(td_student_two_sided(1e200, 100000) == 0.0);
    assert_true(isnan(td_student_two_sided((double)NAN, 4)));
    assert_true(isnan(td_student_two_sided(1.0, 0.0)));
    assert_true(isnan(td_student_quantile(0.0, 4)));
    assert_true(isnan(td_student_quantile(1.0, 4)));
    assert_true(isnan(td_student_quantile(0.95, 0.0)));
    /* Decreasing down to where a double ends, never below 0. */
    static const double degrees[] = {1, 3, 29, 31, 99, 999, 1000, 1001, 99999};
    for (size_t i = 0; i < COUNT(degrees); i++) {
        double last = 1.0;
        for (int power = -50; power < 2000; power++) {
            double p = td_student_two_sided(pow(1.4, power), degrees[i]);
            assert_true(p >= 0.0 && p <= last);
            last = p;
        }
    }
    static const double confidences[] = {1e-9, 0.001, 0.999999, 1.0 - 1e-12};
    for (size_t i = 0; i < COUNT(confidences); i++)
        for (int freedom = 1; freedom < 1000000; freedom *= 3)
            assert_true(td_student_quantile(confidences[i], freedom) > 0.0);
}

static void holm(void **state)
{
    (void)state;
    double nan = (double)NAN;
    static const struct {
        double p[5], adjusted[5];
        size_t count;
    } cases[] = {
        /* R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") */
        {{0.01, 0.04, 0.03, 0.005}, {0.03, 0.06, 0.06, 0.02}, 4},
        /* The correction never falls, and never passes 1. */
        {{0.02, 0.021, 0.9, 0.022, 0.8}, {0.1, 0.1, 1, 0.1, 1}, 5},
        {{0.2, 0.2, 0.2}, {0.6, 0.6, 0.6}, 3},
        {{0.03}, {0.03}, 1},
        {{0.0, 1e-300}, {0.0, 1e-300}, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double adjusted[5];
        td_holm(cases[i].p, cases[i].count, adjusted);
        for (size_t k = 0; k < cases[i].count; k++)
            assert_near(adjusted[k], cases[i].adjusted[k], 1e-14);
    }
    /* Without a p-value it is no test. */
    double p[] = {nan, 0.04, nan, 0.01}, adjusted[4];
    td_holm(p, 4, adjusted);
    assert_true(isnan(adjusted[0]) && isnan(adjusted[2]));
    assert_near(adjusted[1], 0.04, 1e-14);
    assert_near(adjusted[3], 0.02, 1e-14);
    td_holm(p, 0, adjusted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms),
        cmocka_unit_test(tables),
        cmocka_unit_test(quantiles_undo_tails),
        cmocka_unit_test(extremes),
        cmocka_unit_test(holm),
    };
    return cmocka_run_group_tests_name("student", tests, NULL, NULL);
}
