#include "live/peer.h"

#include "base/assert.h"
#include "base/thread.h"
#include "live/client.h"
#include "live/tls.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES 32u           /* descriptors of the websocket library: one connection, and its own */
#define QUEUE_MOST 64u      /* messages that wait to be written, beside one a step */
#define LOOK_NS 100000000   /* how often to look whether somebody wants the peer to stop */
#define CLOSE_NS 2000000000 /* how long the last words may take */

struct outgoing {
    struct outgoing *next;
    struct td_buffer text; /* LWS_PRE bytes, then the message */
};

/* A connection, kept until all ends: the library may still name one that was given up. */
struct link {
    struct link *next;
    struct peer *peer;
    struct lws *wsi;
    bool open, closing, over; /* closing: when all is written, and nobody hears of it */
    char flaw[256];           /* of the authority's certificate; "": none was found */
    struct td_buffer received;
    struct outgoing *first, **last;
    unsigned queued;
};

struct peer {
    const struct td_peer_options *options;
    const atomic_bool *stop;
    struct td_peer_state *state;
    struct lws_context *context;
    lws_sorted_usec_list_t timer;
    struct link *links, *link; /* all of them, and the one that the state knows; NULL: none */
    int64_t zero_ns;
    bool leaving; /* the context is being destroyed */
    struct td_stop abort;

    /* Between the threads. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool started, finished, good, over;
    struct td_peer_task task;
    struct td_build build;
    struct td_error error;
};

/* Pings find out about a connection that is dead and does not know it. */
static const lws_retry_bo_t keep_alive = {.secs_since_valid_ping = 25,
                                          .secs_since_valid_hangup = 40};

static td_time now_of(const struct peer *peer)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TD_NS_PER_S + now.tv_nsec - peer->zero_ns;
}

/* --- what the state wants done, in the connection's thread --------------------------------- */

static void forget_messages(struct link *link)
{
    while (link->first != NULL) {
        struct outgoing *out = link->first;
        link->first = out->next;
        td_buffer_free(&out->text);
        free(out);
    }
    link->last = &link->first;
    link->queued = 0;
    td_buffer_free(&link->received);
}

static void part_with(struct link *link)
{
    link->over = true;
    link->wsi = NULL;
    forget_messages(link);
}

/* There is no connection, or none any more. */
static void end_link(struct link *link, const char *why)
{
    struct peer *peer = link->peer;
    if (link->over) return;
    part_with(link);
    if (peer->link != link) return;
    peer->link = NULL;
    if (!peer->leaving) td_peer_state_lose(peer->state, why, now_of(peer));
}

static void connect_to_authority(void *context)
{
    struct peer *peer = context;
    struct link *link = calloc(1, sizeof *link);
    TD_ASSERT(peer->link == NULL);
    if (link == NULL) {
        struct td_error error;
        (void)td_error_memory(&error, "a connection");
        td_peer_state_fail(peer->state, &error);
        return;
    }
    link->peer = peer;
    link->last = &link->first;
    link->next = peer->links;
    peer->links = peer->link = link;
    const struct lws_client_connect_info info = {.context = peer->context,
                                                 .address = peer->options->host,
                                                 .host = peer->options->host,
                                                 .origin = peer->options->host,
                                                 .port = peer->options->port,
                                                 .ssl_connection =
                                                     td_client_flags(peer->options->tls),
                                                 .alpn = "http/1.1",
                                                 .path = TD_PEER_PATH,
                                                 .protocol = TD_SUBPROTOCOL,
                                                 .pwsi = &link->wsi,
                                                 .userdata = link,
                                                 .retry_and_idle_policy = &keep_alive};
    /* the callback may have heard of the failure before */
    if (lws_client_connect_via_info(&info) == NULL) end_link(link, "there is no way to it");
}

static void send_message(void *context, const struct td_message *message)
{
    static const char space[LWS_PRE];
    const struct peer *peer = context;
    struct link *link = peer->link;
    if (link == NULL || link->closing) return;
    struct outgoing *out = calloc(1, sizeof *out);
    if (out != NULL) {
        td_buffer_add(&out->text, space, sizeof space);
        td_message_write(message, &out->text);
    }
    if (out == NULL || out->text.failed ||
        link->queued >= QUEUE_MOST + peer->options->state.hello.step_count) {
        if (out != NULL) td_buffer_free(&out->text);
        free(out);
        /* the connection is broken off, and all is said again with the next one */
        lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        return;
    }
    *link->last = out;
    link->last = &out->next;
    link->queued++;
    (void)lws_callback_on_writable(link->wsi);
}

