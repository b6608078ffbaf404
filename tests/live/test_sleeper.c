/* Sleeping peers against an authority that each test plays by hand: what they say, and when. */
#include "live/sleeper.h"
#include "tests/support/scenario.h"
#include "workload/sampler.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA1 "\"schema\":{\"id\":\"s\",\"universe\":\"//...\",\"steps\":{\"a\":\"//a\"}}"
#define SCHEMA3                                                                                    \
    "\"schema\":{\"id\":\"s\",\"universe\":\"//...\",\"steps\":{\"a\":\"//a\",\"b\":\"//b\","      \
    "\"c\":\"//c/... -//c/d\"}}"
#define DEFAULT "\"default\":{\"build\":10,\"fetch\":1}"
#define S(seconds) ((td_time)((seconds)*1e9))

/* One peer, and all that it has said since the test looked last. */
struct stage {
    struct td_scenario *scenario;
    struct td_sleep_plan *plan;
    struct td_sleeper *sleeper;
    char said[4096];
    size_t length;
};

static __attribute__((format(printf, 2, 3))) void add(struct stage *stage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int written =
        vsnprintf(stage->said + stage->length, sizeof stage->said - stage->length, format, args);
    va_end(args);
    assert_true(written >= 0 && (size_t)written < sizeof stage->said - stage->length);
    stage->length += (size_t)written;
}

static void add_hello(struct stage *stage, const struct td_hello *hello)
{
    add(stage, "hello %s", hello->peer);
    for (size_t i = 0; i < hello->hold_count; i++)
        add(stage, " holds-%s", hello->holds[i]);
    for (size_t i = 0; i < hello->digest_count; i++)
        add(stage, " %s=%s/%s", hello->digests[i].step, hello->digests[i].digest,
            hello->digests[i].untouched == NULL ? "-" : hello->digests[i].untouched);
    for (size_t i = 0; i < hello->digest_count; i++)
        if (hello->digests[i].fraction < 1)
            add(stage, " %s-%g", hello->digests[i].step, hello->digests[i].fraction);
    if (hello->read_only) add(stage, " read-only");
    if (hello->resume != 0) add(stage, " resume-%d", (int)hello->resume);
}

static void add_obtained(struct stage *stage, const struct td_message *message)
{
    add(stage, "%s %d %s", message->obtained.built ? "built" : "fetched", (int)message->order,
        message->step);
    if (message->obtained.parts > 1)
        add(stage, ".%d/%d", (int)message->obtained.part, (int)message->obtained.parts);
    add(stage, " %g", (double)message->obtained.took * 1e-9);
    if (message->obtained.published) add(stage, " published");
    if (message->obtained.whole) add(stage, " whole");
    if (message->obtained.last) add(stage, " last");
    assert_int_equal(message->obtained.actions, -1);
    assert_int_equal(message->obtained.hits, -1);
}

/* "look 1 a" and the like, one behind the other. */
static void on_send(void *context, const struct td_message *message)
{
    static const char *const results[] = {"ok", "flaky", "broken", "aborted"};
    struct stage *stage = context;
    if (stage->length > 0) add(stage, "; ");
    switch (message->kind) {
    case TD_MESSAGE_HELLO:
        add_hello(stage, &message->hello);
        return;
    case TD_MESSAGE_LOOK:
        add(stage, "look %d %s", (int)message->order, message->step == NULL ? "*" : message->step);
        if (message->look.part > 0) add(stage, ".%d", (int)message->look.part);
        return;
    case TD_MESSAGE_OBTAINED:
        add_obtained(stage, message);
        return;
    case TD_MESSAGE_ENDED:
        add(stage, "ended %d %s", (int)message->order, results[message->ended.result]);
        if (message->step != NULL) add(stage, " %s", message->step);
        return;
    case TD_MESSAGE_BYE:
        add(stage, "bye");
        return;
    default:
        fail_msg("a peer says a message of kind %d", (int)message->kind);
    }
}

static void on_close(void *context)
{
    struct stage *stage = context;
    add(stage, stage->length > 0 ? "; close" : "close");
}

static void said(struct stage *stage, const char *expected)
{
    assert_string_equal(stage->said, expected);
    stage->length = 0;
    stage->said[0] = '\0';
}

