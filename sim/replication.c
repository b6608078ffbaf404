/* Begin and end of a replication: luck that is drawn at once, and what is left at the end. Who
 * comes first is in opening.c. */
#include "report/tally.h"
#include "sim/world_internal.h"

/* What all peers have in common: the caches, the base, the factors of the steps. */
static void begin_caches(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    size_t words = plan->cohorts * (size_t)plan->words;
    memset(world->cache_bits, 0, words * sizeof(uint64_t));
    if (plan->parts)
        memset(world->cache_parts, 0, plan->cohorts * (size_t)plan->steps * sizeof(uint16_t));
    if (plan->broken) memset(world->broken_bits, 0, words * sizeof(uint64_t));
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++) {
        world->caches[cohort].rest = false;
        for (uint32_t at = 0; plan->broken && at < plan->steps; at++) {
            const struct td_draw draw = draw_for(world, cohort, plan->order[at], TD_DRAW_BROKEN);
            if (td_sample_chance(plan->step[at].broken, &draw))
                bit_set(world->caches[cohort].broken, at);
        }
    }
    for (uint32_t at = 0; plan->factors && at < plan->steps; at++)
        world->factors[at] =
            plan->step[at].factor == NULL
                ? 1
                : td_world_sample(world, plan->step[at].factor, 0, plan->order[at], TD_DRAW_FACTOR);
}

/* Nothing is held; the bits behind the last step are set. */
static void begin_held(const struct td_plan *plan, uint64_t *held)
{
    memset(held, 0, plan->words * sizeof *held);
    if (plan->steps % 64 != 0) held[plan->words - 1] = ~UINT64_C(0) << (plan->steps % 64);
}

static void begin_extras(struct td_world *world)
{
    size_t size = (size_t)world->plan->scenario->peer_count * world->plan->steps * sizeof(uint16_t);
    if (world->held_parts != NULL) memset(world->held_parts, 0, size);
    if (world->own_parts != NULL) memset(world->own_parts, 0, size);
    if (world->attempts != NULL) memset(world->attempts, 0, size);
    if (world->absent != NULL)
        memset(world->absent, 0, world->plan->scenario->peer_count * sizeof *world->absent);
    for (td_peer peer = 0; world->held != NULL && peer < world->plan->scenario->peer_count; peer++)
        begin_held(world->plan, held_of(world, peer));
}

__attribute__((noinline)) bool td_replication_begin(struct td_world *world, uint32_t replication)
{
    TD_ASSERT(world->record->events == 0 && world->record->machine == 0); /* it comes zeroed */
    world->draw.replication = replication;
    world->now = 0;
    world->ended = 0;
    world->waiting = 0;
    world->vain = 0;
    world->builders.count = 0;
    world->unpublished = (uint64_t)world->plan->steps * world->plan->cohorts;
    world->ahead_of = TD_NO_PEER; /* whose draws were of another replication */
    begin_caches(world);
    begin_extras(world);
    td_task_begin_bundles(world);
    return td_pipelines_begin(world) && td_opening_begin(world);
}

/* The replication's record from its peers, and the peers for the recorder. */
__attribute__((noinline)) void td_replication_end(struct td_world *world)
{
    struct td_tally tally;
    /* the tally never writes behind the peer that is at hand */
    td_tally_begin(&tally, world->record, world->arrivals);
    for (td_peer peer = 0; peer < world->plan->scenario->peer_count; peer++) {
        const struct sim_peer *who = peer_at(world, peer);
        td_time arrival = world->arrivals[peer];
        td_time absent = world->absent == NULL ? 0 : world->absent[peer];
        const struct td_peer_record row = {
            .arrival = arrival,
            .completion = who->since,
            .busy = who->busy,
            .wait = who->since - arrival - absent - who->busy,
            .builds = who->builds,
            .fetches = who->fetches,
            .outcome = who->outcome,
            .merged = world->queues == NULL ? TD_NOT_MERGED : world->queues->merged_at[peer]};
        if (world->recorder != NULL && world->recorder->peer != NULL)
            world->recorder->peer(world->recorder->context, peer, &row);
        td_tally_peer(&tally, &row, absent);
    }
    td_tally_end(&tally);
}
