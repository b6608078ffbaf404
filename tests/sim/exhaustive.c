#include "tests/sim/exhaustive.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which they happen at one instant, but for those that do not happen. */
enum state { RUNS, COMES, STARTS, WAITS, ENDED };

struct peer {
    td_time at; /* end of what it does, arrival, or end of all */
    uint8_t state;
    uint8_t held, wanted; /* bitmaps; wanted: what its order has still to go through */
    uint8_t step;         /* what it builds or fetches; none: an overhead */
    bool ordered, universe, builds;
    uint8_t zero; /* no byte is left undefined: worlds are compared as bytes */
};

struct world {
    struct peer peers[SMALL_PEERS];
    uint8_t published;
    bool rest;
    uint8_t zero[6];
};

#define NO_STEP UINT8_MAX
#define SEEN_SIZE (1u << 21)

struct search {
    const struct small *small;
    td_time best;
    long left;
    struct world *seen; /* worlds from which all has been tried */
    uint32_t *stamps, stamp, seen_count;
};

static td_time smaller(td_time a, td_time b)
{
    return a < b ? a : b;
}

static unsigned all_steps(const struct small *small)
{
    return (1u << small->steps) - 1;
}

/* True if there is no need to look at the world again: what is best from it has been found, or was
 * not below a best that was no better than today's. */
