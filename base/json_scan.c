/* The grammar of RFC 8259, to the letter, with the place of every value and key. */
#include "base/json_internal.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct scan {
    const char *path;
    const char *text;
    size_t length, at;
    uint32_t line;
    size_t line_start;    /* offset of the line's first byte */
    size_t continuations; /* UTF-8 continuation bytes since then, which take no column */
    struct td_json_nodes *nodes;
    struct td_error *error;
};

static struct td_json_position position(const struct scan *s)
{
    return (struct td_json_position){
        .line = s->line, .column = (uint32_t)(s->at - s->line_start - s->continuations) + 1};
}

__attribute__((format(printf, 3, 4))) static bool
fail(const struct scan *s, struct td_json_position place, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return td_error_set(s->error, TD_FAULT_INPUT, "%s:%u:%u: %s", s->path, place.line, place.column,
                        message);
}

/* The character at the scan's place, '\0' at the end of the file (a zero byte is refused as the
 * control character that it is, since it never matches). */
static char here(const struct scan *s)
{
    return s->at < s->length ? s->text[s->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Names what stands at the scan's place. */
static const char *found(const struct scan *s, char out[static 32])
{
    uint32_t code;
    if (s->at == s->length) return "the end of the file";
    if (s->text[s->at] == '\n' || s->text[s->at] == '\r') return "the end of the line";
    size_t size = td_utf8_decode(s->text + s->at, s->length - s->at, &code);
    if (size == 0)
        (void)snprintf(out, 32, "the byte 0x%02x", (unsigned char)s->text[s->at]);
    else if (!td_code_printable(code))
        (void)snprintf(out, 32, "the character U+%04X", (unsigned)code);
    else
        (void)snprintf(out, 32, "'%.*s'", (int)size, s->text + s->at);
    return out;
}

/* The mend is that for an ordinary character: a file that ends too early, or holds what no text
 * file does, has another one. */
static bool expected(const struct scan *s, const char *what, const char *mend)
{
    char name[32];
    uint32_t code;
    if (s->at == s->length)
        mend = "the file is not complete, write the rest of it";
    else if (td_utf8_decode(s->text + s->at, s->length - s->at, &code) == 0)
        mend = "save the file as UTF-8";
    else if (!td_code_printable(code) && code != '\n' && code != '\r')
        mend = "leave it out";
    return fail(s, position(s), "expected %s, found %s: %s", what, found(s, name), mend);
}

static bool skip_space(struct scan *s)
{
    for (; s->at < s->length; s->at++) {
        char c = s->text[s->at];
        if (c == '\n') {
            s->line++;
            s->line_start = s->at + 1;
            s->continuations = 0;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            break;
        }
    }
    char c = here(s);
    if (c == '/' || c == '#') return fail(s, position(s), "JSON has no comments: remove this one");
    return true;
}

static uint32_t add_node(struct scan *s, uint32_t parent)
{
    struct td_json_nodes *nodes = s->nodes;
    if (nodes->count == nodes->room) {
        uint32_t room = nodes->room == 0 ? 64 : nodes->room * 2;
        struct td_json_node *larger = realloc(nodes->node, room * sizeof *larger);
        if (larger == NULL) {
            (void)td_error_memory(s->error, s->path);
            return TD_JSON_NONE;
        }
        nodes->node = larger;
        nodes->room = room;
    }
    nodes->node[nodes->count] =
        (struct td_json_node){.parent = parent, .offset = (uint32_t)s->at, .value = position(s)};
    return nodes->count++;
}

/* The four hexadecimal digits behind "\u", or UINT32_MAX. */
static uint32_t hexadecimal(const struct scan *s, size_t at)
{
    uint32_t code = 0;
    if (s->length - at < 4) return UINT32_MAX;
    for (size_t i = at; i < at + 4; i++) {
        char c = s->text[i];
        uint32_t digit;
        if (is_digit(c))
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else
            return UINT32_MAX;
        code = code << 4 | digit;
    }
    return code;
}

/* At the backslash. */
static bool scan_escape(struct scan *s)
{
    struct td_json_position place = position(s);
    char c = s->at + 1 < s->length ? s->text[s->at + 1] : '\0';
    if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL) {
        s->at += 2;
        return true;
    }
    if (c != 'u')
        return fail(s, place,
                    "a backslash begins none of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
                    "\\uXXXX here: write \\\\ for a backslash");
    uint32_t code = hexadecimal(s, s->at + 2);
    if (code == UINT32_MAX)
        return fail(s, place, "\\u needs four hexadecimal digits: write them, as in \\u00e4");
    if (code == 0) return fail(s, place, "\\u0000 has no place in a text here: remove it");
    s->at += 6;
    if (code < 0xd800 || code > 0xdfff) return true;
    uint32_t low = UINT32_MAX;
    if (code <= 0xdbff && s->length - s->at >= 6 && memcmp(s->text + s->at, "\\u", 2) == 0)
        low = hexadecimal(s, s->at + 2);
    if (low == UINT32_MAX || low < 0xdc00 || low > 0xdfff)
        return fail(s, place,
                    "the surrogate \\u%04x stands alone: write a pair, or the character itself",
                    (unsigned)code);
    s->at += 6;
    return true;
}

/* At the opening quote. */
static bool scan_string(struct scan *s)
{
    struct td_json_position start = position(s);
    s->at++;
    while (s->at < s->length) {
        unsigned char c = (unsigned char)s->text[s->at];
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s)) return false;
        } else if (c == '\n' || c == '\r') {
            return fail(s, start,
                        "the text does not end on its line: close it with '\"', or write "
                        "\\n for a line break");
        } else if (c < 0x20) {
            return fail(s, position(s), "a text holds the control character U+%04X: leave it out",
                        c);
        } else {
            size_t size = td_utf8_decode(s->text + s->at, s->length - s->at, NULL);
            if (size == 0)
                return fail(s, position(s), "the byte 0x%02x is not UTF-8: save the file as UTF-8",
                            c);
            s->at += size;
            s->continuations += size - 1;
        }
    }
    return fail(s, start, "the text never ends: close it with '\"'");
}

