/* Who builds what: the lower bound of a few peers and steps over all ways to choose, for each step
 * that is needed, the peer that publishes it first.
 *
 * A search of bounded effort, step by step, prerequisites first: what is decided makes loads and
 * times of publication, which bound all that can come of it; what is not below the best found so
 * far is left out. If the effort runs out, what has not been looked at counts with its bound. */
#include "sim/bound_internal.h"

/* The effort: steps decided, and what it takes to look closely when all are. */
#define EFFORT 250
#define CLOSE_LOOK 3
#define NOBODY UINT32_MAX

struct search {
    const struct td_bound *bound;
    const struct td_row *rows;
    uint32_t count, steps;
    bool overhead;
    uint32_t order[TD_BOUND_STEPS];                /* positions as they are decided */
    uint64_t before[TD_BOUND_STEPS];               /* by position: what it comes after */
    td_time to_come[TD_BOUND_STEPS + 1];           /* least extra work from this depth on */
    td_time tail[TD_BOUND_ROWS][TD_BOUND_STEPS];   /* least work after a step */
    td_time length[TD_BOUND_ROWS][TD_BOUND_STEPS]; /* of a step, as it is decided */
    td_time held[TD_BOUND_ROWS][TD_BOUND_STEPS];   /* when a row can hold a step */
    /* By depth: work from the arrival on; and when a row holds all that is decided if it never gets
     * an order but for the universe. */
    td_time load[TD_BOUND_STEPS + 1][TD_BOUND_ROWS];
    td_time sequence[TD_BOUND_STEPS + 1][TD_BOUND_ROWS];
    uint32_t builder[TD_BOUND_STEPS]; /* by position: the row that publishes it first, or NOBODY */
    td_time there[TD_BOUND_STEPS];    /* by position: when it is published */
    td_time best;                     /* the least of all ways looked at, or their bounds */
    int effort;                       /* what is left of it */
};

/* True if it matters who builds the step. */
static bool is_decided(const struct search *s, uint32_t at)
{
    return s->bound->needed[at] && s->bound->plan->step[at].parts == 1;
}

static td_time least_extra(const struct search *s, uint32_t at)
{
    td_time least = TD_TIME_MAX;
    if (!is_decided(s, at)) return 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (td_row_shares(s->bound, &s->rows[i], at))
            least = td_earlier(least, td_row_extra(&s->rows[i], at));
    return least;
}

/* Prerequisites first, then what makes most work. The sequence of an order for the universe is
 * known only in dependency order, and matters only where orders cost something. */
static void choose_order(struct search *s)
{
    td_time weight[TD_BOUND_STEPS];
    uint64_t chosen = 0;
    for (uint32_t at = 0; at < s->steps; at++)
        weight[at] = least_extra(s, at);
    for (uint32_t depth = 0; depth < s->steps; depth++) {
        uint32_t next = depth;
        td_time most = -1;
        for (uint32_t at = 0; !s->overhead && at < s->steps; at++) {
            bool open = (chosen >> at & 1) == 0 && (s->before[at] & ~chosen) == 0;
            if (!open || weight[at] <= most) continue;
            most = weight[at];
            next = at;
        }
        s->order[depth] = next;
        chosen |= UINT64_C(1) << next;
    }
    s->to_come[s->steps] = 0;
    for (uint32_t depth = s->steps; depth > 0; depth--)
        s->to_come[depth - 1] = td_plus(s->to_come[depth], weight[s->order[depth - 1]]);
}

static void begin_row(struct search *s, uint32_t i)
{
    const struct td_row *row = &s->rows[i];
    td_time load = td_plus(td_plus(row->arrival, row->universe), td_row_rest(row));
    for (uint32_t at = 0; at < s->steps; at++) {
        s->length[i][at] = td_cell_least(&row->cells[at]);
        s->tail[i][at] = td_row_rest(row);
        load = td_plus(load, s->length[i][at]);
    }
    for (uint32_t at = 0; s->bound->edges && at < s->steps; at++)
        for (uint64_t left = s->before[at]; left != 0; left &= left - 1) {
            td_time *tail = &s->tail[i][__builtin_ctzll(left)];
            *tail = td_plus(*tail, s->length[i][at]);
        }
    s->load[0][i] = row->completes ? load : row->arrival;
    s->sequence[0][i] = td_plus(row->arrival, row->universe);
}

static void begin(struct search *s)
{
    const struct td_plan *plan = s->bound->plan;
    for (uint32_t at = 0; at < s->steps; at++)
        s->before[at] =
            plan->closure == NULL ? 0 : plan->closure[plan->order[at]] & ~(UINT64_C(1) << at);
    choose_order(s);
    for (uint32_t i = 0; i < s->count; i++)
        begin_row(s, i);
}

