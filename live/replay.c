#include "live/replay.h"

#include <stdlib.h>

struct td_replay {
    struct td_event *events;
    struct td_command *commands;
    struct td_schema_spec **specs; /* copies, of the schemas in the events */
    size_t event_count, event_capacity, command_count, command_capacity, spec_count;
    bool failed; /* memory was short: it cannot be checked */
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
    for (size_t i = 0; i < replay->spec_count; i++)
        free(replay->specs[i]);
    free(replay->specs);
    free(replay->events);
    free(replay->commands);
    free(replay);
}

/* The event's schema is the caller's: what it says is kept, and its tables are shared. */
static bool keep_spec(struct td_replay *replay, struct td_event *event)
{
    struct td_schema_spec **specs =
        realloc(replay->specs, (replay->spec_count + 1) * sizeof(void *));
    if (specs == NULL) return false;
    replay->specs = specs;
    struct td_schema_spec *spec = malloc(sizeof *spec);
    if (spec == NULL) return false;
    *spec = *event->schema.spec;
    event->schema.spec = specs[replay->spec_count++] = spec;
    return true;
}

void td_replay_event(void *context, const struct td_event *event)
{
    struct td_replay *replay = context;
    if (replay->event_count == replay->event_capacity) {
        size_t capacity = replay->event_capacity == 0 ? 256 : 2 * replay->event_capacity;
        struct td_event *events = realloc(replay->events, capacity * sizeof *events);
        if (events == NULL) {
            replay->failed = true;
            return;
        }
        replay->events = events;
        replay->event_capacity = capacity;
    }
    struct td_event *kept = &replay->events[replay->event_count];
    *kept = *event;
    if (event->kind == TD_EVENT_SCHEMA && !keep_spec(replay, kept))
        replay->failed = true;
    else
        replay->event_count++;
}

void td_replay_command(void *context, const struct td_command *command)
{
    struct td_replay *replay = context;
    if (replay->command_count == replay->command_capacity) {
        size_t capacity = replay->command_capacity == 0 ? 256 : 2 * replay->command_capacity;
        struct td_command *commands = realloc(replay->commands, capacity * sizeof *commands);
        if (commands == NULL) {
            replay->failed = true;
            return;
        }
        replay->commands = commands;
        replay->command_capacity = capacity;
    }
    replay->commands[replay->command_count++] = *command;
}

static bool same(const struct td_command *a, const struct td_command *b)
{
    return a->kind == b->kind && a->reason == b->reason && a->peer == b->peer &&
           a->step == b->step && a->order == b->order && a->until == b->until &&
           a->build == b->build && a->failed == b->failed;
}

static bool compare(const struct td_replay *replay, const struct td_commands *commands,
                    struct td_error *error)
{
    for (size_t i = 0; i < commands->count && i < replay->command_count; i++)
        if (!same(&commands->items[i], &replay->commands[i]))
            return td_error_set(error, TD_FAULT_RUN,
                                "decision %zu, about peer %u, is another when the same inputs are "
                                "given again: report this as a bug",
                                i + 1, replay->commands[i].peer);
    return commands->count == replay->command_count ||
           td_error_set(error, TD_FAULT_RUN,
                        "the same inputs give %zu decisions instead of %zu: report this as a bug",
                        commands->count, replay->command_count);
}

bool td_replay_check(const struct td_replay *replay, const struct td_policy *policy,
                     const struct td_engine_options *options, struct td_error *error)
{
    if (replay->failed) return td_error_memory(error, "the inputs of a live run");
    struct td_engine *engine = td_engine_create(policy, options, error);
    struct td_commands commands = {0};
    bool good = engine != NULL && td_engine_apply(engine, replay->events, replay->event_count,
                                                  &commands, error) == replay->event_count;
    good = good && compare(replay, &commands, error);
    td_commands_free(&commands);
    td_engine_destroy(engine);
    return good;
}
