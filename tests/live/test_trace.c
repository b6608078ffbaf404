/* Engine events and commands as bytes: what is written is read back, damage is noticed or harmless,
 * and the first difference of two traces is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/trace.h"

#include <stdlib.h>
#include <string.h>

#define BASE 1000

static const uint32_t after_start[] = {0, 0, 1, 3};
static const td_step after[] = {0, 0, 1};
static const td_time times[] = {5, TD_TIME_MAX, 7};
static const struct td_schema_spec spec = {.step_count = 3,
                                           .after_start = after_start,
                                           .after = after,
                                           .fetch_estimates = times,
                                           .overhead = 9,
                                           .exact = true};

static const struct td_event events[] = {
    {.kind = TD_EVENT_SCHEMA, .at = INT64_MIN, .schema = {.id = 7, .spec = &spec}},
    {.kind = TD_EVENT_LOT, .at = BASE, .lot = {.step = 2, .number = INT64_MIN}},
    {.kind = TD_EVENT_JOIN,
     .at = BASE,
     .peer = 3,
     .join = {.identity = {1, 2, 3, 4}, .since = 17, .ticket = 5, .again = true}},
    {.kind = TD_EVENT_HOLDS, .at = BASE + 1, .peer = 3, .holds = {.step = 1}},
    {.kind = TD_EVENT_LOST, .at = BASE + 1, .peer = 3, .holds = {.step = 1}},
    {.kind = TD_EVENT_VARIANT, .peer = 3, .variant = {.step = 2, .digest = UINT64_MAX}},
    {.kind = TD_EVENT_START, .peer = 3, .variant = {.step = 2, .digest = 1}},
    {.kind = TD_EVENT_ADOPT, .peer = 3, .holds = {.step = 2}},
    {.kind = TD_EVENT_ASK, .peer = TD_NO_PEER},
    {.kind = TD_EVENT_OBTAINED,
     .obtained = {.order = 300, .step = 2, .built = true, .whole = true, .took = 1}},
    {.kind = TD_EVENT_ENDED,
     .ended = {.order = UINT64_MAX, .end = TD_END_BROKEN, .step = TD_NO_STEP}},
    {.kind = TD_EVENT_LEFT, .peer = 9},
    {.kind = TD_EVENT_PUBLISHED, .known = {.step = TD_UNIVERSE, .digest = 6}},
    {.kind = TD_EVENT_BROKEN, .known = {.identity = {.cache = 8}, .step = 1}},
    {.kind = TD_EVENT_LEARNED, .learned = {.step = 1, .fetches = true, .count = 2, .sum = 3}},
};

static const struct td_command commands[] = {
    {.kind = TD_COMMAND_ORDER,
     .reason = TD_REASON_READY,
     .peer = 1,
     .step = 2,
     .order = 3,
     .build = true},
    {.kind = TD_COMMAND_WAIT, .step = TD_NO_STEP, .until = 12345678901},
    {.kind = TD_COMMAND_WAKE, .reason = TD_REASON_CHANGED, .peer = 2, .step = TD_NO_STEP},
    {.kind = TD_COMMAND_ABORT, .step = 1, .order = 5},
    {.kind = TD_COMMAND_DONE, .step = TD_NO_STEP, .failed = true},
};

#define EVENTS (sizeof events / sizeof *events)
#define COMMANDS (sizeof commands / sizeof *commands)

static struct td_buffer written(void)
{
    struct td_buffer out = {0};
    for (size_t i = 0; i < EVENTS; i++)
        td_trace_event(&out, BASE, &events[i]);
    for (size_t i = 0; i < COMMANDS; i++)
        td_trace_command(&out, &commands[i]);
    assert_false(out.failed);
    return out;
}

/* Reads all, and writes it again. True if there was no fault. */
static bool read_all(const char *bytes, size_t length, struct td_buffer *again, size_t *count)
{
    struct td_reader reader = td_reader_of(bytes, length);
    struct td_trace_item item;
    for (*count = 0; td_trace_next(&reader, BASE, &item); ++*count) {
        if (item.is_event)
            td_trace_event(again, BASE, &item.event);
        else
            td_trace_command(again, &item.command);
        free(item.tables);
    }
    return !reader.failed;
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct td_buffer out = written(), again = {0};
    size_t count;
    assert_true(read_all(out.bytes, out.length, &again, &count));
    assert_int_equal(count, EVENTS + COMMANDS);
    assert_int_equal(again.length, out.length);
    assert_memory_equal(again.bytes, out.bytes, out.length);
    td_buffer_free(&again);
    td_buffer_free(&out);
}

