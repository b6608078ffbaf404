/* What events say of a cohort and of its peers' variants, before there is anything to do. */
#include "engine/engine_internal.h"

bool td_apply_lot(struct td_engine *engine, const struct td_event *event, struct td_error *error)
{
    if ((engine->policy->needs & TD_NEEDS_LOTS) == 0)
        return td_error_set(error, TD_FAULT_INPUT, "policy %s draws no lots", engine->policy->name);
    uint32_t schema = event->lot.identity.schema;
    if (schema < engine->schema_count && event->lot.step >= engine->schemas[schema]->steps)
        return td_error_set(error, TD_FAULT_INPUT, "a lot is for step %u of a schema of %u steps",
                            event->lot.step, engine->schemas[schema]->steps);
    uint32_t cohort = td_cohort_open(engine, &event->lot.identity, error);
    if (cohort == NONE) return false;
    if (engine->cohorts[cohort].priority != NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "a lot comes after the first peer of its cohort");
    engine->cohorts[cohort].lots[event->lot.step] = event->lot.number;
    return true;
}

bool td_apply_variant(struct td_engine *engine, const struct td_event *event,
                      struct td_error *error)
{
    if (!peer_is(engine, event->peer, 1u << PEER_FREE, "change its variants", error)) return false;
    struct peer *who = peer_at(engine, event->peer);
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!step_is(cohort->schema, event->variant.step, error)) return false;

    uint32_t position = cohort->priority->position[event->variant.step];
    if (bit_get(who->held, position))
        return td_error_set(error, TD_FAULT_INPUT, "peer %u holds step %u in another variant",
                            event->peer, event->variant.step);
    if (event->variant.digest == 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "digest 0 is the untouched variant, which needs no event");
    uint32_t artifact = td_cohort_artifact(cohort, position, event->variant.digest);
    if (artifact == NONE) return td_error_memory(error, "an artifact");
    if (who->strain == cohort->strain) { /* shared until now */
        uint32_t strain = td_strain_open(engine, who->cohort, error);
        if (strain == NONE) return false;
        who->strain = strain;
    }
    return td_strain_vary(engine, who->strain, position, artifact, error);
}

bool td_apply_start(struct td_engine *engine, const struct td_event *event, struct td_error *error)
{
    if (!peer_is(engine, event->peer, 1u << PEER_FREE, "change its variants", error)) return false;
    const struct peer *who = peer_at(engine, event->peer);
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!step_is(cohort->schema, event->variant.step, error)) return false;
    uint32_t position = cohort->priority->position[event->variant.step];
    if (!bit_get(engine->strains[who->strain].own, position))
        return td_error_set(error, TD_FAULT_INPUT,
                            "peer %u shares step %u: a build of its own variant is what can start "
                            "from another",
                            event->peer, event->variant.step);
    uint32_t artifact = td_cohort_artifact(cohort, position, event->variant.digest);
    if (artifact == NONE) return td_error_memory(error, "an artifact");
    return td_strain_start(engine, who->strain, position, artifact, error);
}
