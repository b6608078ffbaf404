/* The shipped policies by their C names; registry.c lists them. */
#ifndef TD_POLICIES_REGISTRY_H
#define TD_POLICIES_REGISTRY_H

#include "policies/policies.h"

extern const struct td_policy td_policy_universe, td_policy_linear, td_policy_parallel,
    td_policy_directed, td_policy_longest, td_policy_shortest, td_policy_critical_path,
    td_policy_most_unlocked, td_policy_random, td_policy_speculative, td_policy_weighing;

#endif
