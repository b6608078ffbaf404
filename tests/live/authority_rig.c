#include "authority_rig.h"

#include "policies/policies.h"

#include <stdio.h>
#include <string.h>

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

static bool vouch(void *context, uint32_t link, const struct td_hello *said,
                  struct td_voucher *voucher, struct td_error *error)
{
    const struct rig *rig = context;
    (void)link, (void)said, (void)error;
    voucher->read_only = rig->read_only;
    return true;
}

static void keep_command(void *context, const struct td_command *command)
{
    struct rig *rig = context;
    td_replay_command(rig->replay, command);
}

void authority_open(struct rig *rig, const char *policy)
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

void authority_close(struct rig *rig)
{
    struct td_error error;
    const struct td_engine_options options = {.retries = 1, .patience = -1};
    if (!td_replay_check(rig->replay, rig->policy, &options, &error)) fail_msg("%s", error.text);
    td_replay_destroy(rig->replay);
    td_authority_destroy(rig->authority);
}

void say(struct rig *rig, uint32_t link, const char *format, ...)
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

void heard(struct rig *rig, uint32_t link, const char *part)
{
    char wanted[256];
    (void)snprintf(wanted, sizeof wanted, "%s", part);
    for (char *at = wanted; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
    if (strstr(rig->sent[link], wanted) == NULL)
        fail_msg("link %u: no %s in: %s", link, wanted, rig->sent[link]);
    rig->sent[link][0] = '\0';
}

void silent(const struct rig *rig, uint32_t link)
{
    assert_string_equal(rig->sent[link], "");
}

void hello(struct rig *rig, uint32_t link, const char *name)
{
    say(rig, link, "{'type': 'hello', 'peer': '%s', " SCHEMA "}", name);
}
