/* Names of the engine's things: dense integers, chosen by the world, and the reasons of its
 * decisions. */
#ifndef TD_ENGINE_TYPES_H
#define TD_ENGINE_TYPES_H

#include <stdint.h>

typedef uint32_t td_peer;  /* the peer's place: what "in the scenario's order" means */
typedef uint32_t td_step;  /* index in the schema's order */
typedef uint64_t td_order; /* unique in an engine's life; 0 is none */

#define TD_NO_STEP UINT32_MAX
#define TD_UNIVERSE (UINT32_MAX - 1) /* in an order: the universe */
#define TD_NO_PEER UINT32_MAX
#define TD_NO_ARTIFACT UINT32_MAX

/* Why the engine decided as it did: "why this step, why am I waiting". */
enum td_reason {
    TD_REASON_NONE = 0,
    TD_REASON_ALL_AT_ONCE,    /* universe: everything in one invocation */
    TD_REASON_IN_TURN,        /* linear: its turn, the next step of the schema */
    TD_REASON_NEXT_IN_SCHEMA, /* parallel: the next step of the schema, whatever others do */
    TD_REASON_READY,          /* directed: missing, ready and built by nobody */
    TD_REASON_OVERDUE,        /* speculative: somebody builds it, for too long */
    TD_REASON_SUPERSEDED,     /* aborted: another peer has published what it was to build */
    TD_REASON_PUBLISHED,      /* directed: nothing to build, this one can be fetched */
    TD_REASON_HOLDS_ALL,      /* it holds every step: the universe is short now */
    TD_REASON_ADOPTED,        /* it was building this without an order */
    TD_REASON_NOT_ITS_TURN,   /* linear: another peer of the cohort came before */
    TD_REASON_OTHERS_BUILD,   /* directed: all that it lacks is being built or not ready yet */
    TD_REASON_ALL_PUBLISHED,  /* weighing: all that it lacks is to be fetched, in one invocation */
    TD_REASON_SOONEST,        /* weighing: by the forecasts all end soonest with this order */
    TD_REASON_CHANGED,        /* woken: something that it can use has changed */
    TD_REASON_COMPLETE,       /* done: it has built the universe */
    TD_REASON_BROKEN,         /* done: a step that it needs does not build */
    TD_REASON_TOO_FLAKY,      /* done: a step has failed by accident once too often */
};

#endif
