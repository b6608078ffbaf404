/* What the authority says over plain HTTP, beside the peers' websockets: how it is, what it has
 * counted, and what it knows. Long answers are made and written piece by piece. */
#include "live/server_internal.h"
#include "live/state.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 16384u
/* Who does not read for so long is cut off. */
#define ANSWER_S 60

struct td_answer {
    unsigned status;
    const char *type;
    struct td_state *state; /* what is still to be made; NULL: it is all in the body */
    uint64_t folds;         /* the server's when that began: of another authority it says nothing */
    struct td_buffer body;  /* LWS_PRE bytes, then what is to be written next */
    bool began;             /* its head is written */
};

static void begin_body(struct td_buffer *body)
{
    static const char space[LWS_PRE];
    body->length = 0;
    td_buffer_add(body, space, sizeof space);
}

static void say(struct td_answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    td_buffer_string(&answer->body, text);
    td_buffer_string(&answer->body, "\n");
}

static void answer_health(const struct td_server *server, struct td_answer *answer)
{
    const char *trouble = td_server_trouble(server);
    say(answer, trouble == NULL ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE,
        trouble == NULL ? "ok" : trouble);
}

static void answer_metrics(struct td_server *server, struct td_answer *answer)
{
    struct td_gauges gauges = td_authority_gauges(server->authority);
    gauges.connections = server->connection_capacity - server->free_count;
    gauges.can_order = td_server_trouble(server) == NULL;
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    td_metrics_write(td_authority_metrics(server->authority), &gauges, &answer->body);
    td_metrics_write_process(&answer->body);
}

static void answer_state(const struct td_server *server, struct td_answer *answer)
{
    answer->type = "application/json";
    answer->state = td_state_begin(server->authority, td_server_now(server));
    answer->folds = server->folds;
    if (answer->state == NULL) answer->body.failed = true;
}

static void free_answer(struct td_answer *answer)
{
    if (answer == NULL) return;
    td_state_end(answer->state);
    td_buffer_free(&answer->body);
    free(answer);
}

static struct td_answer *make_answer(struct td_server *server, struct lws *wsi, const char *path)
{
    struct td_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL) return NULL;
    answer->status = HTTP_STATUS_OK;
    answer->type = "text/plain; charset=utf-8";
    begin_body(&answer->body);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) == 0)
        say(answer, HTTP_STATUS_METHOD_NOT_ALLOWED, "only GET is possible here");
    else if (strcmp(path, "/healthz") == 0)
        answer_health(server, answer);
    else if (strcmp(path, "/metrics") == 0)
        answer_metrics(server, answer);
    else if (strcmp(path, "/api/v1/state") == 0)
        answer_state(server, answer);
    else
        say(answer, HTTP_STATUS_NOT_FOUND,
            "there is no such page: try /healthz, /metrics or /api/v1/state; peers connect "
            "to " TD_PEER_PATH " with a websocket");
    if (!answer->body.failed) return answer;
    free_answer(answer);
    return NULL;
}

/* The head. Nonzero closes the connection. */
static int write_head(struct lws *wsi, struct td_answer *answer)
{
    unsigned char head[LWS_PRE + 512], *at = head + LWS_PRE, *end = head + sizeof head - 1;
    lws_filepos_t length =
        answer->state != NULL ? LWS_ILLEGAL_HTTP_CONTENT_LEN : answer->body.length - LWS_PRE;
    static const unsigned char no_store[] = "no-store", get[] = "GET";
    if (lws_add_http_common_headers(wsi, answer->status, answer->type, length, &at, end) != 0 ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"cache-control:", no_store,
                                    sizeof no_store - 1, &at, end) != 0 ||
        (answer->status == HTTP_STATUS_METHOD_NOT_ALLOWED &&
         lws_add_http_header_by_name(wsi, (const unsigned char *)"allow:", get, sizeof get - 1, &at,
                                     end) != 0) ||
        lws_finalize_write_http_header(wsi, head + LWS_PRE, &at, end) != 0)
        return -1;
    answer->began = true;
    return 0;
}

/* The next piece of the body. Nonzero closes the connection. */
static int write_piece(const struct td_server *server, struct lws *wsi, struct td_answer **answer)
{
    struct td_buffer *body = &(*answer)->body;
    bool more = false;
    if ((*answer)->state != NULL) {
        if ((*answer)->folds != server->folds) return -1;
        begin_body(body);
        more = td_state_write((*answer)->state, body, PIECE);
    }
    if (body->failed) return -1;
    size_t length = body->length - LWS_PRE;
    if (lws_write(wsi, (unsigned char *)body->bytes + LWS_PRE, length,
                  more ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    if (more) {
        (void)lws_callback_on_writable(wsi);
        return 0;
    }
    bool close = (*answer)->status == HTTP_STATUS_METHOD_NOT_ALLOWED;
    free_answer(*answer);
    *answer = NULL;
    return lws_http_transaction_completed(wsi) != 0 || close ? -1 : 0;
}

static int write_answer(const struct td_server *server, struct lws *wsi, struct td_answer **answer)
{
    if ((*answer)->began) return write_piece(server, wsi, answer);
    if (write_head(wsi, *answer) != 0) return -1;
    (void)lws_callback_on_writable(wsi);
    return 0;
}

int td_http_event(struct td_server *server, struct lws *wsi, enum lws_callback_reasons reason,
                  struct td_answer **answer, const char *path)
{
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        free_answer(*answer);
        *answer = make_answer(server, wsi, path);
        if (*answer == NULL) return -1;
        lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_S);
        (void)lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return *answer == NULL ? 0 : write_answer(server, wsi, answer);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (answer == NULL) return 0;
        free_answer(*answer);
        *answer = NULL;
        return 0;
    default:
        return 0;
    }
}