static void open_peer(struct stage *stage, const char *text, uint32_t peer)
{
    struct td_error error;
    memset(stage, 0, sizeof *stage);
    stage->scenario = scenario_from(text);
    stage->plan = td_sleep_plan_create(stage->scenario, stage->scenario->seed, 1, &error);
    if (stage->plan == NULL) fail_msg("%s", error.text);
    const struct td_sleeper_outlet outlet = {stage, on_send, on_close};
    stage->sleeper = td_sleeper_create(stage->plan, peer, &outlet, &error);
    if (stage->sleeper == NULL) fail_msg("%s", error.text);
}

static void close_peer(struct stage *stage)
{
    td_sleeper_destroy(stage->sleeper);
    td_sleep_plan_destroy(stage->plan);
    td_scenario_destroy(stage->scenario);
}

static void tell(struct stage *stage, double seconds, struct td_message message)
{
    td_sleeper_receive(stage->sleeper, &message, S(seconds));
}

static void welcome(struct stage *stage, double seconds, bool resumed)
{
    tell(stage, seconds,
         (struct td_message){.kind = TD_MESSAGE_WELCOME, .welcome.resumed = resumed});
}

static void order(struct stage *stage, double seconds, td_order id, const char *step)
{
    tell(stage, seconds, (struct td_message){.kind = TD_MESSAGE_ORDER, .order = id, .step = step});
}

static void seen(struct stage *stage, double seconds, td_order id, const char *step, bool published,
                 double fraction)
{
    tell(stage, seconds,
         (struct td_message){.kind = TD_MESSAGE_SEEN,
                             .order = id,
                             .step = step,
                             .seen = {.published = published, .fraction = fraction}});
}

static void missing(struct stage *stage, double seconds, td_order id, const char *step)
{
    seen(stage, seconds, id, step, false, 1);
}

static void there(struct stage *stage, double seconds, td_order id, const char *step)
{
    seen(stage, seconds, id, step, true, 1);
}

/* It sleeps until then, and wakes. */
static void sleeps_until(struct stage *stage, double seconds)
{
    assert_int_equal(td_sleeper_due(stage->sleeper), S(seconds));
    td_sleeper_wake(stage->sleeper, S(seconds));
}

static void does_not_sleep(struct stage *stage)
{
    assert_int_equal(td_sleeper_due(stage->sleeper), TD_TIME_MAX);
}

/* A peer of that scenario is welcome at 0. */
static void arrive(struct stage *stage, const char *text, const char *hello)
{
    open_peer(stage, text, 0);
    assert_int_equal(td_sleeper_due(stage->sleeper), 0);
    td_sleeper_start(stage->sleeper, 0);
    said(stage, hello);
    does_not_sleep(stage);
    welcome(stage, 0, false);
    said(stage, "");
}

static const char plain[] = "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
                            "},\"rest\":{\"build\":4,\"fetch\":2},\"peers\":[{\"count\":3}]}";

/* directed, three peers: this one builds a, then fetches what the others have built */
static void test_three_strategies(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage, plain, "hello peer-1");
    order(&stage, 0, 1, "a");
    said(&stage, "look 1 a");
    does_not_sleep(&stage);
    missing(&stage, 0, 1, "a");
    said(&stage, "");
    sleeps_until(&stage, 10);
    said(&stage, "built 1 a 10 published whole last");
    order(&stage, 10, 4, "b");
    there(&stage, 10, 4, "b");
    sleeps_until(&stage, 11);
    said(&stage, "look 4 b; fetched 4 b 1 last");
    tell(&stage, 11, (struct td_message){.kind = TD_MESSAGE_WAIT});
    said(&stage, "");
    order(&stage, 12.5, 5, "c");
    there(&stage, 12.5, 5, "c");
    sleeps_until(&stage, 13.5);
    said(&stage, "look 5 c; fetched 5 c 1 last");
    order(&stage, 13.5, 9, NULL);
    said(&stage, "look 9 *");
    missing(&stage, 13.5, 9, NULL);
    sleeps_until(&stage, 17.5);
    said(&stage, "ended 9 ok");
    assert_false(td_sleeper_has_ended(stage.sleeper));
    tell(&stage, 17.5, (struct td_message){.kind = TD_MESSAGE_DONE});
    said(&stage, "close");
    assert_true(td_sleeper_has_ended(stage.sleeper));
    does_not_sleep(&stage);
    close_peer(&stage);
}

