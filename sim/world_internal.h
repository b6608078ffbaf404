/* The insides of a simulated world: see world.h. task.c has what peers do with their orders,
 * presence.c who is there, replication.c begin and end of a replication, world.c the loop. */
#ifndef TD_SIM_WORLD_INTERNAL_H
#define TD_SIM_WORLD_INTERNAL_H

#include "base/assert.h"
#include "engine/engine.h"
#include "sim/queue.h"
#include "sim/world.h"
#include "workload/sampler.h"

#include <stdlib.h>
#include <string.h>

#define NOTHING UINT32_MAX

enum task { TASK_NONE, TASK_OVERHEAD, TASK_FETCH, TASK_BUILD };

enum failure { FAILS_NOT, FAILS_FLAKY, FAILS_BROKEN };

/* A run is what tasks.csv has as a row: parts of one step, of one kind, one after the other. A task
 * is one of these parts, or an overhead. */
struct sim_peer {
    td_order order;    /* 0: none */
    td_time since;     /* begin of the task or the wait; the end of a peer that has ended */
    td_time run_since; /* begin of the run */
    td_time arrival, absent, busy, wait;
    double guess_ns;     /* a fetch's sample, drawn ahead */
    uint32_t guess;      /* position of the artifact that it is for, or NOTHING */
    uint32_t fetched;    /* position of the peer's last fetch, or NOTHING */
    uint32_t order_step; /* index in the schema, or TD_UNIVERSE */
    uint32_t at;         /* position of the artifact that the task is about; `steps` for the rest */
    uint32_t part;       /* of it */
    uint32_t fail_end;   /* a failing build goes up to this part */
    uint32_t group;
    uint32_t builds, fetches;
    uint8_t task,
        run;         /* enum task: what goes on; the kind of the run, TASK_NONE if there is none */
    uint8_t failure; /* enum failure, of the run */
    uint8_t outcome; /* enum td_peer_outcome */
    bool duplicate;  /* a part of the run is */
    bool whole;      /* the run builds the step from nothing */
    bool waiting, present, ended, left;
    uint64_t held[]; /* by position in dependency order */
};

/* What a cohort's remote cache has of the untouched variants. */
struct cache {
    bool rest;
    uint64_t *published; /* by position */
    uint16_t *parts;     /* published parts by position, if the plan has parts; NULL */
    uint64_t *broken;    /* what the base does not build, if the plan has such; NULL */
};

struct td_world {
    const struct td_plan *plan;
    struct td_engine *engine;
    const struct td_policy *policy;
    struct td_queue queue;
    struct td_commands commands;
    struct td_error *error; /* of the run that is on */
    char *peers;            /* records of `stride` bytes */
    size_t stride;
    struct cache *caches; /* by cohort */
    uint64_t *cache_bits, *broken_bits;
    uint16_t *cache_parts;
    /* By peer and position, where the plan needs them: parts held, own parts published, builds
     * begun. */
    uint16_t *held_parts, *own_parts, *attempts;
    double *factors; /* by position, if the plan has factors */
    struct {
        td_time from, to;
    } * slow; /* by peer, if the plan has slow ones */
    td_time *arrivals, *turnarounds;
    const struct td_recorder *recorder;
    struct td_run_record *record;
    struct td_draw draw; /* seed and replication of the run */
    td_time now;
    bool prefetch;       /* there are many peers */
    bool guesses;        /* there are enough steps for fetches to be drawn ahead */
    uint64_t others;     /* the next event of all but the one at hand */
    bool woken;          /* somebody else's event has changed */
    uint32_t ended;      /* peers */
    uint32_t *successor; /* position -> the position that somebody fetched after it, last time */
};

/* What comes next for a peer: a time, or one of these. */
#define NEVER ((td_time)-1)
#define FAILED ((td_time)-2)

struct next {
    td_time at;
    enum td_class class;
};

static const struct next NEXT_NONE = {.at = NEVER};
static const struct next NEXT_FAILED = {.at = FAILED};

static inline struct sim_peer *peer_at(const struct td_world *world, td_peer peer)
{
    return (struct sim_peer *)(void *)(world->peers + (size_t)peer * world->stride);
}

static inline const struct td_plan_group *group_of(const struct td_world *world,
                                                   const struct sim_peer *who)
{
    return &world->plan->groups[who->group];
}

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* A turn of the peer at this instant, after all that completes and arrives at it. */
static inline struct next start_now(const struct td_world *world)
{
    return (struct next){.at = world->now, .class = TD_CLASS_START};
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
/* A sample for the peer and step. Kept out of line: inlined in each place it costs more than its
 * call. */
double td_world_sample(const struct td_world *world, const struct td_dist *dist, td_peer peer,
                       uint32_t step, enum td_purpose purpose);
bool td_world_tell(struct td_world *world, const struct td_event *events, size_t count);
void td_world_wake(struct td_world *world);
void td_world_record(const struct td_world *world, td_peer peer, td_time since, uint32_t step,
                     enum td_interval_kind kind, enum td_interval_outcome outcome);
/* A time that a run may not reach: sets the error. */
struct next td_world_late(const struct td_world *world);

/* A row that ends now, if anybody wants it. */
static inline void td_world_interval(const struct td_world *world, td_peer peer, td_time since,
                                     uint32_t step, enum td_interval_kind kind,
                                     enum td_interval_outcome outcome)
{
    if (world->recorder == NULL) return;
    td_world_record(world, peer, since, step, kind, outcome);
}

/* task.c */
struct next td_task_start(struct td_world *world, td_peer peer);
struct next td_task_complete(struct td_world *world, td_peer peer);
/* What the peer is at is given up: its rows end now. */
void td_task_give_up(struct td_world *world, td_peer peer);
/* A wait ends now. */
void td_task_end_wait(struct td_world *world, td_peer peer);

/* presence.c */
struct next td_presence_arrive(struct td_world *world, td_peer peer);
struct next td_presence_depart(struct td_world *world, td_peer peer);
/* The peer has ended, for good. */
void td_presence_end(struct td_world *world, td_peer peer, enum td_peer_outcome outcome);

/* replication.c */
bool td_replication_begin(struct td_world *world, uint32_t replication);
void td_replication_end(struct td_world *world);

#endif
