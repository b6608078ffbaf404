/* The authority's mind, with links and a clock by hand: every message that goes out is kept as
 * text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/authority.h"
#include "live/replay.h"
#include "live/state.h"
#include "live/summary.h"
#include "policies/policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS 8u

struct rig {
    struct td_authority *authority;
    char sent[LINKS][4096]; /* since the last look, a line a message */
    bool closed[LINKS];
    struct td_replay *replay;
    uint32_t inputs; /* that have changed something; of the last one: */
    enum td_input_kind kept;
    char kept_text[TD_TEXT_KEPT + 2];
    bool read_only; /* the token of who comes */
    const struct td_policy *policy;
    td_time now;
};

static void keep_sent(void *context, uint32_t link, const struct td_message *message)
{
    struct rig *rig = context;
    struct td_buffer text = {0};
    td_message_write(message, &text);
    size_t length = strlen(rig->sent[link]);
    assert_true(length + text.length + 2 < sizeof rig->sent[link]);
    memcpy(rig->sent[link] + length, text.bytes, text.length);
    memcpy(rig->sent[link] + length + text.length, "\n", 2);
    td_buffer_free(&text);
}

static void keep_closed(void *context, uint32_t link)
{
    struct rig *rig = context;
    rig->closed[link] = true;
}

static void keep_event(void *context, const struct td_event *event)
{
    struct rig *rig = context;
    td_replay_event(rig->replay, event);
}

static void count_input(void *context, const struct td_input *input)
{
    struct rig *rig = context;
    bool has_text = input->kind == TD_INPUT_MESSAGE && input->message->text != NULL;
    rig->inputs++;
    rig->kept = input->kind;
    (void)snprintf(rig->kept_text, sizeof rig->kept_text, "%s",
                   has_text ? input->message->text : "");
}

static bool vouch(void *context, uint32_t link, const struct td_hello *hello,
                  struct td_voucher *voucher, struct td_error *error)
{
    const struct rig *rig = context;
    (void)link, (void)hello, (void)error;
    voucher->read_only = rig->read_only;
    return true;
}

static void keep_command(void *context, const struct td_command *command)
{
    struct rig *rig = context;
    td_replay_command(rig->replay, command);
}

static void rig_open(struct rig *rig, const char *policy)
{
    struct td_error error;
    memset(rig, 0, sizeof *rig);
    rig->policy = td_policy_find(policy);
    const struct td_authority_options options = {
        .policy = rig->policy, .engine = {.retries = 1, .patience = -1}, .grace = 100};
    const struct td_authority_outlet outlet = {.context = rig,
                                               .send = keep_sent,
                                               .close = keep_closed,
                                               .vouch = vouch,
                                               .event = keep_event,
                                               .command = keep_command,
                                               .input = count_input};
    rig->replay = td_replay_create(&error);
    assert_non_null(rig->replay);
    rig->authority = td_authority_create(&options, &outlet, &error);
    assert_non_null(rig->authority);
}

/* A link says something, in JSON with ' for ". */
static void say(struct rig *rig, uint32_t link, const char *format, ...)
{
    char text[4096];
    struct td_error error;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL) fail_msg("%s: %s", text, error.text);
    td_authority_receive(rig->authority, link, message, rig->now);
    td_message_destroy(message);
}

