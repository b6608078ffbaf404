#include "live/live.h"

#include "live/replay.h"
#include "live/server.h"
#include "live/swarm.h"
#include "workload/sampler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GRACE_S 10 /* of the wall clock, for a lost connection */

/* One policy and replication, on two threads: the authority and the peers. */
struct run {
    const struct td_scenario *scenario;
    const struct td_live_options *options;
    struct td_authority_options authority;
    struct td_sleep_plan *plan;
    struct td_replay *replay;
    struct td_server *server;
    struct td_swarm *swarm;
    atomic_bool stop_server, server_ended, swarm_ended;
    bool server_good, swarm_good;
    struct td_error server_error, swarm_error;
};

static void *serve(void *context)
{
    struct run *run = context;
    run->server_good = td_server_run(run->server, &run->stop_server, &run->server_error);
    atomic_store(&run->server_ended, true);
    return NULL;
}

static void *swarm(void *context)
{
    struct run *run = context;
    run->swarm_good = td_swarm_run(run->swarm, &run->swarm_error);
    atomic_store(&run->swarm_ended, true);
    return NULL;
}

static void rest_a_tenth(void)
{
    const struct timespec tenth = {.tv_nsec = TD_NS_PER_S / 20};
    (void)nanosleep(&tenth, NULL);
}

/* Waits until the peers have ended, or somebody has to give up. */
static void watch(struct run *run, double done, double share)
{
    const struct td_live_options *options = run->options;
    while (!atomic_load(&run->swarm_ended)) {
        rest_a_tenth();
        if (options->progress != NULL)
            options->progress(options->progress_context, done + share / 2);
        if (atomic_load(&run->server_ended) ||
            (options->stop != NULL && atomic_load(options->stop)))
            td_swarm_stop(run->swarm);
    }
    atomic_store(&run->stop_server, true);
    while (!atomic_load(&run->server_ended)) {
        td_server_wake(run->server);
        rest_a_tenth();
    }
}

static bool start_thread(pthread_t *thread, void *(*body)(void *), struct run *run,
                         struct td_error *error)
{
    return pthread_create(thread, NULL, body, run) == 0 ||
           td_error_set(error, TD_FAULT_RUN,
                        "cannot start a thread: end other programs or raise "
                        "the limit on processes (ulimit -u)");
}

static bool run_threads(struct run *run, double done, double share, struct td_error *error)
{
    pthread_t server, peers;
    if (!start_thread(&server, serve, run, error)) return false;
    bool started = start_thread(&peers, swarm, run, error);
    if (!started) atomic_store(&run->swarm_ended, true);
    watch(run, done, share);
    if (started) pthread_join(peers, NULL);
    pthread_join(server, NULL);
    return started;
}

static bool judge(const struct run *run, struct td_error *error)
{
    const atomic_bool *stop = run->options->stop;
    if (stop != NULL && atomic_load(stop))
        return td_error_set(error, TD_FAULT_INTERRUPT, "interrupted");
    if (!run->server_good)
        *error = run->server_error;
    else if (!run->swarm_good)
        *error = run->swarm_error;
    return run->server_good && run->swarm_good;
}

static bool open_run(struct run *run, uint32_t replication, struct td_recording *recording,
                     struct td_error *error)
{
    const struct td_live_options *options = run->options;
    run->authority.recording = recording;
    run->plan = td_sleep_plan_create(run->scenario, options->seed, replication + 1, error);
    run->replay = td_replay_create(error);
    if (run->plan == NULL || run->replay == NULL) return false;
    const struct td_server_options server = {.address = "127.0.0.1",
                                             .scale = options->scale,
                                             .authority = run->authority,
                                             .log = -1,
                                             .event = td_replay_event,
                                             .command = td_replay_command,
                                             .watcher = run->replay};
    run->server = td_server_create(&server, error);
    if (run->server == NULL) return false;
    const struct td_swarm_options peers = {.plan = run->plan,
                                           .host = "127.0.0.1",
                                           .port = td_server_port(run->server),
                                           .scale = options->scale,
                                           .zero_ns = td_server_zero_ns(run->server)};
    run->swarm = td_swarm_create(&peers, error);
    return run->swarm != NULL;
}

