/* A peer's mind, with the connection, the builds and the clock by hand: all that it wants done is
 * kept as text, a line a thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/peer_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define S TD_NS_PER_S

struct rig {
    struct td_peer_state *state;
    char done[8192]; /* since the last look */
    td_time now;
};

__attribute__((format(printf, 2, 3))) static void note(struct rig *rig, const char *format, ...)
{
    size_t length = strlen(rig->done);
    va_list args;
    va_start(args, format);
    int added = vsnprintf(rig->done + length, sizeof rig->done - length, format, args);
    va_end(args);
    assert_true(added >= 0 && (size_t)added < sizeof rig->done - length);
}

static void keep_connect(void *context)
{
    note(context, "connect\n");
}

static void keep_send(void *context, const struct td_message *message)
{
    struct td_buffer text = {0};
    td_message_write(message, &text);
    assert_false(text.failed);
    note(context, "%.*s\n", (int)text.length, text.bytes);
    td_buffer_free(&text);
}

static void keep_close(void *context)
{
    note(context, "close\n");
}

static void keep_start(void *context, const struct td_peer_task *task)
{
    note(context, "start %" PRIu64 " %s: %s%s\n", task->order,
         task->step != NULL ? task->step : "-", task->targets, task->build ? "" : " (fetch)");
}

static void keep_interrupt(void *context)
{
    note(context, "interrupt\n");
}

static const struct td_hello_step steps[] = {{.id = "1", .targets = "//a"},
                                             {.id = "2", .targets = "//b"}};

static void rig_open(struct rig *rig, bool fallback)
{
    const struct td_peer_state_options options = {.hello = {.peer = "p",
                                                            .schema_id = "s",
                                                            .universe = "//...",
                                                            .steps = steps,
                                                            .step_count = 2},
                                                  .server = "ws://h:1",
                                                  .max_wait = 100 * S,
                                                  .max_away = 60 * S,
                                                  .fallback = fallback};
    const struct td_peer_outlet outlet = {.context = rig,
                                          .connect = keep_connect,
                                          .send = keep_send,
                                          .close = keep_close,
                                          .start = keep_start,
                                          .interrupt = keep_interrupt};
    struct td_error error;
    memset(rig, 0, sizeof *rig);
    rig->state = td_peer_state_create(&options, &outlet, 0, &error);
    assert_non_null(rig->state);
}

static void rig_close(struct rig *rig)
{
    assert_string_equal(rig->done, "");
    td_peer_state_destroy(rig->state);
}

/* What was to be done since the last look. */
#define EXPECT(rig, text)                                                                          \
    do {                                                                                           \
        assert_string_equal((rig)->done, text);                                                    \
        (rig)->done[0] = '\0';                                                                     \
    } while (0)

static void hear(struct rig *rig, const char *text)
{
    struct td_error error;
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL) fail_msg("%s", error.text);
    td_peer_state_receive(rig->state, message, rig->now);
    td_message_destroy(message);
}

static void hear_order(struct rig *rig, int order, const char *step, const char *expect)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"order\",\"order\":\"%d\",%s%s%s\"targets\":\"//%s\","
                   "\"expect\":\"%s\",\"reason\":\"ready\"}",
                   order, step != NULL ? "\"step\":\"" : "", step != NULL ? step : "",
                   step != NULL ? "\"," : "", step != NULL ? step : "...", expect);
    hear(rig, text);
}

static void finish(struct rig *rig, enum td_build_result result, int status)
{
    const struct td_build build = {.result = result,
                                   .status = status,
                                   .why = "see above",
                                   .built = true,
                                   .whole = true,
                                   .published = result == TD_BUILD_OK,
                                   .actions = 9,
                                   .hits = -1,
                                   .took = 7};
    td_peer_state_finish(rig->state, &build, rig->now);
}

/* Wakes it when it wants to be; that is `at`. */
static void wake_at(struct rig *rig, td_time at)
{
    assert_int_equal(td_peer_state_due(rig->state), at);
    rig->now = at;
    td_peer_state_wake(rig->state, at);
}

