#include "live/swarm.h"

#include "base/assert.h"
#include "live/client.h"
#include "live/sleeper_internal.h"
#include "live/tls.h"

#include <libwebsockets.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* File descriptors that are no connections: the service's own, the program's files. */
#define SPARE_FILES 64u
/* A peer says a few messages, then waits for an answer; more than this means that it hangs. */
#define QUEUE_LENGTH 16u

/* The library gives a connection up in 20 s; sometimes it forgets one that never came to be. */
#define CONNECT_NS (30 * TD_NS_PER_S)

enum link_state { LINK_NONE, LINK_CONNECTING, LINK_OPEN };

struct link {
    struct td_swarm *swarm;
    struct td_sleeper *sleeper;
    uint32_t peer;
    struct lws *wsi;
    enum link_state state;
    bool started; /* the sleeper wants a connection: it has come, and has not hung up */
    bool closing; /* it has hung up: what it has said is written, then the connection is closed */
    bool ended;
    bool speechless;    /* it had to say what cannot be sent */
    int64_t retry_ns;   /* NONE: not before */
    int64_t connect_ns; /* CONNECTING: it has failed then */
    int64_t away_ns;    /* since when there has been no authority; 0: there is one */
    uint16_t tries;
    lws_sorted_usec_list_t timer;
    struct td_buffer received;            /* of a message that comes in fragments */
    struct td_buffer queue[QUEUE_LENGTH]; /* LWS_PRE bytes, then the message */
    uint32_t first, count;
};

struct td_swarm {
    struct td_swarm_options options;
    struct lws_context *context;
    struct link *links;
    uint32_t peers, open;
    lws_sorted_usec_list_t look;
    struct td_swarm_counts counts;
    atomic_bool stopped;
    bool leaving;          /* the context is being destroyed */
    char flaw[256];        /* of the authority's certificate; "": none was found */
    char trouble[256];     /* why the last connection could not be had; "": they could */
    struct td_error error; /* the first, if its fault is set */
};

/* Pings find out about a connection that is dead and does not know it. */
static const uint32_t backoff_ms[] = {50, 100, 200, 500, 1000, 2000, 5000};
static const lws_retry_bo_t retry = {.retry_ms_table = backoff_ms,
                                     .retry_ms_table_count = sizeof backoff_ms / sizeof *backoff_ms,
                                     .conceal_count = LWS_RETRY_CONCEAL_ALWAYS,
                                     .secs_since_valid_ping = 25,
                                     .secs_since_valid_hangup = 40,
                                     .jitter_percent = 30};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    TD_ASSERT(failed == 0);
    return now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

static td_time scenario_time(const struct td_swarm *swarm)
{
    double time = floor((double)(monotonic_ns() - swarm->options.zero_ns) / swarm->options.scale);
    return time < 0 ? 0 : time < (double)TD_TIME_MAX ? (td_time)time : TD_TIME_MAX;
}

/* The wall clock's time of one of the scenario; INT64_MAX: never. */
static int64_t wall_ns(const struct td_swarm *swarm, td_time time)
{
    double length = ceil((double)time * swarm->options.scale);
    if (time == TD_TIME_MAX || length > (double)TD_TIME_MAX) return INT64_MAX;
    return swarm->options.zero_ns + (int64_t)length;
}

static const char *name_of(const struct link *link)
{
    return link->swarm->options.plan->scenario->peers[link->peer].name;
}

/* When the timer has something to do: the sleeper is due, or a connection is to be tried. */
static int64_t due_ns(const struct link *link)
{
    if (link->ended) return INT64_MAX;
    int64_t due = wall_ns(link->swarm, td_sleeper_due(link->sleeper));
    if (!link->started && link->state != LINK_NONE) due = INT64_MAX;
    if (link->state == LINK_CONNECTING && link->connect_ns < due) due = link->connect_ns;
    if (link->state != LINK_NONE) return due;
    if (link->started) return due < link->retry_ns ? due : link->retry_ns;
    return due > link->retry_ns ? due : link->retry_ns;
}

