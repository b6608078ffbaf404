#include "report/buffer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool td_buffer_reserve(struct td_buffer *buffer, size_t more)
{
    if (buffer->failed) return false;
    if (buffer->room - buffer->length >= more) return true;

    size_t room = buffer->room < 256 ? 256 : buffer->room;
    while (room - buffer->length < more) {
        if (room > SIZE_MAX / 2) goto fail;
        room *= 2;
    }
    char *bytes = realloc(buffer->bytes, room);
    if (bytes == NULL) goto fail;
    buffer->bytes = bytes;
    buffer->room = room;
    return true;

fail:
    buffer->failed = true;
    return false;
}

void td_buffer_add(struct td_buffer *buffer, const char *bytes, size_t length)
{
    if (length == 0 || !td_buffer_reserve(buffer, length)) return;
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void td_buffer_string(struct td_buffer *buffer, const char *string)
{
    td_buffer_add(buffer, string, strlen(string));
}

void td_buffer_free(struct td_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct td_buffer){0};
}

void td_buffer_field(struct td_buffer *buffer, const char *string)
{
    if (string == NULL) return;
    if (strpbrk(string, ",\"\r\n") == NULL) {
        td_buffer_string(buffer, string);
        return;
    }
    td_buffer_add(buffer, "\"", 1);
    for (const char *quote; (quote = strchr(string, '"')) != NULL; string = quote + 1) {
        td_buffer_add(buffer, string, (size_t)(quote - string));
        td_buffer_add(buffer, "\"\"", 2);
    }
    td_buffer_string(buffer, string);
    td_buffer_add(buffer, "\"", 1);
}

void td_buffer_json_string(struct td_buffer *buffer, const char *string)
{
    td_buffer_add(buffer, "\"", 1);
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte == '"' || byte == '\\') {
            td_buffer_add(buffer, "\\", 1);
            td_buffer_add(buffer, string, 1);
        } else if (byte < 0x20 || byte == 0x7f) {
            char escape[8];
            int length = snprintf(escape, sizeof escape, "\\u%04x", byte);
            td_buffer_add(buffer, escape, (size_t)length);
        } else {
            td_buffer_add(buffer, string, 1);
        }
    }
    td_buffer_add(buffer, "\"", 1);
}

size_t td_unsigned_text(uint64_t number, char *out)
{
    char digits[TD_UNSIGNED_TEXT];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

void td_buffer_unsigned(struct td_buffer *buffer, uint64_t number)
{
    if (!td_buffer_reserve(buffer, TD_UNSIGNED_TEXT)) return;
    buffer->length += td_unsigned_text(number, buffer->bytes + buffer->length);
}

void td_buffer_sum(struct td_buffer *buffer, td_sum time)
{
    if (!td_buffer_reserve(buffer, TD_SUM_TEXT)) return;
    buffer->length += td_sum_text(time, buffer->bytes + buffer->length);
}

void td_buffer_seconds(struct td_buffer *buffer, double seconds)
{
    char digits[340]; /* the largest double has 309 digits before the point */
    if (isnan(seconds)) return;
    int length = snprintf(digits, sizeof digits, "%.9f", seconds);
    /* A difference that rounds to nothing has no sign. */
    bool minus_zero = digits[0] == '-' && strspn(digits, "-0.") == (size_t)length;
    td_buffer_string(buffer, digits + (minus_zero ? 1 : 0));
}

void td_buffer_number(struct td_buffer *buffer, double number)
{
    char digits[32];
    if (isnan(number)) return;
    if (number == 0.0) number = fabs(number); /* no sign */
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number) break;
    }
    td_buffer_string(buffer, digits);
}
