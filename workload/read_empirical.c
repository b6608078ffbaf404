/* Measured times: a list of values, or a column of a CSV file (RFC 4180, with a header line). */
#include "base/file.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A CSV text, cell by cell. A cell is unquoted in place, so the text is changed. */
struct table {
    const char *path;
    char *at, *end;
    uint32_t line; /* of the cell read last */
    uint32_t next_line;
    bool row_ended; /* the cell read last ends its row */
    struct td_error *error;
};

static bool fail(const struct table *t, const char *message)
{
    return td_error_set(t->error, TD_FAULT_INPUT, "%s:%u: %s", t->path, t->line, message);
}

/* Skips empty lines; false behind the last row. */
static bool has_row(struct table *t)
{
    while (t->at < t->end && (*t->at == '\n' || *t->at == '\r'))
        t->next_line += *t->at++ == '\n';
    return t->at < t->end;
}

/* Moves behind the comma or line end that must follow a cell, and ends the cell at `cell_end`. */
static bool end_cell(struct table *t, char *cell_end)
{
    t->row_ended = true;
    if (t->at < t->end) {
        if (*t->at == '\r' && t->at + 1 < t->end && t->at[1] == '\n') t->at++;
        if (*t->at != ',' && *t->at != '\n')
            return fail(t, "a closing quote is followed by text: double the quotes inside a cell");
        t->row_ended = *t->at == '\n';
        t->next_line += t->row_ended;
        t->at++;
    }
    *cell_end = '\0';
    return true;
}

static bool next_cell(struct table *t, char **cell)
{
    t->line = t->next_line;
    if (t->at == t->end || *t->at != '"') {
        *cell = t->at;
        while (t->at < t->end && *t->at != ',' && *t->at != '\n' &&
               !(*t->at == '\r' && t->at + 1 < t->end && t->at[1] == '\n'))
            t->at++;
        return end_cell(t, t->at);
    }
    char *to = ++t->at;
    *cell = to;
    for (; t->at < t->end; t->at++) {
        if (*t->at == '"' && !(t->at + 1 < t->end && t->at[1] == '"')) {
            t->at++;
            return end_cell(t, to);
        }
        if (*t->at == '"') t->at++;
        t->next_line += *t->at == '\n';
        *to++ = *t->at;
    }
    return fail(t, "a quoted cell never ends: close it with '\"'");
}

/* Reads the header; the column's place in it and the number of columns. */
static bool read_header(const struct td_reader *r, uint32_t column_node, struct table *t,
                        const char *column, size_t *place, size_t *columns)
{
    const char *known[16];
    size_t known_count = 0;
    char quote[TD_QUOTE_SIZE];
    *place = SIZE_MAX;
    *columns = 0;
    /* Spreadsheets like to write a byte order mark. */
    if (t->end - t->at >= 3 && memcmp(t->at, "\xef\xbb\xbf", 3) == 0) t->at += 3;
    if (!has_row(t)) return fail(t, "the file is empty: it needs a header line and values");
    do {
        char *cell;
        if (!next_cell(t, &cell)) return false;
        if (strcmp(cell, column) == 0 && *place == SIZE_MAX) *place = *columns;
        if (known_count < 16) known[known_count++] = cell;
        ++*columns;
    } while (!t->row_ended);
    if (*place != SIZE_MAX) return true;
    return td_reader_fail(r, column_node, "the file %s has no column %s: %s", t->path,
                          td_text_quote(column, quote),
                          td_reader_hint(r, column, known, known_count));
}

static bool read_cell(const struct table *t, const char *cell, const char *column, double *ns)
{
    char quote[TD_QUOTE_SIZE], column_quote[TD_QUOTE_SIZE], message[3 * TD_QUOTE_SIZE];
    const char *wrong = td_time_parse(cell, true, ns);
    if (wrong == NULL) return true;
    (void)snprintf(message, sizeof message,
                   "%s in column %s is no time, %s: write a number of seconds",
                   td_text_quote(cell, quote), td_text_quote(column, column_quote), wrong);
    return fail(t, message);
}

static bool read_rows(struct table *t, const char *column, size_t place, size_t columns,
                      double *values, size_t *count)
{
    while (has_row(t)) {
        size_t at = 0;
        do {
            char *cell;
            if (!next_cell(t, &cell)) return false;
            if (at == place && !read_cell(t, cell, column, &values[(*count)++])) return false;
            at++;
        } while (!t->row_ended);
        if (at != columns) return fail(t, "the row has not as many cells as the header: mend it");
    }
    return *count > 0 || fail(t, "there are no values below the header: add some");
}

static bool read_file(const struct td_reader *r, uint32_t file_node, uint32_t column_node,
                      struct td_dist *dist)
{
    static const char what[] = "a text";
    if (td_json_type(r->json, file_node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, file_node, what);
    if (td_json_type(r->json, column_node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, column_node, what);
    const char *path = td_reader_path(r, td_json_string(r->json, file_node));
    if (path == NULL) return td_reader_no_memory(r);
    size_t length, lines = 1, place, columns;
    struct td_error reason = {TD_FAULT_NONE, ""};
    char *text = td_file_read(path, &length, &reason);
    if (text == NULL && reason.fault == TD_FAULT_INPUT)
        return td_reader_fail(r, file_node, "%s", reason.text);
    if (text == NULL) return td_reader_no_memory(r);

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    double *values = td_arena_array(r->arena, lines, sizeof *values);
    struct table t = {.path = path,
                      .at = text,
                      .end = text + length,
                      .next_line = 1,
                      .line = 1,
                      .error = r->error};
    const char *column = td_json_string(r->json, column_node);
    bool good = values != NULL || td_reader_no_memory(r);
    good = good && read_header(r, column_node, &t, column, &place, &columns) &&
           read_rows(&t, column, place, columns, values, &dist->count);
    dist->values = values;
    free(text);
    return good;
}

static bool read_values(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of times");
    uint32_t count = td_json_count(r->json, node);
    if (count == 0) return td_reader_fail(r, node, "the array is empty: write at least one time");
    double *values = td_arena_array(r->arena, count, sizeof *values);
    if (values == NULL) return td_reader_no_memory(r);
    dist->values = values;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child))
        if (!td_read_time(r, child, false, &values[dist->count++])) return false;
    return true;
}

bool td_read_empirical(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    static const struct td_key_spec specs[] = {
        {"values", TD_KEY_OPTIONAL}, {"file", TD_KEY_OPTIONAL}, {"column", TD_KEY_OPTIONAL}};
    uint32_t found[3];
    if (!td_read_keys(r, node, specs, 3, found)) return false;
    bool values = found[0] != TD_JSON_NONE;
    bool file = found[1] != TD_JSON_NONE, column = found[2] != TD_JSON_NONE;
    if (values ? file || column : !(file && column))
        return td_reader_fail(r, node, "give either \"values\" or both \"file\" and \"column\"");
    dist->kind = TD_DIST_EMPIRICAL;
    return values ? read_values(r, found[0], dist) : read_file(r, found[1], found[2], dist);
}
