#include "sim/plan.h"

#include "base/assert.h"
#include "base/block.h"
#include "workload/order.h"
#include "workload/sampler.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Interns a field of an identity: 1 + the first group with the same text; 0 where it is left out.
 */
static uint32_t intern(const struct td_scenario *scenario, size_t field, uint32_t group)
{
    const char *text, *other;
    memcpy(&text, (const char *)&scenario->groups[group] + field, sizeof text);
    if (text == NULL) return 0;
    for (uint32_t i = 0; i < group; i++) {
        memcpy(&other, (const char *)&scenario->groups[i] + field, sizeof other);
        if (same_text(text, other)) return i + 1;
    }
    return group + 1;
}

/* A dependent pipeline is known by repository, base ref and name; its number is in the order of
 * their first groups. */
static void plan_pipeline(struct td_plan *plan, uint32_t g)
{
    const struct td_group_spec *spec = &plan->scenario->groups[g];
    plan->groups[g].pipeline = UINT32_MAX;
    if (!spec->dependent) return;
    for (uint32_t i = 0; i < g; i++) {
        const struct td_group_spec *other = &plan->scenario->groups[i];
        if (!other->dependent || !same_text(spec->repository, other->repository) ||
            !same_text(spec->base_ref, other->base_ref) ||
            !same_text(spec->pipeline, other->pipeline))
            continue;
        plan->groups[g].pipeline = plan->groups[i].pipeline;
        return;
    }
    plan->groups[g].pipeline = plan->pipelines++;
}

static void plan_identities(struct td_plan *plan)
{
    const struct td_scenario *scenario = plan->scenario;
    for (uint32_t g = 0; g < scenario->group_count; g++) {
        struct td_plan_group *group = &plan->groups[g];
        group->identity = (struct td_identity){
            .repository = intern(scenario, offsetof(struct td_group_spec, repository), g),
            .base_ref = intern(scenario, offsetof(struct td_group_spec, base_ref), g),
            .cache = intern(scenario, offsetof(struct td_group_spec, cache_id), g),
        };
        group->cohort = 0;
        while (group->cohort < plan->cohorts &&
               memcmp(plan->cohort_identity[group->cohort], &group->identity,
                      sizeof group->identity) != 0)
            group->cohort++;
        if (group->cohort == plan->cohorts)
            plan->cohort_identity[plan->cohorts++] = &group->identity;
        plan_pipeline(plan, g);
        const struct td_group_spec *spec = &scenario->groups[g];
        group->speed = spec->speed;
        group->publishes = spec->publishes;
        group->keeps = spec->keeps;
        group->leaves = spec->leaves;
        group->returns = spec->returns;
        group->slow = spec->slow;
        plan->leaves = plan->leaves || spec->leaves != NULL;
        plan->slow = plan->slow || spec->slow != NULL;
        plan->refetches =
            plan->refetches || (spec->returns != NULL && !spec->keeps && spec->touch_count > 0);
    }
}

static bool plan_touches(struct td_plan *plan)
{
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        const struct td_group_spec *spec = &plan->scenario->groups[g];
        struct td_plan_group *group = &plan->groups[g];
        if (spec->touch_count == 0) continue;
        group->private = calloc(plan->words, sizeof *group->private);
        group->fraction = malloc(plan->steps * sizeof *group->fraction);
        if (group->private == NULL || group->fraction == NULL) return false;
        for (uint32_t at = 0; at < plan->steps; at++)
            group->fraction[at] = 1;
        for (size_t i = 0; i < spec->touch_count; i++) {
            uint32_t at = plan->position[spec->touches[i].step];
            group->fraction[at] = spec->touches[i].fraction;
            group->private[at / 64] |= UINT64_C(1) << (at % 64);
        }
        if (spec->break_count > 0) {
            group->breaks = calloc(plan->steps, sizeof *group->breaks);
            if (group->breaks == NULL) return false;
        }
        for (size_t i = 0; i < spec->break_count; i++)
            group->breaks[plan->position[spec->breaks[i].step]] = spec->breaks[i].probability;
        for (uint32_t at = 0; at < plan->steps; at++) {
            const struct td_step_spec *step = &plan->scenario->steps[plan->order[at]];
            for (size_t i = 0; i < step->after_count; i++) {
                uint32_t before = plan->position[step->after[i]];
                if (group->private[before / 64] >> (before % 64) & 1)
                    group->private[at / 64] |= UINT64_C(1) << (at % 64);
            }
        }
    }
    return true;
}

