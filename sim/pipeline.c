/* The queues of dependent pipelines, in the sense of Zuul (model, sections 4 and 5): changes in
 * order of arrival, each tested on top of those ahead of it; they merge from the head, start again
 * when one ahead fails or leaves, and only those within a window run. */
#include "sim/world_internal.h"

bool td_pipelines_create(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    size_t peers = plan->scenario->peer_count, places = plan->steps + (size_t)1;
    if (plan->pipelines == 0) return true;
    struct queues *queues = calloc(1, sizeof *queues);
    world->queues = queues;
    if (queues == NULL) return false;
    queues->pipelines = calloc(plan->pipelines, sizeof *queues->pipelines);
    /* a peer comes back once at most */
    queues->changes = malloc(2 * peers * sizeof *queues->changes);
    queues->merged = malloc(plan->pipelines * places * sizeof *queues->merged);
    queues->list_of = malloc(peers * places * sizeof *queues->list_of);
    queues->scratch = malloc(places * sizeof *queues->scratch);
    queues->blocked = malloc(peers * plan->words * sizeof *queues->blocked);
    queues->merged_at = malloc(peers * sizeof *queues->merged_at);
    queues->line_since = malloc(peers * sizeof *queues->line_since);
    queues->ticket = malloc(peers * sizeof *queues->ticket);
    if (queues->pipelines == NULL || queues->changes == NULL || queues->merged == NULL ||
        queues->list_of == NULL || queues->scratch == NULL || queues->blocked == NULL ||
        queues->merged_at == NULL || queues->line_since == NULL || queues->ticket == NULL)
        return false;

    uint32_t *sizes = calloc(plan->pipelines, sizeof *sizes);
    if (sizes == NULL) return false;
    for (size_t peer = 0; peer < peers; peer++) {
        uint32_t pipeline = plan->groups[plan->scenario->peers[peer].group].pipeline;
        if (pipeline != NOTHING) sizes[pipeline] += 2;
    }
    td_peer *next = queues->changes;
    for (uint32_t i = 0; i < plan->pipelines; i++) {
        queues->pipelines[i].changes = next;
        queues->pipelines[i].merged = queues->merged + i * places;
        next += sizes[i];
    }
    free(sizes);
    return true;
}

void td_pipelines_destroy(struct td_world *world)
{
    struct queues *queues = world->queues;
    if (queues == NULL) return;
    td_lists_free(&queues->lists);
    free(queues->pipelines);
    free(queues->changes);
    free(queues->merged);
    free(queues->list_of);
    free(queues->scratch);
    free(queues->blocked);
    free(queues->merged_at);
    free(queues->line_since);
    free(queues->ticket);
    free(queues);
}

bool td_pipelines_begin(struct td_world *world)
{
    const struct td_plan *plan = world->plan;
    struct queues *queues = world->queues;
    if (queues == NULL) return true;
    if (!td_lists_reset(&queues->lists)) return td_error_memory(world->error, "lists of changes");
    for (uint32_t i = 0; i < plan->pipelines; i++) {
        struct pipeline *pipeline = &queues->pipelines[i];
        pipeline->first = pipeline->count = pipeline->tickets = 0;
        pipeline->window = plan->scenario->window.start;
        memset(pipeline->merged, 0, (plan->steps + (size_t)1) * sizeof *pipeline->merged);
    }
    for (td_peer peer = 0; peer < plan->scenario->peer_count; peer++)
        queues->merged_at[peer] = TD_NOT_MERGED;
    return true;
}

static struct pipeline *pipeline_of(const struct td_world *world, const struct sim_peer *who)
{
    return &world->queues->pipelines[group_of(world, who)->pipeline];
}

static td_peer change_at(const struct pipeline *pipeline, uint32_t place)
{
    return pipeline->changes[pipeline->first + place];
}

/* How many changes are ahead of one. */
static uint32_t place_of(const struct pipeline *pipeline, td_peer peer)
{
    uint32_t place = 0;
    while (change_at(pipeline, place) != peer)
        place++;
    return place;
}

bool td_pipeline_is_in_window(const struct td_world *world, td_peer peer)
{
    const struct pipeline *pipeline = pipeline_of(world, peer_at(world, peer));
    return place_of(pipeline, peer) < pipeline->window;
}

