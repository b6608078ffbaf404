#include "live/trace.h"

#include "live/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both TD_NO_STEP and TD_UNIVERSE are short. */
static void put_step(struct td_buffer *out, td_step step)
{
    td_put_unsigned(out, (uint32_t)(step + 2));
}

static td_step take_step(struct td_reader *reader)
{
    return td_take_u32(reader) - 2;
}

static void put_identity(struct td_buffer *out, const struct td_identity *identity)
{
    td_put_unsigned(out, identity->repository);
    td_put_unsigned(out, identity->base_ref);
    td_put_unsigned(out, identity->cache);
    td_put_unsigned(out, identity->schema);
}

static struct td_identity take_identity(struct td_reader *reader)
{
    struct td_identity identity = {0};
    identity.repository = td_take_u32(reader);
    identity.base_ref = td_take_u32(reader);
    identity.cache = td_take_u32(reader);
    identity.schema = td_take_u32(reader);
    return identity;
}

static void put_times(struct td_buffer *out, const td_time *times, uint32_t count)
{
    td_put_unsigned(out, times != NULL);
    for (uint32_t i = 0; times != NULL && i < count; i++)
        td_put_signed(out, times[i]);
}

static void put_spec(struct td_buffer *out, const struct td_schema_spec *spec)
{
    uint32_t steps = spec->step_count;
    td_put_unsigned(out, steps);
    td_put_unsigned(out, spec->after_start[steps]);
    for (uint32_t s = 0; s < steps; s++) {
        td_put_unsigned(out, spec->after_start[s + 1] - spec->after_start[s]);
        for (uint32_t i = spec->after_start[s]; i < spec->after_start[s + 1]; i++)
            td_put_unsigned(out, spec->after[i]);
    }
    put_times(out, spec->estimates, steps);
    put_times(out, spec->fetch_estimates, steps);
    td_put_signed(out, spec->overhead);
    td_put_signed(out, spec->rest_build);
    td_put_signed(out, spec->rest_fetch);
    td_put_unsigned(out, spec->exact);
}

static void take_times(struct td_reader *reader, td_time *times, uint32_t count,
                       const td_time **out)
{
    if (td_take_unsigned(reader) == 0) return;
    for (uint32_t i = 0; i < count; i++)
        times[i] = td_take_signed(reader);
    *out = times;
}

static void take_spec(struct td_reader *reader, struct td_trace_item *item)
{
    struct td_schema_spec *spec = &item->spec;
    uint32_t steps = td_take_count(reader, TD_ENGINE_MAX_STEPS), at = 0;
    uint32_t edges = td_take_count(reader, UINT32_MAX);
    td_time *times = malloc(2 * (steps + (size_t)1) * sizeof *times +
                            (steps + (size_t)1 + edges) * sizeof(uint32_t));
    item->tables = times;
    if (times == NULL || reader->failed) {
        reader->failed = true;
        return;
    }
    uint32_t *start = (uint32_t *)(times + 2 * (steps + (size_t)1)), *after = start + steps + 1;
    start[0] = 0;
    for (uint32_t s = 0; s < steps; s++) {
        uint32_t count = td_take_u32(reader);
        if (count > edges - at) reader->failed = true;
        for (uint32_t i = 0; i < count && !reader->failed; i++)
            after[at++] = td_take_u32(reader);
        start[s + 1] = at;
    }
    *spec = (struct td_schema_spec){.step_count = steps, .after_start = start, .after = after};
    take_times(reader, times, steps, &spec->estimates);
    take_times(reader, times + steps + 1, steps, &spec->fetch_estimates);
    spec->overhead = td_take_signed(reader);
    spec->rest_build = td_take_signed(reader);
    spec->rest_fetch = td_take_signed(reader);
    spec->exact = td_take_unsigned(reader) != 0;
    item->event.schema.spec = spec;
}

