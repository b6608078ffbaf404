/* What all that connect to an authority have in common: TLS, the token that goes along with the
 * request, and words for why there is no connection.
 */
#ifndef TD_LIVE_CLIENT_H
#define TD_LIVE_CLIENT_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

/* Of a connection: whose name the certificate must be for is in the TLS's context. NULL: no TLS. */
int td_client_flags(const struct ssl_ctx_st *tls);

/* LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: nonzero if there is no room. NULL: no token. */
int td_client_add_token(const char *token, struct lws *wsi, unsigned char **at, size_t room);

/* What the library says of a connection that could not be had means that a token is wanted. */
bool td_client_is_unauthorized(const char *text);
/* Then, in words; `token` is the one that was sent, or NULL. */
const char *td_client_refusal(const char *token);

/* The same in words for all else. `flaw` is what td_tls_flaw() has found; "": nothing. */
const char *td_client_trouble(const char *flaw, const char *text);

#endif
