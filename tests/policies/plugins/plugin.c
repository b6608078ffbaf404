/* Policies from outside, good and bad; tests/policies/test_plugins.sh says with -D what is wrong
 * with each. As it stands it is a good one, `directed` by another name. */
#include "policies/directed.h"

#include <stdint.h>
#include <stdlib.h>

#ifndef SYMBOL
#define SYMBOL td_policy
#endif
#ifndef ABI
#define ABI TD_POLICY_ABI
#endif
#ifndef NAME
#define NAME "mine"
#endif
#ifndef SUMMARY
#define SUMMARY "for the tests"
#endif
#ifndef WAKE
#define WAKE TD_WAKE_FOR_USE
#endif
#ifndef NEEDS
#define NEEDS 0u
#endif
#ifndef RANK
#define RANK NULL
#endif
#ifndef CHOOSE
#define CHOOSE td_directed_choose
#endif

#define ONE_OF_MANY __attribute__((unused)) static

ONE_OF_MANY void rank_equal(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = 7;
}

/* The farthest numbers there are, in the schema's order. */
ONE_OF_MANY void rank_extreme(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = step == 0 ? INT64_MIN : INT64_MAX;
}

/* As `longest` does. */
ONE_OF_MANY void rank_longest(const struct td_view *view, int64_t *ranks)
{
    for (td_step step = 0; step < td_view_step_count(view); step++)
        ranks[step] = -td_view_estimate(view, step);
}

/* Calls everything that a rank may call. */
ONE_OF_MANY void rank_by_all(const struct td_view *view, int64_t *ranks)
{
    for (uint32_t i = 0; i < td_view_step_count(view); i++) {
        td_step step = td_view_in_dependency_order(view, i);
        uint32_t count;
        if (td_view_dependents(view, step, &count) == NULL && count > 0) abort();
        ranks[step] = -(int64_t)td_view_unlocks(view, step) + td_view_lot(view, step) % 2;
    }
}

/* Calls everything that a choice may call. */
ONE_OF_MANY struct td_choice choose_by_all(const struct td_view *view)
{
    if (td_view_holds_all(view) != (td_view_first_not_held(view) == TD_NO_STEP)) abort();
    (void)td_view_is_its_turn(view);
    (void)td_view_first_hopeful(view);
    return td_directed_choose(view);
}

/* Step 0 again and again, also when the peer holds it. */
ONE_OF_MANY struct td_choice choose_held(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = 0, .reason = TD_REASON_READY};
}

ONE_OF_MANY struct td_choice choose_beyond(const struct td_view *view)
{
    return (struct td_choice){
        .kind = TD_CHOOSE_STEP, .step = td_view_step_count(view), .reason = TD_REASON_READY};
}

ONE_OF_MANY struct td_choice choose_no_step(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){
        .kind = TD_CHOOSE_STEP, .step = TD_NO_STEP, .reason = TD_REASON_READY};
}

ONE_OF_MANY struct td_choice choose_unknown(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){.kind = (enum td_choice_kind)77, .reason = TD_REASON_READY};
}

ONE_OF_MANY struct td_choice choose_waiting(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){
        .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_OTHERS_BUILD};
}

/* A little longer, again and again. */
ONE_OF_MANY struct td_choice choose_polling(const struct td_view *view)
{
    return (struct td_choice){.kind = TD_CHOOSE_WAIT,
                              .step = TD_NO_STEP,
                              .reason = TD_REASON_OTHERS_BUILD,
                              .until = td_view_now(view) + 60000000000};
}

ONE_OF_MANY struct td_choice choose_late(const struct td_view *view)
{
    return (struct td_choice){.kind = TD_CHOOSE_WAIT,
                              .step = TD_NO_STEP,
                              .reason = TD_REASON_OTHERS_BUILD,
                              .until = td_view_now(view) - 1};
}

/* As `directed`, but it looks again every second while it waits. */
ONE_OF_MANY struct td_choice choose_restless(const struct td_view *view)
{
    struct td_choice choice = td_directed_choose(view);
    if (choice.kind == TD_CHOOSE_WAIT) choice.until = td_view_now(view) + 1000000000;
    return choice;
}

/* A line for what is to be built; who can fetch does so at any time. */
ONE_OF_MANY struct td_choice choose_in_line(const struct td_view *view)
{
    td_step step = td_view_first_published(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_PUBLISHED};
    if (!td_view_is_its_turn(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_NOT_ITS_TURN};
    step = td_view_first_not_held(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_IN_TURN};
    return (struct td_choice){
        .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
}

ONE_OF_MANY struct td_choice choose_giving_up(const struct td_view *view)
{
    (void)view;
    return (struct td_choice){
        .kind = TD_CHOOSE_GIVE_UP, .step = TD_NO_STEP, .reason = TD_REASON_BROKEN};
}

extern const struct td_policy SYMBOL;
const struct td_policy SYMBOL = {
    .abi = ABI,
    .name = NAME,
    .summary = SUMMARY,
    .wake = (enum td_wake)(WAKE),
    .needs = NEEDS,
    .rank = RANK,
    .choose = CHOOSE,
};