static const char no_such_number[] = "JSON has no such number, write a finite one";

/* The length of the word at the scan's place if it is a name that other languages have for what is
 * no number, otherwise 0. */
static size_t no_number(const struct scan *s)
{
    static const char *const names[] = {"nan", "inf", "infinity"};
    size_t length = 0;
    while (s->at + length < s->length && is_letter(s->text[s->at + length]))
        length++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && strncasecmp(names[i], s->text + s->at, length) == 0)
            return length;
    return 0;
}

/* At the 'x' of a number such as 0x10, which begins at `start`. */
static bool refuse_hexadecimal(const struct scan *s, size_t start, struct td_json_position place)
{
    char *end;
    unsigned long long value = strtoull(s->text + s->at + 1, &end, 16);
    int length = (int)(end - (s->text + start));
    if (isxdigit((unsigned char)s->text[s->at + 1]) && value < 1ull << 53)
        return fail(s, place, "hexadecimal numbers such as %.*s are not JSON: write %s%llu", length,
                    s->text + start, s->text[start] == '-' ? "-" : "", value);
    return fail(s, place, "hexadecimal numbers are not JSON: write it in decimals");
}

/* At a minus or a digit. */
static bool scan_number(struct scan *s)
{
    static const char digit[] = "write one, or leave the '-' out",
                      decimal[] = "write one, or leave the point out",
                      exponent[] = "write one, as in 1e9, or leave the 'e' out";
    struct td_json_position place = position(s);
    size_t start = s->at;
    if (here(s) == '-') s->at++;
    if (no_number(s) > 0)
        return fail(s, place, "expected a value, found -%.*s: %s", (int)no_number(s),
                    s->text + s->at, no_such_number);
    if (!is_digit(here(s))) return expected(s, "a digit of a number", digit);
    bool zero = here(s) == '0';
    s->at++;
    if (zero && (here(s) == 'x' || here(s) == 'X')) return refuse_hexadecimal(s, start, place);
    if (zero && is_digit(here(s)))
        return fail(s, place, "a number begins with a needless 0: remove it");
    while (is_digit(here(s)))
        s->at++;
    if (here(s) == '.') {
        s->at++;
        if (!is_digit(here(s))) return expected(s, "a digit behind the decimal point", decimal);
        while (is_digit(here(s)))
            s->at++;
    }
    if (here(s) == 'e' || here(s) == 'E') {
        s->at++;
        if (here(s) == '+' || here(s) == '-') s->at++;
        if (!is_digit(here(s))) return expected(s, "a digit of the exponent", exponent);
        while (is_digit(here(s)))
            s->at++;
    }
    if (is_letter(here(s)))
        return fail(s, place,
                    "a number is followed by a letter: a number with a unit is a text, "
                    "such as \"10m\"");
    size_t length = s->at - start;
    if (length > TD_JSON_NUMBER_MAX)
        return fail(s, place, "a number has more than %u characters: shorten it",
                    TD_JSON_NUMBER_MAX);
    char copy[TD_JSON_NUMBER_MAX + 1];
    memcpy(copy, s->text + start, length);
    copy[length] = '\0';
    if (!isfinite(strtod(copy, NULL)))
        return fail(s, place, "the number %s is too large: write at most 1.7e308", copy);
    return true;
}

static bool scan_word(struct scan *s)
{
    struct td_json_position place = position(s);
    size_t start = s->at;
    bool none = no_number(s) > 0;
    while (is_letter(here(s)) || is_digit(here(s)))
        s->at++;
    size_t length = s->at - start;
    const char *word = s->text + start;
    if ((length == 4 && (memcmp(word, "true", 4) == 0 || memcmp(word, "null", 4) == 0)) ||
        (length == 5 && memcmp(word, "false", 5) == 0))
        return true;
    const char *mend = "a text stands in double quotes, so put them around it";
    if (none)
        mend = no_such_number;
    else if (length <= 5 &&
             (strncasecmp(word, "true", length) == 0 || strncasecmp(word, "false", length) == 0 ||
              strncasecmp(word, "null", length) == 0))
        mend = "it is written true, false or null, in small letters";
    return fail(s, place, "expected a value, found %.*s: %s", length > 40 ? 40 : (int)length, word,
                mend);
}

