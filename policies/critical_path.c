/* critical-path: directed, by the upward rank: a step's build plus the largest rank among the steps
 * directly after it, highest first. The rank is that of HEFT (Topcuoglu, Hariri, Wu 2002) without
 * communication. */
#include "policies/directed.h"
#include "policies/registry.h"

static void rank(const struct td_view *view, int64_t *ranks)
{
    for (uint32_t i = td_view_step_count(view); i-- > 0;) {
        td_step step = td_view_in_dependency_order(view, i);
        uint32_t count;
        const td_step *after = td_view_dependents(view, step, &count);
        int64_t first = 0; /* ranks are kept negative: the highest comes first */
        for (uint32_t k = 0; k < count; k++)
            if (ranks[after[k]] < first) first = ranks[after[k]];
        if (__builtin_sub_overflow(first, td_view_estimate(view, step), &ranks[step]))
            ranks[step] = INT64_MIN;
    }
}

const struct td_policy td_policy_critical_path = {
    .abi = TD_POLICY_ABI,
    .name = "critical-path",
    .summary = "directed, the longest chain of builds still to come first",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_ESTIMATES | TD_NEEDS_STEPS_ONLY,
    .rank = rank,
    .choose = td_directed_choose,
};
