#include "sim/queue.h"

#include "base/block.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define FEW 8 /* leaves; measured; td_queue_least() knows no more */

bool td_queue_create(struct td_queue *queue, uint32_t peers, bool departures,
                     struct td_error *error)
{
    TD_ASSERT(peers > 0);
    *queue = (struct td_queue){.leaves = 4, .leaf_bits = 2};
    while (UINT32_C(1) << queue->place_bits < peers)
        queue->place_bits++;
    while (queue->leaves < peers) {
        queue->leaves *= 2;
        queue->leaf_bits++;
    }
    if (departures) {
        queue->departures = queue->leaves;
        queue->leaves *= 2;
        queue->leaf_bits++;
    }
    queue->flat = queue->leaves <= FEW;
    /* all ones would make a far event of the last class and place look like none */
    queue->time_shift = queue->place_bits + 2;
    queue->place_mask = (UINT64_C(1) << queue->place_bits) - 1;
    queue->class_mask = UINT64_C(3) << queue->place_bits;
    queue->instant_mask = (UINT64_C(1) << queue->time_shift) - 1;
    queue->far_time = (UINT64_MAX >> queue->time_shift) - 1;
    queue->far_key = queue->far_time << queue->time_shift;
    queue->nodes = td_block_alloc((size_t)queue->leaves * 2, sizeof(uint64_t));
    if (queue->nodes == NULL) return td_error_memory(error, "the event queue");
    queue->leaf = queue->nodes + queue->leaves;
    td_queue_reset(queue);
    return true;
}

void td_queue_destroy(struct td_queue *queue)
{
    free(queue->nodes);
    free(queue->far);
    *queue = (struct td_queue){0};
}

/* No two events are at one instant. With few events this is not said: it is known exactly which is
 * next. */
static uint64_t untied(const struct td_queue *queue)
{
    return queue->flat ? TD_KEY_NONE : 0;
}

void td_queue_reset(struct td_queue *queue)
{
    for (size_t i = 0; i < (size_t)queue->leaves * 2; i++)
        queue->nodes[i] = TD_KEY_NONE;
    queue->base = 0;
    queue->tied = untied(queue);
}

void td_queue_rebuild(struct td_queue *queue)
{
    uint64_t *nodes = queue->nodes;
    if (queue->flat) return;
    for (size_t i = queue->leaves - 1; i > 0; i--) {
        if ((nodes[2 * i] ^ nodes[2 * i + 1]) <= queue->instant_mask)
            td_queue_meet(queue, nodes[2 * i]);
        nodes[i] = nodes[2 * i] < nodes[2 * i + 1] ? nodes[2 * i] : nodes[2 * i + 1];
    }
}

void td_queue_restore(struct td_queue *queue, const uint64_t *leaves)
{
    memcpy(queue->leaf, leaves, queue->leaves * sizeof *leaves);
    queue->base = 0;
    queue->tied = untied(queue);
}

uint64_t td_queue_far_key(struct td_queue *queue, td_time at, enum td_class class, uint32_t place)
{
    if (queue->far == NULL) queue->far = calloc((size_t)queue->leaves, sizeof *queue->far);
    if (queue->far == NULL) return TD_KEY_FAILED;
    queue->far[td_queue_leaf(queue, class, place)] = at;
    return queue->far_key | (uint64_t) class << queue->place_bits | place;
}

void td_queue_rebase(struct td_queue *queue)
{
    /* The next event is a far one, so all are. */
    td_time base = INT64_MAX;
    for (uint32_t i = 0; i < queue->leaves; i++)
        if (queue->leaf[i] != TD_KEY_NONE && queue->far[i] < base) base = queue->far[i];
    queue->base = base;
    queue->tied = untied(queue);
    for (uint32_t i = 0; i < queue->leaves; i++) {
        uint64_t *leaf = &queue->leaf[i];
        if (*leaf != TD_KEY_NONE)
            *leaf = td_queue_key(queue, queue->far[i], td_key_class(queue, *leaf),
                                 td_key_place(queue, *leaf));
    }
    td_queue_rebuild(queue);
}
