#include "live/batch.h"

#include "live/inputs.h"

#include <stdlib.h>
#include <string.h>

/* What is kept for the next inputs; more than that was needed by a disk that was full. */
#define KEPT_BYTES (1u << 20)

/* Where in the bytes it is, follows from those before: they move when there are more of them. */
struct td_batch_input {
    td_time at;
    uint32_t kind, link;
    size_t body_length, caused_length;
};

static bool reserve(struct td_batch *batch, size_t more)
{
    size_t capacity = batch->capacity == 0 ? 64 : batch->capacity;
    while (capacity < batch->count + more)
        capacity *= 2;
    if (capacity == batch->capacity) return true;
    struct td_batch_input *inputs = realloc(batch->inputs, capacity * sizeof *inputs);
    if (inputs == NULL) return false;
    batch->inputs = inputs;
    batch->capacity = capacity;
    return true;
}

bool td_batch_add(struct td_batch *batch, const struct td_input *input,
                  const struct td_buffer *trace)
{
    size_t start = batch->bytes.length;
    td_input_write(input, &batch->bytes);
    size_t body_length = batch->bytes.length - start;
    td_buffer_add(&batch->bytes, trace->bytes, trace->length);
    if (trace->failed || batch->bytes.failed || !reserve(batch, 1)) return false;
    batch->inputs[batch->count++] = (struct td_batch_input){.at = input->at,
                                                            .kind = input->kind,
                                                            .link = input->link,
                                                            .body_length = body_length,
                                                            .caused_length = trace->length};
    return true;
}

bool td_batch_move(struct td_batch *batch, struct td_batch *later)
{
    if (later->count == 0) return true;
    if (!reserve(batch, later->count) || !td_buffer_reserve(&batch->bytes, later->bytes.length))
        return false;
    memcpy(batch->inputs + batch->count, later->inputs, later->count * sizeof *later->inputs);
    td_buffer_add(&batch->bytes, later->bytes.bytes, later->bytes.length);
    batch->count += later->count;
    td_batch_clear(later);
    return true;
}

const struct td_journal_row *td_batch_rows(struct td_batch *batch)
{
    if (batch->row_capacity < batch->count) {
        struct td_journal_row *rows = realloc(batch->rows, batch->capacity * sizeof *rows);
        if (rows == NULL) return NULL;
        batch->rows = rows;
        batch->row_capacity = batch->capacity;
    }
    const char *at = batch->bytes.bytes;
    for (size_t i = 0; i < batch->count; i++) {
        const struct td_batch_input *from = &batch->inputs[i];
        batch->rows[i] = (struct td_journal_row){.at = from->at,
                                                 .kind = from->kind,
                                                 .link = from->link,
                                                 .body = at,
                                                 .body_length = from->body_length,
                                                 .caused = at + from->body_length,
                                                 .caused_length = from->caused_length};
        at += from->body_length + from->caused_length;
    }
    return batch->rows;
}

void td_batch_clear(struct td_batch *batch)
{
    uint64_t number = batch->number;
    if (batch->bytes.room > KEPT_BYTES) {
        td_batch_free(batch);
        batch->number = number;
    }
    batch->count = 0;
    batch->bytes.length = 0;
}

void td_batch_free(struct td_batch *batch)
{
    td_buffer_free(&batch->bytes);
    free(batch->inputs);
    free(batch->rows);
    *batch = (struct td_batch){0};
}
