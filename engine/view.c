/* What a policy sees: see engine/policy.h. */
#include "engine/engine_internal.h"

uint32_t td_view_step_count(const struct td_view *view)
{
    return view->cohort->schema->steps;
}

td_time td_view_estimate(const struct td_view *view, td_step step)
{
    return view->cohort->schema->estimates[step];
}

int64_t td_view_lot(const struct td_view *view, td_step step)
{
    return view->cohort->lots[step];
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

td_step td_view_first_ready(const struct td_view *view)
{
    if (view->strain->ready_count == 0) return TD_NO_STEP;
    for (uint32_t word = 0; word < view->cohort->schema->words; word++) {
        uint64_t bits = view->strain->ready[word] & ~view->who->held[word];
        if (bits != 0) return step_at(view, word, bits);
    }
    return TD_NO_STEP;
}

td_step td_view_first_published(const struct td_view *view)
{
    for (uint32_t word = view->who->first_word; word < view->cohort->schema->words; word++) {
        uint64_t bits = view->strain->published[word] & ~view->who->held[word];
        if (bits != 0) return step_at(view, word, bits);
    }
    return TD_NO_STEP;
}

td_step td_view_first_not_held(const struct td_view *view)
{
    for (uint32_t word = view->who->first_word; word < view->cohort->schema->words; word++)
        if (~view->who->held[word] != 0) return step_at(view, word, ~view->who->held[word]);
    return TD_NO_STEP;
}

bool td_view_holds_all(const struct td_view *view)
{
    return view->who->held_count == view->cohort->schema->steps;
}

bool td_view_is_first_in_line(const struct td_view *view)
{
    return view->who->line_previous == TD_NO_PEER;
}