static void close_connection(void *context)
{
    struct peer *peer = context;
    struct link *link = peer->link;
    if (link == NULL) return;
    peer->link = NULL;
    link->closing = true;
    if (link->open)
        (void)lws_callback_on_writable(link->wsi);
    else if (link->wsi != NULL)
        lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void start_task(void *context, const struct td_peer_task *task)
{
    struct peer *peer = context;
    td_stop_clear(&peer->abort);
    (void)pthread_mutex_lock(&peer->mutex);
    TD_ASSERT(!peer->started && !peer->finished);
    peer->task = *task;
    peer->started = true;
    (void)pthread_cond_signal(&peer->changed);
    (void)pthread_mutex_unlock(&peer->mutex);
}

static void interrupt_task(void *context)
{
    const struct peer *peer = context;
    td_stop_ask(&peer->abort);
}

static void log_line(void *context, const char *text)
{
    const struct peer *peer = context;
    peer->options->log(peer->options->log_context, now_of(peer), text);
}

/* --- what the connection says --------------------------------------------------------------- */

/* Nonzero closes the connection: what it says is none of this protocol. */
static int hear(struct link *link, const char *text, size_t length)
{
    struct peer *peer = link->peer;
    struct td_error error;
    struct td_message *message = td_message_read(text, length, &error);
    if (message == NULL) {
        end_link(link, error.text);
        return -1;
    }
    td_peer_state_receive(peer->state, message, now_of(peer));
    td_message_destroy(message);
    return 0;
}

/* Puts fragments together. Nonzero closes the connection. */
static int receive(struct link *link, const char *text, size_t length)
{
    struct td_buffer *whole = &link->received;
    lws_validity_confirmed(link->wsi);
    if (link->closing || link->over) return 0;
    if (length > TD_MESSAGE_MAX - whole->length) {
        end_link(link, "it sends a message that is too long");
        return -1;
    }
    td_buffer_add(whole, text, length);
    if (whole->failed) return -1;
    if (lws_is_final_fragment(link->wsi) == 0 || lws_remaining_packet_payload(link->wsi) > 0)
        return 0;
    int closes = hear(link, whole->bytes, whole->length);
    whole->length = 0;
    return closes;
}

/* One message a turn. Nonzero closes the connection. */
static int write_next(struct link *link)
{
    struct outgoing *out = link->first;
    if (out != NULL) {
        size_t length = out->text.length - LWS_PRE;
        int written = lws_write(link->wsi, (unsigned char *)out->text.bytes + LWS_PRE, length,
                                LWS_WRITE_TEXT);
        link->first = out->next;
        if (link->first == NULL) link->last = &link->first;
        link->queued--;
        td_buffer_free(&out->text);
        free(out);
        if (written < 0) return -1;
    }
    if (link->first != NULL || (link->closing && out != NULL)) {
        (void)lws_callback_on_writable(link->wsi);
        return 0;
    }
    if (!link->closing) return 0;
    lws_close_reason(link->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static void open_link(struct link *link, struct lws *wsi)
{
    link->wsi = wsi;
    link->open = true;
    if (link->closing)
        (void)lws_callback_on_writable(wsi);
    else
        td_peer_state_open(link->peer->state, now_of(link->peer));
}

/* The connection could not be had. */
static void miss_link(struct link *link, const char *text)
{
    struct peer *peer = link->peer;
    unsigned status = link->wsi == NULL ? 0 : lws_http_client_http_response(link->wsi);
    if (td_client_is_unauthorized(text) && !link->over && peer->link == link) {
        part_with(link);
        peer->link = NULL;
        td_peer_state_refuse(peer->state, td_client_refusal(peer->options->token));
    } else if (status == HTTP_STATUS_SERVICE_UNAVAILABLE) {
        end_link(link, "it has too many connections");
    } else {
        end_link(link, td_client_trouble(link->flaw, text));
    }
}

/* What of the certificate is not good is known only now. */
static void note_flaw(struct link *link, const void *store)
{
    if (link != NULL) td_tls_flaw(store, link->peer->options->host, link->flaw, sizeof link->flaw);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct link *link = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        open_link(link, wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(link, in, length);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return link->over ? -1 : write_next(link);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        miss_link(link, in);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return td_client_add_token(link->peer->options->token, wsi, in, length);
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION: /* `user` is what OpenSSL knows */
        if (length == 0) note_flaw(lws_wsi_user(wsi), user);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        end_link(link, "the connection is lost");
        return 0;
    default: /* lws_cancel_service() comes here, too: it has served when the service returns */
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = TD_SUBPROTOCOL, .callback = on_event},
                                                 {0}};

/* --- the connection's thread ---------------------------------------------------------------- */

static void on_timer(lws_sorted_usec_list_t *timer);

static void set_timer(struct peer *peer)
{
    td_time now = now_of(peer), due = td_peer_state_due(peer->state);
    td_time wait = due > now + LOOK_NS ? LOOK_NS : due > now ? due - now : 0;
    lws_sul_schedule(peer->context, 0, &peer->timer, on_timer, wait / 1000 + 1);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct peer *peer = lws_container_of(timer, struct peer, timer);
    td_peer_state_wake(peer->state, now_of(peer));
    set_timer(peer);
}

/* The other thread's result, if there is one. */
static void collect(struct peer *peer)
{
    (void)pthread_mutex_lock(&peer->mutex);
    bool finished = peer->finished;
    peer->finished = false;
    (void)pthread_mutex_unlock(&peer->mutex);
    if (!finished) return;
    if (peer->good)
        td_peer_state_finish(peer->state, &peer->build, now_of(peer));
    else
        td_peer_state_fail(peer->state, &peer->error);
}

/* Whether last words are still to be written. */
static bool is_closing(const struct peer *peer)
{
    for (const struct link *link = peer->links; link != NULL; link = link->next)
        if (link->open && !link->over) return true;
    return false;
}

static void serve(struct peer *peer)
{
    bool quit = false;
    td_time ended_at = TD_TIME_MAX;
    set_timer(peer);
    while (ended_at == TD_TIME_MAX || (is_closing(peer) && now_of(peer) - ended_at < CLOSE_NS)) {
        if (lws_service(peer->context, 0) < 0) break;
        if (!quit && atomic_load(peer->stop)) {
            quit = true;
            td_peer_state_quit(peer->state);
        }
        collect(peer);
        if (ended_at == TD_TIME_MAX && td_peer_state_end(peer->state) != NULL)
            ended_at = now_of(peer);
    }
    lws_sul_cancel(&peer->timer);
}

static void *thread_of_connection(void *context)
{
    struct peer *peer = context;
    serve(peer);
    (void)pthread_mutex_lock(&peer->mutex);
    peer->over = true;
    (void)pthread_cond_signal(&peer->changed);
    (void)pthread_mutex_unlock(&peer->mutex);
    return NULL;
}

/* --- the calling thread --------------------------------------------------------------------- */

static void run_task(struct peer *peer)
{
    const struct td_executor *executor = &peer->options->executor;
    struct td_build build = {0};
    struct td_error error = {0};
    bool good = executor->build(executor->context, &peer->task, &peer->abort, &build, &error);
    (void)pthread_mutex_lock(&peer->mutex);
    peer->build = build;
    peer->error = error;
    peer->good = good;
    peer->started = false;
    peer->finished = true;
    (void)pthread_mutex_unlock(&peer->mutex);
    lws_cancel_service(peer->context);
}

static void run_tasks(struct peer *peer)
{
    for (;;) {
        (void)pthread_mutex_lock(&peer->mutex);
        while (!peer->started && !peer->over)
            (void)pthread_cond_wait(&peer->changed, &peer->mutex);
        bool started = peer->started;
        (void)pthread_mutex_unlock(&peer->mutex);
        if (!started) return;
        run_task(peer);
    }
}

static bool open_peer(struct peer *peer, struct td_error *error)
{
    const struct td_peer_outlet outlet = {.context = peer,
                                          .connect = connect_to_authority,
                                          .send = send_message,
                                          .close = close_connection,
                                          .start = start_task,
                                          .interrupt = interrupt_task,
                                          .log = peer->options->log != NULL ? log_line : NULL};
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = peer->options->tls == NULL ? 0 : LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = peer->options->tls,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = FILES,
        .retry_and_idle_policy = &keep_alive,
        /* none; left out, the variable http_proxy would name one, even for this machine */
        .http_proxy_address = "none:0"};
    lws_set_log_level(0, NULL);
    peer->zero_ns = now_of(peer);
    if (!td_stop_open(&peer->abort, error)) return false;
    peer->state = td_peer_state_create(&peer->options->state, &outlet, 0, error);
    if (peer->state == NULL) return false;
    peer->context = lws_create_context(&info);
    return peer->context != NULL ||
           td_error_set(error, TD_FAULT_RUN, "libwebsockets cannot be started: try again");
}

static void close_peer(struct peer *peer)
{
    peer->leaving = true;
    if (peer->context != NULL) lws_context_destroy(peer->context);
    while (peer->links != NULL) {
        struct link *link = peer->links;
        peer->links = link->next;
        forget_messages(link);
        free(link);
    }
    td_peer_state_destroy(peer->state);
    if (peer->abort.descriptor >= 0) td_stop_close(&peer->abort);
}

void td_peer_run(const struct td_peer_options *options, const atomic_bool *stop,
                 struct td_peer_end *end)
{
    struct peer peer = {.options = options,
                        .stop = stop,
                        .abort.descriptor = -1,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    *end = (struct td_peer_end){0};
    bool good = open_peer(&peer, &end->error);
    if (good && !td_thread_start(&thread, thread_of_connection, &peer))
        good = td_error_set(&end->error, TD_FAULT_RUN, "no thread for the connection: try again");
    if (good) {
        run_tasks(&peer);
        (void)pthread_join(thread, NULL);
        const struct td_peer_end *reached = td_peer_state_end(peer.state);
        if (reached != NULL)
            *end = *reached;
        else
            (void)td_error_set(&end->error, TD_FAULT_RUN, "libwebsockets has given up: try again");
    }
    if (end->status == 0) end->status = td_error_exit_status(&end->error);
    close_peer(&peer);
}
