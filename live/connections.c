#include "live/server_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* What waits for a slow reader; one that is slower is cut off. */
#define QUEUE_MOST 4096u
#define QUEUE_MOST_BYTES (4u << 20)
/* So much that has waited is worth a look at all free memory. */
#define TRIM_BYTES (1u << 20)
#define LAST_WORDS_S 10 /* so long somebody who is cut off may take to read why */
#define LEAVE_WITHIN (10 * LWS_USEC_PER_SEC) /* for clients of v1, which close by themselves */
/* A connection that is heard needs no ping. To say so is a walk over all connections' timers, which
 * is not worth it with every message; well below the time after which there is a ping. */
#define CONFIRM_AFTER_NS (5 * TD_NS_PER_S)
#define RECEIVE_BYTES 2048u /* of a connection; longer messages come in pieces */

/* What libwebsockets keeps for a connection. */
struct session {
    struct connection *connection; /* it is a websocket */
    struct td_answer *answer;      /* to what was asked over plain HTTP */
};

/* It has something to write, or is to be closed. */
static void touch(struct td_server *server, struct connection *connection)
{
    connection->batch = td_server_batch(server);
    if (connection->touched) return;
    connection->touched = true;
    server->touched[server->touched_count++] = connection->link;
}

/* Nothing more is heard or said but what is queued. */
static void begin_to_close(struct td_server *server, struct connection *connection)
{
    connection->closing = true;
    touch(server, connection);
}

/* What is in the server's text goes out, as a message of that kind. */
static void queue_text(struct td_server *server, struct connection *connection,
                       enum td_message_kind kind)
{
    struct outgoing *out = malloc(sizeof *out + LWS_PRE + server->text.length);
    if (server->text.failed || out == NULL || connection->queued >= QUEUE_MOST ||
        connection->queued_bytes > QUEUE_MOST_BYTES) {
        free(out);
        server->text.failed = false;
        begin_to_close(server, connection); /* it cannot be told any more: let it come back */
    } else {
        out->next = NULL;
        out->length = server->text.length;
        out->batch = td_server_batch(server);
        out->result_ns = kind == TD_MESSAGE_ORDER ? connection->result_ns : 0;
        connection->result_ns = 0;
        td_authority_metrics(server->authority)->sent[kind]++;
        memcpy(out->bytes + LWS_PRE, server->text.bytes, out->length);
        *connection->last = out;
        connection->last = &out->next;
        connection->queued++;
        connection->queued_bytes += out->length;
        server->queued_bytes += out->length;
        if (server->queued_bytes > server->queued_most) server->queued_most = server->queued_bytes;
    }
    touch(server, connection);
}

/* The same message for a client of v1, which has no word for some of them. */
static void write_v1(struct td_server *server, uint32_t link, const struct td_message *message)
{
    td_time now = td_server_now(server);
    if (message->kind == TD_MESSAGE_ERROR && !td_v1_is_in(server->v1, link))
        td_server_log(server, now, td_v1_name(server->v1, link), message->text);
    server->text.length = 0;
    td_v1_write(server->v1, link, message, now, &server->text);
}

void td_connection_send(void *context, uint32_t link, const struct td_message *message)
{
    struct td_server *server = context;
    struct connection *connection = server->connections[link];
    if (connection == NULL || connection->closing) return;
    server->text.length = 0;
    if (td_v1_has(server->v1, link))
        write_v1(server, link, message);
    else
        td_message_write(message, &server->text);
    if (server->text.length > 0 || server->text.failed)
        queue_text(server, connection, message->kind);
    else
        connection->result_ns = 0; /* v1 has no word for it */
}

void td_connection_close(void *context, uint32_t link)
{
    struct td_server *server = context;
    struct connection *connection = server->connections[link];
    if (connection == NULL) return;
    if (td_v1_has(server->v1, link) && td_v1_leaves(server->v1, link)) {
        connection->leaving = true;
        lws_set_timer_usecs(connection->wsi, LEAVE_WITHIN);
        return;
    }
    begin_to_close(server, connection);
}

/* Its next message, which nothing holds back any more. */
static bool may_write(const struct td_server *server, const struct connection *connection)
{
    return connection->first != NULL && connection->first->batch <= server->durable;
}

static bool may_close(const struct td_server *server, const struct connection *connection)
{
    return connection->closing && connection->first == NULL && connection->batch <= server->durable;
}

