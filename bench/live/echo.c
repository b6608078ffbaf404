/* A plain echo server, with the settings that the authority has. */
#include "bench/live/live_bench.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 1024u

struct session {
    size_t length;
    unsigned char bytes[LWS_PRE + LONGEST];
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        if (length > LONGEST) return -1;
        memcpy(session->bytes + LWS_PRE, in, length);
        session->length = length;
        (void)lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (session->length == 0) return 0;
        length = session->length;
        session->length = 0;
        return lws_write(wsi, session->bytes + LWS_PRE, length, LWS_WRITE_TEXT) < 0 ? -1 : 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{.name = "task-director.1",
                                                  .callback = on_event,
                                                  .per_session_data_size = sizeof(struct session),
                                                  .rx_buffer_size = LONGEST},
                                                 {0}};

static const lws_retry_bo_t keep_alive = {.secs_since_valid_ping = 20,
                                          .secs_since_valid_hangup = 40};

void serve_echo(uint32_t connections)
{
    const struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                                   .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                                                   .fd_limit_per_thread = connections + 1000};
    const struct lws_context_creation_info host = {
        .iface = "127.0.0.1", .protocols = protocols, .retry_and_idle_policy = &keep_alive};
    lws_set_log_level(0, NULL);
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context == NULL ? NULL : lws_create_vhost(context, &host);
    if (vhost == NULL) return;
    (void)printf("listening on 127.0.0.1:%d\n", lws_get_vhost_listen_port(vhost));
    (void)fflush(stdout);
    while (lws_service(context, 0) >= 0) {
    }
}
