/* What a policy sees: see engine/policy.h. */
#include "engine/engine_internal.h"

uint32_t td_view_step_count(const struct td_view *view)
{
    return view->cohort->schema->steps;
}

td_time td_view_estimate(const struct td_view *view, td_step step)
{
    const struct cohort *cohort = view->cohort;
    if (cohort->learns) return td_learning_estimate(cohort, cohort->learned, step);
    return cohort->schema->estimates[step];
}

td_time td_view_patience(const struct td_view *view)
{
    return view->engine->options.patience;
}

int64_t td_view_lot(const struct td_view *view, td_step step)
{
    /* a policy that has not said that it needs lots gets none */
    return view->cohort->lots == NULL ? 0 : view->cohort->lots[step];
}

td_step td_view_in_dependency_order(const struct td_view *view, uint32_t i)
{
    return view->cohort->schema->dependency_order[i];
}

const td_step *td_view_dependents(const struct td_view *view, td_step step, uint32_t *count)
{
    const struct schema *schema = view->cohort->schema;
    *count = schema->dependent_start[step + 1] - schema->dependent_start[step];
    return schema->dependents + schema->dependent_start[step];
}

uint32_t td_view_unlocks(const struct td_view *view, td_step step)
{
    const struct schema *schema = view->cohort->schema;
    uint64_t *seen = view->engine->seen;
    td_step *stack = view->engine->stack;
    uint32_t depth = 0, count = 0;

    memset(seen, 0, schema->words * sizeof *seen);
    stack[depth++] = step;
    while (depth > 0) {
        td_step at = stack[--depth];
        for (uint32_t i = schema->dependent_start[at]; i < schema->dependent_start[at + 1]; i++) {
            td_step after = schema->dependents[i];
            if (bit_get(seen, after)) continue;
            bit_set(seen, after);
            stack[depth++] = after;
            count++;
        }
    }
    return count;
}

static td_step step_at(const struct td_view *view, uint32_t word, uint64_t bits)
{
    return view->cohort->priority->order[word * 64 + (uint32_t)__builtin_ctzll(bits)];
}

/* Of a word of what is in `of` (NULL: all) and not in `but` what the peer does not hold. */
static inline uint64_t lacks(const struct td_view *view, const uint64_t *of, const uint64_t *but,
                             uint32_t word)
{
    uint64_t bits = (of == NULL ? ~UINT64_C(0) : of[word]) & ~view->who->held[word];
    return but == NULL ? bits : bits & ~but[word];
}

/* Learned ranks change all the time: look for the smallest, ties by the schema's order. Said to be
 * cold, so that registers are saved around its call, and not by each choice. */
__attribute__((noinline, cold)) static td_step
first_learned(const struct td_view *view, const uint64_t *of, const uint64_t *but, uint32_t word)
{
    const struct cohort *cohort = view->cohort;
    td_step first = TD_NO_STEP;
    for (; word < cohort->schema->words; word++)
        for (uint64_t bits = lacks(view, of, but, word); bits != 0; bits &= bits - 1) {
            td_step step = step_at(view, word, bits);
            if (first == TD_NO_STEP || cohort->ranks[step] < cohort->ranks[first]) first = step;
        }
    return first;
}

/* The first step of what is in `of`. Always inlined: this is the hottest loop of a choice. */
__attribute__((always_inline)) static inline td_step first_of(const struct td_view *view,
                                                              const uint64_t *of, uint32_t word)
{
    if (__builtin_expect(view->cohort->learns, 0)) return first_learned(view, of, NULL, word);
    const uint64_t *held = view->who->held;
    do { /* there is no schema without a word */
        uint64_t bits = of[word] & ~held[word];
        if (bits != 0) return step_at(view, word, bits);
    } while (++word < view->cohort->schema->words);
    return TD_NO_STEP;
}

/* The first step of all that is not in `but` (NULL: nothing is). Out of line: the common choices
 * are short without it. */
__attribute__((noinline)) static td_step first_but(const struct td_view *view, const uint64_t *but)
{
    uint32_t word = view->who->first_word;
    if (view->cohort->learns) return first_learned(view, NULL, but, word);
    do {
        uint64_t bits = lacks(view, NULL, but, word);
        if (bits != 0) return step_at(view, word, bits);
    } while (++word < view->cohort->schema->words);
    return TD_NO_STEP;
}

td_step td_view_first_ready(const struct td_view *view)
{
    return view->strain->ready_count == 0 ? TD_NO_STEP : first_of(view, view->strain->ready, 0);
}

td_step td_view_first_published(const struct td_view *view)
{
    return first_of(view, view->strain->published, view->who->first_word);
}

td_step td_view_first_not_held(const struct td_view *view)
{
    return first_but(view, NULL);
}

td_step td_view_first_hopeful(const struct td_view *view)
{
    return first_but(view, view->strain->hopeless);
}

bool td_view_holds_all(const struct td_view *view)
{
    return view->who->held_count == view->cohort->schema->steps;
}

