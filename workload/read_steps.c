/* What a scenario says about the schema's steps: times, what goes wrong, what comes after what. */
#include "base/text.h"
#include "workload/reader_internal.h"

#include <stdio.h>
#include <string.h>

/* Steps of a cycle that a message names. */
#define NAMED_STEPS 8u
#define MOST_PARTS 1000u

enum { BUILD, FETCH, AFTER, HIT_RATE, FLAKY, BROKEN, PARTS, FACTOR };
static const struct td_key_spec keys[] = {
    [BUILD] = {"build", TD_KEY_OPTIONAL}, [FETCH] = {"fetch", TD_KEY_OPTIONAL},
    [AFTER] = {"after", TD_KEY_OPTIONAL}, [HIT_RATE] = {"hit_rate", TD_KEY_OPTIONAL},
    [FLAKY] = {"flaky", TD_KEY_OPTIONAL}, [BROKEN] = {"broken", TD_KEY_OPTIONAL},
    [PARTS] = {"parts", TD_KEY_OPTIONAL}, [FACTOR] = {"factor", TD_KEY_OPTIONAL},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

/* A probability that nothing has been said about yet. Unsaid are also 0 parts, no distribution. */
#define UNSAID (-1.0)

/* The steps while they are read. */
struct steps {
    struct td_step_spec *spec;
    uint32_t count;
    const struct td_names *names;
    uint32_t *entry;        /* each step's node in the file, or TD_JSON_NONE */
    uint32_t **after_nodes; /* the nodes of its prerequisites */
};

static bool unknown_step(const struct td_reader *r, uint32_t node, enum td_json_part part,
                         const struct td_step_spec *steps, uint32_t count, const char *id)
{
    char quote[TD_QUOTE_SIZE];
    const char **known = td_arena_array(r->arena, count, sizeof *known);
    if (known == NULL) return td_reader_no_memory(r);
    for (uint32_t i = 0; i < count; i++)
        known[i] = steps[i].id;
    return td_json_error(r->json, node, part, r->error, "the schema has no step %s: %s",
                         td_text_quote(id, quote), td_reader_hint(r, id, known, count));
}

bool td_read_step_id(const struct td_reader *r, uint32_t node, enum td_json_part part,
                     const struct td_scenario *scenario, const struct td_names *names,
                     uint32_t *out)
{
    const char *id =
        part == TD_JSON_KEY ? td_json_key(r->json, node) : td_json_string(r->json, node);
    *out = td_names_find(names, id);
    if (*out != TD_NAME_NONE) return true;
    return unknown_step(r, node, part, scenario->steps, scenario->step_count, id);
}

static bool read_after(const struct td_reader *r, uint32_t node, uint32_t step, struct steps *s)
{
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of steps");
    uint32_t count = td_json_count(r->json, node);
    uint32_t *after = td_arena_array(r->arena, count, sizeof *after);
    uint32_t *nodes = td_arena_array(r->arena, count, sizeof *nodes);
    struct td_names seen;
    if (after == NULL || nodes == NULL || !td_names_create(&seen, r->arena, count))
        return td_reader_no_memory(r);
    s->after_nodes[step] = nodes;
    s->spec[step].after = after;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        if (td_json_type(r->json, child) != TD_JSON_STRING)
            return td_reader_wrong_type(r, child, "the name of a step in double quotes");
        const char *id = td_json_string(r->json, child);
        uint32_t other = td_names_find(s->names, id);
        if (other == TD_NAME_NONE)
            return unknown_step(r, child, TD_JSON_VALUE, s->spec, s->count, id);
        if (other == step)
            return td_reader_fail(r, child, "step %s cannot come after itself: remove it",
                                  td_text_quote(id, quote));
        if (td_names_add(&seen, s->spec[other].id, other) != TD_NAME_NONE)
            return td_reader_fail(r, child, "step %s is named twice: remove one",
                                  td_text_quote(id, quote));
        nodes[s->spec[step].after_count] = child;
        after[s->spec[step].after_count++] = other;
    }
    return true;
}

static bool read_probability(const struct td_reader *r, uint32_t node, double *out)
{
    return node == TD_JSON_NONE || td_read_number(r, node, 0, 1, "a probability from 0 to 1", out);
}

/* What an entry and the default have in common: all but `after`. */
static bool read_values(const struct td_reader *r, const uint32_t *found, struct td_step_spec *spec)
{
    double parts = 0;
    if (found[BUILD] != TD_JSON_NONE && !td_read_duration(r, found[BUILD], &spec->build))
        return false;
    if (found[FETCH] != TD_JSON_NONE && !td_read_duration(r, found[FETCH], &spec->fetch))
        return false;
    if (!read_probability(r, found[HIT_RATE], &spec->hit_rate) ||
        !read_probability(r, found[FLAKY], &spec->flaky) ||
        !read_probability(r, found[BROKEN], &spec->broken))
        return false;
    if (found[PARTS] != TD_JSON_NONE &&
        !td_read_whole(r, found[PARTS], 1, MOST_PARTS, "a whole number from 1 to 1000", &parts))
        return false;
    spec->parts = (uint32_t)parts;
    return found[FACTOR] == TD_JSON_NONE || td_read_factor(r, found[FACTOR], &spec->factor);
}

static bool read_entry(const struct td_reader *r, uint32_t node, struct steps *s)
{
    const char *id = td_json_key(r->json, node);
    uint32_t found[KEY_COUNT], step = td_names_find(s->names, id);
    if (step == TD_NAME_NONE) return unknown_step(r, node, TD_JSON_KEY, s->spec, s->count, id);
    s->entry[step] = node;
    if (!td_read_keys(r, node, keys, KEY_COUNT, found)) return false;
    if (!read_values(r, found, &s->spec[step])) return false;
    return found[AFTER] == TD_JSON_NONE || read_after(r, found[AFTER], step, s);
}

