#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "v1_rig.h"

#include "policies/policies.h"

#include <string.h>

static void append(char *text, size_t size, const struct td_buffer *more)
{
    size_t length = strlen(text);
    assert_true(length + more->length + 2 < size);
    memcpy(text + length, more->bytes, more->length);
    memcpy(text + length + more->length, "\n", 2);
}

static void keep_sent(void *context, uint32_t link, const struct td_message *message)
{
    struct rig *rig = context;
    struct td_buffer text = {0};
    td_v1_write(rig->v1, link, message, rig->now, &text);
    if (text.length > 0) append(rig->sent[link], sizeof rig->sent[link], &text);
    td_buffer_free(&text);
}

static void keep_closed(void *context, uint32_t link)
{
    struct rig *rig = context;
    rig->closed[link] = true;
}

void rig_open(struct rig *rig, const char *policy)
{
    struct td_error error;
    memset(rig, 0, sizeof *rig);
    const struct td_authority_options options = {
        .policy = td_policy_find(policy), .engine = {.retries = 2, .patience = -1}, .grace = 100};
    const struct td_authority_outlet outlet = {
        .context = rig, .send = keep_sent, .close = keep_closed};
    rig->authority = td_authority_create(&options, &outlet, &error);
    rig->v1 = td_v1_create(0xab);
    assert_true(rig->authority != NULL && rig->v1 != NULL);
}

void rig_close(struct rig *rig)
{
    assert_null(td_authority_fault(rig->authority));
    td_authority_destroy(rig->authority);
    td_v1_destroy(rig->v1);
}

static void give(struct rig *rig, uint32_t link, const struct td_message *message)
{
    struct td_buffer text = {0};
    struct td_error error;
    td_message_write(message, &text);
    struct td_message *again = td_message_read(text.bytes, text.length, &error);
    if (again == NULL) fail_msg("%.*s: %s", (int)text.length, text.bytes, error.text);
    append(rig->given, sizeof rig->given, &text);
    td_authority_receive(rig->authority, link, again, rig->now);
    td_message_destroy(again);
    td_buffer_free(&text);
}

static void settle(struct rig *rig)
{
    struct td_buffer text = {0};
    struct td_message message;
    uint32_t link;
    while (td_v1_act(rig->v1, rig->now, &link, &message, &text)) {
        if (text.length > 0)
            append(rig->sent[link], sizeof rig->sent[link], &text);
        else
            give(rig, link, &message);
        text.length = 0;
    }
    td_buffer_free(&text);
}

void open_link(struct rig *rig, uint32_t link, const char *id)
{
    struct td_error error;
    assert_true(td_v1_open(rig->v1, link, id, &error));
}

void say_text(struct rig *rig, uint32_t link, const char *text)
{
    struct td_error error;
    struct td_message message;
    switch (td_v1_read(rig->v1, link, text, strlen(text), rig->now, &message, &error)) {
    case TD_V1_BAD:
        assert_int_equal(error.fault, TD_FAULT_INPUT);
        td_authority_refuse(rig->authority, link, "bad-message", error.text, rig->now);
        break;
    case TD_V1_MESSAGE:
        give(rig, link, &message);
        break;
    case TD_V1_NOTHING:
        break;
    }
    settle(rig);
}

void end_link(struct rig *rig, uint32_t link)
{
    struct td_message bye;
    if (td_v1_close(rig->v1, link, &bye)) give(rig, link, &bye);
    td_authority_lose(rig->authority, link, rig->now);
    rig->sent[link][0] = '\0';
    rig->closed[link] = false;
    settle(rig);
}

void wake(struct rig *rig)
{
    td_authority_wake(rig->authority, rig->now);
    settle(rig);
}
