/* `task-director run SCENARIO`: simulates, compares, writes, prints. */
#include "base/assert.h"
#include "base/block.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/policy_list.h"
#include "live/live.h"
#include "report/buffer.h"
#include "report/csv.h"
#include "report/progress.h"
#include "report/statistics.h"
#include "report/table.h"
#include "sim/sim.h"
#include "workload/scenario.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POLICY, REPLICATIONS, SEED, CONFIDENCE, OUT, TASKS, JOBS, QUIET, JSON, LIVE, OPTION_COUNT };

/* More threads than any machine has processors. */
#define MAX_JOBS 4096u

static const struct td_option options[] = {
    [POLICY] = {.name = "policy",
                .kind = TD_OPTION_TEXT,
                .value = "A,B,...",
                .help = "compare these policies instead of those that the scenario names\n"
                        "('task-director policies' lists all)"},
    [REPLICATIONS] = {.name = "replications",
                      .kind = TD_OPTION_WHOLE,
                      .value = "N",
                      .help = "run each policy N times, each time with other luck (default: the\n"
                              "scenario's)",
                      .min = 1,
                      .max = TD_MAX_REPLICATIONS},
    [SEED] = {.name = "seed",
              .kind = TD_OPTION_WHOLE,
              .value = "N",
              .help = "draw the luck from this seed (default: the scenario's)",
              .max = TD_MAX_SEED},
    [CONFIDENCE] = {.name = "confidence",
                    .kind = TD_OPTION_REAL,
                    .value = "C",
                    .help = "confidence of the intervals, above 0 and below 1 (default: 0.95)",
                    .above = 0,
                    .below = 1},
    [OUT] = {.name = "out",
             .kind = TD_OPTION_TEXT,
             .value = "DIR",
             .help = "write the CSV files of the run to DIR, which is made if it is missing\n"
                     "(default: write none)"},
    [TASKS] = {.name = "tasks",
               .kind = TD_OPTION_WHOLE,
               .value = "N",
               .help = "with --out: write to tasks.csv only the first N replications of each\n"
                       "policy (default: all)",
               .max = TD_MAX_REPLICATIONS},
    [JOBS] = {.name = "jobs",
              .kind = TD_OPTION_WHOLE,
              .value = "N",
              .help = "simulate on N threads (default: one a processor); the results are the\n"
                      "same for any N",
              .min = 1,
              .max = MAX_JOBS},
    [QUIET] = {.name = "quiet",
               .kind = TD_OPTION_FLAG,
               .help = "print no table, no progress and no warnings"},
    [JSON] = {.name = "json",
              .kind = TD_OPTION_FLAG,
              .help = "print the comparison as one JSON object instead of a table"},
    [LIVE] = {.name = "live",
              .kind = TD_OPTION_FLAG,
              .help = "run it with real peers on this machine, over websockets, instead of\n"
                      "simulating it; the scenario's \"live\" says how"},
};

static const struct td_usage usage = {
    .command = "run",
    .positionals = "SCENARIO",
    .about =
        "Simulates the scenario under each of its policies, on the same luck, and prints how they "
        "compare.",
    .min_positionals = 1,
    .max_positionals = 1,
    .options = options,
    .option_count = OPTION_COUNT,
};

/* A run, from the command line to its results. */
struct run {
    const struct td_value *options;
    struct td_scenario *scenario;
    struct td_policy_list policies;
    uint32_t replications, tasks, jobs;
    uint64_t seed;
    double confidence;
    const char **names; /* of peers, their caches and steps, one behind the other */
    struct td_labels labels;
    struct td_results results;
    struct td_csv *csv; /* NULL without --out */
    struct td_comparison *comparison;
    struct td_buffer troubles; /* of peers that build: sentences, each with its zero */
};

static void destroy(struct run *run)
{
    td_comparison_destroy(run->comparison);
    td_csv_destroy(run->csv);
    td_buffer_free(&run->troubles);
    free(run->results.runs);
    free(run->names);
    td_scenario_destroy(run->scenario);
}

