#include "report/table.h"

#include "base/assert.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARK "~"

enum column {
    COLUMN_POLICY,
    COLUMN_MAKESPAN,
    COLUMN_TURNAROUND,
    COLUMN_BUILDS,
    COLUMN_DUPLICATES,
    COLUMN_FETCHES,
    COLUMN_FAILURES, /* only if there are any */
    COLUMN_MACHINE,
    COLUMN_RATIO,
    COLUMN_BOUND, /* only if it is known */
    COLUMN_COUNT
};

static const char *const titles[COLUMN_COUNT] = {
    [COLUMN_POLICY] = "policy",
    [COLUMN_MAKESPAN] = "makespan",
    [COLUMN_TURNAROUND] = "mean turnaround",
    [COLUMN_BUILDS] = "builds",
    [COLUMN_DUPLICATES] = "duplicates",
    [COLUMN_FETCHES] = "fetches",
    [COLUMN_FAILURES] = "failures",
    [COLUMN_MACHINE] = "machine time",
    [COLUMN_RATIO] = "vs best",
    [COLUMN_BOUND] = "lower bound",
};

#define CELL_SIZE (2 * TD_DURATION_TEXT + 8)

/* Columns that a terminal gives the text: one a code point. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xc0) != 0x80) width++;
    return width;
}

static const struct td_summary *summary_of(const struct td_comparison *comparison, uint32_t policy,
                                           enum td_metric metric)
{
    return &comparison->summaries[policy * TD_METRIC_COUNT + metric];
}

/* Half an interval is no finer than the last unit that its mean is written in. */
static double coarse(double half, double mean)
{
    double unit = mean >= 7200.0 ? 60.0 : mean >= 60.0 ? 1.0 : 0.0;
    return half >= unit && unit > 0.0 ? round(half / unit) * unit : half;
}

/* "80 min", or "80 min ± 2 min 3 s" where there is an interval. */
static void duration_cell(const struct td_summary *summary, bool interval, char *cell)
{
    char mean[TD_DURATION_TEXT], half[TD_DURATION_TEXT];
    td_duration_text(summary->mean, mean);
    if (!interval || isnan(summary->ci_high)) {
        (void)snprintf(cell, CELL_SIZE, "%s", mean);
        return;
    }
    td_duration_text(coarse((summary->ci_high - summary->ci_low) / 2.0, summary->mean), half);
    (void)snprintf(cell, CELL_SIZE, "%s ± %s", mean, half);
}

/* A whole mean as it is, another with about three digits. */
static void count_cell(const struct td_summary *summary, char *cell)
{
    double mean = summary->mean;
    if (isnan(mean)) {
        (void)snprintf(cell, CELL_SIZE, "-");
        return;
    }
    int decimals = mean < 10.0 ? 2 : mean < 1000.0 ? 1 : 0;
    if (mean == floor(mean)) decimals = 0;
    (void)snprintf(cell, CELL_SIZE, "%.*f", decimals, mean);
}

static void ratio_cell(const struct td_comparison *comparison, uint32_t policy, bool marks,
                       char *cell)
{
    uint32_t best = td_comparison_best(comparison, TD_METRIC_MAKESPAN_S);
    const char *mark = marks ? "  " : "";
    if (td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, policy)) mark = " " MARK;
    double ratio = (double)NAN;
    if (best != UINT32_MAX)
        ratio = summary_of(comparison, policy, TD_METRIC_MAKESPAN_S)->mean /
                summary_of(comparison, best, TD_METRIC_MAKESPAN_S)->mean;
    /* what differs from the best is never written as the best is */
    int decimals = 2;
    while (decimals < 6 && ratio > 1.0 && ratio - 1.0 < 0.5 * pow(10.0, -decimals))
        decimals++;
    if (isfinite(ratio))
        (void)snprintf(cell, CELL_SIZE, "%.*f%s", decimals, ratio, mark);
    else
        (void)snprintf(cell, CELL_SIZE, "-%s", mark);
}

