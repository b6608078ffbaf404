/* Folders that a live run makes, and what it puts into them.
 *
 *     char base[PATH_MAX];
 *     if (!td_folder_temporary(NULL, base, &error)) ...
 *     ... td_folder_make("results/events", &error) ...
 *     td_folder_remove(base);
 */
#ifndef TD_LIVE_FOLDER_H
#define TD_LIVE_FOLDER_H

#include "base/error.h"

#include <limits.h>

/* Makes a folder, with those above it, unless it is there. */
bool td_folder_make(const char *path, struct td_error *error);

/* Makes a new folder in `parent`, which is made first if need be; NULL: in that for temporary files
 * (TMPDIR, else /tmp). `out` becomes its absolute path. */
bool td_folder_temporary(const char *parent, char out[static PATH_MAX], struct td_error *error);

/* Removes a folder and all in it, also where nothing may be written; one that is not there is
 * removed already. */
bool td_folder_remove(const char *path, struct td_error *error);

/* Writes `text` as the part of a file's name, cut to TD_FILE_NAME - 1 bytes: what is neither a
 * letter of ASCII nor a digit nor one of "._-", and a dot at the beginning, becomes "_". */
#define TD_FILE_NAME 129
char *td_folder_name(const char *text, char out[static TD_FILE_NAME]);

#endif
