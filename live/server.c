#include "live/server.h"

#include "base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MOST 4096u /* messages that wait for a slow reader */
#define PING_AFTER_S 20
#define LOST_AFTER_S 40

struct outgoing {
    struct outgoing *next;
    size_t length;
    unsigned char bytes[]; /* LWS_PRE, then the text */
};

/* A connection. */
struct connection {
    struct lws *wsi;
    struct td_buffer received; /* fragments of a message */
    struct outgoing *first, **last;
    uint32_t queued;
    uint32_t link;
    bool closing; /* when all is written */
};

struct td_server {
    struct td_server_options options;
    struct td_authority *authority;
    struct lws_context *context;
    struct lws_vhost *vhost;
    lws_sorted_usec_list_t timer;
    struct connection **connections; /* by link; NULL: free */
    uint32_t connection_capacity;
    struct td_buffer text;
    int64_t zero_ns;
    uint16_t port;
};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

td_time td_server_now(const struct td_server *server)
{
    return (td_time)((double)(monotonic_ns() - server->zero_ns) / server->options.scale);
}

int64_t td_server_zero_ns(const struct td_server *server)
{
    return server->zero_ns;
}

uint16_t td_server_port(const struct td_server *server)
{
    return server->port;
}

void td_server_wake(struct td_server *server)
{
    lws_cancel_service(server->context);
}

/* The next time at which the authority has something to do by itself. */
static void set_timer(struct td_server *server);

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct td_server *server = lws_container_of(timer, struct td_server, timer);
    td_authority_wake(server->authority, td_server_now(server));
    set_timer(server);
}

static void set_timer(struct td_server *server)
{
    td_time due = td_authority_due(server->authority);
    lws_usec_t in = LWS_SET_TIMER_USEC_CANCEL;
    if (due < TD_TIME_MAX) {
        double wait = (double)(due - td_server_now(server)) * server->options.scale / 1000;
        in = wait < 1 ? 1 : (lws_usec_t)wait + 1;
    }
    lws_sul_schedule(server->context, 0, &server->timer, on_timer, in);
}

static void send_message(void *context, uint32_t link, const struct td_message *message)
{
    struct td_server *server = context;
    struct connection *connection = server->connections[link];
    if (connection == NULL || connection->closing) return;
    server->text.length = 0;
    td_message_write(message, &server->text);
    struct outgoing *out = malloc(sizeof *out + LWS_PRE + server->text.length);
    if (server->text.failed || out == NULL || connection->queued >= QUEUE_MOST) {
        free(out);
        server->text.failed = false;
        connection->closing = true; /* it cannot be told any more: let it come back */
    } else {
        out->next = NULL;
        out->length = server->text.length;
        memcpy(out->bytes + LWS_PRE, server->text.bytes, out->length);
        *connection->last = out;
        connection->last = &out->next;
        connection->queued++;
    }
    (void)lws_callback_on_writable(connection->wsi);
}

static void close_link(void *context, uint32_t link)
{
    struct td_server *server = context;
    struct connection *connection = server->connections[link];
    if (connection == NULL) return;
    connection->closing = true;
    (void)lws_callback_on_writable(connection->wsi);
}

static void journal_event(void *context, const struct td_event *event)
{
    const struct td_server *server = context;
    if (server->options.event != NULL) server->options.event(server->options.journal, event);
}

static void journal_command(void *context, const struct td_command *command)
{
    const struct td_server *server = context;
    if (server->options.command != NULL) server->options.command(server->options.journal, command);
}

