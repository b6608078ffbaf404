#include "report/statistics.h"

#include "report/student.h"

#include "base/assert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A replication that lacks the metric. */
#define MISSING ((wide)INT64_MIN)

/* Values are whole: nanoseconds, summed over peers, or counts. Their sums stay exact. */
typedef td_sum wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static const char *const names[TD_METRIC_COUNT] = {
    [TD_METRIC_MAKESPAN_S] = "makespan_s",
    [TD_METRIC_MEAN_TURNAROUND_S] = "mean_turnaround_s",
    [TD_METRIC_P95_TURNAROUND_S] = "p95_turnaround_s",
    [TD_METRIC_BUSY_S] = "busy_s",
    [TD_METRIC_WAIT_S] = "wait_s",
    [TD_METRIC_MACHINE_S] = "machine_s",
    [TD_METRIC_BUILDS] = "builds",
    [TD_METRIC_DUPLICATE_BUILDS] = "duplicate_builds",
    [TD_METRIC_FETCHES] = "fetches",
    [TD_METRIC_FAILURES] = "failures",
};

const char *td_metric_name(enum td_metric metric)
{
    TD_ASSERT(metric < TD_METRIC_COUNT);
    return names[metric];
}

bool td_metric_is_time(enum td_metric metric)
{
    return metric <= TD_METRIC_MACHINE_S;
}

/* Nanoseconds or a count, or MISSING. */
static wide whole_value(const struct td_run_record *run, enum td_metric metric)
{
    switch (metric) {
    case TD_METRIC_MAKESPAN_S:
        return run->makespan;
    case TD_METRIC_MEAN_TURNAROUND_S:
        return run->turnaround_known ? run->mean_turnaround : MISSING;
    case TD_METRIC_P95_TURNAROUND_S:
        return run->turnaround_known ? run->p95_turnaround : MISSING;
    case TD_METRIC_BUSY_S:
        return run->busy;
    case TD_METRIC_WAIT_S:
        return run->wait;
    case TD_METRIC_MACHINE_S:
        return run->machine;
    case TD_METRIC_BUILDS:
        return (wide)run->builds;
    case TD_METRIC_DUPLICATE_BUILDS:
        return (wide)run->duplicate_builds;
    case TD_METRIC_FETCHES:
        return (wide)run->fetches;
    case TD_METRIC_FAILURES:
        return (wide)run->failures;
    case TD_METRIC_COUNT:
        break;
    }
    TD_ASSERT(!"a metric");
    return MISSING;
}

/* In the unit of the metric: a division, since 1e-9 is no double and 4800 s must stay 4800. */
static double in_unit(double value, enum td_metric metric)
{
    return td_metric_is_time(metric) ? value / (double)TD_NS_PER_S : value;
}

double td_metric_value(const struct td_run_record *run, enum td_metric metric)
{
    wide value = whole_value(run, metric);
    return value == MISSING ? (double)NAN : in_unit((double)value, metric);
}

/* Mean, and standard deviation with n - 1 in the denominator, of n whole numbers. */
struct moments {
    double mean, sd;
};

/* The sum is exact; the squares are taken of the distances to the rounded mean, so that equal
 * values have a deviation of exactly 0 and large ones lose nothing. */
static struct moments moments_of(const wide *values, size_t n)
{
    struct moments moments = {.mean = (double)NAN, .sd = (double)NAN};
    if (n == 0) return moments;
    wide sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    wide centre = sum / (wide)n;
    double shift = (double)(sum - centre * (wide)n) / (double)n;
    moments.mean = (double)centre + shift;
    if (n == 1) return moments;

    /* Neumaier's compensated sum. All terms are positive, so the lost parts only ever grow small.
     */
    double squares = 0.0, lost = 0.0;
    for (size_t i = 0; i < n; i++) {
        double distance = (double)(values[i] - centre) - shift;
        double term = distance * distance;
        double next = squares + term;
        lost += squares >= term ? (squares - next) + term : (term - next) + squares;
        squares = next;
    }
    moments.sd = sqrt((squares + lost) / (double)(n - 1));
    return moments;
}

/* Half the width of the interval of the mean at the confidence; NaN for n < 2. */
static double half_width(double sd, size_t n, const double *quantiles)
{
    return n < 2 ? (double)NAN : quantiles[n] * sd / sqrt((double)n);
}