static bool scan_value(struct scan *s, uint32_t parent, unsigned depth,
                       const struct td_json_position *key);

static bool scan_key(struct scan *s, struct td_json_position *key)
{
    *key = position(s);
    if (here(s) == '}') return fail(s, *key, "a ',' stands before '}': remove the comma");
    if (here(s) == '\'')
        return fail(s, *key, "a key stands in double quotes, not in single ones: replace them");
    if (here(s) == ',') return expected(s, "a key in double quotes", "remove the needless comma");
    if (here(s) != '"') return expected(s, "a key in double quotes", "put quotes around the key");
    if (!scan_string(s) || !skip_space(s)) return false;
    if (here(s) != ':')
        return expected(s, "':' behind the key", "write a ':' between key and value");
    s->at++;
    return skip_space(s);
}

/* At the opening bracket. */
static bool scan_container(struct scan *s, uint32_t node, unsigned depth)
{
    bool object = here(s) == '{';
    char close = object ? '}' : ']';
    if (depth == TD_JSON_DEPTH_MAX)
        return fail(s, position(s), "values are nested more than %u deep: flatten them",
                    TD_JSON_DEPTH_MAX);
    s->at++;
    if (!skip_space(s)) return false;
    if (here(s) == close) {
        s->at++;
        return true;
    }
    for (;;) {
        struct td_json_position key = {0, 0};
        if (object && !scan_key(s, &key)) return false;
        if (!object && here(s) == ']' && s->text[s->at - 1] != '[')
            return fail(s, position(s), "a ',' stands before ']': remove the comma");
        if (!scan_value(s, node, depth + 1, &key) || !skip_space(s)) return false;
        if (here(s) == close) {
            s->at++;
            return true;
        }
        if (here(s) != ',')
            return expected(s, object ? "',' or '}' behind a value" : "',' or ']' behind a value",
                            object ? "write a ',' between two members, or close the object"
                                   : "write a ',' between two values, or close the array");
        s->at++;
        if (!skip_space(s)) return false;
    }
}

static bool scan_value(struct scan *s, uint32_t parent, unsigned depth,
                       const struct td_json_position *key)
{
    uint32_t node = add_node(s, parent);
    if (node == TD_JSON_NONE) return false;
    s->nodes->node[node].key = *key;
    size_t start = s->at;
    char c = here(s);
    bool good;
    if (c == '{' || c == '[')
        good = scan_container(s, node, depth);
    else if (c == '"')
        good = scan_string(s);
    else if (c == '-' || is_digit(c))
        good = scan_number(s);
    else if (is_letter(c))
        good = scan_word(s);
    else if (c == '\'')
        good = fail(s, position(s),
                    "a text stands in double quotes, not in single ones: replace them");
    else if (c == '+' || c == '.')
        good = fail(s, position(s), "a number begins with a digit or '-', not with '%c': %s", c,
                    c == '+' ? "leave the '+' out" : "write 0 in front of it");
    else if (c == ',')
        good = expected(s, "a value", "write one, or remove the needless comma");
    else
        good = expected(s, "a value", "write one there");
    s->nodes->node[node].length = (uint32_t)(s->at - start);
    s->nodes->node[node].end = s->nodes->count;
    return good;
}

/* UTF-16 or UTF-32, told by a mark of their byte order, or by the zeros beside a first character of
 * ASCII. */
static bool is_wide(const char *text, size_t length)
{
    size_t zeros = 0;
    if (length < 2) return false;
    if (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0) return true;
    for (size_t i = 0; i < 4 && length >= 4; i++)
        zeros += text[i] == '\0';
    return zeros == 2 || zeros == 3;
}

bool td_json_scan(const char *path, const char *text, size_t length, struct td_json_nodes *nodes,
                  struct td_error *error)
{
    struct scan s = {
        .path = path, .text = text, .length = length, .line = 1, .nodes = nodes, .error = error};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return fail(&s, position(&s),
                    "the file begins with a byte order mark: save it as UTF-8 without one");
    if (is_wide(text, length))
        return fail(&s, position(&s),
                    "the file is in UTF-16 or UTF-32, not in UTF-8: save the file as UTF-8");
    if (!skip_space(&s)) return false;
    if (s.at == length) return fail(&s, position(&s), "the file is empty: write a JSON object");
    const struct td_json_position no_key = {0, 0};
    if (!scan_value(&s, TD_JSON_NONE, 0, &no_key) || !skip_space(&s)) return false;
    if (s.at < length)
        return expected(&s, "the end of the file",
                        "remove what follows the value, or a bracket that closes it too early");
    return true;
}
