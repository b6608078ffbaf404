/* A peer without sockets, processes and clock: what it hears and what became of its builds in, what
 * it says and what is to be built out. A shell (live/peer.h) owns the connection, the processes and
 * time.
 *
 *     state = td_peer_state_create(&options, &outlet, now, &error);
 *     td_peer_state_wake(state, now);                   now, and whenever td_peer_state_due() says
 *     td_peer_state_open(state, now);                   the connection is there
 *     td_peer_state_receive(state, message, now);
 *     td_peer_state_lose(state, "reset", now);          it is gone, or could not be had
 *     td_peer_state_finish(state, &build, now);         what was started has ended
 *     if (td_peer_state_end(state) != NULL) ...         the peer's work is over
 *
 * A connection that is lost leaves the build alone: the peer connects again, after pauses that get
 * longer, and goes on with its order if the authority says so. A peer that is told to wait for
 * longer than `max_wait` leaves and builds the universe undirected. So does one whose authority
 * stays away for `max_away`, if it may; otherwise it ends with a sentence. Whatever the authority
 * does, a build that is broken ends the peer as that build ended, and the universe ends it well.
 *
 * One task at a time: `start` is called when nothing runs. Times are nanoseconds and never go back.
 */
#ifndef TD_LIVE_PEER_STATE_H
#define TD_LIVE_PEER_STATE_H

#include "live/executor.h"
#include "live/protocol.h"

struct td_peer_state;

/* All texts outlive the peer. */
struct td_peer_state_options {
    /* What it says first; it brings its schema along. `holds` and `resume` are filled in. */
    struct td_hello hello;
    const char *server; /* the authority's address, for messages */
    td_time max_wait;   /* TD_TIME_MAX: for ever */
    td_time max_away;   /* TD_TIME_MAX: for ever */
    bool fallback;      /* without an authority the universe is built undirected */
};

/* None of these may call the state back. */
struct td_peer_outlet {
    void *context;
    void (*connect)(void *context); /* answered by open or lose */
    void (*send)(void *context, const struct td_message *message);
    /* After what was sent; nothing of the connection is told to the state any more. */
    void (*close)(void *context);
    /* The task's texts live until td_peer_state_finish(). */
    void (*start)(void *context, const struct td_peer_task *task);
    void (*interrupt)(void *context);             /* the task, which finishes soon */
    void (*log)(void *context, const char *text); /* a line of what happens; may be NULL */
};

struct td_peer_end {
    int status;            /* the process's: 0, or the failed build's, or 1 or 2 */
    struct td_error error; /* TD_FAULT_NONE: all was built; else a sentence */
};

/* NULL with an error if memory is short. */
struct td_peer_state *td_peer_state_create(const struct td_peer_state_options *options,
                                           const struct td_peer_outlet *outlet, td_time now,
                                           struct td_error *error);
void td_peer_state_destroy(struct td_peer_state *state); /* NULL is allowed */

void td_peer_state_open(struct td_peer_state *state, td_time now);
void td_peer_state_receive(struct td_peer_state *state, const struct td_message *message,
                           td_time now);
void td_peer_state_lose(struct td_peer_state *state, const char *why, td_time now);
/* The authority has refused the connection before there was one, and would do so again. */
void td_peer_state_refuse(struct td_peer_state *state, const char *why);

void td_peer_state_finish(struct td_peer_state *state, const struct td_build *build, td_time now);
/* Nothing runs, and the peer ends by the error: what was started could not be. */
void td_peer_state_fail(struct td_peer_state *state, const struct td_error *error);
/* Somebody wants the peer to end: it does when its task has. */
void td_peer_state_quit(struct td_peer_state *state);

/* When it has to be woken; TD_TIME_MAX: only what happens matters. */
td_time td_peer_state_due(const struct td_peer_state *state);
void td_peer_state_wake(struct td_peer_state *state, td_time now);

/* NULL while there is something to do. */
const struct td_peer_end *td_peer_state_end(const struct td_peer_state *state);

#endif