/* The last thing that was sent to a link has this in it. */
static void heard(struct rig *rig, uint32_t link, const char *part)
{
    char wanted[256];
    (void)snprintf(wanted, sizeof wanted, "%s", part);
    for (char *at = wanted; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
    if (strstr(rig->sent[link], wanted) == NULL)
        fail_msg("link %u: no %s in: %s", link, wanted, rig->sent[link]);
    rig->sent[link][0] = '\0';
}

static void silent(const struct rig *rig, uint32_t link)
{
    assert_string_equal(rig->sent[link], "");
}

#define SCHEMA                                                                                     \
    "'schema': {'id': 's', 'universe': '//...', 'steps': {'a': '//a', 'b': {'targets': '//b', "    \
    "'after': ['a']}}}"

static void hello(struct rig *rig, uint32_t link, const char *name)
{
    say(rig, link, "{'type': 'hello', 'peer': '%s', " SCHEMA "}", name);
}

/* What went in, once more: the same must come out. */
static void rig_close(struct rig *rig)
{
    struct td_error error;
    const struct td_engine_options options = {.retries = 1, .patience = -1};
    if (!td_replay_check(rig->replay, rig->policy, &options, &error)) fail_msg("%s", error.text);
    td_replay_destroy(rig->replay);
    td_authority_destroy(rig->authority);
}

static void test_orders_follow_each_other_without_asking(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0,
          "'type': 'order', 'order': '1', 'step': 'a', 'targets': '//a', 'expect': 'build'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'type': 'wait', 'reason': 'others-build'");
    rig.now = 10;
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'published': true, "
        "'last': "
        "true, 'took_ns': '10'}");
    heard(&rig, 0, "'order': '2', 'step': 'b'");
    heard(&rig, 1, "'order': '3', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    /* repeated and late messages change nothing */
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'published': true, "
        "'last': "
        "true, 'took_ns': '10'}");
    silent(&rig, 0);
    say(&rig, 0,
        "{'type': 'obtained', 'order': '2', 'step': 'b', 'how': 'build', 'published': "
        "true, 'last': true, 'took_ns': '10'}");
    heard(&rig, 0, "'order': '4', 'targets': '//...'");
    say(&rig, 0, "{'type': 'look', 'order': '4'}");
    heard(&rig, 0, "'type': 'seen', 'order': '4', 'published': false");
    say(&rig, 0, "{'type': 'ended', 'order': '4', 'result': 'ok'}");
    heard(&rig, 0, "'type': 'done', 'outcome': 'ok'");
    assert_true(rig.closed[0]);
    assert_int_equal(td_authority_present(rig.authority), 1);
    rig_close(&rig);
}

static void test_a_lost_peer_comes_back_in_time_or_is_given_up(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'type': 'wait'");
    td_authority_lose(rig.authority, 0, 50);
    assert_true(td_authority_due(rig.authority) == 150);
    td_authority_wake(rig.authority, 149);
    silent(&rig, 1);
    rig.now = 149;
    say(&rig, 2, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 2, "'type': 'welcome'");
    td_authority_wake(rig.authority, 400);
    silent(&rig, 1);
    td_authority_lose(rig.authority, 2, 400);
    td_authority_wake(rig.authority, 500);
    heard(&rig, 1, "'type': 'order', 'order': '2', 'step': 'a'"); /* its step goes back */
    /* too late: it starts anew */
    rig.now = 501;
    say(&rig, 3, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 3, "'type': 'wait'");
    rig_close(&rig);
}

static void test_a_name_is_taken_while_its_peer_is_here(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    hello(&rig, 1, "p");
    heard(&rig, 1, "'type': 'error', 'code': 'name-taken'");
    assert_true(rig.closed[1] && !rig.closed[0]);
    say(&rig, 0, "{'type': 'bye'}");
    hello(&rig, 2, "p");
    heard(&rig, 2, "'order': '2', 'step': 'a'");
    rig_close(&rig);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    say(&rig, 0, "{'type': 'bye'}");
    heard(&rig, 0, "'code': 'not-first'");
    say(&rig, 1, "{'type': 'hello', 'peer': 'p', 'schema': 'nobody-knows'}");
    heard(&rig, 1, "'code': 'unknown-schema'");
    hello(&rig, 2, "p");
    heard(&rig, 2, "'order': '1'");
    say(&rig, 3,
        "{'type': 'hello', 'peer': 'q', 'schema': {'id': 's', 'universe': '//...', "
        "'steps': {'a': '//a'}}}");
    heard(&rig, 3, "'code': 'schema-differs'");
    say(&rig, 7,
        "{'type': 'hello', 'peer': 'q', 'schema': {'id': 's', 'universe': '//...', "
        "'steps': {'a': {'targets': '//a', 'after': ['b']}, 'b': '//b'}}}");
    heard(&rig, 7, "'code': 'schema-differs'");
    /* one that says nothing of prerequisites does not contradict */
    say(&rig, 7,
        "{'type': 'hello', 'peer': 'z', 'schema': {'id': 's', 'universe': '//...', "
        "'steps': {'a': '//a', 'b': '//b'}}}");
    heard(&rig, 7, "'type': 'welcome'");
    say(&rig, 7, "{'type': 'bye'}");
    say(&rig, 4,
        "{'type': 'hello', 'peer': 'r', 'schema': {'id': 't', 'universe': '//...', "
        "'steps': {'a': {'targets': '//a', 'after': ['a']}}}}");
    heard(&rig, 4, "'type': 'error'");
    hello(&rig, 2, "p");
    heard(&rig, 2, "'code': 'not-first'");
    /* a bad message costs its peer the order, and nobody else anything */
    hello(&rig, 5, "q");
    heard(&rig, 5, "'order': '2', 'step': 'a'");
    say(&rig, 5,
        "{'type': 'obtained', 'order': '2', 'step': 'zz', 'how': 'build', 'took_ns': '1'}");
    heard(&rig, 5, "'code': 'bad-message'");
    hello(&rig, 6, "r");
    heard(&rig, 6, "'order': '3', 'step': 'a'");
    rig_close(&rig);
}

