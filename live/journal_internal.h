/* The journal's file in two: journal.c reads and writes, journal_open.c looks at files before
 * anything is done with them. */
#ifndef TD_LIVE_JOURNAL_INTERNAL_H
#define TD_LIVE_JOURNAL_INTERNAL_H

#include "live/journal.h"

#include <sqlite3.h>

/* Every failure of the file's, as a sentence: what could not be done, and SQLite's reason. */
bool td_journal_fail(sqlite3 *database, const char *path, const char *what, struct td_error *error);
bool td_journal_damaged(const char *path, const char *what, struct td_error *error);

/* The first bytes say that it is a journal of a format that is known here. */
bool td_journal_header(const char *path, struct td_error *error);
/* A connection that cannot write. */
sqlite3 *td_journal_connect(const char *path, struct td_error *error);
/* SQLite's own check of its pages. */
bool td_journal_pages(sqlite3 *database, const char *path, struct td_error *error);
/* Held until it is closed; -1 with an error if another authority holds it. */
int td_journal_lock(const char *path, struct td_error *error);

#endif