static void close_run(struct run *run)
{
    td_swarm_destroy(run->swarm);
    td_replay_destroy(run->replay);
    td_server_destroy(run->server);
    td_sleep_plan_destroy(run->plan);
}

static bool has_overhead(const struct td_scenario *scenario)
{
    const struct td_dist *overhead = scenario->overhead;
    return overhead->kind != TD_DIST_CONSTANT || overhead->parameter[0] > 0;
}

static bool run_one(const struct td_scenario *scenario, const struct td_live_options *options,
                    uint32_t policy, uint32_t replication, const struct td_recorder *recorder,
                    double done, struct td_run_record *record, struct td_error *error)
{
    double share = 1 / ((double)options->policy_count * options->replications);
    struct run run = {
        .scenario = scenario,
        .options = options,
        .authority = {.policy = options->policies[policy],
                      .engine = {.retries = scenario->retries,
                                 .learn = scenario->learned,
                                 .patience = scenario->patience},
                      .scenario = scenario,
                      .grace = (td_time)(GRACE_S * (double)TD_NS_PER_S / options->scale)}};
    struct td_recording *recording =
        td_recording_create(scenario->peer_count, has_overhead(scenario), recorder, error);
    bool good = recording != NULL && open_run(&run, replication, recording, error) &&
                run_threads(&run, done, share, error) && judge(&run, error) &&
                td_replay_check(run.replay, run.authority.policy, &run.authority.engine, error) &&
                td_recording_finish(recording, td_server_now(run.server), record, error);
    close_run(&run);
    td_recording_destroy(recording);
    return good;
}

static bool run_part(const struct td_scenario *scenario, const struct td_live_options *options,
                     uint32_t policy, uint32_t replication, double done,
                     struct td_run_record *record, struct td_error *error)
{
    const struct td_recorder nobody = {0};
    if (options->csv == NULL)
        return run_one(scenario, options, policy, replication, &nobody, done, record, error);
    struct td_csv_part *part = td_csv_part_begin(options->csv, policy, replication, error);
    if (part == NULL) return false;
    const struct td_recorder recorder = td_csv_part_recorder(part);
    bool good = run_one(scenario, options, policy, replication, &recorder, done, record, error);
    if (good) td_csv_part_run(part, record);
    /* a part that is begun is ended, too */
    struct td_error end_error;
    return td_csv_part_end(part, good ? error : &end_error) && good;
}

bool td_live_can(const struct td_scenario *scenario, struct td_error *error)
{
    if (scenario->live == NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s:1:1: $: the scenario does not say how it is run live: add "
                            "\"live\": {\"executor\": \"sleep\", \"time_scale\": 0.001}",
                            scenario->path);
    if (scenario->live->executor != TD_EXECUTOR_SLEEP)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s:1:1: $.live.executor: run --live has peers that sleep only so far: "
                            "write \"sleep\", or start peers of your own against "
                            "'task-director serve'",
                            scenario->path);
    return td_sleep_can(scenario, error);
}

bool td_live_run(const struct td_scenario *scenario, const struct td_live_options *options,
                 struct td_results *results, struct td_error *error)
{
    uint32_t policies = options->policy_count, turn = 0;
    for (uint32_t replication = 0; replication < options->replications; replication++)
        for (uint32_t i = 0; i < policies; i++, turn++) {
            uint32_t policy = (i + replication) % policies;
            struct td_run_record *record =
                &results->runs[(size_t)policy * options->replications + replication];
            if (!run_part(scenario, options, policy, replication,
                          (double)turn / ((double)policies * options->replications), record, error))
                return false;
        }
    return true;
}