static void on_timer(lws_sorted_usec_list_t *timer);

static void set_timer(struct link *link)
{
    int64_t at = due_ns(link), now = monotonic_ns();
    if (at == INT64_MAX) {
        lws_sul_cancel(&link->timer);
        return;
    }
    lws_usec_t wait = at > now ? (at - now + 999) / 1000 : 0;
    lws_sul_schedule(link->swarm->context, 0, &link->timer, on_timer, wait > 0 ? wait : 1);
}

static void set_state(struct link *link, enum link_state state)
{
    if (link->state != LINK_NONE) link->swarm->open--;
    if (state != LINK_NONE) link->swarm->open++;
    link->state = state;
}

/* There is no connection, or none any more. */
static void disconnect(struct link *link)
{
    bool meant = link->closing && link->state == LINK_OPEN;
    set_state(link, LINK_NONE);
    link->wsi = NULL;
    link->closing = false;
    td_buffer_free(&link->received);
    for (; link->count > 0; link->count--)
        td_buffer_free(&link->queue[link->first++ % QUEUE_LENGTH]);
    link->retry_ns = INT64_MIN;
    if (meant) return; /* it may come back at any time */
    char concealed;
    unsigned wait_ms =
        lws_retry_get_delay_ms(link->swarm->context, &retry, &link->tries, &concealed);
    link->retry_ns = monotonic_ns() + (int64_t)wait_ms * 1000000;
    if (link->away_ns == 0) link->away_ns = monotonic_ns();
}

/* Keeps the first error; the peer does not go on. */
static void fail(struct link *link, const char *what, const char *text)
{
    struct td_swarm *swarm = link->swarm;
    if (swarm->error.fault == TD_FAULT_NONE)
        td_error_set(&swarm->error, TD_FAULT_RUN, "peer \"%s\" %s: %s", name_of(link), what, text);
}

/* The peer does not wait for ever. */
static void give_up_in_time(struct link *link)
{
    const struct td_swarm_options *options = &link->swarm->options;
    const char *trouble = link->swarm->trouble;
    char text[600];
    if (options->max_away_ns == 0 || link->ended ||
        monotonic_ns() - link->away_ns < options->max_away_ns)
        return;
    (void)snprintf(text, sizeof text,
                   "%s:%d has been away for too long%s%s%s: check the address, or start one with "
                   "'task-director serve'",
                   options->host, options->port, trouble[0] == '\0' ? "" : " (", trouble,
                   trouble[0] == '\0' ? "" : ")");
    fail(link, "has no authority", text);
    link->ended = true;
    link->swarm->counts.ended++;
}

static void connect_to_authority(struct link *link)
{
    const struct td_swarm_options *options = &link->swarm->options;
    const struct lws_client_connect_info info = {.context = link->swarm->context,
                                                 .address = options->host,
                                                 .host = options->host,
                                                 .origin = options->host,
                                                 .port = options->port,
                                                 .ssl_connection = td_client_flags(options->tls),
                                                 .alpn = "http/1.1",
                                                 .path = TD_PEER_PATH,
                                                 .protocol = TD_SUBPROTOCOL,
                                                 .pwsi = &link->wsi,
                                                 .userdata = link,
                                                 .retry_and_idle_policy = &retry};
    set_state(link, LINK_CONNECTING);
    link->connect_ns = monotonic_ns() + CONNECT_NS;
    /* the callback may have heard of the failure before */
    if (lws_client_connect_via_info(&info) == NULL && link->state == LINK_CONNECTING)
        disconnect(link);
}

