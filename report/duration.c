/* Lengths of time as people say them. */
#include "report/table.h"

#include "base/assert.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* The number with up to two decimals, none of them a trailing zero, and the unit. */
static int with_decimals(char *out, size_t room, int64_t hundredths, const char *unit)
{
    int64_t whole = hundredths / 100;
    int part = (int)(hundredths % 100);
    if (part == 0) return snprintf(out, room, "%" PRId64 " %s", whole, unit);
    if (part % 10 == 0) return snprintf(out, room, "%" PRId64 ".%d %s", whole, part / 10, unit);
    return snprintf(out, room, "%" PRId64 ".%02d %s", whole, part, unit);
}

static int in_two_units(char *out, size_t room, int64_t number, int64_t size, const char *large,
                        const char *small)
{
    int64_t first = number / size, second = number % size;
    if (second == 0) return snprintf(out, room, "%" PRId64 " %s", first, large);
    return snprintf(out, room, "%" PRId64 " %s %" PRId64 " %s", first, large, second, small);
}

/* Each unit is tried in turn on the rounded number, so that a number that rounds up into the next
 * unit is written in it. */
static int positive_text(double seconds, char *out, size_t room)
{
    if (seconds < 5e-9) return snprintf(out, room, "0 s");
    if (seconds < 1.0) {
        int64_t us = llround(seconds * 1e8), ms = llround(seconds * 1e5);
        if (us < 100000) return with_decimals(out, room, us, "µs");
        if (ms < 100000) return with_decimals(out, room, ms, "ms");
    }
    if (seconds < 60.0) {
        int64_t hundredths = llround(seconds * 100.0);
        if (hundredths < 6000) return with_decimals(out, room, hundredths, "s");
    }
    if (seconds < 7200.0) {
        int64_t whole = llround(seconds);
        if (whole < 7200) return in_two_units(out, room, whole, 60, "min", "s");
    }
    if (seconds < 172800.0) {
        int64_t minutes = llround(seconds / 60.0);
        if (minutes < 2880) return in_two_units(out, room, minutes, 60, "h", "min");
    }
    if (seconds < 1e15) return in_two_units(out, room, llround(seconds / 3600.0), 24, "d", "h");
    return snprintf(out, room, "%.3g d", seconds / 86400.0);
}

void td_duration_text(double seconds, char *out)
{
    int length;
    if (isnan(seconds)) {
        length = snprintf(out, TD_DURATION_TEXT, "-");
    } else if (seconds <= -5e-9) {
        out[0] = '-';
        length = 1 + positive_text(-seconds, out + 1, TD_DURATION_TEXT - 1);
    } else {
        length = positive_text(seconds, out, TD_DURATION_TEXT);
    }
    TD_ASSERT(length > 0 && length < TD_DURATION_TEXT);
}
