/* A progress bar on a terminal, for what takes longer than a second.
 *
 *     struct td_progress progress;
 *     td_progress_start(&progress, stderr);
 *     ... td_progress_update(&progress, done) ...      as often as one likes, done from 0 to 1
 *     td_progress_end(&progress);                      before anything else is printed
 *
 * Nothing is drawn on a stream that is no terminal. One thread at a time.
 */
#ifndef TD_REPORT_PROGRESS_H
#define TD_REPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct td_progress {
    FILE *stream;
    bool terminal, drawn;
    int64_t start_ns, next_ns; /* of the monotonic clock; next_ns: when to draw again */
};

void td_progress_start(struct td_progress *progress, FILE *stream);
void td_progress_update(struct td_progress *progress, double done);

/* Clears the line. May be called twice. */
void td_progress_end(struct td_progress *progress);

/* The line for `done` after `elapsed` seconds, at most `room` bytes and `columns` wide:
 * " 42% [########            ] 3.2 s, 4.4 s left". Returns its length. */
int td_progress_text(double done, double elapsed, int columns, char *out, size_t room);

#endif
