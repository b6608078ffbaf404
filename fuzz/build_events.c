/* Bazel's build events. */
#include "fuzz/fuzz.h"

#include "live/build_events.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char path[TD_FUZZ_PATH], *text = td_fuzz_text(bytes, length);
    struct td_build_events events = {0};
    struct td_error error;
    int file = td_fuzz_file(bytes, length, path);
    bool good = td_build_events_read(path, &events, &error);
    TD_ASSERT(good && events.ran >= 0 && events.hits >= 0 && events.kept >= 0);
    (void)td_build_events_built(&events, 0.05);
    (void)td_build_events_count(text, &events);
    (void)close(file);
    free(text);
    return 0;
}
