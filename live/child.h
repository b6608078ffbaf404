/* A command as a child process: started without a shell, in a process group of its own, and ended
 * as ctrl-C ends it.
 *
 *     const char *const argv[] = {"make", "-j4", NULL};
 *     const struct td_child_command command = {.argv = argv, .grace = 10 * TD_NS_PER_S};
 *     struct td_child_end end;
 *     if (!td_child_run(&command, stop, &end, &error)) ...     it did not start: error.text
 *     if (end.signal == 0 && end.status == 0) ...              it did its work
 *
 * td_child_run() returns when the child has ended, so it wants a thread of its own; any other
 * thread, or a signal handler, ends the child early by td_stop_ask(): the group gets SIGINT, again
 * after the grace time, and a third time after another. Bazel gives a build up at the first and
 * kills its server at the third; it is never killed itself, since its server would go on. Should
 * our process die, the child gets SIGINT, too.
 *
 * Nothing is left behind: the child is waited for, and no descriptor of ours is passed on but those
 * that are named. Signals that we ignore or block are not ignored or blocked in the child.
 */
#ifndef TD_LIVE_CHILD_H
#define TD_LIVE_CHILD_H

#include "base/error.h"
#include "base/time.h"
#include "report/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* A wish that can be uttered in one thread and waited for in another. */
struct td_stop {
    int descriptor; /* readable when the wish was uttered */
};
bool td_stop_open(struct td_stop *stop, struct td_error *error);
void td_stop_ask(const struct td_stop *stop); /* from any thread or signal handler, any often */
bool td_stop_asked(const struct td_stop *stop);
void td_stop_clear(const struct td_stop *stop); /* for the next child */
void td_stop_close(struct td_stop *stop);

struct td_child_command {
    const char *const *argv;        /* ends with NULL; argv[0] is looked for in PATH */
    const char *folder;             /* that it runs in; NULL: ours */
    const char *const *environment; /* "NAME=value" over ours, ends with NULL; NULL: none */
    int input;                      /* descriptors; 0: nothing to read, */
    int output, errors;             /* 0: to where ours go */
    td_time grace;                  /* from one interrupt to the next; 0: 10 s */
    bool kill; /* SIGKILL for the group if the third interrupt did not help either */
};

struct td_child_end {
    int status;     /* exit status, if it was no signal */
    int signal;     /* that ended it; 0: none */
    int interrupts; /* that it was sent; also 1 if it was not even started for a stop */
    td_time took;
};

/* Runs it to its end. `stop` may be NULL. False with a sentence if it could not be started. */
bool td_child_run(const struct td_child_command *command, const struct td_stop *stop,
                  struct td_child_end *end, struct td_error *error);

/* The same, and appends what it wrote to its output. The command's `output` is ignored. */
bool td_child_read(const struct td_child_command *command, const struct td_stop *stop,
                   struct td_buffer *output, struct td_child_end *end, struct td_error *error);

/* A file in memory, to be a command's input, output or errors: never full as a pipe is. It starts
 * with `length` bytes of `text`, and is read from its beginning. Close the descriptor in the end.
 * -1 with an error. */
int td_scratch_open(const char *text, size_t length, struct td_error *error);
/* Appends all of it; false with an error. */
bool td_scratch_read(int descriptor, struct td_buffer *out, struct td_error *error);

#endif