/* A change goes to the end of the lists of what it touches. */
static bool extend_lists(struct td_world *world, uint32_t *lists, td_peer change)
{
    const struct td_plan *plan = world->plan;
    const struct td_plan_group *group = group_of(world, peer_at(world, change));
    for (uint32_t at = 0; at <= plan->steps; at++) {
        if (!is_private(group, plan, at)) continue;
        lists[at] = td_lists_append(&world->queues->lists, lists[at], change);
        if (lists[at] == TD_LIST_NONE) return td_error_memory(world->error, "lists of changes");
    }
    return true;
}

bool td_pipeline_take_lists(struct td_world *world, td_peer peer)
{
    const struct pipeline *pipeline = pipeline_of(world, peer_at(world, peer));
    uint32_t *lists = lists_of(world, peer);
    memcpy(lists, pipeline->merged, (world->plan->steps + (size_t)1) * sizeof *lists);
    for (uint32_t place = 0;; place++) {
        td_peer change = change_at(pipeline, place);
        if (!extend_lists(world, lists, change)) return false;
        if (change == peer) return true;
    }
}

bool td_pipeline_join(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    struct queues *queues = world->queues;
    struct sim_peer *who = peer_at(world, peer);
    struct pipeline *pipeline = pipeline_of(world, who);
    pipeline->changes[pipeline->first + pipeline->count++] = peer;
    queues->ticket[peer] = ++pipeline->tickets;
    queues->line_since[peer] = world->now;
    who->queued = QUEUED;
    if (!who->joined) return true;

    /* of what it held it keeps what its new lists give it, too */
    memcpy(queues->scratch, lists_of(world, peer), plan->steps * sizeof *queues->scratch);
    if (!td_pipeline_take_lists(world, peer)) return false;
    for (uint32_t at = 0; at < plan->steps; at++)
        if (queues->scratch[at] != list_of(world, peer, at)) td_presence_lose(world, peer, at);
    return true;
}

bool td_change_breaks(const struct td_world *world, td_peer peer, uint32_t at)
{
    const struct td_plan_group *group = group_of(world, peer_at(world, peer));
    if (group->breaks == NULL) return false;
    const struct td_draw draw = draw_for(world, peer, world->plan->order[at], TD_DRAW_BREAKS);
    return td_sample_chance(group->breaks[at], &draw);
}

bool td_pipeline_breaks_ahead(const struct td_world *world, td_peer peer, uint32_t at)
{
    const struct sim_peer *who = peer_at(world, peer);
    if (who->queued == QUEUED_NOT) return false;
    const struct pipeline *pipeline = pipeline_of(world, who);
    for (uint32_t place = 0; change_at(pipeline, place) != peer; place++)
        if (td_change_breaks(world, change_at(pipeline, place), at)) return true;
    return false;
}

static uint64_t *blocked_of(const struct td_world *world, td_peer peer)
{
    return world->queues->blocked + (size_t)peer * world->plan->words;
}

/* True if a change ahead breaks one of the steps that a change is blocked by. */
static bool is_blocked(const struct td_world *world, td_peer peer)
{
    for (uint32_t at = 0; at < world->plan->steps; at++)
        if (bit_get(blocked_of(world, peer), at) && td_pipeline_breaks_ahead(world, peer, at))
            return true;
    return false;
}

static void block(struct td_world *world, td_peer peer)
{
    struct sim_peer *who = peer_at(world, peer);
    td_task_end_wait(world, peer);
    who->queued = QUEUED_BLOCKED;
    who->present = false;
    who->outside = false;
    who->since = world->now;
}

void td_pipeline_block(struct td_world *world, td_peer peer, uint32_t at)
{
    memset(blocked_of(world, peer), 0, world->plan->words * sizeof(uint64_t));
    bit_set(blocked_of(world, peer), at);
    block(world, peer);
}

