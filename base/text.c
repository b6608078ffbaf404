#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Longest word that is compared with others, in bytes: 128 code points. */
#define LONGEST_WORD 512u
/* Code points of a text that a message shows. */
#define QUOTED_CODES 48u

size_t td_utf8_decode(const char *text, size_t length, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length == 0) return 0;
    unsigned char lead = (unsigned char)text[0];
    size_t size = lead < 0x80             ? 1
                  : (lead & 0xe0) == 0xc0 ? 2
                  : (lead & 0xf0) == 0xe0 ? 3
                  : (lead & 0xf8) == 0xf0 ? 4
                                          : 0;
    if (size == 0 || size > length) return 0;
    uint32_t value = size == 1 ? lead : lead & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xc0) != 0x80) return 0;
        value = value << 6 | (byte & 0x3fu);
    }
    if (value < smallest[size] || value > 0x10ffff) return 0;
    if (value >= 0xd800 && value <= 0xdfff) return 0;
    if (code != NULL) *code = value;
    return size;
}

const char *td_code_flaw(uint32_t code)
{
    static const char control[] = "a control character", invisible[] = "an invisible character",
                      line[] = "a line separator",
                      turn[] = "a character that turns the direction of text",
                      none[] = "no character of Unicode";
    static const struct {
        uint32_t first, last;
        const char *flaw;
    } ranges[] = {
        {0x0000, 0x001f, control},   {0x007f, 0x009f, control},   {0x00ad, 0x00ad, invisible},
        {0x061c, 0x061c, turn},      {0x180e, 0x180e, invisible}, {0x200b, 0x200d, invisible},
        {0x200e, 0x200f, turn},      {0x2028, 0x2029, line},      {0x202a, 0x202e, turn},
        {0x2060, 0x2065, invisible}, {0x2066, 0x2069, turn},      {0x206a, 0x206f, invisible},
        {0xfdd0, 0xfdef, none},      {0xfeff, 0xfeff, invisible}, {0xfff9, 0xfffb, invisible},
    };
    if ((code & 0xfffe) == 0xfffe) return none;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return ranges[i].flaw;
    return NULL;
}

bool td_code_printable(uint32_t code)
{
    return td_code_flaw(code) == NULL;
}

bool td_code_is_space(uint32_t code)
{
    return code == 0x20 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x202f || code == 0x205f || code == 0x3000;
}

size_t td_text_printable_length(const char *text)
{
    size_t length = strlen(text), codes = 0;
    for (size_t at = 0; at < length; codes++) {
        uint32_t code;
        size_t size = td_utf8_decode(text + at, length - at, &code);
        if (size == 0 || !td_code_printable(code)) return SIZE_MAX;
        at += size;
    }
    return codes;
}

static char small(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: the distance of Damerau and Levenshtein in which no piece is edited
 * twice. Three rows of the table suffice. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][LONGEST_WORD + 1];
    unsigned *above2 = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = above2[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            char x = small(a[i - 1]), y = small(b[j - 1]);
            unsigned best = smaller(above[j], row[j - 1]) + 1;
            best = smaller(best, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == small(b[j - 2]) && small(a[i - 2]) == y)
                best = smaller(best, above2[j - 2] + 1);
            row[j] = best;
        }
        unsigned *spare = above2;
        above2 = above;
        above = row;
        row = spare;
    }
    return above[b_length];
}

const char *td_text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    unsigned nearest_distance = 0;
    if (length > LONGEST_WORD) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        size_t longer = length > other ? length : other;
        if (other > LONGEST_WORD) continue;
        unsigned errors = distance(word, length, candidates[i], other);
        /* More than two letters in five wrong is another word, not a misspelt one. */
        if ((size_t)errors * 5 > longer * 2) continue;
        if (nearest == NULL || errors < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = errors;
        }
    }
    return nearest;
}

char *td_text_quote(const char *text, char out[static TD_QUOTE_SIZE])
{
    size_t length = strlen(text), end = 0, codes = 0;
    out[end++] = '"';
    for (size_t at = 0; at < length; codes++) {
        uint32_t code = 0xfffd;
        size_t size = td_utf8_decode(text + at, length - at, &code);
        if (codes == QUOTED_CODES || end + 4 + 6 >= TD_QUOTE_SIZE) {
            memcpy(out + end, "...", 3);
            end += 3;
            break;
        }
        if (size == 0 || !td_code_printable(code)) {
            end += (size_t)snprintf(out + end, TD_QUOTE_SIZE - end, "\\u%04x", (unsigned)code);
            at += size == 0 ? 1 : size;
        } else {
            memcpy(out + end, text + at, size);
            end += size;
            at += size;
        }
    }
    out[end++] = '"';
    out[end] = '\0';
    return out;
}
