/* Who gets in. A socket is counted from its accept() to its end; one too many, or one without a
 * token that is known, gets an answer in HTTP, and only floods are closed unheard. */
#include "live/server_internal.h"

#include "live/tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is known of a socket. */
struct visitor {
    struct td_address from;
    enum td_room room;                 /* that there was when it came */
    struct td_bucket asked;            /* for pages */
    bool tokenless;                    /* a client of v1 that needs none */
    unsigned char hash[TD_TOKEN_HASH]; /* else: of its token, which is known */
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

/* A sentence as an HTTP answer to who wants a websocket, after which nothing more is read. */
static int answer(struct lws *wsi, unsigned status, const char *text)
{
    unsigned char bytes[LWS_PRE + 1024], *begin = bytes + LWS_PRE, *at = begin;
    unsigned char *end = bytes + sizeof bytes;
    size_t length = strlen(text) + 1;
    static const char challenge[] = "Bearer";
    if (lws_add_http_common_headers(wsi, status, "text/plain; charset=utf-8", length, &at, end) !=
            0 ||
        lws_add_http_header_by_name(wsi, (const unsigned char *)"connection:",
                                    (const unsigned char *)"close", 5, &at, end) != 0 ||
        (status == HTTP_STATUS_UNAUTHORIZED &&
         lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_WWW_AUTHENTICATE,
                                      (const unsigned char *)challenge, sizeof challenge - 1, &at,
                                      end) != 0) ||
        lws_finalize_http_header(wsi, &at, end) != 0 || (size_t)(end - at) < length)
        return -1;
    memcpy(at, text, length - 1);
    at[length - 1] = '\n';
    at += length;
    (void)lws_write(wsi, begin, (size_t)(at - begin), LWS_WRITE_HTTP_HEADERS);
    return -1;
}

/* The entry of the token that the request brings; NULL: none that is known. */
static const struct td_token *token_of(const struct td_server *server, struct lws *wsi)
{
    static const char scheme[] = "bearer ";
    char header[sizeof scheme + TD_TOKEN_MOST];
    const struct td_token *token = NULL;
    int length = lws_hdr_copy(wsi, header, sizeof header, WSI_TOKEN_HTTP_AUTHORIZATION);
    size_t skip = sizeof scheme - 1;
    if (length > (int)skip && strncasecmp(header, scheme, skip) == 0)
        token = td_tokens_find(server->options.tokens, header + skip, (size_t)length - skip);
    td_token_wipe(header, sizeof header);
    return token;
}

/* For those who run the authority; a flood of strangers does not fill the log. */
static void log_refusal(struct td_server *server, const struct visitor *visitor, const char *why)
{
    static const struct td_guard_limits seldom = {.rate = 1};
    char from[INET6_ADDRSTRLEN] = "", line[256];
    if (!td_bucket_take(&server->refusals, &seldom, td_server_clock_ns())) return;
    (void)inet_ntop(AF_INET6, visitor->from.bytes, from, sizeof from);
    (void)snprintf(line, sizeof line, "refuses a connection from %s: %s", from, why);
    td_server_log(server, td_server_now(server), "authority", line);
}

static int refuse(struct td_server *server, struct lws *wsi, unsigned status, const char *why)
{
    log_refusal(server, lws_get_opaque_user_data(wsi), why);
    return answer(wsi, status, why);
}

/* NULL: there is room for it. */
static const char *no_room(const struct visitor *visitor)
{
    if (visitor->room == TD_ROOM_FULL)
        return "too many connections: try again later, or raise --max-connections";
    if (visitor->room == TD_ROOM_CROWDED)
        return "too many connections from this address: raise --max-per-address";
    return NULL;
}

static const char token_is_wanted[] =
    "a token that is known here is needed: send it as 'Authorization: Bearer TOKEN'";

/* A client of v1 where tokens are wanted. */
static int confirm_v1(struct td_server *server, struct lws *wsi, struct visitor *visitor)
{
    visitor->tokenless = server->options.v1_without_token;
    if (visitor->tokenless) return 0;
    return refuse(server, wsi, HTTP_STATUS_UNAUTHORIZED,
                  "a token is needed, and clients of version 1 have none: use task-director peer, "
                  "or permit them with serve --v1-without-token");
}

/* Whether the client offers no subprotocol, or ours among others. The library would close the
 * connection of another one without a word. */
static bool speaks(struct lws *wsi)
{
    char offered[256], *rest = offered, *word;
    int length = lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL);
    if (length == 0) return true;
    if (lws_hdr_copy(wsi, offered, sizeof offered, WSI_TOKEN_PROTOCOL) <= 0) return false;
    while ((word = strtok_r(rest, ", \t", &rest)) != NULL)
        if (strcmp(word, TD_SUBPROTOCOL) == 0) return true;
    return false;
}

