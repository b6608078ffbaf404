/* Fuzz targets: one file a parser, each with the function that libFuzzer calls. `make check-fuzz`
 * runs each on its corpus (fuzz/corpus/TARGET) and for a few seconds more, `make fuzz` for long.
 *
 * A target returns 0. What must hold it asserts; a crash, a leak, undefined behaviour, memory
 * beyond 1 GB or 10 s for one input fail as well.
 *
 * What comes from outside and has no target of its own:
 *
 *     HTTP and websockets, TLS              libwebsockets and OpenSSL read them; of a request we
 *                                           only compare its path, and look its token up
 *                                           (tokens.c); a client's ID in the path: v1.c
 *     a journal's file                      SQLite reads it; its rows are journal.c's, their
 *                                           traces trace.c's
 *     CSV files                             gnuplot reads them, we do not
 *     what git says                         tree.c
 *     policies as shared objects            they are code, and trusted as such
 */
#ifndef TD_FUZZ_FUZZ_H
#define TD_FUZZ_FUZZ_H

#include "base/assert.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A file in memory with these bytes, for what reads files; its path is in `path`. */
#define TD_FUZZ_PATH 64u
int td_fuzz_file(const uint8_t *bytes, size_t length, char path[static TD_FUZZ_PATH]);

/* The bytes as a text, which the caller frees. */
char *td_fuzz_text(const uint8_t *bytes, size_t length);

#endif
