/* What the remote caches have: the untouched artifacts of each cohort, those that a change builds
 * for itself, and those of lists of changes in dependent pipelines. */
#include "sim/world_internal.h"

/* True if a part of the untouched artifact is published. */
static inline bool untouched_there(const struct td_world *world, const struct cache *cache,
                                   uint32_t at, uint32_t part)
{
    if (at == world->plan->steps) return cache->rest;
    if (cache->parts != NULL) return cache->parts[at] > part;
    return bit_get(cache->published, at);
}

/* True if a part of the peer's own variant is published, though it may not hold it any more. */
static inline bool own_there(const struct td_world *world, td_peer peer, uint32_t at, uint32_t part)
{
    if (world->own_parts == NULL || at == world->plan->steps) return false;
    return world->own_parts[cell(world, peer, at)] > part;
}

/* The same of the artifact that a list of changes settles. */
static bool list_there(const struct td_world *world, const struct td_plan_group *group, uint32_t at,
                       uint32_t list, uint32_t part)
{
    if (list == 0) return untouched_there(world, &world->caches[group->cohort], at, part);
    return td_lists_parts(&world->queues->lists, list_place(world, group, at), list) > part;
}

bool td_cache_has(const struct td_world *world, td_peer peer, const struct sim_peer *who,
                  uint32_t at, uint32_t part)
{
    const struct td_plan_group *group = group_of(world, who);
    if (__builtin_expect(group->pipeline != NOTHING, 0))
        return list_there(world, group, at, list_of(world, peer, at), part);
    if (is_private(group, world->plan, at)) return own_there(world, peer, at, part);
    return untouched_there(world, &world->caches[group->cohort], at, part);
}

double td_list_fraction(const struct td_world *world, uint32_t list, uint32_t at)
{
    const struct td_plan_group *group =
        group_of(world, peer_at(world, world->queues->lists.items[list].last));
    return at == world->plan->steps ? 1 : group->fraction[at];
}

bool td_cache_start(const struct td_world *world, td_peer peer, const struct sim_peer *who,
                    uint32_t at, uint32_t part, double *fraction)
{
    const struct td_plan_group *group = group_of(world, who);
    if (group->pipeline == NOTHING) {
        if (at == world->plan->steps || group->private == NULL || group->fraction[at] >= 1)
            return false;
        *fraction = group->fraction[at];
        return untouched_there(world, &world->caches[group->cohort], at, part);
    }
    *fraction = 0;
    for (uint32_t list = list_of(world, peer, at); list != 0;) {
        *fraction += td_list_fraction(world, list, at);
        if (td_fraction_is_whole(*fraction)) return false;
        list = world->queues->lists.items[list].parent;
        if (list_there(world, group, at, list, part)) return true;
    }
    return false;
}

static bool publish_listed(struct td_world *world, const struct sim_peer *who, uint32_t list,
                           uint32_t part, bool there)
{
    const struct td_plan_group *group = group_of(world, who);
    if (there || !group->publishes) return true;
    return td_lists_publish(&world->queues->lists, list_place(world, group, who->at), list, part) ||
           td_error_memory(world->error, "what is published");
}

bool td_cache_publish(struct td_world *world, td_peer peer, struct sim_peer *who)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_group *group = group_of(world, who);
    struct cache *cache = &world->caches[group->cohort];
    uint32_t at = who->at, part = world->runs[peer].part;
    bool there = td_cache_has(world, peer, who, at, part);

    if (at != plan->steps) who->duplicate = who->duplicate || there;
    if (__builtin_expect(group->pipeline != NOTHING, 0) && list_of(world, peer, at) != 0)
        return publish_listed(world, who, list_of(world, peer, at), part, there);
    if (there || !group->publishes) return true;
    if (group->pipeline == NOTHING && is_private(group, plan, at)) {
        if (at != plan->steps && world->own_parts != NULL)
            world->own_parts[cell(world, peer, at)] = (uint16_t)(part + 1);
        return true;
    }
    if (at == plan->steps) {
        cache->rest = true;
        return true;
    }
    if (cache->parts != NULL) cache->parts[at] = (uint16_t)(part + 1);
    if (part + 1 == plan->step[at].parts) bit_set(cache->published, at);
    return true;
}
