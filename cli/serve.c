/* `task-director serve`: the authority for real peers. */
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/policy_list.h"
#include "live/server.h"
#include "live/tls.h"
#include "policies/loader.h"
#include "workload/scenario.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LISTEN,
    POLICY,
    GRACE,
    RETRIES,
    TOKENS,
    TLS_CERT,
    TLS_KEY,
    NO_TOKENS,
    NO_TLS,
    V1_WITHOUT_TOKEN,
    JOURNAL,
    JOURNAL_MAX,
    RETAIN,
    MAX_CONNECTIONS,
    MAX_PER_ADDRESS,
    MAX_RATE,
    HELLO_TIME,
    LOG,
    QUIET,
    OPTION_COUNT
};

#define PORT 8765u
#define TOKENS_VARIABLE "TASK_DIRECTOR_TOKENS"

static const struct td_option options[] = {
    [LISTEN] = {.name = "listen",
                .kind = TD_OPTION_TEXT,
                .value = "ADDR[:PORT]",
                .help = "where peers connect: an address, `localhost`, a host or an interface\n"
                        "(default: 127.0.0.1:8765; port 0: any free one)"},
    [POLICY] = {.name = "policy",
                .kind = TD_OPTION_TEXT,
                .value = "NAME",
                .help = "how to prioritise (default: directed)"},
    [GRACE] = {.name = "grace",
               .kind = TD_OPTION_REAL,
               .value = "SECONDS",
               .help = "a peer that loses its connection keeps its order for so long (default: 30)",
               .above = 0,
               .below = 86400},
    [RETRIES] = {.name = "retries",
                 .kind = TD_OPTION_WHOLE,
                 .value = "N",
                 .help = "accidental failures of one step that a peer survives (default: the\n"
                         "scenario's, else 2)",
                 .max = 1000000},
    [JOURNAL] = {.name = "journal",
                 .kind = TD_OPTION_TEXT,
                 .value = "FILE",
                 .help = "keep all that happens in FILE, and go on from there when started again"},
    [JOURNAL_MAX] = {.name = "journal-max",
                     .kind = TD_OPTION_WHOLE,
                     .value = "MIB",
                     .help = "a journal of that size lets newcomers wait until those who are here\n"
                             "have finished, and is folded then (default: 256)",
                     .min = 1,
                     .max = 1 << 20},
    [RETAIN] = {.name = "retain",
                .kind = TD_OPTION_WHOLE,
                .value = "N",
                .help =
                    "a folded journal keeps what is known of the N cohorts that were here last\n"
                    "(default: 1000)",
                .max = 1000000},
    [TOKENS] = {.name = "tokens",
                .kind = TD_OPTION_TEXT,
                .value = "FILE",
                .help =
                    "who may join: a line NAME sha256:HASH for each token; also in the variable\n"
                    "TASK_DIRECTOR_TOKENS"},
    [TLS_CERT] = {.name = "tls-cert",
                  .kind = TD_OPTION_TEXT,
                  .value = "FILE",
                  .help = "encrypt with this certificate (PEM, with those between it and the CA)"},
    [TLS_KEY] = {.name = "tls-key", .kind = TD_OPTION_TEXT, .value = "FILE", .help = "and its key"},
    [NO_TOKENS] = {.name = "insecure-no-tokens",
                   .kind = TD_OPTION_FLAG,
                   .help =
                       "let everybody join who can reach an address that is not this machine's"},
    [NO_TLS] = {.name = "insecure-no-tls",
                .kind = TD_OPTION_FLAG,
                .help = "do not encrypt on such an address"},
    [V1_WITHOUT_TOKEN] = {.name = "v1-without-token",
                          .kind = TD_OPTION_FLAG,
                          .help =
                              "clients of version 1, which can send none, may join all the same"},
    [MAX_CONNECTIONS] = {.name = "max-connections",
                         .kind = TD_OPTION_WHOLE,
                         .value = "N",
                         .help = "connections in all (default: 10000, or what there is files for)",
                         .min = 1,
                         .max = 1000000},
    [MAX_PER_ADDRESS] = {.name = "max-per-address",
                         .kind = TD_OPTION_WHOLE,
                         .value = "N",
                         .help = "connections from one address (default: 1000, this machine\n"
                                 "excepted)",
                         .min = 1,
                         .max = 1000000},
    [MAX_RATE] = {.name = "max-rate",
                  .kind = TD_OPTION_WHOLE,
                  .value = "N",
                  .help = "messages a second of a connection, in the long run (default: 1000)",
                  .min = 1,
                  .max = 1000000},
    [HELLO_TIME] = {.name = "hello-time",
                    .kind = TD_OPTION_REAL,
                    .value = "SECONDS",
                    .help = "how long the handshake may take, and from there the hello (default:\n"
                            "10)",
                    .above = 0,
                    .below = 86400},
    [LOG] = {.name = "log",
             .kind = TD_OPTION_TEXT,
             .value = "human|json",
             .help = "how to write what happens, a line each, on standard error (default: human)"},
    [QUIET] = {.name = "quiet", .kind = TD_OPTION_FLAG, .help = "write nothing of what happens"},
};

