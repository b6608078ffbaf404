/* The event queue: one pending event a peer, and perhaps its departure, in the order of the model.
 *
 * A tournament (winner) tree: leaf i holds the key of peer i's pending event, every
 * inner node the smaller of its two, the root the next event of all. Setting a leaf replays its
 * path, without branches; a look at what comes next after a given leaf reads the siblings on its
 * path. Both cost the logarithm of the number of peers. Up to eight leaves are looked at one by one
 * instead. Both were chosen by measurement: see docs/performance.md.
 *
 * Order (model, section 3.5), decided here and nowhere else: (time, class, place of the peer). A
 * key packs the three into 64 bits, so that no tie needs a second look. Times are relative to a
 * base that moves on when the field runs full; what lies beyond the field until then is marked far
 * and kept aside.
 */
#ifndef TD_SIM_QUEUE_H
#define TD_SIM_QUEUE_H

#include "base/error.h"
#include "base/time.h"

#include <stdint.h>

/* What happens first at one instant. */
enum td_class {
    TD_CLASS_COMPLETION, /* of a build, a fetch or an overhead, with what it publishes */
    TD_CLASS_DEPARTURE,
    TD_CLASS_ARRIVAL,
    TD_CLASS_START, /* a peer asks, or reaches the next artifact of its order */
};

/* These are no keys of events, and come after all that are. */
#define TD_KEY_NONE UINT64_MAX
#define TD_KEY_FAILED (UINT64_MAX - 1) /* there is none for lack of memory */

struct td_queue {
    uint64_t *leaf;  /* keys of the leaves, behind the inner nodes */
    uint64_t *nodes; /* 2 * leaves; root at 1 */
    td_time *far;    /* times of the leaves that are beyond the field; NULL until there are any */
    td_time base;
    bool flat;           /* there are so few leaves that nothing stands above them */
    uint32_t leaves;     /* a power of two, at least 4 */
    uint32_t leaf_bits;  /* its logarithm */
    uint32_t place_bits; /* of a peer's place */
    uint32_t time_shift; /* what is below the time in a key */
    uint64_t place_mask;
    uint64_t class_mask;   /* of the class: 0 is a completion, all ones a start */
    uint64_t instant_mask; /* of what events at one instant differ in */
    uint32_t departures;   /* the leaf of the first peer's departure, 0 if there are none */
    uint64_t far_time;     /* what the time field holds for these */
    uint64_t far_key;      /* the first key with it */
    uint64_t tied;         /* no two events have the same time behind this key */
};

/* With `departures` each peer has a second leaf, for an event of the class DEPARTURE. */
bool td_queue_create(struct td_queue *queue, uint32_t peers, bool departures,
                     struct td_error *error);
void td_queue_destroy(struct td_queue *queue);

/* Empties it and starts again at time 0. */
void td_queue_reset(struct td_queue *queue);

static inline uint32_t td_key_place(const struct td_queue *queue, uint64_t key)
{
    return (uint32_t)(key & queue->place_mask);
}

static inline bool td_key_is_completion(const struct td_queue *queue, uint64_t key)
{
    return (key & queue->class_mask) == 0;
}

static inline enum td_class td_key_class(const struct td_queue *queue, uint64_t key)
{
    return (enum td_class)(key >> queue->place_bits & 3);
}

static inline td_time td_key_time(const struct td_queue *queue, uint64_t key)
{
    return queue->base + (td_time)(key >> queue->time_shift);
}

/* The key of the same peer's event of the class START, the last one, at the same time. */
static inline uint64_t td_key_of_start(const struct td_queue *queue, uint64_t key)
{
    return key | queue->class_mask;
}

/* The leaf of an event. */
static inline uint32_t td_queue_leaf(const struct td_queue *queue, enum td_class class,
                                     uint32_t place)
{
    return class == TD_CLASS_DEPARTURE ? queue->departures + place : place;
}

/* The same of a key. */
static inline uint32_t td_queue_leaf_of(const struct td_queue *queue, uint64_t key)
{
    uint32_t place = td_key_place(queue, key);
    if (__builtin_expect(queue->departures == 0, 1)) return place;
    return td_queue_leaf(queue, td_key_class(queue, key), place);
}

/* The key of an event whose time is beyond the field, and kept aside. TD_KEY_FAILED if memory is
 * short. */
uint64_t td_queue_far_key(struct td_queue *queue, td_time at, enum td_class class, uint32_t place);

/* The key of an event, not before the queue's present. TD_KEY_FAILED if memory is short. */
static inline uint64_t td_queue_key(struct td_queue *queue, td_time at, enum td_class class,
                                    uint32_t place)
{
    uint64_t relative = (uint64_t)(at - queue->base);
    if (__builtin_expect(relative >= queue->far_time, 0))
        return td_queue_far_key(queue, at, class, place);
    return relative << queue->time_shift | (uint64_t) class << queue->place_bits | place;
}

