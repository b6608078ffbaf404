/* The engine: the authority's mind as a deterministic state machine. Events in, commands out.
 *
 * A world (the simulator, the live authority, a replay) tells the engine what happened, as events,
 * and does what comes back, as commands. The engine has no clock, no I/O, no threads and no
 * randomness: what it decides is a function of the events so far and of nothing else.
 *
 *     struct td_engine *engine = td_engine_create(&td_policy_directed, &options, &error);
 *     struct td_commands commands = {0};
 *     struct td_event events[] = {
 *         {.kind = TD_EVENT_SCHEMA, .schema = {.id = 0, .spec = &spec}},
 *         {.kind = TD_EVENT_JOIN, .peer = 0, .join = {.identity = {.schema = 0}}},
 *         {.kind = TD_EVENT_ASK, .peer = 0},
 *     };
 *     if (td_engine_apply(engine, events, 3, &commands, &error) < 3) ...     error.text says why
 *     commands.items[0] is now ORDER {peer 0, order 1, step 0, expect a build}
 *     ...
 *     td_commands_free(&commands);
 *     td_engine_destroy(engine);
 *
 * What it knows: cohorts (peers of one repository, base ref, remote cache and schema), their
 * artifacts (missing, building, published; one for each variant of a step), who is present, holds
 * what, waits, and has which order. What is true (the cache, the clock, what a build really did) is
 * the world's.
 *
 * Rules. An order is given only in answer to ASK. A step that is ordered counts as being built
 * until it is published (OBTAINED) or given up (ENDED, LEFT); then it goes back. WAKE says that a
 * waiting peer should ASK again; a peer that has neither order nor WAIT is free and may ASK at any
 * time.
 *
 * Errors: an event that is impossible (an unknown peer, an order that is not running, time that
 * goes backwards) is refused with a sentence, and the state is as it was before that event.
 * Ownership: a SCHEMA event's spec is copied; the engine owns all else that it keeps. Steady state:
 * no allocation.
 *
 * Cost, with S steps and W = S / 64 words: ASK, OBTAINED without publication and ENDED look at no
 * more than W words and walk over neither steps nor peers. A publication, and the begin and end of
 * an artifact's building, cost W words for each step directly after it and each distinct set of
 * variants in the cohort (one, if nobody touches anything), and a command for each peer that is
 * woken.
 */
#ifndef TD_ENGINE_ENGINE_H
#define TD_ENGINE_ENGINE_H

#include "base/error.h"
#include "base/time.h"
#include "engine/policy.h"
#include "engine/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most peers and steps that an engine takes. */
#define TD_ENGINE_MAX_PEERS (1u << 24)
#define TD_ENGINE_MAX_STEPS (1u << 16)

/* An immutable table of steps. `after_start` has step_count + 1 entries; the direct prerequisites
 * of step s are after[after_start[s] .. after_start[s + 1]). Estimates are means: of the builds and
 * the fetches of the steps (NULL: all 0), of an invocation's overhead, and of the rest. */
struct td_schema_spec {
    uint32_t step_count;
    const uint32_t *after_start;
    const td_step *after;
    const td_time *estimates;
    const td_time *fetch_estimates;
    td_time overhead, rest_build, rest_fetch;
    bool exact; /* times are as estimated, not only in the mean */
};

/* Which cohort a peer belongs to. Texts are interned by the world; 0 is a field that is left out.
 */
struct td_identity {
    uint32_t repository, base_ref, cache;
    uint32_t schema; /* as opened by a SCHEMA event */
};

enum td_event_kind {
    TD_EVENT_SCHEMA, /* opens a schema; survives td_engine_reset */
    TD_EVENT_LOT,    /* the number of a step in a cohort, before the first peer joins it */
    TD_EVENT_JOIN, /* a peer is here; it holds nothing and shares every step until it says otherwise
                    */
    TD_EVENT_HOLDS,    /* a free peer holds a step already */
    TD_EVENT_VARIANT,  /* a free peer's inputs for a step differ: it needs the artifact of this
                          digest */
    TD_EVENT_START,    /* a free peer's build of its variant can start from this artifact, if that
                          is published; the best comes first */
    TD_EVENT_ADOPT,    /* a free peer is building a step already: an order is made of it */
    TD_EVENT_ASK,      /* what next? */
    TD_EVENT_OBTAINED, /* within an order: a step has been built or fetched, and is held now */
    TD_EVENT_LOST,     /* within an order: what should be published is in the cache no more */
    TD_EVENT_ENDED,    /* an order has ended, otherwise than with its last OBTAINED */
    TD_EVENT_LEFT,     /* a peer is gone, with or without an order */
    /* What an earlier engine knew; see td_engine_summary(). */
    TD_EVENT_PUBLISHED, /* an artifact is published */
    TD_EVENT_BROKEN,    /* two peers have found that it does not build */
    TD_EVENT_LEARNED,   /* times of a step that were observed, beside those observed here */
};

