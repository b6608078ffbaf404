#include "live/inputs.h"

#include "live/trace.h"

#include <stdlib.h>
#include <string.h>

/* Behind the message, which has no NUL, and only if there is something to say. */
static void write_voucher(const struct td_voucher *voucher, struct td_buffer *out)
{
    if (voucher->owner == NULL && !voucher->read_only) return;
    td_buffer_add(out, "", 1);
    td_put_unsigned(out, voucher->read_only);
    td_put_text(out, voucher->owner);
}

static bool take_voucher(const char *bytes, size_t length, struct td_voucher *voucher)
{
    struct td_reader reader = td_reader_of(bytes, length);
    voucher->read_only = td_take_unsigned(&reader) != 0;
    voucher->owner = td_take_text(&reader);
    return !reader.failed;
}

void td_input_write(const struct td_input *input, struct td_buffer *out)
{
    switch (input->kind) {
    case TD_INPUT_MESSAGE:
        td_message_write(input->message, out);
        write_voucher(&input->voucher, out);
        break;
    case TD_INPUT_REFUSE:
        td_put_text(out, input->code);
        break;
    case TD_INPUT_HOLD:
        td_put_unsigned(out, input->hold.why);
        td_put_unsigned(out, input->hold.on);
        break;
    case TD_INPUT_RESTORE:
        td_buffer_add(out, input->restore.bytes, input->restore.length);
        break;
    case TD_INPUT_LOSE:
    case TD_INPUT_WAKE:
    case TD_INPUT_RESTART:
    case TD_INPUT_KINDS:
        break;
    }
}

/* The row's input; a message in it is to be destroyed. */
static bool read_input(const struct td_journal_row *row, struct td_input *input,
                       struct td_message **message, struct td_error *error)
{
    struct td_reader reader = td_reader_of(row->body, row->body_length);
    *input =
        (struct td_input){.kind = (enum td_input_kind)row->kind, .link = row->link, .at = row->at};
    *message = NULL;
    bool good = row->kind < TD_INPUT_KINDS && row->link < TD_ENGINE_MAX_PEERS;
    if (good && input->kind == TD_INPUT_MESSAGE) {
        const char *body = row->body_length == 0 ? "" : row->body;
        const char *end = memchr(body, '\0', row->body_length);
        size_t length = end == NULL ? row->body_length : (size_t)(end - body);
        if (end != NULL && !take_voucher(end + 1, row->body_length - length - 1, &input->voucher))
            return td_error_set(error, TD_FAULT_INPUT, "it is no input");
        input->message = *message = td_message_read_own(body, length, error);
        return *message != NULL;
    }
    if (good && input->kind == TD_INPUT_REFUSE) {
        input->code = td_take_text(&reader);
        good = input->code != NULL;
    } else if (good && input->kind == TD_INPUT_HOLD) {
        input->hold.why = (enum td_hold)td_take_u32(&reader);
        input->hold.on = td_take_u32(&reader) != 0;
        good = !reader.failed;
    } else if (good && input->kind == TD_INPUT_RESTORE) {
        input->restore.bytes = row->body;
        input->restore.length = row->body_length;
    }
    return good || td_error_set(error, TD_FAULT_INPUT, "it is no input");
}

/* What came of it is what is written there. */
static bool compare(const struct td_authority *authority, const struct td_journal_row *row,
                    const struct td_buffer *trace, struct td_error *error)
{
    /* never written to: the bytes are the journal's */
    const struct td_buffer was = {.bytes = (char *)(uintptr_t)row->caused,
                                  .length = row->caused_length};
    struct td_trace_difference difference;
    if (!td_trace_differs(&was, trace, row->at, &difference)) return true;
    const char *name = td_authority_peer_name(authority, difference.peer);
    char at[TD_TIME_TEXT];
    (void)td_time_text(row->at, at);
    return td_error_set(error, TD_FAULT_RUN,
                        "input %lld, at %s s, item %zu, about %s: recorded is %s, and now comes %s",
                        (long long)row->number, at, difference.item + 1,
                        name == NULL ? "no peer" : name, difference.was, difference.is);
}

bool td_input_relive(struct td_authority *authority, const struct td_journal_row *row,
                     struct td_buffer *trace, struct td_error *error)
{
    struct td_input input;
    struct td_message *message;
    struct td_error why = {0};
    trace->length = 0;
    bool good =
        read_input(row, &input, &message, &why) && td_authority_apply(authority, &input, &why);
    td_message_destroy(message);
    if (!good)
        return td_error_set(error, TD_FAULT_RUN, "input %lld cannot be: %s", (long long)row->number,
                            why.text);
    if (trace->failed) return td_error_memory(error, "a journal");
    return compare(authority, row, trace, error);
}
