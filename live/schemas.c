#include "live/schemas.h"

#include "workload/sampler.h"

#include <stdlib.h>
#include <string.h>

uint32_t td_schemas_find(const struct td_schemas *schemas, const char *id)
{
    for (uint32_t i = 0; i < schemas->count; i++)
        if (strcmp(schemas->items[i]->id, id) == 0) return i;
    return UINT32_MAX;
}

td_step td_known_schema_step(const struct td_known_schema *schema, const char *id)
{
    uint32_t number = td_intern_find(&schema->steps, id);
    return number == 0 ? TD_NO_STEP : number - 1;
}

struct td_schema_spec td_known_schema_spec(const struct td_known_schema *schema)
{
    return (struct td_schema_spec){.step_count = schema->steps.count,
                                   .after_start = schema->after_start,
                                   .after = schema->after,
                                   .estimates = schema->estimates,
                                   .fetch_estimates = schema->fetch_estimates,
                                   .overhead = schema->overhead,
                                   .rest_build = schema->rest_build,
                                   .rest_fetch = schema->rest_fetch};
}

static void schema_free(struct td_known_schema *schema)
{
    for (uint32_t i = 0; schema->targets != NULL && i < schema->steps.count; i++)
        free(schema->targets[i]);
    free(schema->targets);
    free(schema->id);
    free(schema->universe);
    free(schema->after_start);
    free(schema->after);
    free(schema->estimates);
    free(schema->fetch_estimates);
    td_intern_free(&schema->steps);
    free(schema);
}

void td_schemas_remove_last(struct td_schemas *schemas)
{
    schema_free(schemas->items[--schemas->count]);
}

void td_schemas_free(struct td_schemas *schemas)
{
    for (uint32_t i = 0; i < schemas->count; i++)
        schema_free(schemas->items[i]);
    free(schemas->items);
    *schemas = (struct td_schemas){0};
}

static struct td_known_schema *schema_create(const char *id, const char *universe, size_t steps,
                                             size_t edges)
{
    struct td_known_schema *schema = calloc(1, sizeof *schema);
    if (schema == NULL) return NULL;
    schema->id = strdup(id);
    schema->universe = strdup(universe);
    schema->targets = calloc(steps + 1, sizeof *schema->targets);
    schema->after_start = calloc(steps + 1, sizeof *schema->after_start);
    schema->after = calloc(edges + 1, sizeof *schema->after);
    if (schema->id == NULL || schema->universe == NULL || schema->targets == NULL ||
        schema->after_start == NULL || schema->after == NULL) {
        schema_free(schema);
        return NULL;
    }
    return schema;
}

static bool add_step(struct td_known_schema *schema, const char *id, const char *targets)
{
    uint32_t number = td_intern(&schema->steps, id);
    if (number == TD_INTERN_FULL) return false;
    schema->targets[number - 1] = strdup(targets == NULL ? "" : targets);
    return schema->targets[number - 1] != NULL;
}

static uint32_t keep(struct td_schemas *schemas, struct td_known_schema *schema,
                     struct td_error *error)
{
    if (schemas->count == schemas->capacity) {
        uint32_t capacity = schemas->capacity == 0 ? 8 : 2 * schemas->capacity;
        struct td_known_schema **items = realloc(schemas->items, capacity * sizeof *items);
        if (items == NULL) {
            schema_free(schema);
            (void)td_error_memory(error, "a schema");
            return UINT32_MAX;
        }
        schemas->items = items;
        schemas->capacity = capacity;
    }
    schemas->items[schemas->count] = schema;
    return schemas->count++;
}

static uint32_t give_up(struct td_known_schema *schema, struct td_error *error)
{
    if (schema != NULL) schema_free(schema);
    (void)td_error_memory(error, "a schema");
    return UINT32_MAX;
}

/* The means of the scenario's times. */
static bool add_times(struct td_known_schema *schema, const struct td_scenario *scenario)
{
    uint32_t steps = scenario->step_count;
    schema->estimates = calloc(steps + (size_t)1, sizeof(td_time));
    schema->fetch_estimates = calloc(steps + (size_t)1, sizeof(td_time));
    if (schema->estimates == NULL || schema->fetch_estimates == NULL) return false;
    schema->overhead = td_round_ns(td_dist_mean(scenario->overhead));
    schema->rest_build = td_round_ns(td_dist_mean(scenario->rest_build));
    schema->rest_fetch = td_round_ns(td_dist_mean(scenario->rest_fetch));
    for (uint32_t s = 0; s < steps; s++) {
        schema->estimates[s] = td_round_ns(td_dist_mean(scenario->steps[s].build));
        schema->fetch_estimates[s] = td_round_ns(td_dist_mean(scenario->steps[s].fetch));
    }
    return true;
}