/* All that it is to hear is durable: so long it may take to read that. */
static void take_leave(struct connection *connection)
{
    if (connection->leave_taken) return;
    connection->leave_taken = true;
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LAST_WORDS_S);
}

void td_connections_flush(struct td_server *server)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < server->touched_count; i++) {
        uint32_t link = server->touched[i];
        struct connection *connection = server->connections[link];
        connection->touched = connection->batch > server->durable;
        if (connection->touched)
            server->touched[kept++] = link;
        else if (connection->closing)
            take_leave(connection);
        if (may_write(server, connection) || may_close(server, connection))
            (void)lws_callback_on_writable(connection->wsi);
    }
    server->touched_count = kept;
}

/* The C library keeps what is free below what is not. */
void td_connections_trim(struct td_server *server)
{
    if (server->queued_most < TRIM_BYTES || server->queued_bytes > server->queued_most / 4) return;
    server->queued_most = server->queued_bytes;
    (void)malloc_trim(0);
}

bool td_connections_busy(const struct td_server *server)
{
    for (uint32_t link = 0; link < server->connection_capacity; link++)
        if (server->connections[link] != NULL && may_write(server, server->connections[link]))
            return true;
    return false;
}

/* Room for twice as many links; false if memory is short. */
static bool grow(struct td_server *server)
{
    uint32_t old = server->connection_capacity, capacity = old == 0 ? 64 : 2 * old;
    struct connection **connections =
        realloc(server->connections, capacity * sizeof *server->connections);
    if (connections != NULL) server->connections = connections;
    uint32_t *free_links = realloc(server->free_links, capacity * sizeof *free_links);
    if (free_links != NULL) server->free_links = free_links;
    uint32_t *touched = realloc(server->touched, capacity * sizeof *touched);
    if (touched != NULL) server->touched = touched;
    if (connections == NULL || free_links == NULL || touched == NULL) return false;
    server->connection_capacity = capacity;
    for (uint32_t link = capacity; link-- > old;) {
        connections[link] = NULL;
        free_links[server->free_count++] = link;
    }
    return true;
}

/* A number for a connection; false if memory is short. */
static bool add_connection(struct td_server *server, struct connection *connection)
{
    if (server->free_count == 0 && !grow(server)) return false;
    connection->link = server->free_links[--server->free_count];
    server->connections[connection->link] = connection;
    return true;
}

/* The socket's only timer fires once, in so many seconds from now. It is never taken back: with
 * that function this version of the library lets it fire at once. */
static void set_patience(struct lws *wsi, double seconds)
{
    if (seconds > 0) lws_set_timer_usecs(wsi, (lws_usec_t)(seconds * 1e6));
}

bool td_connection_path(struct lws *wsi, char path[static TD_PATH_SIZE], const char **v1)
{
    *v1 = NULL;
    if (lws_hdr_copy(wsi, path, TD_PATH_SIZE, WSI_TOKEN_GET_URI) <= 0) return false;
    *v1 = td_v1_client_id(path);
    return *v1 != NULL || strcmp(path, TD_PEER_PATH) == 0;
}

static int open_v1(struct td_server *server, struct connection *connection, const char *id)
{
    struct td_error error;
    if (td_v1_open(server->v1, connection->link, id, &error)) return 0;
    if (!td_v1_has(server->v1, connection->link)) return -1; /* memory is short */
    td_server_log(server, td_server_now(server), td_v1_name(server->v1, connection->link),
                  error.text);
    begin_to_close(server, connection);
    return 0;
}

static int open_connection(struct td_server *server, struct session *session, struct lws *wsi)
{
    char path[TD_PATH_SIZE];
    const char *v1_id;
    if (!td_connection_path(wsi, path, &v1_id)) return -1;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) return -1;
    connection->wsi = wsi;
    connection->confirmed_ns = td_server_clock_ns();
    connection->last = &connection->first;
    if (!add_connection(server, connection)) {
        free(connection);
        return -1;
    }
    session->connection = connection;
    td_authority_metrics(server->authority)->connections++;
    set_patience(wsi, server->options.limits.hello_s);
    return v1_id == NULL ? 0 : open_v1(server, connection, v1_id);
}

static void untouch(struct td_server *server, const struct connection *connection)
{
    uint32_t at = 0;
    if (!connection->touched) return;
    while (server->touched[at] != connection->link)
        at++;
    server->touched[at] = server->touched[--server->touched_count];
}

