/* Scenario files, with all that is checked before a run. */
#include "fuzz/fuzz.h"

#include "workload/scenario.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char path[TD_FUZZ_PATH];
    struct td_error error = {0};
    int file = td_fuzz_file(bytes, length, path);
    struct td_scenario *scenario = td_scenario_read(path, &error);
    TD_ASSERT((scenario == NULL) == (error.fault != TD_FAULT_NONE));
    td_scenario_destroy(scenario);
    (void)close(file);
    return 0;
}
