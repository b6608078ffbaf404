#include "live/protocol_internal.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/json.h"
#include "base/text.h"
#include "workload/values.h"

#include <math.h>
#include <string.h>

/* A message that was read, and what its texts live in. */
struct read_message {
    struct td_message message; /* first: the two have one address */
    struct td_arena *arena;
};

static bool fail(const struct td_values *v, uint32_t node, const char *sentence)
{
    return td_json_error(v->json, node, TD_JSON_VALUE, v->error, "%s", sentence);
}

bool td_member_wrong_type(const struct td_values *v, uint32_t node, const char *what)
{
    return td_json_error(v->json, node, TD_JSON_VALUE, v->error, "must be %s, not %s", what,
                         td_json_type_name(td_json_type(v->json, node)));
}

static bool no_memory(const struct td_values *v)
{
    return td_error_memory(v->error, "a message");
}

uint32_t td_member_find(const struct td_values *v, uint32_t object, const char *key)
{
    uint32_t node = td_json_first(v->json, object);
    while (node != TD_JSON_NONE && strcmp(td_json_key(v->json, node), key) != 0)
        node = td_json_next(v->json, node);
    return node;
}

bool td_member_require(const struct td_values *v, uint32_t object, const char *key, uint32_t *out)
{
    *out = td_member_find(v, object, key);
    return *out != TD_JSON_NONE || td_json_error(v->json, object, TD_JSON_VALUE, v->error,
                                                 "the member \"%s\" is missing: add it", key);
}

static bool read_text(const struct td_values *v, uint32_t node, const char **out)
{
    if (td_json_type(v->json, node) != TD_JSON_STRING)
        return td_member_wrong_type(v, node, "a text");
    const char *text = td_json_string(v->json, node);
    *out = td_arena_text(v->arena, text, strlen(text));
    return *out != NULL || no_memory(v);
}

bool td_member_bool(const struct td_values *v, uint32_t node, bool *out)
{
    if (td_json_type(v->json, node) != TD_JSON_BOOL)
        return td_member_wrong_type(v, node, "true or false");
    size_t length;
    *out = td_json_literal(v->json, node, &length)[0] == 't';
    return true;
}

/* The place of a word among those that are possible. */
static bool read_word(const struct td_values *v, uint32_t node, const char *const *words,
                      size_t count, size_t *out)
{
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(v->json, node) != TD_JSON_STRING)
        return td_member_wrong_type(v, node, "a text");
    const char *text = td_json_string(v->json, node);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *out = i;
        return true;
    }
    const char *nearest = td_text_nearest(text, words, count);
    return td_json_error(v->json, node, TD_JSON_VALUE, v->error, "unknown word %s: %s \"%s\"%s",
                         td_text_quote(text, quote),
                         nearest != NULL ? "did you mean" : "possible is, for example,",
                         nearest != NULL ? nearest : words[0], nearest != NULL ? "?" : "");
}

/* A whole number in a text, since JSON's numbers are doubles in many languages. */
static bool read_decimal(const struct td_values *v, uint32_t node, uint64_t min, uint64_t max,
                         uint64_t *out)
{
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(v->json, node) != TD_JSON_STRING)
        return td_member_wrong_type(v, node, "a text of decimal digits");
    const char *text = td_json_string(v->json, node);
    size_t length = strspn(text, "0123456789");
    if (length == 0 || text[length] != '\0' || (text[0] == '0' && length > 1))
        return td_json_error(v->json, node, TD_JSON_VALUE, v->error,
                             "must be a text of decimal digits without leading zeros, not %s",
                             td_text_quote(text, quote));
    uint64_t number = 0;
    bool fits = true;
    for (size_t i = 0; i < length && fits; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        fits = number <= (max - digit) / 10;
        number = number * 10 + digit;
    }
    if (!fits || number < min)
        return td_json_error(v->json, node, TD_JSON_VALUE, v->error,
                             "must be from %llu to %llu, not %s", (unsigned long long)min,
                             (unsigned long long)max, td_text_quote(text, quote));
    *out = number;
    return true;
}

bool td_member_number(const struct td_values *v, uint32_t node, bool whole, double min, double max,
                      double *out)
{
    const char *what = whole ? "a whole number" : "a number";
    if (td_json_type(v->json, node) != TD_JSON_NUMBER) return td_member_wrong_type(v, node, what);
    double number = td_json_number(v->json, node);
    if (!(number >= min && number <= max) || (whole && number != floor(number)))
        return td_json_error(v->json, node, TD_JSON_VALUE, v->error, "must be %s from %.0f to %.0f",
                             what, min, max);
    *out = number + 0.0; /* no negative zero */
    return true;
}

/* Elements of an array, or members of an object; at most as many as there can be steps. */
static bool count_steps(const struct td_values *v, uint32_t node, enum td_json_type type,
                        const char *what, size_t *out)
{
    if (td_json_type(v->json, node) != type) return td_member_wrong_type(v, node, what);
    *out = td_json_count(v->json, node);
    return *out <= TD_MOST_STEPS ||
           td_json_error(v->json, node, TD_JSON_VALUE, v->error,
                         "has %zu entries: at most %u are possible", *out, TD_MOST_STEPS);
}

