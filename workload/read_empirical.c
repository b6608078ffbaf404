/* Measured times: a list of values, or a column of a CSV file (RFC 4180, with a header line). */
#include "base/file.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A CSV text, cell by cell. A cell is unquoted in place, so the text is changed. */
struct table {
    const struct td_reader *r;
    uint32_t node; /* where the scenario names the file */
    const char *path;
    char *at, *end;
    uint32_t line, column; /* of `at`, from 1; columns count characters */
    uint32_t cell_line, cell_column;
    bool row_ended; /* the cell read last ends its row */
};

/* What is asked of it. */
struct wanted {
    const char *column;
    size_t place, columns; /* the column's place from 0, and how many there are */
    uint32_t name_node;    /* where the scenario names the column */
};

__attribute__((format(printf, 4, 5))) static bool fail(const struct table *t, uint32_t line,
                                                       uint32_t column, const char *format, ...)
{
    char message[sizeof t->r->error->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return td_reader_fail(t->r, t->node, "%s:%u:%u: %s", t->path, line, column, message);
}

__attribute__((format(printf, 2, 3))) static bool fail_cell(const struct table *t,
                                                            const char *format, ...)
{
    char message[sizeof t->r->error->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(t, t->cell_line, t->cell_column, "%s", message);
}

/* Moves behind one byte. */
static void step(struct table *t)
{
    unsigned char byte = (unsigned char)*t->at++;
    if (byte == '\n') {
        t->line++;
        t->column = 1;
    } else {
        t->column += (byte & 0xc0) != 0x80; /* no continuation of a character */
    }
}

static bool at_line_end(const struct table *t)
{
    return *t->at == '\n' || (*t->at == '\r' && t->at + 1 < t->end && t->at[1] == '\n');
}

/* False behind the last row. Empty lines are skipped, but for those of a table with one column,
 * where each is an empty cell, unless nothing but such lines follows. */
static bool has_row(struct table *t, size_t columns)
{
    struct table ahead = *t;
    while (ahead.at < ahead.end && (*ahead.at == '\n' || *ahead.at == '\r'))
        step(&ahead);
    if (columns != 1 || ahead.at == ahead.end) *t = ahead;
    return t->at < t->end;
}

/* Moves behind the comma or line end that must follow a cell, and ends the cell at `cell_end`. */
static bool end_cell(struct table *t, char *cell_end)
{
    t->row_ended = true;
    if (t->at < t->end) {
        if (*t->at != ',' && !at_line_end(t))
            return fail(t, t->line, t->column,
                        "a closing quote is followed by text: double the quotes inside a cell");
        if (*t->at == '\r') step(t);
        t->row_ended = *t->at == '\n';
        step(t);
    }
    *cell_end = '\0';
    return true;
}

static bool next_cell(struct table *t, char **cell)
{
    t->cell_line = t->line;
    t->cell_column = t->column;
    if (t->at == t->end || *t->at != '"') {
        *cell = t->at;
        while (t->at < t->end && *t->at != ',' && !at_line_end(t))
            step(t);
        return end_cell(t, t->at);
    }
    step(t);
    char *to = t->at;
    *cell = to;
    while (t->at < t->end) {
        if (*t->at == '"' && !(t->at + 1 < t->end && t->at[1] == '"')) {
            step(t);
            return end_cell(t, to);
        }
        if (*t->at == '"') step(t);
        *to++ = *t->at;
        step(t);
    }
    return fail_cell(t, "a quoted cell never ends: close it with '\"'");
}

/* Reads the header: the column's place in it and the number of columns. */
static bool read_header(struct table *t, struct wanted *wanted)
{
    const char *known[16];
    size_t known_count = 0;
    char quote[TD_QUOTE_SIZE];
    wanted->place = SIZE_MAX;
    wanted->columns = 0;
    /* Spreadsheets like to write a byte order mark. */
    if (t->end - t->at >= 3 && memcmp(t->at, "\xef\xbb\xbf", 3) == 0) t->at += 3;
    if (!has_row(t, 0))
        return fail(t, 1, 1, "the file is empty: write a header line and values below it");
    do {
        char *cell;
        if (!next_cell(t, &cell)) return false;
        if (strcmp(cell, wanted->column) == 0) {
            if (wanted->place != SIZE_MAX)
                return fail_cell(t, "columns %zu and %zu are both named %s: rename one",
                                 wanted->place + 1, wanted->columns + 1,
                                 td_text_quote(cell, quote));
            wanted->place = wanted->columns;
        }
        if (known_count < 16) known[known_count++] = cell;
        wanted->columns++;
    } while (!t->row_ended);
    if (wanted->place != SIZE_MAX) return true;
    return td_reader_fail(t->r, wanted->name_node, "the file %s has no column %s: %s", t->path,
                          td_text_quote(wanted->column, quote),
                          td_reader_hint(t->r, wanted->column, known, known_count));
}

static bool read_cell(const struct table *t, const char *cell, const char *column, double *ns)
{
    char quote[TD_QUOTE_SIZE], column_quote[TD_QUOTE_SIZE];
    bool plain = t->r->plain;
    (void)td_text_quote(column, column_quote);
    if (*cell == '\0')
        return fail_cell(t, "a value is missing in column %s: write one, or remove the row",
                         column_quote);
    const char *wrong = plain ? td_plain_parse(cell, ns) : td_time_parse(cell, true, ns);
    if (wrong == NULL) return true;
    if (wrong == td_time_too_long)
        return fail_cell(t, "%s in column %s is %s", td_text_quote(cell, quote), column_quote,
                         wrong);
    return fail_cell(t, "%s in column %s is no %s, %s: write a number%s",
                     td_text_quote(cell, quote), column_quote, plain ? "factor" : "time", wrong,
                     plain ? "" : " of seconds");
}

static bool read_rows(struct table *t, const struct wanted *wanted, double *values, size_t *count)
{
    while (has_row(t, wanted->columns)) {
        uint32_t line = t->line;
        char *cell;
        const char *value = "";
        struct table place = *t;
        size_t cells = 0;
        do {
            if (!next_cell(t, &cell)) return false;
            if (cells++ != wanted->place) continue;
            value = cell;
            place = *t;
        } while (!t->row_ended);
        if (cells != wanted->columns)
            return fail(t, line, 1, "the row has %zu cell%s, the header %zu: %s", cells,
                        cells == 1 ? "" : "s", wanted->columns,
                        cells < wanted->columns ? "add what is missing"
                                                : "remove what is too much, or quote a cell that "
                                                  "holds a comma");
        if (!read_cell(&place, value, wanted->column, &values[(*count)++])) return false;
    }
    return *count > 0 ||
           fail(t, t->line, t->column, "there are no values below the header: add some");
}

/* A zero byte would end a cell unseen. */
static bool check_bytes(struct table t, size_t length)
{
    if (memchr(t.at, '\0', length) == NULL) return true;
    while (*t.at != '\0')
        step(&t);
    return fail(&t, t.line, t.column,
                "the file holds a NUL byte (U+0000): leave it out, or save the file as UTF-8");
}

static bool read_file(const struct td_reader *r, uint32_t file_node, uint32_t column_node,
                      struct td_dist *dist)
{
    if (td_json_type(r->json, file_node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, file_node, "a text, the path of a CSV file");
    if (td_json_type(r->json, column_node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, column_node, "a text, the name of a column");
    const char *name = td_json_string(r->json, file_node);
    if (*name == '\0') return td_reader_fail(r, file_node, "the path is empty: name a CSV file");
    const char *path = td_reader_path(r, name);
    if (path == NULL) return td_reader_no_memory(r);
    size_t length, lines = 1;
    struct td_error reason = {TD_FAULT_NONE, ""};
    char *text = td_file_read(path, &length, &reason);
    if (text == NULL && reason.fault == TD_FAULT_INPUT)
        return td_reader_fail(r, file_node, "%s", reason.text);
    if (text == NULL) return td_reader_no_memory(r);

    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    double *values = td_arena_array(r->arena, lines, sizeof *values);
    struct wanted wanted = {.column = td_json_string(r->json, column_node),
                            .name_node = column_node};
    struct table t = {.r = r,
                      .node = file_node,
                      .path = path,
                      .at = text,
                      .end = text + length,
                      .line = 1,
                      .column = 1};
    bool good = values != NULL || td_reader_no_memory(r);
    good = good && check_bytes(t, length) && read_header(&t, &wanted) &&
           read_rows(&t, &wanted, values, &dist->count);
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
