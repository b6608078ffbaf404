/* speculative: directed, and a peer that would wait builds what others are too long about. Whoever
 * publishes first has won, and the others are aborted. */
#include "policies/directed.h"
#include "policies/registry.h"

/* A build is overdue when it takes longer than this many times its estimate. */
#define LONG_OVERDUE 2

/* When a build of the step that begins at `since` is overdue; TD_TIME_MAX: never. */
static td_time overdue_at(const struct td_view *view, td_step step, td_time since)
{
    td_time limit = TD_TIME_MAX, patience = td_view_patience(view);
    td_time estimate = td_view_estimate(view, step), overhead = td_view_overhead_estimate(view);
    /* nothing is known of a step whose estimate is 0: nobody has built it */
    if (estimate > 0 && estimate < TD_TIME_MAX / LONG_OVERDUE - overhead)
        limit = LONG_OVERDUE * (estimate + overhead);
    if (patience >= 0 && patience < limit) limit = patience;
    return limit < TD_TIME_MAX - since ? since + limit : TD_TIME_MAX;
}

/* When the last of those who build an artifact has begun. */
static td_time last_begin(const struct td_view *view, td_step step, uint32_t artifact)
{
    td_time last = 0;
    for (td_peer peer = td_view_next_peer(view, TD_NO_PEER); peer != TD_NO_PEER;
         peer = td_view_next_peer(view, peer)) {
        const struct td_peer_view other = td_view_peer(view, peer);
        if (other.builds && other.order == step && td_view_artifact(view, peer, step) == artifact &&
            other.since > last)
            last = other.since;
    }
    return last;
}

/* True if the asking peer lacks the artifact of a step, and it is not known to be broken. */
static bool wants(const struct td_view *view, td_step step, uint32_t artifact)
{
    td_peer me = td_view_asking(view);
    return !td_view_peer_holds(view, me, step) && td_view_artifact(view, me, step) == artifact &&
           !td_view_is_broken(view, artifact);
}

/* True if the other builds what the asking peer wants. */
static bool is_of_use(const struct td_view *view, td_peer peer, const struct td_peer_view *other)
{
    return other->builds && wants(view, other->order, td_view_artifact(view, peer, other->order));
}

/* How many build what the asking peer wants: who has found them all need not look at the others,
 * and where thousands wait, nearly all are others. */
static uint32_t builders_of_use(const struct td_view *view)
{
    td_peer me = td_view_asking(view);
    uint32_t count = 0;
    for (td_step step = 0; step < td_view_step_count(view); step++) {
        uint32_t artifact = td_view_artifact(view, me, step);
        if (wants(view, step, artifact)) count += td_view_builders(view, artifact);
    }
    return count;
}

/* When all who build the step that the peer was ordered are overdue. */
static td_time overdue_from(const struct td_view *view, td_peer peer,
                            const struct td_peer_view *other)
{
    uint32_t artifact = td_view_artifact(view, peer, other->order);
    td_time begin = td_view_builders(view, artifact) == 1
                        ? other->since
                        : last_begin(view, other->order, artifact);
    return overdue_at(view, other->order, begin);
}

static struct td_choice choose(const struct td_view *view)
{
    struct td_choice choice = td_directed_choose(view);
    if (choice.kind != TD_CHOOSE_WAIT) return choice;

    td_time first = TD_TIME_MAX;
    uint32_t left = builders_of_use(view);
    for (td_peer peer = td_view_next_peer(view, TD_NO_PEER); left > 0 && peer != TD_NO_PEER;
         peer = td_view_next_peer(view, peer)) {
        const struct td_peer_view other = td_view_peer(view, peer);
        if (!is_of_use(view, peer, &other)) continue;
        left--;
        td_time from = overdue_from(view, peer, &other);
        if (from >= first) continue;
        first = from;
        choice.step = other.order;
    }
    if (first <= td_view_now(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = choice.step, .reason = TD_REASON_OVERDUE};
    choice.step = TD_NO_STEP;
    choice.until = first == TD_TIME_MAX ? 0 : first;
    return choice;
}

static bool gives_way(const struct td_view *view)
{
    (void)view;
    return true;
}

const struct td_policy td_policy_speculative = {
    .abi = TD_POLICY_ABI,
    .name = "speculative",
    .summary = "directed, and who would wait builds what others are too long about",
    .wake = TD_WAKE_FOR_USE,
    .needs = TD_NEEDS_ESTIMATES | TD_NEEDS_TIMES,
    .choose = choose,
    .gives_way = gives_way,
};