static void plan_steps(struct td_plan *plan)
{
    const struct td_scenario *scenario = plan->scenario;
    for (uint32_t at = 0; at < plan->steps; at++) {
        const struct td_step_spec *spec = &scenario->steps[plan->order[at]];
        plan->step[at] = (struct td_plan_step){.build = spec->build,
                                               .fetch = spec->fetch,
                                               .factor = spec->factor,
                                               .hit_rate = spec->hit_rate,
                                               .flaky = spec->flaky,
                                               .broken = spec->broken,
                                               .parts = spec->parts};
        plan->parts = plan->parts || spec->parts > 1;
        plan->factors = plan->factors || spec->factor != NULL;
        plan->flaky = plan->flaky || spec->flaky > 0;
        plan->broken = plan->broken || spec->broken > 0;
    }
    plan->step[plan->steps] = (struct td_plan_step){
        .build = scenario->rest_build, .fetch = scenario->rest_fetch, .hit_rate = 1, .parts = 1};
}

static bool has_exponential(const struct td_plan *plan)
{
    bool has = false;
    for (uint32_t at = 0; at <= plan->steps; at++)
        has = has || plan->step[at].build->kind == TD_DIST_EXPONENTIAL ||
              plan->step[at].fetch->kind == TD_DIST_EXPONENTIAL;
    return has;
}

/* True if no time but an arrival is drawn. */
static bool is_exact(const struct td_scenario *scenario)
{
    bool exact = td_dist_is_constant(scenario->overhead) &&
                 td_dist_is_constant(scenario->rest_build) &&
                 td_dist_is_constant(scenario->rest_fetch);
    for (uint32_t s = 0; s < scenario->step_count; s++)
        exact = exact && td_dist_is_constant(scenario->steps[s].build) &&
                td_dist_is_constant(scenario->steps[s].fetch) && scenario->steps[s].factor == NULL;
    return exact;
}

/* Whether builds and fetches are whole and never fail. */
static bool is_plain(const struct td_plan *plan)
{
    if (plan->parts || plan->factors || plan->flaky || plan->broken || plan->slow ||
        plan->pipelines != 0)
        return false;
    for (uint32_t at = 0; at < plan->steps; at++)
        if (plan->step[at].hit_rate < 1) return false;
    for (uint32_t g = 0; g < plan->scenario->group_count; g++)
        if (plan->groups[g].private != NULL || plan->groups[g].breaks != NULL) return false;
    return true;
}

/* Whether all replications begin with the same arrivals and nothing that is drawn. */
static bool opens_alike(const struct td_plan *plan)
{
    if (plan->leaves || plan->slow || plan->pipelines != 0) return false;
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        const struct td_group_spec *group = &plan->scenario->groups[g];
        bool drawn =
            group->arrival_form == TD_ARRIVAL_DRAWN && !td_dist_is_constant(group->arrival);
        if (drawn || group->arrival_form == TD_ARRIVAL_POISSON) return false;
    }
    return true;
}

