/* The schema: steps and universe, inside the scenario or in a file of its own. */
#include "base/assert.h"
#include "base/file.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ID, UNIVERSE, STEPS, KEYS };
static const struct td_key_spec keys[KEYS] = {
    [ID] = {"id", TD_KEY_OPTIONAL},
    [UNIVERSE] = {"universe", TD_KEY_REQUIRED},
    [STEPS] = {"steps", TD_KEY_REQUIRED},
};

bool td_read_step_key(const struct td_reader *r, uint32_t node, const char **out)
{
    const char *key = td_json_key(r->json, node);
    if (strcmp(key, "default") == 0 || strcmp(key, "universe") == 0)
        return td_reader_fail_key(r, node,
                                  "a step cannot be named \"%s\", which means something "
                                  "else: rename it",
                                  key);
    return td_read_key_name(r, node, "the step's name", out);
}

static bool read_steps(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                       struct td_step_spec **out, struct td_names *names)
{
    if (td_json_type(r->json, node) != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node, "an object of steps and their target patterns");
    uint32_t count = td_json_count(r->json, node);
    if (count == 0) return td_reader_fail(r, node, "there are no steps: add at least one");
    if (count > TD_MAX_STEPS)
        return td_reader_fail(r, node, "has %u steps: at most %u are possible", count,
                              TD_MAX_STEPS);
    struct td_step_spec *steps = td_arena_array(r->arena, count, sizeof *steps);
    if (steps == NULL || !td_names_create(names, r->arena, count)) return td_reader_no_memory(r);
    uint32_t step = 0;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child), step++) {
        if (!td_read_step_key(r, child, &steps[step].id)) return false;
        if (!td_read_targets(r, child, &steps[step].targets)) return false;
        (void)td_names_add(names, steps[step].id, step);
    }
    TD_ASSERT(step == count);
    scenario->steps = *out = steps;
    scenario->step_count = count;
    return true;
}

static bool read_object(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                        struct td_step_spec **steps, struct td_names *names)
{
    uint32_t found[KEYS];
    if (!td_read_keys(r, node, keys, KEYS, found)) return false;
    if (found[ID] != TD_JSON_NONE && !td_read_name(r, found[ID], &scenario->schema_id))
        return false;
    return td_read_targets(r, found[UNIVERSE], &scenario->universe) &&
           read_steps(r, found[STEPS], scenario, steps, names);
}

/* The file's name without folders and its last extension. */
static bool default_id(const struct td_reader *r, uint32_t node, const char *path,
                       struct td_scenario *scenario)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.');
    size_t length = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
    scenario->schema_id = td_arena_text(r->arena, name, length);
    if (scenario->schema_id == NULL) return td_reader_no_memory(r);
    return td_check_name(r, node, TD_JSON_VALUE,
                         "the file has no \"id\", so the file's name is the schema's ID, which",
                         scenario->schema_id);
}

bool td_read_schema_document(const struct td_reader *r, struct td_scenario *scenario)
{
    struct td_step_spec *steps;
    struct td_names names;
    return read_object(r, 0, scenario, &steps, &names) &&
           (scenario->schema_id != NULL || default_id(r, 0, td_json_path(r->json), scenario));
}

static bool read_schema_file(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                             struct td_step_spec **steps, struct td_names *names)
{
    const char *name = td_json_string(r->json, node);
    if (name[0] == '\0')
        return td_reader_fail(r, node,
                              "the path is empty: name a file, or write the schema itself here");
    const char *path = td_reader_path(r, name);
    if (path == NULL) return td_reader_no_memory(r);
    size_t length;
    struct td_error reason = {TD_FAULT_NONE, ""};
    char *text = td_file_read(path, &length, &reason);
    if (text == NULL && reason.fault == TD_FAULT_INPUT)
        return td_reader_fail(r, node, "%s", reason.text);
    if (text == NULL) return td_reader_no_memory(r);
    struct td_json *json = td_json_parse(path, text, length, r->error);
    free(text);
    if (json == NULL) return false;
    struct td_reader inner = *r;
    inner.json = json;
    bool good = read_object(&inner, 0, scenario, steps, names) &&
                (scenario->schema_id != NULL || default_id(r, node, path, scenario));
    td_json_destroy(json);
    return good;
}

bool td_read_schema(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                    struct td_step_spec **steps, struct td_names *names)
{
    enum td_json_type type = td_json_type(r->json, node);
    if (type == TD_JSON_STRING) return read_schema_file(r, node, scenario, steps, names);
    if (type != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node,
                                    "a schema (an object with \"universe\" and \"steps\") "
                                    "or the path of a file with one");
    if (!read_object(r, node, scenario, steps, names)) return false;
    if (scenario->schema_id == NULL) scenario->schema_id = scenario->name;
    return true;
}
