/* A look ahead: what comes after a fetch, before its time; see engine.h. */
#include "engine/engine_internal.h"

/* True if the peer fetches the only published step that it does not hold, in a schema of a word. */
static inline bool is_last(const struct peer *who, const struct strain *strain)
{
    uint64_t left = strain->published[0] & ~who->held[0];
    return (left & (left - 1)) == 0;
}

bool td_engine_ahead_begin(struct td_engine *engine, td_peer peer)
{
    const struct td_policy *policy = engine->policy;
    const struct peer *who = peer_at(engine, peer);
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    const struct strain *strain = &engine->strains[who->strain];
    TD_ASSERT(who->state == PEER_ORDERED && !who->building && who->order_step != TD_UNIVERSE);
    if (cohort->schema->words == 1 && is_last(who, strain)) return false;
    if ((policy->needs & (TD_NEEDS_STEPS_ONLY | TD_NEEDS_TIMES)) != TD_NEEDS_STEPS_ONLY ||
        (policy->wake != TD_WAKE_FOR_USE && policy->wake != TD_WAKE_NONE) ||
        who->strain != cohort->strain || strain->ready_count != 0)
        return false;
    /* others may still find something to build, and what is learned from that changes all ranks */
    if (cohort->learns && strain->next != NONE) return false;
    engine->ahead = (struct td_view){
        .engine = engine, .cohort = cohort, .who = who, .strain = strain, .peer = peer};
    return true;
}

struct td_fetch td_engine_ahead_fetched(struct td_engine *engine, td_time at)
{
    struct td_view *view = &engine->ahead;
    const struct cohort *cohort = view->cohort;
    struct peer *who = peer_at(engine, view->peer);
    uint32_t first_word = who->first_word;
    uint32_t position = cohort->priority->position[who->order_step];
    TD_ASSERT(at >= engine->now && !bit_get(who->held, position));
    hold(who, cohort->schema, position);
    view->now = at;
    const struct td_choice choice = engine->policy->choose(view);
    if (__builtin_expect(choice.kind == TD_CHOOSE_STEP && choice.step < cohort->schema->steps, 1)) {
        uint32_t next = cohort->priority->position[choice.step];
        if (bit_get(view->strain->published, next) && !bit_get(who->held, next)) {
            who->order_step = choice.step;
            who->order = ++engine->last_order;
            return (struct td_fetch){.order = who->order, .step = choice.step};
        }
    }
    bit_clear(who->held, position);
    who->held_count--;
    who->first_word = first_word;
    return (struct td_fetch){.step = TD_NO_STEP};
}
