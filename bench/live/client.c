/* The other end of all connections: sockets and epoll, so that the server has the most to do. A
 * peer says that it has what it was ordered to get as soon as it hears the order. */
#include "bench/live/live_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEPS 500u      /* of the active peers' schema */
#define COHORT 10u      /* active peers that share */
#define AT_ONCE 100u    /* connections that are being opened at once */
#define ECHO_BYTES 200u /* of a text that is to come back */
#define ROOM 4096u      /* for what is heard */
#define MOST_TRIPS 4000000u

enum state { STATE_CLOSED, STATE_CONNECTING, STATE_UPGRADING, STATE_GREETING, STATE_OPEN };

struct caller {
    int socket;
    enum state state;
    bool over;               /* it has all steps */
    char order[24], step[8]; /* that it is at; "": none */
    bool build;
    int64_t sent_ns; /* when what is to be answered was sent; 0: nothing is */
    uint32_t length;
    char heard[ROOM];
};

struct client {
    const struct load *load;
    int port, poll;
    struct caller *callers;
    uint32_t begun, open, over;
    bool running, counting;
    uint32_t *trips_ns;
    size_t trips;
    struct td_error *error;
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool fail(const struct client *client, const struct caller *caller, const char *what)
{
    return td_error_set(client->error, TD_FAULT_RUN, "connection %ld: %s%s%s",
                        (long)(caller - client->callers), what, errno != 0 ? ": " : "",
                        errno != 0 ? strerror(errno) : "");
}

static bool send_all(const struct client *client, const struct caller *caller, const char *bytes,
                     size_t length)
{
    while (length > 0) {
        ssize_t sent = send(caller->socket, bytes, length, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return fail(client, caller, "cannot send");
        } else {
            struct pollfd wait = {.fd = caller->socket, .events = POLLOUT};
            (void)poll(&wait, 1, -1);
        }
    }
    return true;
}

/* A frame, masked with zeros, which leave the text as it is. */
static bool send_frame(const struct client *client, const struct caller *caller, int opcode,
                       const char *text, size_t length)
{
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)};
    size_t used = 2;
    if (length < 126) {
        head[1] = (unsigned char)(0x80 | length);
    } else if (length < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        used = 4;
    } else {
        head[1] = 0x80 | 127;
        for (unsigned i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)(length >> (56 - 8 * i));
        used = 10;
    }
    char frame[512];
    used += 4; /* the mask */
    memcpy(frame, head, used);
    if (used + length <= sizeof frame) { /* in one piece, as a peer would */
        memcpy(frame + used, text, length);
        return send_all(client, caller, frame, used + length);
    }
    return send_all(client, caller, frame, used) && send_all(client, caller, text, length);
}

static bool upgrade(const struct client *client, const struct caller *caller)
{
    static const char request[] =
        "GET /peer HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        "Sec-WebSocket-Protocol: task-director.1\r\n\r\n";
    return send_all(client, caller, request, sizeof request - 1);
}

/* The first one brings the schemas along; those who do nothing share one step that nobody builds to
 * its end. */
static bool greet(const struct client *client, const struct caller *caller)
{
    static char text[STEPS * 40 + 512];
    uint32_t number = (uint32_t)(caller - client->callers);
    bool active = number < client->load->active;
    int used = snprintf(text, sizeof text,
                        "{\"type\": \"hello\", \"peer\": \"peer-%u\", \"base_ref\": \"%u\", "
                        "\"schema\": ",
                        number, active ? number / COHORT : UINT32_MAX);
    if (!active)
        used += snprintf(text + used, sizeof text - (size_t)used,
                         "{\"id\": \"idle\", \"universe\": \"//...\", \"steps\": {\"1\": "
                         "\"//app/...\"}}}");
    else if (number > 0)
        used += snprintf(text + used, sizeof text - (size_t)used, "\"busy\"}");
    for (uint32_t step = 0; number == 0 && step < STEPS; step++)
        used +=
            snprintf(text + used, sizeof text - (size_t)used, "%s\"%u\": \"//app/%u/...\"%s",
                     step == 0 ? "{\"id\": \"busy\", \"universe\": \"//...\", \"steps\": {" : ", ",
                     step, step, step + 1 == STEPS ? "}}}" : "");
    return send_frame(client, caller, 1, text, (size_t)used);
}

static bool ask(const struct client *client, struct caller *caller)
{
    char text[ECHO_BYTES + 1];
    size_t length = ECHO_BYTES;
    if (!client->load->authority) {
        memset(text, 'x', ECHO_BYTES);
    } else {
        if (caller->order[0] == '\0') return true;
        length = (size_t)snprintf(text, sizeof text,
                                  "{\"type\": \"obtained\", \"order\": \"%s\", \"step\": \"%s\", "
                                  "\"how\": \"%s\", \"published\": %s, \"last\": true, "
                                  "\"took_ns\": \"1000000000\"}",
                                  caller->order, caller->step, caller->build ? "build" : "fetch",
                                  caller->build ? "true" : "false");
        caller->order[0] = '\0';
    }
    caller->sent_ns = now_ns();
    return send_frame(client, caller, 1, text, length);
}

