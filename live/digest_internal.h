/* What Bazel answers, as it is read for digests (live/digest.h): apart from running Bazel, so that
 * it can be tried with any answer. */
#ifndef TD_LIVE_DIGEST_INTERNAL_H
#define TD_LIVE_DIGEST_INTERNAL_H

#include "live/digest.h"
#include "live/tree_internal.h"

#include <limits.h>

/* What Bazel says of itself and of where things are. */
struct td_digest_place {
    char release[128], key[128];
    char workspace[PATH_MAX], external[PATH_MAX], install_base[PATH_MAX];
};

/* What all steps of a call have in common. */
struct td_digest_work {
    const struct td_bazel *bazel;
    const struct td_stop *stop;
    struct td_digest_place place;
    struct td_tree tree;
};

/* What one step depends on. */
struct td_digest_inputs {
    struct td_arena *arena;
    const char **paths, **labels, **packages;
    size_t path_count, label_count, package_count;
};

/* What `bazel info` says, but for the key; false if something is missing or too long. */
bool td_digest_read_place(const struct td_buffer *text, struct td_digest_place *place);

/* What `bazel query` says: a label a line. The lists point into the text and the inputs' arena, and
 * are sorted, each text once. False if memory is short. */
bool td_digest_read_labels(const struct td_digest_work *work, char *text,
                           struct td_digest_inputs *inputs);

/* Of what Bazel complains of: the first line that begins with "ERROR", or the last one; "" if there
 * is none. */
void td_digest_complaint(const struct td_buffer *errors, char *out, size_t size);

#endif
