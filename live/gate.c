/* Who gets in. A socket is counted from its accept() to its end; one too many gets an answer in
 * HTTP, and only floods are closed unheard. */
#include "live/server_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is known of a socket. */
struct visitor {
    struct td_address from;
    enum td_room room; /* that there was when it came */
};

bool td_gate_admits(struct td_server *server, const struct sockaddr *from)
{
    server->arriving = td_address_of(from);
    return td_guard_room(server->guard, &server->arriving) != TD_ROOM_NONE;
}

int td_gate_enter(struct td_server *server, struct lws *wsi)
{
    if (lws_get_opaque_user_data(wsi) != NULL) return 0;
    struct visitor *visitor = calloc(1, sizeof *visitor);
    if (visitor == NULL) return -1;
    visitor->from = server->arriving;
    visitor->room = td_guard_room(server->guard, &visitor->from);
    td_guard_enter(server->guard, &visitor->from);
    lws_set_opaque_user_data(wsi, visitor);
    return 0;
}

void td_gate_leave(struct td_server *server, struct lws *wsi)
{
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    if (visitor == NULL) return;
    lws_set_opaque_user_data(wsi, NULL);
    td_guard_leave(server->guard, &visitor->from);
    free(visitor);
}

/* A sentence as an HTTP answer, after which nothing more is read. */
static int answer(struct lws *wsi, unsigned status, const char *text)
{
    unsigned char bytes[LWS_PRE + 1024], *begin = bytes + LWS_PRE, *at = begin;
    unsigned char *end = bytes + sizeof bytes;
    size_t length = strlen(text);
    if (lws_add_http_common_headers(wsi, status, "text/plain; charset=utf-8", length, &at, end) !=
            0 ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"connection:",
                                    (const unsigned char *)"close", 5, &at, end) != 0 ||
        lws_finalize_http_header(wsi, &at, end) != 0 || (size_t)(end - at) < length)
        return -1;
    memcpy(at, text, length);
    at += length;
    (void)lws_write(wsi, begin, (size_t)(at - begin), LWS_WRITE_HTTP_HEADERS);
    return -1;
}

int td_gate_confirm(struct td_server *server, struct lws *wsi, const char *upgrade)
{
    const struct visitor *visitor = lws_get_opaque_user_data(wsi);
    (void)server;
    if (visitor == NULL || strcasecmp(upgrade, "websocket") != 0) return -1;
    if (visitor->room == TD_ROOM_FULL)
        return answer(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE,
                      "too many connections: try again later, or raise --max-connections\n");
    if (visitor->room == TD_ROOM_CROWDED)
        return answer(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE,
                      "too many connections from this address: raise --max-per-address\n");
    return 0;
}
