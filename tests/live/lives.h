/* Random lives of peers under an authority that keeps a journal: they come and go, build, fail,
 * lose connections and talk nonsense, as dice have it. */
#ifndef TD_TESTS_LIVE_LIVES_H
#define TD_TESTS_LIVE_LIVES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/keeper.h"

#define LIFE_PEERS 4u
#define LIFE_STEPS 4u

/* A peer, as it knows itself. */
struct life_peer {
    char name[32];
    td_order order;
    td_step step; /* LIFE_STEPS: the universe */
    bool here, linked, welcome, aborted, done, failed;
    bool build;   /* so it was ordered */
    bool variant; /* it touches step 1 */
    bool held[LIFE_STEPS];
};

struct life {
    const char *path;
    struct td_keeper_options journal;
    struct td_authority_options options;
    struct td_keeper *keeper;
    struct life_peer peers[LIFE_PEERS];
    uint32_t generation;
    td_time now;
    int64_t clock_ns;
    uint64_t dice;
    bool healthy; /* nobody fails, leaves or talks nonsense any more */
    bool full;    /* the disk is: commits fail */
    bool aside;   /* commits are made by a thread, while life goes on */
    bool builds;  /* what is ordered to be built is built, and the rest fetched */
    uint32_t orders, built;
    uint32_t said_full, said_unfolded, folds; /* so often the log has it */
    uint32_t resumed;                         /* welcomes that said so */
};

/* A path in a folder of its own, and the folder's end. */
void life_folder(char *folder, size_t size);
void life_clean(const char *folder);

/* Begins or goes on; fails the test if the journal is refused, unless `error` is asked for. */
bool life_open(struct life *life, const char *path, const char *policy, struct td_error *error);
void life_close(struct life *life);
uint32_t life_roll(struct life *life, uint32_t below);
/* One thing that happens, and its commit. */
void life_step(struct life *life);
/* All go on until they are done. */
void life_finish(struct life *life);
/* All of the journal follows from what came in. */
void life_prove(const char *path, const char *policy);

#endif
