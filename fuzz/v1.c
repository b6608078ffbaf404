/* The original's clients, and the authority behind them, when they say anything at any time. The
 * input is lines, as in authority.c; a connection is opened by the first thing that it says. */
#include "fuzz/fuzz.h"

#include "live/authority.h"
#include "live/v1.h"
#include "policies/policies.h"

#include <stdlib.h>
#include <string.h>

#define LINKS 8u

struct rig {
    struct td_authority *authority;
    struct td_v1 *v1;
    td_time now;
    bool open[LINKS], closed[LINKS];
};

static void on_send(void *context, uint32_t link, const struct td_message *message)
{
    struct rig *rig = context;
    struct td_buffer text = {0};
    TD_ASSERT(link < LINKS && rig->open[link]);
    td_v1_write(rig->v1, link, message, rig->now, &text);
    td_buffer_free(&text);
}

static void on_close(void *context, uint32_t link)
{
    struct rig *rig = context;
    rig->closed[link] = true;
}

/* What v1 tells the authority is a message as from any peer. */
static void give(const struct rig *rig, uint32_t link, const struct td_message *message)
{
    struct td_buffer text = {0};
    struct td_error error;
    td_message_write(message, &text);
    struct td_message *again = td_message_read(text.bytes, text.length, &error);
    TD_ASSERT(again != NULL);
    td_authority_receive(rig->authority, link, again, rig->now);
    td_message_destroy(again);
    td_buffer_free(&text);
}

static void settle(const struct rig *rig)
{
    struct td_buffer text = {0};
    struct td_message message;
    uint32_t link;
    while (td_v1_act(rig->v1, rig->now, &link, &message, &text)) {
        if (text.length == 0) give(rig, link, &message);
        text.length = 0;
    }
    td_buffer_free(&text);
}

static void say(struct rig *rig, uint32_t link, const char *text)
{
    static const char *const ids[LINKS] = {"a", "b", "c", "d", "e", "f", "g", "h i"};
    struct td_message message;
    struct td_error error;
    if (!rig->open[link]) {
        rig->open[link] = true;
        if (!td_v1_open(rig->v1, link, ids[link], &error)) rig->closed[link] = true;
    }
    if (rig->closed[link]) return;
    enum td_v1_read read =
        td_v1_read(rig->v1, link, text, strlen(text), rig->now, &message, &error);
    if (read == TD_V1_MESSAGE) give(rig, link, &message);
    if (read == TD_V1_BAD)
        td_authority_refuse(rig->authority, link, "bad-message", error.text, rig->now);
    settle(rig);
}

static void leave(struct rig *rig, uint32_t link)
{
    struct td_message bye;
    if (td_v1_close(rig->v1, link, &bye)) give(rig, link, &bye);
    td_authority_lose(rig->authority, link, rig->now);
    rig->open[link] = rig->closed[link] = false;
    settle(rig);
}

static void act(struct rig *rig, const char *line)
{
    bool says = line[0] >= '0' && line[0] <= '7', leaves = line[0] >= 'a' && line[0] <= 'h';
    uint32_t link = (uint32_t)(says ? line[0] - '0' : line[0] - 'a');
    if (says) say(rig, link, line + 1);
    if (leaves && rig->open[link]) leave(rig, link);
    if (line[0] == '+') {
        rig->now += (td_time)strlen(line) * 1000000;
        td_authority_wake(rig->authority, rig->now);
        settle(rig);
    }
    for (uint32_t i = 0; i < LINKS; i++)
        if (rig->closed[i]) leave(rig, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const policies[] = {"directed", "linear", "speculative"};
    char *text = td_fuzz_text(bytes, length), *rest = NULL;
    struct rig rig = {.v1 = td_v1_create(1)};
    struct td_error error;
    const struct td_authority_options options = {
        .policy = td_policy_find(policies[length % (sizeof policies / sizeof *policies)]),
        .engine = {.retries = 1, .learn = true, .patience = 5000000},
        .grace = 10000000};
    const struct td_authority_outlet outlet = {.context = &rig, .send = on_send, .close = on_close};
    rig.authority = td_authority_create(&options, &outlet, &error);
    TD_ASSERT(rig.authority != NULL && rig.v1 != NULL);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        act(&rig, line);
    TD_ASSERT(td_authority_fault(rig.authority) == NULL);
    td_authority_destroy(rig.authority);
    td_v1_destroy(rig.v1);
    free(text);
    return 0;
}
