#include "report/grid.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

#define GAP 2u /* blanks between columns */

void td_grid_cell(struct td_grid *grid, const char *text)
{
    TD_ASSERT(grid->columns > 0 && grid->columns <= TD_GRID_COLUMNS);
    unsigned *widest = &grid->widths[grid->count++ % grid->columns], width = 0;
    size_t left = text == NULL ? 0 : strlen(text), length;
    uint32_t code;
    for (; left > 0; text += length, left -= length, width++) {
        length = td_utf8_decode(text, left, &code);
        bool readable = length > 0 && td_code_printable(code);
        if (length == 0) length = 1;
        td_buffer_add(&grid->cells, readable ? text : "?", readable ? length : 1);
    }
    td_buffer_add(&grid->cells, "", 1);
    if (width > *widest) *widest = width;
}

void td_grid_format(struct td_grid *grid, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    td_grid_cell(grid, text);
}

/* Characters of a text that td_grid_cell() has made. */
static unsigned width_of(const char *text)
{
    unsigned width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

bool td_grid_print(const struct td_grid *grid, FILE *out)
{
    if (grid->cells.failed) return false;
    const char *text = grid->cells.bytes;
    unsigned blanks = 0; /* that are due before the next text of the row */
    for (size_t i = 0; i < grid->count; i++, text += strlen(text) + 1) {
        unsigned column = (unsigned)(i % grid->columns);
        unsigned padding = grid->widths[column] - width_of(text);
        if (column > 0) blanks += GAP;
        bool right = (grid->right >> column & 1) != 0;
        if (*text != '\0')
            (void)fprintf(out, "%*s%s", (int)(blanks + (right ? padding : 0)), "", text);
        if (*text == '\0')
            blanks += padding;
        else
            blanks = right ? 0 : padding;
        if (column + 1 < grid->columns) continue;
        (void)fputc('\n', out);
        blanks = 0;
    }
    return true;
}

void td_grid_free(struct td_grid *grid)
{
    td_buffer_free(&grid->cells);
}
