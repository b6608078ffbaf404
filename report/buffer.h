/* A growing buffer of text, and how the files of a run spell their values in it.
 *
 * A buffer that cannot grow remembers it (`failed`) and takes nothing more, so that a writer adds a
 * whole row and asks once. Numbers are spelled the same in every locale that has a decimal point.
 */
#ifndef TD_REPORT_BUFFER_H
#define TD_REPORT_BUFFER_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct td_buffer {
    char *bytes; /* not terminated */
    size_t length, room;
    bool failed; /* out of memory */
};

/* Room for at least `more` further bytes. Amortised constant cost a byte. */
bool td_buffer_reserve(struct td_buffer *buffer, size_t more);
void td_buffer_add(struct td_buffer *buffer, const char *bytes, size_t length);
void td_buffer_string(struct td_buffer *buffer, const char *string);
void td_buffer_free(struct td_buffer *buffer);

/* A field by RFC 4180: quoted only where it must be. NULL is the empty field. */
void td_buffer_field(struct td_buffer *buffer, const char *string);

/* A JSON string with its quotes; bytes that are no UTF-8 are passed on as they are. */
void td_buffer_json_string(struct td_buffer *buffer, const char *string);

void td_buffer_unsigned(struct td_buffer *buffer, uint64_t number);

/* Seconds with nine decimals. */
void td_buffer_sum(struct td_buffer *buffer, td_sum time);

/* The same from seconds as a double; NaN adds nothing. */
void td_buffer_seconds(struct td_buffer *buffer, double seconds);

/* The shortest of 15 to 17 significant digits that reads back as the same double ("0.95", "12",
 * "1.5e-30"); NaN adds nothing. */
void td_buffer_number(struct td_buffer *buffer, double number);

/* Decimal digits of `number` at `out`, which must hold TD_UNSIGNED_TEXT bytes; returns their count.
 */
#define TD_UNSIGNED_TEXT 20
size_t td_unsigned_text(uint64_t number, char *out);

#endif