static void fill_row(const struct td_comparison *comparison, uint32_t policy, bool marks,
                     char cells[COLUMN_COUNT][CELL_SIZE])
{
    static const struct {
        enum column column;
        enum td_metric metric;
    } counts[] = {{COLUMN_BUILDS, TD_METRIC_BUILDS},
                  {COLUMN_DUPLICATES, TD_METRIC_DUPLICATE_BUILDS},
                  {COLUMN_FETCHES, TD_METRIC_FETCHES},
                  {COLUMN_FAILURES, TD_METRIC_FAILURES}};
    const struct td_summary *s = summary_of(comparison, policy, 0);
    duration_cell(&s[TD_METRIC_MAKESPAN_S], true, cells[COLUMN_MAKESPAN]);
    duration_cell(&s[TD_METRIC_MEAN_TURNAROUND_S], true, cells[COLUMN_TURNAROUND]);
    duration_cell(&s[TD_METRIC_MACHINE_S], false, cells[COLUMN_MACHINE]);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        count_cell(&s[counts[i].metric], cells[counts[i].column]);
    ratio_cell(comparison, policy, marks, cells[COLUMN_RATIO]);
    duration_cell(&comparison->lower_bound, true, cells[COLUMN_BOUND]);
}

static const char *plural(uint64_t number)
{
    return number == 1 ? "" : "s";
}

static void print_heading(FILE *out, const struct td_labels *labels,
                          const struct td_comparison *comparison)
{
    bool live = strcmp(labels->mode, "simulated") != 0;
    (void)fprintf(out, "%s%s: %" PRIu32 " peer%s, %" PRIu32 " step%s, %" PRIu32 " replication%s",
                  labels->scenario, live ? " (live)" : "", labels->peer_count,
                  plural(labels->peer_count), labels->step_count, plural(labels->step_count),
                  labels->replications, plural(labels->replications));
    (void)fprintf(out, ", seed %" PRIu64, labels->seed);
    if (labels->replications > 1)
        (void)fprintf(out, "; means ± %g%% confidence intervals", 100.0 * comparison->confidence);
    (void)fputs("\n\n", out);
}

/* Numbers to the right, names to the left; no blanks at the end of a line. */
static void print_cell(FILE *out, enum column column, const char *cell, size_t width, bool last)
{
    size_t used = width_of(cell), blanks = width > used ? width - used : 0;
    bool left = column == COLUMN_POLICY;
    size_t length = strlen(cell);
    while (last && length > 0 && cell[length - 1] == ' ')
        length--;
    (void)fprintf(out, "%s%*s%.*s%*s", left ? "" : "  ", left ? 0 : (int)blanks, "", (int)length,
                  cell, left ? (int)blanks : 0, "");
    if (last) (void)fputc('\n', out);
}

static void print_notes(FILE *out, const struct td_labels *labels,
                        const struct td_comparison *comparison, bool marks)
{
    if (labels->replications == 1)
        (void)fputs("\nOne replication: no confidence intervals. Where times are random, "
                    "--replications N gives them.\n",
                    out);
    if (marks)
        (void)fprintf(out,
                      "\n" MARK " These replications cannot tell its makespan from the best one's "
                      "(paired t test, Holm's\n  correction for %zu pair%s, level %g): more of "
                      "them may.\n",
                      comparison->pair_count, plural(comparison->pair_count),
                      1.0 - comparison->confidence);
}

void td_table_print(FILE *out, const struct td_results *results,
                    const struct td_comparison *comparison)
{
    const struct td_labels *labels = results->labels;
    bool marks = false, shown[COLUMN_COUNT];
    enum column last = comparison->lower_bound.n > 0 ? COLUMN_BOUND : COLUMN_RATIO;
    size_t widths[COLUMN_COUNT];
    for (enum column c = 0; c < COLUMN_COUNT; c++) {
        widths[c] = width_of(titles[c]);
        shown[c] = c != COLUMN_FAILURES && c <= last;
    }
    for (uint32_t p = 0; p < labels->policy_count; p++) {
        marks |= td_comparison_undecided(comparison, TD_METRIC_MAKESPAN_S, p);
        shown[COLUMN_FAILURES] |= summary_of(comparison, p, TD_METRIC_FAILURES)->mean > 0.0;
    }

    /* Twice over the rows: for the widths, then for the text. */
    print_heading(out, labels, comparison);
    for (int pass = 0; pass < 2; pass++) {
        for (enum column c = 0; pass == 1 && c < COLUMN_COUNT; c++)
            if (shown[c]) print_cell(out, c, titles[c], widths[c], c == last);
        for (uint32_t p = 0; p < labels->policy_count; p++) {
            char cells[COLUMN_COUNT][CELL_SIZE];
            fill_row(comparison, p, marks, cells);
            for (enum column c = 0; c < COLUMN_COUNT; c++) {
                const char *cell = c == COLUMN_POLICY ? labels->policies[p] : cells[c];
                if (pass == 0 && width_of(cell) > widths[c]) widths[c] = width_of(cell);
                if (pass == 1 && shown[c]) print_cell(out, c, cell, widths[c], c == last);
            }
        }
    }
    print_notes(out, labels, comparison, marks);
}
