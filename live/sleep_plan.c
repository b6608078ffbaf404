/* What is settled for a scenario and a replication before its peers come: orders and variants, and
 * the luck that they share. It has to agree with the simulator in every number. */
#include "live/sleeper_internal.h"

#include "workload/order.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool td_sleep_can(const struct td_scenario *scenario, struct td_error *error)
{
    for (uint32_t g = 0; g < scenario->group_count; g++)
        if (scenario->groups[g].dependent)
            return td_error_set(error, TD_FAULT_INPUT,
                                "%s: $.peers[%u].pipeline_type: peers that sleep play no dependent "
                                "pipelines: run it without --live, or make the pipeline "
                                "independent",
                                scenario->path, g);
    return true;
}

static void plan_steps(struct td_sleep_plan *plan)
{
    const struct td_scenario *scenario = plan->scenario;
    for (uint32_t at = 0; at < plan->steps; at++) {
        const struct td_step_spec *spec = &scenario->steps[plan->order[at]];
        plan->spec[at] = spec;
        plan->parts = plan->parts || spec->parts > 1;
        plan->flaky = plan->flaky || spec->flaky > 0;
    }
    plan->rest = (struct td_step_spec){
        .build = scenario->rest_build, .fetch = scenario->rest_fetch, .hit_rate = 1, .parts = 1};
    plan->spec[plan->steps] = &plan->rest;
    plan->overhead =
        !td_dist_is_constant(scenario->overhead) || td_dist_mean(scenario->overhead) > 0;
}

/* Cohorts are numbered in the order of their first groups. */
static void plan_cohorts(struct td_sleep_plan *plan)
{
    const struct td_group_spec *specs = plan->scenario->groups;
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        plan->groups[g].cohort = plan->cohorts;
        for (uint32_t i = 0; i < g; i++) {
            if (!same_text(specs[i].repository, specs[g].repository) ||
                !same_text(specs[i].base_ref, specs[g].base_ref) ||
                !same_text(specs[i].cache_id, specs[g].cache_id))
                continue;
            plan->groups[g].cohort = plan->groups[i].cohort;
            break;
        }
        if (plan->groups[g].cohort == plan->cohorts) plan->cohorts++;
    }
}

/* What comes after a private step is private. */
static void spread(const struct td_sleep_plan *plan, struct sleep_group *group)
{
    for (uint32_t at = 0; at < plan->steps; at++) {
        const struct td_step_spec *spec = plan->spec[at];
        for (size_t i = 0; i < spec->after_count; i++)
            if (bit_get(group->private, plan->position[spec->after[i]]))
                bit_set(group->private, at);
        group->private_count += bit_get(group->private, at);
    }
}

static bool plan_touches(struct td_sleep_plan *plan)
{
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        const struct td_group_spec *spec = &plan->scenario->groups[g];
        struct sleep_group *group = &plan->groups[g];
        if (spec->touch_count == 0) continue;
        group->private = td_arena_array(plan->arena, plan->words, sizeof *group->private);
        group->fraction = td_arena_array(plan->arena, plan->steps, sizeof *group->fraction);
        group->breaks = td_arena_array(plan->arena, plan->steps, sizeof *group->breaks);
        if (group->private == NULL || group->fraction == NULL || group->breaks == NULL)
            return false;
        for (uint32_t at = 0; at < plan->steps; at++)
            group->fraction[at] = 1;
        for (size_t i = 0; i < spec->touch_count; i++) {
            uint32_t at = plan->position[spec->touches[i].step];
            group->fraction[at] = spec->touches[i].fraction;
            bit_set(group->private, at);
        }
        for (size_t i = 0; i < spec->break_count; i++)
            group->breaks[plan->position[spec->breaks[i].step]] = spec->breaks[i].probability;
        spread(plan, group);
    }
    return true;
}

/* The whole schema, as every hello brings it along. */
static bool plan_hello(struct td_sleep_plan *plan)
{
    for (uint32_t s = 0; s < plan->steps; s++) {
        const struct td_step_spec *spec = &plan->scenario->steps[s];
        const char **after = td_arena_array(plan->arena, spec->after_count, sizeof *after);
        if (after == NULL) return false;
        for (size_t i = 0; i < spec->after_count; i++)
            after[i] = plan->scenario->steps[spec->after[i]].id;
        plan->hello_steps[s] = (struct td_hello_step){.id = spec->id,
                                                      .targets = spec->targets,
                                                      .after = after,
                                                      .after_count = spec->after_count};
    }
    return true;
}

struct step_id {
    const char *id;
    uint32_t step;
};

static int by_id(const void *a, const void *b)
{
    const struct step_id *x = a, *y = b;
    return strcmp(x->id, y->id);
}