/* After whatever a sleeper did. */
static void settle(struct link *link)
{
    if (link->speechless) { /* as if the authority had refused it */
        const struct td_message error = {.kind = TD_MESSAGE_ERROR};
        link->speechless = false;
        td_sleeper_receive(link->sleeper, &error, scenario_time(link->swarm));
    }
    if (!link->ended && td_sleeper_has_ended(link->sleeper)) {
        link->ended = true;
        link->swarm->counts.ended++;
    }
    set_timer(link);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct link *link = lws_container_of(timer, struct link, timer);
    td_time now = scenario_time(link->swarm);
    if (link->state == LINK_CONNECTING && link->connect_ns <= monotonic_ns()) {
        disconnect(link);
        give_up_in_time(link);
    }
    bool due = td_sleeper_due(link->sleeper) <= now;
    if (link->started && due) td_sleeper_wake(link->sleeper, now);
    if (link->state == LINK_NONE && (link->started || due) &&
        !td_sleeper_has_ended(link->sleeper) && link->retry_ns <= monotonic_ns())
        connect_to_authority(link);
    settle(link);
}

static void on_send(void *context, const struct td_message *message)
{
    struct link *link = context;
    const struct td_swarm_options *options = &link->swarm->options;
    static const char space[LWS_PRE];
    if (options->log != NULL)
        options->log(options->log_context, link->peer, true, message, scenario_time(link->swarm));

    struct td_buffer text = {0};
    td_buffer_add(&text, space, sizeof space);
    td_message_write(message, &text);
    if (text.failed || text.length - LWS_PRE > TD_MESSAGE_MAX || link->count == QUEUE_LENGTH) {
        fail(link, "cannot say what it has to",
             text.failed                   ? "out of memory"
             : link->count == QUEUE_LENGTH ? "the authority does not read"
                                           : "the message is too long: shorten the schema");
        link->speechless = true;
        td_buffer_free(&text);
        return;
    }
    link->queue[(link->first + link->count++) % QUEUE_LENGTH] = text;
    lws_callback_on_writable(link->wsi);
}

static void on_close(void *context)
{
    struct link *link = context;
    link->started = false;
    link->closing = link->state != LINK_NONE;
    if (link->state == LINK_OPEN) lws_callback_on_writable(link->wsi);
}