/* When a row can begin with a step: it holds the prerequisites and has had the time for them, in
 * an order for a step, or, if it never gets one, in its turn of that for the universe. */
static td_time begins(const struct search *s, uint32_t depth, uint32_t i, uint32_t at)
{
    const struct td_row *row = &s->rows[i];
    td_time from = td_plus(row->arrival, row->order), held = 0;
    for (uint64_t left = s->before[at]; left != 0; left &= left - 1) {
        uint32_t before = (uint32_t)__builtin_ctzll(left);
        from = td_plus(from, s->length[i][before]);
        held = td_later(held, s->held[i][before]);
    }
    if (s->overhead) from = td_earlier(from, s->sequence[depth][i]);
    return td_later(from, held);
}

static td_time next_in_sequence(const struct search *s, uint32_t i, uint32_t at, td_time before,
                                bool builds, td_time there)
{
    if (!builds) return td_row_obtains(s->bound, &s->rows[i], at, before, there);
    return td_later(td_plus(before, s->rows[i].cells[at].build), there);
}

/* What follows if a row is the first that publishes the step at this depth (NOBODY: it is open
 * which): the bound of all that can come of it. */
static td_time decide(struct search *s, uint32_t depth, uint32_t builder, const td_time *from)
{
    uint32_t at = s->order[depth];
    td_time there = s->bound->published[at], end = 0;
    if (builder != NOBODY) {
        const struct td_row *row = &s->rows[builder];
        there = td_plus(from[builder], row->cells[at].build);
        if (there > row->leaves && row->returns == TD_TIME_MAX) return TD_TIME_MAX;
    }
    s->builder[at] = builder;
    s->there[at] = there;
    td_sum sum = s->to_come[depth + 1];
    for (uint32_t i = 0; i < s->count; i++) {
        const struct td_row *row = &s->rows[i];
        bool builds = i == builder;
        td_time load = s->load[depth][i];
        if (builds) load = td_plus(load, td_row_extra(row, at));
        s->load[depth + 1][i] = load;
        s->length[i][at] = builds ? row->cells[at].build : td_cell_least(&row->cells[at]);
        s->held[i][at] = builds ? there : td_row_obtains(s->bound, row, at, from[i], there);
        if (s->overhead)
            s->sequence[depth + 1][i] =
                next_in_sequence(s, i, at, s->sequence[depth][i], builds, there);
        sum += load;
        end = td_later(end, row->completes ? td_row_end_of_work(row, load) : load);
        if (row->completes)
            end = td_later(end, td_row_end(row, td_plus(s->held[i][at], s->tail[i][at])));
    }
    TD_ASSERT(s->count > 0);
    sum = (sum + s->count - 1) / s->count;
    return sum > end ? (td_time)sum : end;
}

/* When a row has gone through the steps from one on, in one order for the universe: an order does
 * not wait on its way for what is not published yet. */
static td_time goes_through(const struct search *s, uint32_t i, uint32_t at, td_time now)
{
    for (; at < s->steps; at++) {
        const struct td_cell *cell = &s->rows[i].cells[at];
        bool builds = s->builder[at] == i || now < s->there[at];
        now = td_plus(now, builds ? cell->build : td_cell_least(cell));
    }
    return now;
}

/* When a row that never gets an order but for the universe holds everything. It begins with that
 * as it comes, or so much later that it reaches some step just when that is published. */
static td_time holds_all_in_sequence(const struct search *s, uint32_t i)
{
    const struct td_row *row = &s->rows[i];
    bool once = !s->bound->groups[row->group].unsteady && !s->bound->plan->flaky;
    if (!once || s->bound->plan->parts) return s->sequence[s->steps][i];
    td_time best = goes_through(s, i, 0, td_plus(row->arrival, row->universe));
    for (uint32_t at = 0; at < s->steps; at++)
        if (s->builder[at] != i && s->there[at] > s->sequence[at][i])
            best = td_earlier(best, goes_through(s, i, at, s->there[at]));
    return td_later(best, s->sequence[s->steps][i]);
}

/* When a row has built all that it publishes, and so has published the last of it. */
static td_time has_built(const struct search *s, uint32_t i)
{
    const struct td_row *row = &s->rows[i];
    td_time end = td_plus(row->arrival, td_earlier(row->universe, row->order));
    uint64_t held = 0;
    for (uint32_t at = 0; at < s->steps; at++)
        if (s->builder[at] == i) held |= s->before[at] | UINT64_C(1) << at;
    for (; held != 0; held &= held - 1)
        end = td_plus(end, s->length[i][__builtin_ctzll(held)]);
    return end;
}

