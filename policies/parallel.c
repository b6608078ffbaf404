/* parallel: every peer takes the steps in the schema's order, with no regard for the others. */
#include "policies/registry.h"

static struct td_choice choose(const struct td_view *view)
{
    td_step step = td_view_first_not_held(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_NEXT_IN_SCHEMA};
    return (struct td_choice){
        .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
}

const struct td_policy td_policy_parallel = {
    .abi = TD_POLICY_ABI,
    .name = "parallel",
    .summary = "every peer takes the steps in the schema's order, all at once",
    .wake = TD_WAKE_NONE,
    .choose = choose,
};
