#include "base/json.h"

#include "base/assert.h"
#include "base/file.h"
#include "base/json_internal.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* That of an error's text, which would cut anything longer. */
#define MESSAGE_SIZE 1024u
_Static_assert(MESSAGE_SIZE == sizeof((struct td_error){0}.text), "the size of an error's text");

struct td_json {
    char *path, *text;
    cJSON *root;
    struct td_json_nodes nodes;
};

static const struct td_json_node *node_at(const struct td_json *json, uint32_t node)
{
    TD_ASSERT(node < json->nodes.count);
    return &json->nodes.node[node];
}

/* Both the scan and cJSON keep the file's order, so the n-th value of one is that of the other. */
static uint32_t pair(struct td_json *json, uint32_t node, const cJSON *item)
{
    TD_ASSERT(node < json->nodes.count);
    json->nodes.node[node].item = item;
    uint32_t next = node + 1;
    if (cJSON_IsArray(item) || cJSON_IsObject(item)) {
        const cJSON *child;
        cJSON_ArrayForEach(child, item) next = pair(json, next, child);
    }
    TD_ASSERT(next == json->nodes.node[node].end);
    return next;
}

struct keyed {
    const char *key;
    uint32_t node;
};

static int compare_keys(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x->node > y->node) - (x->node < y->node);
}

/* The first node, in the file's order, whose key the object has already had; sorted, so that an
 * object of ten thousand keys costs little. */
static bool check_object(const struct td_json *json, uint32_t object, struct keyed *keys,
                         struct td_error *error)
{
    size_t count = 0;
    for (uint32_t node = td_json_first(json, object); node != TD_JSON_NONE;
         node = td_json_next(json, node))
        keys[count++] = (struct keyed){.key = td_json_key(json, node), .node = node};
    qsort(keys, count, sizeof *keys, compare_keys);
    uint32_t twice = TD_JSON_NONE, once = TD_JSON_NONE;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(keys[i - 1].key, keys[i].key) != 0 || keys[i].node >= twice) continue;
        twice = keys[i].node;
        once = keys[i - 1].node;
    }
    if (twice == TD_JSON_NONE) return true;
    char quote[TD_QUOTE_SIZE];
    return td_json_error(json, twice, TD_JSON_KEY, error,
                         "the key %s stands twice, first on line %u: remove one of them",
                         td_text_quote(td_json_key(json, twice), quote),
                         node_at(json, once)->key.line);
}

static bool check_duplicates(const struct td_json *json, struct td_error *error)
{
    struct keyed *keys = calloc(json->nodes.count, sizeof *keys);
    if (keys == NULL) return td_error_memory(error, json->path);
    bool good = true;
    for (uint32_t node = 0; good && node < json->nodes.count; node++)
        if (td_json_type(json, node) == TD_JSON_OBJECT)
            good = check_object(json, node, keys, error);
    free(keys);
    return good;
}

/* Takes over `text`. */
static struct td_json *parse(const char *path, char *text, size_t length, struct td_error *error)
{
    struct td_json *json = calloc(1, sizeof *json);
    if (json != NULL) {
        json->text = text;
        json->path = strdup(path);
    }
    if (json == NULL || json->path == NULL) {
        if (json == NULL) free(text);
        (void)td_error_memory(error, path);
        goto fail;
    }
    if (length > TD_FILE_MAX) {
        (void)td_error_set(error, TD_FAULT_INPUT, "%s: is larger than 64 MiB", path);
        goto fail;
    }
    if (!td_json_scan(path, text, length, &json->nodes, error)) goto fail;
    json->root = cJSON_ParseWithLengthOpts(text, length + 1, NULL, 1);
    if (json->root == NULL) {
        /* The grammar holds, so nothing but memory can have been missing. */
        (void)td_error_memory(error, path);
        goto fail;
    }
    uint32_t paired = pair(json, 0, json->root);
    TD_ASSERT(paired == json->nodes.count);
    if (!check_duplicates(json, error)) goto fail;
    return json;

fail:
    td_json_destroy(json);
    return NULL;
}

struct td_json *td_json_read(const char *path, struct td_error *error)
{
    size_t length;
    char *text = td_file_read(path, &length, error);
    return text == NULL ? NULL : parse(path, text, length, error);
}

struct td_json *td_json_parse(const char *path, const char *text, size_t length,
                              struct td_error *error)
{
    char *copy = malloc(length + 1);
    if (copy == NULL) {
        (void)td_error_memory(error, path);
        return NULL;
    }
    if (length > 0) memcpy(copy, text, length);
    copy[length] = '\0';
    return parse(path, copy, length, error);
}

