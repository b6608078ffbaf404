#include "live/listener.h"

#include "live/server_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES 16u  /* addresses of one name */
#define TRIES 8u    /* for a port that is free on all of them */
#define AT_ONCE 64u /* so many are taken before others are served */
#define REST (1 * LWS_USEC_PER_SEC)
#define SAY_AGAIN_NS (60 * TD_NS_PER_S)

struct td_listener {
    struct td_server *server;
    lws_sorted_usec_list_t timer;
    struct lws *sockets[PLACES];
    int files[PLACES]; /* until the library has them; then -1 */
    unsigned count;
    int reserve; /* is closed where a file is missing; -1: it could not be had */
    int64_t said_ns;
    bool said;
};

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct places {
    union place at[PLACES];
    unsigned count;
};

static void add_place(struct places *places, const struct sockaddr *at)
{
    size_t length =
        at->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if ((at->sa_family != AF_INET && at->sa_family != AF_INET6) || places->count == PLACES) return;
    memcpy(&places->at[places->count++], at, length);
}

static void add_host(struct places *places, const char *name, int flags)
{
    const struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(name, NULL, &hints, &found) != 0) return;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        add_place(places, at->ai_addr);
    freeaddrinfo(found);
}

static void add_interface(struct places *places, const char *name)
{
    struct ifaddrs *found;
    if (getifaddrs(&found) != 0) return;
    for (const struct ifaddrs *at = found; at != NULL; at = at->ifa_next)
        if (at->ifa_addr != NULL && strcmp(at->ifa_name, name) == 0)
            add_place(places, at->ifa_addr);
    freeifaddrs(found);
}

static void resolve(const char *address, struct places *places)
{
    add_host(places, address, AI_NUMERICHOST);
    if (places->count == 0 && strcmp(address, "localhost") == 0) {
        add_host(places, "127.0.0.1", AI_NUMERICHOST);
        add_host(places, "::1", AI_NUMERICHOST);
    }
    if (places->count == 0) add_interface(places, address);
    if (places->count == 0) add_host(places, address, 0);
}

/* A socket that listens there; -1 with errno. */
static int listen_at(union place *at, uint16_t port)
{
    bool v6 = at->any.sa_family == AF_INET6;
    /* who listens on all addresses of IPv6 listens on those of IPv4 as well */
    int one = 1, v6_only = v6 && !IN6_IS_ADDR_UNSPECIFIED(&at->v6.sin6_addr);
    if (v6)
        at->v6.sin6_port = htons(port);
    else
        at->v4.sin_port = htons(port);
    int file = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) return -1;
    if (setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        (!v6 || setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) == 0) &&
        bind(file, &at->any, v6 ? sizeof at->v6 : sizeof at->v4) == 0 &&
        listen(file, SOMAXCONN) == 0)
        return file;
    int reason = errno;
    (void)close(file);
    errno = reason;
    return -1;
}

static uint16_t port_at(int file)
{
    union place at;
    socklen_t length = sizeof at;
    memset(&at, 0, sizeof at);
    if (getsockname(file, &at.any, &length) != 0) return 0;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static void close_files(struct td_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        if (listener->files[i] >= 0) (void)close(listener->files[i]);
    listener->count = 0;
}

/* On all of them, but for those that the machine does not have. False with errno. */
static bool listen_at_all(struct td_listener *listener, struct places *places, uint16_t *port)
{
    uint16_t chosen = *port;
    for (unsigned i = 0; i < places->count; i++) {
        int file = listen_at(&places->at[i], chosen);
        bool foreign = file < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
        if (foreign) continue;
        if (file < 0) {
            int reason = errno;
            close_files(listener);
            errno = reason;
            return false;
        }
        listener->files[listener->count++] = file;
        chosen = port_at(file);
    }
    if (listener->count > 0) *port = chosen;
    return listener->count > 0;
}

static bool open_sockets(struct td_listener *listener, const char *address, uint16_t *port,
                         struct td_error *error)
{
    struct places places;
    memset(&places, 0, sizeof places);
    resolve(address, &places);
    if (places.count == 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "cannot listen on %s: this machine knows no address, host or network "
                            "interface of that name: give an address, such as 127.0.0.1:8765 or "
                            "[::1]:8765",
                            address);
    bool good = false, again = true;
    for (unsigned i = 0; !good && again && i < TRIES; i++) {
        good = listen_at_all(listener, &places, port);
        again = *port == 0 && errno == EADDRINUSE; /* free on one, and not on another one */
    }
    if (good) return true;
    bool v6 = strchr(address, ':') != NULL;
    return td_error_set(error, TD_FAULT_INPUT,
                        "cannot listen on %s%s%s:%u: %s: choose another address or port, or end "
                        "what uses it",
                        v6 ? "[" : "", address, v6 ? "]" : "", *port, strerror(errno));
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

struct td_listener *td_listener_open(const char *address, uint16_t *port, struct td_error *error)
{
    struct td_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        (void)td_error_memory(error, "a listening socket");
        return NULL;
    }
    listener->reserve = open_reserve(); /* before the others: a limit that sinks spares it */
    if (open_sockets(listener, address, port, error)) return listener;
    td_listener_close(listener);
    return NULL;
}

bool td_listener_start(struct td_listener *listener, struct td_server *server)
{
    listener->server = server;
    for (unsigned i = 0; i < listener->count; i++) {
        const lws_sock_file_fd_type file = {.filefd = listener->files[i]};
        listener->sockets[i] =
            lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, file, NULL, NULL);
        if (listener->sockets[i] == NULL) return false;
        listener->files[i] = -1; /* the library closes it */
    }
    return true;
}

