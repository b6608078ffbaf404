/* The policies that a run compares: named by the scenario's file or by --policy, found, and fit. */
#ifndef TD_CLI_POLICY_LIST_H
#define TD_CLI_POLICY_LIST_H

#include "base/error.h"
#include "policies/policies.h"
#include "workload/scenario.h"

#include <stdbool.h>
#include <stdint.h>

/* No policy stands twice in a list, so this is also the most that can be registered. Those from
 * outside (policies/loader.h) count as well. */
#define TD_MAX_POLICIES 64u

struct td_policy_list {
    uint32_t count;
    const struct td_policy *policies[TD_MAX_POLICIES];
    const char *names[TD_MAX_POLICIES];  /* the policies' own: they live as long as the program */
    const char *places[TD_MAX_POLICIES]; /* where each was named, for messages */
};

/* The file's list, perhaps empty. Refuses an unknown policy, one from outside that is none, and one
 * that is named twice. */
bool td_policy_list_from_file(const struct td_scenario *scenario, struct td_policy_list *list,
                              struct td_error *error);

/* The same from "a,b,c"; `place` says in messages where that comes from. */
bool td_policy_list_from_text(const char *text, const char *place, struct td_policy_list *list,
                              struct td_error *error);

/* Refuses a policy that the scenario cannot serve: one that needs estimates where a step's build
 * time has no finite mean. */
bool td_policy_list_fits(const struct td_policy_list *list, const struct td_scenario *scenario,
                         struct td_error *error);

#endif