bool td_view_is_its_turn(const struct td_view *view)
{
    return view->who->line_previous == TD_NO_PEER && view->cohort->at_work == 0;
}

uint32_t td_view_ticket(const struct td_view *view)
{
    return view->who->ticket;
}

td_time td_view_now(const struct td_view *view)
{
    return view->now;
}

static td_time finite(td_time estimate)
{
    return estimate < TD_TIME_MAX ? estimate : TD_TIME_MAX;
}

td_time td_view_fetch_estimate(const struct td_view *view, td_step step)
{
    const struct cohort *cohort = view->cohort;
    if (cohort->learns && cohort->learned_fetches != NULL)
        return td_learning_estimate(cohort, cohort->learned_fetches, step);
    return finite(cohort->schema->fetch_estimates[step]);
}

td_time td_view_overhead_estimate(const struct td_view *view)
{
    return finite(view->cohort->schema->overhead);
}

td_time td_view_rest_estimate(const struct td_view *view, bool build)
{
    const struct schema *schema = view->cohort->schema;
    return finite(build ? schema->rest_build : schema->rest_fetch);
}

bool td_view_times_vary(const struct td_view *view)
{
    return view->cohort->learns || !view->cohort->schema->exact;
}

bool td_view_rest_is_published(const struct td_view *view)
{
    return view->cohort->rest_published;
}

const td_step *td_view_prerequisites(const struct td_view *view, td_step step, uint32_t *count)
{
    const struct schema *schema = view->cohort->schema;
    *count = schema->after_start[step + 1] - schema->after_start[step];
    return schema->after + schema->after_start[step];
}

td_peer td_view_asking(const struct td_view *view)
{
    return view->peer;
}

td_peer td_view_next_peer(const struct td_view *view, td_peer peer)
{
    return peer == TD_NO_PEER ? view->cohort->line_first : peer_at(view->engine, peer)->line_next;
}

struct td_peer_view td_view_peer(const struct td_view *view, td_peer peer)
{
    const struct peer *who = peer_at(view->engine, peer);
    struct td_peer_view seen = {.order = who->state == PEER_ORDERED ? who->order_step : TD_NO_STEP,
                                .builds = who->building,
                                .read_only = who->read_only,
                                .touches = who->strain != view->cohort->strain && !who->read_only};
    if (who->read_only) seen.touches = view->engine->strains[who->strain].variant_count != 0;
    if (view->engine->histories == NULL) return seen; /* it has not said that it needs times */
    const struct history *history = &view->engine->histories[peer];
    seen.joined = history->joined;
    seen.since = history->since;
    seen.progress = history->progress;
    seen.took = history->took;
    seen.expected = history->expected;
    return seen;
}

bool td_view_peer_holds(const struct td_view *view, td_peer peer, td_step step)
{
    return bit_get(peer_at(view->engine, peer)->held, view->cohort->priority->position[step]);
}

static const struct strain *strain_of(const struct td_view *view, td_peer peer)
{
    return &view->engine->strains[peer_at(view->engine, peer)->strain];
}

uint32_t td_view_artifact(const struct td_view *view, td_peer peer, td_step step)
{
    return td_strain_artifact(strain_of(view, peer), view->cohort->priority->position[step]);
}

uint32_t td_view_artifact_before(const struct td_view *view, td_peer peer, td_step step)
{
    const struct strain *strain = strain_of(view, peer);
    uint32_t position = view->cohort->priority->position[step];
    if (!bit_get(strain->own, position)) return TD_NO_ARTIFACT;
    uint32_t first = td_strain_variant(strain, position)->start;
    if (first == NONE) return TD_NO_ARTIFACT;
    for (uint32_t i = first; i != NONE; i = strain->starts[i].next)
        if (td_view_is_published(view, strain->starts[i].artifact))
            return strain->starts[i].artifact;
    return strain->starts[first].artifact;
}

uint32_t td_view_artifact_count(const struct td_view *view)
{
    return view->cohort->artifact_count;
}

bool td_view_is_published(const struct td_view *view, uint32_t artifact)
{
    return view->cohort->artifacts[artifact].published;
}

bool td_view_is_broken(const struct td_view *view, uint32_t artifact)
{
    return view->cohort->artifacts[artifact].broken;
}

uint32_t td_view_builders(const struct td_view *view, uint32_t artifact)
{
    return view->cohort->artifacts[artifact].builders;
}

td_time td_view_built_since(const struct td_view *view, uint32_t artifact)
{
    td_time since = TD_TIME_MAX;
    if (view->engine->histories == NULL || td_view_builders(view, artifact) == 0) return since;
    for (td_peer peer = view->cohort->line_first; peer != TD_NO_PEER;
         peer = peer_at(view->engine, peer)->line_next) {
        const struct peer *who = peer_at(view->engine, peer);
        if (!who->building || td_view_artifact(view, peer, who->order_step) != artifact) continue;
        if (view->engine->histories[peer].since < since)
            since = view->engine->histories[peer].since;
    }
    return since;
}
