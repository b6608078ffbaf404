/* The record of a run from those of its peers. */
#include "report/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PEERS 200

/* Turnarounds of 1 .. count, in an order of their own: of so many the 95th percentile is the one
 * that at least 95 in 100 do not exceed. */
static void test_percentile(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        td_time p95;
    } cases[] = {{1, 1},   {2, 2},   {3, 3},   {19, 19}, {20, 19},  {21, 20},
                 {39, 38}, {40, 38}, {41, 39}, {60, 57}, {100, 95}, {199, 190}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint32_t count = cases[c].count;
        td_time turnarounds[PEERS];
        struct td_run_record record = {0};
        struct td_tally tally;
        td_tally_begin(&tally, &record, turnarounds);
        for (uint32_t i = 0; i < count; i++) {
            td_time turnaround = (i * 83 + 7) % count + 1; /* 83 divides none of the counts */
            const struct td_peer_record peer = {.arrival = 5, .completion = 5 + turnaround};
            td_tally_peer(&tally, &peer, 0);
        }
        td_tally_end(&tally);
        assert_true(record.turnaround_known);
        assert_int_equal(record.p95_turnaround, cases[c].p95);
        assert_int_equal(record.makespan, count);
        assert_int_equal(record.mean_turnaround, (count + 2) / 2); /* halves up */
    }
}

/* Those that did not complete have no turnaround, but their time counts. */
static void test_who_does_not_complete(void **state)
{
    (void)state;
    td_time turnarounds[3];
    struct td_run_record record = {0};
    struct td_tally tally;
    const struct td_peer_record peers[] = {
        {.arrival = 10, .completion = 30, .busy = 12, .wait = 3, .builds = 2, .fetches = 1},
        {.arrival = 0, .completion = 50, .busy = 40, .wait = 10, .outcome = TD_PEER_FAILED},
        {.arrival = 20, .completion = 24, .busy = 4, .fetches = 4, .outcome = TD_PEER_LEFT}};
    td_tally_begin(&tally, &record, turnarounds);
    for (size_t i = 0; i < 3; i++)
        td_tally_peer(&tally, &peers[i], i == 0 ? 5 : 0);
    td_tally_end(&tally);
    assert_int_equal(record.makespan, 50);
    assert_int_equal(record.mean_turnaround, 20);
    assert_int_equal(record.p95_turnaround, 20);
    assert_true(record.machine == 15 + 50 + 4 && record.busy == 56 && record.wait == 13);
    assert_int_equal(record.builds, 2);
    assert_int_equal(record.fetches, 5);

    td_tally_begin(&tally, &record, turnarounds);
    td_tally_peer(&tally, &peers[1], 0);
    record.turnaround_known = false;
    td_tally_end(&tally);
    assert_false(record.turnaround_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentile),
        cmocka_unit_test(test_who_does_not_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
