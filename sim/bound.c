/* The lower bound of a replication: what follows for each peer alone, and for all of a cohort
 * together. */
#include "sim/bound_internal.h"

#include <stdlib.h>
#include <string.h>

/* Up to these many cells (peers x steps) of a cohort all peers are looked at; beyond that, only as
 * many as have so many cells, or this part of all. */
#define CELLS_LOOKED_AT 4096u
#define PART_LOOKED_AT 64u
/* Up to these many cells the builds are shared out among the peers. */
#define CELLS_SHARED 4096u

static uint32_t looked_at(const struct td_plan *plan, uint32_t members)
{
    uint64_t cells = (uint64_t)members * plan->steps, limit = cells / PART_LOOKED_AT;
    if (limit < CELLS_LOOKED_AT) limit = CELLS_LOOKED_AT;
    if (cells <= limit) return members;
    uint64_t rows = limit / plan->steps;
    return rows == 0 ? 1 : (uint32_t)rows;
}

/* Peers, cohort by cohort. */
static void sort_members(struct td_bound *bound)
{
    const struct td_plan *plan = bound->plan;
    const struct td_scenario *scenario = plan->scenario;
    uint32_t *start = bound->member_start;
    for (uint32_t peer = 0; peer < scenario->peer_count; peer++)
        start[plan->groups[scenario->peers[peer].group].cohort + 1]++;
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++)
        start[cohort + 1] += start[cohort];
    for (uint32_t peer = 0; peer < scenario->peer_count; peer++)
        bound->members[start[plan->groups[scenario->peers[peer].group].cohort]++] = peer;
    for (uint32_t cohort = plan->cohorts; cohort > 0; cohort--)
        start[cohort] = start[cohort - 1];
    start[0] = 0;
}

static void rows_destroy(struct td_row *rows)
{
    if (rows == NULL) return;
    free(rows[0].cells);
    free(rows[0].obtained);
    free(rows);
}

static struct td_row *rows_create(uint32_t count, uint32_t steps)
{
    TD_ASSERT(count > 0 && steps > 0);
    size_t cells = (size_t)count * steps;
    struct td_row *rows = calloc(count, sizeof *rows);
    if (rows == NULL) return NULL;
    rows[0].cells = malloc(cells * sizeof *rows[0].cells);
    rows[0].obtained = malloc(cells * sizeof *rows[0].obtained);
    if (rows[0].cells == NULL || rows[0].obtained == NULL) {
        rows_destroy(rows);
        return NULL;
    }
    for (uint32_t i = 1; i < count; i++) {
        rows[i].cells = rows[0].cells + (size_t)i * steps;
        rows[i].obtained = rows[0].obtained + (size_t)i * steps;
    }
    return rows;
}

static bool groups_create(struct td_bound *bound)
{
    const struct td_plan *plan = bound->plan;
    uint32_t count = plan->scenario->group_count;
    bound->groups = calloc(count, sizeof *bound->groups);
    if (bound->groups == NULL) return false;
    for (uint32_t g = 0; g < count; g++) {
        bound->groups[g].shared = calloc(3 * (size_t)plan->words, sizeof(uint64_t));
        if (bound->groups[g].shared == NULL) return false;
        bound->groups[g].unknown = bound->groups[g].shared + plan->words;
        bound->groups[g].alone = bound->groups[g].unknown + plan->words;
    }
    return true;
}

static bool arrays_create(struct td_bound *bound)
{
    const struct td_plan *plan = bound->plan;
    uint32_t peers = plan->scenario->peer_count, steps = plan->steps;
    TD_ASSERT(peers > 0 && steps > 0);
    bound->arrivals = malloc(peers * sizeof *bound->arrivals);
    bound->members = malloc(peers * sizeof *bound->members);
    bound->ranks = malloc(peers * sizeof *bound->ranks);
    bound->loads = malloc(peers * sizeof *bound->loads);
    bound->factors = malloc(steps * sizeof *bound->factors);
    bound->published = malloc(steps * sizeof *bound->published);
    bound->needed = malloc(steps * sizeof *bound->needed);
    bound->member_start = calloc(plan->cohorts + (size_t)1, sizeof *bound->member_start);
    return bound->arrivals != NULL && bound->members != NULL && bound->ranks != NULL &&
           bound->loads != NULL && bound->factors != NULL && bound->published != NULL &&
           bound->needed != NULL && bound->member_start != NULL;
}

