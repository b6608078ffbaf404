/* Sleeping peers over real websockets, against a server that plays a trivial authority: everybody
 * builds the universe. */
#include "base/assert.h"
#include "live/swarm.h"
#include "tests/support/scenario.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAGMENT 5u /* bytes of a message's first fragment, if it comes in two */

/* What the server does otherwise than an authority would. */
struct manners {
    bool drops;     /* closes each connection once, instead of an answer */
    bool fragments; /* sends each message in two */
    bool refuses;   /* answers hello with an error */
    bool is_full;   /* answers the first five hellos so: try again later */
    bool babbles;   /* answers hello with what is no message */
    bool is_silent; /* answers hello with nothing */
};

struct server {
    struct manners manners;
    struct lws_context *context;
    int port;
    pthread_t thread;
    atomic_bool stopped;
    unsigned hellos, resumed, looks, obtained, ended, byes; /* read when the thread has ended */
};

/* One connection. The server's thread asserts: cmocka's checks are for the thread of the test. */
struct caller {
    struct td_buffer heard, answers[4];
    size_t first, count, sent;
    td_order order;
};

static struct td_buffer *new_answer(struct lws *wsi, struct caller *caller)
{
    static const char space[LWS_PRE];
    TD_ASSERT(caller->count < 4);
    struct td_buffer *text = &caller->answers[(caller->first + caller->count++) % 4];
    *text = (struct td_buffer){0};
    td_buffer_add(text, space, sizeof space);
    lws_callback_on_writable(wsi);
    return text;
}

static void answer(struct lws *wsi, struct caller *caller, const struct td_message *message)
{
    struct td_buffer *text = new_answer(wsi, caller);
    td_message_write(message, text);
    TD_ASSERT(!text->failed);
}

static void on_hello(struct server *server, struct lws *wsi, struct caller *caller,
                     const struct td_hello *hello)
{
    server->hellos++;
    server->resumed += hello->resume != 0;
    if (server->manners.is_silent) return;
    if (server->manners.babbles) {
        td_buffer_string(new_answer(wsi, caller), "{\"type\": \"weather\"}");
        return;
    }
    if (server->manners.is_full && server->hellos <= 5) {
        answer(wsi, caller,
               &(struct td_message){.kind = TD_MESSAGE_ERROR, .error.code = "try-later"});
        return;
    }
    if (server->manners.refuses) {
        answer(wsi, caller,
               &(struct td_message){.kind = TD_MESSAGE_ERROR,
                                    .text = "another peer has this name",
                                    .error.code = "name-taken"});
        return;
    }
    answer(wsi, caller,
           &(struct td_message){.kind = TD_MESSAGE_WELCOME,
                                .welcome = {.resumed = hello->resume != 0, .grace = 1000}});
    if (hello->resume == 0)
        answer(wsi, caller,
               &(struct td_message){.kind = TD_MESSAGE_ORDER,
                                    .order = 7,
                                    .reason = "all-at-once",
                                    .order_for = {.targets = "//...", .build = true}});
}

/* Nonzero closes the connection. */
static int on_message(struct server *server, struct lws *wsi, struct caller *caller,
                      const struct td_message *message)
{
    switch (message->kind) {
    case TD_MESSAGE_HELLO:
        on_hello(server, wsi, caller, &message->hello);
        return 0;
    case TD_MESSAGE_LOOK:
        /* the first questions of all get no answer */
        if (server->looks++ < 20 && server->manners.drops) return -1;
        answer(wsi, caller,
               &(struct td_message){.kind = TD_MESSAGE_SEEN,
                                    .order = message->order,
                                    .step = message->step,
                                    .seen.fraction = 1});
        return 0;
    case TD_MESSAGE_OBTAINED:
        server->obtained++;
        return 0;
    case TD_MESSAGE_ENDED:
        server->ended++;
        answer(wsi, caller, &(struct td_message){.kind = TD_MESSAGE_DONE, .reason = "complete"});
        return 0;
    case TD_MESSAGE_BYE:
        server->byes++;
        return 0;
    default:
        TD_ASSERT(!"a peer says what only an authority may");
    }
    return -1;
}

static int hear(struct server *server, struct lws *wsi, struct caller *caller, const char *text,
                size_t length)
{
    td_buffer_add(&caller->heard, text, length);
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0) return 0;
    struct td_error error;
    struct td_message *message = td_message_read(caller->heard.bytes, caller->heard.length, &error);
    TD_ASSERT(message != NULL);
    td_buffer_free(&caller->heard);
    int closes = on_message(server, wsi, caller, message);
    td_message_destroy(message);
    return closes;
}

