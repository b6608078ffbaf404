/* A set of files in one directory that appear together or not at all.
 *
 * Each file grows under a hidden temporary name (`.runs.csv.` and 16 hexadecimal digits and
 * `.tmp`). A commit syncs all of them, then renames one after the other, keeping a second name for
 * what stood there before; if any step fails it takes the earlier renames back. A reader who opens
 * a final name therefore finds a whole file at any moment. What is not committed is removed, and so
 * are the directories that were made for it.
 *
 * Temporaries are locked (flock) while their run lives; what a killed run left behind is unlocked,
 * and the next run in the same directory sweeps it away. Runs that share a directory take turns to
 * commit.
 *
 * One thread at a time. Errors name the file, the reason and what to do.
 */
#ifndef TD_REPORT_OUTPUTS_H
#define TD_REPORT_OUTPUTS_H

#include "base/error.h"
#include "report/buffer.h"

#include <sys/types.h>

/* The system calls that can fail, so that a test can make each of them fail in turn. */
struct td_disk {
    int (*mkdir)(const char *path, mode_t mode);
    int (*openat)(int dir, const char *name, int flags, mode_t mode);
    ssize_t (*write)(int fd, const void *bytes, size_t length);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t length, off_t offset);
    ssize_t (*pread)(int fd, void *bytes, size_t length, off_t offset);
    int (*fsync)(int fd);
    int (*linkat)(int from_dir, const char *from, int to_dir, const char *to, int flags);
    int (*renameat)(int from_dir, const char *from, int to_dir, const char *to);
};

extern const struct td_disk td_disk_real;

#define TD_OUTPUTS_MAX 8

struct td_outputs;

/* `names` are string constants. Makes DIR, and the directories above it, where they are missing. */
struct td_outputs *td_outputs_open(const struct td_disk *disk, const char *dir,
                                   const char *const *names, size_t count, struct td_error *error);

/* Adds bytes to the end of file `at`, through a buffer. */
bool td_outputs_add(struct td_outputs *outputs, size_t at, const char *bytes, size_t length,
                    struct td_error *error);

/* The same for a large block, which is written behind the caller's back: it is taken from the
 * buffer, which gets an empty one in exchange. A failure is told by the next call. */
bool td_outputs_give(struct td_outputs *outputs, size_t at, struct td_buffer *block,
                     struct td_error *error);

bool td_outputs_commit(struct td_outputs *outputs, struct td_error *error);

/* Uncommitted: removes the temporaries. NULL is allowed. */
void td_outputs_destroy(struct td_outputs *outputs);

/* A nameless file in the directory for what has to wait; -1 and an error if it cannot be had. */
int td_outputs_scratch(struct td_outputs *outputs, struct td_error *error);

/* Sets the sentence for a failed call on `name` in the directory: what, where, errno's text, mend.
 */
bool td_outputs_error(const struct td_outputs *outputs, const char *verb, const char *name,
                      int reason, struct td_error *error);

#endif