static bool read_names(const struct td_values *v, uint32_t node, const char *const **out,
                       size_t *count)
{
    if (!count_steps(v, node, TD_JSON_ARRAY, "an array of steps", count)) return false;
    const char **names = td_arena_array(v->arena, *count + 1, sizeof *names);
    if (names == NULL) return no_memory(v);
    size_t i = 0;
    for (uint32_t child = td_json_first(v->json, node); child != TD_JSON_NONE;
         child = td_json_next(v->json, child))
        if (!td_value_name(v, child, &names[i++])) return false;
    *out = names;
    return true;
}

/* Target patterns, or an object in which they have company. */
static bool read_step(const struct td_values *v, uint32_t node, struct td_hello_step *step)
{
    if (!td_value_step_key(v, node, &step->id)) return false;
    uint32_t targets = node;
    if (td_json_type(v->json, node) == TD_JSON_OBJECT) {
        if (!td_member_require(v, node, "targets", &targets)) return false;
        uint32_t after = td_member_find(v, node, "after");
        if (after != TD_JSON_NONE && !read_names(v, after, &step->after, &step->after_count))
            return false;
    }
    return td_value_targets(v, targets, &step->targets);
}

static bool read_schema(const struct td_values *v, uint32_t node, struct td_hello *hello)
{
    uint32_t id, universe, list;
    if (td_json_type(v->json, node) == TD_JSON_STRING)
        return td_value_name(v, node, &hello->schema_id);
    if (td_json_type(v->json, node) != TD_JSON_OBJECT)
        return td_member_wrong_type(v, node, "a schema's ID, or an object with one");
    if (!td_member_require(v, node, "id", &id) || !td_value_name(v, id, &hello->schema_id) ||
        !td_member_require(v, node, "universe", &universe) ||
        !td_value_targets(v, universe, &hello->universe) ||
        !td_member_require(v, node, "steps", &list) ||
        !count_steps(v, list, TD_JSON_OBJECT, "an object of steps and their target patterns",
                     &hello->step_count))
        return false;
    if (hello->step_count == 0) return fail(v, list, "there are no steps: add at least one");
    struct td_hello_step *steps = td_arena_array(v->arena, hello->step_count, sizeof *steps);
    if (steps == NULL) return no_memory(v);
    size_t i = 0;
    for (uint32_t child = td_json_first(v->json, list); child != TD_JSON_NONE;
         child = td_json_next(v->json, child))
        if (!read_step(v, child, &steps[i++])) return false;
    hello->steps = steps;
    return true;
}

/* The digest of the peer's own inputs, or an object in which it has company. */
static bool read_digest(const struct td_values *v, uint32_t node, struct td_hello_digest *digest)
{
    if (!td_value_step_key(v, node, &digest->step)) return false;
    uint32_t own = node;
    digest->fraction = 1;
    if (td_json_type(v->json, node) == TD_JSON_OBJECT) {
        if (!td_member_require(v, node, "digest", &own)) return false;
        uint32_t untouched = td_member_find(v, node, "untouched");
        if (untouched != TD_JSON_NONE && !td_value_name(v, untouched, &digest->untouched))
            return false;
        uint32_t fraction = td_member_find(v, node, "fraction");
        if (fraction != TD_JSON_NONE &&
            !td_member_number(v, fraction, false, 0, 1, &digest->fraction))
            return false;
    }
    return td_value_name(v, own, &digest->digest);
}

static bool read_digests(const struct td_values *v, uint32_t node, struct td_hello *hello)
{
    if (!count_steps(v, node, TD_JSON_OBJECT, "an object of steps and their digests",
                     &hello->digest_count))
        return false;
    struct td_hello_digest *digests =
        td_arena_array(v->arena, hello->digest_count + 1, sizeof *digests);
    if (digests == NULL) return no_memory(v);
    size_t i = 0;
    for (uint32_t child = td_json_first(v->json, node); child != TD_JSON_NONE;
         child = td_json_next(v->json, child))
        if (!read_digest(v, child, &digests[i++])) return false;
    hello->digests = digests;
    return true;
}

/* The members that are numbers, in one of their spellings. */
static bool read_figure(const struct td_values *v, uint32_t node, const struct td_member *member,
                        void *at)
{
    uint64_t decimal = 0;
    double number = 0;
    switch (member->form) {
    case TD_FORM_ORDER:
        if (!read_decimal(v, node, 1, UINT64_MAX, &decimal)) return false;
        *(td_order *)at = decimal;
        return true;
    case TD_FORM_TIME:
        if (!read_decimal(v, node, 0, TD_TIME_MAX, &decimal)) return false;
        *(td_time *)at = (td_time)decimal;
        return true;
    case TD_FORM_PART: /* a part counts from 0, the parts are at least 1 */
        if (!td_member_number(v, node, true, member->otherwise, TD_MOST_PARTS - !member->otherwise,
                              &number))
            return false;
        *(uint32_t *)at = (uint32_t)number;
        return true;
    case TD_FORM_COUNT:
        if (!td_member_number(v, node, true, 0, (double)TD_MOST_COUNTED, &number)) return false;
        *(int64_t *)at = (int64_t)number;
        return true;
    default:
        TD_ASSERT(member->form == TD_FORM_FRACTION);
        return td_member_number(v, node, false, 0, 1, at);
    }
}

