#include "live/guard.h"

#include "base/assert.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NS_PER_S INT64_C(1000000000)

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

struct td_address td_address_of(const struct sockaddr *from)
{
    struct td_address address = {{0}};
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)from;
        memcpy(address.bytes, mapped, sizeof mapped);
        memcpy(address.bytes + sizeof mapped, &v4->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        memcpy(address.bytes, &v6->sin6_addr, sizeof address.bytes);
        /* who has one address of a network has all of them */
        if (memcmp(address.bytes, mapped, sizeof mapped) != 0 && !td_address_is_loopback(&address))
            memset(address.bytes + 8, 0, 8);
    }
    return address;
}

bool td_address_is_loopback(const struct td_address *address)
{
    static const unsigned char one[16] = {[15] = 1};
    return memcmp(address->bytes, one, sizeof one) == 0 ||
           (memcmp(address->bytes, mapped, sizeof mapped) == 0 && address->bytes[12] == 127);
}

struct place {
    struct td_address address;
    uint32_t count; /* 0: free */
};

struct td_guard {
    struct td_guard_limits limits;
    struct td_hash_key key;
    uint32_t connections, capacity;
    struct place places[]; /* by hash, open addressing, at most half full */
};

struct td_guard *td_guard_create(const struct td_guard_limits *limits, struct td_error *error)
{
    uint32_t capacity = 64;
    TD_ASSERT(limits->connections > 0 && limits->connections < UINT32_MAX / 4);
    while (capacity < 2 * (limits->connections + TD_GUARD_SPARE))
        capacity *= 2;
    struct td_guard *guard = calloc(1, sizeof *guard + capacity * sizeof *guard->places);
    if (guard == NULL) {
        (void)td_error_memory(error, "connections");
        return NULL;
    }
    guard->limits = *limits;
    guard->capacity = capacity;
    guard->key = td_hash_key_draw();
    return guard;
}

void td_guard_destroy(struct td_guard *guard)
{
    free(guard);
}

static uint32_t slot_of(const struct td_guard *guard, const struct td_address *address)
{
    return (uint32_t)td_hash(&guard->key, address, sizeof *address) & (guard->capacity - 1);
}

/* Where the address stands, or would. */
static uint32_t find(const struct td_guard *guard, const struct td_address *address)
{
    uint32_t at = slot_of(guard, address);
    while (guard->places[at].count != 0 &&
           memcmp(&guard->places[at].address, address, sizeof *address) != 0)
        at = (at + 1) & (guard->capacity - 1);
    return at;
}

enum td_room td_guard_room(const struct td_guard *guard, const struct td_address *from)
{
    const struct td_guard_limits *limits = &guard->limits;
    uint32_t here = guard->places[find(guard, from)].count;
    bool counted =
        limits->per_address > 0 && (limits->loopback_too || !td_address_is_loopback(from));
    if (guard->connections >= limits->connections + TD_GUARD_SPARE ||
        (counted && here >= limits->per_address + TD_GUARD_SPARE))
        return TD_ROOM_NONE;
    if (guard->connections >= limits->connections) return TD_ROOM_FULL;
    return counted && here >= limits->per_address ? TD_ROOM_CROWDED : TD_ROOM_FREE;
}

void td_guard_enter(struct td_guard *guard, const struct td_address *from)
{
    struct place *place = &guard->places[find(guard, from)];
    TD_ASSERT(guard->connections < guard->limits.connections + TD_GUARD_SPARE);
    place->address = *from;
    place->count++;
    guard->connections++;
}

/* What stood behind a place that got free moves up, as far as its own slot. */
static void close_gap(struct td_guard *guard, uint32_t gap)
{
    uint32_t mask = guard->capacity - 1;
    for (uint32_t at = (gap + 1) & mask; guard->places[at].count != 0; at = (at + 1) & mask) {
        uint32_t home = slot_of(guard, &guard->places[at].address);
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        guard->places[gap] = guard->places[at];
        guard->places[at].count = 0;
        gap = at;
    }
}

void td_guard_leave(struct td_guard *guard, const struct td_address *from)
{
    uint32_t at = find(guard, from);
    TD_ASSERT(guard->places[at].count > 0 && guard->connections > 0);
    guard->connections--;
    if (--guard->places[at].count == 0) close_gap(guard, at);
}

bool td_bucket_take(struct td_bucket *bucket, const struct td_guard_limits *limits, int64_t now_ns)
{
    if (limits->rate == 0) return true;
    int64_t each = NS_PER_S / limits->rate, from = bucket->full_ns;
    if (from < now_ns) from = now_ns;
    if (from - now_ns > (int64_t)TD_GUARD_BURST_S * NS_PER_S - each) return false;
    bucket->full_ns = from + each;
    return true;
}

bool td_guard_reserve_files(uint32_t *connections, char *warning, size_t size,
                            struct td_error *error)
{
    struct rlimit limit;
    rlim_t spare = TD_GUARD_SPARE + TD_GUARD_FILES, need = *connections + spare;
    warning[0] = '\0';
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) return true;
    rlim_t most = limit.rlim_max < need ? limit.rlim_max : need;
    if (most > limit.rlim_cur) {
        limit.rlim_cur = most;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
            return td_error_set(error, TD_FAULT_RUN, "the limit on files cannot be read");
    }
    if (limit.rlim_cur >= need) return true;
    if (limit.rlim_cur <= spare)
        return td_error_set(error, TD_FAULT_RUN,
                            "%llu files are too few to serve anybody: raise `ulimit -Hn` to %llu",
                            (unsigned long long)limit.rlim_cur, (unsigned long long)need);
    *connections = (uint32_t)(limit.rlim_cur - spare);
    (void)snprintf(warning, size,
                   "there are files for %u connections only: for more, raise the limit on open "
                   "files to %llu (ulimit -Hn, or LimitNOFILE= in a unit of systemd)",
                   *connections, (unsigned long long)need);
    return true;
}

static bool is_local(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct td_address address;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        address = td_address_of((const struct sockaddr *)&v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        address = td_address_of((const struct sockaddr *)&v6);
    else
        return strcmp(text, "localhost") == 0 || strcmp(text, "lo") == 0;
    return td_address_is_loopback(&address);
}

bool td_exposure_check(const struct td_exposure *exposure, char *warning, size_t size,
                       struct td_error *error)
{
    warning[0] = '\0';
    if (is_local(exposure->address)) return true;
    if (!exposure->tokens && !exposure->no_tokens)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: whoever reaches %s could join: say who may with --tokens FILE, "
                            "or --insecure-no-tokens if everybody may",
                            exposure->address);
    if (!exposure->tls && !exposure->no_tls)
        return td_error_set(error, TD_FAULT_INPUT,
                            "serve: what is said on the way to %s could be read and changed: give "
                            "--tls-cert FILE and --tls-key FILE, or --insecure-no-tls if something "
                            "else encrypts it",
                            exposure->address);
    if (!exposure->tokens)
        (void)snprintf(warning, size, "whoever reaches %s can join, and can spoil others' builds",
                       exposure->address);
    if (!exposure->tls) {
        size_t length = strlen(warning);
        (void)snprintf(warning + length, size - length,
                       "%swhat is said on the way to %s%s is not encrypted", length > 0 ? "; " : "",
                       exposure->address, exposure->tokens ? ", tokens too," : "");
    }
    return true;
}
