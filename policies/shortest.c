/* shortest: directed, with the step first whose build takes shortest by the estimates. */
#include "policies/directed.h"
#include "policies/registry.h"

static void rank(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = td_view_estimate(view, step);
}

const struct td_policy td_policy_shortest = {
    .abi = TD_POLICY_ABI,
    .name = "shortest",
    .summary = "directed, short builds first (by the estimates)",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_ESTIMATES | TD_NEEDS_STEPS_ONLY,
    .rank = rank,
    .choose = td_directed_choose,
};
