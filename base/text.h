/* Text: UTF-8, what may be printed, and which known word an unknown one is nearest to. */
#ifndef TD_BASE_TEXT_H
#define TD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the code point at `text` (1 to 4), or 0 if there is no valid one in `length` bytes:
 * overlong forms, surrogates and what lies beyond U+10FFFF are none. `code` may be NULL. */
size_t td_utf8_decode(const char *text, size_t length, uint32_t *code);

/* NULL for what a reader sees as it is; otherwise what it is, in words: "a control character", "an
 * invisible character", "a line separator", "a character that turns the direction of text", "no
 * character of Unicode". */
const char *td_code_flaw(uint32_t code);
bool td_code_printable(uint32_t code);

/* Whether it is a space of any width. */
bool td_code_is_space(uint32_t code);

/* Code points in a valid UTF-8 text, or SIZE_MAX if it is not valid or not printable. */
size_t td_text_printable_length(const char *text);

/* The candidate with the fewest typing errors (a letter too many, too few, another one, two
 * swapped; capitals count as small letters) between it and `word`, NULL if none is near enough to
 * be meant. Cost: the product of the lengths, for each candidate. */
const char *td_text_nearest(const char *word, const char *const *candidates, size_t count);

/* Writes `text` for a message: in double quotes, control characters escaped, cut with "..." when
 * it is long. Returns `out`. */
#define TD_QUOTE_SIZE 256
char *td_text_quote(const char *text, char out[static TD_QUOTE_SIZE]);

#endif