static void test_damage_is_survived(void **state)
{
    (void)state;
    struct td_buffer out = written();
    for (size_t i = 0; i < out.length; i++) {
        struct td_buffer again = {0};
        size_t count;
        (void)read_all(out.bytes, i, &again, &count);
        assert_in_range(count, 0, EVENTS + COMMANDS - 1);
        for (unsigned bit = 0; bit < 8; bit++) {
            out.bytes[i] = (char)(out.bytes[i] ^ 1 << bit);
            (void)read_all(out.bytes, out.length, &again, &count);
            out.bytes[i] = (char)(out.bytes[i] ^ 1 << bit);
        }
        td_buffer_free(&again);
    }
    td_buffer_free(&out);
}

static void test_differences_are_named(void **state)
{
    (void)state;
    struct td_trace_difference difference;
    for (size_t i = 0; i < EVENTS; i++) { /* each is another than the one before, and than none */
        struct td_buffer a = {0}, b = {0};
        td_trace_event(&a, BASE, &events[0]);
        td_trace_event(&b, BASE, &events[0]);
        assert_false(td_trace_differs(&a, &b, BASE, &difference));
        td_trace_event(&a, BASE, &events[i]);
        assert_true(td_trace_differs(&a, &b, BASE, &difference));
        assert_int_equal(difference.item, 1);
        assert_string_equal(difference.is, "nothing");
        td_buffer_free(&a);
        td_buffer_free(&b);
    }
    for (size_t i = 1; i < COMMANDS; i++) {
        struct td_buffer a = {0}, b = {0};
        td_trace_command(&a, &commands[0]);
        td_trace_command(&b, &commands[i]);
        assert_true(td_trace_differs(&a, &b, BASE, &difference));
        assert_int_equal(difference.peer, 1);
        assert_string_equal(difference.was, "order 3 to build step 2 (ready)");
        td_buffer_free(&a);
        td_buffer_free(&b);
    }
}

static void test_numbers_and_texts(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, -1, 63, 64, -64, INT64_MAX, INT64_MIN};
    struct td_buffer out = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        td_put_signed(&out, numbers[i]);
    td_put_text(&out, NULL);
    td_put_text(&out, "");
    td_put_text(&out, "a text");
    struct td_reader reader = td_reader_of(out.bytes, out.length);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_true(td_take_signed(&reader) == numbers[i]);
    assert_null(td_take_text(&reader));
    assert_string_equal(td_take_text(&reader), "");
    assert_string_equal(td_take_text(&reader), "a text");
    assert_false(td_reader_has_more(&reader));
    assert_false(reader.failed);
    assert_int_equal(td_take_unsigned(&reader), 0);
    assert_true(reader.failed);
    td_buffer_free(&out);
    /* a number of more than 64 bits, a text with a zero within, one that is too long */
    static const char *const bad[] = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x03\0\0",
                                      "\x05"};
    static const size_t lengths[] = {10, 3, 1};
    for (size_t i = 0; i < 3; i++) {
        reader = td_reader_of(bad[i], lengths[i]);
        assert_null(td_take_text(&reader));
        assert_true(reader.failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_damage_is_survived),
        cmocka_unit_test(test_differences_are_named),
        cmocka_unit_test(test_numbers_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