#define HELLO(more)                                                                                \
    "{\"type\": \"hello\", \"peer\": \"p\", \"schema\": {\"id\": \"s\", \"universe\": \"//...\", " \
    "\"steps\": {\"1\": \"//a\", \"2\": \"//b\"}}" more "}\n"
#define OBTAINED(order, step)                                                                      \
    "{\"type\": \"obtained\", \"order\": \"" order "\", " step                                     \
    "\"how\": \"build\", \"published\": true, \"whole\": true, \"last\": true, \"took_ns\": "      \
    "\"7\", \"actions\": 9}\n"
/* A step that came with the universe. */
#define CAME(order, step)                                                                          \
    "{\"type\": \"obtained\", \"order\": \"" order "\", \"step\": \"" step                         \
    "\", \"how\": \"build\", \"published\": true, \"took_ns\": \"7\"}\n"
#define ENDED(order, result, step)                                                                 \
    "{\"type\": \"ended\", \"order\": \"" order "\", \"result\": \"" result "\"" step              \
    ", \"text\": \"see above\"}\n"
#define BYE "{\"type\": \"bye\"}\nclose\n"

static void join(struct rig *rig)
{
    wake_at(rig, 0);
    td_peer_state_open(rig->state, rig->now);
    EXPECT(rig, "connect\n" HELLO(""));
    hear(rig, "{\"type\":\"welcome\"}");
    EXPECT(rig, "");
}

static void expect_end(const struct rig *rig, int status, enum td_fault fault, const char *text)
{
    const struct td_peer_end *end = td_peer_state_end(rig->state);
    assert_non_null(end);
    assert_int_equal(end->status, status);
    assert_int_equal(end->error.fault, fault);
    if (fault != TD_FAULT_NONE) assert_string_equal(end->error.text, text);
    assert_int_equal(td_peer_state_due(rig->state), TD_TIME_MAX);
}

static void test_all_goes_well(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    EXPECT(&rig, "start 41 1: //1\n");
    assert_int_equal(td_peer_state_due(rig.state), TD_TIME_MAX);
    hear_order(&rig, 41, "1", "build"); /* repeated */
    EXPECT(&rig, "");
    finish(&rig, TD_BUILD_OK, 0);
    EXPECT(&rig, OBTAINED("41", "\"step\": \"1\", "));
    hear_order(&rig, 41, "1", "build"); /* it has not heard: said again */
    EXPECT(&rig, OBTAINED("41", "\"step\": \"1\", "));
    hear_order(&rig, 42, "2", "fetch");
    EXPECT(&rig, "start 42 2: //2 (fetch)\n");
    finish(&rig, TD_BUILD_OK, 0);
    EXPECT(&rig, OBTAINED("42", "\"step\": \"2\", "));
    hear_order(&rig, 43, NULL, "build");
    EXPECT(&rig, "start 43 -: //...\n");
    finish(&rig, TD_BUILD_OK, 0);
    EXPECT(&rig, OBTAINED("43", ""));
    assert_null(td_peer_state_end(rig.state));
    hear(&rig, "{\"type\":\"done\",\"outcome\":\"ok\"}");
    EXPECT(&rig, "close\n");
    expect_end(&rig, 0, TD_FAULT_NONE, "");
    rig_close(&rig);
}

static void test_broken(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    finish(&rig, TD_BUILD_FLAKY, 37);
    hear_order(&rig, 42, "1", "build");
    finish(&rig, TD_BUILD_BROKEN, 3);
    EXPECT(&rig,
           "start 41 1: //1\n" ENDED("41", "flaky", ", \"step\": \"1\"") "start 42 1: //1\n" ENDED(
               "42", "broken", ", \"step\": \"1\""));
    hear(&rig, "{\"type\":\"done\",\"outcome\":\"failed\",\"reason\":\"broken\"}");
    EXPECT(&rig, "close\n");
    expect_end(&rig, 3, TD_FAULT_RUN, "step \"1\" failed: see above");
    rig_close(&rig);
}

