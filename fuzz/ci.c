/* The variables of CI systems: lines NAME=VALUE. */
#include "fuzz/fuzz.h"

#include "live/ci.h"

#include <stdlib.h>
#include <string.h>

/* The lines are texts, one behind the other; an empty one ends them. */
static const char *variable(void *context, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = context; *line != '\0'; line += strlen(line) + 1)
        if (strncmp(line, name, length) == 0 && line[length] == '=') return line + length + 1;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct td_identity identity = {0};
    char name[TD_IDENTITY_TEXT], *text = td_fuzz_text(bytes, length);
    td_repository_name(text, name);
    TD_ASSERT(strlen(name) < sizeof name);
    char *lines = calloc(length + 2, 1);
    TD_ASSERT(lines != NULL);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) /* no line is empty */
        if (text[i] != '\n' && text[i] != '\0')
            lines[used++] = text[i];
        else if (used > 0 && lines[used - 1] != '\0')
            lines[used++] = '\0';
    (void)td_identity_from_ci(variable, lines, &identity);
    free(lines);
    free(text);
    return 0;
}