void td_trace_event(struct td_buffer *out, td_time base, const struct td_event *event)
{
    td_put_unsigned(out, (uint64_t)event->kind * 2);
    td_put_signed(out, (int64_t)((uint64_t)event->at - (uint64_t)base));
    td_put_unsigned(out, event->peer);
    switch (event->kind) { /* without a default: the compiler asks for a new kind */
    case TD_EVENT_SCHEMA:
        td_put_unsigned(out, event->schema.id);
        put_spec(out, event->schema.spec);
        break;
    case TD_EVENT_LOT:
        put_identity(out, &event->lot.identity);
        put_step(out, event->lot.step);
        td_put_signed(out, event->lot.number);
        break;
    case TD_EVENT_JOIN:
        put_identity(out, &event->join.identity);
        td_put_signed(out, (int64_t)((uint64_t)event->join.since - (uint64_t)base));
        td_put_unsigned(out, event->join.ticket);
        td_put_unsigned(out, event->join.read_only + 2u * event->join.again);
        break;
    case TD_EVENT_HOLDS:
    case TD_EVENT_ADOPT:
    case TD_EVENT_LOST:
        put_step(out, event->holds.step);
        break;
    case TD_EVENT_VARIANT:
    case TD_EVENT_START:
        put_step(out, event->variant.step);
        td_put_unsigned(out, event->variant.digest);
        break;
    case TD_EVENT_ASK:
    case TD_EVENT_LEFT:
        break;
    case TD_EVENT_OBTAINED:
        td_put_unsigned(out, event->obtained.order);
        put_step(out, event->obtained.step);
        td_put_unsigned(out, event->obtained.built + 2u * event->obtained.published +
                                 4u * event->obtained.whole + 8u * event->obtained.last);
        td_put_signed(out, event->obtained.took);
        break;
    case TD_EVENT_ENDED:
        td_put_unsigned(out, event->ended.order);
        td_put_unsigned(out, event->ended.end);
        put_step(out, event->ended.step);
        break;
    case TD_EVENT_PUBLISHED:
    case TD_EVENT_BROKEN:
        put_identity(out, &event->known.identity);
        put_step(out, event->known.step);
        td_put_unsigned(out, event->known.digest);
        break;
    case TD_EVENT_LEARNED:
        put_identity(out, &event->learned.identity);
        put_step(out, event->learned.step);
        td_put_unsigned(out, event->learned.fetches);
        td_put_unsigned(out, event->learned.count);
        td_put_signed(out, event->learned.sum);
        break;
    }
}

/* What only its kind has. False: there is no such kind. */
static bool take_event(struct td_reader *reader, td_time base, struct td_trace_item *item)
{
    struct td_event *event = &item->event;
    uint64_t flags;
    switch (event->kind) {
    case TD_EVENT_SCHEMA:
        event->schema.id = td_take_u32(reader);
        take_spec(reader, item);
        return true;
    case TD_EVENT_LOT:
        event->lot.identity = take_identity(reader);
        event->lot.step = take_step(reader);
        event->lot.number = td_take_signed(reader);
        return true;
    case TD_EVENT_JOIN:
        event->join.identity = take_identity(reader);
        event->join.since = (td_time)((uint64_t)base + (uint64_t)td_take_signed(reader));
        event->join.ticket = td_take_u32(reader);
        flags = td_take_unsigned(reader);
        event->join.read_only = flags & 1;
        event->join.again = flags >> 1 & 1;
        return true;
    case TD_EVENT_HOLDS:
    case TD_EVENT_ADOPT:
    case TD_EVENT_LOST:
        event->holds.step = take_step(reader);
        return true;
    case TD_EVENT_VARIANT:
    case TD_EVENT_START:
        event->variant.step = take_step(reader);
        event->variant.digest = td_take_unsigned(reader);
        return true;
    case TD_EVENT_ASK:
    case TD_EVENT_LEFT:
        return true;
    case TD_EVENT_OBTAINED:
        event->obtained.order = td_take_unsigned(reader);
        event->obtained.step = take_step(reader);
        flags = td_take_unsigned(reader);
        event->obtained.built = flags & 1;
        event->obtained.published = flags >> 1 & 1;
        event->obtained.whole = flags >> 2 & 1;
        event->obtained.last = flags >> 3 & 1;
        event->obtained.took = td_take_signed(reader);
        return true;
    case TD_EVENT_ENDED:
        event->ended.order = td_take_unsigned(reader);
        flags = td_take_unsigned(reader);
        event->ended.end = (enum td_end)flags;
        event->ended.step = take_step(reader);
        return flags <= TD_END_ABORTED;
    case TD_EVENT_PUBLISHED:
    case TD_EVENT_BROKEN:
        event->known.identity = take_identity(reader);
        event->known.step = take_step(reader);
        event->known.digest = td_take_unsigned(reader);
        return true;
    case TD_EVENT_LEARNED:
        event->learned.identity = take_identity(reader);
        event->learned.step = take_step(reader);
        event->learned.fetches = td_take_unsigned(reader) != 0;
        event->learned.count = td_take_unsigned(reader);
        event->learned.sum = td_take_signed(reader);
        return true;
    }
    return false;
}