/* A broken universe ends the peer also if the authority says nothing, or does not like it. */
static void test_broken_without_an_answer(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, NULL, "build");
    rig.now = 5 * S;
    finish(&rig, TD_BUILD_BROKEN, 1);
    EXPECT(&rig, "start 41 -: //...\n" ENDED("41", "broken", ""));
    wake_at(&rig, 15 * S);
    EXPECT(&rig, BYE);
    expect_end(&rig, 1, TD_FAULT_RUN, "the universe failed: see above");
    rig_close(&rig);

    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, NULL, "build");
    finish(&rig, TD_BUILD_BROKEN, 1);
    hear(&rig, "{\"type\":\"error\",\"code\":\"bad-message\",\"text\":\"which step?\"}");
    EXPECT(&rig, "start 41 -: //...\n" ENDED("41", "broken", "") "close\n");
    expect_end(&rig, 1, TD_FAULT_RUN, "the universe failed: see above");
    rig_close(&rig);
}

/* It has all, so it does not need an authority any more. */
static void test_complete_without_an_answer(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, NULL, "build");
    finish(&rig, TD_BUILD_FLAKY, 37);
    hear_order(&rig, 42, NULL, "build");
    finish(&rig, TD_BUILD_OK, 0);
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 1 * S);
    td_peer_state_lose(rig.state, "refused", rig.now);
    wake_at(&rig, 3 * S);
    td_peer_state_lose(rig.state, "refused", rig.now);
    wake_at(&rig, 8 * S);
    EXPECT(&rig, "start 41 -: //...\n" ENDED("41", "flaky", "") "start 42 -: //...\n" CAME(
                     "42", "1") CAME("42", "2") OBTAINED("42", "") "connect\nconnect\nconnect\n");
    wake_at(&rig, 10 * S);
    EXPECT(&rig, "close\n");
    expect_end(&rig, 0, TD_FAULT_NONE, "");
    rig_close(&rig);
}

static void test_failed_elsewhere(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    hear(&rig, "{\"type\":\"done\",\"outcome\":\"failed\",\"text\":\"step 2 does not build\"}");
    EXPECT(&rig, "start 41 1: //1\nclose\ninterrupt\n");
    assert_null(td_peer_state_end(rig.state)); /* not before the process has ended */
    finish(&rig, TD_BUILD_ABORTED, 8);
    expect_end(&rig, 1, TD_FAULT_RUN,
               "the authority says that the build fails: \"step 2 does not build\"");
    rig_close(&rig);
}

static void test_abort(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    hear(&rig, "{\"type\":\"abort\",\"order\":\"40\"}"); /* late */
    EXPECT(&rig, "start 41 1: //1\n");
    hear(&rig, "{\"type\":\"abort\",\"order\":\"41\",\"reason\":\"superseded\"}");
    hear(&rig, "{\"type\":\"abort\",\"order\":\"41\",\"reason\":\"superseded\"}");
    EXPECT(&rig, "interrupt\n");
    finish(&rig, TD_BUILD_ABORTED, 8);
    EXPECT(&rig, ENDED("41", "aborted", ", \"step\": \"1\""));
    hear_order(&rig, 42, "1", "build");
    hear(&rig, "{\"type\":\"abort\",\"order\":\"42\"}");
    finish(&rig, TD_BUILD_OK, 0); /* it was ready before */
    EXPECT(&rig, "start 42 1: //1\ninterrupt\n" OBTAINED("42", "\"step\": \"1\", "));
    hear_order(&rig, 43, "2", "build");
    finish(&rig, TD_BUILD_ABORTED, 8); /* by somebody else: an accident */
    EXPECT(&rig, "start 43 2: //2\n" ENDED("43", "flaky", ", \"step\": \"2\""));
    rig_close(&rig);
}

