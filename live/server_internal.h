/* The insides of the server: server.c has the loop, time, and the log, gate.c who gets in,
 * listener.c the sockets that they come to, connections.c the peers' websockets, http.c what is
 * asked over plain HTTP. */
#ifndef TD_LIVE_SERVER_INTERNAL_H
#define TD_LIVE_SERVER_INTERNAL_H

#include "live/listener.h"
#include "live/server.h"
#include "live/v1.h"

#include <libwebsockets.h>

struct outgoing {
    struct outgoing *next;
    size_t length;
    uint64_t batch;    /* of the journal, that must be durable before */
    int64_t result_ns; /* it is an order: when the result came that it follows; 0: no such thing */
    unsigned char bytes[]; /* LWS_PRE, then the text */
};

/* A peer's websocket. */
struct connection {
    struct lws *wsi;
    struct td_buffer received; /* fragments of a message */
    struct outgoing *first, **last;
    uint32_t queued;
    size_t queued_bytes;
    uint32_t link;
    int64_t result_ns;    /* when its last result came, until it is answered; 0: it is */
    int64_t confirmed_ns; /* when the library was told last that it lives */
    struct td_bucket said;
    uint64_t batch;   /* of the journal, the last one that something waits for here */
    bool greeted;     /* its first message has come */
    bool closing;     /* when all is written, and that batch is durable */
    bool leave_taken; /* the time for its last words runs */
    bool leaving;     /* a client of v1, which is to close by itself */
    bool touched;     /* it is in the server's list */
};

struct td_server {
    struct td_server_options options;
    struct td_authority *authority;
    struct td_v1 *v1; /* its clients' links are also connections */
    struct td_guard *guard;
    struct td_bucket refusals;  /* that may be logged */
    struct td_address arriving; /* where the socket is from that is just being accepted */
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct td_listener *listener;
    struct ssl_ctx_st *tls; /* NULL: none; the library's */
    lws_sorted_usec_list_t timer, retry, notify_timer, look;
    struct td_keeper *keeper;        /* NULL: there is no journal */
    uint64_t durable;                /* the journal's last batch that is; without a journal 0 */
    struct td_answer *held;          /* answers over HTTP that wait for their batch */
    uint64_t folds;                  /* since each of which the authority is another */
    struct connection **connections; /* by link; NULL: free */
    uint32_t *free_links, free_count;
    uint32_t *touched, touched_count; /* links with something that was not flushed yet */
    uint32_t connection_capacity;
    size_t queued_bytes, queued_most; /* all that waits for readers, and the most that did lately */
    uint32_t states;                  /* answers with the state that are being written */
    struct td_buffer text;
    int64_t zero_ns;
    td_time timer_due; /* what the timer is set to */
    td_time deadline;  /* to stop at; TD_TIME_MAX: it is not stopping */
    uint16_t port;
};

int64_t td_server_clock_ns(void);
/* Of the journal, the batch that what is done now belongs to; without one 0. */
uint64_t td_server_batch(const struct td_server *server);
/* Why no orders are given; NULL: they are. */
const char *td_server_trouble(const struct td_server *server);
/* A line for the log, if there is one. */
void td_server_log(void *context, td_time at, const char *peer, const char *text);
/* The next time at which the authority has something to do by itself. */
void td_server_set_timer(struct td_server *server);
/* For the authority, from a link. False: the connection is to be closed at once. */
bool td_server_receive(struct td_server *server, uint32_t link, const struct td_message *message);
/* The link is gone. */
void td_server_lose(struct td_server *server, uint32_t link);

/* gate.c: a socket from its accept() to its end, whatever becomes of it. */
/* Whether a socket of that address may be accepted. */
bool td_gate_admits(struct td_server *server, const struct sockaddr *from);
/* It is, at once, and counts from now on; nonzero: memory is short. */
int td_gate_enter(struct td_server *server, struct lws *wsi);
/* It asks for a websocket. Nonzero: it is refused and knows why, or it is to be closed. */
int td_gate_confirm(struct td_server *server, struct lws *wsi, const char *upgrade);
/* It asks for some page once more; false: that is too often. */
bool td_gate_may_ask(const struct td_server *server, struct lws *wsi);
/* It asks for a page; `shows_all`: one that tells of all repositories. The status of the answer:
 * 200, or another one with a sentence. */
unsigned td_gate_pass(struct td_server *server, struct lws *wsi, bool shows_all, const char **why);
/* Whether it is one too many, that was let in to be told so. */
bool td_gate_is_spare(struct lws *wsi);
void td_gate_leave(struct td_server *server, struct lws *wsi);
/* As td_authority_outlet has it. */
bool td_gate_vouch(void *context, uint32_t link, const struct td_hello *hello,
                   struct td_voucher *voucher, struct td_error *error);
/* Tokens and certificate are read again; who came with a token that is gone is cut off. */
void td_gate_reload(struct td_server *server);

/* connections.c */
#define TD_PATH_SIZE 512
/* The path of the URL; false if it is none that is served. `*v1` is the client's ID if it is one of
 * v1's, and points into the path; else NULL. */
bool td_connection_path(struct lws *wsi, char path[static TD_PATH_SIZE], const char **v1);
extern const struct lws_protocols td_connection_protocols[];
/* What the authority wants sent, or closed, waits for td_connections_flush() behind the batch of
 * the journal that it belongs to. */
void td_connection_send(void *context, uint32_t link, const struct td_message *message);
void td_connection_close(void *context, uint32_t link);
/* What v1's clients do by themselves, after all that has been received. */
void td_connections_settle(struct td_server *server);
void td_connections_flush(struct td_server *server); /* as far as server->durable */
/* Once much that waited is gone, the system has its memory back. */
void td_connections_trim(struct td_server *server);
/* True while something that was flushed is not written. */
bool td_connections_busy(const struct td_server *server);
void td_connections_free(struct td_server *server);

/* http.c */
struct td_answer;
/* What libwebsockets has to say of a connection that is no websocket; `answer` is its own. Nonzero
 * closes it. */
int td_http_event(struct td_server *server, struct lws *wsi, enum lws_callback_reasons reason,
                  struct td_answer **answer, const char *path);
/* Answers whose batch is durable go out; with `all` the others, too. */
void td_http_flush(struct td_server *server, bool all);

#endif