static bool was_seen(struct search *search, const struct world *world)
{
    uint64_t hash = 1469598103934665603u, words[sizeof *world / sizeof(uint64_t)];
    memcpy(words, world, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    uint32_t at = (uint32_t)hash % SEEN_SIZE;
    for (; search->stamps[at] == search->stamp; at = (at + 1) % SEEN_SIZE)
        if (memcmp(&search->seen[at], world, sizeof *world) == 0) return true;
    if (search->seen_count >= SEEN_SIZE / 4 * 3) return false;
    search->seen_count++;
    search->stamps[at] = search->stamp;
    search->seen[at] = *world;
    return false;
}

/* When a peer is free, if it does no more than what it is at. */
static td_time free_at(const struct peer *peer, td_time now)
{
    return peer->at > now ? peer->at : now;
}

/* What a peer must still do, at least, if it is free at its time: no policy ends it before. */
static td_time least_end(const struct small *small, const struct world *world, uint32_t p,
                         td_time now)
{
    const struct peer *peer = &world->peers[p];
    if (peer->state == ENDED) return peer->at;
    bool busy = peer->state == RUNS && peer->step != NO_STEP;
    unsigned needs = all_steps(small) & ~(unsigned)peer->held;
    td_time end = free_at(peer, now);
    if (busy && peer->step < small->steps) needs &= ~(1u << peer->step);
    for (uint32_t s = 0; s < small->steps; s++)
        if (needs >> s & 1) end += smaller(small->build[p][s], small->fetch[p][s]);
    if (!peer->universe) end += small->overhead[p][small->steps];
    if (!busy || peer->step != small->steps)
        end += smaller(small->build[p][small->steps], small->fetch[p][small->steps]);
    return end;
}

/* When a step can be published, at the earliest. */
static td_time least_published(const struct small *small, const struct world *world, uint32_t s,
                               td_time now)
{
    td_time least = INT64_MAX / 4;
    if ((world->published >> s & 1) != 0) return now;
    for (uint32_t p = 0; p < small->peers; p++) {
        const struct peer *peer = &world->peers[p];
        if (!small->publishes[p] || (small->own[p] >> s & 1) != 0) continue;
        bool builds = peer->state == RUNS && peer->step == s;
        if (peer->state == ENDED) continue;
        least = smaller(least, free_at(peer, now) + (builds ? 0 : small->build[p][s]));
    }
    return least;
}

/* No policy ends all from this world before this time. */
static td_time least_end_of_all(const struct small *small, const struct world *world, td_time now)
{
    td_time sum = 0, last = 0;
    unsigned needed = 0;
    for (uint32_t p = 0; p < small->peers; p++) {
        td_time end = least_end(small, world, p, now);
        sum += end;
        if (end > last) last = end;
        if (small->publishes[p]) needed |= ~small->own[p];
    }
    for (uint32_t s = 0; s < small->steps; s++) {
        td_time there = least_published(small, world, s, now), extra = INT64_MAX;
        bool begun = (world->published >> s & 1) != 0;
        for (uint32_t p = 0; p < small->peers; p++) {
            const struct peer *peer = &world->peers[p];
            bool at_it = peer->state == RUNS && peer->step == s;
            td_time build = small->build[p][s], fetch = small->fetch[p][s];
            begun = begun || at_it;
            if (small->publishes[p] && (small->own[p] >> s & 1) == 0)
                extra = smaller(extra, build - smaller(build, fetch));
            if ((peer->held >> s & 1) != 0 || at_it || peer->state == ENDED) continue;
            /* it builds the step, or fetches it when it is there; the rest comes after it */
            td_time from = free_at(peer, now), taken = (there > from ? there : from) + fetch;
            td_time end = smaller(from + build, taken) +
                          smaller(small->build[p][small->steps], small->fetch[p][small->steps]);
            if (end > last) last = end;
        }
        /* who shares the step, publishes and does not hold it: somebody has to build it yet */
        if (!begun && (needed >> s & 1) != 0) sum += extra;
    }
    if (small->peers == 0) return last;
    td_time mean = (sum + small->peers - 1) / small->peers;
    return mean > last ? mean : last;
}

static void wake(struct world *world, td_time now)
{
    for (uint32_t p = 0; p < SMALL_PEERS; p++)
        if (world->peers[p].state == WAITS) {
            world->peers[p].state = STARTS;
            world->peers[p].at = now;
        }
}

/* What a peer is at ends. */
static void complete(const struct small *small, struct world *world, uint32_t p, td_time now)
{
    struct peer *peer = &world->peers[p];
    uint32_t step = peer->step;
    bool own = step < small->steps ? (small->own[p] >> step & 1) != 0 : small->own[p] != 0;
    bool publishes = step <= small->steps && peer->builds && small->publishes[p] && !own;
    peer->state = STARTS;
    peer->step = NO_STEP;
    if (step > small->steps) return; /* an overhead */
    if (step == small->steps) {
        world->rest = world->rest || publishes;
        peer->state = ENDED;
    } else {
        peer->held |= (uint8_t)(1u << step);
        peer->wanted &= (uint8_t) ~(1u << step);
        if (publishes) world->published |= (uint8_t)(1u << step);
        if (peer->wanted == 0 && !peer->universe) peer->ordered = false;
    }
    if (publishes || peer->state == ENDED || !peer->ordered) wake(world, now);
}

/* The peer reaches the next artifact of its order. */
static void reach(const struct small *small, struct world *world, uint32_t p, td_time now)
{
    struct peer *peer = &world->peers[p];
    uint32_t step = peer->wanted == 0 ? small->steps : (uint32_t)__builtin_ctz(peer->wanted);
    bool rest = step == small->steps, there = rest ? world->rest : world->published >> step & 1;
    if (rest && small->own[p] != 0) there = false;
    peer->state = RUNS;
    peer->step = (uint8_t)step;
    peer->builds = !there || (!rest && (small->own[p] >> step & 1) != 0);
    peer->at = now + (there ? small->fetch[p][step] : small->build[p][step]);
}

static void order(const struct small *small, struct world *world, uint32_t p, uint32_t step,
                  td_time now)
{
    struct peer *peer = &world->peers[p];
    peer->universe = step == small->steps;
    unsigned wanted = peer->universe ? all_steps(small) : small->closure[step];
    peer->wanted = (uint8_t)(wanted & ~(unsigned)peer->held);
    peer->ordered = true;
    peer->state = RUNS;
    peer->step = NO_STEP;
    peer->at = now + small->overhead[p][step];
}

/* The next event: the smallest (time, class, peer). */
static uint32_t next_event(const struct small *small, const struct world *world)
{
    uint32_t next = UINT32_MAX;
    for (uint32_t p = 0; p < small->peers; p++) {
        const struct peer *peer = &world->peers[p];
        if (peer->state == WAITS || peer->state == ENDED) continue;
        if (next == UINT32_MAX || peer->at < world->peers[next].at ||
            (peer->at == world->peers[next].at && peer->state < world->peers[next].state))
            next = p;
    }
    return next;
}

static void go_on(struct search *search, struct world world, td_time now);

/* All answers to a peer that asks; first those that a good policy would give. */
static void answer(struct search *search, const struct world *world, uint32_t p, td_time now)
{
    const struct small *small = search->small;
    unsigned free = all_steps(small) & ~(unsigned)world->peers[p].held, begun = 0;
    for (uint32_t other = 0; other < small->peers; other++)
        if (world->peers[other].ordered) begun |= world->peers[other].wanted;
    const unsigned tiers[] = {free & ~(world->published | begun), free & world->published,
                              1u << small->steps, 1u << SMALL_STEPS << 1,
                              free & ~(unsigned)world->published & begun};
    for (size_t tier = 0; tier < sizeof tiers / sizeof *tiers; tier++)
        for (unsigned left = tiers[tier]; left != 0 && search->left > 0; left &= left - 1) {
            uint32_t choice = (uint32_t)__builtin_ctz(left);
            struct world then = *world;
            if (choice <= small->steps) {
                order(small, &then, p, choice, now);
            } else {
                then.peers[p].state = WAITS;
                then.peers[p].at = 0;
            }
            go_on(search, then, now);
        }
}

static void go_on(struct search *search, struct world world, td_time now)
{
    const struct small *small = search->small;
    while (search->left-- > 0) {
        td_time least = least_end_of_all(small, &world, now);
        if (least >= search->best) return;
        uint32_t p = next_event(small, &world), ended = 0;
        for (uint32_t i = 0; i < small->peers; i++)
            ended += world.peers[i].state == ENDED;
        if (ended == small->peers) search->best = least;
        if (p == UINT32_MAX) return; /* all have ended, or wait for ever */
        struct peer *peer = &world.peers[p];
        now = peer->at;
        if (peer->state == COMES) {
            peer->state = STARTS;
        } else if (peer->state == RUNS) {
            complete(small, &world, p, now);
        } else if (peer->ordered) {
            reach(small, &world, p, now);
        } else {
            if (!was_seen(search, &world)) answer(search, &world, p, now);
            return;
        }
    }
}

td_time exhaust(const struct small *small, td_time below, long limit)
{
    static struct search search; /* its tables are kept from case to case */
    struct world world;
    if (search.seen == NULL) {
        search.seen = malloc(SEEN_SIZE * sizeof *search.seen);
        search.stamps = calloc(SEEN_SIZE, sizeof *search.stamps);
        if (search.seen == NULL || search.stamps == NULL) abort();
    }
    search.small = small;
    search.best = below;
    search.left = limit;
    search.stamp++;
    search.seen_count = 0;
    memset(&world, 0, sizeof world);
    for (uint32_t p = 0; p < SMALL_PEERS; p++) {
        world.peers[p].state = p < small->peers ? COMES : ENDED;
        world.peers[p].step = NO_STEP;
        world.peers[p].at = p < small->peers ? small->arrival[p] : 0;
    }
    go_on(&search, world, 0);
    return search.left <= 0 ? -1 : search.best;
}
