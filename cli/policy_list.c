#include "cli/policy_list.h"

#include "base/assert.h"
#include "cli/unknown.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool unknown_policy(const char *name, const char *place, struct td_error *error)
{
    const char *known[TD_MAX_POLICIES];
    size_t count = 0;

    for (; td_policy_at(count) != NULL; count++) {
        TD_ASSERT(count < TD_MAX_POLICIES);
        known[count] = td_policy_at(count)->name;
    }
    return td_cli_unknown(error, place, "policy", name, known, count, "task-director policies");
}

static bool add(struct td_policy_list *list, const char *name, const char *place,
                struct td_error *error)
{
    const struct td_policy *policy = td_policy_find(name);
    if (policy == NULL) return unknown_policy(name, place, error);
    for (uint32_t i = 0; i < list->count; i++)
        if (list->policies[i] == policy)
            return td_error_set(error, TD_FAULT_INPUT,
                                "%s: policy '%s' is named twice: leave one out", place, name);

    TD_ASSERT(list->count < TD_MAX_POLICIES);
    list->policies[list->count] = policy;
    list->names[list->count] = policy->name;
    list->places[list->count] = place;
    list->count++;
    return true;
}

bool td_policy_list_from_file(const struct td_scenario *scenario, struct td_policy_list *list,
                              struct td_error *error)
{
    list->count = 0;
    for (uint32_t i = 0; i < scenario->policy_count; i++)
        if (!add(list, scenario->policies[i], scenario->policy_places[i], error)) return false;
    return true;
}

bool td_policy_list_from_text(const char *text, const char *place, struct td_policy_list *list,
                              struct td_error *error)
{
    list->count = 0;
    for (;;) {
        char name[128]; /* a longer word is cut, and unknown either way */
        size_t length = strcspn(text, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)length, text);
        if (length == 0)
            return td_error_set(error, TD_FAULT_INPUT,
                                "%s: a policy's name is empty: write them as in 'linear,directed'",
                                place);
        if (!add(list, name, place, error)) return false;
        if (text[length] == '\0') return true;
        text += length + 1;
    }
}

bool td_policy_list_fits(const struct td_policy_list *list, const struct td_scenario *scenario,
                         struct td_error *error)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (!(list->policies[i]->needs & TD_NEEDS_ESTIMATES)) continue;
        for (uint32_t step = 0; step < scenario->step_count; step++)
            if (!isfinite(td_dist_mean(scenario->steps[step].build)))
                return td_error_set(error, TD_FAULT_INPUT,
                                    "%s: policy '%s' ranks by estimates, but the build time of "
                                    "step '%s' has no finite mean: leave the policy out, or give "
                                    "the step another distribution",
                                    list->places[i], list->names[i], scenario->steps[step].id);
    }
    return true;
}
