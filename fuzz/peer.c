/* A peer whose authority says anything at any time. The input is lines:
 *     {...}   a message, if there is a connection
 *     o, l    the connection that the peer wants is there; it is lost
 *     r       it is refused for good
 *     0 to 7  what runs has ended: with one of the four results, having been built or fetched
 *     f       it could not be started
 *     q       somebody wants the peer to end
 *     +       time passes, as many milliseconds as the rest has characters, squared */
#include "fuzz/fuzz.h"

#include "live/peer_state.h"

#include <stdlib.h>
#include <string.h>

struct rig {
    struct td_peer_state *state;
    td_time now;
    bool wanted, connected, runs; /* wanted: a connection; runs: a task */
};

static void on_connect(void *context)
{
    struct rig *rig = context;
    TD_ASSERT(!rig->wanted && !rig->connected);
    rig->wanted = true;
}

static void on_send(void *context, const struct td_message *message)
{
    const struct rig *rig = context;
    struct td_buffer text = {0};
    struct td_error error;
    TD_ASSERT(rig->connected || rig->wanted); /* the hello, within open */
    td_message_write(message, &text);
    struct td_message *again = td_message_read_own(text.bytes, text.length, &error);
    TD_ASSERT(again != NULL);
    td_message_destroy(again);
    td_buffer_free(&text);
}

static void on_close(void *context)
{
    struct rig *rig = context;
    rig->wanted = rig->connected = false;
}

static void on_start(void *context, const struct td_peer_task *task)
{
    struct rig *rig = context;
    TD_ASSERT(!rig->runs && task->targets != NULL);
    rig->runs = true;
}

static void on_interrupt(void *context)
{
    const struct rig *rig = context;
    TD_ASSERT(rig->runs);
}

static void hear(const struct rig *rig, const char *text)
{
    struct td_error error;
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message != NULL) td_peer_state_receive(rig->state, message, rig->now);
    td_message_destroy(message);
}

static void finish(struct rig *rig, unsigned how)
{
    static const enum td_build_result results[] = {TD_BUILD_OK, TD_BUILD_FLAKY, TD_BUILD_BROKEN,
                                                   TD_BUILD_ABORTED};
    const struct td_build build = {.result = results[how % 4],
                                   .status = how % 4 == 0 ? 0 : 1,
                                   .counted = how < 4,
                                   .built = how < 4,
                                   .published = how < 4,
                                   .actions = -1,
                                   .hits = -1,
                                   .critical_path = -1};
    rig->runs = false;
    td_peer_state_finish(rig->state, &build, rig->now);
}

static void connection(struct rig *rig, char what)
{
    bool had = rig->wanted || rig->connected;
    if (what == 'o' && rig->wanted) {
        rig->wanted = false;
        rig->connected = true;
        td_peer_state_open(rig->state, rig->now);
    } else if (what == 'l' && had) {
        rig->wanted = rig->connected = false;
        td_peer_state_lose(rig->state, "reset", rig->now);
    } else if (what == 'r' && rig->wanted) {
        rig->wanted = false;
        td_peer_state_refuse(rig->state, "it wants a token");
    }
}

static void act(struct rig *rig, const char *line)
{
    const struct td_error failed = {.fault = TD_FAULT_RUN, .text = "there is no Bazel"};
    size_t length = strlen(line);
    if (line[0] == '{' && rig->connected) hear(rig, line);
    if (line[0] == 'o' || line[0] == 'l' || line[0] == 'r') connection(rig, line[0]);
    if (line[0] >= '0' && line[0] <= '7' && rig->runs) finish(rig, (unsigned)(line[0] - '0'));
    if (line[0] == 'f' && rig->runs) {
        rig->runs = false;
        td_peer_state_fail(rig->state, &failed);
    }
    if (line[0] == 'q') td_peer_state_quit(rig->state);
    if (line[0] == '+') rig->now += (td_time)(length * length) * 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const after[] = {"a"};
    static const struct td_hello_step steps[] = {
        {.id = "a", .targets = "//a"},
        {.id = "b", .targets = "//b //c", .after = after, .after_count = 1},
        {.id = "c", .targets = "//c"}};
    const struct td_peer_state_options options = {.hello = {.peer = "p",
                                                            .schema_id = "s",
                                                            .universe = "//...",
                                                            .steps = steps,
                                                            .step_count = 3},
                                                  .server = "ws://127.0.0.1:1",
                                                  .max_wait = 50000000000,
                                                  .max_away = 20000000000,
                                                  .fallback = length % 2 == 0};
    struct rig rig = {0};
    const struct td_peer_outlet outlet = {.context = &rig,
                                          .connect = on_connect,
                                          .send = on_send,
                                          .close = on_close,
                                          .start = on_start,
                                          .interrupt = on_interrupt};
    char *text = td_fuzz_text(bytes, length), *rest = NULL;
    struct td_error error;
    rig.state = td_peer_state_create(&options, &outlet, rig.now, &error);
    TD_ASSERT(rig.state != NULL);
    td_peer_state_wake(rig.state, rig.now);
    for (char *line = strtok_r(text, "\n", &rest);
         line != NULL && td_peer_state_end(rig.state) == NULL; line = strtok_r(NULL, "\n", &rest)) {
        act(&rig, line);
        if (td_peer_state_due(rig.state) <= rig.now) td_peer_state_wake(rig.state, rig.now);
    }
    const struct td_peer_end *end = td_peer_state_end(rig.state);
    TD_ASSERT(end == NULL || (end->status == 0) == (end->error.fault == TD_FAULT_NONE));
    td_peer_state_destroy(rig.state);
    free(text);
    return 0;
}
