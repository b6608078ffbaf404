/* What a policy sees: see engine/policy.h. */
#include "engine/engine_internal.h"

uint32_t td_view_step_count(const struct td_view *view)
{
    return view->cohort->schema->steps;
}

td_time td_view_estimate(const struct td_view *view, td_step step)
{
    if (view->cohort->learns) return td_learning_estimate(view->cohort, step);
    return view->cohort->schema->estimates[step];
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

/* The first step of what is in `of` (NULL: all) and not in `but`. Always inlined: each caller gives
 * constants, and this is the hottest loop of a choice. */
__attribute__((always_inline)) static inline td_step
first_of(const struct td_view *view, const uint64_t *of, const uint64_t *but, uint32_t word)
{
    const struct cohort *cohort = view->cohort;
    td_step first = TD_NO_STEP;
    for (; word < cohort->schema->words; word++) {
        uint64_t bits = (of == NULL ? ~UINT64_C(0) : of[word]) & ~view->who->held[word];
        if (but != NULL) bits &= ~but[word];
        if (bits == 0) continue;
        if (__builtin_expect(!cohort->learns, 1)) return step_at(view, word, bits);
        /* learned ranks change all the time: look for the smallest, ties by the schema's order */
        for (; bits != 0; bits &= bits - 1) {
            td_step step = step_at(view, word, bits);
            if (first == TD_NO_STEP || cohort->ranks[step] < cohort->ranks[first]) first = step;
        }
    }
    return first;
}

td_step td_view_first_ready(const struct td_view *view)
{
    if (view->strain->ready_count == 0) return TD_NO_STEP;
    return first_of(view, view->strain->ready, NULL, 0);
}

td_step td_view_first_published(const struct td_view *view)
{
    return first_of(view, view->strain->published, NULL, view->who->first_word);
}

td_step td_view_first_not_held(const struct td_view *view)
{
    return first_of(view, NULL, NULL, view->who->first_word);
}

td_step td_view_first_hopeful(const struct td_view *view)
{
    return first_of(view, NULL, view->strain->hopeless, view->who->first_word);
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