static void end_connection(struct td_server *server, struct connection *connection)
{
    untouch(server, connection);
    server->connections[connection->link] = NULL;
    struct td_message bye;
    if (td_v1_has(server->v1, connection->link) && td_v1_close(server->v1, connection->link, &bye))
        (void)td_server_receive(server, connection->link, &bye);
    td_server_lose(server, connection->link);
    server->queued_bytes -= connection->queued_bytes;
    while (connection->first != NULL) {
        struct outgoing *out = connection->first;
        connection->first = out->next;
        free(out);
    }
    server->free_links[server->free_count++] = connection->link;
    td_buffer_free(&connection->received);
    free(connection);
    td_server_set_timer(server);
}

static void refuse(struct td_server *server, const struct connection *connection, const char *code,
                   const char *text)
{
    if (server->keeper != NULL) td_keeper_forget(server->keeper, connection->link);
    td_authority_refuse(server->authority, connection->link, code, text, td_server_now(server));
    td_server_set_timer(server);
}

/* Whatever it says counts; false if that is too much. */
static bool may_say(struct td_server *server, struct connection *connection)
{
    if (td_bucket_take(&connection->said, &server->options.limits, td_server_clock_ns()))
        return true;
    refuse(server, connection, "too-fast", "this connection says too much: say less a second");
    return false;
}

/* Its time for the handshake, or for the hello, is over. Nonzero: nobody is to be told. */
static int lose_patience(struct td_server *server, struct connection *connection)
{
    if (connection == NULL) return -1;
    if (connection->leaving) {
        begin_to_close(server, connection);
        return 0;
    }
    if (!connection->greeted && server->options.limits.hello_s > 0)
        refuse(server, connection, "too-slow",
               "there was no hello for too long: say it when the connection is there");
    return 0;
}

/* A result that is to be followed by something: by an order, if there is one for the peer. */
static bool ends_order(const struct td_message *message)
{
    return message->kind == TD_MESSAGE_ENDED ||
           (message->kind == TD_MESSAGE_OBTAINED && message->obtained.last);
}

/* What was received is for the authority. False: the connection is to be closed at once. */
static bool hand_in(struct td_server *server, struct connection *connection,
                    const struct td_message *message, int64_t received_ns)
{
    td_authority_metrics(server->authority)->received[message->kind]++;
    if (ends_order(message)) connection->result_ns = received_ns;
    return td_server_receive(server, connection->link, message);
}

static bool receive_text(struct td_server *server, struct connection *connection, const char *text,
                         size_t length, int64_t received_ns)
{
    struct td_error error;
    struct td_message *message = td_message_read(text, length, &error);
    if (message == NULL) {
        refuse(server, connection, "bad-message", error.text);
        return true;
    }
    bool open = hand_in(server, connection, message, received_ns);
    td_message_destroy(message);
    return open;
}

static bool receive_v1(struct td_server *server, struct connection *connection, const char *text,
                       size_t length, int64_t received_ns)
{
    struct td_error error;
    struct td_message message;
    td_time now = td_server_now(server);
    enum td_v1_read read =
        td_v1_read(server->v1, connection->link, text, length, now, &message, &error);
    if (read == TD_V1_BAD) refuse(server, connection, "bad-message", error.text);
    return read != TD_V1_MESSAGE || hand_in(server, connection, &message, received_ns);
}

void td_connections_settle(struct td_server *server)
{
    uint32_t link;
    struct td_message message;
    td_time now = td_server_now(server);
    bool any = false;
    for (server->text.length = 0; td_v1_act(server->v1, now, &link, &message, &server->text);
         server->text.length = 0) {
        any = true;
        if (server->text.length > 0 || server->text.failed)
            queue_text(server, server->connections[link], TD_MESSAGE_ORDER);
        else if (!td_server_receive(server, link, &message))
            begin_to_close(server, server->connections[link]);
    }
    if (any) td_server_set_timer(server);
}

/* A message that has come whole. False: the connection is to be closed at once. */
static bool receive_whole(struct td_server *server, struct connection *connection, const char *text,
                          size_t length)
{
    int64_t received_ns = td_server_clock_ns();
    if (received_ns - connection->confirmed_ns > CONFIRM_AFTER_NS) {
        connection->confirmed_ns = received_ns;
        lws_validity_confirmed(connection->wsi);
    }
    connection->greeted = true;
    bool open = td_v1_has(server->v1, connection->link)
                    ? receive_v1(server, connection, text, length, received_ns)
                    : receive_text(server, connection, text, length, received_ns);
    td_server_set_timer(server);
    return open;
}