/* One message a time. Nonzero closes the connection. */
static int write_message(struct link *link)
{
    if (link->count > 0) {
        struct td_buffer *text = &link->queue[link->first % QUEUE_LENGTH];
        size_t length = text->length - LWS_PRE;
        int written =
            lws_write(link->wsi, (unsigned char *)text->bytes + LWS_PRE, length, LWS_WRITE_TEXT);
        td_buffer_free(text);
        link->first++;
        link->count--;
        if (written < 0) return -1;
        if (link->count > 0 || link->closing) lws_callback_on_writable(link->wsi);
        return 0;
    }
    if (!link->closing) return 0;
    lws_close_reason(link->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static void count(struct td_swarm_counts *counts, const struct td_message *message)
{
    counts->orders += message->kind == TD_MESSAGE_ORDER;
    if (message->kind != TD_MESSAGE_DONE) return;
    counts->failed += message->done.failed;
    counts->completed += !message->done.failed;
}

static void hear(struct link *link, const char *text, size_t length)
{
    const struct td_swarm_options *options = &link->swarm->options;
    td_time now = scenario_time(link->swarm);
    struct td_error error;
    struct td_message *message = td_message_read(text, length, &error);
    if (message == NULL) {
        fail(link, "hears from the authority what is no message", error.text);
        link->speechless = true;
        settle(link);
        return;
    }
    link->tries = 0; /* this is an authority */
    link->away_ns = 0;
    count(&link->swarm->counts, message);
    if (options->log != NULL) options->log(options->log_context, link->peer, false, message, now);
    if (message->kind == TD_MESSAGE_ERROR && strcmp(message->error.code, "try-later") != 0)
        fail(link, "is refused by the authority",
             message->text != NULL ? message->text : message->error.code);
    td_sleeper_receive(link->sleeper, message, now);
    td_message_destroy(message);
    settle(link);
}

/* Puts fragments together. Nonzero closes the connection. */
static int receive(struct link *link, const char *text, size_t length)
{
    bool last =
        lws_is_final_fragment(link->wsi) != 0 && lws_remaining_packet_payload(link->wsi) == 0;
    struct td_buffer *whole = &link->received;
    lws_validity_confirmed(link->wsi);
    if (!link->started) return 0; /* it has hung up */
    if (last && whole->length == 0) {
        hear(link, text, length);
        return 0;
    }
    if (length > TD_MESSAGE_MAX - whole->length) {
        fail(link, "hears a message that is too long", "its rest is not read");
        link->speechless = true;
        settle(link);
        return -1;
    }
    td_buffer_add(whole, text, length);
    if (whole->failed) return -1; /* memory may be there again with the next connection */
    if (!last) return 0;
    hear(link, whole->bytes, whole->length);
    td_buffer_free(whole);
    return 0;
}

/* The connection could not be had. */
static void miss(struct link *link, const char *text)
{
    struct td_swarm *swarm = link->swarm;
    (void)snprintf(swarm->trouble, sizeof swarm->trouble, "%s",
                   td_client_trouble(swarm->flaw, text));
    swarm->flaw[0] = '\0';
    if (!td_client_is_unauthorized(text) || link->ended) return;
    fail(link, "is refused by the authority", td_client_refusal(swarm->options.token));
    link->ended = true;
    swarm->counts.ended++;
}

/* What of the certificate is not good is known only now. */
static void note_flaw(const struct link *link, const void *store)
{
    if (link == NULL) return;
    struct td_swarm *swarm = link->swarm;
    td_tls_flaw(store, swarm->options.host, swarm->flaw, sizeof swarm->flaw);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct link *link = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (link->state != LINK_CONNECTING) return -1; /* it has been given up */
        link->swarm->trouble[0] = '\0';
        set_state(link, LINK_OPEN);
        if (link->closing) return -1; /* it has left meanwhile */
        link->started = true;
        td_sleeper_start(link->sleeper, scenario_time(link->swarm));
        settle(link);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(link, in, length);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return write_message(link);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return td_client_add_token(link->swarm->options.token, wsi, in, length);
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION: /* `user` is what OpenSSL knows */
        if (length == 0) note_flaw(lws_wsi_user(wsi), user);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (link->swarm->leaving) return 0;
        disconnect(link);
        if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) miss(link, in);
        if (reason == LWS_CALLBACK_CLIENT_CLOSED && link->started) {
            link->swarm->counts.losses++;
            td_sleeper_lose(link->sleeper, scenario_time(link->swarm));
        }
        if (link->away_ns != 0) give_up_in_time(link);
        settle(link);
        return 0;
    default: /* lws_cancel_service() comes here, too: it has served when the service returns */
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = TD_SUBPROTOCOL, .callback = on_event},
                                                 {0}};

/* Each connection takes a file descriptor, and the authority's end another one if it is in this
 * process. */
static bool reserve_files(uint32_t peers, struct td_error *error)
{
    struct rlimit limit;
    rlim_t need = peers + SPARE_FILES, wish = 2 * (rlim_t)peers + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wish) return true;
    limit.rlim_cur = wish < limit.rlim_max ? wish : limit.rlim_max;
    if (limit.rlim_cur >= need) {
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* otherwise connections fail, and say so */
        return true;
    }
    return td_error_set(error, TD_FAULT_RUN,
                        "%u peers need %llu file descriptors and this process may have %llu: raise "
                        "`ulimit -Hn`, or take fewer peers",
                        peers, (unsigned long long)need, (unsigned long long)limit.rlim_max);
}