void td_json_destroy(struct td_json *json)
{
    if (json == NULL) return;
    cJSON_Delete(json->root);
    free(json->nodes.node);
    free(json->text);
    free(json->path);
    free(json);
}

const char *td_json_path(const struct td_json *json)
{
    return json->path;
}

enum td_json_type td_json_type(const struct td_json *json, uint32_t node)
{
    switch (node_at(json, node)->item->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return TD_JSON_BOOL;
    case cJSON_Number:
        return TD_JSON_NUMBER;
    case cJSON_String:
        return TD_JSON_STRING;
    case cJSON_Array:
        return TD_JSON_ARRAY;
    case cJSON_Object:
        return TD_JSON_OBJECT;
    default:
        return TD_JSON_NULL;
    }
}

const char *td_json_type_name(enum td_json_type type)
{
    static const char *const names[] = {
        [TD_JSON_NULL] = "null",       [TD_JSON_BOOL] = "true or false",
        [TD_JSON_NUMBER] = "a number", [TD_JSON_STRING] = "a text",
        [TD_JSON_ARRAY] = "an array",  [TD_JSON_OBJECT] = "an object",
    };
    return names[type];
}

const char *td_json_key(const struct td_json *json, uint32_t node)
{
    return node_at(json, node)->item->string;
}

const char *td_json_string(const struct td_json *json, uint32_t node)
{
    TD_ASSERT(td_json_type(json, node) == TD_JSON_STRING);
    return node_at(json, node)->item->valuestring;
}

double td_json_number(const struct td_json *json, uint32_t node)
{
    TD_ASSERT(td_json_type(json, node) == TD_JSON_NUMBER);
    return node_at(json, node)->item->valuedouble;
}

const char *td_json_literal(const struct td_json *json, uint32_t node, size_t *length)
{
    *length = node_at(json, node)->length;
    return json->text + node_at(json, node)->offset;
}

uint32_t td_json_first(const struct td_json *json, uint32_t node)
{
    return node_at(json, node)->end > node + 1 ? node + 1 : TD_JSON_NONE;
}

uint32_t td_json_next(const struct td_json *json, uint32_t node)
{
    uint32_t parent = node_at(json, node)->parent, end = node_at(json, node)->end;
    return parent != TD_JSON_NONE && end < node_at(json, parent)->end ? end : TD_JSON_NONE;
}

uint32_t td_json_count(const struct td_json *json, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t child = td_json_first(json, node); child != TD_JSON_NONE;
         child = td_json_next(json, child))
        count++;
    return count;
}

/* Whether a path can name the key as `.key`; a long one is quoted, and so cut. */
static bool is_plain_key(const char *key)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t length = strspn(key, letters);
    return length > 0 && length <= 64 && key[length] == '\0' && !(key[0] >= '0' && key[0] <= '9');
}

/* Appends to the text in `out`, cutting it rather than overrunning. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t size, const char *format,
                                                         ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out + used, size - used, format, args);
    va_end(args);
}

static void append_path(const struct td_json *json, uint32_t node, char *out, size_t size)
{
    uint32_t chain[TD_JSON_DEPTH_MAX + 1] = {0};
    size_t depth = 0;
    for (; node_at(json, node)->parent != TD_JSON_NONE; node = node_at(json, node)->parent)
        chain[depth++] = node;
    append(out, size, "$");
    while (depth-- > 0) {
        uint32_t child = chain[depth], parent = node_at(json, child)->parent, index = 0;
        const char *key = td_json_key(json, child);
        char quote[TD_QUOTE_SIZE];
        if (key == NULL) {
            for (uint32_t i = td_json_first(json, parent); i != child; i = td_json_next(json, i))
                index++;
            append(out, size, "[%u]", index);
        } else if (is_plain_key(key)) {
            append(out, size, ".%s", key);
        } else {
            append(out, size, "[%s]", td_text_quote(key, quote));
        }
    }
}

void td_json_place(const struct td_json *json, uint32_t node, enum td_json_part part, char *out,
                   size_t size)
{
    TD_ASSERT(size > 0);
    const struct td_json_node *at = node_at(json, node);
    const struct td_json_position *place = part == TD_JSON_KEY ? &at->key : &at->value;
    out[0] = '\0';
    append(out, size, "%s:%u:%u: ", json->path, place->line, place->column);
    append_path(json, node, out, size);
}

bool td_json_error(const struct td_json *json, uint32_t node, enum td_json_part part,
                   struct td_error *error, const char *format, ...)
{
    char place[MESSAGE_SIZE], message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    td_json_place(json, node, part, place, sizeof place);
    return td_error_set(error, TD_FAULT_INPUT, "%s: %s", place, message);
}
