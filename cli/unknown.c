#include "cli/unknown.h"

#include "base/text.h"

#include <stdio.h>

bool td_cli_unknown(struct td_error *error, const char *place, const char *kind, const char *word,
                    const char *const *known, size_t count, const char *listed_by)
{
    const char *nearest = td_text_nearest(word, known, count);
    char hint[128] = "";
    if (nearest != NULL)
        (void)snprintf(hint, sizeof hint, "; the nearest known one is '%s'", nearest);
    return td_error_set(error, TD_FAULT_INPUT, "%s%sunknown %s '%s'%s ('%s' lists them all)", place,
                        place[0] != '\0' ? ": " : "", kind, word, hint, listed_by);
}
