/* What is a message is read, and written again as it was; what is none is refused, and whatever
 * else comes is survived. The table is messages.json, to which tests/live/test_schema.py holds the
 * JSON Schema, too; further messages are the examples of docs/protocol.md. */
#include "base/json.h"
#include "live/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CASES "tests/live/messages.json"
#define MANUAL "docs/protocol.md"
#define MOST_CASES 500u

static struct td_json *cases;

static uint32_t member(uint32_t object, const char *key)
{
    uint32_t node = td_json_first(cases, object);
    while (node != TD_JSON_NONE && strcmp(td_json_key(cases, node), key) != 0)
        node = td_json_next(cases, node);
    return node;
}

/* The message as it stands in the table. */
static const char *literal(uint32_t this_case, const char *key, size_t *length)
{
    return td_json_literal(cases, member(this_case, key), length);
}

static struct td_message *read_message(const char *text, size_t length)
{
    struct td_error error = {TD_FAULT_NONE, ""};
    struct td_message *message = td_message_read(text, length, &error);
    if (message == NULL) fail_msg("%.*s: %s", (int)length, text, error.text);
    return message;
}

static void check_written(const struct td_message *message, const char *expected, size_t length)
{
    struct td_buffer out = {0};
    td_message_write(message, &out);
    assert_false(out.failed);
    if (out.length != length || memcmp(out.bytes, expected, length) != 0)
        fail_msg("expected %.*s, got %.*s", (int)length, expected, (int)out.length, out.bytes);
    td_buffer_free(&out);
}

static void test_good(void **state)
{
    uint32_t this_case = (uint32_t)(uintptr_t)*state;
    size_t length, written_length;
    const char *text = literal(this_case, "message", &length);
    bool same = member(this_case, "written") == TD_JSON_NONE;
    const char *written = literal(this_case, same ? "message" : "written", &written_length);
    struct td_message *message = read_message(text, length);
    check_written(message, written, written_length);
    td_message_destroy(message);

    /* What was written is read as the same. */
    message = read_message(written, written_length);
    check_written(message, written, written_length);
    td_message_destroy(message);
}

static void test_bad(void **state)
{
    uint32_t this_case = (uint32_t)(uintptr_t)*state, text_node = member(this_case, "text");
    uint32_t path = member(this_case, "path");
    size_t length;
    const char *text;
    if (text_node == TD_JSON_NONE) {
        text = literal(this_case, "message", &length);
    } else {
        text = td_json_string(cases, text_node);
        length = strlen(text);
    }
    struct td_error error = {TD_FAULT_NONE, ""};
    struct td_message *message = td_message_read(text, length, &error);
    if (message != NULL) {
        td_message_destroy(message);
        fail_msg("accepted");
    }
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_null(strchr(error.text, '\n'));
    assert_int_equal(strncmp(error.text, "message:1:", strlen("message:1:")), 0);
    const char *rest = error.text;
    if (path != TD_JSON_NONE) {
        char expected[200];
        (void)snprintf(expected, sizeof expected, " %s: ", td_json_string(cases, path));
        rest = strchr(error.text, ' ');
        if (strncmp(rest, expected, strlen(expected)) != 0)
            fail_msg("expected the place%s, got %s", expected, error.text);
    }
    const char *says = td_json_string(cases, member(this_case, "says"));
    if (strstr(rest, says) == NULL) fail_msg("expected %s, got %s", says, error.text);
}

static void test_hello(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\": \"hello\", \"peer\": \"pr-17\", \"pipeline_type\": \"dependent\", \"schema\": "
        "{\"id\": \"six\", \"universe\": [\"//...\", \"-//x\"], \"steps\": {\"b\": \"//b\", "
        "\"a\": {\"targets\": \"//a\", \"after\": [\"b\"]}}}, \"digests\": {\"a\": {\"digest\": "
        "\"1\", \"untouched\": \"2\"}}, \"publishes\": false, \"resume\": "
        "\"18446744073709551615\"}";
    struct td_message *message = read_message(text, strlen(text));
    const struct td_hello *hello = &message->hello;
    assert_int_equal(message->kind, TD_MESSAGE_HELLO);
    assert_string_equal(hello->peer, "pr-17");
    assert_true(hello->dependent && hello->read_only);
    assert_string_equal(hello->schema_id, "six");
    assert_string_equal(hello->universe, "//... -//x");
    assert_int_equal(hello->step_count, 2);
    assert_string_equal(hello->steps[0].id, "b");
    assert_int_equal(hello->steps[0].after_count, 0);
    assert_string_equal(hello->steps[1].targets, "//a");
    assert_int_equal(hello->steps[1].after_count, 1);
    assert_string_equal(hello->steps[1].after[0], "b");
    assert_int_equal(hello->digest_count, 1);
    assert_string_equal(hello->digests[0].untouched, "2");
    assert_int_equal(hello->hold_count, 0);
    assert_true(hello->resume == UINT64_MAX);
    assert_null(hello->repository);
    assert_null(hello->step);
    td_message_destroy(message);
    td_message_destroy(NULL);
}