static void send_next(const struct server *server, struct lws *wsi, struct caller *caller)
{
    if (caller->count == 0) return;
    struct td_buffer *text = &caller->answers[caller->first % 4];
    size_t left = text->length - LWS_PRE - caller->sent;
    size_t length = server->manners.fragments && caller->sent == 0 ? FRAGMENT : left;
    enum lws_write_protocol how = caller->sent == 0 ? LWS_WRITE_TEXT : LWS_WRITE_CONTINUATION;
    if (length < left) how = (enum lws_write_protocol)((unsigned)how | LWS_WRITE_NO_FIN);
    lws_write(wsi, (unsigned char *)text->bytes + LWS_PRE + caller->sent, length, how);
    caller->sent += length;
    if (length == left) {
        td_buffer_free(text);
        caller->first++;
        caller->count--;
        caller->sent = 0;
    }
    lws_callback_on_writable(wsi);
}

static struct server *server_of(struct lws *wsi)
{
    struct server *server = lws_context_user(lws_get_context(wsi));
    TD_ASSERT(server != NULL);
    return server;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct caller *caller = user;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        return hear(server_of(wsi), wsi, caller, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        send_next(server_of(wsi), wsi, caller);
        return 0;
    case LWS_CALLBACK_CLOSED:
        td_buffer_free(&caller->heard);
        for (; caller->count > 0; caller->count--)
            td_buffer_free(&caller->answers[caller->first++ % 4]);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = TD_SUBPROTOCOL, .callback = on_event, .per_session_data_size = sizeof(struct caller)},
    {0}};

static void *serve(void *context)
{
    struct server *server = context;
    while (!atomic_load(&server->stopped))
        lws_service(server->context, 0);
    return NULL;
}

static void start_server(struct server *server, struct manners manners)
{
    memset(server, 0, sizeof *server);
    server->manners = manners;
    const struct lws_context_creation_info info = {.port = 0,
                                                   .iface = "127.0.0.1",
                                                   .protocols = protocols,
                                                   .gid = -1,
                                                   .uid = -1,
                                                   .fd_limit_per_thread = 400,
                                                   .user = server};
    server->context = lws_create_context(&info);
    assert_non_null(server->context);
    server->port = lws_get_vhost_listen_port(lws_get_vhost_by_name(server->context, "default"));
    assert_true(server->port > 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_server(struct server *server)
{
    atomic_store(&server->stopped, true);
    lws_cancel_service(server->context);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    lws_context_destroy(server->context);
}

/* A swarm on a server, with what belongs to it. */
struct stage {
    struct server server;
    struct td_scenario *scenario;
    struct td_sleep_plan *plan;
    struct td_swarm *swarm;
    struct td_error error;
    double zero;    /* when the scenario begins */
    double seconds; /* since then, when the run is over */
    atomic_uint said;
    unsigned heard;
    unsigned stop_after; /* so much has been said */
};

static double now_s(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void count(void *context, uint32_t peer, bool sent, const struct td_message *message,
                  td_time now)
{
    struct stage *stage = context;
    (void)peer;
    (void)message;
    assert_true(now >= 0);
    if (sent)
        atomic_fetch_add(&stage->said, 1);
    else
        stage->heard++;
}

/* One second of the scenario is 10 ms. */
static void open_stage(struct stage *stage, const char *peers, struct manners manners)
{
    char text[1024];
    memset(stage, 0, sizeof *stage);
    start_server(&stage->server, manners);
    (void)snprintf(text, sizeof text,
                   "{\"name\":\"x\",\"schema\":{\"id\":\"s\",\"universe\":\"//...\",\"steps\":"
                   "{\"a\":\"//a\",\"b\":\"//b\"}},\"steps\":{\"default\":{\"build\":4,"
                   "\"fetch\":1}},\"rest\":{\"build\":2,\"fetch\":1},\"peers\":[%s]}",
                   peers);
    stage->scenario = scenario_from(text);
    stage->plan = td_sleep_plan_create(stage->scenario, 1, 1, &stage->error);
    assert_non_null(stage->plan);
    stage->zero = now_s();
    const struct td_swarm_options options = {.plan = stage->plan,
                                             .host = "127.0.0.1",
                                             .port = stage->server.port,
                                             .scale = 0.01,
                                             .zero_ns = (int64_t)(stage->zero * 1e9),
                                             .log = count,
                                             .log_context = stage};
    stage->swarm = td_swarm_create(&options, &stage->error);
    if (stage->swarm == NULL) fail_msg("%s", stage->error.text);
}

static bool run(struct stage *stage)
{
    bool good = td_swarm_run(stage->swarm, &stage->error);
    stage->seconds = now_s() - stage->zero;
    td_swarm_destroy(stage->swarm);
    stop_server(&stage->server);
    return good;
}

static void close_stage(struct stage *stage)
{
    td_sleep_plan_destroy(stage->plan);
    td_scenario_destroy(stage->scenario);
}

static void test_all_end(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"count\":100,\"arrival\":{\"every\":0.1}}", (struct manners){0});
    if (!run(&stage)) fail_msg("%s", stage.error.text);
    assert_int_equal(stage.server.hellos, 100);
    assert_int_equal(stage.server.resumed, 0);
    assert_int_equal(stage.server.looks, 300);
    assert_int_equal(stage.server.obtained, 200);
    assert_int_equal(stage.server.ended, 100);
    assert_int_equal(atomic_load(&stage.said), 700);
    assert_int_equal(stage.heard, 600);
    assert_true(stage.seconds >= 0.198); /* the last comes at 9.9 and builds for 10 */
    close_stage(&stage);
}

static void test_fragments(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"count\":5}", (struct manners){.fragments = true});
    if (!run(&stage)) fail_msg("%s", stage.error.text);
    assert_int_equal(stage.server.ended, 5);
    assert_int_equal(stage.heard, 30);
    close_stage(&stage);
}

/* An authority without room is asked again. */
static void test_no_room_yet(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"count\":5}", (struct manners){.is_full = true});
    if (!run(&stage)) fail_msg("%s", stage.error.text);
    assert_int_equal(stage.server.hellos, 10);
    assert_int_equal(stage.server.ended, 5);
    assert_true(stage.seconds >= 0.05);
    close_stage(&stage);
}

