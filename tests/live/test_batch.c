/* Batches of inputs: what goes in comes out as rows, in order, also when one is moved behind
 * another and when the memory has to move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/batch.h"
#include "live/inputs.h"

#include <stdio.h>

/* A refusal whose code is its number. */
static struct td_input make_input(uint32_t number, char code[static 16])
{
    (void)snprintf(code, 16, "%u", number);
    return (struct td_input){
        .kind = TD_INPUT_REFUSE, .link = number, .at = 10 * (td_time)number, .code = code};
}

/* It has caused some bytes. */
static void add(struct td_batch *batch, uint32_t number)
{
    char code[16];
    struct td_buffer trace = {0};
    const struct td_input input = make_input(number, code);
    for (uint32_t i = 0; i < number % 50; i++)
        td_buffer_string(&trace, "x");
    assert_true(td_batch_add(batch, &input, &trace));
    td_buffer_free(&trace);
}

/* The rows are those of these numbers, from the first on. */
static void expect(struct td_batch *batch, uint32_t first, uint32_t count)
{
    const struct td_journal_row *rows = td_batch_rows(batch);
    assert_int_equal(batch->count, count);
    for (uint32_t i = 0; i < count; i++) {
        char code[16];
        struct td_buffer body = {0};
        uint32_t number = first + i;
        const struct td_input input = make_input(number, code);
        td_input_write(&input, &body);
        assert_int_equal(rows[i].kind, input.kind);
        assert_int_equal(rows[i].link, number);
        assert_int_equal(rows[i].at, input.at);
        assert_int_equal(rows[i].body_length, body.length);
        assert_memory_equal(rows[i].body, body.bytes, body.length);
        assert_int_equal(rows[i].caused_length, number % 50);
        for (size_t at = 0; at < rows[i].caused_length; at++)
            assert_int_equal(rows[i].caused[at], 'x');
        td_buffer_free(&body);
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct td_batch batch = {.number = 7};
    for (uint32_t i = 1; i <= 1000; i++) {
        add(&batch, i);
        if (i % 100 == 1) expect(&batch, 1, i);
    }
    expect(&batch, 1, 1000);
    td_batch_clear(&batch);
    expect(&batch, 0, 0);
    assert_int_equal(batch.number, 7);
    add(&batch, 5);
    expect(&batch, 5, 1);
    td_batch_free(&batch);
}

static void test_one_behind_another(void **state)
{
    (void)state;
    struct td_batch first = {0}, later = {0};
    assert_true(td_batch_move(&first, &later));
    expect(&first, 0, 0);
    uint32_t next = 1;
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 40 * round; i++)
            add(&later, next++);
        assert_true(td_batch_move(&first, &later));
        expect(&first, 1, next - 1);
        expect(&later, 0, 0);
    }
    td_batch_free(&first);
    td_batch_free(&later);
}

/* What a long failure has needed is given back. */
static void test_much_memory_is_given_back(void **state)
{
    (void)state;
    struct td_batch batch = {.number = 3};
    while (batch.bytes.length < 2u << 20)
        add(&batch, 49);
    (void)td_batch_rows(&batch);
    td_batch_clear(&batch);
    assert_int_equal(batch.bytes.room, 0);
    assert_int_equal(batch.number, 3);
    add(&batch, 1);
    expect(&batch, 1, 1);
    td_batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_one_behind_another),
        cmocka_unit_test(test_much_memory_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
