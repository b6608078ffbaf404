#include "base/assert.h"
#include "live/protocol_internal.h"

static void key(struct td_buffer *out, const char *name)
{
    td_buffer_string(out, ", ");
    td_buffer_json_string(out, name);
    td_buffer_string(out, ": ");
}

static void string_member(struct td_buffer *out, const char *name, const char *value)
{
    key(out, name);
    td_buffer_json_string(out, value);
}

/* Numbers in quotes: JSON's are doubles in many languages. */
static void decimal_member(struct td_buffer *out, const char *name, uint64_t value)
{
    key(out, name);
    td_buffer_string(out, "\"");
    td_buffer_unsigned(out, value);
    td_buffer_string(out, "\"");
}

static void bool_member(struct td_buffer *out, const char *name, bool value)
{
    key(out, name);
    td_buffer_string(out, value ? "true" : "false");
}

static void names(struct td_buffer *out, const char *const *name, size_t count)
{
    td_buffer_string(out, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) td_buffer_string(out, ", ");
        td_buffer_json_string(out, name[i]);
    }
    td_buffer_string(out, "]");
}

static void schema_member(struct td_buffer *out, const char *name, const struct td_hello *hello)
{
    TD_ASSERT(hello->schema_id != NULL);
    key(out, name);
    if (hello->universe == NULL) {
        td_buffer_json_string(out, hello->schema_id);
        return;
    }
    td_buffer_string(out, "{\"id\": ");
    td_buffer_json_string(out, hello->schema_id);
    string_member(out, "universe", hello->universe);
    key(out, "steps");
    td_buffer_string(out, "{");
    for (size_t i = 0; i < hello->step_count; i++) {
        const struct td_hello_step *step = &hello->steps[i];
        if (i > 0) td_buffer_string(out, ", ");
        td_buffer_json_string(out, step->id);
        td_buffer_string(out, step->after_count == 0 ? ": " : ": {\"targets\": ");
        td_buffer_json_string(out, step->targets);
        if (step->after_count == 0) continue;
        key(out, "after");
        names(out, step->after, step->after_count);
        td_buffer_string(out, "}");
    }
    td_buffer_string(out, "}}");
}

static void digests_member(struct td_buffer *out, const char *name, const struct td_hello *hello)
{
    if (hello->digest_count == 0) return;
    key(out, name);
    td_buffer_string(out, "{");
    for (size_t i = 0; i < hello->digest_count; i++) {
        const struct td_hello_digest *digest = &hello->digests[i];
        if (i > 0) td_buffer_string(out, ", ");
        td_buffer_json_string(out, digest->step);
        td_buffer_string(out, digest->untouched == NULL ? ": " : ": {\"digest\": ");
        td_buffer_json_string(out, digest->digest);
        if (digest->untouched == NULL) continue;
        string_member(out, "untouched", digest->untouched);
        if (digest->fraction < 1) {
            key(out, "fraction");
            td_buffer_number(out, digest->fraction);
        }
        td_buffer_string(out, "}");
    }
    td_buffer_string(out, "}");
}

/* A whole number, unless it says what leaving it out says; "parts": 0 says nothing either. */
static void whole_member(struct td_buffer *out, const struct td_member *member, int64_t value)
{
    if (value <= member->otherwise) return;
    key(out, member->key);
    td_buffer_unsigned(out, (uint64_t)value);
}

static void write_member(struct td_buffer *out, const struct td_member *member,
                         const struct td_message *message)
{
    const void *at = (const char *)message + member->offset;
    switch (member->form) {
    case TD_FORM_NAME:
    case TD_FORM_TEXT:
    case TD_FORM_TARGETS: {
        const char *text = *(const char *const *)at;
        TD_ASSERT(text != NULL || !member->required);
        if (text != NULL) string_member(out, member->key, text);
        break;
    }
    case TD_FORM_TRUE:
        if (*(const bool *)at || member->required) bool_member(out, member->key, *(const bool *)at);
        break;
    case TD_FORM_FALSE:
        if (*(const bool *)at) bool_member(out, member->key, false);
        break;
    case TD_FORM_EITHER:
        if (*(const bool *)at || member->required)
            string_member(out, member->key, member->words[*(const bool *)at]);
        break;
    case TD_FORM_RESULT:
        TD_ASSERT(message->ended.result < TD_RESULTS);
        string_member(out, member->key, member->words[message->ended.result]);
        break;
    case TD_FORM_ORDER:
        TD_ASSERT(*(const td_order *)at != 0 || !member->required);
        if (*(const td_order *)at != 0) decimal_member(out, member->key, *(const td_order *)at);
        break;
    case TD_FORM_TIME:
        TD_ASSERT(*(const td_time *)at >= 0);
        decimal_member(out, member->key, (uint64_t) * (const td_time *)at);
        break;
    case TD_FORM_PART:
        whole_member(out, member, *(const uint32_t *)at);
        break;
    case TD_FORM_COUNT:
        whole_member(out, member, *(const int64_t *)at);
        break;
    case TD_FORM_FRACTION:
        if (*(const double *)at == member->otherwise) break;
        key(out, member->key);
        td_buffer_number(out, *(const double *)at);
        break;
    case TD_FORM_SCHEMA:
        schema_member(out, member->key, &message->hello);
        break;
    case TD_FORM_HOLDS:
        if (message->hello.hold_count == 0) break;
        key(out, member->key);
        names(out, message->hello.holds, message->hello.hold_count);
        break;
    case TD_FORM_DIGESTS:
        digests_member(out, member->key, &message->hello);
        break;
    }
}

void td_message_write(const struct td_message *message, struct td_buffer *out)
{
    TD_ASSERT(message->kind < TD_MESSAGE_KINDS);
    const struct td_message_spec *spec = &td_message_specs[message->kind];
    td_buffer_string(out, "{\"type\": ");
    td_buffer_json_string(out, spec->type);
    for (size_t i = 0; i < spec->count; i++)
        write_member(out, &spec->members[i], message);
    td_buffer_string(out, "}");
}
