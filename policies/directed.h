/* The rule that every policy of the directed family shares; they differ in their rank. */
#ifndef TD_POLICIES_DIRECTED_H
#define TD_POLICIES_DIRECTED_H

#include "engine/policy.h"

struct td_choice td_directed_choose(const struct td_view *view);

#endif