static bool create_links(struct td_swarm *swarm, struct td_error *error)
{
    swarm->links = calloc(swarm->peers, sizeof *swarm->links);
    if (swarm->links == NULL) return td_error_memory(error, "the peers' connections");
    for (uint32_t peer = 0; peer < swarm->peers; peer++) {
        struct link *link = &swarm->links[peer];
        const struct td_sleeper_outlet outlet = {link, on_send, on_close};
        link->swarm = swarm;
        link->peer = peer;
        link->retry_ns = INT64_MIN;
        link->sleeper = td_sleeper_create(swarm->options.plan, peer, &outlet, error);
        if (link->sleeper == NULL) return false;
    }
    return true;
}

struct td_swarm *td_swarm_create(const struct td_swarm_options *options, struct td_error *error)
{
    TD_ASSERT(options->scale > 0);
    uint32_t peers = options->plan->scenario->peer_count;
    if (!reserve_files(peers, error)) return NULL;
    struct td_swarm *swarm = calloc(1, sizeof *swarm);
    if (swarm == NULL) {
        td_error_memory(error, "a swarm of peers");
        return NULL;
    }
    swarm->options = *options;
    swarm->peers = peers;
    atomic_init(&swarm->stopped, false);
    if (!create_links(swarm, error)) goto fail;

    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = options->tls == NULL ? 0 : LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = options->tls,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = peers + SPARE_FILES,
        .retry_and_idle_policy = &retry,
        /* none; left out, the variable http_proxy would name one, even for this machine */
        .http_proxy_address = "none:0"};
    lws_set_log_level(0, NULL);
    swarm->context = lws_create_context(&info);
    if (swarm->context != NULL) return swarm;
    td_error_set(error, TD_FAULT_RUN, "libwebsockets cannot be started for %u peers", peers);
fail:
    td_swarm_destroy(swarm);
    return NULL;
}

struct td_swarm_counts td_swarm_counts(const struct td_swarm *swarm)
{
    return swarm->counts;
}

static bool is_stopped(const struct td_swarm *swarm)
{
    const atomic_bool *stop = swarm->options.stop;
    return atomic_load(&swarm->stopped) || (stop != NULL && atomic_load(stop));
}

/* A signal ends the wait for the network, but for one that comes right before it begins. */
static void on_look(lws_sorted_usec_list_t *timer)
{
    struct td_swarm *swarm = lws_container_of(timer, struct td_swarm, look);
    lws_sul_schedule(swarm->context, 0, &swarm->look, on_look, LWS_USEC_PER_SEC);
}

bool td_swarm_run(struct td_swarm *swarm, struct td_error *error)
{
    on_look(&swarm->look);
    for (uint32_t peer = 0; peer < swarm->peers; peer++)
        set_timer(&swarm->links[peer]);
    while (!is_stopped(swarm) && (swarm->counts.ended < swarm->peers || swarm->open > 0))
        if (lws_service(swarm->context, 0) < 0)
            return td_error_set(error, TD_FAULT_RUN, "libwebsockets has given up");
    if (is_stopped(swarm)) return td_error_set(error, TD_FAULT_INTERRUPT, "the peers were stopped");
    if (swarm->error.fault == TD_FAULT_NONE) return true;
    if (error != NULL) *error = swarm->error;
    return false;
}

void td_swarm_stop(struct td_swarm *swarm)
{
    atomic_store(&swarm->stopped, true);
    lws_cancel_service(swarm->context);
}

void td_swarm_destroy(struct td_swarm *swarm)
{
    if (swarm == NULL) return;
    swarm->leaving = true;
    for (uint32_t peer = 0; swarm->context != NULL && peer < swarm->peers; peer++)
        lws_sul_cancel(&swarm->links[peer].timer);
    if (swarm->context != NULL) lws_context_destroy(swarm->context);
    for (uint32_t peer = 0; swarm->links != NULL && peer < swarm->peers; peer++) {
        struct link *link = &swarm->links[peer];
        td_sleeper_destroy(link->sleeper);
        td_buffer_free(&link->received);
        for (; link->count > 0; link->count--)
            td_buffer_free(&link->queue[link->first++ % QUEUE_LENGTH]);
    }
    free(swarm->links);
    free(swarm);
}