static void test_resumed(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    rig.now = 5 * S;
    td_peer_state_lose(rig.state, "reset", rig.now);
    EXPECT(&rig, "start 41 1: //1\n");
    wake_at(&rig, 6 * S);
    td_peer_state_lose(rig.state, "refused", rig.now);
    wake_at(&rig, 8 * S);
    td_peer_state_lose(rig.state, "refused", rig.now);
    finish(&rig, TD_BUILD_OK, 0); /* it cannot say so */
    wake_at(&rig, 13 * S);
    EXPECT(&rig, "connect\nconnect\nconnect\n");
    td_peer_state_open(rig.state, rig.now);
    EXPECT(&rig, HELLO(", \"holds\": [\"1\"], \"resume\": \"41\""));
    hear(&rig, "{\"type\":\"welcome\",\"resumed\":true}");
    EXPECT(&rig, OBTAINED("41", "\"step\": \"1\", "));

    /* whether that has got through is not known until the authority says something else */
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 14 * S);
    td_peer_state_open(rig.state, rig.now);
    EXPECT(&rig, "connect\n" HELLO(", \"holds\": [\"1\"], \"resume\": \"41\""));
    hear(&rig, "{\"type\":\"welcome\"}");
    hear(&rig, "{\"type\":\"wait\"}");
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 15 * S);
    td_peer_state_open(rig.state, rig.now);
    EXPECT(&rig, "connect\n" HELLO(", \"holds\": [\"1\"]"));
    rig_close(&rig);
}

static void test_not_resumed(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 1 * S);
    td_peer_state_open(rig.state, rig.now);
    EXPECT(&rig, "start 41 1: //1\nconnect\n" HELLO(", \"resume\": \"41\""));
    hear(&rig, "{\"type\":\"welcome\"}");
    EXPECT(&rig, "interrupt\n");
    hear_order(&rig, 50, "1", "build");
    hear_order(&rig, 51, "2", "build"); /* what counts is the last one */
    EXPECT(&rig, "");
    finish(&rig, TD_BUILD_ABORTED, 8); /* nothing is reported of it */
    EXPECT(&rig, "start 51 2: //2\n");
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 2 * S);
    td_peer_state_open(rig.state, rig.now);
    EXPECT(&rig, "connect\n" HELLO(", \"resume\": \"51\""));
    hear(&rig, "{\"type\":\"welcome\"}");
    hear_order(&rig, 60, "2", "build");
    hear(&rig, "{\"type\":\"abort\",\"order\":\"60\"}");
    EXPECT(&rig, "interrupt\n{\"type\": \"ended\", \"order\": \"60\", \"result\": \"aborted\"}\n");
    finish(&rig, TD_BUILD_OK, 0);
    EXPECT(&rig, "");
    rig_close(&rig);
}

static void test_max_wait(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    rig.now = 30 * S;
    finish(&rig, TD_BUILD_OK, 0);
    EXPECT(&rig, "start 41 1: //1\n" OBTAINED("41", "\"step\": \"1\", "));
    rig.now = 40 * S;
    hear(&rig, "{\"type\":\"wait\",\"reason\":\"others-build\"}");
    wake_at(&rig, 130 * S);
    EXPECT(&rig, BYE "start 0 -: //...\n");
    td_peer_state_lose(rig.state, "closed", rig.now); /* nobody cares */
    hear_order(&rig, 42, "2", "build");
    assert_int_equal(td_peer_state_due(rig.state), TD_TIME_MAX);
    finish(&rig, TD_BUILD_OK, 0);
    expect_end(&rig, 0, TD_FAULT_NONE, "");
    rig_close(&rig);
}

/* Nobody is there at all: 0, 1, 3, 8, 18, 38 are the times of its tries. */
static void nobody(struct rig *rig)
{
    static const td_time tries[] = {0, 1, 3, 8, 18, 38};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        wake_at(rig, tries[i] * S);
        EXPECT(rig, "connect\n");
        td_peer_state_lose(rig->state, "refused", rig->now);
    }
    wake_at(rig, 60 * S);
}

static void test_nobody_there(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, false);
    nobody(&rig);
    expect_end(&rig, 1, TD_FAULT_RUN,
               "no authority at ws://h:1 (refused): start it, check --server, or add --fallback to "
               "build without it");
    rig_close(&rig);

    rig_open(&rig, true);
    nobody(&rig);
    EXPECT(&rig, "start 0 -: //...\n");
    finish(&rig, TD_BUILD_BROKEN, 3);
    expect_end(&rig, 3, TD_FAULT_RUN, "the universe failed: see above");
    rig_close(&rig);
}

