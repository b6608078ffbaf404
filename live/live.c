#include "live/live.h"

#include "live/crew.h"
#include "live/folder.h"
#include "live/replay.h"
#include "live/server.h"
#include "live/swarm.h"
#include "workload/sampler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GRACE_S 10 /* of the wall clock, for a lost connection */

/* One policy and replication, on two threads: the authority and the peers. */
struct run {
    const struct td_scenario *scenario;
    const struct td_live_options *options;
    struct td_authority_options authority;
    uint32_t replication;
    char folder[PATH_MAX]; /* for what a crew leaves */
    struct td_sleep_plan *plan;
    struct td_replay *replay;
    struct td_server *server;
    struct td_swarm *swarm; /* peers that sleep, */
    struct td_crew *crew;   /* or peers that build */
    atomic_bool stop_server, server_ended, peers_ended;
    bool server_good, peers_good;
    struct td_error server_error, peers_error;
};

static void *serve(void *context)
{
    struct run *run = context;
    run->server_good = td_server_run(run->server, &run->stop_server, &run->server_error);
    atomic_store(&run->server_ended, true);
    return NULL;
}

static void *play(void *context)
{
    struct run *run = context;
    run->peers_good = run->crew != NULL
                          ? td_crew_run(run->crew, td_server_port(run->server),
                                        td_server_zero_ns(run->server), &run->peers_error)
                          : td_swarm_run(run->swarm, &run->peers_error);
    atomic_store(&run->peers_ended, true);
    return NULL;
}

static void stop_peers(const struct run *run)
{
    if (run->crew != NULL)
        td_crew_stop(run->crew);
    else
        td_swarm_stop(run->swarm);
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
    while (!atomic_load(&run->peers_ended)) {
        rest_a_tenth();
        if (options->progress != NULL)
            options->progress(options->progress_context, done + share / 2);
        if (atomic_load(&run->server_ended) ||
            (options->stop != NULL && atomic_load(options->stop)))
            stop_peers(run);
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
    bool started = start_thread(&peers, play, run, error);
    if (!started) atomic_store(&run->peers_ended, true);
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
    else if (!run->peers_good)
        *error = run->peers_error;
    return run->server_good && run->peers_good;
}

static bool builds(const struct td_scenario *scenario)
{
    return scenario->live->executor != TD_EXECUTOR_SLEEP;
}

static bool open_swarm(struct run *run, struct td_error *error)
{
    const struct td_live_options *options = run->options;
    run->plan = td_sleep_plan_create(run->scenario, options->seed, run->replication + 1, error);
    if (run->plan == NULL) return false;
    const struct td_swarm_options peers = {.plan = run->plan,
                                           .host = "127.0.0.1",
                                           .port = td_server_port(run->server),
                                           .scale = options->scale,
                                           .zero_ns = td_server_zero_ns(run->server)};
    run->swarm = td_swarm_create(&peers, error);
    return run->swarm != NULL;
}

/* Says of which run it is. */
static void report_trouble(void *context, const char *sentence)
{
    const struct run *run = context;
    struct td_error text;
    (void)td_error_set(&text, TD_FAULT_RUN, "%s, replication %u: %s", run->authority.policy->name,
                       run->replication + 1, sentence);
    run->options->trouble(run->options->trouble_context, text.text);
}

static bool open_crew(struct run *run, struct td_error *error)
{
    const struct td_live_options *options = run->options;
    char name[TD_FILE_NAME];
    if (options->folder != NULL) {
        const int length =
            snprintf(run->folder, sizeof run->folder, "%s/%s-%u", options->folder,
                     td_folder_name(run->authority.policy->name, name), run->replication + 1);
        if (length >= (int)sizeof run->folder)
            return td_error_set(error, TD_FAULT_INPUT, "the path %s is too long: name another one",
                                options->folder);
    }
    const struct td_crew_options peers = {.scenario = run->scenario,
                                          .seed = options->seed,
                                          .replication = run->replication + 1,
                                          .program = options->program,
                                          .scale = options->scale,
                                          .folder = options->folder != NULL ? run->folder : NULL,
                                          .trouble = report_trouble,
                                          .trouble_context = run,
                                          .stop = options->stop};
    run->crew = td_crew_create(&peers, error);
    return run->crew != NULL;
}

static bool open_run(struct run *run, struct td_recording *recording, struct td_error *error)
{
    const struct td_live_options *options = run->options;
    run->authority.recording = recording;
    run->replay = td_replay_create(error);
    if (run->replay == NULL || (builds(run->scenario) && !open_crew(run, error))) return false;
    const struct td_server_options server = {.address = "127.0.0.1",
                                             .scale = options->scale,
                                             .authority = run->authority,
                                             .log = -1,
                                             .event = td_replay_event,
                                             .command = td_replay_command,
                                             .watcher = run->replay};
    run->server = td_server_create(&server, error);
    if (run->server == NULL) return false;
    return builds(run->scenario) || open_swarm(run, error);
}

static void close_run(struct run *run)
{
    td_crew_destroy(run->crew);
    td_swarm_destroy(run->swarm);
    td_replay_destroy(run->replay);
    td_server_destroy(run->server);
    td_sleep_plan_destroy(run->plan);
}

static enum td_recording_form how(const struct td_scenario *scenario)
{
    const struct td_dist *overhead = scenario->overhead;
    if (builds(scenario)) return TD_RECORD_ORDERS;
    return overhead->kind != TD_DIST_CONSTANT || overhead->parameter[0] > 0 ? TD_RECORD_OVERHEADS
                                                                            : TD_RECORD_LOOKS;
}

static bool run_one(const struct td_scenario *scenario, const struct td_live_options *options,
                    uint32_t policy, uint32_t replication, const struct td_recorder *recorder,
                    double done, struct td_run_record *record, struct td_error *error)
{
    double share = 1 / ((double)options->policy_count * options->replications);
    struct run run = {
        .scenario = scenario,
        .options = options,
        .replication = replication,
        .authority = {.policy = options->policies[policy],
                      .engine = {.retries = scenario->retries,
                                 .learn = scenario->learned,
                                 .patience = scenario->patience},
                      .scenario = scenario,
                      .grace = (td_time)(GRACE_S * (double)TD_NS_PER_S / options->scale)}};
    struct td_recording *recording =
        td_recording_create(scenario->peer_count, how(scenario), recorder, error);
    bool good = recording != NULL && open_run(&run, recording, error) &&
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
    return builds(scenario) ? td_crew_can(scenario, error) : td_sleep_can(scenario, error);
}

static bool run_all(const struct td_scenario *scenario, const struct td_live_options *options,
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

bool td_live_run(const struct td_scenario *scenario, const struct td_live_options *options,
                 struct td_results *results, struct td_error *error)
{
    if (options->folder != NULL && !td_folder_remove(options->folder, error)) return false;
    if (run_all(scenario, options, results, error)) return true;
    /* who ends a run wants nothing of it; who looks for a failure may */
    if (options->folder != NULL && error->fault == TD_FAULT_INTERRUPT)
        (void)td_folder_remove(options->folder, NULL);
    return false;
}
