#include "policies/registry.h"

#include <string.h>

/* One line a policy, in the order in which people read the list. */
/* clang-format off */
static const struct td_policy *const registry[] = {
    &td_policy_universe,
    &td_policy_linear,
    &td_policy_parallel,
    &td_policy_directed,
    &td_policy_longest,
    &td_policy_shortest,
    &td_policy_critical_path,
    &td_policy_most_unlocked,
    &td_policy_random,
    &td_policy_speculative,
    &td_policy_weighing,
};
/* clang-format on */

const struct td_policy *td_policy_at(size_t i)
{
    return i < sizeof registry / sizeof *registry ? registry[i] : NULL;
}

const struct td_policy *td_policy_find(const char *name)
{
    const struct td_policy *policy;
    for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++)
        if (strcmp(policy->name, name) == 0) return policy;
    return NULL;
}
