/* Who has to be seen to next, against a plain search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/agenda.h"

#define PEERS 200u

static void test_an_empty_one_has_nobody(void **state)
{
    (void)state;
    struct td_agenda agenda = {0};
    assert_int_equal(td_agenda_first(&agenda), TD_NO_PEER);
    assert_int_equal(td_agenda_due(&agenda), TD_TIME_MAX);
    assert_true(td_agenda_reserve(&agenda, 3));
    td_agenda_set(&agenda, 2, TD_TIME_MAX);
    assert_int_equal(td_agenda_first(&agenda), TD_NO_PEER);
    td_agenda_free(&agenda);
}

static void test_equal_times_go_by_peer(void **state)
{
    (void)state;
    struct td_agenda agenda = {0};
    assert_true(td_agenda_reserve(&agenda, 100));
    for (td_peer i = 0; i < 100; i++)
        td_agenda_set(&agenda, i * 37 % 100, 5);
    for (td_peer i = 0; i < 100; i++) {
        assert_int_equal(td_agenda_first(&agenda), i);
        td_agenda_set(&agenda, i, TD_TIME_MAX);
    }
    assert_int_equal(agenda.count, 0);
    td_agenda_free(&agenda);
}

/* Times that are set, moved and taken out at random. */
static void test_the_first_is_the_first(void **state)
{
    (void)state;
    struct td_agenda agenda = {0};
    td_time times[PEERS];
    uint64_t dice = 1;
    for (td_peer peer = 0; peer < PEERS; peer++)
        times[peer] = TD_TIME_MAX;
    for (unsigned round = 0; round < 20000; round++) {
        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407U;
        td_peer peer = (td_peer)(dice >> 33) % PEERS, first = TD_NO_PEER;
        times[peer] = (dice >> 20) % 3 == 0 ? TD_TIME_MAX : (td_time)((dice >> 45) % 50);
        assert_true(td_agenda_reserve(&agenda, peer + 1));
        td_agenda_set(&agenda, peer, times[peer]);
        for (td_peer i = 0; i < PEERS; i++)
            if (times[i] != TD_TIME_MAX && (first == TD_NO_PEER || times[i] < times[first]))
                first = i;
        assert_int_equal(td_agenda_first(&agenda), first);
        assert_int_equal(td_agenda_due(&agenda), first == TD_NO_PEER ? TD_TIME_MAX : times[first]);
    }
    td_agenda_free(&agenda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_empty_one_has_nobody),
                                       cmocka_unit_test(test_equal_times_go_by_peer),
                                       cmocka_unit_test(test_the_first_is_the_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
