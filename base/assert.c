#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void td_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "task-director: a bug: %s:%d: '%s' does not hold\n", file, line,
                  condition);
    abort();
}