/* The key that comes after those of all events before a time, which is not before the queue's
 * present, and before all others but that beyond the field none has a key below it. */
static inline uint64_t td_queue_first_key(const struct td_queue *queue, td_time at)
{
    uint64_t relative = (uint64_t)(at - queue->base);
    return relative >= queue->far_time ? queue->far_key : relative << queue->time_shift;
}

/* True if a key's time is beyond the field, or there is no event: its time is not known from the
 * key. */
static inline bool td_queue_is_far(const struct td_queue *queue, uint64_t key)
{
    return key >= queue->far_key;
}

/* Two subtrees' next events meet, and are at one instant. The next event of all has met the one
 * that follows it when the last of both was set, so that two at one instant are never overlooked.
 */
static inline void td_queue_meet(struct td_queue *queue, uint64_t key)
{
    uint64_t last = key | queue->instant_mask;
    if (key < queue->far_key && last > queue->tied) queue->tied = last;
}

static inline uint64_t td_least_key(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Gives a leaf its pending event, or none (TD_KEY_NONE). */
static inline void td_queue_set(struct td_queue *queue, uint32_t leaf, uint64_t key)
{
    uint64_t *nodes = queue->nodes, instant_mask = queue->instant_mask;
    if (queue->flat) {
        queue->leaf[leaf] = key;
        return;
    }
    uint64_t i = queue->leaves + leaf;
    nodes[i] = key;
    while (i > 1) {
        uint64_t other = nodes[i ^ 1];
        if (__builtin_expect((key ^ other) <= instant_mask, 0)) td_queue_meet(queue, key);
        key = td_least_key(key, other);
        i >>= 1;
        nodes[i] = key;
    }
}

/* The same without replaying, for many at once; td_queue_rebuild() must follow. */
static inline void td_queue_set_leaf(struct td_queue *queue, uint32_t leaf, uint64_t key)
{
    queue->leaf[leaf] = key;
}

void td_queue_rebuild(struct td_queue *queue);

/* The events of other times again, as they were in the leaves when none was beyond the field; from
 * a queue that had not moved its base on. td_queue_rebuild() must follow. */
void td_queue_restore(struct td_queue *queue, const uint64_t *leaves);

/* Moves the base on, when the next event of all is a far one. */
void td_queue_rebase(struct td_queue *queue);

static inline uint64_t td_least_of_four(const uint64_t *keys)
{
    return td_least_key(td_least_key(keys[0], keys[1]), td_least_key(keys[2], keys[3]));
}

/* The next event of all leaves where they are few: four or eight. */
static inline uint64_t td_queue_least(const struct td_queue *queue)
{
    uint64_t key = td_least_of_four(queue->leaf);
    if (queue->leaves > 4) key = td_least_key(key, td_least_of_four(queue->leaf + 4));
    return key;
}

static inline uint64_t td_queue_root(const struct td_queue *queue)
{
    return queue->flat ? td_queue_least(queue) : queue->nodes[1];
}

/* The next event of all, or TD_KEY_NONE. */
static inline uint64_t td_queue_top(struct td_queue *queue)
{
    uint64_t key = td_queue_root(queue);
    if (__builtin_expect(td_queue_is_far(queue, key), 0) && key != TD_KEY_NONE) {
        td_queue_rebase(queue);
        key = td_queue_root(queue);
    }
    return key;
}

/* The next event of all leaves but one, whose own event may be lost by that: the leaf must be set
 * before anything else is asked. */
static inline uint64_t td_queue_top_of_others(struct td_queue *queue, uint32_t leaf)
{
    uint64_t key = TD_KEY_NONE;
    if (queue->flat) {
        queue->leaf[leaf] = TD_KEY_NONE;
        return td_queue_least(queue);
    }
    for (uint32_t i = queue->leaves + leaf; i > 1; i >>= 1) {
        key = td_least_key(key, queue->nodes[i ^ 1]);
    }
    return key;
}

/* The same of a leaf whose event is next of all. If no other is at the same instant,
 * which is known at once, it may be said to come at the next one, though it comes later. */
static inline uint64_t td_queue_next_of_others(struct td_queue *queue, uint32_t leaf, uint64_t key)
{
    if (__builtin_expect(queue->tied < key, 1)) return (key | queue->instant_mask) + 1;
    return td_queue_top_of_others(queue, leaf);
}

/* A hint that the peer's event will come soon: of its path what is not near the root, where all
 * paths meet, is brought into the cache. */
static inline void td_queue_prefetch(const struct td_queue *queue, uint32_t place)
{
    for (uint32_t level = 0; level < 4; level++)
        __builtin_prefetch(&queue->nodes[(queue->leaves + place) >> level], 1);
}

/* The next event of the neighbours of a leaf, a 64th of all; for a tree that has so many. */
static inline uint64_t td_queue_rival(const struct td_queue *queue, uint32_t leaf)
{
    return queue->nodes[(queue->leaves + leaf) >> (queue->leaf_bits - 6)];
}

#endif
