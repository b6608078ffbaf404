/* universe: everything in one invocation, as soon as the peer comes. What CI does without an
 * authority. */
#include "policies/registry.h"

static struct td_choice choose(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){
        .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_ALL_AT_ONCE};
}

const struct td_policy td_policy_universe = {
    .abi = TD_POLICY_ABI,
    .name = "universe",
    .summary = "every peer builds the whole universe at once: what CI does by itself",
    .wake = TD_WAKE_NONE,
    .choose = choose,
};
