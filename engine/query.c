/* What is going on, for those who ask: nothing here changes anything. */
#include "engine/engine_internal.h"

static struct td_artifact_state state_of(const struct cohort *cohort, uint32_t number)
{
    const struct artifact *artifact = &cohort->artifacts[number];
    return (struct td_artifact_state){.step = cohort->priority->order[artifact->position],
                                      .digest = artifact->digest,
                                      .builders = artifact->builders,
                                      .published = artifact->published,
                                      .broken = artifact->broken,
                                      .needed = artifact->digest == 0 || artifact->user != NONE};
}

bool td_engine_artifact(const struct td_engine *engine, const struct td_identity *identity,
                        uint32_t number, struct td_artifact_state *state)
{
    uint32_t found = td_cohort_find(engine, identity);
    if (found == NONE || number >= engine->cohorts[found].artifact_count) return false;
    *state = state_of(&engine->cohorts[found], number);
    return true;
}

/* NULL if it is not present. */
static const struct peer *present(const struct td_engine *engine, td_peer peer)
{
    if (peer >= engine->peer_count || peer_at(engine, peer)->state == PEER_ABSENT) return NULL;
    return peer_at(engine, peer);
}

bool td_engine_lacks(const struct td_engine *engine, td_peer peer, td_step step,
                     struct td_artifact_state *state)
{
    const struct peer *who = present(engine, peer);
    if (who == NULL) return false;
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    TD_ASSERT(step < cohort->schema->steps);
    uint32_t position = cohort->priority->position[step];
    if (bit_get(who->held, position)) return false;
    *state = state_of(cohort, td_strain_artifact(&engine->strains[who->strain], position));
    return true;
}

td_peer td_engine_first_in_line(const struct td_engine *engine, td_peer peer)
{
    const struct peer *who = present(engine, peer);
    return who == NULL ? TD_NO_PEER : engine->cohorts[who->cohort].line_first;
}
