/* The two files that hold statistics: summary.csv and compare.csv. */
#include "report/csv_internal.h"

static void comma(struct td_buffer *out)
{
    td_buffer_add(out, ",", 1);
}

/* Seconds have nine decimals as everywhere; a statistic of counts has what it needs. */
static void value(struct td_buffer *out, enum td_metric metric, double number)
{
    if (td_metric_is_time(metric))
        td_buffer_seconds(out, number);
    else
        td_buffer_number(out, number);
}

static void values(struct td_buffer *out, enum td_metric metric, const double *numbers,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        comma(out);
        value(out, metric, numbers[i]);
    }
}

void td_rows_summary(const struct td_labels *labels, const struct td_comparison *comparison,
                     struct td_buffer *out)
{
    for (uint32_t policy = 0; policy < labels->policy_count; policy++) {
        for (enum td_metric metric = 0; metric < TD_METRIC_COUNT; metric++) {
            const struct td_summary *s = &comparison->summaries[policy * TD_METRIC_COUNT + metric];
            const double spread[] = {s->mean, s->sd, s->ci_low, s->ci_high};
            const double order[] = {s->min, s->p50, s->p90, s->p95, s->p99, s->max};
            td_buffer_field(out, labels->scenario);
            comma(out);
            td_buffer_field(out, labels->mode);
            comma(out);
            td_buffer_field(out, labels->policies[policy]);
            comma(out);
            td_buffer_string(out, td_metric_name(metric));
            comma(out);
            td_buffer_unsigned(out, s->n);
            values(out, metric, spread, sizeof spread / sizeof spread[0]);
            comma(out);
            td_buffer_number(out, comparison->confidence);
            values(out, metric, order, sizeof order / sizeof order[0]);
            td_buffer_add(out, "\n", 1);
        }
    }
}

void td_rows_compare(const struct td_labels *labels, const struct td_comparison *comparison,
                     struct td_buffer *out)
{
    for (enum td_metric metric = 0; metric < TD_METRIC_COUNT; metric++) {
        for (size_t k = 0; k < comparison->pair_count; k++) {
            const struct td_pair *pair = &comparison->pairs[metric * comparison->pair_count + k];
            const double spread[] = {pair->mean_difference, pair->ci_low, pair->ci_high};
            const double plain[] = {comparison->confidence, pair->ratio, pair->p_value,
                                    pair->p_holm};
            td_buffer_field(out, labels->scenario);
            comma(out);
            td_buffer_string(out, td_metric_name(metric));
            comma(out);
            td_buffer_field(out, labels->policies[pair->a]);
            comma(out);
            td_buffer_field(out, labels->policies[pair->b]);
            comma(out);
            td_buffer_unsigned(out, pair->n);
            values(out, metric, spread, sizeof spread / sizeof spread[0]);
            for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
                comma(out);
                td_buffer_number(out, plain[i]);
            }
            td_buffer_add(out, "\n", 1);
        }
    }
}
