#include "base/error.h"

#include <stdio.h>

bool td_error_vset(struct td_error *error, enum td_fault fault, const char *format, va_list args)
{
    if (error == NULL) return false;
    error->fault = fault;
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    return false;
}

bool td_error_set(struct td_error *error, enum td_fault fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)td_error_vset(error, fault, format, args);
    va_end(args);
    return false;
}

bool td_error_memory(struct td_error *error, const char *what)
{
    return td_error_set(error, TD_FAULT_RUN,
                        "out of memory for %s: run fewer peers, steps or replications at once",
                        what);
}

int td_error_exit_status(const struct td_error *error)
{
    if (error->fault == TD_FAULT_NONE) return 0;
    return error->fault == TD_FAULT_INPUT ? 2 : 1;
}
