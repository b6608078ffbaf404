/* The insides of the lower bound: see bound.h. bound_cells.c has what a peer must spend on a step,
 * bound.c what follows for each peer alone and for all together, bound_search.c who builds what.
 *
 * A row is a peer with its samples, or a group with the least that its distributions can give. */
#ifndef TD_SIM_BOUND_INTERNAL_H
#define TD_SIM_BOUND_INTERNAL_H

#include "base/assert.h"
#include "sim/bound.h"
#include "workload/bundle.h"

/* Up to these many peers of a cohort and steps, who builds what is searched. */
#define TD_BOUND_ROWS 8u
#define TD_BOUND_STEPS 16u

/* What a step takes a peer: by a build of its own at any time, or, once somebody has published it,
 * by a fetch, or by what a build in part from it takes. */
struct td_cell {
    td_time build, take;
};

struct td_row {
    td_time arrival;
    td_time universe;              /* overhead of the order for the universe */
    td_time order;                 /* least overhead of any other order */
    td_time rest_build, rest_take; /* as in a cell */
    td_time leaves, returns;       /* TD_TIME_MAX: never */
    uint32_t group;
    bool fails;            /* it may fail early: nothing is sure but that it comes */
    bool completes;        /* in any run; the others may end before they hold everything */
    struct td_cell *cells; /* by position */
    td_time *obtained;     /* by position: when it can hold the step, at the earliest */
};

/* What all rows of a group have in common. */
struct td_bound_group {
    double speed;      /* the fastest that it can be */
    double expected;   /* about how long a peer of it takes alone */
    bool rest_private; /* the rest of its peers is not the cohort's */
    bool unsure;       /* but perhaps others' in its queue */
    bool unsteady;     /* builds may be given up: an attempt is not known by its number */
    uint64_t *shared;  /* by position: what it builds is of use to others, or may be */
    uint64_t *alone;   /* by position: nobody's build of it is of use to a peer of the group */
    uint64_t *unknown; /* by position: its variant depends on the queue */
    td_time first;     /* arrival of its first peer, in this replication */
};

struct td_bound {
    const struct td_plan *plan;
    struct td_draw draw; /* seed and replication */
    bool edges;          /* some step comes after another */
    struct td_bound_group *groups;
    td_time *arrivals;      /* by peer */
    double *factors;        /* by position; 1 where the step has none */
    uint32_t *members;      /* peers, cohort by cohort */
    uint32_t *member_start; /* by cohort, and behind the last */
    struct td_row *rows;
    uint32_t row_count; /* in use */
    struct td_row *group_rows;
    td_time *published; /* by position: when a step can be published, at the earliest */
    bool *needed;       /* by position: somebody who publishes must hold it in the end */
    struct td_rank {
        td_time key;
        uint32_t peer;
    } * ranks;      /* scratch, by member */
    td_time *loads; /* scratch, by row */
};

/* Times are cut off at the end of time: what passes it no run reaches either. */
static inline td_time td_plus(td_time a, td_time b)
{
    return a + b > TD_TIME_MAX ? TD_TIME_MAX : a + b;
}

static inline td_time td_later(td_time a, td_time b)
{
    return a > b ? a : b;
}

static inline td_time td_earlier(td_time a, td_time b)
{
    return a < b ? a : b;
}

static inline td_time td_cell_least(const struct td_cell *cell)
{
    return td_earlier(cell->build, cell->take);
}

static inline bool td_bit(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline td_time td_row_rest(const struct td_row *row)
{
    return td_earlier(row->rest_build, row->rest_take);
}

/* What a build costs a row more than it must spend anyway. One that need not complete may hold
 * nothing but what it builds. */
static inline td_time td_row_extra(const struct td_row *row, uint32_t at)
{
    const struct td_cell *cell = &row->cells[at];
    return row->completes ? cell->build - td_cell_least(cell) : cell->build;
}

/* True if the row's build of a step is, or may be, the one that others of the cohort fetch. */
static inline bool td_row_shares(const struct td_bound *bound, const struct td_row *row,
                                 uint32_t at)
{
    return td_bit(bound->groups[row->group].shared, at);
}

/* True if the row must hold the very result that others of the cohort fetch, and publishes it if it
 * builds it. */
static inline bool td_row_needs(const struct td_bound *bound, const struct td_row *row, uint32_t at)
{
    return td_row_shares(bound, row, at) && !td_bit(bound->groups[row->group].unknown, at);
}

/* When a row holds a step, at the earliest: it can begin with it at `from`, and the step is
 * published at `there`. Of a step in parts a peer may hold some parts before that. */
static inline td_time td_row_obtains(const struct td_bound *bound, const struct td_row *row,
                                     uint32_t at, td_time from, td_time there)
{
    const struct td_cell *cell = &row->cells[at];
    if (bound->plan->step[at].parts > 1) {
        td_time least = td_plus(from, td_cell_least(cell));
        return td_row_needs(bound, row, at) ? td_later(least, there) : least;
    }
    return td_earlier(td_plus(from, cell->build), td_plus(td_later(from, there), cell->take));
}

/* An end that is later than a departure comes after the return. */
static inline td_time td_row_end(const struct td_row *row, td_time end)
{
    return end <= row->leaves ? end : td_later(end, row->returns);
}

/* The same of an end that is nothing but work from the arrival on: none is done in between. */
static inline td_time td_row_end_of_work(const struct td_row *row, td_time end)
{
    return end <= row->leaves ? end : td_plus(row->returns, end - row->leaves);
}

/* bound_cells.c */
/* What does not depend on the replication. */
void td_bound_groups(struct td_bound *bound);
/* A peer with its samples. */
void td_bound_draw_row(struct td_bound *bound, uint32_t peer, struct td_row *row);
/* A group, from its first arrival on, with the least that its distributions can give. */
void td_bound_least_row(struct td_bound *bound, uint32_t group, struct td_row *row);

/* bound_search.c */
/* The bound for the rows of a cohort, few of them and few steps, over all ways to share out the
 * builds; at least `bound_so_far`. */
td_time td_bound_search(struct td_bound *bound, td_time bound_so_far);

#endif