static uint32_t member_count(const struct td_bound *bound, uint32_t cohort)
{
    return bound->member_start[cohort + 1] - bound->member_start[cohort];
}

struct td_bound *td_bound_create(const struct td_plan *plan, uint64_t seed, struct td_error *error)
{
    uint32_t most = 0;
    struct td_bound *bound = calloc(1, sizeof *bound);
    if (bound == NULL) goto fail;
    bound->plan = plan;
    bound->draw.seed = seed;
    for (uint32_t s = 0; s < plan->steps; s++)
        bound->edges = bound->edges || plan->scenario->steps[s].after_count > 0;
    if (!arrays_create(bound) || !groups_create(bound)) goto fail;
    td_bound_groups(bound);
    sort_members(bound);
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++) {
        uint32_t rows = looked_at(plan, member_count(bound, cohort));
        if (rows > most) most = rows;
    }
    bound->rows = rows_create(most, plan->steps);
    bound->group_rows = rows_create(plan->scenario->group_count, plan->steps);
    if (bound->rows != NULL && bound->group_rows != NULL) return bound;
fail:
    td_error_memory(error, "the lower bound");
    td_bound_destroy(bound);
    return NULL;
}

void td_bound_destroy(struct td_bound *bound)
{
    if (bound == NULL) return;
    for (uint32_t g = 0; bound->groups != NULL && g < bound->plan->scenario->group_count; g++)
        free(bound->groups[g].shared);
    free(bound->groups);
    free(bound->arrivals);
    free(bound->factors);
    free(bound->members);
    free(bound->member_start);
    free(bound->published);
    free(bound->needed);
    free(bound->ranks);
    free(bound->loads);
    rows_destroy(bound->rows);
    rows_destroy(bound->group_rows);
    free(bound);
}

/* When a row can begin with a step, at the earliest: it has come, has paid the overhead of an order
 * and holds the step's prerequisites. */
static td_time begins(const struct td_bound *bound, const struct td_row *row, uint32_t at)
{
    const struct td_plan *plan = bound->plan;
    td_time from = td_plus(row->arrival, td_earlier(row->universe, row->order));
    if (!bound->edges) return from;
    const struct td_step_spec *step = &plan->scenario->steps[plan->order[at]];
    for (size_t i = 0; i < step->after_count; i++)
        from = td_later(from, row->obtained[plan->position[step->after[i]]]);
    return from;
}

/* When each step can be published, at the earliest, and when each row can hold it. */
static void publish(struct td_bound *bound, struct td_row *rows, uint32_t count, uint32_t cohort)
{
    const struct td_plan *plan = bound->plan;
    for (uint32_t at = 0; at < plan->steps; at++) {
        td_time first = TD_TIME_MAX, soonest = TD_TIME_MAX, fastest = TD_TIME_MAX;
        for (uint32_t i = 0; i < count; i++) {
            struct td_row *row = &rows[i];
            if (plan->groups[row->group].cohort != cohort) continue;
            row->obtained[at] = begins(bound, row, at);
            if (!td_row_shares(bound, row, at)) continue;
            first = td_earlier(first, td_plus(row->obtained[at], row->cells[at].build));
            soonest = td_earlier(soonest, row->obtained[at]);
            fastest = td_earlier(fastest, row->cells[at].build);
        }
        /* the parts of a step are built one after the other, perhaps by several peers */
        if (plan->step[at].parts > 1) first = td_plus(soonest, fastest);
        bound->published[at] = first;
        for (uint32_t i = 0; i < count; i++) {
            struct td_row *row = &rows[i];
            if (plan->groups[row->group].cohort != cohort) continue;
            row->obtained[at] = td_row_obtains(bound, row, at, row->obtained[at], first);
        }
    }
}

/* The end of a row that holds everything: it has paid for each step and for the order for the
 * universe; it has begun with its first step, and has held its last one, no earlier than it can;
 * the rest comes last. */
static td_time ends_alone(const struct td_bound *bound, const struct td_row *row)
{
    td_time work = row->universe, first = TD_TIME_MAX, last = 0;
    for (uint32_t at = 0; at < bound->plan->steps; at++) {
        td_time least = td_cell_least(&row->cells[at]);
        work = td_plus(work, least);
        first = td_earlier(first, row->obtained[at] - least);
        last = td_later(last, row->obtained[at]);
    }
    /* before the first step can come at most the order's overhead */
    td_time idle = td_later(0, first - row->arrival - row->universe);
    last = td_later(last, td_plus(row->arrival, td_plus(work, idle)));
    return td_plus(last, td_row_rest(row));
}