int td_gate_confirm(struct td_server *server, struct lws *wsi, const char *upgrade)
{
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    char path[TD_PATH_SIZE];
    const char *v1_id;
    if (visitor == NULL || strcasecmp(upgrade, "websocket") != 0) return -1;
    if (no_room(visitor) != NULL)
        return refuse(server, wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, no_room(visitor));
    const bool known = td_connection_path(wsi, path, &v1_id);
    if (server->options.tokens != NULL && v1_id != NULL && confirm_v1(server, wsi, visitor) != 0)
        return -1;
    if (server->options.tokens != NULL && v1_id == NULL) {
        const struct td_token *token = token_of(server, wsi);
        if (token == NULL) return refuse(server, wsi, HTTP_STATUS_UNAUTHORIZED, token_is_wanted);
        memcpy(visitor->hash, token->hash, sizeof visitor->hash);
    }
    if (!known)
        return refuse(server, wsi, HTTP_STATUS_NOT_FOUND,
                      "there is no websocket here: peers connect to " TD_PEER_PATH);
    if (!speaks(wsi))
        return refuse(server, wsi, HTTP_STATUS_BAD_REQUEST,
                      "of subprotocols this authority speaks " TD_SUBPROTOCOL
                      ": update the peer, or leave it out");
    return 0;
}

bool td_gate_may_ask(const struct td_server *server, struct lws *wsi)
{
    struct visitor *visitor = lws_get_opaque_user_data(wsi);
    return td_bucket_take(&visitor->asked, &server->options.limits, td_server_clock_ns());
}

static unsigned pass(const struct td_server *server, struct lws *wsi, bool shows_all,
                     const char **why)
{
    const struct visitor *visitor = lws_get_opaque_user_data(wsi);
    *why = no_room(visitor);
    if (*why != NULL) return HTTP_STATUS_SERVICE_UNAVAILABLE;
    if (server->options.tokens == NULL) return HTTP_STATUS_OK;
    const struct td_token *token = token_of(server, wsi);
    *why = token_is_wanted;
    if (token == NULL) return HTTP_STATUS_UNAUTHORIZED;
    *why = "this shows all repositories and pipelines: use a token that is not limited to some";
    return shows_all && !td_token_is_unlimited(token) ? HTTP_STATUS_FORBIDDEN : HTTP_STATUS_OK;
}

unsigned td_gate_pass(struct td_server *server, struct lws *wsi, bool shows_all, const char **why)
{
    unsigned status = pass(server, wsi, shows_all, why);
    if (status != HTTP_STATUS_OK) log_refusal(server, lws_get_opaque_user_data(wsi), *why);
    return status;
}

bool td_gate_is_spare(struct lws *wsi)
{
    return no_room(lws_get_opaque_user_data(wsi)) != NULL;
}

static const struct visitor *visitor_of_link(const struct td_server *server, uint32_t link)
{
    return lws_get_opaque_user_data(server->connections[link]->wsi);
}

bool td_gate_vouch(void *context, uint32_t link, const struct td_hello *hello,
                   struct td_voucher *voucher, struct td_error *error)
{
    const struct td_server *server = context;
    const struct visitor *visitor = visitor_of_link(server, link);
    if (visitor->tokenless) return true;
    const struct td_token *token = td_tokens_find_hash(server->options.tokens, visitor->hash);
    if (token == NULL)
        return td_error_set(error, TD_FAULT_INPUT, "its token is not valid any more");
    voucher->owner = token->name;
    voucher->read_only = token->read_only;
    return td_token_allows(token, hello->repository, hello->pipeline, error);
}

static void log_outcome(struct td_server *server, const char *outcome, const char *text)
{
    char line[sizeof((struct td_error *)NULL)->text + 64];
    (void)snprintf(line, sizeof line, "%s: %s", outcome, text);
    td_server_log(server, td_server_now(server), "authority", line);
}

static void reload_tokens(struct td_server *server)
{
    struct td_error error;
    struct td_tokens *tokens = td_tokens_read(server->options.tokens_path, &error);
    if (tokens == NULL) {
        log_outcome(server, "the tokens stay as they were", error.text);
        return;
    }
    td_tokens_destroy(server->options.tokens);
    server->options.tokens = tokens;
    td_server_log(server, td_server_now(server), "authority", "has read the tokens again");
    for (uint32_t link = 0; link < server->connection_capacity; link++) {
        if (server->connections[link] == NULL || server->connections[link]->closing) continue;
        const struct visitor *visitor = visitor_of_link(server, link);
        if (visitor->tokenless || td_tokens_find_hash(tokens, visitor->hash) != NULL) continue;
        td_authority_refuse(server->authority, link, "not-allowed",
                            "its token is not valid any more", td_server_now(server));
    }
    td_server_set_timer(server);
}

static void reload_certificate(struct td_server *server)
{
    const struct td_server_options *options = &server->options;
    struct td_error error;
    char warning[256];
    if (!td_tls_check(options->tls_cert, options->tls_key, warning, sizeof warning, &error) ||
        !td_tls_use(server->tls, options->tls_cert, options->tls_key, warning, sizeof warning,
                    &error)) {
        log_outcome(server, "the certificate stays as it was", error.text);
        return;
    }
    if (warning[0] != '\0') log_outcome(server, "warning", warning);
    td_server_log(server, td_server_now(server), "authority", "has read the certificate again");
}

void td_gate_reload(struct td_server *server)
{
    if (server->options.tokens_path != NULL) reload_tokens(server);
    if (server->options.tls_cert != NULL) reload_certificate(server);
}