enum td_end {
    TD_END_OK,
    TD_END_FLAKY,  /* a step failed by accident: it goes back, and the peer may try again */
    TD_END_BROKEN, /* a step does not build: the peer fails */
    TD_END_ABORTED,
};

/* A value: it can be copied, kept and applied again. Digest 0 is the untouched variant of a step.
 */
struct td_event {
    td_time at; /* never before the event applied last */
    td_peer peer;
    enum td_event_kind kind;
    union {
        struct {
            uint32_t id; /* dense, from 0 */
            const struct td_schema_spec *spec;
        } schema;
        struct {
            struct td_identity identity;
            td_step step;
            int64_t number;
        } lot;
        struct {
            struct td_identity identity;
            td_time since;   /* it stands in its cohort's line by this, ties by peer */
            uint32_t ticket; /* 0, or its number in a queue of changes: smaller for those ahead */
            bool read_only;  /* it does not publish: what it builds counts as built by nobody */
            bool again;      /* it was here before: its flaky failures still count */
        } join;
        struct {
            td_step step;
        } holds; /* and ADOPT, and LOST */
        struct {
            td_step step;
            uint64_t digest;
        } variant; /* and START: touched in part, and worth waiting for while that is built */
        struct {
            td_order order;
            td_step step;
            bool built;     /* else fetched */
            bool published; /* built, and now in the remote cache */
            bool whole;     /* built from nothing: the time that it took is worth learning */
            td_time took;
            bool last; /* and with that the order has ended well: no ENDED follows */
        } obtained;
        struct {
            td_order order;
            enum td_end end;
            td_step step; /* FLAKY and BROKEN: the step that failed, perhaps a prerequisite */
        } ended;
        struct {
            struct td_identity identity;
            td_step step; /* PUBLISHED: TD_UNIVERSE is the rest, of those who touch nothing */
            uint64_t digest;
        } known; /* PUBLISHED and BROKEN; of no peer, as LEARNED */
        struct {
            struct td_identity identity;
            td_step step;
            bool fetches; /* else whole builds */
            uint64_t count;
            td_time sum; /* of so many */
        } learned;
    };
};

enum td_command_kind {
    TD_COMMAND_ORDER, /* go for `step` (or TD_UNIVERSE) */
    TD_COMMAND_WAIT,  /* nothing to do until WAKE, or until a time: then it should ASK again */
    TD_COMMAND_WAKE,  /* ask again */
    TD_COMMAND_ABORT, /* give `order` up; busy until ENDED, and a good end that crosses counts */
    TD_COMMAND_DONE,  /* the peer has all, or has failed; it is not present any more */
};

struct td_command {
    enum td_command_kind kind;
    enum td_reason reason;
    td_peer peer;
    td_step step; /* ORDER */
    union {
        td_order order; /* ORDER and ABORT */
        td_time until;  /* WAIT: a time to come; 0: none */
    };
    bool build;  /* ORDER of a step: its artifact is not published, a build is expected */
    bool failed; /* DONE */
};

/* A growing list; the engine appends, the caller empties (count = 0) and frees. */
struct td_commands {
    struct td_command *items;
    size_t count, capacity;
};

void td_commands_free(struct td_commands *commands);

struct td_engine;

struct td_engine_options {
    uint32_t retries;     /* flaky failures of one step that a peer survives */
    bool learn;           /* estimates are means of what was observed, not those of the schema */
    td_time patience;     /* for policies: how old a build may get; negative: nothing is said */
    td_order first_order; /* the number of the first order; 0 is 1, too */
};

/* NULL with an error if the policy is not of this ABI or memory is short. The policy must outlive
 * it. */
struct td_engine *td_engine_create(const struct td_policy *policy,
                                   const struct td_engine_options *options, struct td_error *error);

/* Room for so many peers at once; without it the engine grows as they join. */
bool td_engine_expect(struct td_engine *engine, uint32_t peers, struct td_error *error);

/* Bytes that a peer takes, if the schema has that many steps and nobody touches any. */
size_t td_engine_bytes_per_peer(uint32_t steps);

/* Applies the events in order and appends what is to be done. Returns how many were applied:
 * `count`, or the index of the one that was refused. */
size_t td_engine_apply(struct td_engine *engine, const struct td_event *events, size_t count,
                       struct td_commands *commands, struct td_error *error);

/* The same for one ASK; false with an error if it is refused. */
bool td_engine_ask(struct td_engine *engine, td_time at, td_peer peer, struct td_commands *commands,
                   struct td_error *error);

/* An answer that is an order; a command for the peer in two registers. */
struct td_next {
    td_order order;
    td_step step;    /* TD_NO_STEP: the answer is no order */
    uint16_t reason; /* enum td_reason */
    bool build;
    bool refused; /* there is no answer, and the error says why */
};

/* The same for the commonest two: OBTAINED, the last of its order, and then an ASK of the same peer
 * at the same instant. The answer is returned if it is an order, and else the last command. If it
 * is the ASK that is refused, the result counts all the same. */
struct td_next td_engine_obtain_and_ask(struct td_engine *engine, const struct td_event *event,
                                        struct td_commands *commands, struct td_error *error);

