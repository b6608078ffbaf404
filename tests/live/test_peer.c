/* Peers with real sockets and processes, and a real authority in a thread beside them. What a peer
 * builds with is a shell script that writes down what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/peer.h"
#include "live/server.h"
#include "policies/policies.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define S TD_NS_PER_S
#define MS (TD_NS_PER_S / 1000)
#define PEERS 2u

/* A peer in a thread of its own. */
struct actor {
    char name[8], script[512];
    const char *words[4];
    struct td_executor_command command;
    struct td_peer_options options;
    struct td_peer_end end;
    atomic_bool stop;
    pthread_t thread;
};

struct stage {
    struct td_server *server; /* NULL: nobody is there */
    atomic_bool stop;
    pthread_t thread;
    uint16_t port;
    char log[64]; /* the file that the scripts write to */
    struct actor actors[PEERS];
};

static void *serve(void *context)
{
    struct stage *stage = context;
    struct td_error error;
    (void)td_server_run(stage->server, &stage->stop, &error);
    return NULL;
}

static void open_stage(struct stage *stage, td_time patience)
{
    struct td_error error;
    memset(stage, 0, sizeof *stage);
    (void)snprintf(stage->log, sizeof stage->log, "/tmp/td-peer-XXXXXX");
    int file = mkstemp(stage->log);
    assert_true(file >= 0);
    (void)close(file);
    const struct td_server_options options = {
        .address = "127.0.0.1",
        .scale = 1,
        .log = -1,
        .authority = {.policy = td_policy_find(patience < 0 ? "directed" : "speculative"),
                      .engine = {.retries = 1, .patience = patience},
                      .grace = 20 * S}};
    stage->server = td_server_create(&options, &error);
    if (stage->server == NULL) fail_msg("%s", error.text);
    stage->port = td_server_port(stage->server);
    assert_int_equal(pthread_create(&stage->thread, NULL, serve, stage), 0);
}

static void close_server(struct stage *stage)
{
    atomic_store(&stage->stop, true);
    td_server_wake(stage->server);
    assert_int_equal(pthread_join(stage->thread, NULL), 0);
    td_server_destroy(stage->server);
    stage->server = NULL;
}

/* Lets those go on whose script waits for that: WAIT_FOR. */
static const char *gate_of(const struct stage *stage, const char *name)
{
    static char path[80];
    (void)snprintf(path, sizeof path, "%s.%s", stage->log, name);
    return path;
}

static void open_gate(const struct stage *stage, const char *name)
{
    FILE *file = fopen(gate_of(stage, name), "w");
    assert_non_null(file);
    (void)fclose(file);
}

static void close_stage(struct stage *stage)
{
    if (stage->server != NULL) close_server(stage);
    (void)unlink(stage->log);
    for (const char *const *gate = (const char *const[]){"1", "2", "all", NULL}; *gate != NULL;
         gate++)
        (void)unlink(gate_of(stage, *gate));
}

static const struct td_hello_step steps[] = {{.id = "1", .targets = "//a -//a/b"},
                                             {.id = "2", .targets = "//b"}};

static void *play(void *context)
{
    struct actor *actor = context;
    td_peer_run(&actor->options, &actor->stop, &actor->end);
    return NULL;
}

/* What it runs for an order: says what it was told, then does `script`; in which WAIT_FOR waits for
 * a gate, that of the step or that of all. */
#define WAIT_FOR(name) "until [ -e $GATE." name " ]; do sleep 0.02; done"
static struct actor *cast(struct stage *stage, unsigned number, const char *script)
{
    struct actor *actor = &stage->actors[number];
    (void)snprintf(actor->name, sizeof actor->name, "p%u", number);
    (void)snprintf(actor->script, sizeof actor->script,
                   "GATE=%s; echo %u $TD_EXPECT ${TD_STEP:-all} $* >>$GATE; "
                   "[ $TD_ORDER != 0 ] || echo undirected >>$GATE; %s",
                   stage->log, number, script);
    const char *const words[] = {"sh", "-c", actor->script, "sh"};
    memcpy(actor->words, words, sizeof words);
    return actor;
}

