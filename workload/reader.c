#include "workload/reader_internal.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_CODES 128u
/* Known names that a message lists when none is near to the unknown one. */
#define LISTED_NAMES 8u

bool td_reader_fail(const struct td_reader *r, uint32_t node, const char *format, ...)
{
    char message[sizeof r->error->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return td_json_error(r->json, node, TD_JSON_VALUE, r->error, "%s", message);
}

bool td_reader_fail_key(const struct td_reader *r, uint32_t node, const char *format, ...)
{
    char message[sizeof r->error->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return td_json_error(r->json, node, TD_JSON_KEY, r->error, "%s", message);
}

bool td_reader_no_memory(const struct td_reader *r)
{
    return td_error_memory(r->error, "the scenario");
}

bool td_reader_wrong_type(const struct td_reader *r, uint32_t node, const char *what)
{
    return td_reader_fail(r, node, "must be %s, not %s", what,
                          td_json_type_name(td_json_type(r->json, node)));
}

bool td_reader_warn(const struct td_reader *r, uint32_t node, const char *sentence)
{
    char place[sizeof r->error->text];
    td_json_place(r->json, node, TD_JSON_VALUE, place, sizeof place);
    struct td_warning *warning = td_arena_alloc(r->arena, sizeof *warning);
    if (warning == NULL) return td_reader_no_memory(r);
    warning->before = *r->last_warning;
    warning->text = td_arena_format(r->arena, "%s: %s", place, sentence);
    if (warning->text == NULL) return td_reader_no_memory(r);
    *r->last_warning = warning;
    return true;
}

const char *td_reader_path(const struct td_reader *r, const char *name)
{
    const char *scenario = td_json_path(r->json);
    const char *slash = strrchr(scenario, '/');
    if (name[0] == '/' || slash == NULL) return td_arena_text(r->arena, name, strlen(name));
    return td_arena_format(r->arena, "%.*s/%s", (int)(slash - scenario), scenario, name);
}

const char *td_reader_hint(const struct td_reader *r, const char *word, const char *const *known,
                           size_t count)
{
    char quote[TD_QUOTE_SIZE], list[LISTED_NAMES * TD_QUOTE_SIZE];
    const char *nearest = td_text_nearest(word, known, count);
    const char *hint;
    if (nearest != NULL) {
        hint = td_arena_format(r->arena, "did you mean %s?", td_text_quote(nearest, quote));
    } else {
        size_t used = 0;
        for (size_t i = 0; i < count && i < LISTED_NAMES; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
                                     td_text_quote(known[i], quote));
        hint = td_arena_format(r->arena, "known are %s%s", list,
                               count > LISTED_NAMES ? " and others" : "");
    }
    return hint == NULL ? "see docs/scenarios.md" : hint;
}

static bool unknown_key(const struct td_reader *r, uint32_t node, const struct td_key_spec *specs,
                        size_t count)
{
    const char *known[32];
    size_t known_count = 0;
    char quote[TD_QUOTE_SIZE];
    const char *key = td_json_key(r->json, node);
    for (size_t i = 0; i < count && i < 32; i++)
        if (specs[i].need != TD_KEY_LATER) known[known_count++] = specs[i].name;
    return td_reader_fail_key(r, node, "unknown key %s: %s", td_text_quote(key, quote),
                              td_reader_hint(r, key, known, known_count));
}

bool td_read_keys(const struct td_reader *r, uint32_t node, const struct td_key_spec *specs,
                  size_t count, uint32_t *found)
{
    if (td_json_type(r->json, node) != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node, "an object");
    for (size_t i = 0; i < count; i++)
        found[i] = TD_JSON_NONE;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        const char *key = td_json_key(r->json, child);
        size_t i = 0;
        while (i < count && strcmp(specs[i].name, key) != 0)
            i++;
        if (i == count) return unknown_key(r, child, specs, count);
        if (specs[i].need == TD_KEY_LATER)
            return td_reader_fail_key(r, child, "the key \"%s\" is not supported yet: remove it",
                                      key);
        found[i] = child;
    }
    for (size_t i = 0; i < count; i++)
        if (specs[i].need == TD_KEY_REQUIRED && found[i] == TD_JSON_NONE)
            return td_reader_fail(r, node, "the key \"%s\" is missing: add it", specs[i].name);
    return true;
}

bool td_read_number(const struct td_reader *r, uint32_t node, double min, double max,
                    const char *what, double *out)
{
    if (td_json_type(r->json, node) != TD_JSON_NUMBER) return td_reader_wrong_type(r, node, what);
    double number = td_json_number(r->json, node);
    size_t length;
    const char *literal = td_json_literal(r->json, node, &length);
    if (!(number >= min && number <= max))
        return td_reader_fail(r, node, "must be %s, not %.*s", what, (int)length, literal);
    *out = number + 0.0; /* no negative zero */
    return true;
}

bool td_read_whole(const struct td_reader *r, uint32_t node, double min, double max,
                   const char *what, double *out)
{
    if (!td_read_number(r, node, min, max, what, out)) return false;
    size_t length;
    const char *literal = td_json_literal(r->json, node, &length);
    if (*out != floor(*out))
        return td_reader_fail(r, node, "must be %s, not %.*s", what, (int)length, literal);
    return true;
}

bool td_read_name(const struct td_reader *r, uint32_t node, const char **out)
{
    static const char what[] = "a text of 1 to 128 printable characters";
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    size_t codes = td_text_printable_length(text);
    char quote[TD_QUOTE_SIZE];
    if (codes == SIZE_MAX)
        return td_reader_fail(r, node, "must be %s: %s holds a control character", what,
                              td_text_quote(text, quote));
    if (codes == 0) return td_reader_fail(r, node, "must be %s: it is empty", what);
    if (codes > NAME_MAX_CODES)
        return td_reader_fail(r, node, "must be %s: it has %zu", what, codes);
    *out = td_arena_text(r->arena, text, strlen(text));
    return *out != NULL || td_reader_no_memory(r);
}
