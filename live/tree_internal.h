/* The files of a git work tree with their object IDs, as they are and as they were at a base.
 *
 *     struct td_tree tree;
 *     if (!td_tree_read(folder, "origin/main", stop, &tree, &error)) ...
 *     if (!td_tree_hash(&tree, paths, count, &error)) ...       those that are not as git has them
 *     td_tree_own(&tree, "a/b.c"), td_tree_base(&tree, "a/b.c") "100644 ce0136..." both
 *     td_tree_destroy(&tree);
 *
 * Paths are relative to the folder. All texts live as long as the tree.
 */
#ifndef TD_LIVE_TREE_INTERNAL_H
#define TD_LIVE_TREE_INTERNAL_H

#include "base/arena.h"
#include "live/child.h"

#include <stdbool.h>
#include <stddef.h>

struct td_tree_file {
    const char *path, *id; /* its mode and object ID */
};

struct td_tree_list {
    struct td_tree_file *files; /* by the bytes of their paths */
    size_t count;
};

struct td_tree {
    struct td_arena *arena;
    const char *folder;
    const struct td_stop *stop;
    bool based;                  /* the base is known */
    struct td_tree_list index;   /* what git tracks */
    struct td_tree_list changed; /* of these, what is not as git has it; without IDs */
    struct td_tree_list hashed;  /* by the last td_tree_hash() */
    struct td_tree_list base;    /* the tree of the base */
    struct td_tree_list gone;    /* of this, what is not there any more */
};

/* Reads index and base of the git repository around the folder; NULL is the current one. A base
 * that git does not know leaves `based` false; false with an error if there is no git. */
bool td_tree_read(const char *folder, const char *base, const struct td_stop *stop,
                  struct td_tree *tree, struct td_error *error);
void td_tree_destroy(struct td_tree *tree);

/* Finds the IDs of those of the paths that are not as git has them, and forgets those of the call
 * before. The paths outlive the next call. False with an error, also for a path that is a folder.
 */
bool td_tree_hash(struct td_tree *tree, const char *const *paths, size_t count,
                  struct td_error *error);

/* NULL for what is not there. */
const char *td_tree_own(const struct td_tree *tree, const char *path);
const char *td_tree_base(const struct td_tree *tree, const char *path);

/* Reads records that end with a zero byte: "MODE [TYPE] ID [STAGE]\tPATH", or, if they are not
 * typed, only a path. The list keeps pointers into a copy of the text, in the tree's arena. False
 * if memory is short, or what should be a record is none. */
bool td_tree_records(struct td_tree *tree, const struct td_buffer *text, struct td_tree_list *list,
                     bool typed);

/* Runs git in the folder with `input` (NULL: nothing) and appends what it says. */
bool td_git(const char *folder, const char *const *argv, const struct td_buffer *input,
            const struct td_stop *stop, struct td_buffer *output, struct td_error *error);

#endif