/* The same where the step that was ordered is fetched. */
struct td_next td_engine_fetch_and_ask(struct td_engine *engine, td_time at, td_peer peer,
                                       td_order order, td_time took, struct td_commands *commands,
                                       struct td_error *error);

/* The same for one ENDED with OK. If that was the universe, the first command is its DONE. */
bool td_engine_end_well(struct td_engine *engine, td_time at, td_peer peer, td_order order,
                        struct td_commands *commands, struct td_error *error);

/* A look ahead (after Chandy and Misra 1979), for worlds that know the future.
 *
 * Where nothing is ready for those of a cohort who touch nothing, and the policy promises
 * TD_NEEDS_STEPS_ONLY, what one of them fetches is seen by nobody else until a build ends. So one
 * that fetches may be told at once what comes after that fetch, and after the next one, at times
 * that others have not come to yet. Earlier events may still follow, but only of those who touch
 * nothing and publish nothing by them: that they come, fetch, ask, or if they are read-only, build.
 *
 * True if the peer, which has an order to fetch a step, may go ahead: then the function below may
 * be called, again and again, until anything else happens. */
bool td_engine_ahead_begin(struct td_engine *engine, td_peer peer);

/* An order to fetch a step. */
struct td_fetch {
    td_order order;
    td_step step;
};

/* td_engine_obtain_and_ask() for the fetch that the peer's order is for. The next order if that is
 * to fetch a published step; else TD_NO_STEP, and nothing has happened: the fetch's end has to be
 * told in its turn. */
struct td_fetch td_engine_ahead_fetched(struct td_engine *engine, td_time at);

/* td_engine_ask() for an ASK whose answer is not the policy's but `taken`: the ORDER, WAIT or DONE
 * that another policy gave. `would` gets what this policy would have answered. So an engine with
 * another policy follows what has happened. False with an error if either answer is impossible. */
bool td_engine_apply_as(struct td_engine *engine, const struct td_event *ask,
                        const struct td_command *taken, struct td_command *would,
                        struct td_error *error);

/* What a cohort's peers leave behind, when all are gone: hands it over as PUBLISHED, BROKEN and
 * LEARNED events (at 0) that tell another engine. Artifacts come in the order in which they were
 * first heard of. What one peer alone has found broken is not among it. */
void td_engine_summary(const struct td_engine *engine, const struct td_identity *identity,
                       void (*tell)(void *context, const struct td_event *event), void *context);

/* True if this artifact is published; step TD_UNIVERSE is the rest, of those who touch nothing. */
bool td_engine_knows_published(const struct td_engine *engine, const struct td_identity *identity,
                               td_step step, uint64_t digest);
/* True if the peer is present and holds the step. */
bool td_engine_holds(const struct td_engine *engine, td_peer peer, td_step step);
/* True if two peers have found that this artifact does not build. */
bool td_engine_knows_broken(const struct td_engine *engine, const struct td_identity *identity,
                            td_step step, uint64_t digest);

/* The first step, in the schema's order, that a peer which is or was present has not said to hold;
 * TD_NO_STEP if it holds all. Cost: a word for each 64 steps, if steps have no other order. */
td_step td_engine_first_missing(const struct td_engine *engine, td_peer peer);

/* What is known of an artifact, for those who ask what is going on. */
struct td_artifact_state {
    td_step step;
    uint64_t digest;
    uint32_t builders; /* peers whose order it is to build it */
    bool published, broken;
    bool needed; /* untouched, or a variant of a peer that is present */
};

/* The artifacts of a cohort, numbered from 0; false behind the last. */
bool td_engine_artifact(const struct td_engine *engine, const struct td_identity *identity,
                        uint32_t number, struct td_artifact_state *state);
/* The artifact of its variant of a step, if the peer is present and does not hold it. */
bool td_engine_lacks(const struct td_engine *engine, td_peer peer, td_step step,
                     struct td_artifact_state *state);
/* The first in the line of a peer's cohort, perhaps itself; TD_NO_PEER if the peer is not present.
 */
td_peer td_engine_first_in_line(const struct td_engine *engine, td_peer peer);

/* A hint that an event of this peer will come soon: its record is brought into the cache. Changes
 * nothing. */
void td_engine_prefetch(const struct td_engine *engine, td_peer peer);

/* Back to the state after the SCHEMA events, keeping all memory. Cost: what the last run used. */
void td_engine_reset(struct td_engine *engine);

/* Makes one engine what another is: from here on both give the same answers to the same events.
 * Both were created with the same policy and options, and have heard of the same schemas. False
 * with an error if memory is short: `to` can only be reset then, made a copy again, or destroyed.
 * Cost: a copy of the state. */
bool td_engine_copy(struct td_engine *to, const struct td_engine *from, struct td_error *error);

/* A number for the whole state: equal digests, equal futures. Cost: a walk over the state. */
uint64_t td_engine_digest(const struct td_engine *engine);

void td_engine_destroy(struct td_engine *engine);

#endif
