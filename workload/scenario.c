#include "workload/scenario.h"

#include "base/assert.h"
#include "base/text.h"
#include "workload/reader_internal.h"
#include "workload/sampler.h"

#include <string.h>

/* More policies than anybody compares, few enough to keep a place for each. */
#define MAX_POLICIES 1000u
#define MOST_RETRIES 1000000u
#define LARGEST_WINDOW 1000000u
#define MOST_NAME 128u /* characters */

enum {
    NAME,
    DESCRIPTION,
    SCHEMA,
    STEPS,
    REST,
    OVERHEAD,
    PEERS,
    POLICIES,
    REPLICATIONS,
    SEED,
    RETRIES,
    ESTIMATES,
    WINDOW,
    PATIENCE,
    LIVE
};
static const struct td_key_spec keys[] = {
    [NAME] = {"name", TD_KEY_REQUIRED},
    [DESCRIPTION] = {"description", TD_KEY_OPTIONAL},
    [SCHEMA] = {"schema", TD_KEY_REQUIRED},
    [STEPS] = {"steps", TD_KEY_REQUIRED},
    [REST] = {"rest", TD_KEY_OPTIONAL},
    [OVERHEAD] = {"overhead", TD_KEY_OPTIONAL},
    [PEERS] = {"peers", TD_KEY_REQUIRED},
    [POLICIES] = {"policies", TD_KEY_OPTIONAL},
    [REPLICATIONS] = {"replications", TD_KEY_OPTIONAL},
    [SEED] = {"seed", TD_KEY_OPTIONAL},
    [RETRIES] = {"retries", TD_KEY_OPTIONAL},
    [ESTIMATES] = {"estimates", TD_KEY_OPTIONAL},
    [WINDOW] = {"window", TD_KEY_OPTIONAL},
    [PATIENCE] = {"patience", TD_KEY_OPTIONAL},
    [LIVE] = {"live", TD_KEY_OPTIONAL},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

/* What the reader of a scenario gets is the first member. */
struct whole {
    struct td_scenario scenario;
    struct td_arena *arena;
    const char **warnings;
    size_t warning_count;
};

static bool read_description(const struct td_reader *r, uint32_t node, const char **out)
{
    *out = "";
    if (node == TD_JSON_NONE) return true;
    if (td_json_type(r->json, node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, node, "a text");
    const char *text = td_json_string(r->json, node);
    *out = td_arena_text(r->arena, text, strlen(text));
    return *out != NULL || td_reader_no_memory(r);
}

static bool read_duration_or_0(const struct td_reader *r, uint32_t node, const struct td_dist **out)
{
    if (node != TD_JSON_NONE) return td_read_duration(r, node, out);
    *out = td_dist_constant(r, 0);
    return *out != NULL;
}

static bool read_rest(const struct td_reader *r, uint32_t node, struct td_scenario *scenario)
{
    static const struct td_key_spec specs[] = {{"build", TD_KEY_OPTIONAL},
                                               {"fetch", TD_KEY_OPTIONAL}};
    uint32_t found[2] = {TD_JSON_NONE, TD_JSON_NONE};
    if (node != TD_JSON_NONE && !td_read_keys(r, node, specs, 2, found)) return false;
    return read_duration_or_0(r, found[0], &scenario->rest_build) &&
           read_duration_or_0(r, found[1], &scenario->rest_fetch);
}

static bool read_policies(const struct td_reader *r, uint32_t node, struct td_scenario *scenario)
{
    char quote[TD_QUOTE_SIZE], place[sizeof r->error->text];
    struct td_names seen;
    if (node == TD_JSON_NONE) return true;
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of policies");
    uint32_t count = td_json_count(r->json, node), i = 0;
    if (count == 0)
        return td_reader_fail(r, node, "there are no policies: name one, or leave the key out");
    if (count > MAX_POLICIES)
        return td_reader_fail(r, node, "has %u policies: at most %u are possible", count,
                              MAX_POLICIES);
    const char **names = td_arena_array(r->arena, count, sizeof *names);
    const char **places = td_arena_array(r->arena, count, sizeof *places);
    if (names == NULL || places == NULL || !td_names_create(&seen, r->arena, count))
        return td_reader_no_memory(r);
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child), i++) {
        if (!td_read_name(r, child, &names[i])) return false;
        td_json_place(r->json, child, TD_JSON_VALUE, place, sizeof place);
        places[i] = td_arena_text(r->arena, place, strlen(place));
        if (places[i] == NULL) return td_reader_no_memory(r);
        if (td_names_add(&seen, names[i], i) != TD_NAME_NONE)
            return td_reader_fail(r, child, "the policy %s is named twice: remove one",
                                  td_text_quote(names[i], quote));
    }
    scenario->policies = names;
    scenario->policy_places = places;
    scenario->policy_count = count;
    return true;
}