static void test_what_is_left_out(void **state)
{
    (void)state;
    static const char text[] = "{\"type\": \"obtained\", \"order\": \"7\", \"how\": \"build\", "
                               "\"took_ns\": \"5\"}";
    static const char seen[] = "{\"type\": \"seen\", \"order\": \"7\", \"published\": false}";
    struct td_message *message = read_message(text, strlen(text));
    assert_null(message->step);
    assert_true(message->obtained.built);
    assert_false(message->obtained.published || message->obtained.last || message->obtained.whole);
    assert_int_equal(message->obtained.part, 0);
    assert_int_equal(message->obtained.parts, 1);
    assert_int_equal(message->obtained.took, 5);
    assert_int_equal(message->obtained.actions, -1);
    assert_int_equal(message->obtained.hits, -1);
    td_message_destroy(message);
    message = read_message(seen, strlen(seen));
    assert_true(message->seen.fraction == 1);
    td_message_destroy(message);

    /* Nothing is said of no parts. */
    const struct td_message built = {
        .kind = TD_MESSAGE_OBTAINED,
        .order = 7,
        .obtained = {.built = true, .took = 5, .actions = -1, .hits = -1}};
    check_written(&built, text, strlen(text));
}

static void test_limits(void **state)
{
    (void)state;
    /* One step more than there can be, in each place. */
    static const char *const begins[] = {
        "{\"type\": \"hello\", \"peer\": \"p\", \"schema\": \"s\", \"holds\": [",
        "{\"type\": \"hello\", \"peer\": \"p\", \"schema\": \"s\", \"digests\": {",
        "{\"type\": \"hello\", \"peer\": \"p\", \"schema\": {\"id\": \"s\", \"universe\": "
        "\"//...\", \"steps\": {"};
    static const char *const ends[] = {"]}", "}}", "}}}"};
    for (size_t i = 0; i < 3; i++) {
        for (unsigned count = 10000; count <= 10001; count++) {
            struct td_buffer out = {0};
            td_buffer_string(&out, begins[i]);
            for (unsigned step = 0; step < count; step++) {
                char entry[64];
                (void)snprintf(entry, sizeof entry, i == 0 ? "%s\"%u\"" : "%s\"%u\": \"//a\"",
                               step == 0 ? "" : ",", step);
                td_buffer_string(&out, entry);
            }
            td_buffer_string(&out, ends[i]);
            struct td_error error = {TD_FAULT_NONE, ""};
            struct td_message *message = td_message_read(out.bytes, out.length, &error);
            if (count == 10000 && message == NULL) fail_msg("%s", error.text);
            if (count == 10001) {
                assert_null(message);
                assert_non_null(strstr(error.text, "has 10001 entries: at most 10000"));
            }
            td_message_destroy(message);
            td_buffer_free(&out);
        }
    }

    /* A message may be as long as it may be, and no byte longer. */
    char *text = malloc(TD_MESSAGE_MAX + 1);
    assert_non_null(text);
    static const char bye[] = "{\"type\": \"bye\"}";
    int used = snprintf(text, TD_MESSAGE_MAX, "%s", bye);
    memset(text + used, ' ', TD_MESSAGE_MAX + 1 - (size_t)used);
    td_message_destroy(read_message(text, TD_MESSAGE_MAX));
    struct td_error error = {TD_FAULT_NONE, ""};
    assert_null(td_message_read(text, TD_MESSAGE_MAX + 1, &error));
    assert_string_equal(error.text, "message: is longer than 1 MiB: shorten it");
    free(text);
    assert_null(td_message_read(NULL, 0, &error)); /* a socket's buffer that holds nothing */
}

static void test_reasons(void **state)
{
    (void)state;
    for (enum td_reason a = TD_REASON_NONE; a <= TD_REASON_TOO_FLAKY; a++) {
        assert_true(strlen(td_reason_word(a)) > 0);
        for (enum td_reason b = TD_REASON_NONE; b < a; b++)
            assert_string_not_equal(td_reason_word(a), td_reason_word(b));
    }
    assert_string_equal(td_reason_word(TD_REASON_READY), "ready");
    assert_string_equal(td_reason_word(TD_REASON_NOT_ITS_TURN), "not-its-turn");
}

