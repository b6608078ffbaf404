/* `task-director status`: what an authority knows, as a table. */
#include "base/json.h"
#include "cli/address.h"
#include "cli/cli.h"
#include "cli/state_table.h"
#include "live/ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERVER, WATCH, JSON, TOKEN_FILE, TLS_CA, OPTION_COUNT };

#define PATIENCE (10 * TD_NS_PER_S)
#define WATCH_EVERY_S 2

static const struct td_option options[] = {
    [SERVER] = TD_OPTION_SERVER,
    [WATCH] = {.name = "watch",
               .kind = TD_OPTION_FLAG,
               .help = "print it anew every two seconds, until Ctrl-C"},
    [JSON] = {.name = "json", .kind = TD_OPTION_FLAG, .help = "print what the authority says"},
    [TOKEN_FILE] = TD_OPTION_TOKEN_FILE,
    [TLS_CA] = TD_OPTION_TLS_CA,
};

static const struct td_usage usage = {
    .command = "status",
    .positionals = "",
    .about = "Prints what an authority knows: who shares with whom, what is built by whom, and\n"
             "why each peer waits.",
    .options = options,
    .option_count = OPTION_COUNT,
};

/* Why an authority, and it is one, shows no state; NULL: it may be something else. */
static const char *refusal(const struct td_server_access *access, unsigned status)
{
    switch (status) {
    case 401:
        return access->token == NULL ? "wants a token: give one with --token-file FILE, or in "
                                       "TASK_DIRECTOR_TOKEN"
                                     : "does not know this token: give one that is in its list";
    case 403:
        return "shows its state to no token with limits: give one that has none";
    case 503:
        return "has too many connections, or is asked too much at once: try again";
    default:
        return NULL;
    }
}

/* The state, if that is what has come. */
static struct td_json *understand(const struct td_server_access *access, unsigned status,
                                  const struct td_buffer *body, struct td_error *error)
{
    const struct td_server_address *address = &access->address;
    const char *refused = refusal(access, status);
    struct td_json *json = NULL;
    if (status == 200) json = td_json_parse("state", body->bytes, body->length, NULL);
    double version = json != NULL ? td_state_version(json) : 0;
    if (version == 1) return json;
    td_json_destroy(json);
    if (version > 1)
        (void)td_error_set(error, TD_FAULT_RUN,
                           "status: the authority at %s:%d is newer than this program: update it",
                           address->host, address->port);
    else if (refused != NULL)
        (void)td_error_set(error, status == 503 ? TD_FAULT_RUN : TD_FAULT_INPUT,
                           "status: the authority at %s:%d %s", address->host, address->port,
                           refused);
    else
        (void)td_error_set(error, TD_FAULT_RUN,
                           "status: what answers at %s:%d is no authority, or an older one (status "
                           "%u): check the address",
                           address->host, address->port, status);
    return NULL;
}

/* Asks once, and prints. `clear`: over what the terminal showed before. */
static bool ask_and_print(const struct td_server_access *access, bool raw, bool clear,
                          struct td_error *error)
{
    const struct td_question question = {.host = access->address.host,
                                         .port = access->address.port,
                                         .tls = access->tls,
                                         .token = access->token,
                                         .path = "/api/v1/state",
                                         .patience = PATIENCE};
    struct td_buffer body = {0};
    struct td_error why;
    struct td_json *json = NULL;
    unsigned status;
    bool done = td_ask(&question, &status, &body, &why);
    if (!done)
        (void)td_error_set(error, why.fault, "status: %s", why.text);
    else
        done = (json = understand(access, status, &body, error)) != NULL;
    if (done && clear) (void)fputs("\033[H\033[2J\033[3J", stdout);
    if (done && raw) (void)fwrite(body.bytes, 1, body.length, stdout);
    if (done && !raw) done = td_state_print(json, stdout, error);
    td_json_destroy(json);
    td_buffer_free(&body);
    return done;
}

/* An authority that goes away while somebody watches may come back. */
static _Noreturn void watch(const struct td_server_access *access, bool raw)
{
    const struct timespec pause = {.tv_sec = WATCH_EVERY_S};
    bool terminal = isatty(STDOUT_FILENO) == 1;
    struct td_error error;
    for (;;) {
        if (fflush(stdout) != 0) exit(TD_EXIT_FAILED);
        (void)nanosleep(&pause, NULL);
        if (!terminal && !raw) (void)fputc('\n', stdout);
        if (!ask_and_print(access, raw, terminal, &error))
            (void)printf("%s%s\n", terminal ? "\033[H\033[2J\033[3J" : "", error.text);
    }
}

int td_command_status(int argc, char **argv)
{
    struct td_arguments arguments;
    struct td_server_access access = {0};
    struct td_error error;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;
    const struct td_value *given = arguments.values;
    bool raw = given[JSON].given, watches = given[WATCH].given;
    bool done = given[SERVER].given ||
                td_error_set(&error, TD_FAULT_INPUT,
                             "status: --server is missing: name the authority, such as "
                             "ws://127.0.0.1:8765");
    done = done &&
           td_server_access_open("status", &given[SERVER], &given[TOKEN_FILE], &given[TLS_CA],
                                 &access, &error) &&
           ask_and_print(&access, raw, watches && isatty(STDOUT_FILENO) == 1, &error);
    if (done && watches) watch(&access, raw);
    td_server_access_close(&access);
    return done ? TD_EXIT_DONE : td_cli_fail(&error);
}