/* A message can come in pieces. */
static int receive(struct td_server *server, struct connection *connection, const void *bytes,
                   size_t length)
{
    struct td_buffer *received = &connection->received;
    if (connection->closing || !may_say(server, connection)) return 0;
    if (lws_frame_is_binary(connection->wsi)) {
        refuse(server, connection, "bad-message", "the message is binary: send it as text");
        return 0;
    }
    if (received->length + length > TD_MESSAGE_MAX) {
        refuse(server, connection, "bad-message", "the message is longer than 1 MiB: send less");
        return 0;
    }
    bool whole = lws_remaining_packet_payload(connection->wsi) == 0 &&
                 lws_is_final_fragment(connection->wsi);
    if (whole && received->length == 0)
        return receive_whole(server, connection, bytes, length) ? 0 : -1;
    td_buffer_add(received, bytes, length);
    if (received->failed) return -1;
    if (!whole) return 0;
    bool open = receive_whole(server, connection, received->bytes, received->length);
    td_buffer_free(received); /* hardly any other message comes in pieces */
    return open ? 0 : -1;
}

/* Clients of v1 have no message that says why: the close does. */
static void say_why(const struct td_server *server, const struct connection *connection)
{
    unsigned char reason[TD_V1_REASON_MOST + 1];
    if (!td_v1_has(server->v1, connection->link)) return;
    const char *text = td_v1_reason(server->v1, connection->link);
    size_t length = strlen(text);
    memcpy(reason, text, length + 1); /* the library wants it to be no constant */
    lws_close_reason(connection->wsi,
                     length == 0 ? LWS_CLOSE_STATUS_NORMAL : LWS_CLOSE_STATUS_POLICY_VIOLATION,
                     reason, length);
}

/* One message a turn. */
static int write_next(struct td_server *server, struct connection *connection)
{
    struct outgoing *out = connection->first;
    if (may_write(server, connection)) {
        connection->first = out->next;
        if (connection->first == NULL) connection->last = &connection->first;
        connection->queued--;
        connection->queued_bytes -= out->length;
        server->queued_bytes -= out->length;
        int written = lws_write(connection->wsi, out->bytes + LWS_PRE, out->length, LWS_WRITE_TEXT);
        if (out->result_ns != 0)
            td_histogram_observe(&td_authority_metrics(server->authority)->queue,
                                 td_server_clock_ns() - out->result_ns);
        bool whole = written >= 0 && (size_t)written >= out->length;
        free(out);
        if (!whole) return -1;
    }
    if (may_write(server, connection)) {
        (void)lws_callback_on_writable(connection->wsi);
    } else if (may_close(server, connection)) {
        say_why(server, connection);
        return -1;
    }
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct td_server *server = lws_context_user(lws_get_context(wsi));
    struct session *session = user;
    char path[TD_PATH_SIZE];
    const char *v1_id;
    if (server == NULL) return 0;
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        server->tls = user;
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        td_listener_accept(server->listener, wsi);
        return 0;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        set_patience(wsi, server->options.limits.handshake_s);
        return td_gate_enter(server, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        td_gate_leave(server, wsi);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return td_gate_confirm(server, wsi, in);
    case LWS_CALLBACK_TIMER:
        return lose_patience(server, session == NULL ? NULL : session->connection);
    case LWS_CALLBACK_RECEIVE_PONG: /* pongs that nobody has asked for are things said, too */
        if (session->connection != NULL && !session->connection->closing)
            (void)may_say(server, session->connection);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return td_connection_path(wsi, path, &v1_id) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        return open_connection(server, session, wsi);
    case LWS_CALLBACK_RECEIVE:
        return session->connection == NULL ? -1 : receive(server, session->connection, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return session->connection == NULL ? -1 : write_next(server, session->connection);
    case LWS_CALLBACK_CLOSED:
        if (session->connection != NULL) end_connection(server, session->connection);
        session->connection = NULL;
        return 0;
    default:
        return td_http_event(server, wsi, reason, session == NULL ? NULL : &session->answer, in);
    }
}

const struct lws_protocols td_connection_protocols[] = {
    {.name = TD_SUBPROTOCOL,
     .callback = callback,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = RECEIVE_BYTES},
    {0},
};

void td_connections_free(struct td_server *server)
{
    free(server->connections);
    free(server->free_links);
    free(server->touched);
}
