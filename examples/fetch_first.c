/* fetch-first: a peer catches up with the cache before it builds anything of its own.
 *
 * A policy is a question with one answer: this peer asks, what next? All that the policy may see
 * of the world is the view; engine/policy.h lists what can be asked of it. Keep no state.
 */
#include "policies/directed.h"

/* Smaller ranks come first, so the step that most others wait for gets the smallest. */
static void rank(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = -(int64_t)td_view_unlocks(view, step);
}

static struct td_choice choose(const struct td_view *view)
{
    /* "First" is in the order of the ranks: of what is published, what unlocks most. */
    td_step step = td_view_first_published(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_PUBLISHED};

    /* Nothing to fetch: build what nobody builds, or wait, or be done, as `directed` does. */
    return td_directed_choose(view);
}

/* The program looks for this name. */
const struct td_policy td_policy = {
    .abi = TD_POLICY_ABI,
    .name = "fetch-first",
    .summary = "what can be fetched first, then as most-unlocked",
    .wake = TD_WAKE_FOR_USE,      /* wake whoever waits when a step gets ready or published */
    .needs = TD_NEEDS_STEPS_ONLY, /* steps are all that it looks at: simulators like that */
    .rank = rank,
    .choose = choose,
};