/* Sorts by the bytes in which the values differ, the lowest first: time linear in n. */
static void sort_values(wide *values, wide *spare, size_t n)
{
    if (n == 0) return;
    wide smallest = values[0], largest = values[0];
    for (size_t i = 1; i < n; i++) {
        if (values[i] < smallest) smallest = values[i];
        if (values[i] > largest) largest = values[i];
    }
    unsigned_wide span = (unsigned_wide)(largest - smallest);
    wide *from = values, *to = spare;
    for (unsigned shift = 0; shift < 128 && span >> shift != 0; shift += 8) {
        size_t starts[257] = {0};
        for (size_t i = 0; i < n; i++)
            starts[((unsigned_wide)(from[i] - smallest) >> shift & 0xff) + 1]++;
        for (size_t byte = 0; byte < 256; byte++)
            starts[byte + 1] += starts[byte];
        for (size_t i = 0; i < n; i++)
            to[starts[(unsigned_wide)(from[i] - smallest) >> shift & 0xff]++] = from[i];
        wide *swap = from;
        from = to;
        to = swap;
    }
    if (from != values) memcpy(values, from, n * sizeof *values);
}

/* The smallest value that at least `percent` of a hundred are not above: sorted[ceil(q n) - 1]. In
 * whole numbers, since 0.95 is no double and 0.95 x 20 must be 19. */
static wide nearest_rank(const wide *sorted, size_t n, size_t percent)
{
    size_t rank = (n / 100) * percent + ((n % 100) * percent + 99) / 100;
    return sorted[rank - 1];
}

/* What one metric of all policies needs while it is worked on. */
struct workspace {
    wide *columns; /* policies x replications */
    wide *values;  /* replications: those that have the metric, or differences */
    wide *spare;   /* replications */
    double
        *quantiles; /* quantiles[n], Student's, of n - 1 degrees of freedom; NaN: not yet known */
    double *p, *p_holm; /* pairs */
};

static void workspace_free(struct workspace *work)
{
    free(work->columns);
    free(work->values);
    free(work->spare);
    free(work->quantiles);
    free(work->p);
    free(work->p_holm);
}

static bool workspace_create(struct workspace *work, uint32_t policies, uint32_t replications,
                             size_t pairs)
{
    size_t n = (size_t)replications + 1; /* no allocation of nothing */
    *work = (struct workspace){
        .columns = calloc((size_t)policies * n, sizeof(wide)),
        .values = calloc(n, sizeof(wide)),
        .spare = calloc(n, sizeof(wide)),
        .quantiles = calloc(n, sizeof(double)),
        .p = calloc(pairs + 1, sizeof(double)),
        .p_holm = calloc(pairs + 1, sizeof(double)),
    };
    if (work->columns == NULL || work->values == NULL || work->spare == NULL ||
        work->quantiles == NULL || work->p == NULL || work->p_holm == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        work->quantiles[i] = (double)NAN;
    return true;
}

/* Almost all summaries have the same n: compute its quantile once. */
static const double *quantiles_with(struct workspace *work, size_t n, double confidence)
{
    if (n >= 2 && isnan(work->quantiles[n]))
        work->quantiles[n] = td_student_quantile(confidence, (double)(n - 1));
    return work->quantiles;
}

static struct td_summary summarize(struct workspace *work, const wide *column, size_t count,
                                   enum td_metric metric, double confidence)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (column[i] != MISSING) work->values[n++] = column[i];

    double none = (double)NAN;
    struct td_summary summary = {n, none, none, none, none, none, none, none, none, none, none};
    if (n == 0) return summary;
    struct moments moments = moments_of(work->values, n);
    double half = half_width(moments.sd, n, quantiles_with(work, n, confidence));
    summary.mean = in_unit(moments.mean, metric);
    summary.sd = in_unit(moments.sd, metric);
    summary.ci_low = in_unit(moments.mean - half, metric);
    summary.ci_high = in_unit(moments.mean + half, metric);

    sort_values(work->values, work->spare, n);
    summary.min = in_unit((double)work->values[0], metric);
    summary.p50 = in_unit((double)nearest_rank(work->values, n, 50), metric);
    summary.p90 = in_unit((double)nearest_rank(work->values, n, 90), metric);
    summary.p95 = in_unit((double)nearest_rank(work->values, n, 95), metric);
    summary.p99 = in_unit((double)nearest_rank(work->values, n, 99), metric);
    summary.max = in_unit((double)work->values[n - 1], metric);
    return summary;
}

static struct td_pair compare_pair(struct workspace *work, const wide *a, const wide *b,
                                   size_t count, enum td_metric metric, double confidence)
{
    size_t n = 0;
    wide sum_a = 0, sum_b = 0;
    for (size_t i = 0; i < count; i++) {
        if (a[i] == MISSING || b[i] == MISSING) continue;
        sum_a += a[i];
        sum_b += b[i];
        work->values[n++] = a[i] - b[i];
    }
    double none = (double)NAN;
    struct td_pair pair = {0, 0, n, none, none, none, none, none, none};
    if (n == 0) return pair;
    struct moments moments = moments_of(work->values, n);
    double half = half_width(moments.sd, n, quantiles_with(work, n, confidence));
    pair.mean_difference = in_unit(moments.mean, metric);
    pair.ci_low = in_unit(moments.mean - half, metric);
    pair.ci_high = in_unit(moments.mean + half, metric);
    if (sum_b != 0) pair.ratio = (double)sum_a / (double)sum_b;
    if (n >= 2 && moments.sd > 0.0)
        pair.p_value =
            td_student_two_sided(moments.mean / (moments.sd / sqrt((double)n)), (double)(n - 1));
    return pair;
}

