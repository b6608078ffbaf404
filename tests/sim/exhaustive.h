/* The model for a few peers and steps of one cohort, and the shortest makespan that any policy
 * could reach in it: every answer to every peer that asks is tried. It shares no code with the
 * simulator or the bound. */
#ifndef TD_TESTS_SIM_EXHAUSTIVE_H
#define TD_TESTS_SIM_EXHAUSTIVE_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define SMALL_PEERS 3
#define SMALL_STEPS 6

struct small {
    uint32_t peers, steps;
    unsigned closure[SMALL_STEPS]; /* a step and all that it comes after; indices ascend */
    td_time arrival[SMALL_PEERS];
    unsigned own[SMALL_PEERS];   /* steps that are the peer's own variant */
    bool publishes[SMALL_PEERS]; /* false: what it builds helps nobody */
    /* By peer and step; behind the steps the rest and the universe's order. */
    td_time build[SMALL_PEERS][SMALL_STEPS + 1];
    td_time fetch[SMALL_PEERS][SMALL_STEPS + 1]; /* of an own step: once the others' is there */
    td_time overhead[SMALL_PEERS][SMALL_STEPS + 1];
};

/* The end of the last peer under the best policy, or `below` if none comes below it; -1 if that
 * takes more than `limit` events to find out. Ties are as in the model. */
td_time exhaust(const struct small *small, td_time below, long limit);

#endif