/* What a row must spend on fetches and the like, but for builds that it need not do. A row that
 * need not complete may hold nothing but what it builds. */
static td_time load_of(const struct td_bound *bound, const struct td_row *row)
{
    if (!row->completes) return row->arrival;
    td_time load = td_plus(td_plus(row->arrival, row->universe), td_row_rest(row));
    for (uint32_t at = 0; at < bound->plan->steps; at++)
        load = td_plus(load, td_cell_least(&row->cells[at]));
    return load;
}

/* The end of a row, whether it completes or leaves for good. */
static td_time end_of(const struct td_bound *bound, const struct td_row *row)
{
    if (row->fails) return row->arrival;
    td_time end = ends_alone(bound, row);
    if (!row->completes) return td_earlier(end, row->leaves);
    return td_later(td_row_end(row, end), td_row_end_of_work(row, load_of(bound, row)));
}

/* Which steps somebody must build and publish: those that a peer that publishes, and completes in
 * any case, shares with others. */
static void mark_needed(struct td_bound *bound)
{
    for (uint32_t at = 0; at < bound->plan->steps; at++) {
        bound->needed[at] = false;
        for (uint32_t i = 0; i < bound->row_count && !bound->needed[at]; i++)
            bound->needed[at] =
                bound->rows[i].completes && td_row_needs(bound, &bound->rows[i], at);
    }
}

/* Whether the rows have the time, until `end`, for one build of each step that is needed. A row
 * that would end after `end` with a step's build does not count for it. */
static bool can_share(const struct td_bound *bound, const td_time *loads, td_time end)
{
    td_sum spare = 0;
    for (uint32_t i = 0; i < bound->row_count; i++)
        spare += td_later(0, end - loads[i]);
    for (uint32_t at = 0; at < bound->plan->steps; at++) {
        /* misses may differ from part to part, so that several peers build where each is cheap */
        const struct td_plan_step *step = &bound->plan->step[at];
        bool divided = step->parts > 1;
        if (!bound->needed[at] || (divided && step->hit_rate < 1)) continue;
        td_time least = TD_TIME_MAX;
        for (uint32_t i = 0; i < bound->row_count; i++) {
            if (!td_row_shares(bound, &bound->rows[i], at)) continue;
            td_time extra = td_row_extra(&bound->rows[i], at);
            if (divided || loads[i] + extra <= end) least = td_earlier(least, extra);
        }
        spare -= least;
        if (spare < 0) return false;
    }
    return true;
}

/* The earliest end, from `end` on, at which the rows have the time for all builds, to a few per
 * cent. */
