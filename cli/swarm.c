/* `task-director swarm`: a scenario's peers, asleep, for an authority that is already there. */
#include "live/swarm.h"
#include "cli/address.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "report/table.h"
#include "workload/scenario.h"
#include "workload/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    SERVER,
    SCENARIO,
    PEERS,
    SEED,
    REPLICATION,
    TIME_SCALE,
    MAX_AWAY,
    TOKEN_FILE,
    TLS_CA,
    QUIET,
    OPTION_COUNT
};

static const struct td_option options[] = {
    [SERVER] = TD_OPTION_SERVER,
    [SCENARIO] = {.name = "scenario",
                  .kind = TD_OPTION_TEXT,
                  .value = "FILE",
                  .help = "whose peers they are"},
    [PEERS] = {.name = "peers",
               .kind = TD_OPTION_WHOLE,
               .value = "N",
               .help = "how many: the scenario's first ones, or all of them again and again\n"
                       "(default: the scenario's)",
               .min = 1,
               .max = TD_MAX_PEERS},
    [SEED] = {.name = "seed",
              .kind = TD_OPTION_WHOLE,
              .value = "N",
              .help = "draw the luck from this seed (default: the scenario's)",
              .max = TD_MAX_SEED},
    [REPLICATION] = {.name = "replication",
                     .kind = TD_OPTION_WHOLE,
                     .value = "N",
                     .help = "with the luck of this replication (default: 1)",
                     .min = 1,
                     .max = TD_MAX_REPLICATIONS},
    [TIME_SCALE] = {.name = "time-scale",
                    .kind = TD_OPTION_REAL,
                    .value = "X",
                    .help =
                        "seconds that one of the scenario takes (default: the scenario's, else\n"
                        "1)",
                    .above = 0,
                    .below = 1e6},
    [MAX_AWAY] = {.name = "max-away",
                  .kind = TD_OPTION_TEXT,
                  .value = "TIME",
                  .help = "an authority that is not to be had for so long is given up (default:\n"
                          "1m)"},
    [TOKEN_FILE] = TD_OPTION_TOKEN_FILE,
    [TLS_CA] = TD_OPTION_TLS_CA,
    [QUIET] = {.name = "quiet", .kind = TD_OPTION_FLAG, .help = "print no summary"},
};

static const struct td_usage usage = {
    .command = "swarm",
    .positionals = "",
    .about = "Opens many light peers to an authority, from one process. They build nothing: they\n"
             "sleep for as long as the simulator would have them build, and are those that\n"
             "'run --live' would have.",
    .options = options,
    .option_count = OPTION_COUNT,
};

static double seconds_now(int64_t *ns)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    *ns = now.tv_sec * TD_NS_PER_S + now.tv_nsec;
    return (double)*ns / (double)TD_NS_PER_S;
}

static bool need(const struct td_value *given, int option, struct td_error *error)
{
    return given[option].given || td_error_set(error, TD_FAULT_INPUT,
                                               "swarm: --%s is missing: 'task-director swarm "
                                               "--help' says what it is",
                                               options[option].name);
}

static bool read_max_away(const struct td_value *given, int64_t *out, struct td_error *error)
{
    const char *text = given[MAX_AWAY].given ? given[MAX_AWAY].text : "1m";
    td_time time = 0;
    const char *wrong = td_value_time(text, &time);
    *out = time > 0 ? time : 1; /* 0 would be for ever */
    return wrong == NULL || td_error_set(error, TD_FAULT_INPUT,
                                         "swarm: --max-away needs a time such as 90s, 15m or "
                                         "1h30m, not '%s': %s",
                                         text, wrong);
}

struct command {
    struct td_scenario *scenario;
    struct td_sleep_plan *plan;
    struct td_server_access access;
    struct td_swarm_options swarm;
};

/* Everything that can be refused is refused here. */
static bool prepare(struct command *command, const struct td_value *given, struct td_error *error)
{
    if (!need(given, SERVER, error) || !need(given, SCENARIO, error) ||
        !td_server_access_open("swarm", &given[SERVER], &given[TOKEN_FILE], &given[TLS_CA],
                               &command->access, error) ||
        !read_max_away(given, &command->swarm.max_away_ns, error))
        return false;
    command->scenario = td_scenario_read(given[SCENARIO].text, error);
    if (command->scenario == NULL) return false;
    struct td_scenario *scenario = command->scenario;
    if (given[PEERS].given && !td_scenario_set_peers(scenario, (uint32_t)given[PEERS].whole, error))
        return false;
    uint64_t seed = given[SEED].given ? given[SEED].whole : scenario->seed;
    uint32_t replication = given[REPLICATION].given ? (uint32_t)given[REPLICATION].whole : 1;
    command->plan = td_sleep_plan_create(scenario, seed, replication, error);
    command->swarm.scale = given[TIME_SCALE].given  ? given[TIME_SCALE].real
                           : scenario->live != NULL ? scenario->live->time_scale
                                                    : 1;
    command->swarm.plan = command->plan;
    command->swarm.host = command->access.address.host;
    command->swarm.port = command->access.address.port;
    command->swarm.tls = command->access.tls;
    command->swarm.token = command->access.token;
    return command->plan != NULL;
}

static void print_summary(const struct command *command, const struct td_swarm_counts *counts,
                          double took)
{
    char wall[TD_DURATION_TEXT], scaled[TD_DURATION_TEXT];
    td_duration_text(took, wall);
    td_duration_text(took / command->swarm.scale, scaled);
    uint32_t others = counts->ended - counts->completed - counts->failed;
    (void)printf("%s: %" PRIu32 " peers: %" PRIu32 " completed, %" PRIu32 " failed, %" PRIu32
                 " left; %" PRIu64 " orders, %" PRIu64 " connections lost; %s",
                 command->scenario->name, command->scenario->peer_count, counts->completed,
                 counts->failed, others, counts->orders, counts->losses, wall);
    if (command->swarm.scale != 1) (void)printf(" (%s of the scenario)", scaled);
    (void)putchar('\n');
}

int td_command_swarm(int argc, char **argv)
{
    struct td_arguments arguments;
    struct command command = {0};
    struct td_swarm *swarm = NULL;
    struct td_error error;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    bool done = prepare(&command, arguments.values, &error);
    double begin = seconds_now(&command.swarm.zero_ns);
    const atomic_bool *stop = td_interrupt_watch();
    command.swarm.stop = stop;
    done = done && (swarm = td_swarm_create(&command.swarm, &error)) != NULL;
    if (swarm != NULL) {
        done = td_swarm_run(swarm, &error);
        int64_t end_ns;
        const struct td_swarm_counts counts = td_swarm_counts(swarm);
        if (!arguments.values[QUIET].given)
            print_summary(&command, &counts, seconds_now(&end_ns) - begin);
        td_swarm_destroy(swarm);
    }
    td_sleep_plan_destroy(command.plan);
    td_scenario_destroy(command.scenario);
    td_server_access_close(&command.access);
    if (!done && error.fault == TD_FAULT_INTERRUPT) {
        (void)fflush(stdout);
        td_interrupt_die("interrupted");
    }
    td_interrupt_unwatch();
    return done ? TD_EXIT_DONE : td_cli_fail(&error);
}