static const struct td_usage usage = {
    .command = "serve",
    .positionals = "[SCENARIO|SCHEMA-FILE...]",
    .about =
        "Listens for peers, and tells each what to build next. A scenario gives its schema's\n"
        "prerequisites and mean times; of files that hold just a schema there may be any number:\n"
        "peers need only name those. They may also bring their schemas along. Without a scenario\n"
        "times are learned. SIGTERM or Ctrl-C: no new orders, and it ends when those that run\n"
        "have ended.",
    .max_positionals = SIZE_MAX,
    .options = options,
    .option_count = OPTION_COUNT,
};

/* "ADDR", "ADDR:PORT" or "[ADDR]:PORT" into its parts. */
static bool read_address(const char *text, char *address, size_t size, uint16_t *port,
                         struct td_error *error)
{
    const char *colon = strrchr(text, ':'), *end = text + strlen(text);
    *port = PORT;
    bool bracketed = text[0] == '[';
    if (colon != NULL && (bracketed ? colon[-1] == ']' : strchr(text, ':') == colon)) {
        char *rest;
        unsigned long number = strtoul(colon + 1, &rest, 10);
        if (colon[1] == '\0' || *rest != '\0' || number > 65535)
            return td_error_set(error, TD_FAULT_INPUT,
                                "serve: --listen %s: the port must be a number from 0 to 65535",
                                text);
        *port = (uint16_t)number;
        end = colon;
    }
    if (bracketed && end > text && end[-1] == ']') text++, end--;
    size_t length = (size_t)(end - text);
    if (length == 0 || length >= size)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: --listen wants an address such as 127.0.0.1:8765");
    memcpy(address, text, length);
    address[length] = '\0';
    return true;
}

static bool choose_log(const struct td_value *given, bool *json, struct td_error *error)
{
    *json = given->given && strcmp(given->text, "json") == 0;
    if (!given->given || *json || strcmp(given->text, "human") == 0) return true;
    return td_error_set(error, TD_FAULT_INPUT, "serve: --log is human or json, not %s",
                        given->text);
}

/* The policy, and what it needs to know of the scenario. */
static bool choose_policy(const struct td_value *given, const struct td_scenario *scenario,
                          const struct td_policy **policy, struct td_error *error)
{
    struct td_policy_list list;
    if (!td_policy_list_from_text(given->given ? given->text : "directed", "--policy", &list,
                                  error))
        return false;
    if (list.count != 1)
        return td_error_set(error, TD_FAULT_INPUT, "serve: --policy takes one policy");
    *policy = list.policies[0];
    if (((*policy)->needs & TD_NEEDS_LOTS) != 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: policy %s wants numbers drawn, which is for simulations: "
                            "choose another",
                            (*policy)->name);
    return scenario == NULL || td_policy_list_fits(&list, scenario, error);
}

static uint32_t whole_of(const struct td_value *given, uint32_t otherwise)
{
    return given->given ? (uint32_t)given->whole : otherwise;
}

