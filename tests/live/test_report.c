/* What peers report to the authority: what it makes of results, of those that are said again or
 * cannot be and of failures, and whose word counts for what. */
#include "authority_rig.h"

#include <stdio.h>
#include <string.h>

/* Uploads that fail: each peer goes on with what it has, and nobody waits for ever. */
static void test_what_nobody_can_fetch(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

/* What two peers have missed in the cache is built again; one alone can be an accident. */
static void test_what_two_peers_miss_is_lost(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

/* What a peer is not sure to have got through it says again: each result counts once. */
static void test_results_are_said_again(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "universe");
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
    authority_close(&rig);
}

/* What a peer has said of a step, it can say again with what it knows only then. */
static void test_a_result_is_completed(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
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
        authority_open(&rig, claims[i][0]);
        hello(&rig, 0, "p");
        say(&rig, 0, "{%s, 'order': '1'}", claims[i][1]);
        heard(&rig, 0, claims[i][2]);
        assert_true(rig.closed[0]);
        hello(&rig, 1, "q");
        heard(&rig, 1, "'expect': 'build'");
        authority_close(&rig);
    }
    authority_open(&rig, "directed");
    say(&rig, 0, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'holds': ['a'], 'step': 'a'}");
    heard(&rig, 0, "the peer builds step a, which it holds");
    hello(&rig, 1, "q");
    say(&rig, 1, "{'type': 'ended', 'order': '1', 'result': 'ok'}");
    heard(&rig, 1, "the peer has not said that it has obtained step a");
    hello(&rig, 2, "r");
    heard(&rig, 2, "'order': '2', 'step': 'a'");
    authority_close(&rig);
}

static void test_failures(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

/* Who gives up what it has not been asked to could else be ordered it for ever. */
static void test_giving_up(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "speculative");
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
    authority_close(&rig);
}

/* What is kept of what is said does not grow with it. */
static void test_what_is_kept_is_short(void **state)
{
    (void)state;
    static struct rig rig;
    char text[TD_TEXT_KEPT + 100];
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

/* Its token has become one that publishes nothing while it was away, and then one that does. */
static void test_rights_that_change_while_a_peer_is_away(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_nobody_can_fetch),
        cmocka_unit_test(test_what_two_peers_miss_is_lost),
        cmocka_unit_test(test_results_are_said_again),
        cmocka_unit_test(test_a_result_is_completed),
        cmocka_unit_test(test_claims_that_cannot_be),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_what_is_kept_is_short),
        cmocka_unit_test(test_rights_that_change_while_a_peer_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
