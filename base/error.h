/* Errors are values.
 *
 * A function that can fail for a reason outside the program takes a `struct td_error *` as its last
 * parameter and returns false, NULL or a short count. It fills the error with ONE sentence that
 * says what went wrong, where, and what to do about it; the caller hands it up until somebody
 * prints it. A NULL error is allowed: the sentence is dropped. The text is cut, never overrun.
 *
 *     struct td_error error;
 *     if (!td_thing_open(path, &error)) {
 *         fprintf(stderr, "task-director: %s\n", error.text);
 *         return td_error_exit_status(&error);
 *     }
 */
#ifndef TD_BASE_ERROR_H
#define TD_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum td_fault {
    TD_FAULT_NONE = 0,
    TD_FAULT_INPUT,     /* bad usage or bad input: the user mends it (exit status 2) */
    TD_FAULT_RUN,       /* the run failed: a full disk, no memory, a policy's nonsense (1) */
    TD_FAULT_INTERRUPT, /* ended by the user's own signal */
};

struct td_error {
    enum td_fault fault;
    char text[1024];
};

/* Sets the sentence and returns false, so that `return td_error_set(...)` reads well. */
bool td_error_set(struct td_error *error, enum td_fault fault, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));
bool td_error_vset(struct td_error *error, enum td_fault fault, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* The usual sentence for memory that could not be had; `what` names what it was for. */
bool td_error_memory(struct td_error *error, const char *what) __attribute__((cold));

/* 2 for TD_FAULT_INPUT, 1 for every other fault, 0 for none. */
int td_error_exit_status(const struct td_error *error);

#endif
