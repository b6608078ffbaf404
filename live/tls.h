/* What TLS needs beyond libwebsockets: certificates looked at before they are used, with a sentence
 * for each way in which one can be wrong; and a client's side that checks the server's certificate
 * and name.
 *
 * At least TLS 1.2 is spoken. A context is OpenSSL's SSL_CTX.
 */
#ifndef TD_LIVE_TLS_H
#define TD_LIVE_TLS_H

#include "base/error.h"

#include <stddef.h>

struct ssl_ctx_st;

/* Days of a certificate that are left when there is a warning. */
#define TD_TLS_DAYS_LEFT 30

/* Whether an authority can have this certificate (PEM, its own first, then those between it and the
 * CA) and key. `warning` says if it ends soon, else it is empty. */
bool td_tls_check(const char *cert, const char *key, char *warning, size_t size,
                  struct td_error *error);
/* The same, and new connections of the context get them. */
bool td_tls_use(struct ssl_ctx_st *context, const char *cert, const char *key, char *warning,
                size_t size, struct td_error *error);

/* A client's context for one server, whose certificate must be for this host (a name or an address)
 * and signed by the CA in the file, or by one that the system trusts if `ca` is NULL. NULL with an
 * error. */
struct ssl_ctx_st *td_tls_client_create(const char *host, const char *ca, struct td_error *error);
void td_tls_client_destroy(struct ssl_ctx_st *context); /* NULL is allowed */

/* Why the verification of a server's certificate has failed: the X509_STORE_CTX of the moment. */
void td_tls_flaw(const void *store, const char *host, char *out, size_t size);

#endif
