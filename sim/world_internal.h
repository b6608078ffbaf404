/* The insides of a simulated world: see world.h. task.c has what peers do with their orders,
 * presence.c who is there, opening.c and replication.c begin and end of a replication, world.c the
 * loop. */
#ifndef TD_SIM_WORLD_INTERNAL_H
#define TD_SIM_WORLD_INTERNAL_H

#include "base/assert.h"
#include "engine/engine.h"
#include "sim/lists.h"
#include "sim/queue.h"
#include "sim/world.h"
#include "workload/bundle.h"

#include <stdlib.h>
#include <string.h>

#define NOTHING UINT32_MAX

enum task { TASK_NONE, TASK_OVERHEAD, TASK_FETCH, TASK_BUILD };

enum failure { FAILS_NOT, FAILS_FLAKY, FAILS_BROKEN };

/* A run is what tasks.csv has as a row: parts of one step, of one kind, one after the other. A task
 * is one of these parts, or an overhead. One cache line, which is all that most events touch here;
 * what a peer holds the engine knows. */
struct sim_peer {
    td_order order;      /* 0: none */
    td_time since;       /* begin of the task or the wait; the end of a peer that has ended */
    td_time busy;        /* in all; whenever it is present and not busy it waits */
    double guess_ns;     /* a fetch's sample, drawn ahead */
    uint32_t guess;      /* position of the artifact that it is for, or NOTHING */
    uint32_t order_step; /* index in the schema, or TD_UNIVERSE */
    uint32_t at;         /* position of the task's artifact, or that before; `steps` for the rest */
    uint32_t group;
    uint32_t builds, fetches;
    uint8_t task,
        run;         /* enum task: what goes on; the kind of the run, TASK_NONE if there is none */
    uint8_t failure; /* enum failure, of the run */
    uint8_t outcome; /* enum td_peer_outcome */
    bool builder;    /* by its order, if it has one */
    bool whole;      /* the run builds the step from nothing */
    bool waiting : 1, present : 1;
    bool outside : 1; /* of its pipeline's window, but its order goes on */
    /* left: once; joined: it was present before; aborted: its order is to be given up */
    bool ended : 1, left : 1, joined : 1, aborted : 1;
    bool duplicate : 1; /* a part of the run is */
    uint8_t queued;     /* enum queued */
};

/* Of a run: what matters only where steps have parts. */
struct run {
    td_time since;
    uint32_t part;     /* that the task is about */
    uint32_t fail_end; /* a failing build goes up to this part */
};

/* In the queue of a dependent pipeline; blocked: what it lacks is broken by a change ahead. */
enum queued { QUEUED_NOT, QUEUED, QUEUED_BLOCKED };

/* A dependent pipeline: its changes that have neither merged nor left, from the head down. */
struct pipeline {
    td_peer *changes;
    uint32_t first, count; /* changes[first .. first + count) */
    uint32_t window;       /* so many of them run */
    uint32_t tickets;      /* given so far */
    uint32_t *merged;      /* by position, and the rest: the list of the merged changes */
};

/* All dependent pipelines, and what their changes have as such. */
struct queues {
    struct pipeline *pipelines;
    td_peer *changes;  /* of all pipelines */
    uint32_t *merged;  /* of all pipelines */
    uint32_t *list_of; /* by peer and position, and the rest: the list that settles its variant */
    uint32_t *scratch; /* lists of one peer */
    uint64_t *blocked; /* by peer, a bitmap of positions: broken by changes ahead */
    td_time *merged_at, *line_since; /* by peer */
    uint32_t *ticket;                /* by peer */
    struct td_lists lists;
};

/* What a cohort's remote cache has of the untouched variants. */
struct cache {
    bool rest;
    uint64_t *published; /* by position */
    uint16_t *parts;     /* published parts by position, if the plan has parts; NULL */
    uint64_t *broken;    /* what the base does not build, if the plan has such; NULL */
};

/* When what comes next happens to each of those who have orders to build; the first of these times
 * is next[0]. */
struct builders {
    td_time *next;
    uint32_t count, capacity;
};

/* When peers may go on alone: see ahead.c. */
enum looks_ahead {
    LOOKS_AHEAD_NEVER,
    LOOKS_AHEAD_AT_END, /* when every step is published */
    LOOKS_AHEAD_ALWAYS, /* when nothing is ready */
};

