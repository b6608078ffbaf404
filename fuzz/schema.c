/* Schema files. */
#include "fuzz/fuzz.h"

#include "workload/scenario.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char path[TD_FUZZ_PATH];
    struct td_error error = {0};
    int file = td_fuzz_file(bytes, length, path);
    struct td_scenario *schema = td_scenario_read_schema(path, &error);
    TD_ASSERT((schema == NULL) == (error.fault != TD_FAULT_NONE));
    if (schema != NULL) TD_ASSERT(schema->step_count > 0 && schema->universe != NULL);
    td_scenario_destroy(schema);
    (void)close(file);
    return 0;
}
