/* What an engine knows of cohorts whose peers have gone, as events for another engine. */
#include "engine/engine_internal.h"

/* The cohort, made if it is new; NULL with an error, and then nothing is made. */
static struct cohort *cohort_for(struct td_engine *engine, const struct td_identity *identity,
                                 td_step step, struct td_error *error)
{
    const struct schema *schema =
        identity->schema < engine->schema_count ? engine->schemas[identity->schema] : NULL;
    if (schema != NULL && !step_is(schema, step, error)) return NULL;
    uint32_t cohort = td_cohort_open(engine, identity, error);
    if (cohort == NONE) return NULL;
    if (engine->cohorts[cohort].priority == NULL && !td_cohort_start(engine, cohort, error))
        return NULL;
    return &engine->cohorts[cohort];
}

static bool recall(struct td_engine *engine, const struct td_event *event, struct td_error *error)
{
    if (event->learned.count == 0 || event->learned.sum < 0)
        return td_error_set(error, TD_FAULT_INPUT, "times that nobody observed are no times");
    struct cohort *cohort =
        cohort_for(engine, &event->learned.identity, event->learned.step, error);
    if (cohort == NULL) return false;
    td_learning_recall(engine, cohort, event->learned.step, event->learned.fetches,
                       event->learned.count, event->learned.sum);
    return true;
}

bool td_summary_apply(struct td_engine *engine, const struct td_event *event,
                      struct td_commands *commands, struct td_error *error)
{
    if (event->kind == TD_EVENT_LEARNED) return recall(engine, event, error);
    bool rest = event->kind == TD_EVENT_PUBLISHED && event->known.step == TD_UNIVERSE;
    struct cohort *cohort =
        cohort_for(engine, &event->known.identity, rest ? 0 : event->known.step, error);
    if (cohort == NULL) return false;
    if (rest) {
        cohort->rest_published = true;
        return true;
    }
    uint32_t position = cohort->priority->position[event->known.step];
    uint32_t artifact = td_cohort_artifact(cohort, position, event->known.digest);
    if (artifact == NONE) return td_error_memory(error, "an artifact");
    if (event->kind == TD_EVENT_BROKEN) {
        td_artifact_break(engine, cohort, artifact, commands);
    } else {
        td_artifact_publish(engine, cohort, artifact, commands);
        if (engine->policy->wake == TD_WAKE_ALL) td_wake_cohort(engine, cohort, commands);
    }
    return true;
}

bool td_engine_knows_published(const struct td_engine *engine, const struct td_identity *identity,
                               td_step step, uint64_t digest)
{
    uint32_t found = td_cohort_find(engine, identity);
    if (found == NONE || engine->cohorts[found].priority == NULL) return false;
    const struct cohort *cohort = &engine->cohorts[found];
    if (step == TD_UNIVERSE) return digest == 0 && cohort->rest_published;
    TD_ASSERT(step < cohort->schema->steps);
    uint32_t artifact = td_cohort_seek(cohort, cohort->priority->position[step], digest);
    return artifact != NONE && cohort->artifacts[artifact].published;
}

/* Sums that are too long for a td_time lose some of their weight. */
static void tell_learned(const struct cohort *cohort, bool fetches,
                         void (*tell)(void *context, const struct td_event *event), void *context)
{
    const struct learned *learned = fetches ? cohort->learned_fetches : cohort->learned;
    if (!cohort->learns || learned == NULL) return;
    for (td_step step = 0; step < cohort->schema->steps; step++) {
        struct learned left = learned[step];
        for (; left.sum > TD_TIME_MAX && left.count > 1; left.sum /= 2)
            left.count /= 2;
        if (left.count == 0 || left.sum > TD_TIME_MAX) continue;
        const struct td_event event = {.kind = TD_EVENT_LEARNED,
                                       .learned = {.identity = cohort->identity,
                                                   .step = step,
                                                   .fetches = fetches,
                                                   .count = left.count,
                                                   .sum = (td_time)left.sum}};
        tell(context, &event);
    }
}

void td_engine_summary(const struct td_engine *engine, const struct td_identity *identity,
                       void (*tell)(void *context, const struct td_event *event), void *context)
{
    uint32_t found = td_cohort_find(engine, identity);
    if (found == NONE || engine->cohorts[found].priority == NULL) return;
    const struct cohort *cohort = &engine->cohorts[found];
    struct td_event event = {.kind = TD_EVENT_PUBLISHED,
                             .known = {.identity = cohort->identity, .step = TD_UNIVERSE}};
    if (cohort->rest_published) tell(context, &event);
    for (uint32_t i = 0; i < cohort->artifact_count; i++) {
        const struct artifact *artifact = &cohort->artifacts[i];
        event.kind = artifact->published ? TD_EVENT_PUBLISHED : TD_EVENT_BROKEN;
        event.known.step = cohort->priority->order[artifact->position];
        event.known.digest = artifact->digest;
        if (artifact->published || artifact->broken) tell(context, &event);
    }
    tell_learned(cohort, false, tell, context);
    tell_learned(cohort, true, tell, context);
}
