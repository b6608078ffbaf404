/* A peer that really builds: it connects to the authority, builds what it is told, and ends as its
 * builds did. What it says and does is settled in live/peer_state.h; this is the shell with the
 * socket, the processes and the clock.
 *
 *     const struct td_peer_options options = {.host = "127.0.0.1", .port = 8080, ...};
 *     td_peer_run(&options, &stop, &end);
 *     if (end.error.fault != TD_FAULT_NONE) ... end.error.text, end.status
 *
 * The connection lives on a thread of its own, so that it is served while a build runs in the
 * calling thread; what passes between them is one task, its result, and the wish to stop it.
 */
#ifndef TD_LIVE_PEER_H
#define TD_LIVE_PEER_H

#include "live/peer_state.h"

#include <stdatomic.h>

struct td_peer_options {
    const char *host; /* a name or an address */
    int port;
    struct ssl_ctx_st *tls; /* td_tls_client_create() for the host; NULL: not encrypted */
    const char *token;      /* NULL: none */
    struct td_peer_state_options state;
    struct td_executor executor;
    /* A line of what happens, from the connection's thread, with the time since the start; may be
     * NULL. */
    void (*log)(void *context, td_time at, const char *text);
    void *log_context;
};

/* Returns when the peer has ended; soon after `stop` has turned true (a signal handler may set it)
 * and the build has given up. It silences the log of libwebsockets, which is global. */
void td_peer_run(const struct td_peer_options *options, const atomic_bool *stop,
                 struct td_peer_end *end);

#endif