/* universe: all steps in dependency order, though the schema has it otherwise, then the rest */
static void test_universe(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
           ",\"a\":{\"after\":[\"c\"]}},\"rest\":{\"build\":4,\"fetch\":2},\"overhead\":3,"
           "\"peers\":[{\"speed\":2}]}",
           "hello peer");
    order(&stage, 0, 1, NULL);
    said(&stage, "");
    sleeps_until(&stage, 1.5);
    said(&stage, "look 1 b");
    there(&stage, 1.5, 1, "b");
    sleeps_until(&stage, 2.5);
    said(&stage, "fetched 1 b 1; look 1 c");
    missing(&stage, 2.5, 1, "c");
    sleeps_until(&stage, 7.5);
    said(&stage, "built 1 c 5 published whole; look 1 a");
    there(&stage, 7.5, 1, "a");
    sleeps_until(&stage, 8.5);
    said(&stage, "fetched 1 a 1; look 1 *");
    there(&stage, 8.5, 1, NULL);
    sleeps_until(&stage, 10.5);
    said(&stage, "ended 1 ok");
    close_peer(&stage);
}

static void test_prerequisites(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
           ",\"b\":{\"after\":[\"c\"]}},\"peers\":[{\"publishes\":false}]}",
           "hello peer read-only");
    order(&stage, 0, 1, "b");
    missing(&stage, 0, 1, "c");
    sleeps_until(&stage, 10);
    said(&stage, "look 1 c; built 1 c 10 whole; look 1 b");
    missing(&stage, 10, 1, "b");
    sleeps_until(&stage, 20);
    said(&stage, "built 1 b 10 whole last");
    /* an order for what it holds: the authority has missed that */
    order(&stage, 20, 2, "c");
    said(&stage, "fetched 2 c 0 last");
    close_peer(&stage);
}

static void test_slow_while(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
           "},\"overhead\":1,\"peers\":[{\"slow\":{\"after\":5,\"for\":30,\"factor\":0.25}}]}",
           "hello peer");
    order(&stage, 0, 1, "a");
    sleeps_until(&stage, 1);
    missing(&stage, 1, 1, "a");
    sleeps_until(&stage, 11); /* began before */
    order(&stage, 11, 2, "b");
    sleeps_until(&stage, 15); /* the overhead, too */
    there(&stage, 15, 2, "b");
    sleeps_until(&stage, 16); /* a fetch is not slower */
    order(&stage, 34.5, 3, "c");
    sleeps_until(&stage, 38.5);
    missing(&stage, 38.5, 3, "c");
    sleeps_until(&stage, 48.5); /* it is over */
    close_peer(&stage);
}

static void test_fraction(void **state)
{
    (void)state;
    struct stage stage;
    const char *text = "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
                       ",\"b\":{\"after\":[\"a\"]}},\"peers\":[{\"speed\":2,\"touches\":"
                       "{\"a\":0.3}}]}";
    arrive(&stage, text, "hello peer a=peer/base b=peer/- a-0.3");
    order(&stage, 0, 1, "a");
    seen(&stage, 0, 1, "a", false, 0.3);
    sleeps_until(&stage, 2.5); /* 1 + 0.3 x 10 / 2 */
    said(&stage, "look 1 a; built 1 a 2.5 published last");
    order(&stage, 2.5, 2, "b"); /* private, but not touched in part */
    missing(&stage, 2.5, 2, "b");
    sleeps_until(&stage, 7.5);
    said(&stage, "look 2 b; built 2 b 5 published whole last");
    close_peer(&stage);

    arrive(&stage, text, "hello peer a=peer/base b=peer/- a-0.3");
    order(&stage, 0, 1, "a");
    missing(&stage, 0, 1, "a"); /* no start is published */
    sleeps_until(&stage, 5);
    said(&stage, "look 1 a; built 1 a 5 published whole last");
    close_peer(&stage);
}

/* Four parts: it catches up with another peer, then builds beside it. */
static void test_parts(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA1
           ",\"steps\":{\"default\":{\"build\":20,\"fetch\":4,\"parts\":4}},\"peers\":[{}]}",
           "hello peer");
    order(&stage, 0, 1, "a");
    there(&stage, 0, 1, "a");
    sleeps_until(&stage, 1);
    said(&stage, "look 1 a; fetched 1 a.0/4 1; look 1 a.1");
    there(&stage, 1, 1, "a");
    sleeps_until(&stage, 2);
    said(&stage, "fetched 1 a.1/4 2; look 1 a.2");
    missing(&stage, 2, 1, "a");
    sleeps_until(&stage, 7);
    said(&stage, "built 1 a.2/4 5 published; look 1 a.3");
    tell(&stage, 8, (struct td_message){.kind = TD_MESSAGE_ABORT, .order = 1});
    said(&stage, "ended 1 aborted");
    order(&stage, 9, 2, "a"); /* it still has the first three */
    missing(&stage, 9, 2, "a");
    sleeps_until(&stage, 14);
    said(&stage, "look 2 a.3; built 2 a.3/4 5 published last");
    close_peer(&stage);
}

