/* The event queue gives events in the order (time, class, place), also where times outgrow its
 * keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/queue.h"

static uint64_t random_state;

static uint64_t pick(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 20) % below;
}

static void set(struct td_queue *queue, uint32_t place, td_time at, enum td_class class)
{
    td_queue_set(queue, place, td_queue_key(queue, at, class, place));
}

static void test_order_at_one_instant(void **state)
{
    (void)state;
    struct td_queue queue;
    assert_true(td_queue_create(&queue, 5, false, NULL));
    set(&queue, 0, 7, TD_CLASS_START);
    set(&queue, 1, 7, TD_CLASS_ARRIVAL);
    set(&queue, 2, 7, TD_CLASS_START);
    set(&queue, 3, 7, TD_CLASS_COMPLETION);
    set(&queue, 4, 6, TD_CLASS_START);
    static const uint32_t expected[] = {4, 3, 1, 0, 2};
    for (size_t i = 0; i < 5; i++) {
        uint64_t key = td_queue_top(&queue);
        assert_int_equal(td_key_place(&queue, key), expected[i]);
        td_queue_set(&queue, expected[i], TD_KEY_NONE);
    }
    assert_true(td_queue_top(&queue) == TD_KEY_NONE);
    td_queue_destroy(&queue);
}

/* Against a plain search, with times so far apart that the base must move. */
static void run(uint32_t peers, td_time spread)
{
    struct event {
        td_time at;
        enum td_class class;
        bool any;
    } plain[200];
    struct td_queue queue;
    assert_true(td_queue_create(&queue, peers, false, NULL));
    for (uint32_t i = 0; i < peers; i++) {
        plain[i] = (struct event){(td_time)pick((uint64_t)spread), (enum td_class)pick(4), true};
        td_queue_set_leaf(&queue, i, td_queue_key(&queue, plain[i].at, plain[i].class, i));
    }
    td_queue_rebuild(&queue);
    for (uint32_t turn = 0; turn < 2000; turn++) {
        uint32_t best = UINT32_MAX, second = UINT32_MAX;
        for (uint32_t i = 0; i < peers; i++) {
            if (!plain[i].any) continue;
            bool first = best == UINT32_MAX || plain[i].at < plain[best].at ||
                         (plain[i].at == plain[best].at && plain[i].class < plain[best].class);
            if (first) best = i;
        }
        uint64_t key = td_queue_top(&queue);
        if (best == UINT32_MAX) {
            assert_true(key == TD_KEY_NONE);
            break;
        }
        assert_int_equal(td_key_place(&queue, key), best);
        assert_int_equal(td_key_class(&queue, key), plain[best].class);
        assert_true(td_key_time(&queue, key) == plain[best].at);
        for (uint32_t i = 0; i < peers; i++) {
            if (i == best || !plain[i].any) continue;
            bool first = second == UINT32_MAX || plain[i].at < plain[second].at ||
                         (plain[i].at == plain[second].at && plain[i].class < plain[second].class);
            if (first) second = i;
        }
        uint64_t others = td_queue_top_of_others(&queue, best);
        assert_true(second == UINT32_MAX ? others == TD_KEY_NONE
                                         : td_key_place(&queue, others) == second ||
                                               td_queue_is_far(&queue, others));
        uint64_t bound = td_queue_next_of_others(&queue, best, key);
        assert_true(bound <= others && (bound == others || bound > (key | queue.instant_mask)));
        td_time now = plain[best].at;
        plain[best].any = pick(50) != 0 && now < INT64_MAX / 4;
        if (!plain[best].any) {
            td_queue_set(&queue, best, TD_KEY_NONE);
            continue;
        }
        plain[best].at = now + (pick(3) == 0 ? 0 : (td_time)pick((uint64_t)spread));
        plain[best].class = (enum td_class)pick(4);
        set(&queue, best, plain[best].at, plain[best].class);
    }
    td_queue_destroy(&queue);
}

static void test_against_a_plain_search(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 7, 8, 9, 64, 65, 200};
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            random_state = seed * 977 + size;
            run(sizes[size], 5);                /* many ties */
            run(sizes[size], INT64_C(1) << 20); /* few */
            run(sizes[size], INT64_C(1) << 55); /* beyond the time field of 200 peers */
        }
}

static void test_a_queue_is_used_again(void **state)
{
    (void)state;
    struct td_queue queue;
    assert_true(td_queue_create(&queue, 3, false, NULL));
    set(&queue, 1, TD_TIME_MAX, TD_CLASS_ARRIVAL);
    assert_true(td_key_time(&queue, td_queue_top(&queue)) == TD_TIME_MAX);
    td_queue_reset(&queue);
    assert_true(td_queue_top(&queue) == TD_KEY_NONE);
    set(&queue, 2, 1, TD_CLASS_ARRIVAL);
    assert_true(td_key_time(&queue, td_queue_top(&queue)) == 1);
    td_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_at_one_instant),
        cmocka_unit_test(test_against_a_plain_search),
        cmocka_unit_test(test_a_queue_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
