#include "live/server_internal.h"

#include "base/text.h"
#include "live/notify.h"

#include <ctype.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PING_AFTER_S 20
#define LOST_AFTER_S 40
/* Where nobody said how many may come. The websocket library makes tables of that size. */
#define CONNECTIONS 19900u
#define STATUS_EVERY_NS (10 * TD_NS_PER_S)
#define WRITE_OUT_NS TD_NS_PER_S
#define LOOK_EVERY LWS_USEC_PER_SEC /* at the flags of signals */

int64_t td_server_clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

td_time td_server_now(const struct td_server *server)
{
    return (td_time)((double)(td_server_clock_ns() - server->zero_ns) / server->options.scale);
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

uint64_t td_server_batch(const struct td_server *server)
{
    return server->keeper == NULL ? 0 : td_keeper_batch(server->keeper);
}

const char *td_server_trouble(const struct td_server *server)
{
    const struct td_error *fault = td_authority_fault(server->authority);
    if (fault != NULL) return fault->text;
    if (td_authority_is_draining(server->authority))
        return "it has been told to stop: there are no new orders, and it ends when those that run "
               "have ended";
    if (td_authority_is_held(server->authority, TD_HOLD_JOURNAL))
        return "the journal cannot be written: make room on its disk, or mend it";
    return NULL;
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct td_server *server = lws_container_of(timer, struct td_server, timer);
    server->timer_due = TD_TIME_MAX; /* it is not set any more */
    td_authority_wake(server->authority, td_server_now(server));
    td_server_set_timer(server);
}

void td_server_set_timer(struct td_server *server)
{
    td_time due = td_authority_due(server->authority);
    if (due > server->deadline) due = server->deadline;
    if (due == server->timer_due) return;
    server->timer_due = due;
    lws_usec_t in = LWS_SET_TIMER_USEC_CANCEL;
    if (due < TD_TIME_MAX) {
        double wait = (double)(due - td_server_now(server)) * server->options.scale / 1000;
        in = wait < 1 ? 1 : (lws_usec_t)wait + 1;
    }
    lws_sul_schedule(server->context, 0, &server->timer, on_timer, in);
}

bool td_server_receive(struct td_server *server, uint32_t link, const struct td_message *message)
{
    static const struct td_message later = {
        .kind = TD_MESSAGE_ERROR,
        .text = "the journal is full until those who are here have finished: try again later",
        .error = {.code = "try-later"}};
    enum td_admission admission =
        server->keeper == NULL
            ? TD_ADMIT
            : td_keeper_admit(server->keeper, link, message, td_server_now(server));
    if (admission == TD_ADMIT)
        td_authority_receive(server->authority, link, message, td_server_now(server));
    if (admission == TD_TRY_LATER) {
        td_connection_send(server, link, &later);
        td_connection_close(server, link);
    }
    return admission != TD_TOO_MUCH;
}

void td_server_lose(struct td_server *server, uint32_t link)
{
    if (server->keeper != NULL) td_keeper_forget(server->keeper, link);
    td_authority_lose(server->authority, link, td_server_now(server));
}

static void journal_event(void *context, const struct td_event *event)
{
    const struct td_server *server = context;
    if (server->options.event != NULL) server->options.event(server->options.watcher, event);
}

static void journal_command(void *context, const struct td_command *command)
{
    const struct td_server *server = context;
    if (server->options.command != NULL) server->options.command(server->options.watcher, command);
}

/* A peer's words may hold what a terminal would obey, or a line feed. */
static void add_readable(struct td_buffer *line, const char *text)
{
    size_t left = strlen(text), length;
    uint32_t code;
    for (; left > 0; text += length, left -= length) {
        length = td_utf8_decode(text, left, &code);
        bool readable = length > 0 && td_code_printable(code);
        if (length == 0) length = 1;
        td_buffer_add(line, readable ? text : "?", readable ? length : 1);
    }
}

void td_server_log(void *context, td_time at, const char *peer, const char *text)
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
        add_readable(line, text);
        td_buffer_string(line, "\n");
    }
    /* a log that cannot be written is no reason to stop serving */
    if (!line->failed && write(server->options.log, line->bytes, line->length) < 0) return;
}

static const lws_retry_bo_t keep_alive = {.secs_since_valid_ping = PING_AFTER_S,
                                          .secs_since_valid_hangup = LOST_AFTER_S};

