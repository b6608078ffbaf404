/* Samples: the generator against its published vectors, every distribution against its closed form.
 *
 * Seeds are fixed, so that a test passes always or never. A shape is tested by the statistic of
 * Kolmogorov and Smirnov over 20,000 samples: its 0.1% point is 1.95 / sqrt(n).
 */
#include "tests/workload/fixture.h"
#include "workload/bundle.h"

#include <gsl/gsl_cdf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 20000
#define KOLMOGOROV 1.95

/* The known answers of Random123's own test, "philox4x32 10". */
static void test_philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        struct td_draw draw;
        uint32_t block, bits[4];
    } cases[] = {
        {{0, 0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, (enum td_purpose)0xff},
         0xffffff,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{UINT64_C(0x299f31d0a4093822), 0x13198a2e, 0x85a308d3, 0x243f6a88, (enum td_purpose)0x03},
         0x707344,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t bits[4];
        td_draw_block(&cases[i].draw, cases[i].block, bits);
        assert_memory_equal(bits, cases[i].bits, sizeof bits);
    }
}

/* Draws that are made together are those that are made one by one, in all of their key's bits. */
static void test_bundles(void **state)
{
    (void)state;
    /* Without AVX2 draws are made one by one. Under valgrind, which has no AVX-512, this is about
     * the way with AVX2 wherever it runs. */
    if (!td_draw_bundle_is_there()) skip();
    struct td_draw draw = {UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX - 3,
                           (enum td_purpose)0xff};
    uint64_t random = 1;
    for (int i = 0; i < 1000; i++) {
        uint64_t bits[TD_DRAW_BUNDLE];
        td_draw_bundle(&draw, bits);
        for (uint32_t k = 0; k < TD_DRAW_BUNDLE; k++) {
            struct td_draw one = draw;
            one.step += k;
            assert_true(bits[k] == td_draw_bits(&one));
        }
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        draw.seed = random ^ random >> 31;
        draw.replication = (uint32_t)(random >> 13);
        draw.peer = (uint32_t)(random >> 20);
        draw.step = (uint32_t)(random >> 32);
        draw.purpose = (enum td_purpose)(random >> 56);
    }
}

/* Nor do those differ that are prepared for many replications. */
static void test_lanes(void **state)
{
    (void)state;
    if (!td_draw_bundle_is_there()) skip();
    enum { COUNT = 3 * TD_DRAW_BUNDLE };
    uint64_t random = 7;
    for (int i = 0; i < 200; i++) {
        static const uint32_t replications[] = {1, 2, 1000003, UINT32_MAX};
        struct td_draw draws[COUNT];
        struct td_lanes lanes;
        uint64_t seed = i == 0 ? UINT64_MAX : random;
        assert_true(td_lanes_create(&lanes, seed, COUNT));
        for (uint32_t lane = 0; lane < COUNT; lane++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            draws[lane] = (struct td_draw){.seed = seed,
                                           .peer = (uint32_t)(random >> 20),
                                           .step = (uint32_t)(random >> 32),
                                           .purpose = (enum td_purpose)(random >> 56)};
            td_lanes_set(&lanes, lane, &draws[lane]);
        }
        for (size_t r = 0; r < sizeof replications / sizeof *replications; r++) {
            uint64_t bits[COUNT];
            td_lanes_draw(&lanes, replications[r], bits);
            for (uint32_t lane = 0; lane < COUNT; lane++) {
                draws[lane].replication = replications[r];
                assert_true(bits[lane] == td_draw_bits(&draws[lane]));
            }
        }
        td_lanes_destroy(&lanes);
    }
}

static void test_uniform_numbers_have_53_bits(void **state)
{
    (void)state;
    assert_true(td_uniform(0, 0) == 0);
    assert_true(td_uniform(0, 0x7ff) == 0);
    assert_true(td_uniform(0, 0x800) == 0x1p-53);
    assert_true(td_uniform(0x80000000, 0) == 0.5);
    assert_true(td_uniform(UINT32_MAX, UINT32_MAX) == 1 - 0x1p-53);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted samples in seconds, a peer each. */
static const double *samples(const struct td_dist *dist, uint64_t seed)
{
    static double out[SAMPLES];
    struct td_draw draw = {.seed = seed, .replication = 3, .step = 5, .purpose = TD_DRAW_BUILD};
    for (int i = 0; i < SAMPLES; i++) {
        draw.peer = (uint32_t)i;
        double ns = td_sample(dist, &draw);
        assert_true(ns >= 0 && ns >= td_dist_least(dist));
        out[i] = ns / 1e9;
    }
    qsort(out, SAMPLES, sizeof *out, compare);
    return out;
}

static double kolmogorov_smirnov(const double *sorted, double (*cdf)(double))
{
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double p = cdf(sorted[i]);
        worst = fmax(worst, fmax(p - (double)i / SAMPLES, (i + 1.0) / SAMPLES - p));
    }
    return worst * sqrt(SAMPLES);
}

