/* A scenario from its text, for tests of several rooms. */
#ifndef TD_TESTS_SCENARIO_H
#define TD_TESTS_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fails the test if it is refused. */
static inline struct td_scenario *scenario_from(const char *text)
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

#endif