static void test_miss(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA1
           ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"hit_rate\":0}},\"peers\":[{}]}",
           "hello peer");
    order(&stage, 0, 1, "a");
    there(&stage, 0, 1, "a");
    sleeps_until(&stage, 10);
    said(&stage, "look 1 a; built 1 a 10 published whole last");
    close_peer(&stage);
}

/* Each attempt has a draw of its own: with this seed the first fails. */
static void test_flaky(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA1
           ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"flaky\":0.5}},\"peers\":[{}],"
           "\"seed\":2}",
           "hello peer");
    struct td_draw draw = {.seed = 2, .replication = 1, .purpose = TD_DRAW_FLAKY};
    double now = 0;
    uint32_t failures = 0;
    for (td_order id = 1;; id++) {
        order(&stage, now, id, "a");
        missing(&stage, now, id, "a");
        now += 10;
        sleeps_until(&stage, now);
        bool fails = td_sample_chance(0.5, &draw);
        char expected[128];
        (void)snprintf(expected, sizeof expected,
                       fails ? "look %d a; ended %d flaky a"
                             : "look %d a; built %d a 10 published whole last",
                       (int)id, (int)id);
        said(&stage, expected);
        if (!fails) break;
        failures++;
        draw.step++; /* one step: the attempts are next to each other */
    }
    assert_true(failures > 0); /* or the seed shows nothing */
    close_peer(&stage);
}

/* The base breaks for a cohort, numbered by the first group of each. */
static void test_broken_base(void **state)
{
    (void)state;
    const char *text =
        "{\"name\":\"x\"," SCHEMA1
        ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"broken\":0.5}},\"peers\":["
        "{\"name\":\"p\"},{\"name\":\"q\",\"cache_id\":\"1\"},{\"name\":\"r\"},"
        "{\"name\":\"s\",\"cache_id\":\"2\"},{\"name\":\"t\",\"base_ref\":\"m\"},"
        "{\"name\":\"u\",\"cache_id\":\"2\"}],\"seed\":1}";
    static const uint32_t cohorts[] = {0, 1, 0, 2, 3, 2};
    unsigned broken = 0;
    for (uint32_t peer = 0; peer < 6; peer++) {
        struct stage stage;
        open_peer(&stage, text, peer);
        td_sleeper_start(stage.sleeper, 0);
        welcome(&stage, 0, false);
        order(&stage, 0, 1, NULL);
        missing(&stage, 0, 1, "a");
        stage.length = 0;
        sleeps_until(&stage, 10);
        const struct td_draw draw = {
            .seed = 1, .replication = 1, .peer = cohorts[peer], .purpose = TD_DRAW_BROKEN};
        bool breaks = td_sample_chance(0.5, &draw);
        broken += breaks;
        said(&stage, breaks ? "ended 1 broken a" : "built 1 a 10 published whole; look 1 *");
        close_peer(&stage);
    }
    assert_true(broken > 0 && broken < 6);
}

/* Its change breaks the step: the build takes the parts that are missing when it begins. */
static void test_failing_parts(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA1
           ",\"steps\":{\"default\":{\"build\":40,\"fetch\":4,\"parts\":4}},"
           "\"peers\":[{\"touches\":{\"a\":0.5},\"breaks\":{\"a\":1}}]}",
           "hello peer a=peer/base a-0.5");
    order(&stage, 0, 1, "a");
    seen(&stage, 0, 1, "a", false, 0.5); /* 1 + 5 */
    said(&stage, "look 1 a; look 1 a.1");
    does_not_sleep(&stage);
    missing(&stage, 0, 1, "a");
    said(&stage, "look 1 a.2");
    there(&stage, 0, 1, "a");
    sleeps_until(&stage, 6);
    said(&stage, "look 1 a.1"); /* is there a start for it? */
    missing(&stage, 6, 1, "a");
    sleeps_until(&stage, 16);
    said(&stage, "ended 1 broken a");
    tell(&stage, 16, (struct td_message){.kind = TD_MESSAGE_DONE, .done.failed = true});
    said(&stage, "close");
    assert_true(td_sleeper_has_ended(stage.sleeper));
    close_peer(&stage);
}

