/* Digests of what the results of steps depend on: equal digests, equal results. Two peers whose
 * changes touch a step differently must not wait for each other's result of it.
 *
 *     struct td_step_digest digests[2];
 *     const char *const patterns[] = {"//common/...", "//planning/..."};
 *     if (!td_digest_steps(&bazel, base, patterns, 2, &stop, &watcher, digests, &error)) ...
 *     if (digests[0].own[0] != '\0') ...          "": none, and why was said to the watcher
 *
 * A step's digest is made of
 *
 *   - the source files, BUILD files and .bzl files under `deps(STEP)`, as `bazel query` lists them,
 *     with their git object IDs: those of the index where a file is unchanged, of its contents
 *     where it is not; of files in other repositories their labels, unless the repository lies in
 *     the workspace (local_repository);
 *   - the files at the workspace's root that settle how Bazel builds: .bazelrc, .bazelversion,
 *     WORKSPACE, MODULE.bazel and their like;
 *   - the version of Bazel, the step's patterns, and the options of the build, but for those that
 *     cannot change a result (where the cache is, how many jobs).
 *
 * The untouched digest is made of the same files as the tree of `base` has them. A file that is
 * only there, in a package of the step, belongs to it as well. If a change makes a step depend on
 * further packages, the untouched digest is one that no peer has: nothing is found under it, which
 * costs a shared start and is never wrong.
 *
 * Not seen are: the toolchain of the machine, settings outside of the workspace, the contents of
 * downloaded repositories beyond what the workspace's files pin.
 */
#ifndef TD_LIVE_DIGEST_H
#define TD_LIVE_DIGEST_H

#include "live/bazel.h"

#include <stdbool.h>
#include <stddef.h>

#define TD_DIGEST_TEXT 65 /* in hexadecimal; git's hash has 40 or 64 digits */

struct td_step_digest {
    char own[TD_DIGEST_TEXT];       /* "": none */
    char untouched[TD_DIGEST_TEXT]; /* "": not known */
};

/* Who hears, in a sentence, why a step has no digest. */
struct td_digest_watcher {
    void *context;
    void (*warn)(void *context, const char *sentence);
};

/* Fills `digests`, one for each text of patterns. `base` is what git resolves to a commit; NULL or
 * "": there are no untouched ones. `stop` may be NULL. False with an error where no step can have
 * any: no git, no Bazel, no memory. Cost: a `bazel query` a step (0.3 s on a warm server). */
bool td_digest_steps(const struct td_bazel *bazel, const char *base, const char *const *patterns,
                     size_t count, const struct td_stop *stop,
                     const struct td_digest_watcher *watcher, struct td_step_digest *digests,
                     struct td_error *error);

/* Whether an option of the build can change a result: false for "--jobs=4". */
bool td_digest_option_matters(const char *option);

/* Appends the query of a step: what is behind its patterns, in the order in which they add targets
 * and, with a "-" before them, take some away. */
void td_digest_query(const char *patterns, struct td_buffer *out);

#endif