static bool read_numbers(const struct td_reader *r, const uint32_t *found,
                         struct td_scenario *scenario)
{
    double replications = 1, seed = 1, retries = 2;
    if (found[REPLICATIONS] != TD_JSON_NONE &&
        !td_read_whole(r, found[REPLICATIONS], 1, TD_MAX_REPLICATIONS,
                       "a whole number from 1 to 10000000", &replications))
        return false;
    if (found[SEED] != TD_JSON_NONE &&
        !td_read_whole(r, found[SEED], 0, (double)TD_MAX_SEED,
                       "a whole number from 0 to 9007199254740991", &seed))
        return false;
    if (found[RETRIES] != TD_JSON_NONE &&
        !td_read_whole(r, found[RETRIES], 0, MOST_RETRIES, "a whole number from 0 to 1000000",
                       &retries))
        return false;
    scenario->replications = (uint32_t)replications;
    scenario->seed = (uint64_t)seed;
    scenario->retries = (uint32_t)retries;
    return true;
}

/* One size of the window; what `out` holds already where the file leaves it out. */
static bool read_size(const struct td_reader *r, uint32_t node, uint32_t *out)
{
    double size = *out;
    if (node != TD_JSON_NONE &&
        !td_read_whole(r, node, 1, LARGEST_WINDOW, "a whole number from 1 to 1000000", &size))
        return false;
    *out = (uint32_t)size;
    return true;
}

static bool read_window(const struct td_reader *r, uint32_t node, struct td_window *window)
{
    static const struct td_key_spec specs[] = {{"start", TD_KEY_OPTIONAL},
                                               {"floor", TD_KEY_OPTIONAL}};
    uint32_t found[2];
    *window = (struct td_window){.start = 20, .floor = 3};
    if (node == TD_JSON_NONE) return true;
    if (!td_read_keys(r, node, specs, 2, found) || !read_size(r, found[0], &window->start) ||
        !read_size(r, found[1], &window->floor))
        return false;
    if (window->start >= window->floor) return true;
    if (found[0] == TD_JSON_NONE)
        return td_reader_fail(r, found[1],
                              "is above the start, which is %u if left out: lower it, or give a "
                              "\"start\"",
                              window->start);
    if (found[1] == TD_JSON_NONE)
        return td_reader_fail(r, found[0],
                              "is below the floor, which is %u if left out: raise it, or give a "
                              "\"floor\"",
                              window->floor);
    return td_reader_fail(r, found[0], "is below the floor of %u: raise it, or lower the \"floor\"",
                          window->floor);
}

static bool read_patience(const struct td_reader *r, uint32_t node, td_time *out)
{
    const struct td_dist *patience;
    *out = -1;
    if (node == TD_JSON_NONE) return true;
    if (!td_read_duration(r, node, &patience)) return false;
    if (patience->kind != TD_DIST_CONSTANT)
        return td_reader_fail(r, node,
                              "must be a constant time, not a distribution: write a number of "
                              "seconds or a text such as \"90s\" or \"1h30m\"");
    *out = td_round_ns(td_dist_mean(patience));
    return true;
}

static bool read_estimates(const struct td_reader *r, uint32_t node, bool *learned)
{
    static const char what[] = "\"scenario\" or \"learned\"";
    char quote[TD_QUOTE_SIZE];
    if (node == TD_JSON_NONE) return true;
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    *learned = strcmp(text, "learned") == 0;
    if (*learned || strcmp(text, "scenario") == 0) return true;
    return td_reader_fail(r, node, "must be %s, not %s", what, td_text_quote(text, quote));
}

static bool read_scenario(const struct td_reader *r, struct td_scenario *scenario)
{
    uint32_t found[KEY_COUNT];
    struct td_step_spec *steps;
    struct td_names names;
    return td_read_keys(r, 0, keys, KEY_COUNT, found) &&
           td_read_name(r, found[NAME], &scenario->name) &&
           read_description(r, found[DESCRIPTION], &scenario->description) &&
           td_read_schema(r, found[SCHEMA], scenario, &steps, &names) &&
           td_read_steps(r, found[STEPS], steps, scenario->step_count, &names) &&
           read_rest(r, found[REST], scenario) &&
           read_duration_or_0(r, found[OVERHEAD], &scenario->overhead) &&
           td_read_peers(r, found[PEERS], scenario, &names) &&
           read_policies(r, found[POLICIES], scenario) && read_numbers(r, found, scenario) &&
           read_estimates(r, found[ESTIMATES], &scenario->learned) &&
           read_window(r, found[WINDOW], &scenario->window) &&
           read_patience(r, found[PATIENCE], &scenario->patience) &&
           td_read_live(r, found[LIVE], &scenario->live);
}

/* The warnings in the order in which they came. */
static bool keep_warnings(const struct td_reader *r, struct whole *whole)
{
    size_t count = 0;
    for (const struct td_warning *w = *r->last_warning; w != NULL; w = w->before)
        count++;
    whole->warnings = td_arena_array(r->arena, count, sizeof *whole->warnings);
    if (whole->warnings == NULL) return td_reader_no_memory(r);
    whole->warning_count = count;
    for (const struct td_warning *w = *r->last_warning; w != NULL; w = w->before)
        whole->warnings[--count] = w->text;
    return true;
}

