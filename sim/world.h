/* One simulated world: peers, cache and clock of one replication, and the engine that it obeys.
 *
 * A thread makes one for each policy and runs replication after replication in it; memory is kept.
 */
#ifndef TD_SIM_WORLD_H
#define TD_SIM_WORLD_H

#include "report/record.h"
#include "sim/plan.h"

#include <stdatomic.h>

struct td_world;

struct td_world *td_world_create(const struct td_plan *plan, const struct td_policy *policy,
                                 uint64_t seed, struct td_error *error);

/* Runs a replication (from 1) to its end. `recorder` gets its intervals, those of each peer in
 * their order, then its peers in the scenario's order. `stop` (may be NULL) ends it soon after it
 * turns true; `finished` (may be NULL), which nobody else writes, is raised by the peers that have
 * ended since. `record` comes zeroed. */
bool td_world_run(struct td_world *world, uint32_t replication, const struct td_recorder *recorder,
                  const atomic_bool *stop, atomic_ullong *finished, struct td_run_record *record,
                  struct td_error *error);

void td_world_destroy(struct td_world *world);

/* Bytes that a peer takes in the world, the engine's share included. */
size_t td_world_bytes_per_peer(const struct td_plan *plan);

#endif