/* Uploads that fail: each peer goes on with what it has, and nobody waits for ever. */
static void test_what_nobody_can_fetch(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 1, "p");
    heard(&rig, 1, "'order': '1', 'step': 'a'");
    hello(&rig, 2, "q");
    heard(&rig, 2, "'type': 'wait'");
    say(&rig, 1,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'last': true, "
        "'took_ns': '1'}");
    heard(&rig, 1, "'order': '2', 'step': 'b'");
    heard(&rig, 2, "'order': '3', 'step': 'a'");
    say(&rig, 2,
        "{'type': 'obtained', 'order': '3', 'step': 'a', 'how': 'build', 'last': true, "
        "'took_ns': '1'}");
    heard(&rig, 2, "'order': '4', 'step': 'b'");
    rig_close(&rig);
}

static void test_variants_by_digests(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1', 'step': 'a'");
    /* touched in part: it waits for the untouched one */
    say(&rig, 1,
        "{'type': 'hello', 'peer': 'q', " SCHEMA
        ", 'digests': {'a': {'digest': 'x', 'untouched': 'u', 'fraction': 0.25}}}");
    heard(&rig, 1, "'type': 'wait'");
    /* whoever has the untouched digest shares with those that send none */
    say(&rig, 2,
        "{'type': 'hello', 'peer': 'r', " SCHEMA
        ", 'digests': {'a': {'digest': 'u', 'untouched': 'u'}}}");
    heard(&rig, 2, "'type': 'wait'");
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'published': "
        "true, 'last': true, 'took_ns': '10'}");
    heard(&rig, 1, "'order': '3', 'step': 'a', 'targets': '//a', 'expect': 'build'");
    heard(&rig, 2, "'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    say(&rig, 1, "{'type': 'look', 'order': '3', 'step': 'a'}");
    heard(&rig, 1, "'published': false, 'fraction': 0.25");
    rig_close(&rig);
}

static void test_a_build_without_an_order_is_adopted(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    say(&rig, 0, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'step': 'a'}");
    heard(&rig, 0,
          "'type': 'order', 'order': '1', 'step': 'a', 'targets': '//a', 'expect': "
          "'build', 'reason': 'adopted'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'type': 'wait'");
    rig_close(&rig);
}

/* What two peers have missed in the cache is built again; one alone can be an accident. */
static void test_what_two_peers_miss_is_lost(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', "
        "'published': true, 'took_ns': '5', 'last': true}");
    heard(&rig, 0, "'order': '2', 'step': 'b'");
    static const char *const names[] = {"q", "r", "s"};
    for (uint32_t link = 1; link <= 2; link++) {
        char order[64];
        hello(&rig, link, names[link - 1]);
        (void)snprintf(order, sizeof order, "'order': '%u', 'step': 'a'", link + 2);
        heard(&rig, link, order);
    }
    /* the same peer twice is one peer */
    say(&rig, 1,
        "{'type': 'obtained', 'order': '3', 'step': 'a', 'how': 'build', "
        "'took_ns': '5', 'last': true}");
    hello(&rig, 3, "s");
    heard(&rig, 3, "'order': '5', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    say(&rig, 2,
        "{'type': 'obtained', 'order': '4', 'step': 'a', 'how': 'build', "
        "'took_ns': '5', 'last': true}");
    hello(&rig, 4, "t");
    heard(&rig, 4, "'order': '6', 'step': 'a', 'targets': '//a', 'expect': 'build'");
    rig_close(&rig);
}

