/* Artifacts change: missing, being built, published. Each change is carried to the strains that
 * need the artifact, and to those that would start a partial build from it. */
#include "engine/engine_internal.h"

enum change { CHANGE_BUILDERS, CHANGE_PUBLISHED };

/* One strain that needs the artifact. True if its peers can use what has changed. */
static bool strain_sees(const struct cohort *cohort, struct strain *strain, uint32_t position,
                        enum change change)
{
    bool fresh = td_strain_refresh(cohort, strain, position);
    if (change != CHANGE_PUBLISHED) return fresh;

    const struct schema *schema = cohort->schema;
    td_step step = cohort->priority->order[position];
    bit_set(strain->published, position);
    for (uint32_t i = schema->dependent_start[step]; i < schema->dependent_start[step + 1]; i++)
        (void)td_strain_refresh(cohort, strain, cohort->priority->position[schema->dependents[i]]);
    return true;
}

static void spread(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                   enum change change, struct td_commands *commands)
{
    uint32_t position = cohort->artifacts[artifact].position;
    bool untouched = artifact < cohort->schema->steps;
    bool everywhere = untouched || cohort->artifacts[artifact].starts != 0;
    uint32_t next;

    for (uint32_t i = everywhere ? cohort->strain : cohort->artifacts[artifact].user; i != NONE;
         i = next) {
        struct strain *strain = &engine->strains[i];
        const struct strain_variant *variant =
            bit_get(strain->own, position) ? td_strain_variant(strain, position) : NULL;
        /* a private artifact's list has only strains with that variant */
        next = everywhere || variant == NULL ? strain->next : variant->next_use;
        if (strain->stale) continue; /* it will look for itself */

        bool usable = false;
        if ((variant == NULL ? position : variant->artifact) == artifact)
            usable = strain_sees(cohort, strain, position, change);
        else if (variant != NULL && variant->from == artifact)
            usable = td_strain_refresh(cohort, strain, position);
        if (usable && engine->policy->wake == TD_WAKE_FOR_USE)
            td_wake_strain(engine, strain, commands);
    }
}

void td_artifact_begin(struct td_engine *engine, struct cohort *cohort, uint32_t artifact)
{
    TD_ASSERT(!cohort->artifacts[artifact].published);
    if (cohort->artifacts[artifact].builders++ == 0)
        spread(engine, cohort, artifact, CHANGE_BUILDERS, NULL);
}

void td_artifact_give_up(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands)
{
    TD_ASSERT(cohort->artifacts[artifact].builders > 0);
    cohort->artifacts[artifact].builders--;
    if (cohort->artifacts[artifact].builders == 0 && !cohort->artifacts[artifact].published)
        spread(engine, cohort, artifact, CHANGE_BUILDERS, commands);
}

void td_artifact_publish(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands)
{
    if (cohort->artifacts[artifact].published) return;
    cohort->artifacts[artifact].published = true;
    spread(engine, cohort, artifact, CHANGE_PUBLISHED, commands);
}