static bool choose_limits(const struct td_value *given, struct td_guard_limits *limits,
                          struct td_error *error)
{
    char warning[256];
    double patience = given[HELLO_TIME].given ? given[HELLO_TIME].real : 10;
    *limits = (struct td_guard_limits){.connections = whole_of(&given[MAX_CONNECTIONS], 10000),
                                       .per_address = whole_of(&given[MAX_PER_ADDRESS], 1000),
                                       .loopback_too = given[MAX_PER_ADDRESS].given,
                                       .rate = whole_of(&given[MAX_RATE], 1000),
                                       .handshake_s = patience,
                                       .hello_s = patience};
    if (!td_guard_reserve_files(&limits->connections, warning, sizeof warning, error)) return false;
    if (warning[0] != '\0') td_cli_warn(warning);
    return true;
}

/* What the files say that are named on the command line. */
struct files {
    struct td_scenario *scenario; /* NULL: none of them is one */
    struct td_scenario **schemas;
    size_t schema_count;
};

static bool read_files(const struct td_arguments *arguments, struct files *files,
                       struct td_error *error)
{
    files->schemas = calloc(arguments->positional_count + 1, sizeof(struct td_scenario *));
    if (files->schemas == NULL) return td_error_memory(error, "schemas");
    for (size_t i = 0; i < arguments->positional_count; i++) {
        struct td_scenario *read = td_scenario_read_either(arguments->positionals[i], error);
        if (read == NULL) return false;
        if (read->name == NULL) {
            files->schemas[files->schema_count++] = read;
            continue;
        }
        if (files->scenario != NULL) {
            (void)td_error_set(error, TD_FAULT_INPUT,
                               "serve: %s and %s are both scenarios: name one of them, and of the "
                               "other just the schema's file",
                               files->scenario->path, read->path);
            td_scenario_destroy(read);
            return false;
        }
        files->scenario = read;
    }
    return true;
}

static void free_files(struct files *files)
{
    for (size_t i = 0; i < files->schema_count; i++)
        td_scenario_destroy(files->schemas[i]);
    free(files->schemas);
    td_scenario_destroy(files->scenario);
}

/* From the file or the variable; the variable is wiped, so that no child inherits it. */
static bool read_tokens(const struct td_value *given, struct td_server_options *server,
                        struct td_error *error)
{
    char *text = getenv(TOKENS_VARIABLE);
    if (given->given && text != NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: there are --tokens and " TOKENS_VARIABLE ": give one of them");
    if (given->given) {
        server->tokens_path = given->text;
        server->tokens = td_tokens_read(given->text, error);
    } else if (text != NULL) {
        server->tokens = td_tokens_parse(TOKENS_VARIABLE, text, strlen(text), error);
        td_token_wipe(text, strlen(text));
        (void)unsetenv(TOKENS_VARIABLE);
    } else {
        return true;
    }
    return server->tokens != NULL;
}

static bool secure(const struct td_value *given, struct td_server_options *server,
                   struct td_error *error)
{
    char warning[512];
    if (given[TLS_CERT].given != given[TLS_KEY].given)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: --tls-cert and --tls-key belong together: give both");
    if (given[TLS_CERT].given) {
        server->tls_cert = given[TLS_CERT].text;
        server->tls_key = given[TLS_KEY].text;
        if (!td_tls_check(server->tls_cert, server->tls_key, warning, sizeof warning, error))
            return false;
        if (warning[0] != '\0') td_cli_warn(warning);
    }
    if (!read_tokens(&given[TOKENS], server, error)) return false;
    const struct td_exposure exposure = {.address = server->address,
                                         .tokens = server->tokens != NULL,
                                         .tls = server->tls_cert != NULL,
                                         .no_tokens = given[NO_TOKENS].given,
                                         .no_tls = given[NO_TLS].given};
    if (!td_exposure_check(&exposure, warning, sizeof warning, error)) return false;
    if (warning[0] != '\0') td_cli_warn(warning);
    server->v1_without_token = given[V1_WITHOUT_TOKEN].given;
    if (server->v1_without_token && server->tokens != NULL)
        td_cli_warn("clients of version 1 need no token, so whoever can connect can join as one");
    return true;
}

static bool choose_journal(const struct td_value *given, struct td_keeper_options *journal,
                           struct td_error *error)
{
    if (!given[JOURNAL].given && (given[JOURNAL_MAX].given || given[RETAIN].given))
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: --%s is for a journal: add --journal FILE, or leave it out",
                            given[JOURNAL_MAX].given ? "journal-max" : "retain");
    bool outside = given[POLICY].given && td_policy_is_path(given[POLICY].text);
    journal->path = given[JOURNAL].given ? given[JOURNAL].text : NULL;
    journal->policy_path = outside ? given[POLICY].text : NULL;
    journal->most_bytes = (given[JOURNAL_MAX].given ? given[JOURNAL_MAX].whole : 256) << 20;
    journal->find_policy = td_policy_find;
    journal->retain = given[RETAIN].given ? (uint32_t)given[RETAIN].whole : 1000;
    /* past a limit on file sizes writing fails then, which the journal survives */
    (void)signal(SIGXFSZ, SIG_IGN);
    return true;
}