static bool choose_policies(struct run *run, struct td_error *error)
{
    const struct td_value *chosen = &run->options[POLICY];

    /* The file must be right even where the command line overrides it. */
    if (!td_policy_list_from_file(run->scenario, &run->policies, error)) return false;
    if (chosen->given && !td_policy_list_from_text(chosen->text, "--policy", &run->policies, error))
        return false;
    if (run->policies.count == 0)
        return td_error_set(
            error, TD_FAULT_INPUT,
            "%s:1:1: $.policies: no policy to run: name some with --policy, or in the file as in "
            "\"policies\": [\"linear\", \"directed\"]",
            run->scenario->path);
    return td_policy_list_fits(&run->policies, run->scenario, error);
}

/* One thread a processor, unless there is less to do. */
static uint32_t count_jobs(const struct run *run)
{
    uint64_t work = (uint64_t)run->policies.count * run->replications;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t jobs = processors < 1 ? 1 : (uint64_t)processors;

    if (run->options[JOBS].given) jobs = run->options[JOBS].whole;
    if (jobs > work) jobs = work;
    return (uint32_t)(jobs > MAX_JOBS ? MAX_JOBS : jobs);
}

/* The records of millions of replications take their time: an interrupt is heard already. */
static bool make_results(struct run *run, struct td_error *error)
{
    const struct td_scenario *scenario = run->scenario;
    TD_ASSERT(scenario != NULL); /* prepare() has read it */
    size_t peers = scenario->peer_count, steps = scenario->step_count;
    uint64_t runs = (uint64_t)run->policies.count * run->replications;

    run->names = calloc(2 * peers + steps, sizeof *run->names);
    run->results.runs = td_block_alloc(runs, sizeof *run->results.runs);
    if (run->names == NULL || run->results.runs == NULL)
        return td_error_memory(error, "the results of the run");
    for (size_t i = 0; i < peers; i++) {
        run->names[i] = scenario->peers[i].name;
        run->names[peers + i] = scenario->groups[scenario->peers[i].group].cache_id;
    }
    for (size_t i = 0; i < steps; i++)
        run->names[2 * peers + i] = scenario->steps[i].id;

    run->labels = (struct td_labels){
        .scenario = scenario->name,
        .mode = run->options[LIVE].given ? "live" : "simulated",
        .seed = run->seed,
        .policy_count = run->policies.count,
        .replications = run->replications,
        .policies = run->policies.names,
        .peer_count = scenario->peer_count,
        .peers = run->names,
        .caches = run->names + peers,
        .step_count = scenario->step_count,
        .steps = run->names + 2 * peers,
    };
    run->results.labels = &run->labels;
    return true;
}

/* Everything that can be refused is refused here, before anything is written. */
static bool prepare(struct run *run, const struct td_arguments *arguments, struct td_error *error)
{
    const struct td_value *given = run->options = arguments->values;

    if (given[LIVE].given && given[JOBS].given)
        return td_error_set(error, TD_FAULT_INPUT,
                            "run: --jobs is for simulations, and live runs come one after the "
                            "other: leave one of --live and --jobs out");
    if (given[TASKS].given && !given[OUT].given)
        return td_error_set(error, TD_FAULT_INPUT,
                            "run: --tasks limits tasks.csv, which only --out DIR writes: add "
                            "--out, or leave --tasks out");

    run->scenario = td_scenario_read(arguments->positionals[0], error);
    if (run->scenario == NULL || !choose_policies(run, error)) return false;

    if (given[LIVE].given && !td_live_can(run->scenario, error)) return false;
    run->replications = given[REPLICATIONS].given ? (uint32_t)given[REPLICATIONS].whole
                                                  : run->scenario->replications;
    run->seed = given[SEED].given ? given[SEED].whole : run->scenario->seed;
    run->confidence = given[CONFIDENCE].given ? given[CONFIDENCE].real : 0.95;
    run->tasks = given[TASKS].given ? (uint32_t)given[TASKS].whole : UINT32_MAX;
    run->jobs = count_jobs(run);
    return true;
}

static void print_warnings(const struct run *run)
{
    const char *warning;
    if (run->options[QUIET].given) return;
    for (size_t i = 0; (warning = td_scenario_warning(run->scenario, i)) != NULL; i++)
        td_cli_warn(warning);
}

static void show_progress(void *context, double done)
{
    td_progress_update(context, done);
}

