/* linear: in each cohort one peer at a time, in order of arrival; it takes the steps in the
 * schema's order. */
#include "policies/registry.h"

static struct td_choice choose(const struct td_view *view)
{
    td_step step = td_view_first_hopeful(view);
    if (step == TD_NO_STEP && !td_view_holds_all(view)) /* it need not stand in line for that */
        return (struct td_choice){
            .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_BROKEN};
    if (!td_view_is_its_turn(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_NOT_ITS_TURN};
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_IN_TURN};
    return (struct td_choice){
        .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
}

const struct td_policy td_policy_linear = {
    .abi = TD_POLICY_ABI,
    .name = "linear",
    .summary = "one peer of a cohort at a time, in order of arrival",
    .wake = TD_WAKE_IN_TURN,
    .choose = choose,
};
