/* make bench: how fast the simulator is, beside a hard-coded loop of the same model in the same
 * run.
 *
 *     bench [RUNS]                                  a table of all sizes; medians of RUNS runs (5),
 *                                                   interleaved; the largest is run once
 *     bench PEERS STEPS REPLICATIONS [THREADS]      one size once, for a profiler
 *
 * An event is one order ended and the next one chosen; the hard-coded loop, which has no orders for
 * the universe, is counted by its builds and fetches. Exponential build (600 s) and fetch (100 s)
 * times, policy `directed`, no CSV files. */
#include "base/block.h"
#include "bench_internal.h"
#include "hard_coded.h"
#include "policies/policies.h"
#include "queues.h"
#include "sim/plan.h"
#include "sim/sim.h"
#include "sim/world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEED 1

static const struct td_dist build_time = {.kind = TD_DIST_EXPONENTIAL, .parameter = {600e9}};
static const struct td_dist fetch_time = {.kind = TD_DIST_EXPONENTIAL, .parameter = {100e9}};
static const struct td_dist no_time = {.kind = TD_DIST_CONSTANT};

static double clock_s(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

/* Of this process: what others do on the machine is not in it. */
static double processor_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void *must(void *memory)
{
    if (memory != NULL) return memory;
    (void)fprintf(stderr, "bench: out of memory\n");
    exit(1);
}

/* The scenario of a size, without a file. */
static struct td_scenario *scenario_make(uint32_t peers, uint32_t steps)
{
    struct td_scenario *scenario = must(calloc(1, sizeof *scenario));
    struct td_step_spec *step = must(calloc(steps, sizeof *step));
    struct td_group_spec *group = must(calloc(1, sizeof *group));
    struct td_peer_spec *peer = must(calloc(peers, sizeof *peer));
    for (uint32_t i = 0; i < steps; i++)
        step[i] = (struct td_step_spec){
            .id = "", .build = &build_time, .fetch = &fetch_time, .hit_rate = 1, .parts = 1};
    for (uint32_t i = 0; i < peers; i++)
        peer[i].index = i;
    *group = (struct td_group_spec){
        .name = "peer", .count = peers, .speed = 1, .arrival = &no_time, .publishes = true};
    *scenario = (struct td_scenario){.name = "bench",
                                     .steps = step,
                                     .step_count = steps,
                                     .rest_build = &no_time,
                                     .rest_fetch = &no_time,
                                     .overhead = &no_time,
                                     .groups = group,
                                     .group_count = 1,
                                     .peers = peer,
                                     .peer_count = peers};
    return scenario;
}

static void scenario_free(struct td_scenario *scenario)
{
    free((void *)(uintptr_t)scenario->steps);
    free((void *)(uintptr_t)scenario->groups);
    free((void *)(uintptr_t)scenario->peers);
    free(scenario);
}

/* Seconds that the simulator takes; the sum of the makespans, and the ended orders, in *sum and
 * *events; the seconds of processor time in *processor, unless that is NULL. */
static double simulate(const struct td_scenario *scenario, uint32_t replications, uint32_t jobs,
                       td_time *sum, uint64_t *events, double *processor)
{
    const struct td_policy *policy = td_policy_find("directed");
    const struct td_sim_options options = {.policies = &policy,
                                           .policy_count = 1,
                                           .replications = replications,
                                           .seed = SEED,
                                           .jobs = jobs};
    struct td_results results = {.runs = must(td_block_alloc(replications, sizeof *results.runs))};
    struct td_error error;
    double begin = now_s(), processor_begin = processor_s();
    if (!td_sim_run(scenario, &options, &results, &error)) {
        (void)fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    double seconds = now_s() - begin;
    if (processor != NULL) *processor = processor_s() - processor_begin;
    *sum = 0;
    *events = 0;
    for (uint32_t i = 0; i < replications; i++) {
        *sum += results.runs[i].makespan;
        *events += results.runs[i].events;
    }
    free(results.runs);
    return seconds;
}

/* Seconds of processor time. */
static double hard_coded(const struct td_scenario *scenario, uint32_t replications, td_time *sum)
{
    struct hard_coded *loop = must(
        hard_coded_create(scenario->peer_count, scenario->step_count, &build_time, &fetch_time));
    double begin = processor_s();
    *sum = hard_coded_run(loop, SEED, 1, replications);
    double seconds = processor_s() - begin;
    hard_coded_destroy(loop);
    return seconds;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

static void measure(uint32_t peers, uint32_t steps, uint32_t replications, int runs, uint32_t cores)
{
    struct td_scenario *scenario = scenario_make(peers, steps);
    double one[MAX_RUNS], one_wall[MAX_RUNS], all_wall[MAX_RUNS], loop[MAX_RUNS];
    td_time sum, other_sum;
    uint64_t events = 0;
    double peak = 0;
    bool compared = true;
    if (cores > replications) cores = replications;

    for (int run = 0; run < runs;
         run++) { /* interleaved: the machine's mood hits all three alike */
        one_wall[run] = simulate(scenario, replications, 1, &sum, &events, &one[run]);
        if (run == 0) peak = peak_mib();
        compared = hard_coded_reaches(peers, sum);
        loop[run] = compared ? hard_coded(scenario, replications, &other_sum) : 0;
        if (compared && sum != other_sum) {
            (void)fprintf(stderr, "bench: the simulator and the hard-coded loop disagree\n");
            exit(1);
        }
        all_wall[run] = one_wall[run];
        if (cores > 1) all_wall[run] = simulate(scenario, replications, cores, &sum, &events, NULL);
    }
    struct td_error error;
    struct td_plan *plan = must(td_plan_create(scenario, &error));
    double n = (double)events, tasks = (double)peers * steps * replications;
    double t1 = median(one, runs), tl = median(loop, runs), tn = median(all_wall, runs);
    printf("%7u %6u %7u %9.2f %8.1f %12.1f %9.2f %7.2f ", peers, steps, replications, n / t1 * 1e-6,
           t1 / n * 1e9, replications / t1, n / tn * 1e-6, median(one_wall, runs) / tn);
    if (compared)
        printf("%9.2f %7.2f ", tasks / tl * 1e-6, n / t1 / (tasks / tl));
    else
        printf("%9s %7s ", "-", "-");
    printf("%7zu %6.1f\n", td_world_bytes_per_peer(plan), peak);
    td_plan_destroy(plan);
    scenario_free(scenario);
}

/* The same in a process of its own, whose peak of memory is nobody else's. */
static void measure_apart(uint32_t peers, uint32_t steps, uint32_t replications, int runs,
                          uint32_t cores)
{
    int status;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(peers, steps, replications, runs, cores);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        (void)fprintf(stderr, "bench: %u peers and %u steps could not be measured\n", peers, steps);
        exit(1);
    }
}

static int measure_all(int runs)
{
    static const uint32_t sizes[][3] = {
        {3, 6, 100000}, {20, 50, 2000}, {1000, 300, 10}, {20000, 300, 4}, {100000, 1000, 1}};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t cores = online > 1 ? (uint32_t)online : 1;
    printf("medians of %d runs; events are orders ended; one thread by processor time, %u by the "
           "clock\n",
           runs, cores);
    printf("                       ------ one thread -----------------  -- all --------  -- "
           "hard-coded -  bytes    peak\n");
    printf("  peers  steps    reps  Mevent/s ns/event       reps/s  Mevent/s speedup  Mevent/s   "
           "ratio  a peer    MiB\n");
    for (size_t i = 0; i < SIZES; i++)
        measure_apart(sizes[i][0], sizes[i][1], sizes[i][2], i + 1 < SIZES ? runs : 1, cores);
    queues_measure(runs);
    return 0;
}

/* A whole number from 1 to `most`, or the end. */
static uint32_t number(const char *text, uint32_t most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && value >= 1 && value <= most) return (uint32_t)value;
    (void)fprintf(stderr, "bench: '%s' is no number from 1 to %u\n", text, most);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 4) return measure_all(argc > 1 ? (int)number(argv[1], MAX_RUNS) : 5);

    uint32_t replications = number(argv[3], TD_MAX_REPLICATIONS);
    struct td_scenario *scenario =
        scenario_make(number(argv[1], TD_MAX_PEERS), number(argv[2], TD_MAX_STEPS));
    td_time sum;
    uint64_t events;
    double seconds =
        simulate(scenario, replications, argc > 4 ? number(argv[4], 64) : 1, &sum, &events, NULL);
    double n = (double)events;
    printf("%.3f s, %.2f Mevents/s, %.1f ns/event, peak %.1f MiB\n", seconds, n / seconds * 1e-6,
           seconds / n * 1e9, peak_mib());
    scenario_free(scenario);
    return 0;
}
