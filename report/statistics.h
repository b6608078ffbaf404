/* Statistics over replications: summaries with Student's t intervals, paired comparisons.
 *
 * Sources: Student's t (gsl_cdf_tdist_*); the paired t test over common random numbers (Law,
 * "Simulation Modeling and Analysis", 10.2); Holm's step-down correction (Holm 1979) over all pairs
 * of a metric whose p-value exists; quantiles by the nearest rank. What cannot be computed is NaN
 * here and empty in a file: an interval of one replication, a p-value without variation.
 *
 * Values are nanoseconds and counts, whole numbers: sums and differences are exact, so equal values
 * have no variation and the order of replications does not matter.
 */
#ifndef TD_REPORT_STATISTICS_H
#define TD_REPORT_STATISTICS_H

#include "base/error.h"
#include "report/record.h"

#include <stddef.h>

enum td_metric {
    TD_METRIC_MAKESPAN_S,
    TD_METRIC_MEAN_TURNAROUND_S,
    TD_METRIC_P95_TURNAROUND_S,
    TD_METRIC_BUSY_S,
    TD_METRIC_WAIT_S,
    TD_METRIC_MACHINE_S,
    TD_METRIC_BUILDS,
    TD_METRIC_DUPLICATE_BUILDS,
    TD_METRIC_FETCHES,
    TD_METRIC_FAILURES,
    TD_METRIC_COUNT
};

/* "makespan_s", ... */
const char *td_metric_name(enum td_metric metric);

/* Seconds; otherwise a count. */
bool td_metric_is_time(enum td_metric metric);

/* Of a run; seconds or a count; NaN where the run has none. */
double td_metric_value(const struct td_run_record *run, enum td_metric metric);

struct td_summary {
    size_t n; /* replications that have the metric */
    double mean, sd, ci_low, ci_high, min, p50, p90, p95, p99, max;
};

struct td_pair {
    uint32_t a, b; /* policies, a before b in the order given */
    size_t n;      /* replications in which both have the metric */
    double mean_difference, ci_low, ci_high, ratio, p_value, p_holm;
};

/* summaries[p * TD_METRIC_COUNT + m]; pairs[m * pair_count + k], k in the order (0,1), (0,2) ... */
struct td_comparison {
    double confidence; /* 0.95 */
    uint32_t policy_count;
    size_t pair_count;
    struct td_summary *summaries;
    struct td_summary lower_bound; /* seconds; it is the same under every policy; n is 0 without */
    struct td_pair *pairs;
};

/* `confidence` lies between 0 and 1. Cost: for each metric and pair of policies one pass over the
 * replications; 36 pairs and 100,000 replications take well under a second. */
struct td_comparison *td_compare(const struct td_results *results, double confidence,
                                 struct td_error *error);
void td_comparison_destroy(struct td_comparison *comparison);

/* The policy with the smallest mean of the metric (the first of equals); UINT32_MAX if none has
 * one. */
uint32_t td_comparison_best(const struct td_comparison *comparison, enum td_metric metric);

/* True if the data cannot tell `policy` from the best: their Holm-corrected p-value is not below
 * 1 - confidence. False where no test is possible (one replication, no variation), and for the
 * best. */
bool td_comparison_undecided(const struct td_comparison *comparison, enum td_metric metric,
                             uint32_t policy);

#endif
