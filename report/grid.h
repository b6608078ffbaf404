/* Cells in columns that are as wide as their widest cell, for a terminal.
 *
 *     struct td_grid grid = {.columns = 2, .right = 1u << 0};
 *     td_grid_cell(&grid, "steps");
 *     td_grid_cell(&grid, "why");
 *     ...
 *     if (!td_grid_print(&grid, stdout)) ...        memory was short
 *     td_grid_free(&grid);
 */
#ifndef TD_REPORT_GRID_H
#define TD_REPORT_GRID_H

#include "report/buffer.h"

#include <stdio.h>

#define TD_GRID_COLUMNS 16u

struct td_grid {
    unsigned columns;       /* at most TD_GRID_COLUMNS */
    unsigned right;         /* a bit for each column that stands to the right */
    struct td_buffer cells; /* one after the other, row by row, each with a terminating zero */
    size_t count;
    unsigned widths[TD_GRID_COLUMNS]; /* in characters */
};

/* The next cell, row by row. What a reader would not see as it is becomes "?". NULL: an empty one.
 */
void td_grid_cell(struct td_grid *grid, const char *text);
/* The same, as printf() would write it. */
void td_grid_format(struct td_grid *grid, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* All rows, without blanks at the end of a line. False if memory was short for a cell. */
bool td_grid_print(const struct td_grid *grid, FILE *out);
void td_grid_free(struct td_grid *grid);

#endif
