/* Schemas: the table of steps, the orders that follow from it, and the priority that a policy
 * gives. */
#include "engine/engine_internal.h"

/* NULL: nothing is said. */
static bool is_negative(const td_time *times, td_step step)
{
    return times != NULL && times[step] < 0;
}

static bool schema_check(const struct td_schema_spec *spec, struct td_error *error)
{
    if (spec->step_count == 0 || spec->step_count > TD_ENGINE_MAX_STEPS)
        return td_error_set(error, TD_FAULT_INPUT, "a schema has 1 to %u steps, this one has %u",
                            TD_ENGINE_MAX_STEPS, spec->step_count);
    if (spec->after_start[0] != 0)
        return td_error_set(error, TD_FAULT_INPUT, "the schema's prerequisites do not begin at 0");
    if (spec->overhead < 0 || spec->rest_build < 0 || spec->rest_fetch < 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "the schema's overhead or rest takes less than no time");
    for (td_step step = 0; step < spec->step_count; step++) {
        if (is_negative(spec->estimates, step) || is_negative(spec->fetch_estimates, step))
            return td_error_set(error, TD_FAULT_INPUT, "step %u takes less than no time", step);
        if (spec->after_start[step + 1] < spec->after_start[step])
            return td_error_set(error, TD_FAULT_INPUT,
                                "the prerequisites of step %u end before they begin", step);
        for (uint32_t i = spec->after_start[step]; i < spec->after_start[step + 1]; i++)
            if (spec->after[i] >= spec->step_count || spec->after[i] == step)
                return td_error_set(error, TD_FAULT_INPUT,
                                    "step %u comes after step %u, which is not another step of "
                                    "the schema",
                                    step, spec->after[i]);
    }
    return true;
}

/* Turns "s comes after q" round, into "q has the dependent s"; dependents ascend. */
static void schema_reverse(struct schema *schema)
{
    for (uint32_t i = 0; i < schema->after_start[schema->steps]; i++)
        schema->dependent_start[schema->after[i] + 1]++;
    for (td_step step = 0; step < schema->steps; step++)
        schema->dependent_start[step + 1] += schema->dependent_start[step];
    /* dependency_order serves as the cursors: it is filled only afterwards */
    memcpy(schema->dependency_order, schema->dependent_start, schema->steps * sizeof(uint32_t));
    for (td_step step = 0; step < schema->steps; step++)
        for (uint32_t i = schema->after_start[step]; i < schema->after_start[step + 1]; i++)
            schema->dependents[schema->dependency_order[schema->after[i]]++] = step;
}

/* Dependency order (model, section 3.2): always the first step in the schema's order whose own
 * prerequisites have been gone through. False if some never are, since they come after themselves.
 */
static bool schema_sort(struct schema *schema, struct td_error *error)
{
    uint32_t *missing = calloc(schema->steps, sizeof *missing);
    uint64_t *open = calloc(schema->words, sizeof *open);
    bool done = missing != NULL && open != NULL;
    uint32_t sorted = 0;

    if (!done) td_error_memory(error, "a schema");
    for (td_step step = 0; done && step < schema->steps; step++) {
        missing[step] = schema->after_start[step + 1] - schema->after_start[step];
        if (missing[step] == 0) bit_set(open, step);
    }
    for (uint32_t word = 0; done && word < schema->words;) {
        if (open[word] == 0) {
            word++;
            continue;
        }
        td_step step = word * 64 + (uint32_t)__builtin_ctzll(open[word]);
        bit_clear(open, step);
        schema->dependency_order[sorted++] = step;
        for (uint32_t i = schema->dependent_start[step]; i < schema->dependent_start[step + 1]; i++)
            if (--missing[schema->dependents[i]] == 0) {
                bit_set(open, schema->dependents[i]);
                if (schema->dependents[i] / 64 < word) word = schema->dependents[i] / 64;
            }
    }
    if (done && sorted < schema->steps)
        done =
            td_error_set(error, TD_FAULT_INPUT, "the schema has steps that come after themselves");
    free(open);
    free(missing);
    return done;
}

bool td_schema_open(struct schema *schema, const struct td_schema_spec *spec,
                    struct td_error *error)
{
    if (!schema_check(spec, error)) return false;

