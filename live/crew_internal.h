/* The insides of a crew: crew.c has its processes and its folders, crew_command.c says what can be
 * played and what is started for it. */
#ifndef TD_LIVE_CREW_INTERNAL_H
#define TD_LIVE_CREW_INTERNAL_H

#include "base/arena.h"
#include "live/child.h"
#include "live/crew.h"

#include <limits.h>
#include <pthread.h>
#include <time.h>

/* A server that lost its crew ends by itself; it must outlast the waits between two orders. */
#define CREW_IDLE "--max_idle_secs=900"

/* A peer's process, and the thread that starts it and waits for it. */
struct mate {
    struct td_crew *crew;
    const char *const *argv;
    const char *base; /* Bazel's folder of outputs */
    const char *log;  /* the file that it writes to */
    td_time arrival;
    pthread_t thread;
    void (*job)(struct mate *mate); /* what the thread is for */
    bool good;                      /* `end` says how it ended; else `error` why it did not start */
    struct td_child_end end;
    struct td_error error;
};

struct td_crew {
    struct td_crew_options options;
    struct td_arena *arena;          /* of the command lines and paths */
    char folder[PATH_MAX];           /* of temporary files; "": none yet */
    char cache[PATH_MAX];            /* the cache on the disk, if it is outside of that; "" */
    const char *schema;              /* the file that the peers bring along */
    const char *workspace, *program; /* absolute; NULL where there is none */
    struct td_stop stop;
    struct mate *mates;
    uint32_t count;
    time_t made_at;
    int port;
    int64_t zero_ns;
    atomic_uint over; /* threads whose work is done */
};

/* What all mates need but their command lines: workspace, program, base and log. */
bool td_crew_places(struct td_crew *crew, struct td_error *error);
/* The command lines, when the port is known. */
bool td_crew_commands(struct td_crew *crew, struct td_error *error);

#endif