uint32_t td_schemas_add_scenario(struct td_schemas *schemas, const struct td_scenario *scenario,
                                 struct td_error *error)
{
    uint32_t steps = scenario->step_count, edges = 0;
    for (uint32_t s = 0; s < steps; s++)
        edges += (uint32_t)scenario->steps[s].after_count;
    struct td_known_schema *schema =
        schema_create(scenario->schema_id, scenario->universe, steps, edges);
    if (schema == NULL) return give_up(NULL, error);
    if (scenario->name != NULL && !add_times(schema, scenario)) return give_up(schema, error);
    schema->own = true;
    edges = 0;
    for (uint32_t s = 0; s < steps; s++) {
        const struct td_step_spec *spec = &scenario->steps[s];
        if (!add_step(schema, spec->id, spec->targets)) return give_up(schema, error);
        for (size_t i = 0; i < spec->after_count; i++)
            schema->after[edges++] = spec->after[i];
        schema->after_start[s + 1] = edges;
    }
    return keep(schemas, schema, error);
}

/* The prerequisites of a hello's schema, once all its steps are known by name. */
static bool add_edges(struct td_known_schema *schema, const struct td_hello *hello,
                      struct td_error *error)
{
    uint32_t edges = 0;
    for (uint32_t s = 0; s < hello->step_count; s++) {
        for (size_t i = 0; i < hello->steps[s].after_count; i++) {
            td_step before = td_known_schema_step(schema, hello->steps[s].after[i]);
            if (before == TD_NO_STEP)
                return td_error_set(error, TD_FAULT_INPUT,
                                    "step %s of schema %s comes after %s, which it has not: name "
                                    "steps of the schema only",
                                    hello->steps[s].id, hello->schema_id, hello->steps[s].after[i]);
            if (before == s)
                return td_error_set(error, TD_FAULT_INPUT,
                                    "step %s of schema %s comes after itself: name other steps",
                                    hello->steps[s].id, hello->schema_id);
            schema->after[edges++] = before;
        }
        schema->after_start[s + 1] = edges;
    }
    return true;
}

uint32_t td_schemas_add_hello(struct td_schemas *schemas, const struct td_hello *hello,
                              struct td_error *error)
{
    size_t edges = 0;
    for (size_t s = 0; s < hello->step_count; s++)
        edges += hello->steps[s].after_count;
    struct td_known_schema *schema =
        schema_create(hello->schema_id, hello->universe, hello->step_count, edges);
    if (schema == NULL) return give_up(NULL, error);
    for (size_t s = 0; s < hello->step_count; s++) {
        if (td_intern_find(&schema->steps, hello->steps[s].id) != 0) {
            (void)td_error_set(error, TD_FAULT_INPUT, "schema %s has step %s twice: remove one",
                               hello->schema_id, hello->steps[s].id);
            schema_free(schema);
            return UINT32_MAX;
        }
        if (!add_step(schema, hello->steps[s].id, hello->steps[s].targets))
            return give_up(schema, error);
    }
    if (!add_edges(schema, hello, error)) {
        schema_free(schema);
        return UINT32_MAX;
    }
    return keep(schemas, schema, error);
}

static void write_times(struct td_buffer *out, const td_time *times, uint32_t count)
{
    td_put_unsigned(out, times != NULL);
    for (uint32_t i = 0; times != NULL && i < count; i++)
        td_put_signed(out, times[i]);
}

