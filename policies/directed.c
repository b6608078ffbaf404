/* directed: build what is missing and built by nobody; failing that, fetch; failing that, wait. */
#include "policies/directed.h"
#include "policies/registry.h"

/* Out of line: the commonest choices need no registers for it. */
__attribute__((noinline)) static struct td_choice without_a_step(const struct td_view *view)
{
    if (td_view_holds_all(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
    if (td_view_first_hopeful(view) == TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_BROKEN};
    return (struct td_choice){
        .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_OTHERS_BUILD};
}

struct td_choice td_directed_choose(const struct td_view *view)
{
    td_step step = td_view_first_ready(view);
    if (__builtin_expect(step != TD_NO_STEP, 0))
        return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_READY};
    step = td_view_first_published(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_PUBLISHED};
    return without_a_step(view);
}

const struct td_policy td_policy_directed = {
    .abi = TD_POLICY_ABI,
    .name = "directed",
    .summary = "each step is built by one peer, in the schema's order, and fetched by the others",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_STEPS_ONLY,
    .choose = td_directed_choose,
};
