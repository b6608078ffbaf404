/* The engine's insides. Positions: within a cohort a step is known by its position in priority
 * order, so that the first step of a set is the lowest bit of its bitmap; `order` and `position`
 * translate. */
#ifndef TD_ENGINE_ENGINE_INTERNAL_H
#define TD_ENGINE_ENGINE_INTERNAL_H

#include "base/assert.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* Steps in priority order, and what follows from that order. */
struct priority {
    uint32_t *order;    /* position -> step */
    uint32_t *position; /* step -> position */
    uint64_t
        *prerequisites; /* at each position a bitmap of those directly before it; NULL: no edges */
    uint64_t *roots;    /* positions without prerequisites */
    uint32_t capacity;  /* steps that there is room for */
    size_t prerequisite_capacity; /* words that there is room for */
    bool set;
    bool schema_order; /* positions are steps */
};

struct schema {
    uint32_t steps, words;
    uint32_t *after_start, *after;          /* direct prerequisites, by step */
    uint32_t *dependent_start, *dependents; /* the reverse */
    uint32_t *dependency_order;             /* prerequisites before what comes after them */
    td_time *estimates, *fetch_estimates;
    td_time overhead, rest_build, rest_fetch;
    bool exact;
    struct priority priority; /* of every cohort, unless the policy ranks by lots */
};

/* The result of one step in one variant. The first `steps` of a cohort are the untouched ones, by
 * position. */
struct artifact {
    uint32_t position;
    uint32_t builders; /* peers that are building it */
    uint64_t digest;
    uint32_t user;   /* first of the strains that need it, chained by `next_use`; untouched: NONE */
    uint32_t starts; /* how many builds of strains could start from it */
    td_peer found_by; /* the first peer that found that it does not build */
    bool published;
    bool broken; /* two have found it */
};

/* A variant that a strain has of its own. */
struct strain_variant {
    uint32_t artifact;
    uint32_t start;    /* first of the strain's starts for it, or NONE */
    uint32_t next_use; /* next strain that needs the same artifact */
};

/* An artifact that a partial build can start from; the best comes first. */
struct strain_start {
    uint32_t artifact;
    uint32_t next; /* of the same variant, or NONE */
};

/* The peers of a cohort whose variants all agree share a strain: what is published and ready is the
 * same for each of them. Strain 0 of a cohort is that of the peers that touch nothing. */
struct strain {
    /* Bitmaps by position. own: variants that are not the untouched one; hopeless: broken, or after
     * what is broken. */
    uint64_t *published, *ready, *own, *hopeless;
    struct strain_variant *variants; /* of the positions in `own`, ascending */
    uint32_t variant_count, variant_capacity;
    struct strain_start *starts;
    uint32_t start_count, start_capacity;
    uint32_t words; /* that the bitmaps have room for */
    uint32_t cohort;
    uint32_t next, previous; /* in the cohort */
    uint32_t ready_count;    /* bits in `ready` */
    td_peer waiting;         /* first of a list */
    td_peer holder;          /* its only peer, if what that one holds counts as published to it */
    bool stale;              /* variants have changed: bitmaps are made anew before they are used */
};

/* Builds or fetches of a step that were observed. */
struct learned {
    td_sum sum;
    uint64_t count;
};

struct cohort {
    struct td_identity identity;
    const struct schema *schema;
    const struct priority *priority;
    struct priority *own_priority; /* by lots */
    int64_t *lots;
    uint32_t lots_capacity;
    /* Learning: positions are the schema's order then, and the first step of a set is looked for by
     * rank. */
    struct learned *learned;
    struct learned *learned_fetches; /* if the policy needs times */
    int64_t *ranks;                  /* by step */
    uint32_t learned_capacity, learned_fetches_capacity, ranks_capacity;
    bool learns;
    bool rest_published; /* by a peer that touches nothing */
    struct artifact *artifacts;
    uint32_t artifact_count, artifact_capacity;
    uint32_t
        *table; /* (position, digest) -> artifact + 1, open addressing; not the untouched ones */
    uint32_t table_capacity;
    uint32_t strain;               /* the first: that of the peers that touch nothing */
    uint32_t at_work;              /* peers that have an order */
    td_peer line_first, line_last; /* present peers by (since, peer) */
};