/* `count` of the steps make its schema. */
static void enter(struct stage *stage, struct actor *actor, size_t count, td_time max_wait,
                  bool fallback)
{
    static const char *words[PEERS][5];
    unsigned number = (unsigned)(actor - stage->actors);
    memcpy(words[number], actor->words, sizeof actor->words);
    actor->command =
        (struct td_executor_command){.words = words[number], .folder = "/tmp", .grace = 2 * S};
    actor->options = (struct td_peer_options){.host = "127.0.0.1",
                                              .port = stage->port,
                                              .state = {.hello = {.peer = actor->name,
                                                                  .schema_id = "s",
                                                                  .universe = "//...",
                                                                  .steps = steps,
                                                                  .step_count = count},
                                                        .server = "here",
                                                        .max_wait = max_wait,
                                                        .max_away = fallback ? S / 2 : 20 * S,
                                                        .fallback = fallback},
                                              .executor = td_executor_command(&actor->command)};
    assert_int_equal(pthread_create(&actor->thread, NULL, play, actor), 0);
}

static void leave(struct actor *actor, int status)
{
    assert_int_equal(pthread_join(actor->thread, NULL), 0);
    if (actor->end.status != status)
        fail_msg("%s: %d, not %d: %s", actor->name, actor->end.status, status,
                 actor->end.error.text);
}

/* How often a line stands in the scripts' file; of a text, how many lines begin with it. */
static unsigned count_lines(const struct stage *stage, const char *text, bool whole)
{
    char line[256];
    unsigned count = 0;
    FILE *file = fopen(stage->log, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        count += whole ? strcmp(line, text) == 0 : strncmp(line, text, strlen(text)) == 0;
    }
    (void)fclose(file);
    return count;
}

static void doze(td_time time)
{
    const struct timespec pause = {.tv_sec = time / S, .tv_nsec = time % S};
    (void)nanosleep(&pause, NULL);
}

/* Waits for a line of the scripts. */
static void await(const struct stage *stage, const char *text)
{
    for (int i = 0; i < 1000 && count_lines(stage, text, false) == 0; i++)
        doze(20 * MS);
    assert_int_equal(count_lines(stage, text, false), 1);
}

static void test_each_step_once(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    for (unsigned i = 0; i < PEERS; i++)
        enter(&stage, cast(&stage, i, "sleep 0.2"), 2, TD_TIME_MAX, false);
    for (unsigned i = 0; i < PEERS; i++)
        leave(&stage.actors[i], 0);
    assert_int_equal(count_lines(&stage, "0 build 1 //a -//a/b", true) +
                         count_lines(&stage, "1 build 1 //a -//a/b", true),
                     1);
    assert_int_equal(
        count_lines(&stage, "0 build 2 //b", true) + count_lines(&stage, "1 build 2 //b", true), 1);
    /* whoever comes later may find the universe built */
    assert_int_equal(count_lines(&stage, "0 build all //...", true) +
                         count_lines(&stage, "0 fetch all //...", true),
                     1);
    assert_int_equal(count_lines(&stage, "1 build all //...", true) +
                         count_lines(&stage, "1 fetch all //...", true),
                     1);
    assert_int_equal(count_lines(&stage, "undirected", true), 0);
    close_stage(&stage);
}

static void test_broken(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    /* by accident at first, then for good */
    enter(&stage,
          cast(&stage, 0, "[ $TD_STEP = 1 ] && exit 75; [ $TD_ORDER = 1 ] && exit 75; exit 7"), 2,
          TD_TIME_MAX, false);
    leave(&stage.actors[0], 75);
    assert_int_equal(count_lines(&stage, "0 build 1", false), 2); /* one retry, then too flaky */
    enter(&stage, cast(&stage, 1, "exit 7"), 2, TD_TIME_MAX, false);
    leave(&stage.actors[1], 7);
    assert_string_equal(stage.actors[1].end.error.text,
                        "step \"1\" failed: sh ended with exit status 7");
    close_stage(&stage);
}

/* The client's end of a connection to the stage's authority, other than that of the port `but`; -1:
 * there is none. */
static int find_connection(const struct stage *stage, uint16_t but, uint16_t *port)
{
    for (int fd = 3; fd < 200; fd++) {
        struct sockaddr_in own = {0}, other = {0};
        socklen_t length = sizeof other;
        if (getpeername(fd, (struct sockaddr *)&other, &length) != 0) continue;
        if (other.sin_family != AF_INET || ntohs(other.sin_port) != stage->port) continue;
        length = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &length) != 0) continue;
        *port = ntohs(own.sin_port);
        if (*port != but) return fd;
    }
    return -1;
}