/* It goes away during a build, which goes on to its end. */
static void test_gone_for_good(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    td_peer_state_lose(rig.state, "reset", rig.now);
    wake_at(&rig, 1 * S);
    td_peer_state_open(rig.state, rig.now); /* and says nothing */
    rig.now = 200 * S;
    assert_int_equal(td_peer_state_due(rig.state), TD_TIME_MAX);
    EXPECT(&rig, "start 41 1: //1\nconnect\n" HELLO(", \"resume\": \"41\""));
    finish(&rig, TD_BUILD_OK, 0);
    td_peer_state_wake(rig.state, rig.now);
    EXPECT(&rig, BYE "start 0 -: //...\n");
    finish(&rig, TD_BUILD_OK, 0);
    expect_end(&rig, 0, TD_FAULT_NONE, "");
    rig_close(&rig);
}

static void test_refused(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, true);
    wake_at(&rig, 0);
    td_peer_state_open(rig.state, 0);
    hear(&rig, "{\"type\":\"error\",\"code\":\"schema-differs\",\"text\":\"step 1 differs\"}");
    EXPECT(&rig, "connect\n" HELLO("") "close\n");
    expect_end(&rig, 2, TD_FAULT_INPUT,
               "the authority at ws://h:1 refuses this peer (schema-differs): \"step 1 differs\"; "
               "give the schema another \"id\", or use the file that the others use");
    rig_close(&rig);

    rig_open(&rig, true); /* before there was a connection */
    wake_at(&rig, 0);
    td_peer_state_refuse(rig.state, "it wants a token");
    EXPECT(&rig, "connect\n");
    expect_end(&rig, 2, TD_FAULT_INPUT,
               "the authority at ws://h:1 refuses this peer: it wants a token");
    rig_close(&rig);

    /* a taken name may be free later, a full authority have room, and a machine that stood still go
     * on */
    static const char *const later[] = {"{\"type\":\"error\",\"code\":\"name-taken\"}",
                                        "{\"type\":\"error\",\"code\":\"try-later\"}",
                                        "{\"type\":\"error\",\"code\":\"too-slow\"}"};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        rig_open(&rig, false);
        wake_at(&rig, 0);
        td_peer_state_open(rig.state, 0);
        hear(&rig, later[i]);
        EXPECT(&rig, "connect\n" HELLO("") "close\n");
        wake_at(&rig, 1 * S);
        td_peer_state_open(rig.state, rig.now);
        hear(&rig, "{\"type\":\"welcome\"}");
        EXPECT(&rig, "connect\n" HELLO(""));
        assert_null(td_peer_state_end(rig.state));
        rig_close(&rig);
    }
}

static void test_quit(void **unused)
{
    (void)unused;
    struct rig rig;
    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    td_peer_state_quit(rig.state);
    td_peer_state_quit(rig.state);
    EXPECT(&rig, "start 41 1: //1\n" BYE "interrupt\n");
    assert_null(td_peer_state_end(rig.state));
    finish(&rig, TD_BUILD_ABORTED, 8);
    expect_end(&rig, 1, TD_FAULT_INTERRUPT, "interrupted; the build was given up");
    rig_close(&rig);
}

static void test_cannot_start(void **unused)
{
    (void)unused;
    struct rig rig;
    struct td_error error;
    rig_open(&rig, true);
    join(&rig);
    hear_order(&rig, 41, "1", "build");
    (void)td_error_set(&error, TD_FAULT_INPUT, "there is no command 'x'");
    td_peer_state_fail(rig.state, &error);
    EXPECT(&rig, "start 41 1: //1\n" BYE);
    expect_end(&rig, 2, TD_FAULT_INPUT, "there is no command 'x'");
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_goes_well),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_broken_without_an_answer),
        cmocka_unit_test(test_complete_without_an_answer),
        cmocka_unit_test(test_failed_elsewhere),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_not_resumed),
        cmocka_unit_test(test_max_wait),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_gone_for_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_quit),
        cmocka_unit_test(test_cannot_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