static void count(struct client *client, struct caller *caller)
{
    if (client->counting && caller->sent_ns != 0 && client->trips < MOST_TRIPS)
        client->trips_ns[client->trips++] = (uint32_t)(now_ns() - caller->sent_ns);
    caller->sent_ns = 0;
}

/* The value of a member that is a text; "" if there is none. */
static void find_text(const char *json, const char *key, char *out, size_t size)
{
    const char *at = strstr(json, key);
    out[0] = '\0';
    if (at == NULL) return;
    at += strlen(key);
    size_t length = strcspn(at, "\"");
    if (length >= size) return;
    memcpy(out, at, length);
    out[length] = '\0';
}

static void greeted(struct client *client, struct caller *caller)
{
    if (caller->state != STATE_GREETING) return;
    caller->state = STATE_OPEN;
    client->open++;
}

/* A message; it ends with a zero. */
static bool hear(struct client *client, struct caller *caller, const char *text)
{
    bool active = caller - client->callers < client->load->active;
    if (!client->load->authority) {
        count(client, caller);
        return !client->running || ask(client, caller);
    }
    if (strstr(text, "\"type\": \"welcome\"") != NULL) return true;
    if (strstr(text, "\"type\": \"wait\"") != NULL) {
        caller->sent_ns = 0; /* what it waits for then is another's work */
        greeted(client, caller);
        return true;
    }
    if (strstr(text, "\"type\": \"order\"") == NULL) {
        errno = 0;
        return fail(client, caller, text);
    }
    count(client, caller);
    greeted(client, caller);
    find_text(text, "\"order\": \"", caller->order, sizeof caller->order);
    find_text(text, "\"step\": \"", caller->step, sizeof caller->step);
    caller->build = strstr(text, "\"expect\": \"build\"") != NULL;
    if (active && caller->step[0] == '\0') { /* the universe is left: it has had its orders */
        client->over += !caller->over;
        caller->over = true;
        caller->order[0] = '\0';
    }
    return !client->running || !active || ask(client, caller);
}

/* The frames that have come whole. */
static bool read_frames(struct client *client, struct caller *caller)
{
    uint32_t at = 0;
    for (;;) {
        const unsigned char *frame = (const unsigned char *)caller->heard + at;
        uint32_t left = caller->length - at, head = 2;
        if (left < 2) break;
        uint32_t length = frame[1];
        if (length == 126) {
            if (left < 4) break;
            length = (uint32_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (length > ROOM - 5) return fail(client, caller, "hears too long a message");
        if (left < head + length) break;
        char *text = caller->heard + at + head, behind = text[length];
        int opcode = frame[0] & 15;
        text[length] = '\0';
        bool good = opcode == 9  ? send_frame(client, caller, 10, text, length)
                    : opcode < 3 ? hear(client, caller, text)
                                 : fail(client, caller, "is closed");
        text[length] = behind;
        if (!good) return false;
        at += head + length;
    }
    memmove(caller->heard, caller->heard + at, caller->length - at);
    caller->length -= at;
    return true;
}

/* True when the answer to the upgrade is there whole; then it is taken away. */
static bool is_upgraded(struct caller *caller)
{
    caller->heard[caller->length] = '\0';
    const char *end = strstr(caller->heard, "\r\n\r\n");
    if (end == NULL || strstr(caller->heard, " 101 ") == NULL) return false;
    uint32_t used = (uint32_t)(end + 4 - caller->heard);
    memmove(caller->heard, caller->heard + used, caller->length - used);
    caller->length -= used;
    return true;
}

static bool receive(struct client *client, struct caller *caller)
{
    errno = 0;
    ssize_t got =
        recv(caller->socket, caller->heard + caller->length, ROOM - 1 - caller->length, 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return fail(client, caller, "is lost");
    caller->length += (uint32_t)got;
    if (caller->state == STATE_UPGRADING) {
        if (!is_upgraded(caller)) return true;
        caller->state = client->load->authority ? STATE_GREETING : STATE_OPEN;
        client->open += caller->state == STATE_OPEN;
        if (client->load->authority && !greet(client, caller)) return false;
    }
    return read_frames(client, caller);
}

static bool begin(struct client *client, struct caller *caller)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)client->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    caller->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (caller->socket < 0) return fail(client, caller, "cannot be made");
    (void)setsockopt(caller->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    caller->state = STATE_CONNECTING;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = caller};
    if (connect(caller->socket, (const struct sockaddr *)&to, sizeof to) != 0 &&
        errno != EINPROGRESS)
        return fail(client, caller, "cannot be opened");
    return epoll_ctl(client->poll, EPOLL_CTL_ADD, caller->socket, &event) == 0 ||
           fail(client, caller, "cannot be watched");
}

static bool serve(struct client *client, struct caller *caller)
{
    if (caller->state != STATE_CONNECTING) return receive(client, caller);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};
    caller->state = STATE_UPGRADING;
    return epoll_ctl(client->poll, EPOLL_CTL_MOD, caller->socket, &event) == 0 &&
           upgrade(client, caller);
}

