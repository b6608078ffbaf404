/* Who builds what: repository, base ref, change and pipeline, as the CI system or git tells.
 *
 *     struct td_identity identity = {.repository = "acme/universe"};     what the user gave
 *     td_identity_from_ci(environment, NULL, &identity);                 fills what is empty
 *     td_identity_from_git(".", NULL, &identity);                        fills what is still empty
 *
 * Peers share if their repository and base ref are spelled the same, so these are brought into one
 * form: a repository's URL is cut to its path ("acme/universe"), a ref below refs/heads/ to its
 * branch. What nobody tells stays empty.
 */
#ifndef TD_LIVE_CI_H
#define TD_LIVE_CI_H

#include "live/child.h"

#include <stdbool.h>

#define TD_IDENTITY_TEXT 256

struct td_identity {
    char repository[TD_IDENTITY_TEXT]; /* "acme/universe" */
    char base_ref[TD_IDENTITY_TEXT];   /* the branch that the change is meant for */
    char change[TD_IDENTITY_TEXT];     /* its number or ref */
    char pipeline[TD_IDENTITY_TEXT];
    char base[TD_IDENTITY_TEXT]; /* the commit, or what git resolves to one, of the base */
    bool dependent;              /* what is built contains changes that are not merged yet */
    const char *ci;              /* "GitHub Actions"; NULL: none was recognized */
};

/* The value of a variable, NULL if it is not set; getenv() behind a context. */
typedef const char *(*td_variable)(void *context, const char *name);

/* From the variables of Zuul, GitHub Actions, GitLab CI, Jenkins or Buildkite. False if this is
 * none of them. Has no effects but those on `identity`. */
bool td_identity_from_ci(td_variable variable, void *context, struct td_identity *identity);

/* From the git repository around `folder`: the path of its remote `origin`, the remote's main
 * branch, the branch that is checked out if that is another, and the commit where both part. */
void td_identity_from_git(const char *folder, const struct td_stop *stop,
                          struct td_identity *identity);

/* "acme/universe" for https://user@host:8080/acme/universe.git, git@host:acme/universe and
 * acme/universe; what does not fit is cut. */
void td_repository_name(const char *url, char out[static TD_IDENTITY_TEXT]);

#endif