/* Behind the text ends what was allocated, so that a checker sees a byte too far. */
static void survive(const char *text, size_t length)
{
    struct td_error error = {TD_FAULT_NONE, ""};
    /* The analyzer takes `length` for SIZE_MAX, whatever is asked of it before. */
    char *copy = malloc(length + 1); // NOLINT(clang-analyzer-optin.portability.UnixAPI)
    assert_non_null(copy);
    memcpy(copy + 1, text, length);
    struct td_message *message = td_message_read(copy + 1, length, &error);
    free(copy);
    if (message == NULL) {
        assert_int_equal(error.fault, TD_FAULT_INPUT);
        assert_true(strlen(error.text) > 0);
        return;
    }
    struct td_buffer out = {0};
    td_message_write(message, &out);
    td_message_destroy(message);
    message = read_message(out.bytes, out.length);
    check_written(message, out.bytes, out.length);
    td_message_destroy(message);
    td_buffer_free(&out);
}

static void test_cut(void **state)
{
    (void)state;
    for (uint32_t node = td_json_first(cases, member(0, "good")); node != TD_JSON_NONE;
         node = td_json_next(cases, node)) {
        size_t length;
        const char *text = literal(node, "message", &length);
        for (size_t cut = 0; cut < length; cut++) {
            struct td_error error = {TD_FAULT_NONE, ""};
            assert_null(td_message_read(text, cut, &error));
            survive(text, cut);
            survive(text + cut, length - cut);
        }
    }
}

static uint64_t next(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Changes, removes, doubles or moves a few bytes; returns the new length. */
static size_t mutate(char *text, size_t length, size_t room, uint64_t *seed)
{
    static const char letters[] = "{}[]\",:\\0123456789-.eEtfnu /\xff\x80\xc3\x01";
    for (uint64_t changes = 1 + next(seed) % 3; changes > 0; changes--) {
        size_t at = next(seed) % length, size = 1 + next(seed) % 12;
        if (size > length - at) size = length - at;
        switch (next(seed) % 4) {
        case 0:
            text[at] = letters[next(seed) % (sizeof letters - 1)];
            break;
        case 1:
            if (length - size < 2) break;
            memmove(text + at, text + at + size, length - at - size);
            length -= size;
            break;
        case 2:
            if (length + size > room) break;
            memmove(text + at + size, text + at, length - at);
            length += size;
            break;
        default:
            memmove(text + next(seed) % (length - size + 1), text + at, size);
            break;
        }
    }
    return length;
}

static void test_mutations(void **state)
{
    (void)state;
    char text[4096];
    for (uint32_t node = td_json_first(cases, member(0, "good")); node != TD_JSON_NONE;
         node = td_json_next(cases, node)) {
        size_t length;
        const char *original = literal(node, "message", &length);
        for (uint64_t seed = 1; seed <= 500; seed++) {
            uint64_t state_of = seed;
            assert_true(length <= sizeof text);
            memcpy(text, original, length);
            survive(text, mutate(text, length, sizeof text, &state_of));
        }
    }
}

/* The examples of the manual, between the fences of its blocks. */
static void test_manual(void **state)
{
    (void)state;
    static char text[1 << 16];
    FILE *file = fopen(MANUAL, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    assert_true(length < sizeof text - 1);
    text[length] = '\0';
    bool seen[TD_MESSAGE_KINDS] = {false};
    const char *at = text;
    while ((at = strstr(at, "\n```json\n")) != NULL) {
        at += strlen("\n```json\n");
        const char *end = strstr(at, "\n```\n");
        assert_non_null(end);
        struct td_message *message = read_message(at, (size_t)(end - at));
        seen[message->kind] = true;
        td_message_destroy(message);
        at = end;
    }
    for (size_t kind = 0; kind < TD_MESSAGE_KINDS; kind++)
        if (!seen[kind]) fail_msg("no example of kind %zu", kind);
}

static size_t add_tests(struct CMUnitTest *tests, size_t count, const char *key,
                        CMUnitTestFunction function)
{
    for (uint32_t node = td_json_first(cases, member(0, key)); node != TD_JSON_NONE;
         node = td_json_next(cases, node)) {
        if (count == MOST_CASES) abort();
        tests[count++] = (struct CMUnitTest){.name = td_json_string(cases, member(node, "name")),
                                             .test_func = function,
                                             .initial_state = (void *)(uintptr_t)node};
    }
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[MOST_CASES];
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_hello),  cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_manual),
    };
    struct td_error error;
    cases = td_json_read(CASES, &error);
    if (cases == NULL) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    size_t count = add_tests(tests, 0, "good", test_good);
    count = add_tests(tests, count, "bad", test_bad);
    int failed = _cmocka_run_group_tests("messages", tests, count, NULL, NULL);
    failed += cmocka_run_group_tests(others, NULL, NULL);
    td_json_destroy(cases);
    return failed;
}