void td_listener_close(struct td_listener *listener)
{
    if (listener == NULL) return;
    close_files(listener);
    if (listener->reserve >= 0) (void)close(listener->reserve);
    free(listener);
}

/* A flood of connections does not fill the log. */
static void say(struct td_listener *listener, int reason)
{
    struct td_server *server = listener->server;
    char line[256];
    int64_t now = td_server_clock_ns();
    if (listener->said && now - listener->said_ns < SAY_AGAIN_NS) return;
    listener->said = true;
    listener->said_ns = now;
    (void)snprintf(
        line, sizeof line,
        "closes new connections unheard, since there is no file for them (%s): raise the "
        "limit on open files again (prlimit --nofile)",
        strerror(reason));
    td_server_log(server, td_server_now(server), "authority", line);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct td_listener *listener = lws_container_of(timer, struct td_listener, timer);
    if (listener->reserve < 0) listener->reserve = open_reserve();
    for (unsigned i = 0; i < listener->count; i++)
        (void)lws_rx_flow_control(listener->sockets[i], 1);
}

/* Whoever comes meanwhile waits, as far as the system lets it. */
static void rest(struct td_listener *listener)
{
    for (unsigned i = 0; i < listener->count; i++)
        (void)lws_rx_flow_control(listener->sockets[i], 0);
    lws_sul_schedule(listener->server->context, 0, &listener->timer, on_timer, REST);
}

/* There is no file for a connection that has come: it is accepted in place of the reserve, and
 * closed, so that it does not wait in vain. False: there is not even that one. */
static bool turn_away(struct td_listener *listener, int from)
{
    if (listener->reserve >= 0) (void)close(listener->reserve);
    int file = accept4(from, NULL, NULL, SOCK_CLOEXEC);
    bool gone = file >= 0 || errno == EAGAIN || errno == EWOULDBLOCK;
    if (file >= 0) (void)close(file);
    listener->reserve = open_reserve();
    return gone && listener->reserve >= 0;
}

static void take(struct td_server *server, int file, const struct sockaddr *from)
{
    int one = 1, type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP;
    if (!td_gate_admits(server, from)) {
        (void)close(file);
        return;
    }
    if (server->options.tls_cert != NULL) type |= LWS_ADOPT_ALLOW_SSL;
    (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* it closes what it cannot take */
    const lws_sock_file_fd_type socket = {.sockfd = file};
    (void)lws_adopt_descriptor_vhost(server->vhost, (lws_adoption_type)type, socket, NULL, NULL);
}

void td_listener_accept(struct td_listener *listener, struct lws *wsi)
{
    int from = lws_get_socket_fd(wsi);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        union place peer;
        socklen_t length = sizeof peer;
        memset(&peer, 0, sizeof peer);
        int file = accept4(from, &peer.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (file >= 0) {
            take(listener->server, file, &peer.any);
            continue;
        }
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
        say(listener, errno);
        if (turn_away(listener, from)) continue;
        rest(listener);
        return;
    }
}
