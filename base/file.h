/* Reading a whole file into memory. */
#ifndef TD_BASE_FILE_H
#define TD_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

/* No input of this program is larger than 64 MiB; what is larger is not one of its files. */
#define TD_FILE_MAX ((size_t)64 << 20)

/* The file's bytes, with a terminating zero behind them that `length` does not count; the caller
 * frees them. Pipes are read to their end. NULL with an error for what cannot be read, is a folder
 * or is larger than TD_FILE_MAX. */
char *td_file_read(const char *path, size_t *length, struct td_error *error);

#endif