static double said(double own, double otherwise)
{
    return own < 0 ? otherwise : own;
}

/* What a step leaves out it takes from the default; there is none for its times. */
static bool fill_in(const struct td_reader *r, uint32_t node, const struct td_step_spec *otherwise,
                    struct steps *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct td_step_spec *spec = &s->spec[i];
        spec->hit_rate = said(spec->hit_rate, said(otherwise->hit_rate, 1));
        spec->flaky = said(spec->flaky, said(otherwise->flaky, 0));
        spec->broken = said(spec->broken, said(otherwise->broken, 0));
        if (spec->parts == 0) spec->parts = otherwise->parts == 0 ? 1 : otherwise->parts;
        if (spec->factor == NULL) spec->factor = otherwise->factor;
        if (spec->build == NULL) spec->build = otherwise->build;
        if (spec->fetch == NULL) spec->fetch = otherwise->fetch;
        if (spec->build != NULL && spec->fetch != NULL) continue;
        char quote[TD_QUOTE_SIZE];
        const char *missing = spec->build == NULL ? "build" : "fetch";
        return td_reader_fail(r, s->entry[i] == TD_JSON_NONE ? node : s->entry[i],
                              "step %s has no \"%s\" time, and \"default\" gives none: add it to "
                              "either",
                              td_text_quote(spec->id, quote), missing);
    }
    return true;
}

/* Names the cycle that ends where `step` (last on the path) comes after `first` (on the path). */
static bool cycle(const struct td_reader *r, const struct steps *s, const uint32_t *path,
                  uint32_t length, uint32_t first, uint32_t node)
{
    char quote[TD_QUOTE_SIZE], text[(NAMED_STEPS + 2) * (TD_QUOTE_SIZE + 8)];
    uint32_t from = length;
    while (path[from - 1] != first)
        from--;
    size_t used = 0;
    for (uint32_t i = from - 1; i < length; i++) {
        /* Of a long cycle, its beginning and its end. */
        bool left_out = i - (from - 1) == NAMED_STEPS - 1 && length - i > 1;
        if (left_out) i = length - 1;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s after ",
                                 left_out ? "... after " : "",
                                 td_text_quote(s->spec[path[i]].id, quote));
    }
    (void)snprintf(text + used, sizeof text - used, "%s", td_text_quote(s->spec[first].id, quote));
    return td_reader_fail(r, node, "the steps form a cycle, %s: remove one \"after\"", text);
}

/* Depth first, with the path on an explicit stack: ten thousand steps may stand in one line. */
static bool check_cycles(const struct td_reader *r, const struct steps *s)
{
    enum { NEW, ON_PATH, DONE };
    uint32_t *path = td_arena_array(r->arena, s->count, sizeof *path);
    uint32_t *next = td_arena_array(r->arena, s->count, sizeof *next);
    unsigned char *state = td_arena_array(r->arena, s->count, 1);
    if (path == NULL || next == NULL || state == NULL) return td_reader_no_memory(r);
    for (uint32_t root = 0; root < s->count; root++) {
        if (state[root] != NEW) continue;
        uint32_t depth = 0;
        path[depth++] = root;
        state[root] = ON_PATH;
        while (depth > 0) {
            uint32_t step = path[depth - 1], k = next[step]++;
            if (k == s->spec[step].after_count) {
                state[step] = DONE;
                depth--;
                continue;
            }
            uint32_t other = s->spec[step].after[k];
            if (state[other] == ON_PATH)
                return cycle(r, s, path, depth, other, s->after_nodes[step][k]);
            if (state[other] == DONE) continue;
            state[other] = ON_PATH;
            path[depth++] = other;
        }
    }
    return true;
}

static bool read_default(const struct td_reader *r, uint32_t node, struct td_step_spec *spec)
{
    uint32_t found[KEY_COUNT];
    if (!td_read_keys(r, node, keys, KEY_COUNT, found)) return false;
    if (found[AFTER] != TD_JSON_NONE)
        return td_reader_fail_key(r, found[AFTER],
                                  "\"default\" cannot come after a step: write "
                                  "\"after\" into the steps' own entries");
    return read_values(r, found, spec);
}

bool td_read_steps(const struct td_reader *r, uint32_t node, struct td_step_spec *steps,
                   uint32_t count, const struct td_names *names)
{
    static const struct td_step_spec unsaid = {
        .hit_rate = UNSAID, .flaky = UNSAID, .broken = UNSAID};
    struct td_step_spec otherwise = unsaid;
    struct steps s = {.spec = steps, .count = count, .names = names};
    if (td_json_type(r->json, node) != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node, "an object with \"default\" and entries for steps");
    s.entry = td_arena_array(r->arena, count, sizeof *s.entry);
    s.after_nodes = td_arena_array(r->arena, count, sizeof *s.after_nodes);
    if (s.entry == NULL || s.after_nodes == NULL) return td_reader_no_memory(r);
    for (uint32_t i = 0; i < count; i++) {
        s.entry[i] = TD_JSON_NONE;
        steps[i].hit_rate = steps[i].flaky = steps[i].broken = UNSAID;
    }
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        bool is_default = strcmp(td_json_key(r->json, child), "default") == 0;
        if (!(is_default ? read_default(r, child, &otherwise) : read_entry(r, child, &s)))
            return false;
    }
    return fill_in(r, node, &otherwise, &s) && check_cycles(r, &s);
}
