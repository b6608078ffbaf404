/* Inputs that a journal is to have in one transaction.
 *
 *     td_batch_add(&batch, &input, &trace);
 *     rows = td_batch_rows(&batch);              for td_journal_append()
 *     td_batch_clear(&batch);                    they are durable
 *
 * All zero it is empty. Rows live until the batch is changed.
 */
#ifndef TD_LIVE_BATCH_H
#define TD_LIVE_BATCH_H

#include "live/authority.h"
#include "live/journal.h"
#include "report/buffer.h"

struct td_batch {
    uint64_t number; /* its owner's */
    size_t count;
    struct td_buffer bytes; /* bodies and traces, one row behind the other */
    struct td_batch_input *inputs;
    struct td_journal_row *rows;
    size_t capacity, row_capacity;
};

/* One more, and what it has caused (live/trace.h). False if memory is short. */
bool td_batch_add(struct td_batch *batch, const struct td_input *input,
                  const struct td_buffer *trace);
/* Those of `later`, which has none then. False if memory is short: then nothing has changed. */
bool td_batch_move(struct td_batch *batch, struct td_batch *later);
/* NULL if memory is short; also of an empty batch. */
const struct td_journal_row *td_batch_rows(struct td_batch *batch);
/* Without its inputs; the memory is kept, unless that is much. */
void td_batch_clear(struct td_batch *batch);
void td_batch_free(struct td_batch *batch);

#endif
