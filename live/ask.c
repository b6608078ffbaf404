#include "live/ask.h"

#include "live/client.h"
#include "live/tls.h"

#include <libwebsockets.h>
#include <string.h>

#define FILES 16u /* descriptors of the websocket library: one connection, and its own */

struct asking {
    const struct td_question *question;
    struct td_buffer *body;
    unsigned status;
    bool over, answered;
    char flaw[256];    /* of the authority's certificate; "": none was found */
    char trouble[256]; /* why there is no answer */
    lws_sorted_usec_list_t timer;
};

static void give_up(struct asking *asking, const char *why)
{
    asking->over = true;
    (void)snprintf(asking->trouble, sizeof asking->trouble, "%s", why);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct asking *asking = lws_container_of(timer, struct asking, timer);
    give_up(asking, "it does not answer in time");
}

/* What has come; it is handed on by RECEIVE_CLIENT_HTTP_READ. */
static int read_on(struct lws *wsi)
{
    char space[LWS_PRE + 4096], *at = space + LWS_PRE;
    int length = sizeof space - LWS_PRE;
    return lws_http_client_read(wsi, &at, &length) < 0 ? -1 : 0;
}

/* What of the certificate is not good is known only now. */
static void note_flaw(struct asking *asking, const void *store)
{
    if (asking != NULL)
        td_tls_flaw(store, asking->question->host, asking->flaw, sizeof asking->flaw);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct asking *asking = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return td_client_add_token(asking->question->token, wsi, in, length);
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION: /* `user` is what OpenSSL knows */
        if (length == 0) note_flaw(lws_wsi_user(wsi), user);
        return 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        asking->status = lws_http_client_http_response(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return read_on(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (length > TD_ASK_MOST - asking->body->length) {
            give_up(asking, "its answer is too long");
            return -1;
        }
        td_buffer_add(asking->body, in, length);
        return asking->body->failed ? -1 : 0;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: /* an answer without a length ends so */
        if (!asking->over) asking->answered = asking->status != 0;
        asking->over = true;
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        give_up(asking, td_client_trouble(asking->flaw, in));
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = "http", .callback = on_event}, {0}};

static bool ask(struct lws_context *context, struct asking *asking)
{
    const struct td_question *question = asking->question;
    const struct lws_client_connect_info info = {.context = context,
                                                 .address = question->host,
                                                 .host = question->host,
                                                 .origin = question->host,
                                                 .port = question->port,
                                                 .ssl_connection = td_client_flags(question->tls),
                                                 .path = question->path,
                                                 .method = "GET",
                                                 .alpn = "http/1.1",
                                                 .protocol = protocols[0].name,
                                                 .userdata = asking};
    lws_sul_schedule(context, 0, &asking->timer, on_timer, question->patience / 1000);
    /* the callback may have heard of the failure before */
    if (lws_client_connect_via_info(&info) == NULL && !asking->over)
        give_up(asking, "there is no way to it");
    while (!asking->over)
        if (lws_service(context, 0) < 0) give_up(asking, "libwebsockets has given up");
    lws_sul_cancel(&asking->timer);
    asking->over = true;
    return asking->answered;
}

bool td_ask(const struct td_question *question, unsigned *status, struct td_buffer *body,
            struct td_error *error)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = question->tls == NULL ? 0 : LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = question->tls,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = FILES,
        /* none; left out, the variable http_proxy would name one, even for this machine */
        .http_proxy_address = "none:0"};
    struct asking asking = {.question = question, .body = body};
    lws_set_log_level(0, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL)
        return td_error_set(error, TD_FAULT_RUN, "libwebsockets cannot be started: try again");
    bool answered = ask(context, &asking);
    bool failed = body->failed;
    lws_context_destroy(context);
    *status = asking.status;
    if (failed) return td_error_memory(error, "an answer");
    return answered ||
           td_error_set(error, TD_FAULT_RUN,
                        "%s:%d: there is no authority (%s): check the address, or start one with "
                        "'task-director serve'",
                        question->host, question->port, asking.trouble);
}
