/* An authority's inputs as a journal's rows, and back. */
#ifndef TD_LIVE_INPUTS_H
#define TD_LIVE_INPUTS_H

#include "live/authority.h"
#include "live/journal.h"

/* What an input says, apart from kind, link and time. */
void td_input_write(const struct td_input *input, struct td_buffer *out);

/* The input of a row, given to the authority, which must cause what the row says. `trace` is what
 * its outlet's `event` and `command` write (live/trace.h, relative to row->at); it is emptied
 * before. False with a sentence that names the row and the first item that differs. */
bool td_input_relive(struct td_authority *authority, const struct td_journal_row *row,
                     struct td_buffer *trace, struct td_error *error);

#endif
