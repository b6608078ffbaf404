/* A view made by hand, so that policies are tested without an engine: the functions of
 * engine/policy.h over a table that the test fills. */
#ifndef TD_TESTS_POLICIES_FAKE_VIEW_H
#define TD_TESTS_POLICIES_FAKE_VIEW_H

#include "engine/policy.h"

#define FAKE_STEPS 8u
#define FAKE_PEERS 40u
#define FAKE_ARTIFACTS 16u

struct td_view {
    uint32_t steps;
    td_time estimates[FAKE_STEPS];
    int64_t lots[FAKE_STEPS];
    td_step dependency_order[FAKE_STEPS];
    td_step dependents[FAKE_STEPS][FAKE_STEPS];
    uint32_t dependent_count[FAKE_STEPS];
    uint32_t unlocks[FAKE_STEPS];
    td_step ready, published, not_held, hopeful; /* the first such step */
    bool holds_all, its_turn;
    /* What policies that need times see. Peers come in the order of their numbers. */
    td_time now, patience, overhead, rest_build, rest_fetch;
    td_time fetches[FAKE_STEPS];
    bool vary, rest_published;
    td_step prerequisites[FAKE_STEPS][FAKE_STEPS];
    uint32_t prerequisite_count[FAKE_STEPS];
    td_peer asking;
    uint32_t peers;
    struct td_peer_view seen[FAKE_PEERS];
    uint32_t held[FAKE_PEERS]; /* a bit for each step */
    /* Of a step that a peer has a variant of its own of; else 0. */
    uint32_t artifacts[FAKE_PEERS][FAKE_STEPS];
    bool partial[FAKE_PEERS][FAKE_STEPS]; /* it starts from the untouched one */
    bool is_published[FAKE_ARTIFACTS], is_broken[FAKE_ARTIFACTS];
    uint32_t builders[FAKE_ARTIFACTS];
};

#endif