/* The distribution functions, in seconds, with the parameters of the table below. */
static double uniform(double x)
{
    return gsl_cdf_flat_P(x, 2, 6);
}
static double exponential(double x)
{
    return gsl_cdf_exponential_P(x, 90);
}
static double normal_above_0(double x, double mean, double sd)
{
    double below = gsl_cdf_gaussian_P(-mean, sd);
    return (gsl_cdf_gaussian_P(x - mean, sd) - below) / (1 - below);
}
static double normal(double x)
{
    return normal_above_0(x, 10, 8);
}
static double normal_half(double x)
{
    return normal_above_0(x, 0, 8);
}
static double normal_negative(double x)
{
    return normal_above_0(x, -10, 5);
}
/* What lies above 0 of a normal distribution far below it is exponential with sd^2 / -mean. */
static double normal_far(double x)
{
    return gsl_cdf_exponential_P(x, 1.0 / 20000);
}
static double lognormal_mean(double x)
{
    double variance = log(1.16);
    return gsl_cdf_lognormal_P(x, log(20) - variance / 2, sqrt(variance));
}
static double lognormal(double x)
{
    return gsl_cdf_lognormal_P(x, -1, 0.5);
}
static double gamma_shape(double x)
{
    return gsl_cdf_gamma_P(x, 2.5, 4);
}
static double gamma_below_1(double x)
{
    return gsl_cdf_gamma_P(x, 0.3, 4);
}
static double gamma_mean(double x)
{
    return gsl_cdf_gamma_P(x, 4, 5);
}
static double weibull(double x)
{
    return gsl_cdf_weibull_P(x, 30, 1.5);
}
static double pareto(double x)
{
    return gsl_cdf_pareto_P(x, 3, 10);
}
/* Density rises to the mode 2 and falls to 7. */
static double triangular(double x)
{
    return x < 2 ? (x - 1) * (x - 1) / 6 : 1 - (7 - x) * (7 - x) / 30;
}
static double beta(double x)
{
    return gsl_cdf_beta_P((x - 5) / 20, 2, 5);
}
static double beta_u(double x)
{
    return gsl_cdf_beta_P(x, 0.5, 0.5);
}
static double mixture(double x)
{
    return 0.25 * gsl_cdf_exponential_P(x, 10) + 0.75 * gsl_cdf_flat_P(x, 20, 30);
}
static double shifted(double x)
{
    return x < 60 ? 0 : gsl_cdf_exponential_P(x - 60, 5);
}

/* Mean and deviation in seconds, by the closed forms of GSL's manual and the usual tables. */
static const struct {
    const char *json;
    double (*cdf)(double);
    double mean, sd;
} table[] = {
    {"{\"uniform\": {\"min\": 2, \"max\": 6}}", uniform, 4, 1.1547005383792515},
    {"{\"exponential\": {\"mean\": \"1m30s\"}}", exponential, 90, 90},
    {"{\"normal\": {\"mean\": 10, \"sd\": 8}}", normal, 11.6338036711894, 6.70766},
    {"{\"normal\": {\"mean\": 0, \"sd\": 8}}", normal_half, 6.3830764864229228, 4.8225},
    {"{\"normal\": {\"mean\": -10, \"sd\": 5}}", normal_negative, 1.8660776641142, 1.69026},
    {"{\"normal\": {\"mean\": -20000, \"sd\": 1}}", normal_far, 4.999999975e-5, 5e-5},
    {"{\"lognormal\": {\"mean\": 20, \"cv\": 0.4}}", lognormal_mean, 20, 8},
    {"{\"lognormal\": {\"mu\": -1, \"sigma\": 0.5}}", lognormal, 0.41686201967850839,
     0.222162590681},
    {"{\"gamma\": {\"shape\": 2.5, \"scale\": 4}}", gamma_shape, 10, 6.3245553203367587},
    {"{\"gamma\": {\"shape\": 0.3, \"scale\": 4}}", gamma_below_1, 1.2, 2.1908902300206643},
    {"{\"gamma\": {\"mean\": 20, \"cv\": 0.5}}", gamma_mean, 20, 10},
    {"{\"weibull\": {\"shape\": 1.5, \"scale\": 30}}", weibull, 27.082358788528, 18.3880737526},
    {"{\"pareto\": {\"shape\": 3, \"scale\": 10}}", pareto, 15, 8.6602540378443873},
    {"{\"triangular\": {\"min\": 1, \"mode\": 2, \"max\": 7}}", triangular, 10.0 / 3,
     1.3123346456686352},
    {"{\"beta\": {\"a\": 2, \"b\": 5, \"min\": 5, \"max\": 25}}", beta, 5 + 40.0 / 7,
     3.1943828249996997},
    {"{\"beta\": {\"a\": 0.5, \"b\": 0.5, \"min\": 0, \"max\": 1}}", beta_u, 0.5,
     0.35355339059327379},
    {"{\"mixture\": [{\"weight\": 1, \"exponential\": {\"mean\": 10}}, {\"weight\": 3, \"of\": "
     "{\"uniform\": {\"min\": 20, \"max\": 30}}}]}",
     mixture, 21.25, 8.569568250501305},
    {"{\"shifted\": {\"by\": \"1m\", \"of\": {\"exponential\": {\"mean\": 5}}}}", shifted, 65, 5},
};