static void test_abort(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage, plain, "hello peer-1");
    order(&stage, 0, 1, "a");
    missing(&stage, 0, 1, "a");
    said(&stage, "look 1 a");
    tell(&stage, 4, (struct td_message){.kind = TD_MESSAGE_ABORT, .order = 2}); /* another's */
    said(&stage, "");
    tell(&stage, 4, (struct td_message){.kind = TD_MESSAGE_ABORT, .order = 1});
    said(&stage, "ended 1 aborted");
    does_not_sleep(&stage);
    order(&stage, 4, 2, "a");
    there(&stage, 4, 2, "a");
    sleeps_until(&stage, 5);
    said(&stage, "look 2 a; fetched 2 a 1 last");
    tell(&stage, 5, (struct td_message){.kind = TD_MESSAGE_ABORT, .order = 2}); /* crossed */
    said(&stage, "");
    close_peer(&stage);
}

static void leave_and_return(bool keeps)
{
    struct stage stage;
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
                   "},\"peers\":[{\"arrival\":2,\"leaves\":20,\"returns\":8,\"keeps\":%s}]}",
                   keeps ? "true" : "false");
    open_peer(&stage, text, 0);
    assert_int_equal(td_sleeper_due(stage.sleeper), S(2));
    td_sleeper_start(stage.sleeper, S(2));
    welcome(&stage, 2, false);
    order(&stage, 2, 1, "a");
    missing(&stage, 2, 1, "a");
    sleeps_until(&stage, 12);
    order(&stage, 12, 2, NULL);
    said(&stage, "hello peer; look 1 a; built 1 a 10 published whole last; look 2 b");
    missing(&stage, 12, 2, "b");
    sleeps_until(&stage, 22); /* b is built at this instant, and nothing else is begun */
    said(&stage, "built 2 b 10 published whole; bye; close");
    tell(&stage, 22, (struct td_message){.kind = TD_MESSAGE_ABORT, .order = 2}); /* late */
    missing(&stage, 22, 2, "c");
    assert_false(td_sleeper_has_ended(stage.sleeper));
    assert_int_equal(td_sleeper_due(stage.sleeper), S(30));
    td_sleeper_start(stage.sleeper, S(30));
    said(&stage, keeps ? "hello peer holds-a holds-b" : "hello peer");
    welcome(&stage, 30, false);
    order(&stage, 30, 3, NULL);
    said(&stage, keeps ? "look 3 c" : "look 3 a");
    close_peer(&stage);
}

static void test_departure(void **state)
{
    (void)state;
    leave_and_return(true);
    leave_and_return(false);

    struct stage stage;
    open_peer(&stage,
              "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT "},\"peers\":[{\"leaves\":4}]}", 0);
    td_sleeper_start(stage.sleeper, 0);
    welcome(&stage, 0, false);
    order(&stage, 0, 1, "a");
    missing(&stage, 0, 1, "a");
    sleeps_until(&stage, 4);
    said(&stage, "hello peer; look 1 a; bye; close");
    assert_true(td_sleeper_has_ended(stage.sleeper)); /* it never returns */
    does_not_sleep(&stage);
    close_peer(&stage);
}

