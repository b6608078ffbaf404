/* The authority's mind, message by message: who is ordered what and who waits, who comes, goes and
 * shares with whom, and what can be seen of all that. What peers report is in test_report.c. */
#include "authority_rig.h"

#include "live/state.h"
#include "live/summary.h"

#include <stdio.h>
#include <string.h>

static void test_orders_follow_each_other_without_asking(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

static void test_a_lost_peer_comes_back_in_time_or_is_given_up(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

static void test_who_comes_back_as_somebody_else_starts_anew(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    td_authority_lose(rig.authority, 0, 10);
    say(&rig, 1,
        "{'type': 'hello', 'peer': 'p', 'repository': 'other', " SCHEMA ", 'resume': '1'}");
    heard(&rig, 1, "'grace_ns': '100'}\n{'type': 'order', 'order': '2'"); /* it is not resumed */
    authority_close(&rig);
}

static void test_a_name_is_taken_while_its_peer_is_here(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
    hello(&rig, 0, "p");
    heard(&rig, 0, "'order': '1'");
    hello(&rig, 1, "p");
    heard(&rig, 1, "'type': 'error', 'code': 'name-taken'");
    assert_true(rig.closed[1] && !rig.closed[0]);
    say(&rig, 0, "{'type': 'bye'}");
    hello(&rig, 2, "p");
    heard(&rig, 2, "'order': '2', 'step': 'a'");
    authority_close(&rig);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

static void test_variants_by_digests(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

static void test_a_build_without_an_order_is_adopted(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
    say(&rig, 0, "{'type': 'hello', 'peer': 'p', " SCHEMA ", 'step': 'a'}");
    heard(&rig, 0,
          "'type': 'order', 'order': '1', 'step': 'a', 'targets': '//a', 'expect': "
          "'build', 'reason': 'adopted'");
    hello(&rig, 1, "q");
    heard(&rig, 1, "'type': 'wait'");
    authority_close(&rig);
}

/* Who waits hears nothing of changes that leave it waiting: with a thousand of them each would cost
 * a thousand messages. */
static void test_a_wait_is_said_once(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

/* Each of many finds those that it can share with, and nobody else. */
static void test_many_cohorts(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
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
        authority_open(&rig, "directed");
        say(&rig, 0, "{'type': 'hello', 'peer': 'p', 'cache': '%s', " SCHEMA "}", cases[i].cache);
        heard(&rig, 0, "'step': 'a'");
        say(&rig, 0, BUILT("1", "a"));
        say(&rig, 0, "{'type': 'bye'}");
        assert_true(td_summary_of_authority(&summary, rig.authority, 10, 10000, &error));
        assert_int_equal(summary.count, cases[i].items);
        td_summary_free(&summary);
        authority_close(&rig);
    }
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

static void test_the_state_says_who_waits_for_whom(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

static void test_what_is_counted(void **state)
{
    (void)state;
    static struct rig rig;
    authority_open(&rig, "directed");
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
    authority_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_follow_each_other_without_asking),
        cmocka_unit_test(test_a_lost_peer_comes_back_in_time_or_is_given_up),
        cmocka_unit_test(test_who_comes_back_as_somebody_else_starts_anew),
        cmocka_unit_test(test_a_name_is_taken_while_its_peer_is_here),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_variants_by_digests),
        cmocka_unit_test(test_a_build_without_an_order_is_adopted),
        cmocka_unit_test(test_a_wait_is_said_once),
        cmocka_unit_test(test_many_cohorts),
        cmocka_unit_test(test_what_a_fold_keeps),
        cmocka_unit_test(test_the_state_says_who_waits_for_whom),
        cmocka_unit_test(test_what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