static void test_shape(void **state)
{
    size_t i = (size_t)(uintptr_t)*state;
    struct td_scenario *owner;
    const struct td_dist *dist = duration(table[i].json, &owner);
    const double *sorted = samples(dist, 11);
    double d = kolmogorov_smirnov(sorted, table[i].cdf);
    if (d > KOLMOGOROV) fail_msg("%s: sqrt(n) D = %f", table[i].json, d);

    double mean = 0, square = 0, fourth = 0, expected = table[i].mean;
    for (int k = 0; k < SAMPLES; k++)
        mean += sorted[k] / SAMPLES;
    for (int k = 0; k < SAMPLES; k++) {
        double squared = (sorted[k] - mean) * (sorted[k] - mean);
        square += squared / SAMPLES;
        fourth += squared * squared / SAMPLES;
    }
    double sd = sqrt(square);
    /* Within 4.5 standard errors, that of a deviation by the fourth moment. */
    if (fabs(mean - expected) > 4.5 * table[i].sd / sqrt(SAMPLES))
        fail_msg("%s: mean %.6f, not %.6f", table[i].json, mean, expected);
    double relative = sqrt((fourth / (square * square) - 1) / (4.0 * SAMPLES));
    if (fabs(sd / table[i].sd - 1) > 4.5 * relative)
        fail_msg("%s: deviation %.6f, not %.6f", table[i].json, sd, table[i].sd);
    double claimed = td_dist_mean(dist) / 1e9;
    if (fabs(claimed / expected - 1) > 1e-9)
        fail_msg("%s: mean by formula %.15g, not %.15g", table[i].json, claimed, expected);
    td_scenario_destroy(owner);
}

static void test_empirical(void **state)
{
    (void)state;
    static const char csv[] = "job,seconds\r\n1,12.5\r\n\"two,\nquoted \"\"\",\"90\"\r\n3,1m\r\n";
    (void)write_file("t.csv", csv, sizeof csv - 1);
    struct td_scenario *owner;
    const struct td_dist *dist =
        duration("{\"empirical\": {\"file\": \"t.csv\", \"column\": \"seconds\"}}", &owner);
    assert_int_equal(dist->count, 3);
    assert_true(dist->values[0] == 12.5e9);
    assert_true(dist->values[1] == 90e9);
    assert_true(dist->values[2] == 60e9);
    assert_true(fabs(td_dist_mean(dist) - 162.5e9 / 3) < 1e-3);
    td_scenario_destroy(owner);

    dist = duration("{\"empirical\": {\"values\": [4, \"1s\", 2.5, 4]}}", &owner);
    assert_true(td_dist_least(dist) == 1e9);
    const double *sorted = samples(dist, 2);
    size_t ones = 0, fours = 0;
    for (int i = 0; i < SAMPLES; i++) {
        assert_true(sorted[i] == 1 || sorted[i] == 2.5 || sorted[i] == 4);
        ones += sorted[i] < 2;
        fours += sorted[i] > 3;
    }
    assert_in_range(ones, 5000 - 250, 5000 + 250); /* four deviations of sqrt(n p q) = 61 */
    assert_in_range(fours, 10000 - 285, 10000 + 285);
    td_scenario_destroy(owner);
}