static void test_failures(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    say(&rig, 0, "{'type': 'ended', 'order': '1', 'result': 'flaky', 'step': 'a'}");
    heard(&rig, 0, "'order': '2', 'step': 'a'");
    say(&rig, 0, "{'type': 'ended', 'order': '2', 'result': 'flaky', 'step': 'a'}");
    heard(&rig, 0, "'outcome': 'failed', 'reason': 'too-flaky'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'order': '3'");
    say(&rig, 1, "{'type': 'ended', 'order': '3', 'result': 'broken'}");
    heard(&rig, 1, "'outcome': 'failed', 'reason': 'broken'");
    assert_int_equal(td_authority_present(rig.authority), 0);
    rig_close(&rig);
}

/* Who gives up what it has not been asked to could else be ordered it for ever. */
static void test_giving_up(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "speculative");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1', 'step': 'a'");
    say(&rig, 0, "{'type': 'ended', 'order': '1', 'result': 'aborted'}");
    heard(&rig, 0, "'order': '2', 'step': 'a'");
    say(&rig, 0, "{'type': 'ended', 'order': '2', 'result': 'aborted'}");
    heard(&rig, 0, "'outcome': 'failed', 'reason': 'too-flaky'");

    for (uint32_t link = 1; link < 3; link++) {
        say(&rig, link, "{'type': 'hello', 'peer': '%c', " SCHEMA ", 'step': 'a'}", "pqr"[link]);
        heard(&rig, link, "'step': 'a', 'targets': '//a', 'expect': 'build', 'reason': 'adopted'");
    }
    say(&rig, 1,
        "{'type': 'obtained', 'order': '3', 'step': 'a', 'how': 'build', 'published': true, "
        "'last': true, 'took_ns': '5'}");
    heard(&rig, 2, "'type': 'abort', 'order': '4', 'reason': 'superseded'");
    say(&rig, 2, "{'type': 'ended', 'order': '4', 'result': 'aborted'}");
    assert_int_equal(td_authority_metrics(rig.authority)->flaky, 2);

    /* of the universe as well: q has all else */
    say(&rig, 1,
        "{'type': 'obtained', 'order': '5', 'step': 'b', 'how': 'build', 'published': "
        "true, 'last': true, 'took_ns': '5'}");
    heard(&rig, 1, "'order': '7', 'targets': '//...'");
    say(&rig, 1, "{'type': 'ended', 'order': '7', 'result': 'aborted'}");
    heard(&rig, 1, "'order': '8', 'targets': '//...'");
    say(&rig, 1, "{'type': 'ended', 'order': '8', 'result': 'aborted'}");
    heard(&rig, 1, "'outcome': 'failed', 'reason': 'too-flaky'");
    rig_close(&rig);
}

/* Who waits hears nothing of changes that leave it waiting: with a thousand of them each would cost
 * a thousand messages. */
static void test_a_wait_is_said_once(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    for (uint32_t link = 1; link < 4; link++) {
        hello(&rig, link, (const char *[]){"q", "r", "s"}[link - 1]);
        heard(&rig, link, "'wait', 'reason': 'others-build'");
    }
    rig.now = 5;
    say(&rig, 0, "{'type': 'ended', 'order': '1', 'result': 'flaky'}");
    for (uint32_t link = 1; link < 4; link++)
        silent(&rig, link);
    /* whoever comes back does not know it any more */
    td_authority_lose(rig.authority, 3, 10);
    hello(&rig, 4, "s");
    heard(&rig, 4, "'wait', 'reason': 'others-build'");
    rig.now = 20;
    say(&rig, 0, "{'type': 'bye'}");
    heard(&rig, 1, "'order': '3', 'step': 'a'");
    silent(&rig, 2);
    silent(&rig, 4);
    /* and whoever has had an order meanwhile is told anew */
    say(&rig, 1,
        "{'type': 'obtained', 'order': '3', 'step': 'a', 'how': 'build', 'published': "
        "true, 'last': true, 'took_ns': '5'}");
    heard(&rig, 2, "'order': '5', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    say(&rig, 2,
        "{'type': 'obtained', 'order': '5', 'step': 'a', 'how': 'fetch', 'last': true, "
        "'took_ns': '5'}");
    heard(&rig, 2, "'wait', 'reason': 'others-build'");
    rig_close(&rig);
}

