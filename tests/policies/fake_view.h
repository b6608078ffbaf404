/* A view made by hand, so that policies are tested without an engine: the functions of
 * engine/policy.h over a table that the test fills. */
#ifndef TD_TESTS_POLICIES_FAKE_VIEW_H
#define TD_TESTS_POLICIES_FAKE_VIEW_H

#include "engine/policy.h"

#define FAKE_STEPS 8u
#define FAKE_PEERS 4u

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
    /* for policies that look at times and at other peers */
    td_time now, patience, overhead;
    td_peer asking;
    uint32_t peers;
    struct td_peer_view seen[FAKE_PEERS];
    bool holds[FAKE_PEERS][FAKE_STEPS];
    uint32_t artifact[FAKE_PEERS][FAKE_STEPS];
};

#endif
