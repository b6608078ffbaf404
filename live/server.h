/* The authority on the network: a thin shell of libwebsockets around live/authority.h. One thread
 * owns the sockets, the engine, and time.
 *
 *     struct td_server *server = td_server_create(&options, &error);
 *     ... td_server_port(server) ...
 *     done = td_server_run(server, &stop, &error);
 *     td_server_destroy(server);
 *
 * Peers connect to ws://ADDRESS:PORT/peer (wss:// if there is a certificate) with the subprotocol
 * of live/protocol.h. A ping goes out when nothing has been heard for a while; a connection that
 * does not answer is lost.
 */
#ifndef TD_LIVE_SERVER_H
#define TD_LIVE_SERVER_H

#include "live/authority.h"
#include "live/guard.h"
#include "live/keeper.h"
#include "live/tokens.h"

#include <stdatomic.h>

struct td_server;

struct td_server_options {
    const char *address; /* numeric, or a name that resolves */
    uint16_t port;       /* 0: any that is free */
    double scale;        /* wall time = scenario time * scale; 1 for real builds */
    struct td_authority_options authority;
    /* Of connections. All zero: as many as there are files for, and no other limits. */
    struct td_guard_limits limits;
    struct td_tokens *tokens;       /* who may join; NULL: everybody. It is taken over, always */
    const char *tokens_path;        /* where they are from; NULL: not from a file */
    bool v1_without_token;          /* clients of v1, which can send none, may join all the same */
    const char *tls_cert, *tls_key; /* NULL: not encrypted; as td_tls_check() has found them good */
    /* Set to true, and followed by a signal: tokens and certificate are read again. May be NULL. */
    atomic_bool *reload;
    td_time drain; /* when it is stopped, running orders have so long to end */
    bool log_json;
    bool notify; /* systemd is told how it is, if it has started this program */
    int log;     /* file descriptor for a line for each thing that happens; -1: none */
    /* What goes into the engine and comes out of it. May be NULL. */
    void (*event)(void *context, const struct td_event *event);
    void (*command)(void *context, const struct td_command *command);
    void *watcher;
    struct td_keeper_options journal; /* without a path there is none */
};

/* NULL with an error: the address is in use, or cannot be had. */
struct td_server *td_server_create(const struct td_server_options *options, struct td_error *error);
void td_server_destroy(struct td_server *server); /* NULL is allowed */
uint16_t td_server_port(const struct td_server *server);

/* Monotonic time at the scenario's zero: that of td_server_create(). */
int64_t td_server_zero_ns(const struct td_server *server);

/* Serves until it is stopped: `stop` has turned true, which it notices when td_server_wake() is
 * called, mostly when a signal comes, and within a second anyway. Then there are no new orders, and
 * it returns when those that run have ended, or in time, and when what is queued for peers is
 * durable and written (or a second after it is durable). */
bool td_server_run(struct td_server *server, const atomic_bool *stop, struct td_error *error);
/* From another thread: look at `stop` now. */
void td_server_wake(struct td_server *server);
/* The scenario's time. */
td_time td_server_now(const struct td_server *server);

#endif