static void log_line(void *context, td_time at, const char *peer, const char *text)
{
    struct td_server *server = context;
    struct td_buffer *line = &server->text;
    if (server->options.log < 0) return;
    line->length = 0;
    if (server->options.log_json) {
        td_buffer_string(line, "{\"time_s\":");
        td_buffer_sum(line, at);
        td_buffer_string(line, ",\"peer\":");
        td_buffer_json_string(line, peer);
        td_buffer_string(line, ",\"text\":");
        td_buffer_json_string(line, text);
        td_buffer_string(line, "}\n");
    } else {
        td_buffer_sum(line, at);
        td_buffer_string(line, " ");
        td_buffer_string(line, peer);
        td_buffer_string(line, " ");
        td_buffer_string(line, text);
        td_buffer_string(line, "\n");
    }
    /* a log that cannot be written is no reason to stop serving */
    if (!line->failed && write(server->options.log, line->bytes, line->length) < 0) return;
}

/* A number for a connection; false if memory is short. */
static bool add_connection(struct td_server *server, struct connection *connection)
{
    uint32_t link = 0;
    while (link < server->connection_capacity && server->connections[link] != NULL)
        link++;
    if (link == server->connection_capacity) {
        uint32_t capacity = link == 0 ? 64 : 2 * link;
        struct connection **grown = realloc(server->connections, capacity * sizeof(void *));
        if (grown == NULL) return false;
        for (uint32_t i = link; i < capacity; i++)
            grown[i] = NULL;
        server->connections = grown;
        server->connection_capacity = capacity;
    }
    server->connections[link] = connection;
    connection->link = link;
    return true;
}

static int open_connection(struct td_server *server, struct connection **session, struct lws *wsi)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) return -1;
    connection->wsi = wsi;
    connection->last = &connection->first;
    if (!add_connection(server, connection)) {
        free(connection);
        return -1;
    }
    *session = connection;
    return 0;
}

static void end_connection(struct td_server *server, struct connection *connection)
{
    server->connections[connection->link] = NULL;
    td_authority_lose(server->authority, connection->link, td_server_now(server));
    while (connection->first != NULL) {
        struct outgoing *out = connection->first;
        connection->first = out->next;
        free(out);
    }
    td_buffer_free(&connection->received);
    free(connection);
    set_timer(server);
}

static void receive_text(struct td_server *server, const struct connection *connection)
{
    struct td_error error;
    td_time now = td_server_now(server);
    struct td_message *message =
        td_message_read(connection->received.bytes, connection->received.length, &error);
    if (message == NULL) {
        td_authority_refuse(server->authority, connection->link, "bad-message", error.text, now);
    } else {
        td_authority_receive(server->authority, connection->link, message, now);
        td_message_destroy(message);
    }
    set_timer(server);
}

/* A message can come in pieces. */
static int receive(struct td_server *server, struct connection *connection, const void *bytes,
                   size_t length)
{
    struct td_buffer *received = &connection->received;
    if (connection->closing) return 0;
    if (received->length + length > TD_MESSAGE_MAX) {
        td_authority_refuse(server->authority, connection->link, "bad-message",
                            "the message is longer than 1 MiB: send less", td_server_now(server));
        return 0;
    }
    td_buffer_add(received, bytes, length);
    if (received->failed) return -1;
    if (lws_remaining_packet_payload(connection->wsi) != 0 ||
        !lws_is_final_fragment(connection->wsi))
        return 0;
    lws_validity_confirmed(connection->wsi);
    receive_text(server, connection);
    received->length = 0;
    return 0;
}

/* One message a turn. */
static int write_next(struct connection *connection)
{
    struct outgoing *out = connection->first;
    if (out != NULL) {
        connection->first = out->next;
        if (connection->first == NULL) connection->last = &connection->first;
        connection->queued--;
        int written = lws_write(connection->wsi, out->bytes + LWS_PRE, out->length, LWS_WRITE_TEXT);
        bool whole = written >= 0 && (size_t)written >= out->length;
        free(out);
        if (!whole) return -1;
    }
    if (connection->first != NULL)
        (void)lws_callback_on_writable(connection->wsi);
    else if (connection->closing)
        return -1;
    return 0;
}