/* The engine's table: prerequisites one behind the other, mean build times. */
static bool plan_schema(struct td_plan *plan)
{
    const struct td_scenario *scenario = plan->scenario;
    size_t edges = 0;
    TD_ASSERT(plan->steps > 0);
    for (uint32_t s = 0; s < plan->steps; s++)
        edges += scenario->steps[s].after_count;
    uint32_t *start = malloc((plan->steps + (size_t)1) * sizeof *start);
    td_step *after = malloc((edges + 1) * sizeof *after);
    td_time *estimates = malloc(plan->steps * sizeof *estimates);
    td_time *fetch_estimates = malloc(plan->steps * sizeof *fetch_estimates);
    plan->schema =
        (struct td_schema_spec){.step_count = plan->steps,
                                .after_start = start,
                                .after = after,
                                .estimates = estimates,
                                .fetch_estimates = fetch_estimates,
                                .overhead = td_round_ns(td_dist_mean(scenario->overhead)),
                                .rest_build = td_round_ns(td_dist_mean(scenario->rest_build)),
                                .rest_fetch = td_round_ns(td_dist_mean(scenario->rest_fetch)),
                                .exact = is_exact(scenario)};
    if (start == NULL || after == NULL || estimates == NULL || fetch_estimates == NULL)
        return false;

    edges = 0;
    for (uint32_t s = 0; s < plan->steps; s++) {
        start[s] = (uint32_t)edges;
        for (size_t i = 0; i < scenario->steps[s].after_count; i++)
            after[edges++] = scenario->steps[s].after[i];
        /* policies that need an estimate are refused where the mean is infinite */
        estimates[s] = td_round_ns(td_dist_mean(scenario->steps[s].build));
        fetch_estimates[s] = td_round_ns(td_dist_mean(scenario->steps[s].fetch));
    }
    start[plan->steps] = (uint32_t)edges;

    if (edges == 0) return true;
    plan->closure = calloc((size_t)plan->steps * plan->words, sizeof *plan->closure);
    if (plan->closure == NULL) return false;
    td_dependency_closures(plan->scenario, plan->order, plan->words, plan->closure);
    return true;
}

struct td_plan *td_plan_create(const struct td_scenario *scenario, struct td_error *error)
{
    struct td_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) goto fail;
    plan->scenario = scenario;
    plan->steps = scenario->step_count;
    plan->words = (plan->steps + 63) / 64;
    plan->order = malloc((plan->steps + (size_t)1) * sizeof *plan->order);
    plan->position = malloc(plan->steps * sizeof *plan->position);
    plan->step = td_block_alloc(plan->steps + (size_t)1, sizeof *plan->step);
    plan->groups = td_block_alloc(scenario->group_count, sizeof *plan->groups);
    plan->cohort_identity = malloc(scenario->group_count * sizeof(struct td_identity *));
    if (plan->order == NULL || plan->position == NULL || plan->step == NULL ||
        plan->groups == NULL || plan->cohort_identity == NULL)
        goto fail;

    td_dependency_order(scenario, plan->order, plan->position);
    plan->order[plan->steps] = plan->steps;
    plan_identities(plan);
    plan_steps(plan);
    plan->overhead =
        !td_dist_is_constant(scenario->overhead) || td_dist_mean(scenario->overhead) > 0;
    if (!plan_touches(plan) || !plan_schema(plan)) goto fail;
    plan->plain = is_plain(plan);
    plan->exponential = has_exponential(plan);
    plan->opens_alike = opens_alike(plan);
    return plan;
fail:
    td_error_memory(error, "the scenario's plan");
    td_plan_destroy(plan);
    return NULL;
}

void td_plan_destroy(struct td_plan *plan)
{
    if (plan == NULL) return;
    for (uint32_t g = 0; plan->groups != NULL && g < plan->scenario->group_count; g++) {
        free(plan->groups[g].private);
        free(plan->groups[g].fraction);
        free(plan->groups[g].breaks);
    }
    free(plan->order);
    free(plan->position);
    free(plan->closure);
    free(plan->step);
    free(plan->groups);
    free(plan->cohort_identity);
    free((void *)(uintptr_t)plan->schema.after_start);
    free((void *)(uintptr_t)plan->schema.after);
    free((void *)(uintptr_t)plan->schema.estimates);
    free((void *)(uintptr_t)plan->schema.fetch_estimates);
    free(plan);
}
