/* Ctrl-C and its like (SIGINT, SIGTERM, SIGHUP): a flag for whoever works, a clean end afterwards.
 *
 *     const atomic_bool *stop = td_interrupt_watch();
 *     ... work that looks at *stop now and then, and that removes its temporaries ...
 *     if (atomic_load(stop)) td_interrupt_die("interrupted; nothing was written");
 *     td_interrupt_unwatch();
 *
 * A signal that was ignored when the program started (nohup, a background job of a script) stays
 * so.
 */
#ifndef TD_CLI_INTERRUPT_H
#define TD_CLI_INTERRUPT_H

#include <stdatomic.h>

/* From here on the signals only set the flag. */
const atomic_bool *td_interrupt_watch(void);

/* After that: SIGHUP asks for something else, and sets only the flag that is returned here. Who
 * takes notice clears it. */
atomic_bool *td_interrupt_watch_hangup(void);

/* From here on they end the program at once again. */
void td_interrupt_unwatch(void);

/* Prints "task-director: SENTENCE" on standard error and ends the process by the signal that was
 * caught, so that a shell sees it and stops its script. Only after the flag has been set. */
_Noreturn void td_interrupt_die(const char *sentence);

#endif
