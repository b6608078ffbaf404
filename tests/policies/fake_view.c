#include "fake_view.h"

uint32_t td_view_step_count(const struct td_view *view)
{
    return view->steps;
}

td_time td_view_estimate(const struct td_view *view, td_step step)
{
    return view->estimates[step];
}

int64_t td_view_lot(const struct td_view *view, td_step step)
{
    return view->lots[step];
}

td_step td_view_in_dependency_order(const struct td_view *view, uint32_t i)
{
    return view->dependency_order[i];
}

const td_step *td_view_dependents(const struct td_view *view, td_step step, uint32_t *count)
{
    *count = view->dependent_count[step];
    return view->dependents[step];
}

uint32_t td_view_unlocks(const struct td_view *view, td_step step)
{
    return view->unlocks[step];
}

td_step td_view_first_ready(const struct td_view *view)
{
    return view->ready;
}

td_step td_view_first_published(const struct td_view *view)
{
    return view->published;
}

td_step td_view_first_not_held(const struct td_view *view)
{
    return view->not_held;
}

td_step td_view_first_hopeful(const struct td_view *view)
{
    return view->hopeful;
}

bool td_view_holds_all(const struct td_view *view)
{
    return view->holds_all;
}

bool td_view_is_its_turn(const struct td_view *view)
{
    return view->its_turn;
}

td_time td_view_now(const struct td_view *view)
{
    return view->now;
}

td_time td_view_patience(const struct td_view *view)
{
    return view->patience;
}

td_time td_view_overhead_estimate(const struct td_view *view)
{
    return view->overhead;
}

td_peer td_view_asking(const struct td_view *view)
{
    return view->asking;
}

td_peer td_view_next_peer(const struct td_view *view, td_peer peer)
{
    td_peer next = peer == TD_NO_PEER ? 0 : peer + 1;
    return next < view->peers ? next : TD_NO_PEER;
}

struct td_peer_view td_view_peer(const struct td_view *view, td_peer peer)
{
    return view->seen[peer];
}

bool td_view_peer_holds(const struct td_view *view, td_peer peer, td_step step)
{
    return view->holds[peer][step];
}

uint32_t td_view_artifact(const struct td_view *view, td_peer peer, td_step step)
{
    return view->artifact[peer][step];
}

uint32_t td_view_builders(const struct td_view *view, uint32_t artifact)
{
    uint32_t builders = 0;
    for (td_peer peer = 0; peer < view->peers; peer++)
        builders +=
            view->seen[peer].builds && view->artifact[peer][view->seen[peer].order] == artifact;
    return builders;
}