/* The state now, made in pieces of so many bytes, has this in it. */
static void known(struct rig *rig, size_t piece, const char *part)
{
    char wanted[256];
    struct td_buffer text = {0};
    struct td_state *state = td_state_begin(rig->authority, rig->now);
    assert_non_null(state);
    while (td_state_write(state, &text, piece)) {
    }
    td_buffer_add(&text, "", 1);
    assert_false(text.failed);
    (void)snprintf(wanted, sizeof wanted, "%s", part);
    for (char *at = wanted; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
    if (strstr(text.bytes, wanted) == NULL) fail_msg("no %s in: %s", wanted, text.bytes);
    td_state_end(state);
    td_buffer_free(&text);
}

#define BUILT(order, step)                                                                         \
    "{'type': 'obtained', 'order': '" order "', 'step': '" step "', 'how': 'build', "              \
    "'published': true, 'last': true, 'took_ns': '10'}"

/* Its token has become one that publishes nothing while it was away, and then one that does. */
static void test_rights_that_change_while_a_peer_is_away(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1', 'step': 'a'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'type': 'wait'");
    td_authority_lose(rig.authority, 0, 10);
    rig.read_only = true;
    say(&rig, 2, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 2, "'resumed': true");
    td_authority_lose(rig.authority, 2, 11); /* it comes once more, with the same */
    say(&rig, 2, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 2, "'resumed': true");
    say(&rig, 2, BUILT("1", "a"));
    heard(&rig, 2, "'step': 'b', 'targets': '//b', 'expect': 'build'");
    heard(&rig, 1, "'step': 'a', 'targets': '//a', 'expect': 'build'"); /* not in the cache */
    say(&rig, 1, BUILT("3", "a"));
    heard(&rig, 1, "'step': 'b', 'targets': '//b', 'expect': 'build'"); /* p builds it for itself */
    td_authority_lose(rig.authority, 2, 20);
    rig.read_only = false;
    say(&rig, 3, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'resume': '2'}");
    heard(&rig, 3, "'resumed': true");
    say(&rig, 3, BUILT("2", "b")); /* as what it was ordered to be built */
    heard(&rig, 3, "'targets': '//...'");
    hello(&rig, 4, "r");
    heard(&rig, 4, "'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    rig_close(&rig);
}

static void test_who_comes_back_as_somebody_else_starts_anew(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    td_authority_lose(rig.authority, 0, 10);
    say(&rig, 1,
        "{'type': 'hello', 'peer': 'p', 'repository': 'other', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 1, "'grace_ns': '100'}\n{'type': 'order', 'order': '2'"); /* it is not resumed */
    rig_close(&rig);
}

/* Each of many finds those that it can share with, and nobody else. */
static void test_many_cohorts(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    for (unsigned i = 0; i < 200; i++) {
        say(&rig, 0, "{'type': 'hello', 'peer': 'p%u', 'base_ref': 'r%u', " SCHEMA "}", i, i);
        heard(&rig, 0, "'step': 'a', 'targets': '//a', 'expect': 'build'");
        say(&rig, 0, BUILT("%u", "a"), 2 * i + 1);
        heard(&rig, 0, "'step': 'b'");
        say(&rig, 0, "{'type': 'bye'}");
    }
    for (unsigned i = 0; i < 200; i++) {
        say(&rig, 0, "{'type': 'hello', 'peer': 'q%u', 'base_ref': 'r%u', " SCHEMA "}", i, i);
        heard(&rig, 0, "'step': 'b'"); /* a is published here, so b comes first */
        say(&rig, 0, "{'type': 'bye'}");
    }
    rig_close(&rig);
}

/* An instance of v1 that is over leaves nothing behind a fold, other cohorts do. */
static void test_what_a_fold_keeps(void **state)
{
    (void)state;
    static const struct {
        const char *cache;
        size_t items; /* its schema, and the cohort */
    } cases[] = {{"1", 2}, {"1 (v1 0a0b0c0d-12)", 0}, {"(v1)", 2}, {"1 (v1 0a-1) ", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct rig rig;
        struct td_summary summary = {0};
        struct td_error error;
        rig_open(&rig, "directed");
        say(&rig, 0, "{'type': 'hello', 'peer': 'p', 'cache': '%s', " SCHEMA "}", cases[i].cache);
        heard(&rig, 0, "'step': 'a'");
        say(&rig, 0, BUILT("1", "a"));
        say(&rig, 0, "{'type': 'bye'}");
        assert_true(td_summary_of_authority(&summary, rig.authority, 10, 10000, &error));
        assert_int_equal(summary.count, cases[i].items);
        td_summary_free(&summary);
        rig_close(&rig);
    }
}

/* What is kept of what is said does not grow with it. */
static void test_what_is_kept_is_short(void **state)
{
    (void)state;
    static struct rig rig;
    char text[TD_TEXT_KEPT + 100];
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    memset(text, 'x', sizeof text);
    memcpy(text + TD_TEXT_KEPT - 1, "\xC3\xA4", 2); /* a character across the limit */
    text[sizeof text - 1] = '\0';
    say(&rig, 0, "{'type': 'ended', 'order': '1', 'result': 'flaky', 'step': 'a', 'text': '%s'}",
        text);
    assert_int_equal(rig.kept, TD_INPUT_MESSAGE);
    assert_int_equal(strlen(rig.kept_text), TD_TEXT_KEPT - 1);
    /* what only an authority says, and a second hello: that it was nonsense is enough */
    say(&rig, 0, "{'type': 'done', 'outcome': 'ok', 'reason': 'complete', 'text': '%s'}", text);
    heard(&rig, 0, "'bad-message'");
    assert_int_equal(rig.kept, TD_INPUT_REFUSE);
    hello(&rig, 1, "p");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'not-first'");
    assert_int_equal(rig.kept, TD_INPUT_REFUSE);
    rig_close(&rig);
}

static void test_the_state_says_who_waits_for_whom(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    known(&rig, 1, "'cohorts': [], 'peers': [], 'artifacts': []}");
    hello(&rig, 0, "p");
    rig.now = 5 * TD_NS_PER_S;
    say(&rig, 1,
        "{'type': 'hello', 'peer': 'q', " SCHEMA
        ", 'digests': {'b': {'digest': '0123456789abcdef', 'untouched': 'u'}}}");
    rig.now = 40 * TD_NS_PER_S;
    known(&rig, 1,
          "{'cohort': 0, 'repository': null, 'base_ref': null, 'cache': null, 'schema': 's', "
          "'steps': 2, 'peers': 2}");
    known(&rig, 10,
          "{'name': 'p', 'cohort': 0, 'state': 'working', 'connected': true, 'since_s': "
          "0.000000000, 'order': '1', 'step': 'a', 'reason': 'ready'}");
    known(&rig, 100,
          "{'name': 'q', 'cohort': 0, 'state': 'waiting', 'connected': true, 'since_s': "
          "5.000000000, 'reason': 'others-build', 'why': 'waits for step a, built by p for 40 s'}");
    known(&rig, 1000,
          "{'cohort': 0, 'step': 'a', 'digest': null, 'touched': false, 'state': 'building', "
          "'by': 'p', 'since_s': 0.000000000}");
    known(&rig, 100000,
          "{'cohort': 0, 'step': 'b', 'digest': '0123456789ab', 'touched': true, 'state': "
          "'missing'}");
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'published': true, "
        "'last': true, 'took_ns': '40000000000'}");
    known(&rig, 1,
          "'step': 'a', 'digest': null, 'touched': false, 'state': 'published', 'by': 'p'}");
    td_authority_lose(rig.authority, 0, rig.now);
    known(&rig, 1, "'connected': false, 'since_s': 40.000000000, 'order': '2'");
    rig_close(&rig);
}

static void test_what_is_counted(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    hello(&rig, 0, "p");
    hello(&rig, 1, "q");
    say(&rig, 0,
        "{'type': 'obtained', 'order': '1', 'step': 'a', 'how': 'build', 'published': true, "
        "'whole': true, 'last': true, 'took_ns': '50'}");
    say(&rig, 1,
        "{'type': 'obtained', 'order': '3', 'step': 'a', 'how': 'fetch', 'last': true, "
        "'took_ns': '20'}");
    struct td_metrics *metrics = td_authority_metrics(rig.authority);
    assert_int_equal(metrics->orders[TD_GOAL_BUILD], 2);
    assert_int_equal(metrics->orders[TD_GOAL_FETCH], 1);
    assert_int_equal(metrics->built, 1);
    assert_int_equal(metrics->fetched, 1);
    assert_int_equal(metrics->avoided, 1);
    assert_true(metrics->saved == 30);
    assert_int_equal(metrics->duplicates, 0);
    struct td_gauges gauges = td_authority_gauges(rig.authority);
    assert_int_equal(gauges.working, 1);
    assert_int_equal(gauges.waiting, 1);
    assert_int_equal(gauges.cohorts, 1);
    /* it had a where it was, and builds it all the same */
    say(&rig, 2, "{'type': 'hello', 'peer': 'r', " SCHEMA "}");
    heard(&rig, 2, "'order': '4', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    say(&rig, 2,
        "{'type': 'obtained', 'order': '4', 'step': 'a', 'how': 'build', 'published': true, "
        "'last': true, 'took_ns': '70'}");
    assert_int_equal(metrics->duplicates, 1);
    say(&rig, 0, "{'type': 'ended', 'order': '2', 'result': 'flaky', 'step': 'b'}");
    assert_int_equal(metrics->flaky, 1);
    td_authority_lose(rig.authority, 0, 100);
    td_authority_wake(rig.authority, 200);
    assert_int_equal(metrics->lost, 1);
    assert_int_equal(metrics->given_up, 1);
    rig.now = 200;
    say(&rig, 1, "{'type': 'hello', 'peer': 'q', " SCHEMA "}");
    assert_int_equal(metrics->refused, 1);
    rig_close(&rig);
}

/* What a peer is not sure to have got through it says again: each result counts once. */
static void test_results_are_said_again(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "universe");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1', 'targets': '//...'");
    for (uint32_t link = 0; link < 2; link++) {
        rig.inputs = 0;
        for (const char *step = "ab"; *step != '\0'; step++)
            say(&rig, link,
                "{'type': 'obtained', 'order': '1', 'step': '%c', 'how': 'build', 'published': "
                "true, 'whole': true, 'took_ns': '10'}",
                *step);
        assert_int_equal(rig.inputs, link == 0 ? 2 : 0);
        if (link == 1) break;
        td_authority_lose(rig.authority, 0, rig.now);
        say(&rig, 1, "{'type': 'hello', 'peer': 'p', 'schema': 's', 'resume': '1'}");
        heard(&rig, 1, "'resumed': true");
    }
    say(&rig, 1, "{'type': 'ended', 'order': '1', 'result': 'ok'}");
    heard(&rig, 1, "'type': 'done', 'outcome': 'ok'");
    rig_close(&rig);
}

/* Who claims what cannot be is told so by the names that it knows, and changes nothing. */
static void test_claims_that_cannot_be(void **state)
{
    (void)state;
    static const char *const claims[][3] = {
        {"directed",
         "'type': 'obtained', 'how': 'build', 'took_ns': '1', 'last': true, 'step': 'b'",
         "is for step a, so step b cannot be its"},
        {"universe", "'type': 'ended', 'result': 'ok'",
         "the peer has not said that it has obtained step a"},
        {"universe", "'type': 'obtained', 'how': 'build', 'took_ns': '1', 'last': true",
         "the peer has not said that it has obtained step a"},
        {"universe",
         "'type': 'obtained', 'how': 'build', 'took_ns': '1', 'last': true, 'step': 'b'",
         "is for the universe, so step b cannot be its"},
    };
    static struct rig rig;
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        rig_open(&rig, claims[i][0]);
        hello(&rig, 0, "p");
        say(&rig, 0, "{%s, 'order': '1'}", claims[i][1]);
        heard(&rig, 0, claims[i][2]);
        assert_true(rig.closed[0]);
        hello(&rig, 1, "q");
        heard(&rig, 1, "'expect': 'build'");
        rig_close(&rig);
    }
    rig_open(&rig, "directed");
    say(&rig, 0, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'holds': ['a'], 'step': 'a'}");
    heard(&rig, 0, "the peer builds step a, which it holds");
    hello(&rig, 1, "q");
    say(&rig, 1, "{'type': 'ended', 'order': '1', 'result': 'ok'}");
    heard(&rig, 1, "the peer has not said that it has obtained step a");
    hello(&rig, 2, "r");
    heard(&rig, 2, "'order': '2', 'step': 'a'");
    rig_close(&rig);
}

/* What a peer has said of a step, it can say again with what it knows only then. */
static void test_a_result_is_completed(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
#define TOLD(order, more)                                                                          \
    "{'type': 'obtained', 'order': '" order "', 'step': '%c', 'how': 'build', 'took_ns': '5'" more \
    "}"
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1', 'step': 'a'");
    say(&rig, 0, TOLD("1", ""), 'a');
    silent(&rig, 0);
    say(&rig, 0, TOLD("1", ", 'published': true"), 'a');
    hello(&rig, 1, "q");
    heard(&rig, 1, "'order': '2', 'step': 'b', 'targets': '//b', 'expect': 'build'");
    rig.inputs = 0;
    say(&rig, 0, TOLD("1", ", 'published': true"), 'a');
    assert_int_equal(rig.inputs, 0);
    say(&rig, 0, TOLD("1", ", 'published': true, 'last': true"), 'a');
    heard(&rig, 0, "'wait', 'reason': 'others-build'");
    assert_int_equal(td_authority_metrics(rig.authority)->built, 1);
    assert_int_equal(td_authority_metrics(rig.authority)->duplicates, 0);

    /* what nobody can fetch is that however the order ends */
    hello(&rig, 2, "r");
    heard(&rig, 2, "'order': '3', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
    say(&rig, 2, "{'type': 'bye'}");
    say(&rig, 3, "{'type': 'hello', 'peer': 's', 'cache': 'none', " SCHEMA "}");
    heard(&rig, 3, "'order': '4', 'step': 'a'");
    say(&rig, 3, TOLD("4", ""), 'a');
    say(&rig, 3, "{'type': 'ended', 'order': '4', 'result': 'ok'}");
    heard(&rig, 3, "'order': '5', 'step': 'b'");
    say(&rig, 4, "{'type': 'hello', 'peer': 't', 'cache': 'none', " SCHEMA "}");
    heard(&rig, 4, "'order': '6', 'step': 'a', 'targets': '//a', 'expect': 'build'");

    /* in parts, of which there are suddenly fewer */
    say(&rig, 1, TOLD("2", ", 'published': true, 'part': 1, 'parts': 3"), 'b');
    rig.inputs = 0;
    say(&rig, 1, TOLD("2", ", 'published': true, 'part': 1, 'parts': 3"), 'b');
    assert_int_equal(rig.inputs, 0);
    say(&rig, 1, TOLD("2", ", 'published': true, 'last': true"), 'b');
    heard(&rig, 1, "'order': '8', 'step': 'a', 'targets': '//a', 'expect': 'fetch'");
#undef TOLD
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_follow_each_other_without_asking),
        cmocka_unit_test(test_a_lost_peer_comes_back_in_time_or_is_given_up),
        cmocka_unit_test(test_a_name_is_taken_while_its_peer_is_here),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_nobody_can_fetch),
        cmocka_unit_test(test_variants_by_digests),
        cmocka_unit_test(test_a_build_without_an_order_is_adopted),
        cmocka_unit_test(test_what_two_peers_miss_is_lost),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_rights_that_change_while_a_peer_is_away),
        cmocka_unit_test(test_who_comes_back_as_somebody_else_starts_anew),
        cmocka_unit_test(test_many_cohorts),
        cmocka_unit_test(test_what_a_fold_keeps),
        cmocka_unit_test(test_what_is_kept_is_short),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_a_wait_is_said_once),
        cmocka_unit_test(test_the_state_says_who_waits_for_whom),
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_results_are_said_again),
        cmocka_unit_test(test_claims_that_cannot_be),
        cmocka_unit_test(test_a_result_is_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