bool td_pipeline_block_hopeless(struct td_world *world, td_peer peer)
{
    const struct td_plan *plan = world->plan;
    const struct sim_peer *who = peer_at(world, peer);
    if (who->queued == QUEUED_NOT) return false;
    memset(blocked_of(world, peer), 0, plan->words * sizeof(uint64_t));
    for (uint32_t at = 0; at < plan->steps; at++)
        if (!bit_get(held_of(world, peer), at) &&
            td_engine_knows_broken(world->engine, &group_of(world, who)->identity, plan->order[at],
                                   td_list_digest(list_of(world, peer, at))))
            bit_set(blocked_of(world, peer), at);
    if (!is_blocked(world, peer)) return false;
    block(world, peer);
    return true;
}

/* Those that are in the window run, the others don't; what is behind both the old window and the
 * new one is as it was. */
static bool settle(struct td_world *world, const struct pipeline *pipeline, uint32_t old_window)
{
    uint32_t reach = old_window > pipeline->window ? old_window : pipeline->window;
    for (uint32_t place = 0; place < pipeline->count && place < reach; place++) {
        td_peer peer = change_at(pipeline, place);
        struct sim_peer *who = peer_at(world, peer);
        if (who->ended || who->queued == QUEUED_BLOCKED) continue;
        bool inside = place < pipeline->window;
        if (inside && !who->present && !td_presence_enter(world, peer)) return false;
        if (!inside && who->present && who->order == 0 && !td_presence_suspend(world, peer))
            return false;
        who->outside = !inside && who->present;
    }
    return true;
}

static bool merge(struct td_world *world, struct pipeline *pipeline)
{
    while (pipeline->count > 0) {
        td_peer peer = change_at(pipeline, 0);
        struct sim_peer *who = peer_at(world, peer);
        if (!who->ended || who->outcome != TD_PEER_OK) break;
        if (!extend_lists(world, pipeline->merged, peer)) return false;
        world->queues->merged_at[peer] = world->now;
        who->queued = QUEUED_NOT;
        td_presence_stay(world, peer);
        pipeline->first++;
        pipeline->count--;
        pipeline->window++;
    }
    return true;
}

bool td_pipeline_complete(struct td_world *world, td_peer peer)
{
    struct pipeline *pipeline = pipeline_of(world, peer_at(world, peer));
    uint32_t window = pipeline->window;
    return merge(world, pipeline) &&
           (pipeline->window == window || settle(world, pipeline, window));
}

/* A change ahead is gone: what was tested on top of it is lost. */
static bool start_again(struct td_world *world, const struct pipeline *pipeline, td_peer peer,
                        const struct td_plan_group *gone)
{
    struct sim_peer *who = peer_at(world, peer);
    if (who->ended && who->outcome != TD_PEER_OK)
        return true; /* its own end comes at this instant */
    for (uint32_t at = 0; gone->private != NULL && at < world->plan->steps; at++)
        if (bit_get(gone->private, at)) td_presence_lose(world, peer, at);
    if (who->ended && gone->private != NULL) {
        who->ended = false; /* at least its rest is lost */
        world->ended--;
    }
    if (!who->present) return true;
    td_task_give_up(world, peer);
    return place_of(pipeline, peer) < pipeline->window ? td_presence_restart(world, peer)
                                                       : td_presence_suspend(world, peer);
}

bool td_pipeline_leave(struct td_world *world, td_peer peer, bool failed)
{
    struct sim_peer *who = peer_at(world, peer);
    const struct td_plan_group *gone = group_of(world, who);
    struct pipeline *pipeline = pipeline_of(world, who);
    uint32_t window = pipeline->window, place = place_of(pipeline, peer);
    td_peer *at = &pipeline->changes[pipeline->first + place];

    memmove(at, at + 1, (--pipeline->count - place) * sizeof *at);
    who->queued = QUEUED_NOT;
    if (failed) {
        uint32_t floor = world->plan->scenario->window.floor;
        pipeline->window = window / 2 < floor ? floor : window / 2;
    }
    for (uint32_t i = place; i < pipeline->count; i++) {
        td_peer behind = change_at(pipeline, i);
        if (!start_again(world, pipeline, behind, gone)) return false;
        if (peer_at(world, behind)->queued == QUEUED_BLOCKED && !is_blocked(world, behind))
            peer_at(world, behind)->queued = QUEUED;
    }
    return merge(world, pipeline) && settle(world, pipeline, window);
}
