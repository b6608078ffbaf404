#include "cli/state_table.h"

#include "report/grid.h"
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A member of an object, TD_JSON_NONE if there is none of that type. */
static uint32_t member(const struct td_json *json, uint32_t object, const char *key,
                       enum td_json_type type)
{
    bool has = td_json_type(json, object) == TD_JSON_OBJECT;
    uint32_t node = has ? td_json_first(json, object) : TD_JSON_NONE;
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

double td_state_version(const struct td_json *json)
{
    return number_of(json, 0, "version");
}

static bool print_heading(const struct td_json *json, FILE *out)
{
    struct td_grid line = {.columns = 1}; /* what a terminal would obey is not printed */
    char gone[64] = "";
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
    if (away > 0) (void)snprintf(gone, sizeof gone, "; %u without a connection", away);
    td_grid_format(
        &line, "policy %.128s%s; %u peer%s in %u cohort%s: %u working, %u waiting, %u idle%s",
        text_of(json, 0, "policy", "?"), is_true(json, 0, "draining") ? ", told to stop" : "",
        peers, peers == 1 ? "" : "s", cohorts, cohorts == 1 ? "" : "s", working, waiting, idle,
        gone);
    bool done = td_grid_print(&line, out);
    td_grid_free(&line);
    return done;
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
        td_duration_text(time < 0 ? 0 : floor(time), duration);
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

bool td_state_print(const struct td_json *json, FILE *out, struct td_error *error)
{
    bool done = print_heading(json, out), empty = items(json, "peers") == TD_JSON_NONE;
    if (done && empty) return true;
    (void)fputc('\n', out);
    done = done && print_cohorts(json, out);
    (void)fputc('\n', out);
    return (done && print_peers(json, out)) || td_error_memory(error, "a table");
}