/* How a replication begins, if all begin alike: when the first have arrived, and perhaps have asked
 * and been ordered, but not begun. */
struct opening {
    bool begun; /* a replication has */
    bool known, asked;
    bool hasty;    /* an order of theirs has ended at once */
    td_time first; /* they arrive */
    uint32_t waiting;
    struct td_engine *engine;
    struct sim_peer *peers;
    uint64_t *leaves; /* of the queue */
    td_time *arrivals;
};

struct td_world {
    const struct td_plan *plan;
    struct td_engine *engine;
    const struct td_policy *policy;
    struct td_queue queue;
    struct td_commands commands;
    /* of the run that is on */
    struct td_error *error;
    const atomic_bool *stop;
    atomic_ullong *finished;
    uint32_t told; /* peers that have ended, to `finished` */
    struct sim_peer *peers;
    struct run *runs;     /* by peer */
    struct cache *caches; /* by cohort */
    uint64_t *cache_bits, *broken_bits;
    uint16_t *cache_parts;
    /* By peer, bitmaps by position: what it holds, where the engine is not enough, as orders go
     * through prerequisites or peers come back with it; NULL. */
    uint64_t *held;
    /* By peer and position, where the plan needs them: parts held, own parts published, builds
     * begun. */
    uint16_t *held_parts, *own_parts, *attempts;
    double *factors;       /* by position, if the plan has factors */
    struct queues *queues; /* if the plan has dependent pipelines */
    struct {
        td_time from, to;
    } * slow;          /* by peer, if the plan has slow ones */
    td_time *departs;  /* by peer: when it is due to leave, or NEVER; if the plan has such */
    td_time *absent;   /* by peer: how long it was, since its arrival; if the plan has such */
    td_time *arrivals; /* by peer; when all is over, of those complete their turnarounds */
    const struct td_recorder *recorder;
    struct td_run_record *record;
    struct td_draw draw; /* seed and replication of the run */
    td_time now;
    bool prefetch; /* there are many peers */
    bool guesses;  /* there are enough steps for fetches to be drawn ahead */
    /* Of builds (TD_DRAW_BUILD) and of fetches (TD_DRAW_FETCH), by peer; NULL: each of these draws
     * is made when it is needed, or guessed. */
    struct td_bundle *bundles[2];
    /* Where a bundle has room for all steps of a peer, all are drawn when a replication begins. */
    struct td_lanes lanes;   /* by purpose, peer and step */
    uint32_t lanes_each;     /* of a purpose and peer */
    uint64_t *drawn;         /* their bits, on the way to the bundles */
    struct opening *opening; /* NULL: each replication begins anew */
    enum looks_ahead looks_ahead;
    uint64_t unpublished;          /* steps, of all cohorts, in a plain world */
    struct builders builders;      /* in a world that looks ahead whenever it can */
    struct td_bundle ahead_bundle; /* of fetches of a peer, where it has none of its own */
    td_peer ahead_of;
    uint64_t key;        /* the event at hand */
    uint64_t others;     /* no event but that comes before this key */
    bool woken;          /* somebody else's event has changed */
    uint32_t waiting;    /* peers */
    uint32_t alone;      /* steps of peers that go alone, since somebody asked whether to go on */
    uint32_t vain;       /* waits with an end since an order was given */
    uint32_t ended;      /* peers */
    uint32_t *successor; /* position -> the position that somebody fetched after it, last time */
};

#define NEVER ((td_time)-1) /* a time */

/* What comes next for a peer: the key of its event in the queue, or one of these. */
#define NEXT_NONE TD_KEY_NONE
#define NEXT_FAILED TD_KEY_FAILED /* the world's error says why; or memory is short */

static inline struct sim_peer *peer_at(const struct td_world *world, td_peer peer)
{
    return &world->peers[peer];
}

static inline const struct td_plan_group *group_of(const struct td_world *world,
                                                   const struct sim_peer *who)
{
    return &world->plan->groups[who->group];
}

static inline struct cache *cache_of(const struct td_world *world, const struct sim_peer *who)
{
    return &world->caches[group_of(world, who)->cohort];
}

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

static inline void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline size_t cell(const struct td_world *world, td_peer peer, uint32_t at)
{
    return (size_t)peer * world->plan->steps + at;
}

static inline uint64_t *held_of(const struct td_world *world, td_peer peer)
{
    return world->held + (size_t)peer * world->plan->words;
}