struct ranked_step {
    int64_t rank;
    td_step step;
};

enum peer_state { PEER_ABSENT = 0, PEER_FREE, PEER_WAITING, PEER_ORDERED };

struct peer {
    td_time since; /* in the line */
    td_peer line_next, line_previous;
    td_peer wait_next, wait_previous;
    uint32_t ticket;
    /* From here on it is what most events need. */
    uint8_t state;    /* enum peer_state */
    uint8_t building; /* its order's artifact counts it as a builder */
    uint8_t read_only;
    td_order order;
    td_step order_step;
    uint32_t cohort, strain;
    uint32_t held_count;
    uint32_t first_word; /* no word before it has a step that is not held */
    uint64_t held[];     /* by position; bits behind the last step are set */
};

/* Of a peer that asks; without one (who and strain NULL) for ranking the steps of a cohort. */
struct td_view {
    const struct td_engine *engine;
    const struct cohort *cohort;
    const struct peer *who;
    const struct strain *strain;
    td_time now;
    td_peer peer;
};

/* What has been observed of a peer, for policies that need times; see struct td_peer_view. Kept
 * apart from the peer's record, which every event reads. */
struct history {
    td_time joined, since, progress;
    td_time took, expected;
};

/* Flaky failures: (peer, step) -> count, open addressing; a key of 0 is free. */
struct flaky {
    struct flaky_entry {
        uint64_t key; /* peer + 1, step */
        uint32_t count;
    } * entries;
    uint32_t count, capacity;
    td_peer newest; /* the highest number that has an entry */
};

struct td_engine {
    const struct td_policy *policy;
    struct td_engine_options options;
    struct flaky flaky;
    td_time now;
    td_order last_order;
    char *peers; /* peer_count records of peer_stride bytes */
    size_t peer_stride;
    uint32_t peer_count, peer_capacity, peer_words;
    struct history *histories; /* by peer; NULL: the policy needs none */
    uint32_t history_capacity;
    struct schema **schemas; /* by pointer: cohorts keep theirs */
    uint32_t schema_count, schema_capacity;
    struct cohort *cohorts; /* cohort_count in use; those behind keep their memory */
    uint32_t cohort_count, cohort_capacity;
    uint32_t
        *cohort_table; /* where there are more than a few: their number + 1 by identity; 0: free */
    uint32_t cohort_slots;
    struct strain *strains;
    uint32_t strain_count, strain_capacity;
    uint32_t strain_free;   /* first of those closed, chained by `next` */
    uint32_t waiting_count; /* peers in WAITING: the most that one event can wake */
    /* scratch for setting priorities, enough for the largest schema */
    int64_t *ranks;
    struct ranked_step *ranked;
    uint64_t *seen;
    td_step *stack;
    uint32_t ranks_capacity, ranked_capacity, seen_capacity, stack_capacity;
    struct td_view ahead; /* of the peer that goes ahead */
};

static inline struct peer *peer_at(const struct td_engine *engine, td_peer peer)
{
    return (struct peer *)(void *)(engine->peers + (size_t)peer * engine->peer_stride);
}

/* True if its waiting peers want to know of what makes a build overdue sooner, too. */
static inline bool waits_by_times(const struct td_engine *engine)
{
    return engine->policy->wake == TD_WAKE_FOR_USE && (engine->policy->needs & TD_NEEDS_TIMES) != 0;
}

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* The peer holds what is at a position. */
static inline void hold(struct peer *who, const struct schema *schema, uint32_t position)
{
    uint64_t before = who->held[position / 64], after = before | UINT64_C(1) << (position % 64);
    if (after == before) return;
    who->held[position / 64] = after;
    who->held_count++;
    if (__builtin_expect(after != ~UINT64_C(0), 1)) return;
    while (who->first_word + 1 < schema->words && who->held[who->first_word] == ~UINT64_C(0))
        who->first_word++;
}

/* life.c: makes room for `need` items of `size` bytes, the new ones zeroed. False if memory is
 * short.
 */
