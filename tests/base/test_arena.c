#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct td_arena *arena = td_arena_create();
    assert_non_null(arena);
    unsigned char *before = NULL;
    for (size_t size = 0; size < 5000; size += 7) {
        unsigned char *piece = td_arena_alloc(arena, size);
        assert_non_null(piece);
        assert_ptr_not_equal(piece, before);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 0xff, size);
        before = piece;
    }
    td_arena_destroy(arena);
}

static void test_a_piece_larger_than_a_chunk(void **state)
{
    (void)state;
    struct td_arena *arena = td_arena_create();
    char *large = td_arena_alloc(arena, 3u << 20);
    char *small = td_arena_alloc(arena, 3);
    assert_non_null(large);
    assert_non_null(small);
    large[(3u << 20) - 1] = 1;
    assert_int_equal(small[0], 0);
    td_arena_destroy(arena);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct td_arena *arena = td_arena_create();
    assert_null(td_arena_alloc(arena, SIZE_MAX));
    assert_null(td_arena_alloc(arena, SIZE_MAX - 32));
    assert_null(td_arena_array(arena, SIZE_MAX / 4, 8));
    assert_null(td_arena_text(arena, "x", SIZE_MAX));
    assert_non_null(td_arena_alloc(arena, 1));
    td_arena_destroy(arena);
}

static void test_texts(void **state)
{
    (void)state;
    struct td_arena *arena = td_arena_create();
    assert_string_equal(td_arena_text(arena, "abcdef", 3), "abc");
    assert_string_equal(td_arena_text(arena, "", 0), "");
    assert_string_equal(td_arena_format(arena, "%s-%d", "peer", 3), "peer-3");
    td_arena_destroy(arena);
    td_arena_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_a_piece_larger_than_a_chunk),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
