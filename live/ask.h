/* Asks an authority one thing over plain HTTP, and waits for the answer. */
#ifndef TD_LIVE_ASK_H
#define TD_LIVE_ASK_H

#include "base/error.h"
#include "base/time.h"
#include "report/buffer.h"

/* No answer of an authority is longer. */
#define TD_ASK_MOST ((size_t)256 << 20)

struct td_question {
    const char *host; /* a name or an address */
    int port;
    struct ssl_ctx_st *tls; /* td_tls_client_create() for the host; NULL: not encrypted */
    const char *token;      /* NULL: none */
    const char *path;
    td_time patience;
};

/* GET of a path: the status (200 if all is well), and the body, which the caller frees. False with
 * a sentence that begins with the address if nobody answers in time. */
bool td_ask(const struct td_question *question, unsigned *status, struct td_buffer *body,
            struct td_error *error);

#endif