bool td_reserve(void *items, uint32_t *capacity, uint32_t need, size_t size);
/* Makes a table of open addressing, `to` with `slots`, the same as another; none and an empty one
 * are the same. False if memory is short, and nothing has changed. */
bool td_table_copy(void *to, uint32_t *slots, const void *from, uint32_t count, size_t size);
/* Room for `count` peers that hold up to `words` words of steps each. */
bool td_peers_reserve(struct td_engine *engine, uint32_t count, uint32_t words);

/* engine.c: says that the peer cannot do this now. */
bool td_refuse_peer(const struct td_engine *engine, td_peer peer, const char *what,
                    struct td_error *error);

/* True, or false with a sentence if the peer is in none of the states (a mask). */
static inline bool peer_is(const struct td_engine *engine, td_peer peer, unsigned states,
                           const char *what, struct td_error *error)
{
    bool is = peer < engine->peer_count ? (states >> peer_at(engine, peer)->state & 1) != 0
                                        : (states >> PEER_ABSENT & 1) != 0;
    if (__builtin_expect(is, 1)) return true;
    return td_refuse_peer(engine, peer, what, error);
}

static inline bool step_is(const struct schema *schema, td_step step, struct td_error *error)
{
    if (__builtin_expect(step < schema->steps, 1)) return true;
    return td_error_set(error, TD_FAULT_INPUT, "there is no step %u: the schema has %u", step,
                        schema->steps);
}

/* schema.c */
bool td_schema_open(struct schema *schema, const struct td_schema_spec *spec,
                    struct td_error *error);
void td_schema_close(struct schema *schema);
bool td_priority_set(struct td_engine *engine, const struct cohort *cohort,
                     struct priority *priority, struct td_error *error);
void td_priority_free(struct priority *priority);

/* cohort.c */
uint32_t td_cohort_find(const struct td_engine *engine, const struct td_identity *identity);
/* Finds or opens; NONE with an error. */
uint32_t td_cohort_open(struct td_engine *engine, const struct td_identity *identity,
                        struct td_error *error);
/* Before the first peer: priority, artifacts and the first strain. */
bool td_cohort_start(struct td_engine *engine, uint32_t cohort, struct td_error *error);
void td_cohort_free(struct cohort *cohort);
/* The artifact of a digest, or NONE. */
uint32_t td_cohort_seek(const struct cohort *cohort, uint32_t position, uint64_t digest);
/* The same, made if there is none; NONE if memory is short. */
uint32_t td_cohort_artifact(struct cohort *cohort, uint32_t position, uint64_t digest);
void td_line_enter(struct td_engine *engine, struct cohort *cohort, td_peer peer);
void td_line_leave(struct td_engine *engine, struct cohort *cohort, td_peer peer);

/* strain.c */
/* Room in the bitmaps, which are not kept if they grow. */
bool td_strain_reserve(struct strain *strain, uint32_t words);
uint32_t td_strain_open(struct td_engine *engine, uint32_t cohort, struct td_error *error);
void td_strain_close(struct td_engine *engine, uint32_t strain);
bool td_strain_vary(struct td_engine *engine, uint32_t strain, uint32_t position, uint32_t artifact,
                    struct td_error *error);
/* One more artifact that the strain's own variant can start from. */
bool td_strain_start(struct td_engine *engine, uint32_t strain, uint32_t position,
                     uint32_t artifact, struct td_error *error);
uint32_t td_strain_artifact(const struct strain *strain, uint32_t position);
struct strain_variant *td_strain_variant(const struct strain *strain, uint32_t position);
/* The bitmaps of a cohort in which nothing has happened yet: ready is what has no prerequisites. */
void td_strain_begin(const struct td_engine *engine, struct strain *strain);
/* Makes the bitmaps anew after td_strain_vary. */
void td_strain_settle(struct td_engine *engine, struct strain *strain);
/* Clears the ready bit of a position. */
static inline void td_strain_unready(struct strain *strain, uint32_t position)
{
    strain->ready_count -= bit_get(strain->ready, position);
    bit_clear(strain->ready, position);
}

