/* The policies that ship with the program.
 *
 * A policy is a const struct of few functions over a const view (engine/policy.h). Each has a file
 * of its own here and one line in registry.c.
 */
#ifndef TD_POLICIES_POLICIES_H
#define TD_POLICIES_POLICIES_H

#include "engine/policy.h"

/* The i-th policy in the order of the list that people read; NULL behind the last. */
const struct td_policy *td_policy_at(size_t i);

/* The policy of that name, or NULL. */
const struct td_policy *td_policy_find(const char *name);

#endif
