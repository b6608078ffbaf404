/* Values as bytes, and back: what a journal keeps beside messages.
 *
 * Whole numbers have 7 bits a byte, the lowest first; signed ones alternate (0, -1, 1, -2, ...).
 * A text is its length + 1, its bytes and a zero; 0 alone is NULL. A reader never runs past its
 * bytes: it remembers that something was wrong, and gives zeros from then on. Texts that were read
 * live as long as the bytes. */
#ifndef TD_LIVE_CODEC_H
#define TD_LIVE_CODEC_H

#include "report/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void td_put_unsigned(struct td_buffer *out, uint64_t value);
void td_put_signed(struct td_buffer *out, int64_t value);
void td_put_text(struct td_buffer *out, const char *text); /* NULL is allowed */

struct td_reader {
    const unsigned char *at, *end;
    bool failed;
};

struct td_reader td_reader_of(const void *bytes, size_t length);
static inline bool td_reader_has_more(const struct td_reader *reader)
{
    return !reader->failed && reader->at < reader->end;
}

uint64_t td_take_unsigned(struct td_reader *reader);
int64_t td_take_signed(struct td_reader *reader);
uint32_t td_take_u32(struct td_reader *reader);
/* A number of things that take a byte each at least, and are at most so many. */
uint32_t td_take_count(struct td_reader *reader, uint32_t most);
const char *td_take_text(struct td_reader *reader);

#endif
