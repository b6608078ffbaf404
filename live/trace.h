/* What went into an engine and what came out of it, as bytes: each event, and behind it the
 * commands that it caused. Equal traces are equal lives, byte by byte; where two differ, this says
 * at which item and how.
 *
 * A trace is a td_buffer, which keeps whether memory ran short. Times in it are relative to
 * `base`, so that most of them are short. */
#ifndef TD_LIVE_TRACE_H
#define TD_LIVE_TRACE_H

#include "engine/engine.h"
#include "live/codec.h"

void td_trace_event(struct td_buffer *out, td_time base, const struct td_event *event);
void td_trace_command(struct td_buffer *out, const struct td_command *command);

/* An item that was read. */
struct td_trace_item {
    bool is_event;
    struct td_event event;
    struct td_command command;
    struct td_schema_spec spec; /* of a SCHEMA event, */
    void *tables;               /* and what it consists of: free() it */
};

/* The next item; false at the end, and (reader->failed) where there is none. */
bool td_trace_next(struct td_reader *reader, td_time base, struct td_trace_item *item);

/* What a command says, in words: "order 4 to build step 2 (ready)". */
void td_trace_describe(const struct td_command *command, char *out, size_t size);

struct td_trace_difference {
    size_t item;  /* from 0 */
    td_peer peer; /* whom it is about */
    char was[200], is[200];
};

/* True if the traces differ; the first item that does. */
bool td_trace_differs(const struct td_buffer *was, const struct td_buffer *is, td_time base,
                      struct td_trace_difference *difference);

#endif