/* Without a connection it goes on; what it has to say comes with the next one. */
static void test_lost_connection(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage,
           "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
           ",\"b\":{\"after\":[\"a\"]}},\"peers\":[{}]}",
           "hello peer");
    order(&stage, 0, 1, "b");
    missing(&stage, 0, 1, "a");
    said(&stage, "look 1 a");
    td_sleeper_lose(stage.sleeper, S(3));
    sleeps_until(&stage, 10);
    said(&stage, "");
    does_not_sleep(&stage); /* it needs an answer */
    td_sleeper_start(stage.sleeper, S(12));
    said(&stage, "hello peer holds-a resume-1");
    welcome(&stage, 12, true);
    said(&stage, "built 1 a 10 published whole; look 1 b");
    missing(&stage, 12, 1, "b");

    td_sleeper_lose(stage.sleeper, S(13)); /* found again before it has anything to say */
    td_sleeper_start(stage.sleeper, S(14));
    welcome(&stage, 14, true);
    said(&stage, "hello peer holds-a resume-1");
    sleeps_until(&stage, 22);
    said(&stage, "built 1 b 10 published whole last");

    td_sleeper_lose(stage.sleeper, S(22)); /* has that arrived? */
    td_sleeper_start(stage.sleeper, S(23));
    said(&stage, "hello peer holds-a holds-b resume-1");
    welcome(&stage, 23, true); /* no */
    said(&stage, "built 1 b 10 published whole last");
    td_sleeper_lose(stage.sleeper, S(24));
    td_sleeper_start(stage.sleeper, S(24));
    said(&stage, "hello peer holds-a holds-b resume-1");
    welcome(&stage, 24, false); /* yes, that order is over */
    said(&stage, "");
    order(&stage, 24, 2, "c");
    said(&stage, "look 2 c");
    td_sleeper_lose(stage.sleeper, S(24));
    td_sleeper_start(stage.sleeper, S(25));
    said(&stage, "hello peer holds-a holds-b resume-2");
    welcome(&stage, 25, true);
    said(&stage, "look 2 c"); /* the question may have been lost */
    close_peer(&stage);
}

/* The authority has given the order to somebody else meanwhile, or has forgotten it. */
static void test_not_resumed(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage, plain, "hello peer-1");
    order(&stage, 0, 1, "a");
    missing(&stage, 0, 1, "a");
    td_sleeper_lose(stage.sleeper, S(3));
    td_sleeper_start(stage.sleeper, S(5));
    welcome(&stage, 5, false);
    said(&stage, "look 1 a; hello peer-1 resume-1");
    does_not_sleep(&stage);
    order(&stage, 5, 1, "b"); /* a new authority counts anew */
    said(&stage, "look 1 b");
    close_peer(&stage);
}

static void test_leaves_unconnected(void **state)
{
    (void)state;
    struct stage stage;
    open_peer(&stage,
              "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
              "},\"peers\":[{\"leaves\":4,\"returns\":6}]}",
              0);
    td_sleeper_start(stage.sleeper, 0);
    welcome(&stage, 0, false);
    order(&stage, 0, 1, "a");
    missing(&stage, 0, 1, "a");
    td_sleeper_lose(stage.sleeper, S(1));
    sleeps_until(&stage, 4);
    said(&stage, "hello peer; look 1 a; close"); /* nobody hears its bye */
    assert_int_equal(td_sleeper_due(stage.sleeper), S(10));
    td_sleeper_start(stage.sleeper, S(10));
    said(&stage, "hello peer");
    close_peer(&stage);
}

static void test_late_messages(void **state)
{
    (void)state;
    struct stage stage;
    arrive(&stage, plain, "hello peer-1");
    there(&stage, 0, 1, "a"); /* nobody has asked */
    order(&stage, 0, 3, "a");
    said(&stage, "look 3 a");
    there(&stage, 0, 2, "a");  /* of another order */
    there(&stage, 0, 3, "b");  /* of another step */
    there(&stage, 0, 3, NULL); /* the rest is not its question */
    order(&stage, 0, 4, "b");  /* it is at work */
    welcome(&stage, 0, false);
    does_not_sleep(&stage);
    missing(&stage, 0, 3, "a");
    there(&stage, 1, 3, "a"); /* once more */
    sleeps_until(&stage, 10);
    said(&stage, "built 3 a 10 published whole last");
    order(&stage, 11, 5, "z"); /* no step of its schema: it cannot stay */
    said(&stage, "bye; close");
    assert_true(td_sleeper_has_ended(stage.sleeper));
    close_peer(&stage);

    arrive(&stage, plain, "hello peer-1");
    tell(&stage, 1, (struct td_message){.kind = TD_MESSAGE_ERROR});
    said(&stage, "close");
    assert_true(td_sleeper_has_ended(stage.sleeper));
    close_peer(&stage);

    arrive(&stage, plain, "hello peer-1");
    tell(&stage, 1, (struct td_message){.kind = TD_MESSAGE_ERROR, .error.code = "try-later"});
    said(&stage, "close");
    assert_false(td_sleeper_has_ended(stage.sleeper));
    assert_true(td_sleeper_due(stage.sleeper) > TD_NS_PER_S);
    close_peer(&stage);
}

