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

td_step td_engine_first_missing(const struct td_engine *engine, td_peer peer)
{
    const struct peer *who = peer_at(engine, peer);
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    td_step first = TD_NO_STEP;
    if (who->held_count == cohort->schema->steps) return first;
    for (uint32_t word = who->first_word; word < cohort->schema->words; word++)
        for (uint64_t bits = ~who->held[word]; bits != 0; bits &= bits - 1) {
            td_step step = cohort->priority->order[word * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (step < first) first = step;
            if (cohort->priority->schema_order) return first;
        }
    return first;
}

bool td_engine_holds(const struct td_engine *engine, td_peer peer, td_step step)
{
    if (peer >= engine->peer_count || peer_at(engine, peer)->state == PEER_ABSENT) return false;
    const struct peer *who = peer_at(engine, peer);
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    TD_ASSERT(step < cohort->schema->steps);
    return bit_get(who->held, cohort->priority->position[step]);
}

bool td_engine_knows_broken(const struct td_engine *engine, const struct td_identity *identity,
                            td_step step, uint64_t digest)
{
    uint32_t found = td_cohort_find(engine, identity);
    if (found == NONE || engine->cohorts[found].priority == NULL) return false;
    const struct cohort *cohort = &engine->cohorts[found];
    TD_ASSERT(step < cohort->schema->steps);
    uint32_t artifact = td_cohort_seek(cohort, cohort->priority->position[step], digest);
    return artifact != NONE && cohort->artifacts[artifact].broken;
}
