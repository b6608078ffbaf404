/* Strict JSON (RFC 8259) in which every value knows its line and column.
 *
 * cJSON parses, but lets much pass that is not JSON; so the text is first scanned against the
 * grammar. Refused are also: duplicate keys, nesting deeper than 64, \u0000, numbers that no double
 * holds, numbers longer than 63 characters. Lines and columns count from 1, columns in characters
 * (code points).
 *
 * A document is a flat array of nodes in the order of the file; a node is known by its index, the
 * root by 0:
 *
 *     struct td_json *json = td_json_read("scenario.json", &error);
 *     for (uint32_t node = td_json_first(json, 0); node != TD_JSON_NONE;
 *          node = td_json_next(json, node))
 *         if (td_json_type(json, node) != TD_JSON_STRING)
 *             return td_json_error(json, node, TD_JSON_VALUE, &error, "must be a text");
 *
 * An error reads `FILE:LINE:COLUMN: $.peers[0].speed: must be a text`; one of the grammar has no
 * path. What a document hands out lives until td_json_destroy().
 */
#ifndef TD_BASE_JSON_H
#define TD_BASE_JSON_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_JSON_NONE UINT32_MAX
#define TD_JSON_DEPTH_MAX 64u
#define TD_JSON_NUMBER_MAX 63u /* characters; cJSON reads no more */

enum td_json_type {
    TD_JSON_NULL,
    TD_JSON_BOOL,
    TD_JSON_NUMBER,
    TD_JSON_STRING,
    TD_JSON_ARRAY,
    TD_JSON_OBJECT,
};

/* What of a node an error points at: its value, or the key that names it. */
enum td_json_part { TD_JSON_VALUE, TD_JSON_KEY };

struct td_json;

/* NULL with an error if the file cannot be read or is not JSON. Cost: the file's length. */
struct td_json *td_json_read(const char *path, struct td_error *error);

/* The same for a text in memory; `path` is for the messages. The text is copied; an empty one may
 * be NULL. */
struct td_json *td_json_parse(const char *path, const char *text, size_t length,
                              struct td_error *error);

void td_json_destroy(struct td_json *json); /* NULL is allowed */

/* The file's path, as it was given. */
const char *td_json_path(const struct td_json *json);

enum td_json_type td_json_type(const struct td_json *json, uint32_t node);

/* "a number", "an object" and so on. */
const char *td_json_type_name(enum td_json_type type);

/* The key of a member of an object, NULL for what is none. */
const char *td_json_key(const struct td_json *json, uint32_t node);

/* The value of a node of that type. */
const char *td_json_string(const struct td_json *json, uint32_t node);
double td_json_number(const struct td_json *json, uint32_t node);

/* The value as it stands in the file: `length` bytes, without a terminating zero. */
const char *td_json_literal(const struct td_json *json, uint32_t node, size_t *length);

/* Elements of an array or members of an object, in the file's order. TD_JSON_NONE ends them. */
uint32_t td_json_first(const struct td_json *json, uint32_t node);
uint32_t td_json_next(const struct td_json *json, uint32_t node);
uint32_t td_json_count(const struct td_json *json, uint32_t node); /* cost: their number */

/* Writes `FILE:LINE:COLUMN: $.path` into `out`, cut to its size. */
void td_json_place(const struct td_json *json, uint32_t node, enum td_json_part part, char *out,
                   size_t size);

/* Sets an error of bad input at the node's place; returns false. */
bool td_json_error(const struct td_json *json, uint32_t node, enum td_json_part part,
                   struct td_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