static struct whole *whole_create(const char *path, struct td_error *error)
{
    struct td_arena *arena = td_arena_create();
    struct whole *whole = arena == NULL ? NULL : td_arena_alloc(arena, sizeof *whole);
    if (whole != NULL) {
        whole->arena = arena;
        whole->scenario.path = td_arena_text(arena, path, strlen(path));
        if (whole->scenario.path != NULL) return whole;
    }
    (void)td_error_memory(error, "the scenario");
    td_arena_destroy(arena);
    return NULL;
}

static struct td_scenario *
read_file(const char *path, bool (*read)(const struct td_reader *r, struct td_scenario *scenario),
          struct td_error *error)
{
    struct td_json *json = td_json_read(path, error);
    struct whole *whole = json == NULL ? NULL : whole_create(path, error);
    bool good = false;
    if (whole != NULL) {
        const struct td_warning *last_warning = NULL;
        struct td_reader reader = {
            .json = json, .arena = whole->arena, .error = error, .last_warning = &last_warning};
        good = read(&reader, &whole->scenario) && keep_warnings(&reader, whole);
        if (!good) td_arena_destroy(whole->arena);
    }
    td_json_destroy(json);
    return good ? &whole->scenario : NULL;
}

struct td_scenario *td_scenario_read(const char *path, struct td_error *error)
{
    return read_file(path, read_scenario, error);
}

struct td_scenario *td_scenario_read_schema(const char *path, struct td_error *error)
{
    return read_file(path, td_read_schema_document, error);
}

static bool read_either(const struct td_reader *r, struct td_scenario *scenario)
{
    bool has_universe = false, has_schema = false;
    if (td_json_type(r->json, 0) == TD_JSON_OBJECT)
        for (uint32_t child = td_json_first(r->json, 0); child != TD_JSON_NONE;
             child = td_json_next(r->json, child)) {
            const char *key = td_json_key(r->json, child);
            has_universe = has_universe || strcmp(key, "universe") == 0;
            has_schema = has_schema || strcmp(key, keys[SCHEMA].name) == 0;
        }
    return has_universe && !has_schema ? td_read_schema_document(r, scenario)
                                       : read_scenario(r, scenario);
}

struct td_scenario *td_scenario_read_either(const char *path, struct td_error *error)
{
    return read_file(path, read_either, error);
}

void td_scenario_destroy(struct td_scenario *scenario)
{
    if (scenario == NULL) return;
    struct whole *whole = (struct whole *)scenario;
    td_arena_destroy(whole->arena);
}

const char *td_scenario_warning(const struct td_scenario *scenario, size_t i)
{
    const struct whole *whole = (const struct whole *)scenario;
    return i < whole->warning_count ? whole->warnings[i] : NULL;
}

/* The name that a peer has the `round`-th time, from 0. */
static const char *name_again(struct td_arena *arena, const struct td_scenario *scenario,
                              const char *name, uint32_t round, struct td_error *error)
{
    if (round == 0) return name;
    const char *again = td_arena_format(arena, "%s~%u", name, round + 1);
    if (again == NULL) {
        (void)td_error_memory(error, "the scenario's peers");
        return NULL;
    }
    size_t length = td_text_printable_length(again);
    if (length <= MOST_NAME) return again;
    (void)td_error_set(error, TD_FAULT_INPUT,
                       "%s: %s would be a name of %zu characters, and %u are possible: take fewer "
                       "peers, or shorten it",
                       scenario->path, again, length, MOST_NAME);
    return NULL;
}

bool td_scenario_set_peers(struct td_scenario *scenario, uint32_t peers, struct td_error *error)
{
    struct td_arena *arena = ((struct whole *)scenario)->arena;
    uint32_t rounds = (peers + scenario->peer_count - 1) / scenario->peer_count;
    struct td_group_spec *groups =
        td_arena_array(arena, (size_t)rounds * scenario->group_count, sizeof *groups);
    struct td_peer_spec *specs = td_arena_array(arena, peers, sizeof *specs);
    uint32_t group_count = 0, done = 0;
    if (groups == NULL || specs == NULL) return td_error_memory(error, "the scenario's peers");
    for (; done < peers; group_count++) {
        uint32_t round = group_count / scenario->group_count;
        struct td_group_spec *group = &groups[group_count];
        *group = scenario->groups[group_count % scenario->group_count];
        if (group->count > peers - done) group->count = peers - done;
        for (uint32_t i = 0; i < group->count; i++, done++) {
            const struct td_peer_spec *first = &scenario->peers[done % scenario->peer_count];
            const char *name = name_again(arena, scenario, first->name, round, error);
            if (name == NULL) return false;
            specs[done] = (struct td_peer_spec){.name = name, .group = group_count, .index = i};
        }
    }
    scenario->groups = groups;
    scenario->group_count = group_count;
    scenario->peers = specs;
    scenario->peer_count = peers;
    return true;
}
