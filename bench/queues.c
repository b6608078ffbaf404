#include "queues.h"

#include "bench_internal.h"
#include "sim/queue.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS 4000000u

/* Lengths that are drawn beforehand, so that only the queues are timed. */
static td_time lengths[4096];

static void draw_lengths(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        lengths[i] = (td_time)(state >> 27); /* up to some 137 s */
    }
}

/* As the simulated world uses it: up to 8 events are looked at one by one, and then what comes next
 * is known when the last one has been set. */
static uint64_t run_queue(uint32_t peers)
{
    struct td_queue queue;
    uint64_t sum = 0, key;
    if (!td_queue_create(&queue, peers, false, NULL)) return 0;
    for (uint32_t i = 0; i < peers; i++)
        td_queue_set_leaf(&queue, i,
                          td_queue_key(&queue, lengths[i % 4096], TD_CLASS_COMPLETION, i));
    td_queue_rebuild(&queue);
    key = td_queue_top(&queue);
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint32_t peer = td_key_place(&queue, key);
        td_time now = td_key_time(&queue, key);
        uint64_t others = td_queue_top_of_others(&queue, peer);
        sum += (uint64_t)now + peer + (others & 1);
        key = td_queue_key(&queue, now + lengths[i % 4096], TD_CLASS_COMPLETION, peer);
        td_queue_set(&queue, peer, key);
        if (key >= others) key = queue.flat ? others : td_queue_top(&queue);
    }
    td_queue_destroy(&queue);
    return sum;
}

/* An implicit 4-ary heap of (time, peer): the usual alternative. */
struct entry {
    td_time at;
    uint32_t peer;
};

static bool before(struct entry a, struct entry b)
{
    return a.at != b.at ? a.at < b.at : a.peer < b.peer;
}

static uint32_t least_child(const struct entry *heap, uint32_t count, uint32_t at)
{
    uint32_t best = 4 * at + 1;
    for (uint32_t child = best + 1; child < count && child <= 4 * at + 4; child++)
        if (before(heap[child], heap[best])) best = child;
    return best;
}

static void sink(struct entry *heap, uint32_t count, uint32_t at, struct entry entry)
{
    while (4 * at + 1 < count) {
        uint32_t child = least_child(heap, count, at);
        if (!before(heap[child], entry)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static uint64_t run_heap(uint32_t peers)
{
    struct entry *heap = malloc(peers * sizeof *heap);
    uint64_t sum = 0;
    if (heap == NULL) return 0;
    for (uint32_t i = 0; i < peers; i++)
        heap[i] = (struct entry){lengths[i % 4096], i};
    for (uint32_t i = peers; i-- > 0;)
        sink(heap, peers, i, heap[i]);
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct entry top = heap[0];
        uint64_t others = peers > 1 ? heap[least_child(heap, peers, 0)].peer : 0;
        sum += (uint64_t)top.at + top.peer + (others & 1);
        top.at += lengths[i % 4096];
        sink(heap, peers, 0, top);
    }
    free(heap);
    return sum;
}

void queues_measure(int runs)
{
    static const uint32_t sizes[] = {6, 1000, 100000};
    draw_lengths();
    printf("\nevent queues, ns/event    ours  4-ary heap\n");
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        double ours[MAX_RUNS], heap[MAX_RUNS];
        for (int run = 0; run < runs; run++) {
            double begin = now_s();
            uint64_t sum = run_queue(sizes[size]);
            ours[run] = now_s() - begin;
            begin = now_s();
            bool same = sum == run_heap(sizes[size]);
            heap[run] = now_s() - begin;
            if (!same) {
                (void)fprintf(stderr, "bench: the event queues disagree\n");
                exit(1);
            }
        }
        printf("%17u peers  %6.1f      %6.1f\n", sizes[size], median(ours, runs) / EVENTS * 1e9,
               median(heap, runs) / EVENTS * 1e9);
    }
}
