#include "sleeping.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct td_scenario *sleeping_scenario(const char *text)
{
    char path[] = "/tmp/td-test-XXXXXX.json";
    int file = mkstemps(path, 5);
    assert_true(file >= 0);
    size_t length = strlen(text);
    assert_int_equal(write(file, text, length), (ssize_t)length);
    assert_int_equal(close(file), 0);
    struct td_error error;
    struct td_scenario *scenario = td_scenario_read(path, &error);
    (void)unlink(path);
    if (scenario == NULL) fail_msg("refused: %s", error.text);
    return scenario;
}