/* Makes the ready bit of a position anew; true if the step has just become ready. */
bool td_strain_refresh(const struct td_engine *engine, struct strain *strain, uint32_t position);
/* Makes the ready bits of what comes directly after a step anew. */
void td_strain_refresh_dependents(const struct td_engine *engine, struct strain *strain,
                                  td_step step);
/* The same by position, short where nothing does. */
static inline void td_strain_refresh_after(const struct td_engine *engine, struct strain *strain,
                                           uint32_t position)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    const uint32_t *starts = cohort->schema->dependent_start;
    td_step step = cohort->priority->order[position];
    if (starts[step] != starts[step + 1]) td_strain_refresh_dependents(engine, strain, step);
}
/* Marks a position and all that comes after it, which can never be had. */
void td_strain_give_up_hope(const struct td_engine *engine, struct strain *strain,
                            uint32_t position);
void td_strain_free(struct strain *strain);

/* variants.c: what events say of cohorts and peers before there is anything to do */
bool td_apply_lot(struct td_engine *engine, const struct td_event *event, struct td_error *error);
bool td_apply_variant(struct td_engine *engine, const struct td_event *event,
                      struct td_error *error);
bool td_apply_start(struct td_engine *engine, const struct td_event *event, struct td_error *error);

/* artifact.c: what a change of an artifact means for the strains that need it */
void td_artifact_begin(struct td_engine *engine, struct cohort *cohort, uint32_t artifact);
void td_artifact_give_up(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands);
void td_artifact_publish(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                         struct td_commands *commands);
/* It is in the cache no more. Nobody in the cohort may be waiting. */
void td_artifact_lose(struct td_engine *engine, struct cohort *cohort, uint32_t artifact);

/* A peer has found that it does not build. */
void td_artifact_fail(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                      td_peer peer, struct td_commands *commands);
/* It is known that it does not build. */
void td_artifact_break(struct td_engine *engine, struct cohort *cohort, uint32_t artifact,
                       struct td_commands *commands);

/* summary.c: PUBLISHED, BROKEN and LEARNED */
bool td_summary_apply(struct td_engine *engine, const struct td_event *event,
                      struct td_commands *commands, struct td_error *error);

/* learning.c */
bool td_learning_start(struct td_engine *engine, struct cohort *cohort);
/* True if an estimate has become shorter, or is the first one. */
bool td_learning_observe(struct td_engine *engine, struct cohort *cohort, td_step step,
                         td_time took);
void td_learning_observe_fetch(struct cohort *cohort, td_step step, td_time took);
/* The same for what an earlier engine observed. */
void td_learning_recall(struct td_engine *engine, struct cohort *cohort, td_step step, bool fetches,
                        uint64_t count, td_time sum);
/* The mean for a step, of `learned`: the cohort's builds or its fetches. */
td_time td_learning_estimate(const struct cohort *cohort, const struct learned *learned,
                             td_step step);

/* history.c: what happened to a peer; only for a policy that needs times */
bool td_history_join(struct td_engine *engine, const struct td_event *event);
void td_history_order(struct td_engine *engine, td_peer peer, td_time at);
/* A result within an order: before it is learned from. */
void td_history_obtain(struct td_engine *engine, const struct td_event *event);
/* The peer's order is over. */
void td_history_free(struct td_engine *engine, td_peer peer, td_time at);

/* flaky.c: how often a step has failed by accident on a peer, in its whole life */
bool td_flaky_count(struct flaky *flaky, td_peer peer, td_step step, uint32_t *count);
void td_flaky_forget(struct flaky *flaky, td_peer peer);
void td_flaky_reset(struct flaky *flaky);
bool td_flaky_copy(struct flaky *to, const struct flaky *from);

/* waiting.c: the lists of waiting peers */
void td_wait_enter(struct td_engine *engine, td_peer peer);
void td_wait_leave(struct td_engine *engine, td_peer peer);
void td_wake_peer(struct td_engine *engine, td_peer peer, struct td_commands *commands);
void td_wake_strain(struct td_engine *engine, struct strain *strain, struct td_commands *commands);
void td_wake_cohort(struct td_engine *engine, const struct cohort *cohort,
                    struct td_commands *commands);

#endif