/* Connections that are lost are made again, and the orders go on. */
static void test_lost_connections(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"count\":10}", (struct manners){.drops = true});
    if (!run(&stage)) fail_msg("%s", stage.error.text);
    assert_int_equal(stage.server.hellos, 30);
    assert_int_equal(stage.server.resumed, 20);
    assert_int_equal(stage.server.obtained, 20);
    assert_int_equal(stage.server.ended, 10);
    close_stage(&stage);
}

static void test_departure_and_return(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"count\":3,\"leaves\":6,\"returns\":2},{\"name\":\"gone\",\"leaves\":1}",
               (struct manners){0});
    if (!run(&stage)) fail_msg("%s", stage.error.text);
    assert_int_equal(stage.server.hellos, 7);
    assert_int_equal(stage.server.byes, 4);
    assert_int_equal(stage.server.ended, 3);
    assert_true(stage.seconds >= 0.14); /* a by 4, away from 6 to 8, b and the rest by 14 */
    close_stage(&stage);
}

static void test_refused(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, "{\"name\":\"p\"}", (struct manners){.refuses = true});
    assert_false(run(&stage));
    assert_string_equal(stage.error.text,
                        "peer \"p\" is refused by the authority: another peer has this name");
    close_stage(&stage);

    open_stage(&stage, "{\"name\":\"p\"}", (struct manners){.babbles = true});
    assert_false(run(&stage));
    assert_non_null(
        strstr(stage.error.text, "peer \"p\" hears from the authority what is no message: "));
    close_stage(&stage);
}

static void *stop_soon(void *context)
{
    struct stage *stage = context;
    const struct timespec pause = {.tv_nsec = 50000000};
    do
        (void)nanosleep(&pause, NULL);
    while (atomic_load(&stage->said) < stage->stop_after);
    td_swarm_stop(stage->swarm);
    return NULL;
}

static void test_stop(void **state)
{
    (void)state;
    struct stage stage;
    pthread_t thread;
    open_stage(&stage, "{\"count\":10},{\"name\":\"late\",\"arrival\":\"1h\"}",
               (struct manners){.is_silent = true});
    stage.stop_after = 10;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stage), 0);
    assert_false(td_swarm_run(stage.swarm, &stage.error));
    assert_int_equal(stage.error.fault, TD_FAULT_INTERRUPT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(run(&stage)); /* it stays stopped */
    assert_int_equal(atomic_load(&stage.said), 10);
    close_stage(&stage);
}

/* Nobody listens: it tries again until it is told not to. */
static void test_nobody_listens(void **state)
{
    (void)state;
    struct stage stage;
    pthread_t thread;
    open_stage(&stage, "{\"count\":2}", (struct manners){0});
    stop_server(&stage.server);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stage), 0);
    assert_false(td_swarm_run(stage.swarm, &stage.error));
    assert_int_equal(stage.error.fault, TD_FAULT_INTERRUPT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&stage.said), 0);
    td_swarm_destroy(stage.swarm);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_end),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_no_room_yet),
        cmocka_unit_test(test_lost_connections),
        cmocka_unit_test(test_departure_and_return),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_nobody_listens),
    };
    lws_set_log_level(LLL_ERR, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