static bool is_peer_path(struct lws *wsi)
{
    char path[64];
    int length = lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    return length > 0 && strcmp(path, TD_PEER_PATH) == 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct td_server *server = lws_context_user(lws_get_context(wsi));
    struct connection **session = user;
    if (server == NULL) return 0;
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return is_peer_path(wsi) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        return open_connection(server, session, wsi);
    case LWS_CALLBACK_RECEIVE:
        return *session == NULL ? -1 : receive(server, *session, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return *session == NULL ? -1 : write_next(*session);
    case LWS_CALLBACK_CLOSED:
        if (*session != NULL) end_connection(server, *session);
        *session = NULL;
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = TD_SUBPROTOCOL,
     .callback = callback,
     .per_session_data_size = sizeof(struct connection *),
     .rx_buffer_size = 16384},
    {0},
};

static const lws_retry_bo_t keep_alive = {.secs_since_valid_ping = PING_AFTER_S,
                                          .secs_since_valid_hangup = LOST_AFTER_S};

/* A limit of a million would make lws take tables of that size. */
static unsigned connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 20000) return 20000;
    return (unsigned)limit.rlim_cur;
}

static bool listen_on(struct td_server *server, struct td_error *error)
{
    const struct td_server_options *options = &server->options;
    struct lws_context_creation_info info = {0};
    lws_set_log_level(0, NULL);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.user = server;
    info.fd_limit_per_thread = connection_limit();
    server->context = lws_create_context(&info);
    if (server->context == NULL) return td_error_memory(error, "the websocket library");

    struct lws_context_creation_info host = {0};
    host.port = options->port;
    host.iface = options->address;
    host.protocols = protocols;
    host.retry_and_idle_policy = &keep_alive;
    host.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    errno = 0;
    server->vhost = lws_create_vhost(server->context, &host);
    int port = server->vhost == NULL ? 0 : lws_get_vhost_listen_port(server->vhost);
    if (port <= 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "cannot listen on %s:%u%s%s: choose another address or port, or end "
                            "what uses it",
                            options->address, options->port, errno == 0 ? "" : ": ",
                            errno == 0 ? "" : strerror(errno));
    server->port = (uint16_t)port;
    return true;
}

struct td_server *td_server_create(const struct td_server_options *options, struct td_error *error)
{
    struct td_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        (void)td_error_memory(error, "the authority");
        return NULL;
    }
    server->options = *options;
    const struct td_authority_outlet outlet = {.context = server,
                                               .send = send_message,
                                               .close = close_link,
                                               .event = journal_event,
                                               .command = journal_command,
                                               .log = options->log < 0 ? NULL : log_line};
    server->authority = td_authority_create(&options->authority, &outlet, error);
    if (server->authority == NULL || !listen_on(server, error)) {
        td_server_destroy(server);
        return NULL;
    }
    server->zero_ns = monotonic_ns();
    return server;
}

void td_server_destroy(struct td_server *server)
{
    if (server == NULL) return;
    if (server->context != NULL) lws_context_destroy(server->context);
    td_authority_destroy(server->authority);
    td_buffer_free(&server->text);
    free(server->connections);
    free(server);
}

static bool is_drained(struct td_server *server, td_time *deadline)
{
    td_time now = td_server_now(server);
    if (*deadline < 0) {
        td_authority_drain(server->authority);
        *deadline = now + server->options.drain;
        /* something has to happen at the deadline at the latest */
        lws_usec_t in = (lws_usec_t)((double)server->options.drain * server->options.scale / 1000);
        lws_sul_schedule(server->context, 0, &server->timer, on_timer, in + 1);
    }
    return td_authority_is_idle(server->authority) || now >= *deadline;
}

bool td_server_run(struct td_server *server, const atomic_bool *stop, struct td_error *error)
{
    td_time deadline = -1;
    while (!atomic_load(stop) || !is_drained(server, &deadline)) {
        const struct td_error *fault = td_authority_fault(server->authority);
        if (fault != NULL) {
            *error = *fault;
            return false;
        }
        if (lws_service(server->context, 0) < 0)
            return td_error_set(error, TD_FAULT_RUN, "the websocket library has failed");
    }
    return true;
}
