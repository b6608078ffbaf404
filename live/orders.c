/* What the engine wants done leaves as messages. */
#include "live/authority_internal.h"

static void send(const struct td_authority *authority, td_peer peer,
                 const struct td_message *message)
{
    uint32_t link = authority->members[peer].link;
    if (link != TD_NO_LINK) authority->outlet.send(authority->outlet.context, link, message);
}

/* Whether it is to be built. Of the universe the engine does not say; it can be fetched where
 * somebody has built its rest. */
static bool expects_build(const struct td_authority *authority, const struct td_command *command)
{
    const struct member *member = &authority->members[command->peer];
    if (command->step != TD_UNIVERSE) return command->build;
    const uint32_t rest = schema_of(authority, command->peer)->steps.count;
    return td_store_parts(&authority->store, member->cohort, rest, digest_of(member, rest)) == 0;
}

static void send_order(struct td_authority *authority, const struct td_command *command)
{
    struct member *member = &authority->members[command->peer];
    const struct td_known_schema *schema = schema_of(authority, command->peer);
    struct td_recording *recording = td_authority_recording(authority, command->peer);
    bool universe = command->step == TD_UNIVERSE, build = expects_build(authority, command);

    member->order = authority->last_order = command->order;
    member->order_step = command->step;
    member->since = authority->now;
    member->reason = command->reason;
    member->waiting = false;
    member->builds = command->build && !universe && !member->read_only;
    member->ask_at = TD_TIME_MAX;
    td_authority_set_timer(authority, command->peer);
    member->rest_there = false;
    member->to_fetch = !universe && !command->build;
    member->to_abort = false;
    member->last_step = TD_NO_STEP;
    if (recording != NULL)
        td_recording_order(recording, command->peer, universe ? TD_RECORD_REST : command->step,
                           build, authority->now);
    const struct td_message message = {
        .kind = TD_MESSAGE_ORDER,
        .order = command->order,
        .step = universe ? NULL : td_intern_text(&schema->steps, command->step + 1),
        .reason = td_reason_word(command->reason),
        .order_for = {.targets = universe ? schema->universe : schema->targets[command->step],
                      .build = build}};
    authority->metrics.orders[universe         ? TD_GOAL_UNIVERSE
                              : command->build ? TD_GOAL_BUILD
                                               : TD_GOAL_FETCH]++;
    td_authority_log(authority, command->peer, "order %llu: %s%s (%s)",
                     (unsigned long long)command->order, universe ? "the universe" : "step ",
                     universe ? "" : message.step, message.reason);
    send(authority, command->peer, &message);
}

static void send_wait(struct td_authority *authority, const struct td_command *command)
{
    struct td_recording *recording = td_authority_recording(authority, command->peer);
    if (recording != NULL) td_recording_wait(recording, command->peer, authority->now);
    struct member *member = &authority->members[command->peer];
    /* everything that changes wakes all who wait, and most of them to wait on: they know that */
    const bool known = member->waiting && member->reason == command->reason;
    if (!member->waiting) member->since = authority->now;
    member->waiting = true;
    member->reason = command->reason;
    member->ask_at = command->until == 0 ? TD_TIME_MAX : command->until;
    td_authority_set_timer(authority, command->peer);
    if (known) return;
    const struct td_message message = {.kind = TD_MESSAGE_WAIT,
                                       .reason = td_reason_word(command->reason)};
    td_authority_log(authority, command->peer, "waits (%s)", message.reason);
    send(authority, command->peer, &message);
}

static void send_abort(struct td_authority *authority, const struct td_command *command)
{
    const struct td_message message = {.kind = TD_MESSAGE_ABORT,
                                       .order = command->order,
                                       .reason = td_reason_word(command->reason)};
    authority->metrics.aborts++;
    authority->members[command->peer].to_abort = true;
    td_authority_log(authority, command->peer, "order %llu is aborted (%s)",
                     (unsigned long long)command->order, message.reason);
    send(authority, command->peer, &message);
}

static void send_done(struct td_authority *authority, const struct td_command *command)
{
    struct member *member = &authority->members[command->peer];
    struct td_recording *recording = td_authority_recording(authority, command->peer);
    if (recording != NULL)
        td_recording_done(recording, command->peer, command->failed ? TD_PEER_FAILED : TD_PEER_OK,
                          authority->now);
    const struct td_message message = {.kind = TD_MESSAGE_DONE,
                                       .reason = td_reason_word(command->reason),
                                       .done = {.failed = command->failed}};
    td_authority_log(authority, command->peer, "%s (%s)",
                     command->failed ? "has failed" : "is done", message.reason);
    send(authority, command->peer, &message);
    if (member->link != TD_NO_LINK) {
        authority->outlet.close(authority->outlet.context, member->link);
        authority->links[member->link] = NOBODY;
    }
    td_authority_free_steps(member);
    td_authority_discharge(authority, command->peer);
    member->link = TD_NO_LINK;
    member->here = false;
    member->order = 0;
    member->waiting = member->builds = false;
    td_authority_set_timer(authority, command->peer);
    authority->present--;
    authority->cohorts[member->cohort].present--;
    if (command->failed)
        authority->metrics.failed++;
    else
        authority->metrics.completed++;
}

static void carry_out(struct td_authority *authority, const struct td_command *command)
{
    if (authority->outlet.command != NULL)
        authority->outlet.command(authority->outlet.context, command);
    switch (command->kind) {
    case TD_COMMAND_ORDER:
        send_order(authority, command);
        break;
    case TD_COMMAND_WAIT:
        send_wait(authority, command);
        break;
    case TD_COMMAND_WAKE:
        td_authority_ask_later(authority, command->peer);
        break;
    case TD_COMMAND_ABORT:
        send_abort(authority, command);
        break;
    case TD_COMMAND_DONE:
        send_done(authority, command);
        break;
    }
}

bool td_authority_tell(struct td_authority *authority, const struct td_event *event)
{
    authority->commands.count = 0;
    if (td_engine_apply(authority->engine, event, 1, &authority->commands, &authority->error) != 1)
        return false;
    if (authority->outlet.event != NULL) authority->outlet.event(authority->outlet.context, event);
    for (size_t i = 0; i < authority->commands.count; i++)
        carry_out(authority, &authority->commands.items[i]);
    return true;
}

void td_authority_ask_later(struct td_authority *authority, td_peer peer)
{
    td_agenda_set(&authority->pending, peer, 0);
}

/* Whoever is free now asks, in the peers' order, as the model has it. */
void td_authority_pump(struct td_authority *authority)
{
    while (!authority->failed && authority->holds == 0) {
        td_peer peer = td_agenda_first(&authority->pending);
        if (peer == TD_NO_PEER) return;
        td_agenda_set(&authority->pending, peer, TD_TIME_MAX);
        const struct member *member = &authority->members[peer];
        /* one without a connection would not hear of its order */
        if (!member->here || member->order != 0 || member->link == TD_NO_LINK) continue;
        const struct td_event ask = {.kind = TD_EVENT_ASK, .at = authority->now, .peer = peer};
        if (!td_authority_tell(authority, &ask)) td_authority_fail(authority);
    }
}
