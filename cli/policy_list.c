#include "cli/policy_list.h"

#include "base/assert.h"
#include "cli/unknown.h"
#include "policies/loader.h"

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

/* `beside` is the file that a policy's path counts from; NULL is the current folder. */
static bool add(struct td_policy_list *list, const char *name, const char *beside,
                const char *place, struct td_error *error)
{
    const struct td_policy *policy =
        td_policy_is_path(name) ? td_policy_load(name, beside, place, error) : td_policy_find(name);
    if (policy == NULL) return td_policy_is_path(name) ? false : unknown_policy(name, place, error);
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], policy->name) == 0)
            return td_error_set(error, TD_FAULT_INPUT,
                                "%s: policy '%s' is named twice: leave one out", place,
                                policy->name);
    if (list->count == TD_MAX_POLICIES)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: policy '%s' is one too many: a run compares at most %u", place,
                            policy->name, TD_MAX_POLICIES);
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
        if (!add(list, scenario->policies[i], scenario->path, scenario->policy_places[i], error))
            return false;
    return true;
}

bool td_policy_list_from_text(const char *text, const char *place, struct td_policy_list *list,
                              struct td_error *error)
{
    list->count = 0;
    for (;;) {
        char name[TD_POLICY_PATH + 1]; /* a longer word is cut, and refused either way */
        size_t length = strcspn(text, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)length, text);
        /* Of what is no path, enough to see which word is meant. */
        if (!td_policy_is_path(name)) name[strnlen(name, 127)] = '\0';
        if (length == 0)
            return td_error_set(error, TD_FAULT_INPUT,
                                "%s: a policy's name is empty: write them as in 'linear,directed'",
                                place);
        if (!add(list, name, NULL, place, error)) return false;
        if (text[length] == '\0') return true;
        text += length + 1;
    }
}

bool td_policy_list_fits(const struct td_policy_list *list, const struct td_scenario *scenario,
                         struct td_error *error)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (!(list->policies[i]->needs & TD_NEEDS_ESTIMATES) || scenario->learned) continue;
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
