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
    char quote[TD_QUOTE_SIZE];
    const char *key = td_json_key(r->json, node);
    if (count > 32) count = 32;
    for (size_t i = 0; i < count; i++)
        known[i] = specs[i].name;
    return td_reader_fail_key(r, node, "unknown key %s: %s", td_text_quote(key, quote),
                              td_reader_hint(r, key, known, count));
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

bool td_read_bool(const struct td_reader *r, uint32_t node, bool *out)
{
    if (td_json_type(r->json, node) != TD_JSON_BOOL)
        return td_reader_wrong_type(r, node, "true or false");
    size_t length;
    *out = td_json_literal(r->json, node, &length)[0] == 't';
    return true;
}

bool td_check_name(const struct td_reader *r, uint32_t node, enum td_json_part part,
                   const char *what, const char *text)
{
    size_t length = strlen(text), codes = 0, spaces = 0;
    char quote[TD_QUOTE_SIZE];
    for (size_t at = 0; at < length;) {
        uint32_t code = 0xfffd;
        size_t size = td_utf8_decode(text + at, length - at, &code);
        const char *flaw = size == 0 ? "no UTF-8" : td_code_flaw(code);
        codes++;
        if (flaw != NULL)
            return td_json_error(r->json, node, part, r->error,
                                 "%s must have printable characters only, but character %zu of %s "
                                 "is U+%04X, %s: leave it out",
                                 what, codes, td_text_quote(text, quote), (unsigned)code, flaw);
        spaces += td_code_is_space(code);
        at += size;
    }
    if (codes == 0)
        return td_json_error(r->json, node, part, r->error,
                             "%s must have 1 to 128 printable characters, but it is empty: write "
                             "a name",
                             what);
    if (codes > NAME_MAX_CODES)
        return td_json_error(r->json, node, part, r->error,
                             "%s must have 1 to 128 printable characters, but %s has %zu: shorten "
                             "it",
                             what, td_text_quote(text, quote), codes);
    if (codes == spaces)
        return td_json_error(r->json, node, part, r->error,
                             "%s must not be made of spaces only, as %s is: write a name", what,
                             td_text_quote(text, quote));
    return true;
}

bool td_read_name(const struct td_reader *r, uint32_t node, const char **out)
{
    if (td_json_type(r->json, node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, node, "a name (a text of 1 to 128 printable characters)");
    const char *text = td_json_string(r->json, node);
    if (!td_check_name(r, node, TD_JSON_VALUE, "the name", text)) return false;
    *out = td_arena_text(r->arena, text, strlen(text));
    return *out != NULL || td_reader_no_memory(r);
}

bool td_read_key_name(const struct td_reader *r, uint32_t node, const char *what, const char **out)
{
    const char *key = td_json_key(r->json, node);
    if (!td_check_name(r, node, TD_JSON_KEY, what, key)) return false;
    *out = td_arena_text(r->arena, key, strlen(key));
    return *out != NULL || td_reader_no_memory(r);
}
