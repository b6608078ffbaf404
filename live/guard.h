/* How much strangers may ask of the authority: how many may connect, from one address and in all,
 * how much a connection may say, and what an authority may offer to which network. No sockets here.
 *
 *     guard = td_guard_create(&limits, &error);
 *     if (td_guard_room(guard, &address) != TD_ROOM_NONE) td_guard_enter(guard, &address);
 *     ... if (!td_bucket_take(&bucket, &limits, now_ns)) it says too much ...
 *     td_guard_leave(guard, &address);
 *
 * A limit of 0 is none. Times are nanoseconds of a clock that never goes back.
 */
#ifndef TD_LIVE_GUARD_H
#define TD_LIVE_GUARD_H

#include "base/error.h"

#include <stdint.h>
#include <sys/socket.h>

struct td_guard_limits {
    uint32_t connections; /* in all; needed by td_guard_create() */
    uint32_t per_address; /* an IPv4 address, or the first 64 bits of an IPv6 one */
    bool loopback_too;    /* this limit also holds for this machine itself */
    uint32_t rate;        /* what a connection may say a second; long messages count in pieces */
    double handshake_s;   /* from the connection to the websocket, */
    double hello_s;       /* and from there to the hello */
};

/* What a connection may say at once, in seconds of its rate: all steps of a large universe can be
 * reported together. */
#define TD_GUARD_BURST_S 20u
/* Connections beyond a limit that are let in to be told so; what is above is closed unheard. */
#define TD_GUARD_SPARE 16u
/* File descriptors that are no connections: the service's own, the program's files. */
#define TD_GUARD_FILES 64u

/* Where somebody connects from, as far as it counts. */
struct td_address {
    unsigned char bytes[16];
};

/* Of an IPv4 or IPv6 address; all others are one. */
struct td_address td_address_of(const struct sockaddr *from);
bool td_address_is_loopback(const struct td_address *address);

struct td_guard;

/* NULL with an error if memory is short. Cost: 40 bytes a connection that may come. */
struct td_guard *td_guard_create(const struct td_guard_limits *limits, struct td_error *error);
void td_guard_destroy(struct td_guard *guard); /* NULL is allowed */

enum td_room {
    TD_ROOM_FREE,
    TD_ROOM_FULL,    /* it may be let in to be told that there are too many in all, */
    TD_ROOM_CROWDED, /* or from its address; */
    TD_ROOM_NONE,    /* or may not even be let in */
};

/* Whether there is room for one more from there. */
enum td_room td_guard_room(const struct td_guard *guard, const struct td_address *from);
/* One has come: only where there was room. */
void td_guard_enter(struct td_guard *guard, const struct td_address *from);
void td_guard_leave(struct td_guard *guard, const struct td_address *from);

/* What a connection may still say; all zero for a new one. */
struct td_bucket {
    int64_t full_ns; /* when it may say as much as ever again */
};

/* It says one thing more; false if that is too much. */
bool td_bucket_take(struct td_bucket *bucket, const struct td_guard_limits *limits, int64_t now_ns);

/* Raises the process's soft limit on files, and never lowers it, so that so many connections can
 * be had. Otherwise lowers *connections to what there is files for; `warning` then says so. */
bool td_guard_reserve_files(uint32_t *connections, char *warning, size_t size,
                            struct td_error *error);

/* What an authority offers. */
struct td_exposure {
    const char *address;    /* as --listen has it, without the port */
    bool tokens, tls;       /* it wants tokens; it is encrypted */
    bool no_tokens, no_tls; /* to go without is meant */
};

/* False with a sentence if others than this machine's users could reach it unasked and that is not
 * meant. `warning` says what is meant and yet dangerous, else it is empty. */
bool td_exposure_check(const struct td_exposure *exposure, char *warning, size_t size,
                       struct td_error *error);

#endif
