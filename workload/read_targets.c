/* Bazel target patterns: absolute ones only, nothing that Bazel could take for an option. */
#include "base/text.h"
#include "workload/reader_internal.h"

#include <string.h>

static bool is_repository_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-+~", c) != NULL);
}

/* Whether every part between slashes is a name: not empty, neither "." nor "..". */
static bool has_plain_parts(const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && text[i] != '/') continue;
        size_t part = i - start;
        if (part == 0) return false;
        if (text[start] == '.' && (part == 1 || (part == 2 && text[start + 1] == '.')))
            return false;
        start = i + 1;
    }
    return true;
}

static bool is_one_of(const char *text, size_t length, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) return true;
    return false;
}

/* Whether a package, with what follows its last slash, ends in "..." alone. */
static bool is_recursive(const char *text, size_t length)
{
    return length >= 3 && memcmp(text + length - 3, "...", 3) == 0 &&
           (length == 3 || text[length - 4] == '/');
}

/* What is wrong with the package of a pattern, which may end in "...". */
static const char *check_package(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] > 0x7e || text[i] == '\\')
            return "a package's name has only ASCII characters, and no backslash";
    if (is_recursive(text, length)) length -= length == 3 ? 3 : 4;
    if (length == 0) return NULL;
    if (!has_plain_parts(text, length))
        return "a package is names with single slashes between them";
    for (size_t i = 0; i + 3 <= length; i++)
        if (memcmp(text + i, "...", 3) == 0 && (i == 0 || text[i - 1] == '/'))
            return "\"...\" stands only at the end of a package, and alone between slashes";
    return NULL;
}

/* What a pattern that is none may get as a mend of its own. */
static const char an_option[] = "options are not targets",
                  excludes[] = "an exclusion cannot come first";

/* NULL, or what is wrong with one pattern of `length` bytes without spaces. */
static const char *check_pattern(const char *text, size_t length, bool first)
{
    static const char *const of_many[] = {"all", "*", "all-targets"};
    if (text[0] == '-') {
        bool names = memchr(text, '/', length) != NULL || memchr(text, ':', length) != NULL;
        if (!names || text[1] == '-') return an_option;
        if (first) return excludes;
        text++;
        length--;
    }
    size_t at = 0;
    while (at < length && at < 2 && text[at] == '@')
        at++;
    if (at > 0)
        while (at < length && is_repository_letter(text[at]))
            at++;
    if (length - at < 2 || memcmp(text + at, "//", 2) != 0)
        return text[0] == '@' ? "\"//\" must follow the repository's name" : "it is not absolute";
    text += at + 2;
    length -= at + 2;

    const char *colon = memchr(text, ':', length);
    size_t package = colon == NULL ? length : (size_t)(colon - text);
    if (colon == NULL && length == 0) return "it names nothing";
    const char *wrong = check_package(text, package);
    if (wrong != NULL || colon == NULL) return wrong;
    const char *target = colon + 1;
    size_t target_length = length - package - 1;
    if (target_length == 0) return "a target must follow the ':'";
    if (is_recursive(text, package) && !is_one_of(target, target_length, of_many, 3))
        return "behind \"...\" only \":all\", \":*\" and \":all-targets\" are possible";
    if (memchr(target, ':', target_length) != NULL) return "it has two ':'";
    if (memchr(target, '\\', target_length) != NULL) return "a target has no backslash";
    if (!has_plain_parts(target, target_length))
        return "a target is names with single slashes between them";
    return NULL;
}

/* The patterns so far; there is room for all. */
struct joined {
    char *text;
    size_t length;
};

/* Appends the patterns of one text. */
static bool read_text(const struct td_reader *r, uint32_t node, struct joined *joined)
{
    static const char mend[] = "write absolute target patterns such as \"//app/...\" or "
                               "\"@repo//lib:all\", separated by spaces";
    static const char leave_out[] = "leave them out",
                      move[] = "put it behind another pattern, or leave it out";
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(r->json, node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, node, "a text of target patterns");
    const char *text = td_json_string(r->json, node);
    if (td_text_printable_length(text) == SIZE_MAX)
        return td_reader_fail(r, node,
                              "%s holds a control character or another that cannot be seen: %s",
                              td_text_quote(text, quote), mend);
    size_t count = 0;
    for (;;) {
        text += strspn(text, " ");
        size_t length = strcspn(text, " ");
        if (length == 0) break;
        char *pattern = td_arena_text(r->arena, text, length);
        if (pattern == NULL) return td_reader_no_memory(r);
        const char *wrong = check_pattern(text, length, joined->length == 0);
        if (wrong != NULL)
            return td_reader_fail(r, node, "%s is no target pattern, %s: %s",
                                  td_text_quote(pattern, quote), wrong,
                                  wrong == an_option  ? leave_out
                                  : wrong == excludes ? move
                                                      : mend);
        if (joined->length > 0) joined->text[joined->length++] = ' ';
        memcpy(joined->text + joined->length, text, length);
        joined->length += length;
        text += length;
        count++;
    }
    return count > 0 || td_reader_fail(r, node, "there is no target pattern: %s", mend);
}

bool td_read_targets(const struct td_reader *r, uint32_t node, const char **out)
{
    size_t length;
    (void)td_json_literal(r->json, node, &length);
    /* No text is longer than it is in the file, quotes included, which leaves room for spaces. */
    struct joined joined = {.text = td_arena_alloc(r->arena, length + 1)};
    if (joined.text == NULL) return td_reader_no_memory(r);
    *out = joined.text;
    if (td_json_type(r->json, node) == TD_JSON_STRING) return read_text(r, node, &joined);
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "a text of target patterns or an array of them");
    uint32_t child = td_json_first(r->json, node);
    if (child == TD_JSON_NONE)
        return td_reader_fail(r, node, "the array is empty: write at least one target pattern");
    for (; child != TD_JSON_NONE; child = td_json_next(r->json, child))
        if (!read_text(r, child, &joined)) return false;
    return true;
}
