/* What a policy is, and all that it may see.
 *
 * A policy answers one question: this peer asks, what next? It does so from a const view of the
 * asking peer's cohort: what is published, what is being built, what the peer holds; and, if it
 * needs them, estimates of all times and what has been observed of each peer. It keeps no state,
 * draws no numbers, has no clock and knows no world. All policies of the directed family are one
 * `choose` with another `rank`. A whole policy:
 *
 *     static void rank(const struct td_view *view, int64_t *ranks)
 *     {
 *         for (td_step step = 0; step < td_view_step_count(view); step++)
 *             ranks[step] = -td_view_estimate(view, step);
 *     }
 *     const struct td_policy td_policy_longest = {
 *         .abi = TD_POLICY_ABI, .name = "longest", .summary = "directed, long builds first",
 *         .wake = TD_WAKE_FOR_USE, .needs = TD_NEEDS_ESTIMATES, .rank = rank,
 *         .choose = td_directed_choose,
 *     };
 *
 * Steps are indices in the schema's order; "first" means smallest rank, ties by the schema's order.
 */
#ifndef TD_ENGINE_POLICY_H
#define TD_ENGINE_POLICY_H

#include "base/time.h"
#include "engine/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_POLICY_ABI 2u

struct td_view;

enum td_choice_kind {
    TD_CHOOSE_STEP,     /* order `step`: a build if it is not published, else a fetch */
    TD_CHOOSE_UNIVERSE, /* order the universe */
    TD_CHOOSE_WAIT,     /* until the engine wakes the peer, or `until` has come */
    TD_CHOOSE_GIVE_UP,  /* the peer fails: it cannot get what it lacks */
};

/* Sixteen bytes, so that it is returned in registers; name its fields when you fill it. */
struct td_choice {
    enum td_choice_kind kind : 16;
    enum td_reason reason : 16;
    td_step step;
    td_time until; /* WAIT: the peer asks again then, if nothing has woken it; 0: no such time */
};

/* Which waiting peers a change wakes. All give the orders of the model's rule (a publication, the
 * end of an order and the end of a peer wake every waiting peer of the cohort) for the policies
 * that name them; the narrow ones spare asking in vain. */
enum td_wake {
    TD_WAKE_ALL = 0, /* every waiting peer of the cohort, at each such change */
    TD_WAKE_FOR_USE, /* peers for which a step has just become ready or published; with
                      * TD_NEEDS_TIMES also those for which one builder fewer builds a step, and all
                      * when an estimate becomes shorter: what they wait for may be due sooner */
    TD_WAKE_IN_TURN, /* only the peer that has come to the head of its cohort's line */
    TD_WAKE_NONE,    /* the policy makes nobody wait */
};

enum td_needs {
    TD_NEEDS_ESTIMATES = 1u << 0, /* finite mean build times */
    TD_NEEDS_LOTS = 1u << 1,      /* a number that the world draws for each cohort and step */
    TD_NEEDS_TIMES = 1u << 2,     /* estimates of the other times, and when what was observed */
    /* No need but a promise: `choose` sees nothing but the four td_view_first_*(), and whether the
     * peer holds all, and orders only what is ready or published, or the universe to who holds all.
     * What those do who build nothing is then not seen by others, and a simulator looks ahead. */
    TD_NEEDS_STEPS_ONLY = 1u << 3,
};

struct td_policy {
    uint32_t abi;        /* TD_POLICY_ABI */
    const char *name;    /* as on the command line */
    const char *summary; /* one line */
    enum td_wake wake;
    unsigned needs; /* of enum td_needs */
    /* Fills ranks[0 .. step count), smaller first; once a cohort, before its first peer asks.
     * NULL: the schema's order. */
    void (*rank)(const struct td_view *view, int64_t *ranks);
    /* The order for the view's peer, which is free and present. */
    struct td_choice (*choose)(const struct td_view *view);
    /* The view's peer was ordered to build what another has just published: true if it is to give
     * up, and fetch it. NULL: nobody does. */
    bool (*gives_way)(const struct td_view *view);
};

/* The schema, as the view's cohort has it. */
uint32_t td_view_step_count(const struct td_view *view);
/* Mean time of a build in nanoseconds, as the world estimates it. */
td_time td_view_estimate(const struct td_view *view, td_step step);
/* How old a build may get before another may begin, if somebody said so; negative: nobody did. */
td_time td_view_patience(const struct td_view *view);
/* The number of the world's lot for the step; 0 without TD_NEEDS_LOTS. */
int64_t td_view_lot(const struct td_view *view, td_step step);
/* The i-th step in dependency order: prerequisites before what comes after them. */
td_step td_view_in_dependency_order(const struct td_view *view, uint32_t i);
/* The steps that come directly after `step`; *count of them. */
const td_step *td_view_dependents(const struct td_view *view, td_step step, uint32_t *count);
/* How many steps come after `step`, transitively. Cost: a walk over them. */
uint32_t td_view_unlocks(const struct td_view *view, td_step step);