/* A sample depends on each part of its key, and on nothing else. */
static void test_a_sample_is_a_function_of_its_key(void **state)
{
    (void)state;
    struct td_scenario *owner;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct td_dist *dist = duration(table[i].json, &owner);
        const struct td_draw keys[] = {
            {1, 1, 0, 0, TD_DRAW_BUILD},
            {2, 1, 0, 0, TD_DRAW_BUILD},
            {UINT64_C(1) << 40, 1, 0, 0, TD_DRAW_BUILD},
            {1, 2, 0, 0, TD_DRAW_BUILD},
            {1, 1, 1, 0, TD_DRAW_BUILD},
            {1, 1, 0, 1, TD_DRAW_BUILD},
            {1, 1, 0, 0, TD_DRAW_FETCH},
        };
        enum { KEYS = sizeof keys / sizeof *keys };
        double first[KEYS];
        for (int k = 0; k < KEYS; k++) {
            first[k] = td_sample(dist, &keys[k]);
            for (int other = 0; other < k; other++)
                assert_true(first[k] != first[other]);
        }
        for (int k = KEYS - 1; k >= 0; k--)
            assert_true(td_sample(dist, &keys[k]) == first[k]);
        td_scenario_destroy(owner);
    }
}

/* The layers of the ziggurat have equal areas under the curve, and close at height 1. */
static void test_exponential_layers(void **state)
{
    (void)state;
    double last = td_exponential_layers[255].width * 0x1p53;
    double area = last * exp(-last) + exp(-last); /* the base, its tail included */
    assert_true(fabs(td_exponential_layers[0].width * 0x1p53 * exp(-last) / area - 1) < 1e-14);
    for (size_t i = 1; i < 256; i++) {
        double edge = td_exponential_layers[i].width * 0x1p53;
        double high = i == 1 ? 1 : exp(-td_exponential_layers[i - 1].width * 0x1p53);
        assert_true(fabs(edge * (high - exp(-edge)) / area - 1) < 1e-12);
        assert_true(fabs(td_exponential_heights[i] / exp(-edge) - 1) < 1e-14);
    }
    assert_true(td_exponential_heights[0] == 1);
}

/* All three ways through the ziggurat, far more often than they come up: in the layer, in its
 * corner, and in the tail, whose share is exp(-7.697...). */
static void test_exponential_tail(void **state)
{
    (void)state;
    const struct td_dist dist = {.kind = TD_DIST_EXPONENTIAL, .parameter = {1}};
    const double edge = 7.69711747013104972;
    size_t beyond = 0, further = 0;
    for (uint32_t peer = 0; peer < 4000000; peer++) {
        const struct td_draw draw = {.seed = 6, .replication = 1, .peer = peer};
        double x = td_sample(&dist, &draw);
        beyond += x > edge;
        further += x > edge + 1;
    }
    /* 4,000,000 exp(-edge) = 1816.6 and 668.3, give or take five standard deviations */
    assert_in_range(beyond, 1604, 2029);
    assert_in_range(further, 540, 797);
}

static void test_constants(void **state)
{
    (void)state;
    const struct td_dist constant = {.kind = TD_DIST_CONSTANT, .parameter = {7}};
    const struct td_draw draw = {.seed = 5, .replication = 1, .peer = 3};
    assert_true(td_sample(&constant, &draw) == 7);
    assert_true(td_sample_general(&constant, &draw) == 7);
}

static void test_lots(void **state)
{
    (void)state;
    size_t high = 0;
    int64_t before = -1;
    for (uint32_t step = 0; step < 10000; step++) {
        const struct td_draw draw = {
            .seed = 1, .replication = 1, .step = step, .purpose = TD_DRAW_LOT};
        int64_t lot = td_sample_lot(&draw);
        assert_true(lot >= 0 && lot != before);
        high += lot >> 62 != 0;
        before = lot;
    }
    assert_in_range(high, 5000 - 200, 5000 + 200);
}

