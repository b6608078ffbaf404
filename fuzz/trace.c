/* A trace, and an engine that hears of what is in it: events that are impossible are refused with
 * a sentence, and leave the engine as it was. */
#include "fuzz/fuzz.h"

#include "live/trace.h"
#include "policies/policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was read is written as something that is read as the same. */
static void write_again(const struct td_trace_item *item, struct td_buffer *text)
{
    struct td_trace_item again;
    struct td_buffer twice = {0};
    text->length = 0;
    if (item->is_event)
        td_trace_event(text, 0, &item->event);
    else
        td_trace_command(text, &item->command);
    struct td_reader reader = td_reader_of(text->bytes, text->length);
    TD_ASSERT(td_trace_next(&reader, 0, &again) && !td_reader_has_more(&reader));
    if (item->is_event)
        td_trace_event(&twice, 0, &again.event);
    else
        td_trace_command(&twice, &again.command);
    TD_ASSERT(text->length == twice.length && memcmp(text->bytes, twice.bytes, twice.length) == 0);
    free(again.tables);
    td_buffer_free(&twice);
}

/* Tables by peer are as long as the highest one: that takes memory, and shows nothing. */
#define PEERS 1000u

static void tell(struct td_engine *engine, const struct td_event *event,
                 struct td_commands *commands)
{
    struct td_error error = {0};
    uint64_t digest = td_engine_digest(engine);
    commands->count = 0;
    if (td_engine_apply(engine, event, 1, commands, &error) == 1) return;
    TD_ASSERT(error.fault != TD_FAULT_NONE && commands->count == 0);
    bool same = td_engine_digest(engine) == digest;
    if (!same) (void)fprintf(stderr, "%s\n", error.text);
    TD_ASSERT(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const policies[] = {"directed", "linear", "speculative", "weighing"};
    const struct td_engine_options options = {.retries = 1, .learn = true, .patience = 5};
    struct td_reader reader = td_reader_of(bytes, length);
    struct td_trace_item item;
    struct td_buffer text = {0};
    struct td_commands commands = {0};
    struct td_trace_difference difference;
    struct td_error error;
    struct td_engine *engine = td_engine_create(
        td_policy_find(policies[length % (sizeof policies / sizeof *policies)]), &options, &error);
    TD_ASSERT(engine != NULL);
    while (td_trace_next(&reader, 0, &item)) {
        write_again(&item, &text);
        if (item.is_event && item.event.peer < PEERS) tell(engine, &item.event, &commands);
        free(item.tables);
    }
    const struct td_buffer was = {.bytes = (char *)(uintptr_t)bytes, .length = length};
    (void)td_trace_differs(&was, &text, 0, &difference);
    td_commands_free(&commands);
    td_buffer_free(&text);
    td_engine_destroy(engine);
    return 0;
}