void td_trace_command(struct td_buffer *out, const struct td_command *command)
{
    bool numbered = command->kind == TD_COMMAND_ORDER || command->kind == TD_COMMAND_ABORT;
    td_put_unsigned(out, (uint64_t)command->kind * 2 + 1);
    td_put_unsigned(out, command->reason);
    td_put_unsigned(out, command->peer);
    put_step(out, command->step);
    td_put_unsigned(out, command->build + 2u * command->failed);
    if (numbered) td_put_unsigned(out, command->order);
    if (command->kind == TD_COMMAND_WAIT) td_put_signed(out, command->until);
}

static bool take_command(struct td_reader *reader, struct td_command *command)
{
    command->reason = (enum td_reason)td_take_u32(reader);
    command->peer = td_take_u32(reader);
    command->step = take_step(reader);
    uint64_t flags = td_take_unsigned(reader);
    command->build = flags & 1;
    command->failed = flags >> 1 & 1;
    if (command->kind == TD_COMMAND_ORDER || command->kind == TD_COMMAND_ABORT)
        command->order = td_take_unsigned(reader);
    if (command->kind == TD_COMMAND_WAIT) command->until = td_take_signed(reader);
    return command->kind <= TD_COMMAND_DONE;
}

bool td_trace_next(struct td_reader *reader, td_time base, struct td_trace_item *item)
{
    memset(item, 0, sizeof *item);
    if (!td_reader_has_more(reader)) return false;
    uint64_t tag = td_take_unsigned(reader);
    if (tag > 127) reader->failed = true;
    item->is_event = tag % 2 == 0;
    bool known;
    if (item->is_event) {
        item->event.kind = (enum td_event_kind)(tag / 2);
        item->event.at = (td_time)((uint64_t)base + (uint64_t)td_take_signed(reader));
        item->event.peer = td_take_u32(reader);
        known = take_event(reader, base, item);
    } else {
        item->command.kind = (enum td_command_kind)(tag / 2);
        known = take_command(reader, &item->command);
    }
    if (known && !reader->failed) return true;
    reader->failed = true;
    free(item->tables);
    item->tables = NULL;
    return false;
}

