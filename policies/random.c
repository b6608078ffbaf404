/* random: directed, in the order of lots that the world draws for each cohort, replication and
 * step. */
#include "policies/directed.h"
#include "policies/registry.h"

static void rank(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = td_view_lot(view, step);
}

const struct td_policy td_policy_random = {
    .abi = TD_POLICY_ABI,
    .name = "random",
    .summary = "directed, in an order drawn by lot: the yardstick for the other orders",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_LOTS | TD_NEEDS_STEPS_ONLY,
    .rank = rank,
    .choose = td_directed_choose,
};
