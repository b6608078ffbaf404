/* `task-director status`: what an authority knows, as a table. */
#include "base/json.h"
#include "cli/address.h"
#include "cli/cli.h"
#include "live/ask.h"
#include "report/grid.h"
#include "report/table.h"

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

/* A member of an object, TD_JSON_NONE if there is none of that type. */
static uint32_t member(const struct td_json *json, uint32_t object, const char *key,
                       enum td_json_type type)
{
    uint32_t node = td_json_first(json, object);
    while (node != TD_JSON_NONE && strcmp(td_json_key(json, node), key) != 0)
        node = td_json_next(json, node);
    return node != TD_JSON_NONE && td_json_type(json, node) == type ? node : TD_JSON_NONE;
}

static const char *text_of(const struct td_json *json, uint32_t object, const char *key,
                           const char *otherwise)
{
    uint32_t node = member(json, object, key, TD_JSON_STRING);
    return node == TD_JSON_NONE ? otherwise : td_json_string(json, node);
}

static double number_of(const struct td_json *json, uint32_t object, const char *key)
{
    uint32_t node = member(json, object, key, TD_JSON_NUMBER);
    return node == TD_JSON_NONE ? 0 : td_json_number(json, node);
}

static bool is_true(const struct td_json *json, uint32_t object, const char *key)
{
    size_t length;
    uint32_t node = member(json, object, key, TD_JSON_BOOL);
    return node != TD_JSON_NONE && td_json_literal(json, node, &length)[0] == 't';
}

/* The items of one of the arrays of objects; TD_JSON_NONE if it is empty. */
static uint32_t items(const struct td_json *json, const char *key)
{
    uint32_t array = member(json, 0, key, TD_JSON_ARRAY);
    return array == TD_JSON_NONE ? TD_JSON_NONE : td_json_first(json, array);
}

static void print_heading(const struct td_json *json, FILE *out)
{
    unsigned cohorts = 0, working = 0, waiting = 0, idle = 0, away = 0;
    for (uint32_t at = items(json, "cohorts"); at != TD_JSON_NONE; at = td_json_next(json, at))
        cohorts++;
    for (uint32_t at = items(json, "peers"); at != TD_JSON_NONE; at = td_json_next(json, at)) {
        const char *state = text_of(json, at, "state", "");
        working += strcmp(state, "working") == 0;
        waiting += strcmp(state, "waiting") == 0;
        idle += strcmp(state, "idle") == 0;
        away += !is_true(json, at, "connected");
    }
    unsigned peers = working + waiting + idle;
    (void)fprintf(out, "policy %s%s; %u peer%s in %u cohort%s: %u working, %u waiting, %u idle",
                  text_of(json, 0, "policy", "?"),
                  is_true(json, 0, "draining") ? ", told to stop" : "", peers,
                  peers == 1 ? "" : "s", cohorts, cohorts == 1 ? "" : "s", working, waiting, idle);
    if (away > 0) (void)fprintf(out, "; %u without a connection", away);
    (void)fputc('\n', out);
}

enum progress { PUBLISHED, BUILDING, MISSING, BROKEN, PROGRESS };

/* How many artifacts of each cohort are where; the caller frees it. */
static unsigned (*count_artifacts(const struct td_json *json, size_t *cohorts))[PROGRESS]
{
    static const char *const words[PROGRESS] = {"published", "building", "missing", "broken"};
    double last = -1;
    for (uint32_t at = items(json, "cohorts"); at != TD_JSON_NONE; at = td_json_next(json, at))
        if (number_of(json, at, "cohort") > last) last = number_of(json, at, "cohort");
    *cohorts = last >= 0 && last < 1e7 ? (size_t)last + 1 : 0;
    unsigned(*counts)[PROGRESS] = calloc(*cohorts + 1, sizeof *counts);
    for (uint32_t at = items(json, "artifacts"); counts != NULL && at != TD_JSON_NONE;
         at = td_json_next(json, at)) {
        double cohort = number_of(json, at, "cohort");
        if (!(cohort >= 0 && cohort < (double)*cohorts)) continue;
        for (unsigned i = 0; i < PROGRESS; i++)
            counts[(size_t)cohort][i] += strcmp(text_of(json, at, "state", ""), words[i]) == 0;
    }
    return counts;
}