/* The websocket library, and the sockets that peers come to. */
static bool listen_on(struct td_server *server, struct td_error *error)
{
    const struct td_server_options *options = &server->options;
    struct lws_context_creation_info info = {0};
    server->port = options->port;
    server->listener = td_listener_open(options->address, &server->port, error);
    if (server->listener == NULL) return false;
    lws_set_log_level(0, NULL);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    if (options->tls_cert != NULL) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.user = server;
    info.fd_limit_per_thread = options->limits.connections + TD_GUARD_SPARE + TD_GUARD_FILES;
    server->context = lws_create_context(&info);
    if (server->context == NULL) return td_error_memory(error, "the websocket library");

    struct lws_context_creation_info host = {0};
    host.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    host.protocols = td_connection_protocols;
    host.retry_and_idle_policy = &keep_alive;
    if (options->tls_cert != NULL) {
        host.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        host.ssl_cert_filepath = options->tls_cert;
        host.ssl_private_key_filepath = options->tls_key;
        host.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
        host.alpn = "http/1.1";
    }
    server->vhost = lws_create_vhost(server->context, &host);
    if (server->vhost == NULL && options->tls_cert != NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "certificate %s cannot be used: give another one, or its own key",
                            options->tls_cert);
    return (server->vhost != NULL && td_listener_start(server->listener, server)) ||
           td_error_memory(error, "the websocket library");
}

/* The authority, new or as its journal has it. False with an error. */
static bool open_authority(struct td_server *server, const struct td_authority_outlet *outlet,
                           struct td_error *error)
{
    const struct td_server_options *options = &server->options;
    if (options->journal.path == NULL) {
        server->authority = td_authority_create(&options->authority, outlet, error);
        return server->authority != NULL;
    }
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    int64_t realtime_ns = (int64_t)wall.tv_sec * TD_NS_PER_S + wall.tv_nsec;
    server->keeper =
        td_keeper_open(&options->journal, &options->authority, outlet, realtime_ns, error);
    if (server->keeper == NULL) return false;
    server->authority = td_keeper_authority(server->keeper);
    server->zero_ns -= (int64_t)((double)td_keeper_start(server->keeper) * options->scale);
    return true;
}

/* From the journal's thread. */
static void on_commit(void *context)
{
    td_server_wake(context);
}

struct td_server *td_server_create(const struct td_server_options *options, struct td_error *error)
{
    struct td_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        (void)td_error_memory(error, "the authority");
        td_tokens_destroy(options->tokens);
        return NULL;
    }
    server->options = *options;
    char warning[256];
    uint32_t *connections = &server->options.limits.connections;
    if (*connections == 0) *connections = CONNECTIONS;
    if (!td_guard_reserve_files(connections, warning, sizeof warning, error)) {
        td_server_destroy(server);
        return NULL;
    }
    server->deadline = server->timer_due = TD_TIME_MAX;
    server->zero_ns = td_server_clock_ns();
    const struct td_authority_outlet outlet = {.context = server,
                                               .send = td_connection_send,
                                               .close = td_connection_close,
                                               .vouch =
                                                   options->tokens == NULL ? NULL : td_gate_vouch,
                                               .event = journal_event,
                                               .command = journal_command,
                                               .log = options->log < 0 ? NULL : td_server_log};
    uint32_t start = 0;
    if (getrandom(&start, sizeof start, 0) != (ssize_t)sizeof start ||
        (server->v1 = td_v1_create(start)) == NULL) {
        (void)td_error_memory(error, "the clients of v1");
        td_server_destroy(server);
        return NULL;
    }
    server->guard = td_guard_create(&server->options.limits, error);
    if (server->guard == NULL || !open_authority(server, &outlet, error) ||
        !listen_on(server, error) ||
        (server->keeper != NULL &&
         !td_keeper_commit_aside(server->keeper, on_commit, server, error))) {
        td_server_destroy(server);
        return NULL;
    }
    return server;
}

void td_server_destroy(struct td_server *server)
{
    if (server == NULL) return;
    if (server->keeper != NULL) td_keeper_rest(server->keeper);
    if (server->context != NULL) lws_context_destroy(server->context);
    td_listener_close(server->listener);
    if (server->keeper == NULL) td_authority_destroy(server->authority);
    td_keeper_close(server->keeper);
    td_v1_destroy(server->v1);
    td_guard_destroy(server->guard);
    td_tokens_destroy(server->options.tokens);
    td_buffer_free(&server->text);
    td_connections_free(server);
    free(server);
}

static void on_retry(lws_sorted_usec_list_t *timer)
{
    (void)timer; /* the round that this ends does what there is to do */
}

