/* The sentence for a word that nobody knows: which it is, which was meant, where all are listed. */
#ifndef TD_CLI_UNKNOWN_H
#define TD_CLI_UNKNOWN_H

#include "base/error.h"

#include <stddef.h>

/* "run: unknown option '--sede'; the nearest known one is '--seed' ('task-director run --help'
 * lists them all)". `place` is what stands in front ("run"; "" for none), `listed_by` the command
 * in brackets; without a word that is near enough to be meant, none is named. Returns false. */
bool td_cli_unknown(struct td_error *error, const char *place, const char *kind, const char *word,
                    const char *const *known, size_t count, const char *listed_by);

#endif