/* What the reader lets pass at its edges: a time or infinity, never NaN, never an abort. */
/* 0 and 1 are certain; 0.3 comes true so often that it lies within four deviations. */
static void test_chances(void **state)
{
    (void)state;
    struct td_draw draw = {.seed = 11, .replication = 1, .step = 2, .purpose = TD_DRAW_HIT};
    int hits = 0, both = 0;
    for (int i = 0; i < SAMPLES; i++) {
        draw.peer = (uint32_t)i;
        draw.purpose = TD_DRAW_HIT;
        assert_false(td_sample_chance(0, &draw));
        assert_true(td_sample_chance(1, &draw));
        bool hit = td_sample_chance(0.3, &draw);
        assert_true(hit == td_sample_chance(0.3, &draw));
        assert_true(!hit || td_sample_chance(0.4, &draw));
        draw.purpose = TD_DRAW_FLAKY;
        hits += hit;
        both += hit && td_sample_chance(0.3, &draw);
    }
    assert_true(fabs(hits - 0.3 * SAMPLES) < 4 * sqrt(0.3 * 0.7 * SAMPLES));
    assert_true(fabs(both - 0.09 * SAMPLES) < 4 * sqrt(0.09 * 0.91 * SAMPLES));
}

static void test_extreme_parameters(void **state)
{
    (void)state;
    static const char *const extremes[] = {
        "{\"lognormal\": {\"mu\": 18, \"sigma\": 1}}",
        "{\"lognormal\": {\"mu\": -1e12, \"sigma\": 1e6}}",
        "{\"lognormal\": {\"mean\": 1, \"cv\": 1e12}}",
        "{\"lognormal\": {\"mean\": 1e-300, \"cv\": 1e-300}}",
        "{\"gamma\": {\"shape\": 1e-12, \"scale\": 1}}",
        "{\"gamma\": {\"shape\": 1e12, \"scale\": 3e-4}}",
        "{\"gamma\": {\"mean\": 1, \"cv\": 1e12}}",
        "{\"gamma\": {\"mean\": 1, \"cv\": 1e-12}}",
        "{\"weibull\": {\"shape\": 0.05, \"scale\": 1e-12}}",
        "{\"weibull\": {\"shape\": 1e12, \"scale\": 3e8}}",
        "{\"pareto\": {\"shape\": 1e-3, \"scale\": 1}}",
        "{\"pareto\": {\"shape\": 1e12, \"scale\": 1}}",
        "{\"beta\": {\"a\": 1e-12, \"b\": 1e-12, \"min\": 0, \"max\": 3e8}}",
        "{\"beta\": {\"a\": 1e-12, \"b\": 1e12, \"min\": 0, \"max\": 1}}",
        "{\"beta\": {\"a\": 1e12, \"b\": 1e12, \"min\": 0, \"max\": 1}}",
        "{\"normal\": {\"mean\": -3e8, \"sd\": 1e-9}}",
        "{\"normal\": {\"mean\": -9999, \"sd\": 1}}",
        "{\"normal\": {\"mean\": 3e8, \"sd\": 1e-300}}",
        "{\"normal\": {\"mean\": 0, \"sd\": 3e8}}",
        "{\"exponential\": {\"mean\": 1e-300}}",
        "{\"triangular\": {\"min\": 0, \"mode\": 0, \"max\": 0}}",
        "{\"uniform\": {\"min\": 5, \"max\": 5}}",
    };
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
        struct td_scenario *owner;
        const struct td_dist *dist = duration(extremes[i], &owner);
        struct td_draw draw = {.seed = 9, .replication = 1};
        for (draw.peer = 0; draw.peer < 200; draw.peer++) {
            double ns = td_sample(dist, &draw);
            if (!(ns >= 0 && ns >= td_dist_least(dist))) fail_msg("%s: %f", extremes[i], ns);
        }
        double mean = td_dist_mean(dist);
        if (!(mean >= 0)) fail_msg("%s: mean %f", extremes[i], mean);
        td_scenario_destroy(owner);
    }
}

int main(void)
{
    enum { SHAPES = sizeof table / sizeof *table };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_philox_known_answers),
        cmocka_unit_test(test_bundles),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_uniform_numbers_have_53_bits),
        cmocka_unit_test(test_empirical),
        cmocka_unit_test(test_a_sample_is_a_function_of_its_key),
        cmocka_unit_test(test_exponential_layers),
        cmocka_unit_test(test_exponential_tail),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_lots),
        cmocka_unit_test(test_chances),
        cmocka_unit_test(test_extreme_parameters),
    };
    enum { OTHERS = sizeof others / sizeof *others };
    struct CMUnitTest tests[SHAPES + OTHERS];
    for (size_t i = 0; i < SHAPES; i++)
        tests[i] = (struct CMUnitTest){
            .name = table[i].json, .test_func = test_shape, .initial_state = (void *)(uintptr_t)i};
    memcpy(tests + SHAPES, others, sizeof others);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
