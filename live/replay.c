#include "live/replay.h"

#include "live/trace.h"

#include <stdlib.h>

struct td_replay {
    struct td_buffer trace;
};

struct td_replay *td_replay_create(struct td_error *error)
{
    struct td_replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL) (void)td_error_memory(error, "the inputs of a live run");
    return replay;
}

void td_replay_destroy(struct td_replay *replay)
{
    if (replay == NULL) return;
    td_buffer_free(&replay->trace);
    free(replay);
}

void td_replay_event(void *context, const struct td_event *event)
{
    struct td_replay *replay = context;
    td_trace_event(&replay->trace, 0, event);
}

void td_replay_command(void *context, const struct td_command *command)
{
    struct td_replay *replay = context;
    td_trace_command(&replay->trace, command);
}

/* The same inputs again, and what comes of them. */
static bool live_again(const struct td_replay *replay, struct td_engine *engine,
                       struct td_buffer *trace, struct td_error *error)
{
    struct td_reader reader = td_reader_of(replay->trace.bytes, replay->trace.length);
    struct td_commands commands = {0};
    struct td_trace_item item;
    bool good = true;
    while (good && td_trace_next(&reader, 0, &item)) {
        if (!item.is_event) continue;
        commands.count = 0;
        td_trace_event(trace, 0, &item.event);
        good = td_engine_apply(engine, &item.event, 1, &commands, error) == 1;
        for (size_t i = 0; good && i < commands.count; i++)
            td_trace_command(trace, &commands.items[i]);
        free(item.tables);
    }
    td_commands_free(&commands);
    if (good && (reader.failed || trace->failed || replay->trace.failed))
        good = td_error_memory(error, "the inputs of a live run");
    return good;
}

bool td_replay_check(const struct td_replay *replay, const struct td_policy *policy,
                     const struct td_engine_options *options, struct td_error *error)
{
    struct td_engine *engine = td_engine_create(policy, options, error);
    struct td_buffer trace = {0};
    struct td_trace_difference difference;
    bool good = engine != NULL && live_again(replay, engine, &trace, error);
    if (good && td_trace_differs(&replay->trace, &trace, 0, &difference))
        good = td_error_set(error, TD_FAULT_RUN,
                            "item %zu, about peer %u, is another when the same inputs are given "
                            "again, %s instead of %s: report this as a bug",
                            difference.item + 1, difference.peer, difference.is, difference.was);
    td_buffer_free(&trace);
    td_engine_destroy(engine);
    return good;
}
