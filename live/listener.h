/* The sockets that the server listens on. They are ours, and not the websocket library's, which
 * knows no host names, and when there is no file for a connection asks for it again at once, for
 * ever. Connections that were accepted are the library's from then on.
 *
 * Without a file for it a connection is closed unheard: it is accepted by one that is kept for
 * that.
 */
#ifndef TD_LIVE_LISTENER_H
#define TD_LIVE_LISTENER_H

#include "base/error.h"

#include <libwebsockets.h>
#include <stdint.h>

struct td_server;
struct td_listener;

/* Listens on an address ("127.0.0.1", "::1"), on all those of a host's name ("localhost" is
 * 127.0.0.1 and ::1, whatever else it is called elsewhere) or of a network interface ("lo"); of
 * several, on those that the machine has. `*port` 0 becomes a free one, the same for all. NULL with
 * an error. */
struct td_listener *td_listener_open(const char *address, uint16_t *port, struct td_error *error);
/* From now on the server takes what comes; false if there is no memory. */
bool td_listener_start(struct td_listener *listener, struct td_server *server);
/* Once the server's context is destroyed; NULL is allowed. */
void td_listener_close(struct td_listener *listener);

/* LWS_CALLBACK_RAW_RX_FILE: somebody has come to this socket. */
void td_listener_accept(struct td_listener *listener, struct lws *wsi);

#endif
