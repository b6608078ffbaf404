#include "report/progress.h"

#include "report/table.h"

#include "base/assert.h"
#include "base/time.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_NS TD_NS_PER_S /* what is over by then needs no bar */
#define INTERVAL_NS (TD_NS_PER_S / 10)
#define BAR 30
#define LINE_SIZE 256

/* Too little is done to say how long the rest takes. */
#define LEAST_TO_EXTRAPOLATE 0.001

static int64_t now_ns(void)
{
    struct timespec now;
    int status = clock_gettime(CLOCK_MONOTONIC, &now);
    TD_ASSERT(status == 0);
    return (int64_t)now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

void td_progress_start(struct td_progress *progress, FILE *stream)
{
    int64_t now = now_ns();
    *progress = (struct td_progress){.stream = stream,
                                     .terminal = isatty(fileno(stream)) == 1,
                                     .start_ns = now,
                                     .next_ns = now + FIRST_NS};
}

/* Whole seconds are enough for a line that moves. */
static void rough_duration(double seconds, char *out)
{
    td_duration_text(
        seconds < 10.0 ? (double)(int)(seconds * 10.0) / 10.0 : (double)(int64_t)seconds, out);
}

int td_progress_text(double done, double elapsed, int columns, char *out, size_t room)
{
    char past[TD_DURATION_TEXT], bar[BAR + 1];
    if (!(done > 0.0)) done = 0.0;
    if (done > 1.0) done = 1.0;
    int filled = (int)(done * BAR), percent = (int)(done * 100.0), length;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : ' ';
    bar[BAR] = '\0';
    rough_duration(elapsed, past);
    if (done < LEAST_TO_EXTRAPOLATE) {
        length = snprintf(out, room, "%3d%% [%s] %s", percent, bar, past);
    } else {
        char rest[TD_DURATION_TEXT];
        rough_duration(elapsed * (1.0 - done) / done, rest);
        length = snprintf(out, room, "%3d%% [%s] %s, %s left", percent, bar, past, rest);
    }
    TD_ASSERT(length > 0);
    if (length >= (int)room) length = (int)room - 1;
    if (length > columns) length = columns; /* a line that wraps cannot be drawn over */
    out[length] = '\0';
    return length;
}

void td_progress_update(struct td_progress *progress, double done)
{
    if (!progress->terminal) return;
    int64_t now = now_ns();
    if (now < progress->next_ns) return;
    progress->next_ns = now + INTERVAL_NS;

    struct winsize size;
    int columns = LINE_SIZE;
    if (ioctl(fileno(progress->stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        columns = size.ws_col - 1;
    char line[LINE_SIZE];
    double elapsed = (double)(now - progress->start_ns) / (double)TD_NS_PER_S;
    (void)td_progress_text(done, elapsed, columns, line, sizeof line);
    (void)fprintf(progress->stream, "\r\033[K%s", line);
    (void)fflush(progress->stream);
    progress->drawn = true;
}

void td_progress_end(struct td_progress *progress)
{
    if (progress->drawn) {
        (void)fputs("\r\033[K", progress->stream);
        (void)fflush(progress->stream);
    }
    progress->drawn = false;
}