static bool print_cohorts(const struct td_json *json, FILE *out)
{
    static const char *const titles[] = {"cohort",   "repository", "base ref", "cache",
                                         "schema",   "peers",      "steps",    "published",
                                         "building", "missing",    "broken"};
    enum { COLUMNS = sizeof titles / sizeof *titles };
    static const char *const texts[] = {"repository", "base_ref", "cache", "schema"};
    struct td_grid grid = {.columns = COLUMNS, .right = 1u << 0 | 0x7Fu << 5};
    size_t cohorts;
    unsigned(*counts)[PROGRESS] = count_artifacts(json, &cohorts);
    for (size_t i = 0; i < COLUMNS; i++)
        td_grid_cell(&grid, titles[i]);
    for (uint32_t at = items(json, "cohorts"); counts != NULL && at != TD_JSON_NONE;
         at = td_json_next(json, at)) {
        double cohort = number_of(json, at, "cohort");
        bool known = cohort >= 0 && cohort < (double)cohorts;
        td_grid_format(&grid, "%.0f", cohort);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            td_grid_cell(&grid, text_of(json, at, texts[i], "-"));
        td_grid_format(&grid, "%.0f", number_of(json, at, "peers"));
        td_grid_format(&grid, "%.0f", number_of(json, at, "steps"));
        for (unsigned i = 0; i < PROGRESS; i++)
            td_grid_format(&grid, "%u", known ? counts[(size_t)cohort][i] : 0);
    }
    bool done = counts != NULL && td_grid_print(&grid, out);
    free(counts);
    td_grid_free(&grid);
    return done;
}

/* What a peer does, in words. */
static void add_doing(const struct td_json *json, uint32_t peer, struct td_grid *grid)
{
    const char *state = text_of(json, peer, "state", "?");
    bool universe = member(json, peer, "step", TD_JSON_STRING) == TD_JSON_NONE;
    if (strcmp(state, "working") == 0)
        td_grid_format(grid, "order %s: %s%s (%s)", text_of(json, peer, "order", "?"),
                       universe ? "the universe" : "step ", text_of(json, peer, "step", ""),
                       text_of(json, peer, "reason", "?"));
    else
        td_grid_cell(grid, text_of(json, peer, "why", NULL));
}

static bool print_peers(const struct td_json *json, FILE *out)
{
    struct td_grid grid = {.columns = 5, .right = 1u << 1 | 1u << 3};
    double now = number_of(json, 0, "now_s");
    static const char *const titles[] = {"peer", "cohort", "state", "for", "what"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        td_grid_cell(&grid, titles[i]);
    for (uint32_t at = items(json, "peers"); at != TD_JSON_NONE; at = td_json_next(json, at)) {
        char duration[TD_DURATION_TEXT];
        double time = now - number_of(json, at, "since_s");
        td_duration_text(time < 0 ? 0 : (double)(int64_t)time, duration);
        td_grid_cell(&grid, text_of(json, at, "name", "?"));
        td_grid_format(&grid, "%.0f", number_of(json, at, "cohort"));
        td_grid_format(&grid, "%s%s", text_of(json, at, "state", "?"),
                       is_true(json, at, "connected") ? "" : ", away");
        td_grid_cell(&grid, duration);
        add_doing(json, at, &grid);
    }
    bool done = td_grid_print(&grid, out);
    td_grid_free(&grid);
    return done;
}

static bool print_state(const struct td_json *json, FILE *out, struct td_error *error)
{
    print_heading(json, out);
    if (items(json, "peers") == TD_JSON_NONE) return true;
    (void)fputc('\n', out);
    bool done = print_cohorts(json, out);
    (void)fputc('\n', out);
    return (done && print_peers(json, out)) || td_error_memory(error, "a table");
}

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
    double version =
        json != NULL && td_json_type(json, 0) == TD_JSON_OBJECT ? number_of(json, 0, "version") : 0;
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
    if (done && !raw) done = print_state(json, stdout, error);
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