/* When a row holds the last of what another publishes: it fetches it, or builds it, too. */
static td_time holds_last(const struct search *s, uint32_t i, uint32_t builder, td_time built)
{
    const struct td_row *row = &s->rows[i];
    td_time work = s->load[s->steps][i] - td_row_rest(row), least = TD_TIME_MAX;
    for (uint32_t at = 0; at < s->steps; at++) {
        if (s->builder[at] != builder) continue;
        td_time taken = td_plus(built, row->cells[at].take);
        least = td_earlier(least, td_earlier(taken, td_plus(work, td_row_extra(row, at))));
    }
    return least == TD_TIME_MAX ? 0 : least;
}

/* When a row holds everything, as far as one time counts: the steps that it can have begun with no
 * earlier than that take their time after it. */
static td_time holds_late(const struct search *s, uint32_t i)
{
    td_time end = 0;
    for (uint32_t at = 0; at < s->steps; at++) {
        td_time begin = s->held[i][at] - s->length[i][at], late = begin;
        for (uint32_t other = 0; other < s->steps; other++)
            if (s->held[i][other] - s->length[i][other] >= begin)
                late = td_plus(late, s->length[i][other]);
        end = td_later(end, late);
    }
    return end;
}

/* When a row holds everything: after its own work, after others' last builds, and after what comes
 * late; and either it got some order besides that for the universe, or it went through the steps in
 * their sequence. */
static td_time holds_all(const struct search *s, uint32_t i, const td_time *built)
{
    td_time work = s->load[s->steps][i] - td_row_rest(&s->rows[i]), end = work;
    for (uint32_t other = 0; other < s->count; other++)
        if (other != i) end = td_later(end, holds_last(s, i, other, built[other]));
    end = td_later(end, holds_late(s, i));
    if (!s->overhead) return end;
    td_time orders = td_later(end, td_plus(work, s->rows[i].order));
    return orders == end ? end : td_later(end, td_earlier(orders, holds_all_in_sequence(s, i)));
}

/* The bound when all is decided. */
static td_time end_of_all(const struct search *s)
{
    td_time held[TD_BOUND_ROWS], built[TD_BOUND_ROWS], rest = TD_TIME_MAX, end = 0;
    for (uint32_t i = 0; i < s->count; i++)
        built[i] = has_built(s, i);
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->rows[i].completes) rest = 0;
        if (!s->rows[i].completes) continue;
        held[i] = holds_all(s, i, built);
        if (td_plus(held[i], td_row_rest(&s->rows[i])) >= s->best) return s->best;
        rest = td_earlier(rest, td_plus(held[i], s->rows[i].rest_build));
    }
    for (uint32_t i = 0; i < s->count; i++) {
        const struct td_row *row = &s->rows[i];
        if (!row->completes) continue;
        td_time own = td_plus(held[i], row->rest_build);
        td_time taken = td_plus(td_later(held[i], rest), row->rest_take);
        end = td_later(end, td_row_end(row, td_earlier(own, taken)));
    }
    return end;
}

static void look(struct search *s, uint32_t depth, td_time bound)
{
    if (bound >= s->best) return;
    if (depth == s->steps) {
        s->effort -= CLOSE_LOOK;
        s->best = td_earlier(s->best, td_later(bound, end_of_all(s)));
        return;
    }
    if (s->effort-- <= 0) { /* what could come of it is not looked at */
        s->best = bound;
        return;
    }
    uint32_t at = s->order[depth], builders[TD_BOUND_ROWS], count = 0;
    td_time from[TD_BOUND_ROWS], loads[TD_BOUND_ROWS];
    for (uint32_t i = 0; i < s->count; i++)
        from[i] = begins(s, depth, i, at);
    if (!is_decided(s, at)) {
        look(s, depth + 1, td_later(bound, decide(s, depth, NOBODY, from)));
        return;
    }
    /* who has least to do comes first: the sooner the best is found, the more is left out */
    for (uint32_t i = 0; i < s->count; i++) {
        if (!td_row_shares(s->bound, &s->rows[i], at)) continue;
        td_time load = td_plus(s->load[depth][i], td_row_extra(&s->rows[i], at));
        uint32_t place = count++;
        for (; place > 0 && loads[place - 1] > load; place--) {
            loads[place] = loads[place - 1];
            builders[place] = builders[place - 1];
        }
        loads[place] = load;
        builders[place] = i;
    }
    for (uint32_t k = 0; k < count; k++)
        look(s, depth + 1, td_later(bound, decide(s, depth, builders[k], from)));
}

td_time td_bound_search(struct td_bound *bound, td_time bound_so_far)
{
    struct search s;
    s.bound = bound;
    s.rows = bound->rows;
    s.count = bound->row_count;
    s.steps = bound->plan->steps;
    s.overhead = bound->plan->overhead;
    s.best = TD_TIME_MAX;
    s.effort = EFFORT;
    begin(&s);
    look(&s, 0, bound_so_far);
    return s.best;
}