/* For `choose` only: the cohort as the asking peer sees it; TD_NO_STEP if there is no such step.
 * Cost: a word for each 64 steps at most, never a walk over steps or peers. */

/* First step in the peer's variant that is missing, built by nobody and whose prerequisites are
 * published or held; a step touched in part is not ready while its untouched artifact is being
 * built. */
td_step td_view_first_ready(const struct td_view *view);
/* First published step that the peer does not hold. */
td_step td_view_first_published(const struct td_view *view);
/* First step that the peer does not hold. */
td_step td_view_first_not_held(const struct td_view *view);
/* First step that the peer does not hold and that can still be had: neither it nor anything that it
 * comes after is broken. A variant is broken when two different peers have found that it does not
 * build. */
td_step td_view_first_hopeful(const struct td_view *view);
bool td_view_holds_all(const struct td_view *view);
/* True if no peer that is present in the cohort came before this one, and no other is at work on an
 * order. */
bool td_view_is_its_turn(const struct td_view *view);
/* 0, or the peer's number in the queue of a dependent pipeline: smaller for those ahead of it. */
uint32_t td_view_ticket(const struct td_view *view);

/* For `choose` of a policy with TD_NEEDS_TIMES: all that an authority knows of the cohort.
 * Estimates are means, at a speed of 1; one without a finite mean is TD_TIME_MAX. */

/* The time of the question. */
td_time td_view_now(const struct td_view *view);
td_time td_view_fetch_estimate(const struct td_view *view, td_step step);
/* Of one invocation. */
td_time td_view_overhead_estimate(const struct td_view *view);
/* What the universe holds beyond its steps: its build, or its fetch. */
td_time td_view_rest_estimate(const struct td_view *view, bool build);
/* False if the world knows that every time of the schema's is just as estimated (at a speed of 1).
 */
bool td_view_times_vary(const struct td_view *view);
/* True if a peer that touches nothing has built or fetched the rest. */
bool td_view_rest_is_published(const struct td_view *view);
/* The steps that come directly before `step`; *count of them. */
const td_step *td_view_prerequisites(const struct td_view *view, td_step step, uint32_t *count);

/* The peer that asks. */
td_peer td_view_asking(const struct td_view *view);
/* The present peer of the cohort that came next after `peer`, or first of all after TD_NO_PEER;
 * TD_NO_PEER behind the last. */
td_peer td_view_next_peer(const struct td_view *view, td_peer peer);

struct td_peer_view {
    td_step order;    /* what it works on: a step or TD_UNIVERSE; TD_NO_STEP: it is free or waits */
    bool builds;      /* it counts as a builder of that step */
    bool read_only;   /* what it builds helps nobody */
    bool touches;     /* some of its variants are not the untouched ones, nor is its rest */
    td_time joined;   /* it came, or came back */
    td_time since;    /* its order began; without one: it has had none since then */
    td_time progress; /* the last result within its order; `since` before the first */
    /* Its whole builds so far: the time they took, and the estimates of them. */
    td_time took, expected;
};

/* What has been observed of a peer that td_view_next_peer() gave. */
struct td_peer_view td_view_peer(const struct td_view *view, td_peer peer);
bool td_view_peer_holds(const struct td_view *view, td_peer peer, td_step step);

/* The artifact that a peer's variant of a step is, as a number below td_view_artifact_count(): that
 * of the untouched one is below the number of steps. */
uint32_t td_view_artifact(const struct td_view *view, td_peer peer, td_step step);
/* The artifact that the build of a peer's variant starts from, if it is touched in part only: the
 * best that is published, or if none is, the best; TD_NO_ARTIFACT: none. */
uint32_t td_view_artifact_before(const struct td_view *view, td_peer peer, td_step step);
uint32_t td_view_artifact_count(const struct td_view *view);
bool td_view_is_published(const struct td_view *view, uint32_t artifact);
/* Two peers have found that it does not build. */
bool td_view_is_broken(const struct td_view *view, uint32_t artifact);
/* How many peers count as builders of it. */
uint32_t td_view_builders(const struct td_view *view, uint32_t artifact);
/* When the first of their orders began; TD_TIME_MAX if nobody builds it. Cost: a walk over the
 * cohort's peers. */
td_time td_view_built_since(const struct td_view *view, uint32_t artifact);

#endif