static void compare_metric(const struct td_results *results, enum td_metric metric,
                           struct workspace *work, struct td_comparison *comparison)
{
    uint32_t policies = results->labels->policy_count;
    size_t count = results->labels->replications;
    for (uint32_t p = 0; p < policies; p++) {
        wide *column = work->columns + p * count;
        for (size_t r = 0; r < count; r++)
            column[r] = whole_value(&results->runs[p * count + r], metric);
        comparison->summaries[p * TD_METRIC_COUNT + metric] =
            summarize(work, column, count, metric, comparison->confidence);
    }

    struct td_pair *pairs = comparison->pairs + metric * comparison->pair_count;
    size_t k = 0;
    for (uint32_t a = 0; a < policies; a++) {
        for (uint32_t b = a + 1; b < policies; b++, k++) {
            pairs[k] = compare_pair(work, work->columns + a * count, work->columns + b * count,
                                    count, metric, comparison->confidence);
            pairs[k].a = a;
            pairs[k].b = b;
            work->p[k] = pairs[k].p_value;
        }
    }
    td_holm(work->p, k, work->p_holm);
    for (size_t i = 0; i < k; i++)
        pairs[i].p_holm = work->p_holm[i];
}

/* The lower bound does not depend on the policy: that of the first will do. */
static struct td_summary summarize_bound(const struct td_results *results, struct workspace *work,
                                         double confidence)
{
    size_t count = results->labels->policy_count == 0 ? 0 : results->labels->replications;
    for (size_t r = 0; r < count; r++)
        work->columns[r] = results->runs[r].bound_known ? results->runs[r].lower_bound : MISSING;
    return summarize(work, work->columns, count, TD_METRIC_MAKESPAN_S, confidence);
}

struct td_comparison *td_compare(const struct td_results *results, double confidence,
                                 struct td_error *error)
{
    TD_ASSERT(confidence > 0.0 && confidence < 1.0);
    uint32_t policies = results->labels->policy_count;
    size_t pairs = (size_t)policies * (policies == 0 ? 0 : policies - 1) / 2;
    struct workspace work = {0};
    struct td_comparison *comparison = calloc(1, sizeof *comparison);
    if (comparison == NULL) goto fail;
    comparison->confidence = confidence;
    comparison->policy_count = policies;
    comparison->pair_count = pairs;
    comparison->summaries =
        calloc((size_t)policies * TD_METRIC_COUNT + 1, sizeof *comparison->summaries);
    comparison->pairs = calloc(pairs * TD_METRIC_COUNT + 1, sizeof *comparison->pairs);
    if (comparison->summaries == NULL || comparison->pairs == NULL ||
        !workspace_create(&work, policies, results->labels->replications, pairs))
        goto fail;

    for (enum td_metric metric = 0; metric < TD_METRIC_COUNT; metric++)
        compare_metric(results, metric, &work, comparison);
    comparison->lower_bound = summarize_bound(results, &work, confidence);
    workspace_free(&work);
    return comparison;

fail:
    workspace_free(&work);
    td_comparison_destroy(comparison);
    (void)td_error_memory(error, "the statistics");
    return NULL;
}

void td_comparison_destroy(struct td_comparison *comparison)
{
    if (comparison == NULL) return;
    free(comparison->summaries);
    free(comparison->pairs);
    free(comparison);
}

uint32_t td_comparison_best(const struct td_comparison *comparison, enum td_metric metric)
{
    uint32_t best = UINT32_MAX;
    double smallest = (double)NAN;
    for (uint32_t p = 0; p < comparison->policy_count; p++) {
        double mean = comparison->summaries[p * TD_METRIC_COUNT + metric].mean;
        if (isnan(mean) || (best != UINT32_MAX && mean >= smallest)) continue;
        best = p;
        smallest = mean;
    }
    return best;
}

bool td_comparison_undecided(const struct td_comparison *comparison, enum td_metric metric,
                             uint32_t policy)
{
    uint32_t best = td_comparison_best(comparison, metric);
    if (policy == best) return false;
    const struct td_pair *pairs = comparison->pairs + metric * comparison->pair_count;
    for (size_t k = 0; k < comparison->pair_count; k++) {
        bool found = (pairs[k].a == best && pairs[k].b == policy) ||
                     (pairs[k].a == policy && pairs[k].b == best);
        if (!found) continue;
        return !isnan(pairs[k].p_holm) && pairs[k].p_holm >= 1.0 - comparison->confidence;
    }
    return false;
}
