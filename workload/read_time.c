/* Times: seconds or texts such as "1h30m", to whole nanoseconds where they are some.
 *
 * 0.000000003 s must be 3 ns and not 3.0000000000000004, since halves decide how a length is
 * rounded. So decimals are scaled as decimals and become a double once, correctly rounded.
 */
#include "base/text.h"
#include "workload/reader_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits before and behind the decimal point of a number with a unit: 24 digits times an hour in
 * nanoseconds fit into 128 bits. */
#define PLACES 12

__extension__ typedef unsigned __int128 wide;

struct unit {
    const char *name;
    uint64_t ns;
};

static const struct unit units[] = {
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", UINT64_C(1000000000)},
    {"ms", UINT64_C(1000000)},
};
#define UNIT_COUNT (sizeof units / sizeof *units)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static wide digit(char c)
{
    return (wide)(unsigned char)c - '0';
}

/* value * 10^-12 as the nearest double. */
static double from_fixed_point(wide value)
{
    char digits[48] = "";
    size_t at = sizeof digits - 1;
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    char text[64];
    (void)snprintf(text, sizeof text, "%se-%d", digits + at, PLACES);
    return strtod(text, NULL);
}

/* Reads "12.5" as 12.5 * 10^12 and moves `text` behind it. NULL, or what is wrong. */
static const char *read_digits(const char **text, wide *out)
{
    const char *at = *text;
    wide value = 0;
    int places = 0;
    if (!is_digit(*at)) return "a unit needs a number before it";
    while (*at == '0' && is_digit(at[1]))
        at++;
    for (; is_digit(*at); at++, places++)
        value = value * 10 + digit(*at);
    if (places > PLACES) return "it has more than 12 digits before the point";
    places = 0;
    if (*at == '.') {
        at++;
        if (!is_digit(*at)) return "a digit must follow the decimal point";
        for (; is_digit(*at) && places < PLACES; at++, places++)
            value = value * 10 + digit(*at);
        if (is_digit(*at)) return "it has more than 12 decimals";
    }
    for (; places < PLACES; places++)
        value *= 10;
    *text = at;
    *out = value;
    return NULL;
}

/* One or more numbers with units, from the largest unit to the smallest. */
static const char *parse_units(const char *text, double *ns)
{
    wide total = 0;
    size_t next_unit = 0;
    while (*text != '\0') {
        wide value;
        const char *wrong = read_digits(&text, &value);
        if (wrong != NULL) return wrong;
        size_t length = 0, unit = 0;
        while (text[length] != '\0' && !is_digit(text[length]))
            length++;
        if (length == 0) return "it needs a unit: h, m, s or ms";
        while (unit < UNIT_COUNT &&
               (strlen(units[unit].name) != length || memcmp(units[unit].name, text, length) != 0))
            unit++;
        if (unit == UNIT_COUNT) return "the units are h, m, s and ms, without spaces";
        if (unit < next_unit) return "the units come in the order h, m, s, ms, each once";
        total += value * units[unit].ns;
        next_unit = unit + 1;
        text += length;
    }
    *ns = from_fixed_point(total);
    return NULL;
}

/* Seconds in the decimal notation of JSON, times 10^9: the exponent grows by nine. */
static double scale_seconds(const char *literal, size_t length)
{
    char scaled[TD_JSON_NUMBER_MAX + 32];
    size_t mantissa = 0;
    while (mantissa < length && literal[mantissa] != 'e' && literal[mantissa] != 'E')
        mantissa++;
    long exponent = mantissa < length ? strtol(literal + mantissa + 1, NULL, 10) : 0;
    /* Beyond these a double is 0 or infinite anyway, and the sum must not wrap. */
    if (exponent > 100000) exponent = 100000;
    if (exponent < -100000) exponent = -100000;
    (void)snprintf(scaled, sizeof scaled, "%.*se%ld", (int)mantissa, literal, exponent + 9);
    return strtod(scaled, NULL);
}

/* Whether a text is a plain decimal number, as a table's cell may be. */
static bool is_bare_number(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > TD_JSON_NUMBER_MAX) return false;
    if (strspn(text, "0123456789+-.eE") != length || !is_digit(text[length - 1])) return false;
    char *end;
    double number = strtod(text, &end);
    return *end == '\0' && isfinite(number);
}

/* What is longer is refused with a mend of its own. */
const char td_time_too_long[] = "longer than 10 years (87600h): write less";

const char *td_time_parse(const char *text, bool bare_number, double *ns)
{
    const char *wrong = NULL;
    if (*text == '\0') return "it is empty";
    if (*text == '-') return "a time is not negative";
    if (bare_number && is_bare_number(text))
        *ns = scale_seconds(text, strlen(text));
    else
        wrong = parse_units(text, ns);
    if (wrong == NULL && !(*ns <= TD_LONGEST_NS)) return td_time_too_long;
    return wrong;
}

const char *td_plain_parse(const char *text, double *number)
{
    if (!is_bare_number(text)) return "it must be a number without a unit";
    *number = strtod(text, NULL) + 0.0;
    return *number >= 0 && *number <= TD_LARGEST_FACTOR ? NULL : "it must be from 0 to 1e6";
}

static bool read_plain(const struct td_reader *r, uint32_t node, bool any_sign, double *out)
{
    return td_read_number(r, node, any_sign ? -TD_LARGEST_FACTOR : 0, TD_LARGEST_FACTOR,
                          any_sign ? "a number without a unit (-1e6 to 1e6)"
                                   : "a number from 0 without a unit (at most 1e6)",
                          out);
}

bool td_read_time(const struct td_reader *r, uint32_t node, bool any_sign, double *out)
{
    if (r->plain) return read_plain(r, node, any_sign, out);
    char quote[TD_QUOTE_SIZE];
    size_t length;
    const char *literal = td_json_literal(r->json, node, &length);
    switch (td_json_type(r->json, node)) {
    case TD_JSON_NUMBER:
        *out = scale_seconds(literal, length) + 0.0;
        if (*out < 0 && !any_sign)
            return td_reader_fail(r, node,
                                  "a time is not negative: write a number of seconds from "
                                  "0, not %.*s",
                                  (int)length, literal);
        if (!(fabs(*out) <= TD_LONGEST_NS))
            return td_reader_fail(r, node, "%.*s s is %s", (int)length, literal, td_time_too_long);
        return true;
    case TD_JSON_STRING: {
        const char *text = td_json_string(r->json, node);
        const char *wrong = td_time_parse(text, false, out);
        if (wrong == NULL) return true;
        if (wrong == td_time_too_long)
            return td_reader_fail(r, node, "%s is %s", td_text_quote(text, quote),
                                  td_time_too_long);
        return td_reader_fail(r, node,
                              "%s is no time, %s: write a number of seconds or a text such as "
                              "\"90s\", \"10m\", \"1h30m\" or \"250ms\"",
                              td_text_quote(text, quote), wrong);
    }
    default:
        return td_reader_wrong_type(
            r, node, "a time (a number of seconds or a text such as \"90s\" or \"1h30m\")");
    }
}
