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

td_time td_view_fetch_estimate(const struct td_view *view, td_step step)
{
    return view->fetches[step];
}

td_time td_view_overhead_estimate(const struct td_view *view)
{
    return view->overhead;
}

td_time td_view_rest_estimate(const struct td_view *view, bool build)
{
    return build ? view->rest_build : view->rest_fetch;
}

bool td_view_times_vary(const struct td_view *view)
{
    return view->vary;
}

bool td_view_rest_is_published(const struct td_view *view)
{
    return view->rest_published;
}

const td_step *td_view_prerequisites(const struct td_view *view, td_step step, uint32_t *count)
{
    *count = view->prerequisite_count[step];
    return view->prerequisites[step];
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
    return view->held[peer] >> step & 1;
}

uint32_t td_view_artifact(const struct td_view *view, td_peer peer, td_step step)
{
    return view->artifacts[peer][step] == 0 ? step : view->artifacts[peer][step];
}

uint32_t td_view_artifact_before(const struct td_view *view, td_peer peer, td_step step)
{
    return view->partial[peer][step] ? step : TD_NO_ARTIFACT;
}

bool td_view_is_published(const struct td_view *view, uint32_t artifact)
{
    return view->is_published[artifact];
}

bool td_view_is_broken(const struct td_view *view, uint32_t artifact)
{
    return view->is_broken[artifact];
}

uint32_t td_view_builders(const struct td_view *view, uint32_t artifact)
{
    return view->builders[artifact];
}

td_time td_view_patience(const struct td_view *view)
{
    return view->patience;
}