static bool simulate(struct run *run, const atomic_bool *stop, struct td_error *error)
{
    struct td_progress progress;
    struct td_sim_options sim = {
        .policies = run->policies.policies,
        .policy_count = run->policies.count,
        .replications = run->replications,
        .seed = run->seed,
        .jobs = run->jobs,
        .bounds = true,
        .csv = run->csv,
        .stop = stop,
        .progress = run->options[QUIET].given ? NULL : show_progress,
        .progress_context = &progress,
    };
    td_progress_start(&progress, stderr);
    bool done = td_sim_run(run->scenario, &sim, &run->results, error);
    td_progress_end(&progress);
    return done;
}

static void report_trouble(void *context, const char *sentence)
{
    struct run *run = context;
    td_buffer_add(&run->troubles, sentence, strlen(sentence) + 1);
}

/* Not before progress is shown no more. */
static void print_troubles(const struct run *run)
{
    const char *sentence = run->troubles.bytes;
    for (; sentence < run->troubles.bytes + run->troubles.length; sentence += strlen(sentence) + 1)
        td_cli_warn(sentence);
}

static bool run_live(struct run *run, const atomic_bool *stop, struct td_error *error)
{
    TD_ASSERT(run->scenario != NULL && run->scenario->live != NULL); /* prepare() has seen to it */
    double scale = run->scenario->live->time_scale;
    struct td_progress progress;
    const char *out = run->options[OUT].given ? run->options[OUT].text : NULL;
    char folder[PATH_MAX];
    if (out != NULL && snprintf(folder, sizeof folder, "%s/events", out) >= (int)sizeof folder)
        return td_error_set(error, TD_FAULT_INPUT, "run: the path %s is too long: name another one",
                            out);
    const struct td_live_options live = {
        .policies = run->policies.policies,
        .policy_count = run->policies.count,
        .replications = run->replications,
        .seed = run->seed,
        .scale = scale,
        .csv = run->csv,
        .folder = out != NULL ? folder : NULL,
        .program = "/proc/self/exe",
        .stop = stop,
        .trouble = report_trouble,
        .trouble_context = run,
        .progress = run->options[QUIET].given ? NULL : show_progress,
        .progress_context = &progress,
    };
    td_progress_start(&progress, stderr);
    bool done = td_live_run(run->scenario, &live, &run->results, error);
    td_progress_end(&progress);
    print_troubles(run);
    return done;
}

/* Once the files are on their way to their final names, a signal comes too late to stop the run. */
static bool execute(struct run *run, const atomic_bool *stop, struct td_error *error)
{
    const struct td_value *out = &run->options[OUT];

    if (out->given) {
        run->csv = td_csv_open(out->text, &run->labels, run->tasks, error);
        if (run->csv == NULL) return false;
    }
    if (!(run->options[LIVE].given ? run_live : simulate)(run, stop, error)) return false;
    run->comparison = td_compare(&run->results, run->confidence, error);
    if (run->comparison == NULL) return false;
    if (atomic_load(stop)) return td_error_set(error, TD_FAULT_INTERRUPT, "interrupted");
    return run->csv == NULL || td_csv_commit(run->csv, &run->results, run->comparison, error);
}

static bool print_results(const struct run *run, struct td_error *error)
{
    const struct td_value *given = run->options;

    if (given[JSON].given) return td_table_json(stdout, &run->results, run->comparison, error);
    if (given[QUIET].given) return true;
    td_table_print(stdout, &run->results, run->comparison);
    if (given[OUT].given)
        (void)printf("\nThe CSV files are in %s; 'task-director plot %s' draws them.\n",
                     given[OUT].text, given[OUT].text);
    return true;
}

int td_command_run(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    struct run run = {0};
    struct td_error error;
    bool done = prepare(&run, &arguments, &error);
    if (done) {
        print_warnings(&run);
        const atomic_bool *stop = td_interrupt_watch();
        done = make_results(&run, &error) && execute(&run, stop, &error);
        td_csv_destroy(run.csv);
        run.csv = NULL;
        if (atomic_load(stop))
            td_interrupt_die(done && arguments.values[OUT].given
                                 ? "interrupted when the CSV files were complete"
                                 : "interrupted; nothing was written");
        td_interrupt_unwatch();
    }
    if (done) done = print_results(&run, &error);
    const bool troubled = run.troubles.length > 0;
    destroy(&run);
    if (!done) return td_cli_fail(&error);
    return troubled ? TD_EXIT_FAILED : TD_EXIT_DONE;
}
