#include "report/buffer.h"
#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A member of an object, with the comma that it needs after another one. */
static void key(struct td_buffer *out, const char *name)
{
    char last = out->length > 0 ? out->bytes[out->length - 1] : '{';
    if (last != '{') td_buffer_string(out, ", ");
    td_buffer_json_string(out, name);
    td_buffer_string(out, ": ");
}

static void string_member(struct td_buffer *out, const char *name, const char *value)
{
    key(out, name);
    td_buffer_json_string(out, value);
}

static void whole_member(struct td_buffer *out, const char *name, uint64_t value)
{
    key(out, name);
    td_buffer_unsigned(out, value);
}

static void number_member(struct td_buffer *out, const char *name, double value)
{
    key(out, name);
    if (isfinite(value))
        td_buffer_number(out, value);
    else
        td_buffer_string(out, "null");
}

struct named_number {
    const char *name;
    double value;
};

static void number_members(struct td_buffer *out, const struct named_number *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        number_member(out, members[i].name, members[i].value);
}

static void summary_object(struct td_buffer *out, const struct td_summary *s)
{
    const struct named_number members[] = {
        {"mean", s->mean}, {"sd", s->sd},   {"ci_low", s->ci_low}, {"ci_high", s->ci_high},
        {"min", s->min},   {"p50", s->p50}, {"p90", s->p90},       {"p95", s->p95},
        {"p99", s->p99},   {"max", s->max}};
    td_buffer_string(out, "{");
    whole_member(out, "n", s->n);
    number_members(out, members, sizeof members / sizeof members[0]);
    td_buffer_string(out, "}");
}

static void policy_object(struct td_buffer *out, const struct td_labels *labels,
                          const struct td_comparison *comparison, uint32_t policy)
{
    const struct td_summary *s = &comparison->summaries[(size_t)policy * TD_METRIC_COUNT];
    uint32_t best = td_comparison_best(comparison, TD_METRIC_MAKESPAN_S);
    double ratio = (double)NAN;
    if (best != UINT32_MAX)
        ratio = s[TD_METRIC_MAKESPAN_S].mean /
                comparison->summaries[best * TD_METRIC_COUNT + TD_METRIC_MAKESPAN_S].mean;
    bool undecided = td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, policy);

    td_buffer_string(out, "    {");
    string_member(out, "policy", labels->policies[policy]);
    number_member(out, "ratio_to_best", ratio);
    key(out, "undecided");
    td_buffer_string(out, undecided ? "true" : "false");
    key(out, "metrics");
    td_buffer_string(out, "{");
    for (enum td_metric metric = 0; metric < TD_METRIC_COUNT; metric++) {
        td_buffer_string(out, metric == 0 ? "\n      " : ",\n      ");
        td_buffer_json_string(out, td_metric_name(metric));
        td_buffer_string(out, ": ");
        summary_object(out, &s[metric]);
    }
    td_buffer_string(out, "}}");
}

static void pair_object(struct td_buffer *out, const struct td_labels *labels,
                        enum td_metric metric, const struct td_pair *pair)
{
    const struct named_number members[] = {{"mean_difference", pair->mean_difference},
                                           {"ci_low", pair->ci_low},
                                           {"ci_high", pair->ci_high},
                                           {"ratio", pair->ratio},
                                           {"p_value", pair->p_value},
                                           {"p_holm", pair->p_holm}};
    td_buffer_string(out, "    {");
    string_member(out, "metric", td_metric_name(metric));
    string_member(out, "policy_a", labels->policies[pair->a]);
    string_member(out, "policy_b", labels->policies[pair->b]);
    whole_member(out, "n", pair->n);
    number_members(out, members, sizeof members / sizeof members[0]);
    td_buffer_string(out, "}");
}

static void whole_object(struct td_buffer *out, const struct td_labels *labels,
                         const struct td_comparison *comparison)
{
    td_buffer_string(out, "{");
    string_member(out, "scenario", labels->scenario);
    string_member(out, "mode", labels->mode);
    whole_member(out, "seed", labels->seed);
    whole_member(out, "peers", labels->peer_count);
    whole_member(out, "steps", labels->step_count);
    whole_member(out, "replications", labels->replications);
    number_member(out, "confidence", comparison->confidence);
    key(out, "lower_bound_s");
    if (comparison->lower_bound.n > 0)
        summary_object(out, &comparison->lower_bound);
    else
        td_buffer_string(out, "null");
    key(out, "policies");
    td_buffer_string(out, "[");
    for (uint32_t p = 0; p < labels->policy_count; p++) {
        td_buffer_string(out, p == 0 ? "\n" : ",\n");
        policy_object(out, labels, comparison, p);
    }
    td_buffer_string(out, "],\n  ");
    td_buffer_json_string(out, "pairs");
    td_buffer_string(out, ": [");
    size_t count = comparison->pair_count;
    for (size_t k = 0; k < TD_METRIC_COUNT * count; k++) {
        td_buffer_string(out, k == 0 ? "\n" : ",\n");
        pair_object(out, labels, (enum td_metric)(k / count), &comparison->pairs[k]);
    }
    td_buffer_string(out, "]}\n");
}

bool td_table_json(FILE *out, const struct td_results *results,
                   const struct td_comparison *comparison, struct td_error *error)
{
    struct td_buffer text = {0};
    whole_object(&text, results->labels, comparison);
    bool done = !text.failed;
    if (!done) {
        (void)td_error_memory(error, "the JSON text");
    } else if (fwrite(text.bytes, 1, text.length, out) != text.length || fflush(out) != 0) {
        done = td_error_set(error, TD_FAULT_RUN, "cannot write the JSON text: %s", strerror(errno));
    }
    td_buffer_free(&text);
    return done;
}
