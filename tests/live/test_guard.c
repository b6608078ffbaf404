/* Limits without sockets: counts of connections by address, the bucket of what a connection may
 * say, files, and what may be offered to which network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define S INT64_C(1000000000)

static struct td_address v4(const char *text)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &from.sin_addr), 1);
    return td_address_of((const struct sockaddr *)&from);
}

static struct td_address v6(const char *text)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, text, &from.sin6_addr), 1);
    return td_address_of((const struct sockaddr *)&from);
}

static void addresses(void **state)
{
    struct td_address one = v6("2001:db8::1"), neighbour = v6("2001:db8::2:1");
    struct td_address other = v6("2001:db8:0:1::1"), mapped = v6("::ffff:10.0.0.1");
    struct td_address plain = v4("10.0.0.1"), next = v4("10.0.0.2");
    struct td_address local[] = {v4("127.0.0.1"), v4("127.9.9.9"), v6("::1"),
                                 v6("::ffff:127.0.0.1")};
    (void)state;
    assert_memory_equal(&one, &neighbour, sizeof one);
    assert_memory_not_equal(&one, &other, sizeof one);
    assert_memory_equal(&mapped, &plain, sizeof plain);
    assert_memory_not_equal(&plain, &next, sizeof plain);
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(td_address_is_loopback(&local[i]));
    assert_false(td_address_is_loopback(&plain));
    assert_false(td_address_is_loopback(&one));
}

static struct td_guard *guard_of(const struct td_guard_limits *limits)
{
    struct td_error error;
    struct td_guard *guard = td_guard_create(limits, &error);
    assert_non_null(guard);
    return guard;
}

static void connections_in_all(void **state)
{
    const struct td_guard_limits limits = {.connections = 3};
    struct td_guard *guard = guard_of(&limits);
    struct td_address from = v4("10.0.0.1");
    (void)state;
    for (uint32_t i = 0; i < 3 + TD_GUARD_SPARE; i++) {
        assert_int_equal(td_guard_room(guard, &from), i < 3 ? TD_ROOM_FREE : TD_ROOM_FULL);
        td_guard_enter(guard, &from);
    }
    assert_int_equal(td_guard_room(guard, &from), TD_ROOM_NONE);
    td_guard_leave(guard, &from);
    assert_int_equal(td_guard_room(guard, &from), TD_ROOM_FULL);
    td_guard_destroy(guard);
}

static void connections_from_one_address(void **state)
{
    struct td_guard_limits limits = {.connections = 1000, .per_address = 2};
    struct td_address crowd = v4("10.0.0.1"), other = v4("10.0.0.2"), local = v4("127.0.0.1");
    struct td_guard *guard = guard_of(&limits);
    (void)state;
    for (uint32_t i = 0; i < 2 + TD_GUARD_SPARE; i++) {
        assert_int_equal(td_guard_room(guard, &crowd), i < 2 ? TD_ROOM_FREE : TD_ROOM_CROWDED);
        td_guard_enter(guard, &crowd);
        assert_int_equal(td_guard_room(guard, &local), TD_ROOM_FREE); /* it is exempt */
        td_guard_enter(guard, &local);
    }
    assert_int_equal(td_guard_room(guard, &crowd), TD_ROOM_NONE);
    assert_int_equal(td_guard_room(guard, &other), TD_ROOM_FREE);
    td_guard_destroy(guard);

    limits.loopback_too = true;
    guard = guard_of(&limits);
    td_guard_enter(guard, &local);
    td_guard_enter(guard, &local);
    assert_int_equal(td_guard_room(guard, &local), TD_ROOM_CROWDED);
    td_guard_destroy(guard);
}

