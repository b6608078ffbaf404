/* Bytes that have to wait for their turn: in memory up to a budget, past it in one nameless file.
 *
 * Any thread puts, any thread takes; an extent is taken once. Memory and file do not grow with the
 * length of a run as long as what was put is taken about as fast.
 */
#ifndef TD_REPORT_SPOOL_H
#define TD_REPORT_SPOOL_H

#include "report/outputs.h"

/* What all extents of a spool together may hold in memory. */
#define TD_SPOOL_MEMORY ((size_t)64 << 20)

struct td_spool;

struct td_extent {
    struct td_extent *next; /* the caller's: extents of one part, in order */
    size_t stream;          /* the caller's: which file it belongs to */
    size_t length;
    int64_t offset; /* in the file; -1: `bytes` holds them */
    char bytes[];
};

/* `memory`: TD_SPOOL_MEMORY, or less in a test. `outputs` outlives the spool. */
struct td_spool *td_spool_create(const struct td_disk *disk, struct td_outputs *outputs,
                                 size_t memory);

/* NULL and an error if neither memory nor file will hold the bytes. */
struct td_extent *td_spool_put(struct td_spool *spool, size_t stream, const char *bytes,
                               size_t length, struct td_error *error);

/* Appends the bytes to their file (`stream` of the outputs) and frees the extent, also on failure.
 */
bool td_spool_take(struct td_spool *spool, struct td_extent *extent, struct td_error *error);

/* Extents that were never taken are freed by free(). NULL is allowed. */
void td_spool_destroy(struct td_spool *spool);

#endif
