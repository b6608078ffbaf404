#include "hard_coded.h"

#include "workload/sampler.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

/* Key: time, then fetches behind builds of the same instant, then the peer. */
struct hard_coded {
    const struct td_dist *build, *fetch;
    uint32_t peers, steps, words, leaves, bits;
    uint64_t *tree;      /* winner tree, root at 1 */
    uint64_t *held;      /* words for each peer */
    uint64_t *published; /* words */
    uint32_t *step;      /* that each peer builds */
    uint32_t *waiting, waiting_count;
    uint32_t *tied;
    uint32_t next_build, left;
    struct td_draw draw;
    td_time makespan;
};

struct hard_coded *hard_coded_create(uint32_t peers, uint32_t steps, const struct td_dist *build,
                                     const struct td_dist *fetch)
{
    struct hard_coded *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return NULL;
    loop->build = build;
    loop->fetch = fetch;
    loop->peers = peers;
    loop->steps = steps;
    loop->words = (steps + 63) / 64;
    for (loop->leaves = 1; loop->leaves < peers; loop->leaves *= 2)
        loop->bits++;
    loop->tree = malloc(2 * (size_t)loop->leaves * sizeof(uint64_t));
    loop->held = malloc((size_t)peers * loop->words * sizeof(uint64_t));
    loop->published = malloc(loop->words * sizeof(uint64_t));
    loop->step = malloc(peers * sizeof(uint32_t));
    loop->waiting = malloc(peers * sizeof(uint32_t));
    loop->tied = malloc(peers * sizeof(uint32_t));
    if (loop->tree == NULL || loop->held == NULL || loop->published == NULL || loop->step == NULL ||
        loop->waiting == NULL || loop->tied == NULL) {
        hard_coded_destroy(loop);
        return NULL;
    }
    return loop;
}

bool hard_coded_reaches(uint32_t peers, td_time last)
{
    uint32_t bits = 1; /* below the time */
    while (UINT64_C(1) << (bits - 1) < peers)
        bits++;
    return (uint64_t)last < UINT64_C(1) << (64 - bits);
}

void hard_coded_destroy(struct hard_coded *loop)
{
    if (loop == NULL) return;
    free(loop->tree);
    free(loop->held);
    free(loop->published);
    free(loop->step);
    free(loop->waiting);
    free(loop->tied);
    free(loop);
}

static void set(struct hard_coded *loop, uint32_t peer, uint64_t key)
{
    uint32_t i = loop->leaves + peer;
    loop->tree[i] = key;
    while (i > 1) {
        uint64_t other = loop->tree[i ^ 1];
        key = other < key ? other : key;
        i >>= 1;
        loop->tree[i] = key;
    }
}

static uint64_t task(struct hard_coded *loop, uint32_t peer, uint32_t step, td_time now, bool fetch)
{
    loop->held[(size_t)peer * loop->words + step / 64] |= UINT64_C(1) << (step % 64);
    loop->step[peer] = step;
    loop->draw.peer = peer;
    loop->draw.step = step;
    loop->draw.purpose = fetch ? TD_DRAW_FETCH : TD_DRAW_BUILD;
    td_time length = td_round_ns(td_sample(fetch ? loop->fetch : loop->build, &loop->draw));
    return (uint64_t)(now + length) << (loop->bits + 1) | (uint64_t)fetch << loop->bits | peer;
}

/* The peer's next task, or none: it waits, or it is done. */
static uint64_t order(struct hard_coded *loop, uint32_t peer, td_time now)
{
    const uint64_t *held = loop->held + (size_t)peer * loop->words;
    if (loop->next_build < loop->steps) return task(loop, peer, loop->next_build++, now, false);
    bool all = true;
    for (uint32_t word = 0; word < loop->words; word++) {
        uint64_t bits = loop->published[word] & ~held[word];
        if (bits != 0)
            return task(loop, peer, word * 64 + (uint32_t)__builtin_ctzll(bits), now, true);
        all = all && held[word] == ~UINT64_C(0);
    }
    if (all) {
        loop->left--;
        loop->makespan = now;
    } else {
        loop->waiting[loop->waiting_count++] = peer;
    }
    return NEVER;
}

static int by_peer(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All builds that end at this instant are published before anybody asks, in the order of the peers.
 */
static void publish(struct hard_coded *loop, td_time now)
{
    uint64_t mask = (UINT64_C(1) << loop->bits) - 1;
    uint32_t count = 0;
    while (loop->tree[1] != NEVER && (td_time)(loop->tree[1] >> (loop->bits + 1)) == now) {
        uint32_t peer = (uint32_t)(loop->tree[1] & mask), step = loop->step[peer];
        if ((loop->tree[1] >> loop->bits & 1) == 0)
            loop->published[step / 64] |= UINT64_C(1) << (step % 64);
        loop->tied[count++] = peer;
        set(loop, peer, NEVER);
    }
    for (uint32_t i = 0; i < loop->waiting_count; i++)
        loop->tied[count++] = loop->waiting[i];
    loop->waiting_count = 0;
    qsort(loop->tied, count, sizeof *loop->tied, by_peer);
    for (uint32_t i = 0; i < count; i++)
        set(loop, loop->tied[i], order(loop, loop->tied[i], now));
}

static void replicate(struct hard_coded *loop)
{
    uint64_t mask = (UINT64_C(1) << loop->bits) - 1;
    for (size_t i = 0; i < 2 * (size_t)loop->leaves; i++)
        loop->tree[i] = NEVER;
    memset(loop->held, 0, (size_t)loop->peers * loop->words * sizeof(uint64_t));
    memset(loop->published, 0, loop->words * sizeof(uint64_t));
    for (uint32_t peer = 0; loop->steps % 64 != 0 && peer < loop->peers; peer++)
        loop->held[(size_t)peer * loop->words + loop->words - 1] = ~UINT64_C(0)
                                                                   << (loop->steps % 64);
    loop->waiting_count = loop->next_build = 0;
    loop->left = loop->peers;
    for (uint32_t peer = 0; peer < loop->peers; peer++)
        set(loop, peer, order(loop, peer, 0));
    while (loop->left > 0) {
        uint64_t key = loop->tree[1];
        td_time now = (td_time)(key >> (loop->bits + 1));
        if ((key >> loop->bits & 1) == 0)
            publish(loop, now);
        else
            set(loop, (uint32_t)(key & mask), order(loop, (uint32_t)(key & mask), now));
    }
}

td_time hard_coded_run(struct hard_coded *loop, uint64_t seed, uint32_t first, uint32_t last)
{
    td_time sum = 0;
    loop->draw.seed = seed;
    for (uint32_t replication = first; replication <= last; replication++) {
        loop->draw.replication = replication;
        replicate(loop);
        sum += loop->makespan;
    }
    return sum;
}