void td_known_schema_write(const struct td_known_schema *schema, struct td_buffer *out)
{
    uint32_t steps = schema->steps.count;
    td_put_text(out, schema->id);
    td_put_text(out, schema->universe);
    td_put_unsigned(out, schema->own);
    td_put_unsigned(out, steps);
    td_put_unsigned(out, schema->after_start[steps]);
    for (uint32_t s = 0; s < steps; s++) {
        td_put_text(out, td_intern_text(&schema->steps, s + 1));
        td_put_text(out, schema->targets[s]);
        td_put_unsigned(out, schema->after_start[s + 1] - schema->after_start[s]);
        for (uint32_t i = schema->after_start[s]; i < schema->after_start[s + 1]; i++)
            td_put_unsigned(out, schema->after[i]);
    }
    write_times(out, schema->estimates, steps);
    write_times(out, schema->fetch_estimates, steps);
    td_put_signed(out, schema->overhead);
    td_put_signed(out, schema->rest_build);
    td_put_signed(out, schema->rest_fetch);
}

/* False if memory is short. */
static bool read_times(struct td_reader *reader, uint32_t count, td_time **out)
{
    if (td_take_unsigned(reader) == 0) return true;
    *out = calloc(count + (size_t)1, sizeof **out);
    if (*out == NULL) return false;
    for (uint32_t i = 0; i < count; i++)
        (*out)[i] = td_take_signed(reader);
    return true;
}

static bool read_step(struct td_known_schema *schema, uint32_t step, uint32_t edges,
                      struct td_reader *reader)
{
    const char *id = td_take_text(reader), *targets = td_take_text(reader);
    uint32_t count = td_take_u32(reader), at = schema->after_start[step];
    reader->failed = reader->failed || id == NULL || targets == NULL || count > edges - at ||
                     td_intern_find(&schema->steps, id) != 0;
    if (reader->failed) return true;
    for (; count > 0; count--)
        schema->after[at++] = td_take_u32(reader);
    schema->after_start[step + 1] = at;
    return add_step(schema, id, targets);
}

uint32_t td_schemas_add_written(struct td_schemas *schemas, struct td_reader *reader,
                                struct td_error *error)
{
    const char *id = td_take_text(reader), *universe = td_take_text(reader);
    bool own = td_take_unsigned(reader) != 0;
    uint32_t steps = td_take_count(reader, TD_ENGINE_MAX_STEPS);
    uint32_t edges = td_take_count(reader, UINT32_MAX);
    reader->failed = reader->failed || id == NULL || universe == NULL || steps == 0;
    struct td_known_schema *schema =
        reader->failed ? NULL : schema_create(id, universe, steps, edges);
    bool fits = schema != NULL;
    for (uint32_t s = 0; fits && !reader->failed && s < steps; s++)
        fits = read_step(schema, s, edges, reader);
    if (fits && !reader->failed) {
        schema->own = own;
        fits = read_times(reader, steps, &schema->estimates) &&
               read_times(reader, steps, &schema->fetch_estimates);
        schema->overhead = td_take_signed(reader);
        schema->rest_build = td_take_signed(reader);
        schema->rest_fetch = td_take_signed(reader);
    }
    if (fits && !reader->failed) return keep(schemas, schema, error);
    bool damaged = reader->failed;
    (void)give_up(schema, error);
    if (damaged) (void)td_error_set(error, TD_FAULT_INPUT, "a schema is damaged");
    return UINT32_MAX;
}

static bool same_step(const struct td_known_schema *known, uint32_t step,
                      const struct td_hello_step *theirs)
{
    uint32_t start = known->after_start[step], count = known->after_start[step + 1] - start;
    if (td_known_schema_step(known, theirs->id) != step ||
        strcmp(known->targets[step], theirs->targets == NULL ? "" : theirs->targets) != 0)
        return false;
    if (theirs->after_count == 0) return true; /* a schema's file does not say */
    if (count != theirs->after_count) return false;
    for (uint32_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t j = 0; !found && j < theirs->after_count; j++)
            found = td_known_schema_step(known, theirs->after[j]) == known->after[start + i];
        if (!found) return false;
    }
    return true;
}

bool td_schemas_agree(const struct td_known_schema *known, const struct td_hello *hello,
                      struct td_error *error)
{
    if (hello->universe == NULL) return true; /* it only names it */
    bool same =
        strcmp(known->universe, hello->universe) == 0 && known->steps.count == hello->step_count;
    for (uint32_t s = 0; same && s < hello->step_count; s++)
        same = same_step(known, s, &hello->steps[s]);
    return same || td_error_set(error, TD_FAULT_INPUT,
                                "schema %s is not the one that the authority knows by that ID: "
                                "give it another ID, or bring both to the same version",
                                hello->schema_id);
}
