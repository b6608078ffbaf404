/* What the tests of sleeping peers share: a scenario from its text. */
#ifndef TD_TESTS_LIVE_SLEEPING_H
#define TD_TESTS_LIVE_SLEEPING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload/scenario.h"

/* Reads a scenario from its text; fails the test if it is refused. */
struct td_scenario *sleeping_scenario(const char *text);

#endif