/* The same luck as in the simulator: by seed, replication, peer, step and purpose. */
static void test_samples(void **state)
{
    (void)state;
    struct stage stage;
    open_peer(&stage,
              "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{\"default\":{\"build\":{\"gamma\":"
              "{\"mean\":10,\"cv\":0.5}},\"fetch\":1,\"factor\":{\"uniform\":{\"min\":1,"
              "\"max\":2}}}},\"overhead\":{\"exponential\":{\"mean\":2}},"
              "\"peers\":[{\"count\":3,\"speed\":1.5}],\"seed\":5}",
              2);
    td_sleeper_start(stage.sleeper, 0);
    welcome(&stage, 0, false);
    struct td_draw draw = {
        .seed = 5, .replication = 1, .peer = 2, .step = 1, .purpose = TD_DRAW_OVERHEAD};
    order(&stage, 0, 1, "b");
    td_time overhead = td_round_ns(td_sample(stage.scenario->overhead, &draw) / 1.5);
    assert_int_equal(td_sleeper_due(stage.sleeper), overhead);
    td_sleeper_wake(stage.sleeper, overhead);
    missing(&stage, 0, 1, "b");
    draw.purpose = TD_DRAW_BUILD;
    double build = td_sample(stage.scenario->steps[1].build, &draw);
    draw.purpose = TD_DRAW_FACTOR;
    draw.peer = 0;
    build *= td_sample(stage.scenario->steps[1].factor, &draw);
    assert_int_equal(td_sleeper_due(stage.sleeper), td_round_ns(build / 1.5));
    close_peer(&stage);
}

/* What it says of itself, the whole schema included. */
static const struct td_hello *heard;

static void on_hello(void *context, const struct td_message *message)
{
    (void)context;
    heard = &message->hello;
    assert_string_equal(heard->repository, "app");
    assert_string_equal(heard->base_ref, "main");
    assert_string_equal(heard->pipeline, "check");
    assert_string_equal(heard->cache, "muc9");
    assert_null(heard->change);
    assert_null(heard->step);
    assert_false(heard->dependent);
    assert_string_equal(heard->schema_id, "s");
    assert_string_equal(heard->universe, "//...");
    assert_int_equal(heard->step_count, 3);
    assert_string_equal(heard->steps[2].id, "c");
    assert_string_equal(heard->steps[2].targets, "//c/... -//c/d");
    assert_int_equal(heard->steps[2].after_count, 0);
    assert_int_equal(heard->steps[0].after_count, 2);
    assert_string_equal(heard->steps[0].after[0], "c");
    assert_string_equal(heard->steps[0].after[1], "b");
}

static void test_hello(void **state)
{
    (void)state;
    struct stage stage;
    open_peer(&stage,
              "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
              ",\"a\":{\"after\":[\"c\",\"b\"]}},\"peers\":[{\"repository\":\"app\","
              "\"base_ref\":\"main\",\"pipeline\":\"check\",\"cache_id\":\"muc9\"}]}",
              0);
    td_sleeper_destroy(stage.sleeper);
    const struct td_sleeper_outlet outlet = {NULL, on_hello, on_close};
    struct td_error error;
    stage.sleeper = td_sleeper_create(stage.plan, 0, &outlet, &error);
    assert_non_null(stage.sleeper);
    td_sleeper_start(stage.sleeper, 0);
    assert_non_null(heard);
    close_peer(&stage);
}

static void test_dependent_is_refused(void **state)
{
    (void)state;
    struct td_error error;
    struct td_scenario *scenario =
        scenario_from("{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
                      "},\"peers\":[{\"name\":\"p\"},{\"pipeline\":\"gate\","
                      "\"pipeline_type\":\"dependent\"}]}");
    assert_null(td_sleep_plan_create(scenario, 1, 1, &error));
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, "$.peers[1].pipeline_type: peers that sleep play no"));
    td_scenario_destroy(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_strategies),
        cmocka_unit_test(test_universe),
        cmocka_unit_test(test_prerequisites),
        cmocka_unit_test(test_slow_while),
        cmocka_unit_test(test_fraction),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_miss),
        cmocka_unit_test(test_flaky),
        cmocka_unit_test(test_broken_base),
        cmocka_unit_test(test_failing_parts),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_departure),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_not_resumed),
        cmocka_unit_test(test_leaves_unconnected),
        cmocka_unit_test(test_late_messages),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_dependent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