static inline bool is_private(const struct td_plan_group *group, const struct td_plan *plan,
                              uint32_t at)
{
    /* a peer that touches a step has a rest of its own, too */
    return group->private != NULL && (at == plan->steps || bit_get(group->private, at));
}

/* The lists that settle the variants of a change in a queue, by position; behind them the rest's.
 */
static inline uint32_t *lists_of(const struct td_world *world, td_peer peer)
{
    return world->queues->list_of + (size_t)peer * (world->plan->steps + (size_t)1);
}

static inline uint32_t list_of(const struct td_world *world, td_peer peer, uint32_t at)
{
    return lists_of(world, peer)[at];
}

/* The engine's digest of it: apart from those of independent peers, which are their numbers. */
static inline uint64_t td_list_digest(uint32_t list)
{
    return list == 0 ? 0 : UINT64_C(1) << 32 | list;
}

static inline uint64_t list_place(const struct td_world *world, const struct td_plan_group *group,
                                  uint32_t at)
{
    return group->cohort * ((uint64_t)world->plan->steps + 1) + at;
}

/* Fractions are decimals, which doubles hold with an error: a sum of 1 may come out below it. */
static inline bool td_fraction_is_whole(double fraction)
{
    return fraction > 1 - 1e-12;
}

/* A turn of the peer whose event is at hand, at this instant, after all that completes and arrives
 * at it. */
static inline uint64_t start_now(const struct td_world *world)
{
    return td_key_of_start(&world->queue, world->key);
}

static inline struct td_draw draw_for(const struct td_world *world, td_peer peer, uint32_t step,
                                      enum td_purpose purpose)
{
    struct td_draw draw = world->draw;
    draw.peer = peer;
    draw.step = step;
    draw.purpose = purpose;
    return draw;
}

/* world.c */
/* An engine that knows the schema, with room for the peers. */
struct td_engine *td_world_engine_create(struct td_world *world, struct td_error *error);
/* A sample for the peer and step. Kept out of line: inlined in each place it costs more than its
 * call. */
double td_world_sample(const struct td_world *world, const struct td_dist *dist, td_peer peer,
                       uint32_t step, enum td_purpose purpose);
bool td_world_tell(struct td_world *world, const struct td_event *events, size_t count);
void td_world_wake(struct td_world *world);
void td_world_record(const struct td_world *world, td_peer peer, td_time since, uint32_t step,
                     enum td_interval_kind kind, enum td_interval_outcome outcome);
/* False: who fails says why, but for the queue, which has nobody to tell. */
bool td_world_why_failed(const struct td_world *world);
/* A time that a run may not reach: sets the error. */
uint64_t td_world_late(const struct td_world *world);
/* A waiting peer's turn at `until`; a wake before that moves it forward, as it has one event. */
uint64_t td_world_ask_at(struct td_world *world, td_peer peer, td_time until);

/* A row that ends now, if anybody wants it. */
static inline void td_world_interval(const struct td_world *world, td_peer peer, td_time since,
                                     uint32_t step, enum td_interval_kind kind,
                                     enum td_interval_outcome outcome)
{
    if (world->recorder == NULL) return;
    td_world_record(world, peer, since, step, kind, outcome);
}

/* task.c */
/* A replication begins: where a peer's steps are all in one bundle, it is drawn now, beside all
 * else. */
void td_task_begin_bundles(const struct td_world *world);
uint64_t td_task_start(struct td_world *world, td_peer peer);
uint64_t td_task_complete(struct td_world *world, td_peer peer);
/* What the peer is at is given up: its rows end now. A wait goes on. */
void td_task_give_up(struct td_world *world, td_peer peer);
/* A wait ends now. */
void td_task_end_wait(struct td_world *world, td_peer peer);

/* The peer asks. What it is ordered is not begun; *alike turns false if the answer is another one
 * than an order or a wait without an end. False with the world's error. */
bool td_task_ask(struct td_world *world, td_peer peer, bool *alike);
/* It begins what it was ordered. */
uint64_t td_task_begin(struct td_world *world, td_peer peer);
uint64_t td_task_begin_overhead(struct td_world *world, td_peer peer);
/* Its row, and the time that it took. */
void td_task_end_overhead(struct td_world *world, td_peer peer);
/* The position of the next artifact of the peer's order. */
uint32_t td_task_next_artifact(const struct td_world *world, td_peer peer);

