/* Asks an authority one thing over plain HTTP, and waits for the answer. */
#ifndef TD_LIVE_ASK_H
#define TD_LIVE_ASK_H

#include "base/error.h"
#include "base/time.h"
#include "report/buffer.h"

/* No answer of an authority is longer. */
#define TD_ASK_MOST ((size_t)256 << 20)

/* GET of a path: the status (200 if all is well), and the body, which the caller frees. False with
 * a sentence that begins with the address if nobody answers within `patience`. */
bool td_ask(const char *host, int port, const char *path, td_time patience, unsigned *status,
            struct td_buffer *body, struct td_error *error);

#endif
