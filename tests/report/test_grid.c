/* Columns that line up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/grid.h"

#include <stdlib.h>

static void check(struct td_grid *grid, const char *expected)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(td_grid_print(grid, out));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
    td_grid_free(grid);
}

static void test_columns_line_up(void **state)
{
    (void)state;
    struct td_grid grid = {.columns = 3, .right = 1u << 1};
    td_grid_cell(&grid, "peer");
    td_grid_cell(&grid, "steps");
    td_grid_cell(&grid, "why");
    td_grid_cell(&grid, "Bäcker");
    td_grid_format(&grid, "%d", 12);
    td_grid_cell(&grid, NULL);
    td_grid_cell(&grid, "");
    td_grid_cell(&grid, NULL);
    td_grid_cell(&grid, "waits");
    check(&grid, "peer    steps  why\n"
                 "Bäcker     12\n"
                 "               waits\n");
}

static void test_what_a_terminal_would_obey_is_no_text(void **state)
{
    (void)state;
    struct td_grid grid = {.columns = 1};
    td_grid_cell(&grid, "a\033[31mb\n\xff");
    check(&grid, "a?[31mb??\n");
}

static void test_an_empty_grid_is_nothing(void **state)
{
    (void)state;
    struct td_grid grid = {.columns = 2};
    check(&grid, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_columns_line_up),
                                       cmocka_unit_test(test_what_a_terminal_would_obey_is_no_text),
                                       cmocka_unit_test(test_an_empty_grid_is_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