static bool read_member(const struct td_values *v, uint32_t node, const struct td_member *member,
                        struct td_message *message)
{
    void *at = (char *)message + member->offset;
    size_t word = 0;
    switch (member->form) {
    case TD_FORM_NAME:
        return td_value_name(v, node, at);
    case TD_FORM_TEXT:
        return read_text(v, node, at);
    case TD_FORM_TARGETS:
        return td_value_targets(v, node, at);
    case TD_FORM_TRUE:
        return td_member_bool(v, node, at);
    case TD_FORM_FALSE:
        if (!td_member_bool(v, node, at)) return false;
        *(bool *)at = !*(bool *)at;
        return true;
    case TD_FORM_EITHER:
        if (!read_word(v, node, member->words, 2, &word)) return false;
        *(bool *)at = word == 1;
        return true;
    case TD_FORM_RESULT:
        if (!read_word(v, node, member->words, TD_RESULTS, &word)) return false;
        message->ended.result = word;
        return true;
    case TD_FORM_SCHEMA:
        return read_schema(v, node, &message->hello);
    case TD_FORM_HOLDS:
        return read_names(v, node, &message->hello.holds, &message->hello.hold_count);
    case TD_FORM_DIGESTS:
        return read_digests(v, node, &message->hello);
    default:
        return read_figure(v, node, member, at);
    }
}

/* What a member is that was left out, where that is not zero. */
static void leave_out(const struct td_member *member, struct td_message *message)
{
    void *at = (char *)message + member->offset;
    if (member->form == TD_FORM_PART) *(uint32_t *)at = (uint32_t)member->otherwise;
    if (member->form == TD_FORM_COUNT) *(int64_t *)at = member->otherwise;
    if (member->form == TD_FORM_FRACTION) *(double *)at = member->otherwise;
}

static bool read_kind(const struct td_values *v, enum td_message_kind *out)
{
    const char *types[TD_MESSAGE_KINDS];
    size_t kind = 0;
    uint32_t node;
    if (td_json_type(v->json, 0) != TD_JSON_OBJECT) return td_member_wrong_type(v, 0, "an object");
    for (size_t i = 0; i < TD_MESSAGE_KINDS; i++)
        types[i] = td_message_specs[i].type;
    if (!td_member_require(v, 0, "type", &node) ||
        !read_word(v, node, types, TD_MESSAGE_KINDS, &kind))
        return false;
    *out = kind;
    return true;
}

static bool read_message(const struct td_values *v, struct td_message *message)
{
    if (!read_kind(v, &message->kind)) return false;
    const struct td_message_spec *spec = &td_message_specs[message->kind];
    for (size_t i = 0; i < spec->count; i++) {
        const struct td_member *member = &spec->members[i];
        uint32_t node = td_member_find(v, 0, member->key);
        if (node != TD_JSON_NONE) {
            if (!read_member(v, node, member, message)) return false;
        } else if (member->required) {
            return td_member_require(v, 0, member->key, &node);
        } else {
            leave_out(member, message);
        }
    }
    if (message->kind == TD_MESSAGE_OBTAINED && message->obtained.part >= message->obtained.parts)
        return td_json_error(v->json, td_member_find(v, 0, "part"), TD_JSON_VALUE, v->error,
                             "must be below \"parts\", which is %u: the first part is 0",
                             message->obtained.parts);
    if (message->kind == TD_MESSAGE_OBTAINED && message->obtained.last &&
        message->obtained.part + 1 < message->obtained.parts)
        return td_json_error(v->json, td_member_find(v, 0, "last"), TD_JSON_VALUE, v->error,
                             "must not be true of part %u of %u: only the last part ends an order",
                             message->obtained.part, message->obtained.parts);
    return true;
}

struct td_message *td_message_read_own(const char *text, size_t length, struct td_error *error)
{
    struct td_values v = {.error = error};
    struct read_message *read = NULL;
    struct td_json *json = NULL;
    v.arena = td_arena_create();
    if (v.arena != NULL) read = td_arena_alloc(v.arena, sizeof *read);
    if (read == NULL) {
        (void)no_memory(&v);
        goto fail;
    }
    read->arena = v.arena;
    v.json = json = td_json_parse("message", text, length, error);
    if (json == NULL || !read_message(&v, &read->message)) goto fail;
    td_json_destroy(json);
    return &read->message;

fail:
    td_json_destroy(json);
    td_arena_destroy(v.arena);
    return NULL;
}

struct td_message *td_message_read(const char *text, size_t length, struct td_error *error)
{
    if (length <= TD_MESSAGE_MAX) return td_message_read_own(text, length, error);
    (void)td_error_set(error, TD_FAULT_INPUT, "message: is longer than 1 MiB: shorten it");
    return NULL;
}

void td_message_destroy(struct td_message *message)
{
    if (message != NULL) td_arena_destroy(((struct read_message *)message)->arena);
}
