/* What answers `task-director status`, which need not be an authority. */
#include "fuzz/fuzz.h"

#include "cli/state_table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct td_error error = {0};
    char *said = NULL;
    size_t size = 0;
    const char *text = length == 0 ? NULL : (const char *)bytes;
    struct td_json *json = td_json_parse("state", text, length, &error);
    FILE *out = open_memstream(&said, &size);
    TD_ASSERT(out != NULL);
    if (json != NULL) {
        (void)td_state_version(json);
        TD_ASSERT(td_state_print(json, out, &error));
    }
    (void)fclose(out);
    for (size_t i = 0; i < size; i++) /* a terminal obeys none of it */
        TD_ASSERT(said[i] == '\n' || (unsigned char)said[i] >= ' ');
    free(said);
    td_json_destroy(json);
    return 0;
}
