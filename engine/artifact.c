/* Artifacts change: missing, being built, published. Each change is carried to the strains that
 * need the artifact, and to those that would start a partial build from it. */
#include "engine/engine_internal.h"

enum change {
    CHANGE_BEGUN,
    CHANGE_FEWER, /* one of several builders gives up */
    CHANGE_GIVEN_UP,
    CHANGE_PUBLISHED,
    CHANGE_LOST,
    CHANGE_BROKEN
};

/* One strain that needs the artifact. True if its peers can use what has changed, or must give up.
 */
static inline bool strain_sees(const struct td_engine *engine, struct strain *strain,
                               uint32_t position, enum change change)
{
    if (change == CHANGE_FEWER) return true; /* those who go on may be overdue */
    if (change == CHANGE_GIVEN_UP) return td_strain_refresh(engine, strain, position);
    if (change == CHANGE_LOST) {
        bit_clear(strain->published, position);
        (void)td_strain_refresh(engine, strain, position);
        td_strain_refresh_after(engine, strain, position);
        return false; /* whoever waits is woken anyway */
    }
    td_strain_unready(strain, position);
    if (change == CHANGE_BEGUN) return false;
    if (change == CHANGE_BROKEN) {
        td_strain_give_up_hope(engine, strain, position);
    } else {
        bit_set(strain->published, position);
        td_strain_refresh_after(engine, strain, position);
    }
    return true;
}

/* Its waiting peers are woken, if what has changed is of use to them; that there is no hope any
 * more concerns those who wait for their turn, too. */
static inline void strain_wakes(struct td_engine *engine, struct strain *strain, enum change change,
                                struct td_commands *commands)
{
    if (strain->waiting != TD_NO_PEER &&
        (engine->policy->wake == TD_WAKE_FOR_USE || change == CHANGE_BROKEN))
        td_wake_strain(engine, strain, commands);
}

__attribute__((noinline)) static void spread_among(struct td_engine *engine, struct cohort *cohort,
                                                   uint32_t artifact, enum change change,
                                                   struct td_commands *commands)
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
            usable = strain_sees(engine, strain, position, change);
        else if (variant != NULL && variant->start != NONE)
            usable = td_strain_refresh(engine, strain, position);
        if (usable) strain_wakes(engine, strain, change, commands);
    }
}

/* Short where nobody touches anything: the cohort has one strain. Always inlined, as each caller
 * gives a constant change. */
__attribute__((always_inline)) static inline void spread(struct td_engine *engine,
                                                         struct cohort *cohort, uint32_t artifact,
                                                         enum change change,
                                                         struct td_commands *commands)
{
    struct strain *strain = &engine->strains[cohort->strain];
    if (artifact >= cohort->schema->steps || strain->next != NONE)
        spread_among(engine, cohort, artifact, change, commands);
    else if (strain_sees(engine, strain, artifact, change))
        strain_wakes(engine, strain, change, commands);
}

void td_artifact_begin(struct td_engine *engine, struct cohort *cohort, uint32_t artifact)
{
    TD_ASSERT(!cohort->artifacts[artifact].published);
    if (cohort->artifacts[artifact].builders++ == 0)
        spread(engine, cohort, artifact, CHANGE_BEGUN, NULL);
}

void td_artifact_give_up(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands)
{
    TD_ASSERT(cohort->artifacts[artifact].builders > 0);
    bool last = --cohort->artifacts[artifact].builders == 0;
    if (!cohort->artifacts[artifact].published && (last || waits_by_times(engine)))
        spread(engine, cohort, artifact, last ? CHANGE_GIVEN_UP : CHANGE_FEWER, commands);
}

void td_artifact_publish(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands)
{
    if (cohort->artifacts[artifact].published) return;
    cohort->artifacts[artifact].published = true;
    spread(engine, cohort, artifact, CHANGE_PUBLISHED, commands);
}

void td_artifact_lose(struct td_engine *engine, struct cohort *cohort, uint32_t artifact)
{
    TD_ASSERT(cohort->artifacts[artifact].published);
    cohort->artifacts[artifact].published = false;
    spread(engine, cohort, artifact, CHANGE_LOST, NULL);
}

void td_artifact_fail(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                      td_peer peer, struct td_commands *commands)
{
    struct artifact *failed = &cohort->artifacts[artifact];
    if (failed->broken || failed->published || failed->found_by == peer) return;
    if (failed->found_by == TD_NO_PEER) {
        failed->found_by = peer;
        return;
    }
    td_artifact_break(engine, cohort, artifact, commands);
}

void td_artifact_break(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                       struct td_commands *commands)
{
    struct artifact *broken = &cohort->artifacts[artifact];
    if (broken->broken || broken->published) return;
    broken->broken = true;
    spread(engine, cohort, artifact, CHANGE_BROKEN, commands);
}