static bool plan_ids(struct td_sleep_plan *plan)
{
    struct step_id *ids = malloc(plan->steps * sizeof *ids);
    if (ids == NULL) return false;
    for (uint32_t s = 0; s < plan->steps; s++)
        ids[s] = (struct step_id){plan->scenario->steps[s].id, s};
    qsort(ids, plan->steps, sizeof *ids, by_id);
    for (uint32_t i = 0; i < plan->steps; i++)
        plan->by_id[i] = ids[i].step;
    free(ids);
    return true;
}

uint32_t td_sleep_plan_find(const struct td_sleep_plan *plan, const char *id)
{
    uint32_t low = 0, high = plan->steps;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, step = plan->by_id[middle];
        int order = strcmp(id, plan->scenario->steps[step].id);
        if (order == 0) return step;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return plan->steps;
}

/* The base may not build a step, once for a cohort; a factor is the same for everybody. */
static void draw_luck(struct td_sleep_plan *plan)
{
    for (uint32_t at = 0; at < plan->steps; at++) {
        const struct td_step_spec *spec = plan->spec[at];
        for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++) {
            const struct td_draw draw = draw_for(plan, cohort, plan->order[at], TD_DRAW_BROKEN);
            if (td_sample_chance(spec->broken, &draw))
                bit_set(plan->broken + (size_t)cohort * plan->words, at);
        }
        const struct td_draw draw = draw_for(plan, 0, plan->order[at], TD_DRAW_FACTOR);
        plan->factors[at] = spec->factor == NULL ? 1 : td_sample(spec->factor, &draw);
    }
    plan->factors[plan->steps] = 1;
}

static bool allocate(struct td_sleep_plan *plan)
{
    struct td_arena *arena = plan->arena;
    size_t steps = plan->steps, groups = plan->scenario->group_count;
    plan->order = td_arena_array(arena, steps + 1, sizeof *plan->order);
    plan->position = td_arena_array(arena, steps, sizeof *plan->position);
    plan->closure = td_arena_array(arena, steps, plan->words * sizeof *plan->closure);
    plan->spec = td_arena_array(arena, steps + 1, sizeof *plan->spec);
    plan->by_id = td_arena_array(arena, steps, sizeof *plan->by_id);
    plan->groups = td_arena_array(arena, groups, sizeof *plan->groups);
    /* a cohort has at least one group */
    plan->broken = td_arena_array(arena, groups, plan->words * sizeof *plan->broken);
    plan->factors = td_arena_array(arena, steps + 1, sizeof *plan->factors);
    plan->arrivals = td_arena_array(arena, plan->scenario->peer_count, sizeof *plan->arrivals);
    plan->hello_steps = td_arena_array(arena, steps, sizeof *plan->hello_steps);
    return plan->order != NULL && plan->position != NULL && plan->closure != NULL &&
           plan->spec != NULL && plan->by_id != NULL && plan->groups != NULL &&
           plan->broken != NULL && plan->factors != NULL && plan->arrivals != NULL &&
           plan->hello_steps != NULL;
}

struct td_sleep_plan *td_sleep_plan_create(const struct td_scenario *scenario, uint64_t seed,
                                           uint32_t replication, struct td_error *error)
{
    if (!td_sleep_can(scenario, error)) return NULL;
    struct td_sleep_plan *plan = NULL;
    struct td_arena *arena = td_arena_create();
    if (arena != NULL) plan = td_arena_alloc(arena, sizeof *plan);
    if (plan == NULL) goto fail_memory;
    *plan = (struct td_sleep_plan){.arena = arena,
                                   .scenario = scenario,
                                   .seed = seed,
                                   .replication = replication,
                                   .steps = scenario->step_count,
                                   .words = (scenario->step_count + 63) / 64};
    if (!allocate(plan)) goto fail_memory;
    td_dependency_order(scenario, plan->order, plan->position);
    plan->order[plan->steps] = plan->steps;
    plan_steps(plan);
    td_dependency_closures(plan->scenario, plan->order, plan->words, plan->closure);
    plan_cohorts(plan);
    if (!plan_touches(plan) || !plan_hello(plan) || !plan_ids(plan)) goto fail_memory;
    draw_luck(plan);
    if (td_scenario_arrivals(scenario, seed, replication, plan->arrivals, error)) return plan;
    td_arena_destroy(arena);
    return NULL;

fail_memory:
    td_error_memory(error, "the plan of peers that sleep");
    td_arena_destroy(arena);
    return NULL;
}

void td_sleep_plan_destroy(struct td_sleep_plan *plan)
{
    if (plan != NULL) td_arena_destroy(plan->arena);
}
