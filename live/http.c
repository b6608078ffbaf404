/* What the authority says over plain HTTP, beside the peers' websockets: how it is, what it has
 * counted, and what it knows. Long answers are made and written piece by piece. */
#include "live/server_internal.h"
#include "live/state.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 16384u
/* Who has not read its answer in so many times the time for a handshake is cut off. */
#define ANSWER_HANDSHAKES 6
/* So many states can be on their way; each remembers who builds what. */
#define STATES_MOST 16u

struct td_answer {
    struct lws *wsi;
    struct td_answer *next, **link; /* of those that are held; link NULL: it is not */
    uint64_t batch;                 /* of the journal, that must be durable before */
    unsigned status;
    const char *type;
    bool head;              /* nothing but the head is wanted */
    bool last;              /* the connection is closed afterwards */
    struct td_state *state; /* what is still to be made; NULL: it is all in the body */
    uint64_t folds;         /* the server's when that began: of another authority it says nothing */
    struct td_buffer body;  /* LWS_PRE bytes, then what is to be written next */
    bool began;             /* its head is written */
    bool made, more;        /* the state's next piece is in the body; others follow */
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
    answer->last = answer->last || status == HTTP_STATUS_METHOD_NOT_ALLOWED;
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
    if (server->keeper != NULL) gauges.newcomers = td_keeper_newcomers(server->keeper);
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    td_metrics_write(td_authority_metrics(server->authority), &gauges, &answer->body);
    td_metrics_write_process(&answer->body);
}

static void answer_state(struct td_server *server, struct td_answer *answer)
{
    if (server->states == STATES_MOST) {
        say(answer, HTTP_STATUS_SERVICE_UNAVAILABLE,
            "too many ask for the state at once: try again");
        return;
    }
    answer->type = "application/json";
    answer->state = td_state_begin(server->authority, td_server_now(server));
    answer->folds = server->folds;
    if (answer->state == NULL)
        answer->body.failed = true;
    else
        server->states++;
}

/* It may show what is not durable yet. */
static void hold(struct td_server *server, struct td_answer *answer)
{
    answer->next = server->held;
    answer->link = &server->held;
    if (answer->next != NULL) answer->next->link = &answer->next;
    server->held = answer;
}

static void let_go(struct td_answer *answer)
{
    if (answer->link == NULL) return;
    *answer->link = answer->next;
    if (answer->next != NULL) answer->next->link = answer->link;
    answer->link = NULL;
}

void td_http_flush(struct td_server *server, bool all)
{
    for (struct td_answer *answer = server->held, *next; answer != NULL; answer = next) {
        next = answer->next;
        if (answer->batch > server->durable && !all) continue;
        let_go(answer);
        (void)lws_callback_on_writable(answer->wsi);
    }
}

static void free_answer(struct td_server *server, struct td_answer **answer)
{
    if (*answer == NULL) return;
    let_go(*answer);
    if ((*answer)->state != NULL) server->states--;
    td_state_end((*answer)->state);
    td_buffer_free(&(*answer)->body);
    free(*answer);
    *answer = NULL;
}

static void fill_answer(struct td_server *server, struct lws *wsi, const char *path,
                        struct td_answer *answer)
{
    bool is_metrics = strcmp(path, "/metrics") == 0, is_state = strcmp(path, "/api/v1/state") == 0;
    const char *why;
    if (!answer->head && lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) == 0) {
        say(answer, HTTP_STATUS_METHOD_NOT_ALLOWED, "only GET and HEAD are possible here");
    } else if (strcmp(path, "/healthz") == 0) {
        answer_health(server, answer); /* also if it is one too many: it may be asked in any need */
    } else if (!is_metrics && !is_state) {
        say(answer, HTTP_STATUS_NOT_FOUND,
            "there is no such page: try /healthz, /metrics or /api/v1/state; peers connect "
            "to " TD_PEER_PATH " with a websocket");
    } else if ((answer->status = td_gate_pass(server, wsi, is_state, &why)) != HTTP_STATUS_OK) {
        say(answer, answer->status, why);
    } else if (is_metrics) {
        answer_metrics(server, answer);
    } else {
        answer_state(server, answer);
    }
}

