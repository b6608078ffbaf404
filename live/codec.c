#include "live/codec.h"

#include <string.h>

void td_put_unsigned(struct td_buffer *out, uint64_t value)
{
    char bytes[10];
    size_t length = 0;
    for (; value >= 128; value >>= 7)
        bytes[length++] = (char)(unsigned char)(value % 128 + 128);
    bytes[length++] = (char)value;
    td_buffer_add(out, bytes, length);
}

void td_put_signed(struct td_buffer *out, int64_t value)
{
    uint64_t twice = (uint64_t)value << 1;
    td_put_unsigned(out, value < 0 ? ~twice : twice);
}

void td_put_text(struct td_buffer *out, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text) + 1;
    td_put_unsigned(out, length);
    if (text != NULL) td_buffer_add(out, text, length);
}

struct td_reader td_reader_of(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    return (struct td_reader){.at = at, .end = length == 0 ? at : at + length};
}

static uint64_t fail(struct td_reader *reader)
{
    reader->failed = true;
    return 0;
}

uint64_t td_take_unsigned(struct td_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; td_reader_has_more(reader) && shift < 64; shift += 7) {
        uint64_t byte = *reader->at++;
        if (shift == 63 && byte > 1) return fail(reader);
        value |= (byte & 127) << shift;
        if (byte < 128) return value;
    }
    return fail(reader);
}

int64_t td_take_signed(struct td_reader *reader)
{
    uint64_t value = td_take_unsigned(reader);
    return (int64_t)(value % 2 == 0 ? value / 2 : ~(value / 2));
}

uint32_t td_take_u32(struct td_reader *reader)
{
    uint64_t value = td_take_unsigned(reader);
    return (uint32_t)(value <= UINT32_MAX ? value : fail(reader));
}

uint32_t td_take_count(struct td_reader *reader, uint32_t most)
{
    uint32_t count = td_take_u32(reader);
    bool fits = !reader->failed && count <= most && count <= (size_t)(reader->end - reader->at);
    return (uint32_t)(fits ? count : fail(reader));
}

const char *td_take_text(struct td_reader *reader)
{
    uint64_t length = td_take_unsigned(reader);
    if (length == 0) return NULL;
    const char *text = (const char *)reader->at;
    if (length > (uint64_t)(reader->end - reader->at) ||
        memchr(text, 0, length) != text + length - 1)
        fail(reader);
    if (reader->failed) return NULL;
    reader->at += length;
    return text;
}