/* What comes until then, or until nothing is left to wait for. */
static bool serve_until(struct client *client, int64_t end_ns, bool opening)
{
    struct epoll_event events[256];
    for (int64_t left; (left = end_ns - now_ns()) > 0;) {
        uint32_t most = client->open == 0 ? 1 : AT_ONCE; /* the first one brings the schema along */
        while (opening && client->begun < client->load->connections &&
               client->begun - client->open < most)
            if (!begin(client, &client->callers[client->begun++])) return false;
        if (opening && client->open == client->load->connections) return true;
        if (client->running && client->over > client->load->active / 2) return true;
        int wait = left > 10000000 ? 10 : (int)(left / 1000000) + 1;
        int got = epoll_wait(client->poll, events, 256, wait);
        for (int i = 0; i < got; i++)
            if (!serve(client, events[i].data.ptr)) return false;
    }
    errno = 0;
    return !opening ||
           td_error_set(client->error, TD_FAULT_RUN,
                        "%u of %u connections could be opened in a minute: try it on a machine "
                        "that is less busy",
                        client->open, client->load->connections);
}

/* A field of /proc/PID/stat behind the program's name, which is the 2nd. */
static double process_stat(pid_t process, unsigned number)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    for (unsigned field = 2; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtod(at, NULL);
}

static double memory_of(pid_t process)
{
    return process_stat(process, 24) * (double)sysconf(_SC_PAGESIZE);
}

static double processor_s(pid_t process)
{
    return (process_stat(process, 14) + process_stat(process, 15)) / (double)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool measure(struct client *client, pid_t server, struct measured *measured)
{
    const struct load *load = client->load;
    double before = memory_of(server);
    int64_t begin_ns = now_ns();
    if (!serve_until(client, begin_ns + INT64_C(60000000000), true)) return false;
    measured->opened_per_s = load->connections / ((double)(now_ns() - begin_ns) / 1e9);
    measured->bytes = (memory_of(server) - before) / load->connections;

    client->running = true;
    for (uint32_t i = 0; i < load->active; i++)
        if (!ask(client, &client->callers[i])) return false;
    if (!serve_until(client, now_ns() + (int64_t)(load->warm_up_s * 1e9), false)) return false;
    client->counting = true;
    double used = processor_s(server);
    begin_ns = now_ns();
    if (!serve_until(client, begin_ns + (int64_t)(load->measure_s * 1e9), false)) return false;
    measured->trips_per_s = (double)client->trips / ((double)(now_ns() - begin_ns) / 1e9);
    measured->processor_us = (processor_s(server) - used) * 1e6 / (double)client->trips;
    client->counting = client->running = false;
    qsort(client->trips_ns, client->trips, sizeof *client->trips_ns, by_size);
    if (client->trips > 0) {
        size_t middle = client->trips / 2, late = client->trips * 99 / 100;
        measured->p50_us = (double)client->trips_ns[middle] / 1e3;
        measured->p99_us = (double)client->trips_ns[late] / 1e3;
    }

    if (load->idle_s <= 0) return true;
    /* what is under way ends, then nobody says anything */
    if (!serve_until(client, now_ns() + INT64_C(1000000000), false)) return false;
    used = processor_s(server);
    begin_ns = now_ns();
    if (!serve_until(client, begin_ns + (int64_t)(load->idle_s * 1e9), false)) return false;
    measured->idle_cpu = (processor_s(server) - used) / ((double)(now_ns() - begin_ns) / 1e9);
    return true;
}

bool run_client(int port, pid_t server, const struct load *load, struct measured *measured,
                struct td_error *error)
{
    struct client client = {.load = load, .port = port, .error = error};
    client.callers = calloc(load->connections, sizeof *client.callers);
    client.trips_ns = calloc(MOST_TRIPS, sizeof *client.trips_ns);
    client.poll = epoll_create1(EPOLL_CLOEXEC);
    bool done = client.callers != NULL && client.trips_ns != NULL && client.poll >= 0;
    done = done ? measure(&client, server, measured) : td_error_memory(error, "the connections");
    for (uint32_t i = 0; client.callers != NULL && i < client.begun; i++)
        if (client.callers[i].socket >= 0) (void)close(client.callers[i].socket);
    if (client.poll >= 0) (void)close(client.poll);
    free(client.callers);
    free(client.trips_ns);
    return done;
}