static struct td_answer *make_answer(struct td_server *server, struct lws *wsi, const char *path)
{
    struct td_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL) return NULL;
    answer->wsi = wsi;
    answer->batch = td_server_batch(server);
    answer->status = HTTP_STATUS_OK;
    answer->type = "text/plain; charset=utf-8";
    answer->head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    answer->last = td_gate_is_spare(wsi);
    begin_body(&answer->body);
    fill_answer(server, wsi, path, answer);
    if (answer->body.failed) free_answer(server, &answer);
    return answer;
}

/* So long for what comes next. */
static void set_patience(const struct td_server *server, struct lws *wsi, double handshakes)
{
    double seconds = handshakes * server->options.limits.handshake_s;
    if (seconds > 0) lws_set_timer_usecs(wsi, (lws_usec_t)(seconds * 1e6));
}

static int add_header(struct lws *wsi, const char *name, const char *value, unsigned char **at,
                      unsigned char *end)
{
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                       (const unsigned char *)value, (int)strlen(value), at, end);
}

/* The answer is written. Nonzero closes the connection. */
static int end_answer(struct td_server *server, struct lws *wsi, struct td_answer **answer)
{
    bool last = (*answer)->last;
    free_answer(server, answer);
    set_patience(server, wsi, 1);
    return lws_http_transaction_completed(wsi) != 0 || last ? -1 : 0;
}

/* The head. Nonzero closes the connection. */
static int write_head(struct td_server *server, struct lws *wsi, struct td_answer **answer)
{
    unsigned char head[LWS_PRE + 512], *at = head + LWS_PRE, *end = head + sizeof head - 1;
    const struct td_answer *is = *answer;
    lws_filepos_t length =
        is->state != NULL ? LWS_ILLEGAL_HTTP_CONTENT_LEN : is->body.length - LWS_PRE;
    bool closes = is->last && is->state == NULL; /* without a length the library says so itself */
    if (lws_add_http_common_headers(wsi, is->status, is->type, length, &at, end) != 0 ||
        add_header(wsi, "cache-control:", "no-store", &at, end) != 0 ||
        (closes && add_header(wsi, "connection:", "close", &at, end) != 0) ||
        (is->status == HTTP_STATUS_UNAUTHORIZED &&
         add_header(wsi, "www-authenticate:", "Bearer", &at, end) != 0) ||
        (is->status == HTTP_STATUS_METHOD_NOT_ALLOWED &&
         add_header(wsi, "allow:", "GET, HEAD", &at, end) != 0) ||
        lws_finalize_write_http_header(wsi, head + LWS_PRE, &at, end) != 0)
        return -1;
    (*answer)->began = true;
    if (is->head) return end_answer(server, wsi, answer);
    (void)lws_callback_on_writable(wsi);
    return 0;
}

/* The state's next piece, which tells of what has come in until now. Nonzero closes the connection.
 */
static int make_piece(struct td_server *server, struct td_answer *answer)
{
    if (answer->folds != server->folds) return -1;
    begin_body(&answer->body);
    answer->more = td_state_write(answer->state, &answer->body, PIECE);
    answer->made = true;
    answer->batch = td_server_batch(server);
    hold(server, answer);
    return answer->body.failed ? -1 : 0;
}

/* The next piece of the body. Nonzero closes the connection. */
static int write_piece(struct td_server *server, struct lws *wsi, struct td_answer **answer)
{
    struct td_answer *is = *answer;
    if (is->state != NULL && !is->made) return make_piece(server, is);
    size_t length = is->body.length - LWS_PRE;
    if (lws_write(wsi, (unsigned char *)is->body.bytes + LWS_PRE, length,
                  is->more ? LWS_WRITE_HTTP : LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    if (!is->more) return end_answer(server, wsi, answer);
    is->made = false;
    (void)lws_callback_on_writable(wsi);
    return 0;
}

int td_http_event(struct td_server *server, struct lws *wsi, enum lws_callback_reasons reason,
                  struct td_answer **answer, const char *path)
{
    if (answer == NULL) return 0; /* it is about no connection, or one that has asked nothing */
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        free_answer(server, answer);
        if (!td_gate_may_ask(server, wsi)) return -1;
        *answer = make_answer(server, wsi, path);
        if (*answer == NULL) return -1;
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* there is another one */
        set_patience(server, wsi, ANSWER_HANDSHAKES);
        hold(server, *answer);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        if (*answer == NULL || (*answer)->link != NULL) return 0;
        return (*answer)->began ? write_piece(server, wsi, answer)
                                : write_head(server, wsi, answer);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        free_answer(server, answer);
        return 0;
    default:
        return 0;
    }
}
