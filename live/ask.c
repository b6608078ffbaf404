#include "live/ask.h"

#include <libwebsockets.h>
#include <string.h>

#define FILES 16u /* descriptors of the websocket library: one connection, and its own */

struct question {
    struct td_buffer *body;
    unsigned status;
    bool over, answered;
    char trouble[128]; /* why there is no answer */
    lws_sorted_usec_list_t timer;
};

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct question *question = lws_container_of(timer, struct question, timer);
    (void)snprintf(question->trouble, sizeof question->trouble, "it does not answer in time");
    question->over = true;
}

static void give_up(struct question *question, const char *why)
{
    question->over = true;
    (void)snprintf(question->trouble, sizeof question->trouble, "%s", why);
}

/* What has come; it is handed on by RECEIVE_CLIENT_HTTP_READ. */
static int read_on(struct lws *wsi)
{
    char space[LWS_PRE + 4096], *at = space + LWS_PRE;
    int length = sizeof space - LWS_PRE;
    return lws_http_client_read(wsi, &at, &length) < 0 ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct question *question = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        question->status = lws_http_client_http_response(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return read_on(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (length > TD_ASK_MOST - question->body->length) {
            give_up(question, "its answer is too long");
            return -1;
        }
        td_buffer_add(question->body, in, length);
        return question->body->failed ? -1 : 0;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: /* an answer without a length ends so */
        if (!question->over) question->answered = question->status != 0;
        question->over = true;
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        give_up(question, in == NULL ? "it cannot be reached" : in);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = "http", .callback = on_event}, {0}};

static bool ask(struct lws_context *context, const char *host, int port, const char *path,
                td_time patience, struct question *question)
{
    const struct lws_client_connect_info info = {.context = context,
                                                 .address = host,
                                                 .host = host,
                                                 .origin = host,
                                                 .port = port,
                                                 .path = path,
                                                 .method = "GET",
                                                 .alpn = "http/1.1",
                                                 .protocol = protocols[0].name,
                                                 .userdata = question};
    lws_sul_schedule(context, 0, &question->timer, on_timer, patience / 1000);
    /* the callback may have heard of the failure before */
    if (lws_client_connect_via_info(&info) == NULL && !question->over)
        give_up(question, "there is no way to it");
    while (!question->over)
        if (lws_service(context, 0) < 0) give_up(question, "libwebsockets has given up");
    lws_sul_cancel(&question->timer);
    question->over = true;
    return question->answered;
}

bool td_ask(const char *host, int port, const char *path, td_time patience, unsigned *status,
            struct td_buffer *body, struct td_error *error)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = FILES,
        /* none; left out, the variable http_proxy would name one, even for this machine */
        .http_proxy_address = "none:0"};
    struct question question = {.body = body};
    lws_set_log_level(0, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL)
        return td_error_set(error, TD_FAULT_RUN, "libwebsockets cannot be started: try again");
    bool answered = ask(context, host, port, path, patience, &question);
    bool failed = body->failed;
    lws_context_destroy(context);
    *status = question.status;
    if (failed) return td_error_memory(error, "an answer");
    return answered ||
           td_error_set(error, TD_FAULT_RUN,
                        "%s:%d: there is no authority (%s): check the address, or start one with "
                        "'task-director serve'",
                        host, port, question.trouble);
}
