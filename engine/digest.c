/* A number for the engine's whole state: of what the rest follows from (bitmaps follow from
 * artifacts and variants, the lists of waiting peers from the peers' states). */
#include "engine/engine_internal.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15); /* splitmix64's steps */
    hash = (hash ^ hash >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return hash ^ hash >> 27;
}

static uint64_t mix_words(uint64_t hash, const uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        hash = mix(hash, words[i]);
    return hash;
}

static uint64_t mix_learned(uint64_t hash, const struct learned *learned, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        hash = mix(mix(hash, (uint64_t)learned[i].sum), learned[i].count);
    return hash;
}

static uint64_t mix_cohort(const struct td_engine *engine, const struct cohort *cohort,
                           uint64_t hash)
{
    const struct td_identity *id = &cohort->identity;
    hash = mix(mix(hash, id->repository), id->base_ref);
    hash = mix(mix(hash, id->cache), id->schema);
    if (cohort->priority == NULL) return mix(hash, 1);
    hash = mix(hash, cohort->rest_published);
    for (uint32_t i = 0; i < cohort->schema->steps; i++)
        hash = mix(hash, cohort->priority->order[i]);
    for (uint32_t i = 0; i < cohort->artifact_count; i++) {
        const struct artifact *artifact = &cohort->artifacts[i];
        hash = mix(mix(hash, artifact->digest),
                   artifact->builders * 4 + artifact->broken * 2u + artifact->published);
        hash = mix(hash, artifact->found_by);
    }
    if (cohort->learns) hash = mix_learned(hash, cohort->learned, cohort->schema->steps);
    if (cohort->learns && cohort->learned_fetches != NULL)
        hash = mix_learned(hash, cohort->learned_fetches, cohort->schema->steps);
    for (td_peer peer = cohort->line_first; peer != TD_NO_PEER;
         peer = peer_at(engine, peer)->line_next)
        hash = mix(hash, peer);
    return hash;
}

static uint64_t mix_peer(const struct td_engine *engine, td_peer peer, uint64_t hash)
{
    const struct peer *who = peer_at(engine, peer);
    hash = mix(hash, who->state);
    if (who->state == PEER_ABSENT) return hash;
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    const struct strain *strain = &engine->strains[who->strain];
    hash = mix(mix(hash, who->cohort), who->building * 2u + who->read_only);
    hash = mix(mix(hash, (uint64_t)who->since), who->ticket);
    hash = mix_words(hash, who->held, cohort->schema->words);
    if (who->state == PEER_ORDERED) hash = mix(mix(hash, who->order), who->order_step);
    for (uint32_t i = 0; i < strain->variant_count; i++) {
        hash = mix(hash, strain->variants[i].artifact);
        for (uint32_t j = strain->variants[i].start; j != NONE; j = strain->starts[j].next)
            hash = mix(hash, strain->starts[j].artifact);
    }
    if (engine->histories == NULL) return hash;
    const struct history *history = &engine->histories[peer];
    hash = mix(mix(hash, (uint64_t)history->joined), (uint64_t)history->since);
    hash = mix(mix(hash, (uint64_t)history->progress), (uint64_t)history->took);
    return mix(hash, (uint64_t)history->expected);
}

uint64_t td_engine_digest(const struct td_engine *engine)
{
    uint64_t hash = mix(mix(0, engine->last_order), (uint64_t)engine->now);
    for (uint32_t i = 0; i < engine->cohort_count; i++)
        hash = mix_cohort(engine, &engine->cohorts[i], hash);
    /* in any order: that of the table depends on its history */
    uint64_t flaky = 0;
    for (uint32_t i = 0; engine->flaky.count != 0 && i < engine->flaky.capacity; i++)
        if (engine->flaky.entries[i].count != 0)
            flaky += mix(engine->flaky.entries[i].key, engine->flaky.entries[i].count);
    hash = mix(hash, flaky);
    for (td_peer peer = 0; peer < engine->peer_count; peer++)
        hash = mix_peer(engine, peer, hash);
    return hash;
}
