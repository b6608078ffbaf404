/* Policies from outside: one in a shared object, which was built against engine/policy.h alone.
 *
 *     const struct td_policy *policy = td_policy_load("./mine.so", NULL, "--policy", &error);
 *     if (policy == NULL) ...  error.text names the place and the path
 *
 * The object defines `const struct td_policy td_policy`. What can be seen of it is checked here,
 * before it is ever called; what it answers is checked by the engine. Its code runs in the program,
 * with all that the program may do: load what you would also run.
 */
#ifndef TD_POLICIES_LOADER_H
#define TD_POLICIES_LOADER_H

#include "base/error.h"
#include "engine/policy.h"

#include <stdbool.h>

/* Longest path, its terminating zero included. */
#define TD_POLICY_PATH 4096

/* True if a policy so named is a file's path: it has a '/' in it, or ends in ".so". */
bool td_policy_is_path(const char *name);

/* The policy in the shared object at `path`; a relative one counts from the folder of the file
 * `beside`, or from the current folder where that is NULL. `place` stands in front of the message.
 * The object stays loaded until the program ends, and so does the policy's name. Loading a path
 * once more gives the same policy. */
const struct td_policy *td_policy_load(const char *path, const char *beside, const char *place,
                                       struct td_error *error);

#endif