static void describe_event(const struct td_event *event, char *out, size_t size)
{
    static const char *const ends[] = {"well", "by accident", "broken", "aborted"};
    unsigned peer = event->peer;
    switch (event->kind) {
    case TD_EVENT_SCHEMA:
        (void)snprintf(out, size, "schema %u is opened", event->schema.id);
        break;
    case TD_EVENT_LOT:
        (void)snprintf(out, size, "a lot for step %u", event->lot.step);
        break;
    case TD_EVENT_JOIN:
        (void)snprintf(out, size, "peer %u joins", peer);
        break;
    case TD_EVENT_HOLDS:
        (void)snprintf(out, size, "peer %u holds step %u", peer, event->holds.step);
        break;
    case TD_EVENT_VARIANT:
    case TD_EVENT_START:
        (void)snprintf(out, size, "peer %u has variant %" PRIu64 " of step %u%s", peer,
                       event->variant.digest, event->variant.step,
                       event->kind == TD_EVENT_START ? " to start from" : "");
        break;
    case TD_EVENT_ADOPT:
        (void)snprintf(out, size, "peer %u brings step %u along", peer, event->holds.step);
        break;
    case TD_EVENT_LOST:
        (void)snprintf(out, size, "peer %u does not find step %u", peer, event->holds.step);
        break;
    case TD_EVENT_ASK:
        (void)snprintf(out, size, "peer %u asks", peer);
        break;
    case TD_EVENT_OBTAINED:
        (void)snprintf(out, size, "peer %u obtains step %u by order %" PRIu64, peer,
                       event->obtained.step, event->obtained.order);
        break;
    case TD_EVENT_ENDED:
        (void)snprintf(out, size, "peer %u ends order %" PRIu64 " %s", peer, event->ended.order,
                       ends[event->ended.end]);
        break;
    case TD_EVENT_LEFT:
        (void)snprintf(out, size, "peer %u leaves", peer);
        break;
    case TD_EVENT_PUBLISHED:
    case TD_EVENT_BROKEN:
        (void)snprintf(out, size, "variant %" PRIu64 " of step %u is known to be %s",
                       event->known.digest, event->known.step,
                       event->kind == TD_EVENT_BROKEN ? "broken" : "published");
        break;
    case TD_EVENT_LEARNED:
        (void)snprintf(out, size, "times of step %u are known", event->learned.step);
        break;
    }
}

void td_trace_describe(const struct td_command *command, char *out, size_t size)
{
    const char *why = td_reason_word(command->reason);
    switch (command->kind) {
    case TD_COMMAND_ORDER:
        if (command->step == TD_UNIVERSE)
            (void)snprintf(out, size, "order %" PRIu64 " for the universe (%s)", command->order,
                           why);
        else
            (void)snprintf(out, size, "order %" PRIu64 " to %s step %u (%s)", command->order,
                           command->build ? "build" : "fetch", command->step, why);
        break;
    case TD_COMMAND_WAIT:
        (void)snprintf(out, size, "a wait (%s)", why);
        break;
    case TD_COMMAND_WAKE:
        (void)snprintf(out, size, "a question whether it can go on (%s)", why);
        break;
    case TD_COMMAND_ABORT:
        (void)snprintf(out, size, "the end of order %" PRIu64 " (%s)", command->order, why);
        break;
    case TD_COMMAND_DONE:
        (void)snprintf(out, size, "the peer is done, %s (%s)", command->failed ? "failed" : "well",
                       why);
        break;
    }
}

static void describe(const struct td_trace_item *item, bool there, char *out, size_t size)
{
    if (!there)
        (void)snprintf(out, size, "nothing");
    else if (item->is_event)
        describe_event(&item->event, out, size);
    else
        td_trace_describe(&item->command, out, size);
}

bool td_trace_differs(const struct td_buffer *was, const struct td_buffer *is, td_time base,
                      struct td_trace_difference *difference)
{
    if (was->length == is->length &&
        (was->length == 0 || memcmp(was->bytes, is->bytes, was->length) == 0))
        return false;
    struct td_reader a = td_reader_of(was->bytes, was->length);
    struct td_reader b = td_reader_of(is->bytes, is->length);
    *difference = (struct td_trace_difference){0};
    for (;;) {
        const unsigned char *from_a = a.at, *from_b = b.at;
        struct td_trace_item x, y;
        bool has_x = td_trace_next(&a, base, &x), has_y = td_trace_next(&b, base, &y);
        size_t length = (size_t)(a.at - from_a);
        bool same = has_x && has_y && length == (size_t)(b.at - from_b) &&
                    memcmp(from_a, from_b, length) == 0;
        if (!same) {
            const struct td_trace_item *one = has_x ? &x : &y;
            difference->peer = one->is_event ? one->event.peer : one->command.peer;
            describe(&x, has_x, difference->was, sizeof difference->was);
            describe(&y, has_y, difference->is, sizeof difference->is);
        }
        free(x.tables);
        free(y.tables);
        if (!same) return true;
        difference->item++;
    }
}