    uint32_t steps = spec->step_count, edges = spec->after_start[steps];
    *schema = (struct schema){.steps = steps, .words = (steps + 63) / 64};
    schema->after_start = malloc((steps + 1) * sizeof(uint32_t));
    schema->after = calloc((size_t)edges + 1, sizeof(uint32_t));
    schema->dependent_start = calloc(steps + 1, sizeof(uint32_t));
    schema->dependents = malloc((edges + 1) * sizeof(uint32_t));
    schema->dependency_order = malloc(steps * sizeof(uint32_t));
    schema->estimates = calloc(steps, sizeof(td_time));
    schema->fetch_estimates = calloc(steps, sizeof(td_time));
    if (schema->after_start == NULL || schema->after == NULL || schema->dependent_start == NULL ||
        schema->dependents == NULL || schema->dependency_order == NULL ||
        schema->estimates == NULL || schema->fetch_estimates == NULL) {
        td_error_memory(error, "a schema");
        goto fail;
    }
    memcpy(schema->after_start, spec->after_start, (steps + 1) * sizeof(uint32_t));
    if (edges != 0) memcpy(schema->after, spec->after, edges * sizeof(uint32_t));
    if (spec->estimates != NULL)
        memcpy(schema->estimates, spec->estimates, steps * sizeof(td_time));
    if (spec->fetch_estimates != NULL)
        memcpy(schema->fetch_estimates, spec->fetch_estimates, steps * sizeof(td_time));
    schema->overhead = spec->overhead;
    schema->rest_build = spec->rest_build;
    schema->rest_fetch = spec->rest_fetch;
    schema->exact = spec->exact;
    schema_reverse(schema);
    if (!schema_sort(schema, error)) goto fail;
    return true;
fail:
    td_schema_close(schema);
    return false;
}

void td_schema_close(struct schema *schema)
{
    free(schema->after_start);
    free(schema->after);
    free(schema->dependent_start);
    free(schema->dependents);
    free(schema->dependency_order);
    free(schema->estimates);
    free(schema->fetch_estimates);
    td_priority_free(&schema->priority);
    *schema = (struct schema){0};
}

static int by_rank(const void *a, const void *b)
{
    const struct ranked_step *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step; /* ties by the schema's order */
}

static bool has_edges(const struct schema *schema)
{
    return schema->after_start[schema->steps] != 0;
}

static bool priority_reserve(struct priority *priority, const struct schema *schema)
{
    size_t words = has_edges(schema) ? (size_t)schema->steps * schema->words : 0;
    if (priority->capacity >= schema->steps && priority->prerequisite_capacity >= words)
        return true;
    td_priority_free(priority);
    priority->order = malloc(schema->steps * sizeof(uint32_t));
    priority->position = malloc(schema->steps * sizeof(uint32_t));
    priority->roots = malloc(schema->words * sizeof(uint64_t));
    priority->prerequisites = words == 0 ? NULL : malloc(words * sizeof(uint64_t));
    if (priority->order == NULL || priority->position == NULL || priority->roots == NULL ||
        (words != 0 && priority->prerequisites == NULL)) {
        td_priority_free(priority);
        return false;
    }
    priority->capacity = schema->steps;
    priority->prerequisite_capacity = words;
    return true;
}

static bool scratch_reserve(struct td_engine *engine, const struct schema *schema)
{
    return td_reserve(&engine->ranks, &engine->ranks_capacity, schema->steps,
                      sizeof *engine->ranks) &&
           td_reserve(&engine->ranked, &engine->ranked_capacity, schema->steps,
                      sizeof *engine->ranked) &&
           td_reserve(&engine->seen, &engine->seen_capacity, schema->words, sizeof *engine->seen) &&
           td_reserve(&engine->stack, &engine->stack_capacity, schema->steps,
                      sizeof *engine->stack);
}

bool td_priority_set(struct td_engine *engine, const struct cohort *cohort,
                     struct priority *priority, struct td_error *error)
{
    const struct schema *schema = cohort->schema;
    if (!priority_reserve(priority, schema) || !scratch_reserve(engine, schema))
        return td_error_memory(error, "the priority of the steps");

    memset(engine->ranks, 0, schema->steps * sizeof *engine->ranks);
    /* learned ranks change: positions stay in the schema's order then */
    bool ranked = engine->policy->rank != NULL && !cohort->learns;
    if (ranked) {
        const struct td_view view = {.engine = engine, .cohort = cohort};
        engine->policy->rank(&view, engine->ranks);
    }
    for (td_step step = 0; step < schema->steps; step++)
        engine->ranked[step] = (struct ranked_step){engine->ranks[step], step};
    if (ranked) qsort(engine->ranked, schema->steps, sizeof *engine->ranked, by_rank);
    for (uint32_t at = 0; at < schema->steps; at++) {
        priority->order[at] = engine->ranked[at].step;
        priority->position[engine->ranked[at].step] = at;
    }

    memset(priority->roots, 0, schema->words * sizeof(uint64_t));
    if (priority->prerequisites != NULL)
        memset(priority->prerequisites, 0, priority->prerequisite_capacity * sizeof(uint64_t));
    for (uint32_t at = 0; at < schema->steps; at++) {
        td_step step = priority->order[at];
        uint32_t first = schema->after_start[step], end = schema->after_start[step + 1];
        if (first == end) bit_set(priority->roots, at);
        TD_ASSERT(first == end || priority->prerequisites != NULL);
        for (uint32_t i = first; i < end; i++)
            bit_set(priority->prerequisites + (size_t)at * schema->words,
                    priority->position[schema->after[i]]);
    }
    priority->set = true;
    priority->schema_order = !ranked;
    return true;
}

void td_priority_free(struct priority *priority)
{
    free(priority->order);
    free(priority->position);
    free(priority->prerequisites);
    free(priority->roots);
    *priority = (struct priority){0};
}