/* What this round has brought is handed to the journal, and what it has made durable goes out. */
static void keep(struct td_server *server, bool (*commit)(struct td_keeper *, td_time, int64_t))
{
    if (server->keeper != NULL) {
        int64_t now = td_server_clock_ns();
        (void)commit(server->keeper, td_server_now(server), now);
        int64_t due = td_keeper_due(server->keeper);
        const struct td_authority *before = server->authority;
        server->authority = td_keeper_authority(server->keeper);
        server->folds += server->authority != before;
        server->durable = td_keeper_durable(server->keeper);
        if (due < INT64_MAX)
            lws_sul_schedule(server->context, 0, &server->retry, on_retry,
                             due <= now ? 1 : (due - now) / 1000 + 1);
        td_server_set_timer(server);
    }
    td_connections_flush(server);
    /* whoever asks how it is has to hear that nothing can be written */
    td_http_flush(server, td_authority_is_held(server->authority, TD_HOLD_JOURNAL));
}

static bool is_drained(struct td_server *server)
{
    td_time now = td_server_now(server);
    if (server->deadline == TD_TIME_MAX) {
        td_authority_drain(server->authority);
        if (server->options.notify) td_notify("STOPPING=1\nSTATUS=waits for running orders to end");
        server->deadline = now + server->options.drain;
        td_server_set_timer(server);
    }
    return td_authority_is_idle(server->authority) || now >= server->deadline;
}

/* What waits for its peers is written before the end, once it is durable, however long that takes;
 * those who do not read are not waited for. */
static void write_out(struct td_server *server)
{
    server->deadline = TD_TIME_MAX; /* it has come */
    keep(server, td_keeper_settle);
    int64_t until = td_server_clock_ns() + WRITE_OUT_NS, left = WRITE_OUT_NS;
    while (left > 0 && td_connections_busy(server)) {
        left = until - td_server_clock_ns(); /* if none is, they are looked at once more */
        int64_t wait_us = left > 0 ? left / 1000 + 1 : 1;
        lws_sul_schedule(server->context, 0, &server->retry, on_retry, wait_us);
        if (lws_service(server->context, 0) < 0) return;
        keep(server, td_keeper_settle);
    }
}

/* Tells systemd that the loop goes round, and what goes on in it. */
static void on_notify_timer(lws_sorted_usec_list_t *timer)
{
    struct td_server *server = lws_container_of(timer, struct td_server, notify_timer);
    td_time every = td_notify_watchdog();
    if (every > STATUS_EVERY_NS) every = STATUS_EVERY_NS;
    struct td_gauges gauges = td_authority_gauges(server->authority);
    char text[256];
    (void)snprintf(text, sizeof text,
                   "%sSTATUS=peers: %u working, %u waiting, %u without a connection",
                   td_notify_watchdog() == TD_TIME_MAX ? "" : "WATCHDOG=1\n", gauges.working,
                   gauges.waiting, gauges.away);
    td_notify(text);
    lws_sul_schedule(server->context, 0, &server->notify_timer, on_notify_timer, every / 1000);
}

/* A signal ends the wait for the network, but for one that comes right before it begins: of that
 * the round hears that this ends. */
static void on_look(lws_sorted_usec_list_t *timer)
{
    struct td_server *server = lws_container_of(timer, struct td_server, look);
    lws_sul_schedule(server->context, 0, &server->look, on_look, LOOK_EVERY);
}

static void begin_notifying(struct td_server *server)
{
    if (!server->options.notify || !td_notify_is_wanted()) return;
    td_notify("READY=1");
    on_notify_timer(&server->notify_timer);
}

bool td_server_run(struct td_server *server, const atomic_bool *stop, struct td_error *error)
{
    atomic_bool *reload = server->options.reload;
    td_server_set_timer(server); /* a journal may have left something to wait for */
    keep(server, td_keeper_commit);
    begin_notifying(server);
    on_look(&server->look);
    while (!atomic_load(stop) || !is_drained(server)) {
        if (reload != NULL && atomic_exchange(reload, false)) {
            td_gate_reload(server);
            keep(server, td_keeper_commit); /* who is cut off hears of it now */
        }
        const struct td_error *fault = td_authority_fault(server->authority);
        if (fault == NULL && server->keeper != NULL) fault = td_keeper_fault(server->keeper);
        if (fault != NULL) {
            *error = *fault;
            return false;
        }
        if (lws_service(server->context, 0) < 0)
            return td_error_set(error, TD_FAULT_RUN, "the websocket library has failed");
        td_connections_settle(server);
        keep(server, td_keeper_commit);
        td_connections_trim(server);
    }
    write_out(server);
    return true;
}
