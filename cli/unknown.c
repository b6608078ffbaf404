#include "cli/unknown.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The one known word that begins with `word`, so that whoever abbreviates learns the whole name;
 * otherwise the nearest one. */
static const char *meant(const char *word, const char *const *known, size_t count)
{
    size_t length = strlen(word), found = 0;
    const char *whole = NULL;
    for (size_t i = 0; i < count && length > 0; i++) {
        if (strncmp(known[i], word, length) != 0) continue;
        whole = known[i];
        found++;
    }
    return found == 1 ? whole : td_text_nearest(word, known, count);
}

bool td_cli_unknown(struct td_error *error, const char *place, const char *kind, const char *word,
                    const char *const *known, size_t count, const char *listed_by)
{
    const char *nearest = meant(word, known, count);
    char hint[128] = "";
    if (nearest != NULL)
        (void)snprintf(hint, sizeof hint, "; the nearest known one is '%s'", nearest);
    return td_error_set(error, TD_FAULT_INPUT, "%s%sunknown %s '%s'%s ('%s' lists them all)", place,
                        place[0] != '\0' ? ": " : "", kind, word, hint, listed_by);
}
