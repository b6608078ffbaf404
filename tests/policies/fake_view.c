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
