/* most-unlocked: directed, with the step first that most others come after, transitively. */
#include "policies/directed.h"
#include "policies/registry.h"

static void rank(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = -(int64_t)td_view_unlocks(view, step);
}

const struct td_policy td_policy_most_unlocked = {
    .abi = TD_POLICY_ABI,
    .name = "most-unlocked",
    .summary = "directed, first what most other steps come after",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_STEPS_ONLY,
    .rank = rank,
    .choose = td_directed_choose,
};
