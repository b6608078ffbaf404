/* Fuzz targets: one file a parser, each with the function that libFuzzer calls. `make check-fuzz`
 * runs each on its corpus (fuzz/corpus/TARGET) and for a few seconds more, `make fuzz` for long.
 *
 * A target returns 0. What must hold it asserts; a crash, a leak, undefined behaviour, memory
 * beyond 1 GB or 10 s for one input fail as well.
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
