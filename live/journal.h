/* The journal's file: what came into an authority, and what its engine heard and decided by that,
 * row by row in SQLite. docs/journal.md has the tables.
 *
 *     journal = td_journal_open(path, own, &error);     checks, and reads; writes nothing
 *     while (td_journal_next(journal, &row, &error)) ...
 *     td_journal_write(journal, &error);                from here on it may write
 *     td_journal_append(journal, rows, count, &error);  one transaction, durable when it returns
 *     td_journal_close(journal);
 *
 * A file that is damaged, of a newer format, or no journal at all is refused, and left as it was.
 * Each row's check goes over its own values and the check of the row before.
 *
 * Errors are sentences that name the file. Ownership: a row's bytes are the journal's, until the
 * next call.
 */
#ifndef TD_LIVE_JOURNAL_H
#define TD_LIVE_JOURNAL_H

#include "base/error.h"
#include "base/time.h"
#include "engine/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_JOURNAL_APPLICATION 0x54444A4Cu /* "TDJL" */
/* Another one whenever the same inputs come to mean other events or decisions, too. */
#define TD_JOURNAL_FORMAT 2u

/* How the authority was started; settles, with the rows, all that it does. */
struct td_journal_meta {
    const char *policy;      /* its name */
    const char *policy_path; /* of one from outside, else NULL */
    const char *scenario;    /* the scenario's name, NULL without one */
    const void *setup;       /* what the scenario gave, as bytes: equal bytes, equal scenarios */
    size_t setup_length;
    uint32_t retries;
    bool learn, overhead; /* overhead: the scenario's invocations take time */
    td_time patience, grace;
    td_order first_order;
    int64_t began_ns; /* the wall clock at the journal's zero, since 1970 */
};

struct td_journal_row {
    int64_t number; /* from 1, without gaps */
    td_time at;
    uint32_t kind; /* enum td_input_kind */
    uint32_t link;
    const char *body; /* what the input says */
    size_t body_length;
    const char *caused; /* a trace (live/trace.h), relative to `at` */
    size_t caused_length;
};

struct td_journal;

/* Makes the file with these first rows; it must not exist, or be empty. */
bool td_journal_create(const char *path, const struct td_journal_meta *meta,
                       const struct td_journal_row *rows, size_t count, struct td_error *error);

/* `own`: for an authority, and for no other one until it is closed; else for reading only, also
 * while an authority writes. */
struct td_journal *td_journal_open(const char *path, bool own, struct td_error *error);
void td_journal_close(struct td_journal *journal); /* NULL is allowed */

const struct td_journal_meta *td_journal_meta(const struct td_journal *journal);

/* The next row, in order. False behind the last, and with an error (its fault is set) if it is
 * damaged. */
bool td_journal_next(struct td_journal *journal, struct td_journal_row *row,
                     struct td_error *error);
void td_journal_rewind(struct td_journal *journal);

/* Once all rows were read, of a journal of one's own. */
bool td_journal_write(struct td_journal *journal, struct td_error *error);

/* Numbers are given here, and need not be set. Nothing is written if it fails. */
bool td_journal_append(struct td_journal *journal, const struct td_journal_row *rows, size_t count,
                       struct td_error *error);
/* These rows instead of all that there are, and this meta. */
bool td_journal_replace(struct td_journal *journal, const struct td_journal_meta *meta,
                        const struct td_journal_row *rows, size_t count, struct td_error *error);

/* Of all rows: their bytes, and how many they are. */
uint64_t td_journal_bytes(const struct td_journal *journal);
uint64_t td_journal_rows(const struct td_journal *journal);

/* True if there is something to read: the file exists and is not empty. */
bool td_journal_exists(const char *path);

#endif