static bool prepare(const struct td_arguments *arguments, struct files *files,
                    struct td_server_options *server, char *address, size_t size,
                    struct td_error *error)
{
    const struct td_value *given = arguments->values;
    const char *listen = given[LISTEN].given ? given[LISTEN].text : "127.0.0.1";
    double grace = given[GRACE].given ? given[GRACE].real : 30;
    server->address = address;
    if (!read_address(listen, address, size, &server->port, error) ||
        !choose_log(&given[LOG], &server->log_json, error) ||
        !choose_limits(given, &server->limits, error))
        return false;
    if (!read_files(arguments, files, error)) return false;
    if (!choose_journal(given, &server->journal, error)) return false;
    const struct td_scenario *scenario = files->scenario;
    struct td_authority_options *authority = &server->authority;
    if (!choose_policy(&given[POLICY], scenario, &authority->policy, error)) return false;
    authority->scenario = scenario;
    authority->schemas = files->schemas;
    authority->schema_count = files->schema_count;
    authority->quotas = TD_QUOTAS_USUAL;
    authority->grace = (td_time)(grace * (double)TD_NS_PER_S);
    authority->engine =
        (struct td_engine_options){.retries = scenario == NULL ? 2 : scenario->retries,
                                   .learn = scenario == NULL || scenario->learned,
                                   .patience = scenario == NULL ? -1 : scenario->patience};
    if (given[RETRIES].given) authority->engine.retries = (uint32_t)given[RETRIES].whole;
    server->scale = 1;
    server->drain = authority->grace;
    server->notify = true;
    server->log = given[QUIET].given ? -1 : STDERR_FILENO;
    return secure(given, server, error);
}

int td_command_serve(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    struct td_server_options server_options = {0};
    struct files files = {0};
    struct td_server *server = NULL;
    struct td_error error;
    char address[256];
    const atomic_bool *stop = td_interrupt_watch();
    bool done = prepare(&arguments, &files, &server_options, address, sizeof address, &error);
    if (done) {
        if (server_options.tokens_path != NULL || server_options.tls_cert != NULL)
            server_options.reload = td_interrupt_watch_hangup();
        server = td_server_create(&server_options, &error);
        done = server != NULL;
    } else {
        td_tokens_destroy(server_options.tokens);
    }
    if (done) {
        bool v6 = strchr(address, ':') != NULL;
        (void)printf("listening on %s%s%s:%u, policy %s\n", v6 ? "[" : "", address, v6 ? "]" : "",
                     td_server_port(server), server_options.authority.policy->name);
        (void)fflush(stdout);
        done = td_server_run(server, stop, &error);
    }
    td_interrupt_unwatch();
    td_server_destroy(server);
    free_files(&files);
    return done ? TD_EXIT_DONE : td_cli_fail(&error);
}