/* Comings and goings of 200 addresses, beside plain counts. */
static void counts_stay_right(void **state)
{
    enum { ADDRESSES = 200, MOST = 5 };
    const struct td_guard_limits limits = {.connections = ADDRESSES * MOST, .per_address = MOST};
    struct td_guard *guard = guard_of(&limits);
    uint32_t counts[ADDRESSES] = {0}, dice = 1;
    struct td_address addresses[ADDRESSES];
    char text[32];
    (void)state;
    for (unsigned i = 0; i < ADDRESSES; i++) {
        (void)snprintf(text, sizeof text, "10.1.%u.7", i);
        addresses[i] = v4(text);
    }
    for (int turn = 0; turn < 20000; turn++) {
        dice = dice * 1664525 + 1013904223;
        unsigned i = (dice >> 16) % ADDRESSES;
        enum td_room room = td_guard_room(guard, &addresses[i]);
        assert_int_equal(room, counts[i] < MOST ? TD_ROOM_FREE : TD_ROOM_CROWDED);
        if (counts[i] > 0 && (room == TD_ROOM_CROWDED || (dice >> 8 & 1) != 0)) {
            td_guard_leave(guard, &addresses[i]);
            counts[i]--;
        } else {
            td_guard_enter(guard, &addresses[i]);
            counts[i]++;
        }
    }
    td_guard_destroy(guard);
}

static void what_a_connection_may_say(void **state)
{
    const struct td_guard_limits limits = {.rate = 10}, none = {0};
    struct td_bucket bucket = {0};
    int64_t now = 5 * S;
    (void)state;
    for (unsigned i = 0; i < 10 * TD_GUARD_BURST_S; i++)
        assert_true(td_bucket_take(&bucket, &limits, now));
    assert_false(td_bucket_take(&bucket, &limits, now));
    assert_false(td_bucket_take(&bucket, &limits, now + S / 10 - 1));
    assert_true(td_bucket_take(&bucket, &limits, now + S / 10));
    assert_false(td_bucket_take(&bucket, &limits, now + S / 10));
    now += 3600 * S; /* rest is not saved up beyond the burst */
    for (unsigned i = 0; i < 10 * TD_GUARD_BURST_S; i++)
        assert_true(td_bucket_take(&bucket, &limits, now));
    assert_false(td_bucket_take(&bucket, &limits, now));
    for (unsigned i = 0; i < 100000; i++)
        assert_true(td_bucket_take(&bucket, &none, now));
}

static void files(void **state)
{
    struct rlimit before, limit;
    struct td_error error;
    char warning[256];
    uint32_t connections = 100, spare = TD_GUARD_SPARE + TD_GUARD_FILES;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 128, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(td_guard_reserve_files(&connections, warning, sizeof warning, &error));
    assert_int_equal(connections, 100);
    assert_string_equal(warning, "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 100 + spare);

    limit.rlim_max = limit.rlim_cur; /* it cannot be raised again in this process */
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) skip(); /* valgrind has one of its own */
    connections = 5000;
    assert_true(td_guard_reserve_files(&connections, warning, sizeof warning, &error));
    assert_int_equal(connections, 100);
    assert_non_null(strstr(warning, "for 100 connections only"));

    limit.rlim_cur = spare;
    limit.rlim_max = spare;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(td_guard_reserve_files(&connections, warning, sizeof warning, &error));
    assert_non_null(strstr(error.text, "too few"));
}

static void exposure(void **state)
{
    static const char *const local[] = {"127.0.0.1", "127.1.2.3", "::1", "localhost", "lo"};
    static const char *const open[] = {
        "0.0.0.0", "::", "10.0.0.1", "eth0", "build.example", "127.0.0.1.example", ""};
    struct td_error error;
    char warning[512];
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        const struct td_exposure it = {.address = local[i]};
        assert_true(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_string_equal(warning, "");
    }
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        struct td_exposure it = {.address = open[i]};
        assert_false(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_non_null(strstr(error.text, "--insecure-no-tokens"));
        it.tokens = true;
        assert_false(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_non_null(strstr(error.text, "--insecure-no-tls"));
        it.no_tls = true;
        assert_true(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_non_null(strstr(warning, "tokens too, is not encrypted"));
        it.tls = true;
        assert_true(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_string_equal(warning, "");
        it = (struct td_exposure){.address = open[i], .no_tokens = true, .no_tls = true};
        assert_true(td_exposure_check(&it, warning, sizeof warning, &error));
        assert_non_null(strstr(warning, "can join"));
        assert_non_null(strstr(warning, "; what is said"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(connections_in_all),
        cmocka_unit_test(connections_from_one_address),
        cmocka_unit_test(counts_stay_right),
        cmocka_unit_test(what_a_connection_may_say),
        cmocka_unit_test(exposure),
        cmocka_unit_test(files), /* the last: it lowers the process's limit */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