/* Shuts the client's end of the one connection; its port. */
static uint16_t cut(const struct stage *stage)
{
    uint16_t port, another;
    int fd = find_connection(stage, 0, &port);
    assert_true(fd >= 0);
    assert_int_equal(find_connection(stage, port, &another), -1);
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    return port;
}

/* Waits for a connection that is not that one. */
static void await_connection(const struct stage *stage, uint16_t old)
{
    uint16_t port;
    for (int i = 0; i < 1000 && find_connection(stage, old, &port) < 0; i++)
        doze(20 * MS);
    assert_true(find_connection(stage, old, &port) >= 0);
}

/* One is cut off in the middle of a build, and another one at whose end nobody listens. */
static void test_lost_connection(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    enter(&stage, cast(&stage, 0, "[ -z \"$TD_STEP\" ] || " WAIT_FOR("$TD_STEP")), 2, TD_TIME_MAX,
          false);
    await(&stage, "0 build 1");
    await_connection(&stage, cut(&stage));
    open_gate(&stage, "1");
    await(&stage, "0 build 2");
    (void)cut(&stage);
    open_gate(&stage, "2"); /* the build ends before the next try */
    leave(&stage.actors[0], 0);
    assert_int_equal(count_lines(&stage, "0 build 1", false), 1);
    assert_int_equal(count_lines(&stage, "0 build 2", false), 1);
    assert_int_equal(count_lines(&stage, "0 build all", false), 1);
    assert_int_equal(count_lines(&stage, "undirected", true), 0);
    close_stage(&stage);
}

/* A build takes too long, so somebody else does the same and is faster. */
static void test_abort(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, 300 * MS);
    enter(&stage, cast(&stage, 0, "[ $TD_EXPECT$TD_STEP != build1 ] || sleep 100"), 1, TD_TIME_MAX,
          false);
    await(&stage, "0 build 1");
    enter(&stage, cast(&stage, 1, ":"), 1, TD_TIME_MAX, false);
    leave(&stage.actors[1], 0);
    leave(&stage.actors[0], 0);
    assert_int_equal(count_lines(&stage, "1 build 1", false), 1);
    assert_int_equal(count_lines(&stage, "0 build 1", false), 1);
    assert_int_equal(count_lines(&stage, "0 fetch 1", false), 1);
    close_stage(&stage);
}

static void test_max_wait(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    enter(&stage, cast(&stage, 0, WAIT_FOR("all")), 1, TD_TIME_MAX, false);
    await(&stage, "0 build 1");
    enter(&stage, cast(&stage, 1, ":"), 1, 300 * MS, false);
    leave(&stage.actors[1], 0);
    open_gate(&stage, "all");
    assert_int_equal(count_lines(&stage, "1 build 1", false), 0);
    assert_int_equal(count_lines(&stage, "1 build all //...", true), 1);
    assert_int_equal(count_lines(&stage, "undirected", true), 1);
    leave(&stage.actors[0], 0);
    close_stage(&stage);
}

static void test_fallback(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    close_server(&stage);
    enter(&stage, cast(&stage, 0, ":"), 2, TD_TIME_MAX, true);
    leave(&stage.actors[0], 0);
    enter(&stage, cast(&stage, 1, "exit 3"), 2, TD_TIME_MAX, true);
    leave(&stage.actors[1], 3);
    assert_int_equal(count_lines(&stage, "undirected", true), 2);
    close_stage(&stage);
}

static void test_stop(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    enter(&stage, cast(&stage, 0, "sleep 100"), 2, TD_TIME_MAX, false);
    await(&stage, "0 build 1");
    atomic_store(&stage.actors[0].stop, true);
    leave(&stage.actors[0], 1);
    assert_int_equal(stage.actors[0].end.error.fault, TD_FAULT_INTERRUPT);
    close_stage(&stage);
}

static void test_no_such_command(void **unused)
{
    (void)unused;
    struct stage stage;
    open_stage(&stage, -1);
    struct actor *actor = cast(&stage, 0, ":");
    actor->words[0] = "td-no-such-command";
    enter(&stage, actor, 2, TD_TIME_MAX, false);
    leave(actor, 2);
    assert_non_null(strstr(actor->end.error.text, "td-no-such-command"));
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step_once),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_lost_connection),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_max_wait),
        cmocka_unit_test(test_fallback),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_no_such_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