static td_time share(struct td_bound *bound, td_time end)
{
    td_time *loads = bound->loads;
    for (uint32_t i = 0; i < bound->row_count; i++)
        loads[i] = load_of(bound, &bound->rows[i]);
    if (can_share(bound, loads, end)) return end;
    td_time first = bound->rows[0].arrival, low = end;
    for (uint32_t i = 1; i < bound->row_count; i++)
        first = td_earlier(first, bound->rows[i].arrival);
    td_time reach = td_later(end - first, 1), high = td_plus(end, reach);
    while (high < TD_TIME_MAX && !can_share(bound, loads, high)) {
        low = high;
        reach = td_plus(reach, reach);
        high = td_plus(high, reach);
    }
    for (int i = 0; i < 6; i++) {
        td_time middle = low + (high - low) / 2;
        if (can_share(bound, loads, middle))
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* All peers of a cohort, with all their samples. */
static td_time bound_of_all(struct td_bound *bound, uint32_t cohort)
{
    const struct td_plan *plan = bound->plan;
    const uint32_t *members = bound->members + bound->member_start[cohort];
    td_time end = 0;
    for (uint32_t i = 0; i < bound->row_count; i++)
        td_bound_draw_row(bound, members[i], &bound->rows[i]);
    publish(bound, bound->rows, bound->row_count, cohort);
    for (uint32_t i = 0; i < bound->row_count; i++)
        end = td_later(end, end_of(bound, &bound->rows[i]));
    mark_needed(bound);
    if (bound->row_count <= TD_BOUND_ROWS && plan->steps <= TD_BOUND_STEPS)
        return td_bound_search(bound, end);
    return share(bound, end);
}

/* Latest first; the same on every machine. */
static int by_key(const void *a, const void *b)
{
    struct td_rank x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x.key != y.key) return x.key < y.key ? 1 : -1;
    return (x.peer > y.peer) - (x.peer < y.peer);
}

/* Some peers of a large cohort, those that will probably end last, with their samples; when a step
 * can be published follows from the least that the distributions of all can give. */
static td_time bound_of_some(struct td_bound *bound, uint32_t cohort)
{
    const struct td_plan *plan = bound->plan;
    const struct td_scenario *scenario = plan->scenario;
    uint32_t start = bound->member_start[cohort], count = member_count(bound, cohort);
    td_time end = 0;
    for (uint32_t g = 0; g < scenario->group_count; g++) {
        if (plan->groups[g].cohort == cohort) td_bound_least_row(bound, g, &bound->group_rows[g]);
    }
    publish(bound, bound->group_rows, scenario->group_count, cohort);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t peer = bound->members[start + i], group = scenario->peers[peer].group;
        td_time expected = (td_time)bound->groups[group].expected;
        bound->ranks[i] = (struct td_rank){td_plus(bound->arrivals[peer], expected), peer};
    }
    qsort(bound->ranks, count, sizeof *bound->ranks, by_key);
    for (uint32_t i = 0; i < bound->row_count; i++) {
        struct td_row *row = &bound->rows[0];
        td_bound_draw_row(bound, bound->ranks[i].peer, row);
        for (uint32_t at = 0; at < plan->steps; at++)
            row->obtained[at] =
                td_row_obtains(bound, row, at, begins(bound, row, at), bound->published[at]);
        end = td_later(end, end_of(bound, row));
    }
    return end;
}

/* True if the base breaks a step: then everybody fails, and may do so at once. */
static bool is_broken(const struct td_bound *bound, uint32_t cohort)
{
    const struct td_plan *plan = bound->plan;
    for (uint32_t at = 0; plan->broken && at < plan->steps; at++) {
        struct td_draw draw = bound->draw;
        draw.peer = cohort;
        draw.step = plan->order[at];
        draw.purpose = TD_DRAW_BROKEN;
        if (td_sample_chance(plan->step[at].broken, &draw)) return true;
    }
    return false;
}

static void draw_factors(struct td_bound *bound)
{
    const struct td_plan *plan = bound->plan;
    for (uint32_t at = 0; plan->factors && at < plan->steps; at++) {
        struct td_draw draw = bound->draw;
        draw.peer = 0;
        draw.step = plan->order[at];
        draw.purpose = TD_DRAW_FACTOR;
        const struct td_dist *factor = plan->step[at].factor;
        bound->factors[at] = factor == NULL ? 1 : td_sample(factor, &draw);
    }
}

bool td_bound_find(struct td_bound *bound, uint32_t replication, td_time *makespan,
                   struct td_error *error)
{
    const struct td_plan *plan = bound->plan;
    const struct td_scenario *scenario = plan->scenario;
    bound->draw.replication = replication;
    if (!td_scenario_arrivals(scenario, bound->draw.seed, replication, bound->arrivals, error))
        return false;
    draw_factors(bound);
    for (uint32_t g = 0; g < scenario->group_count; g++)
        bound->groups[g].first = TD_TIME_MAX;
    td_time first = TD_TIME_MAX, end = 0;
    for (uint32_t peer = 0; peer < scenario->peer_count; peer++) {
        td_time arrival = bound->arrivals[peer];
        struct td_bound_group *group = &bound->groups[scenario->peers[peer].group];
        group->first = td_earlier(group->first, arrival);
        first = td_earlier(first, arrival);
        end = td_later(end, arrival);
    }
    for (uint32_t cohort = 0; cohort < plan->cohorts; cohort++) {
        if (is_broken(bound, cohort)) continue;
        uint32_t members = member_count(bound, cohort);
        bound->row_count = looked_at(plan, members);
        td_time least = bound->row_count == members ? bound_of_all(bound, cohort)
                                                    : bound_of_some(bound, cohort);
        end = td_later(end, least);
    }
    *makespan = end - first;
    return true;
}