/* ahead.c */
bool td_ahead_is_possible(const struct td_plan *plan, const struct td_policy *policy);
/* The peer goes on alone as far as it can. What comes next for it then; the same key, if it has to
 * wait for its turn. */
uint64_t td_ahead_alone(struct td_world *world, td_peer peer, uint64_t key);
/* The same around a turn, before it, and after it, where the times of builders are kept. */
uint64_t td_ahead_before(struct td_world *world, td_peer peer, uint64_t key);
uint64_t td_ahead_after(struct td_world *world, td_peer peer, uint64_t key);
/* What comes next for the peer has been set. False if memory is short. */
bool td_ahead_enter(struct td_world *world, td_peer peer, uint64_t key);

/* presence.c */
uint64_t td_presence_arrive(struct td_world *world, td_peer peer);
uint64_t td_presence_depart(struct td_world *world, td_peer peer);
/* The peer has ended; a change that is complete may have to start again until it merges. */
uint64_t td_presence_end(struct td_world *world, td_peer peer, enum td_peer_outcome outcome);
/* Present from now on, with a turn at this instant; and no longer present, though it will be again.
 * False with the world's error. */
bool td_presence_enter(struct td_world *world, td_peer peer);
bool td_presence_suspend(struct td_world *world, td_peer peer);
/* It starts again at once, in other variants; what it was at has been given up. */
bool td_presence_restart(struct td_world *world, td_peer peer);
/* Its departure will not be. */
void td_presence_stay(struct td_world *world, td_peer peer);
/* It no longer holds what is at a position. */
void td_presence_lose(const struct td_world *world, td_peer peer, uint32_t at);

/* cache.c: what the remote caches have */
/* True if a part is published in the peer's variant. */
bool td_cache_has(const struct td_world *world, td_peer peer, const struct sim_peer *who,
                  uint32_t at, uint32_t part);
/* True if a build of the part can start from a published artifact; the fraction that is left. */
bool td_cache_start(const struct td_world *world, td_peer peer, const struct sim_peer *who,
                    uint32_t at, uint32_t part, double *fraction);
/* The part that the peer is at is built: it is published, if the peer does so. */
bool td_cache_publish(struct td_world *world, td_peer peer, struct sim_peer *who);
/* What the last change of a list leaves to build at a position. */
double td_list_fraction(const struct td_world *world, uint32_t list, uint32_t at);

/* pipeline.c: the queues of dependent pipelines */
bool td_pipelines_create(struct td_world *world);
void td_pipelines_destroy(struct td_world *world);
bool td_pipelines_begin(struct td_world *world);
/* A change comes, or comes back, to the tail of its queue. */
bool td_pipeline_join(struct td_world *world, td_peer peer);
/* A change has failed or is gone: those behind it start again without it. */
bool td_pipeline_leave(struct td_world *world, td_peer peer, bool failed);
/* A change is complete: what can merge does. */
bool td_pipeline_complete(struct td_world *world, td_peer peer);
bool td_pipeline_is_in_window(const struct td_world *world, td_peer peer);
/* The lists that settle the variants of a change, as the queue is now. */
bool td_pipeline_take_lists(struct td_world *world, td_peer peer);
/* True if a change breaks a step; if one ahead in its queue does (false if it is in none). */
bool td_change_breaks(const struct td_world *world, td_peer peer, uint32_t at);
bool td_pipeline_breaks_ahead(const struct td_world *world, td_peer peer, uint32_t at);
/* It is not present until no change ahead breaks that step any more. */
void td_pipeline_block(struct td_world *world, td_peer peer, uint32_t at);
/* The same for all that it lacks and that is known to be broken; false if none of that is broken by
 * a change ahead. */
bool td_pipeline_block_hopeless(struct td_world *world, td_peer peer);

/* opening.c */
/* True if worlds of the plan keep their beginning, unless the policy needs lots. */
bool td_opening_is_kept(const struct td_plan *plan);
bool td_opening_create(struct td_world *world, struct td_error *error);
void td_opening_destroy(struct opening *opening);
/* Nobody is there, or only those who came first: the engine, the peers, and their events. */
bool td_opening_begin(struct td_world *world);

/* replication.c */
bool td_replication_begin(struct td_world *world, uint32_t replication);
void td_replication_end(struct td_world *world);

#endif
