/* What a peer must spend on a step, at least: from its samples, which are those that the world
 * draws, or from the least that its distributions can give. */
#include "sim/bound_internal.h"

/* Whose lengths are asked for: a peer's, or the least of a group's. */
struct whose {
    const struct td_bound *bound;
    const struct td_bound_group *group;
    const struct td_plan_group *plan_group;
    uint32_t peer;
    bool least;
    struct td_bundle *bundles; /* of the peer's builds and fetches; NULL: drawn one by one */
};

/* A length as the world rounds it. */
static td_time whole_ns(double length)
{
    return td_earlier(td_round_ns(length), TD_TIME_MAX);
}

static struct td_draw draw_of(const struct whose *who, uint32_t step, enum td_purpose purpose)
{
    struct td_draw draw = who->bound->draw;
    draw.peer = who->peer;
    draw.step = step;
    draw.purpose = purpose;
    return draw;
}

static double sample(const struct whose *who, const struct td_dist *dist, uint32_t step,
                     enum td_purpose purpose)
{
    if (who->least) return td_dist_least(dist);
    const struct td_draw draw = draw_of(who, step, purpose);
    double sample;
    bool work = purpose == TD_DRAW_BUILD || purpose == TD_DRAW_FETCH;
    if (work && who->bundles != NULL &&
        td_sample_bundled(dist, &draw, &who->bundles[purpose], &sample))
        return sample;
    return td_sample(dist, &draw);
}

/* Builds of the step, one after the other, until one goes well; 0 if the peer fails before. Only
 * where an attempt is known by its number. */
static uint32_t attempts(const struct whose *who, uint32_t at)
{
    const struct td_plan *plan = who->bound->plan;
    double flaky = plan->step[at].flaky;
    if (flaky <= 0 || who->least || who->group->unsteady || plan->step[at].parts > 1) return 1;
    for (uint32_t attempt = 0; attempt <= plan->scenario->retries; attempt++) {
        const struct td_draw draw =
            draw_of(who, plan->order[at] + plan->steps * attempt, TD_DRAW_FLAKY);
        if (!td_sample_chance(flaky, &draw)) return attempt + 1;
    }
    return 0;
}

static td_time times(td_time length, uint32_t count)
{
    return count > 0 && length > TD_TIME_MAX / count ? TD_TIME_MAX : length * count;
}

/* How many parts of the step the peer finds where they were published. */
static uint32_t hits(const struct whose *who, uint32_t at)
{
    const struct td_plan *plan = who->bound->plan;
    uint32_t parts = plan->step[at].parts, count = 0;
    if (who->least || plan->step[at].hit_rate >= 1) return parts;
    for (uint32_t part = 0; part < parts; part++) {
        const struct td_draw draw = draw_of(who, plan->order[at] + plan->steps * part, TD_DRAW_HIT);
        count += td_sample_chance(plan->step[at].hit_rate, &draw);
    }
    return count;
}

/* A step of one part: `whole` is a build of it, `take` what a hit costs. */
static struct td_cell single(const struct whose *who, uint32_t at, td_time whole, td_time take,
                             bool private)
{
    uint32_t tries = attempts(who, at);
    whole = tries == 0 ? TD_TIME_MAX : times(whole, tries);
    if (!private) return (struct td_cell){whole, hits(who, at) > 0 ? take : whole};

    /* what it takes is a build, too, and each attempt may be of either kind */
    take = hits(who, at) == 0 || tries == 0 ? whole : times(take, tries);
    return (struct td_cell){tries > 1 ? td_earlier(whole, take) : whole, take};
}

/* Of a step in parts each part is had the cheaper way. */
static struct td_cell divided(const struct whose *who, uint32_t at, td_time whole, td_time take)
{
    uint32_t parts = who->bound->plan->step[at].parts, found = hits(who, at);
    td_time cheap = times(td_earlier(take, whole), found), dear = times(whole, parts - found);
    return (struct td_cell){times(whole, parts), td_plus(cheap, dear)};
}

static struct td_cell cell_of(const struct whose *who, uint32_t at)
{
    const struct td_plan *plan = who->bound->plan;
    const struct td_plan_step *step = &plan->step[at];
    const struct td_plan_group *group = who->plan_group;
    double fetch = sample(who, step->fetch, plan->order[at], TD_DRAW_FETCH) / step->parts;
    double build = sample(who, step->build, plan->order[at], TD_DRAW_BUILD);
    if (plan->factors) build *= who->bound->factors[at];
    build = build / step->parts / who->group->speed;

    td_time whole = whole_ns(build), take = whole_ns(fetch);
    if (td_bit(who->group->unknown, at)) {
        /* a fetch, a whole build or more than a fetch, and of whatever variant */
        td_time any = times(td_earlier(whole, take), step->parts);
        return (struct td_cell){any, any};
    }
    bool private = group->private != NULL && td_bit(group->private, at);
    if (private) take = whole_ns(fetch + build * group->fraction[at]);
    if (td_bit(who->group->alone, at)) take = whole;
    return step->parts > 1 ? divided(who, at, whole, take) : single(who, at, whole, take, private);
}

/* What a row has besides its cells. */
static void begin_row(const struct whose *who, uint32_t group, struct td_row *row)
{
    const struct td_plan *plan = who->bound->plan;
    double speed = who->group->speed;
    row->group = group;
    row->universe = row->order = 0;
    if (plan->overhead) {
        const struct td_dist *overhead = plan->scenario->overhead;
        row->universe = whole_ns(sample(who, overhead, plan->steps, TD_DRAW_OVERHEAD) / speed);
        row->order = whole_ns(td_dist_least(overhead) / speed);
    }
    const struct td_plan_step *rest = &plan->step[plan->steps];
    row->rest_build = whole_ns(sample(who, rest->build, plan->steps, TD_DRAW_BUILD) / speed);
    row->rest_take = whole_ns(sample(who, rest->fetch, plan->steps, TD_DRAW_FETCH));
    if (who->group->rest_private) {
        if (!who->group->unsure) row->rest_take = row->rest_build;
        row->rest_build = td_earlier(row->rest_build, row->rest_take);
    }
    row->leaves = row->returns = TD_TIME_MAX;
    row->fails = false;
    row->completes = true;
}

/* When the peer leaves and comes back, as the world has it. */
static void draw_absence(const struct whose *who, struct td_row *row)
{
    const struct td_plan_group *group = who->plan_group;
    if (group->leaves == NULL) return;
    row->leaves = td_plus(row->arrival, whole_ns(sample(who, group->leaves, 0, TD_DRAW_LEAVES)));
    row->completes = group->returns != NULL;
    if (group->returns == NULL) return;
    td_time away = whole_ns(sample(who, group->returns, 0, TD_DRAW_RETURNS));
    row->returns = td_plus(row->leaves, away);
    /* one that would be back at the end of time is gone for good */
    row->completes = row->returns < TD_TIME_MAX;
}

/* True if the peer may fail: its change breaks a step, or too many builds fail by accident. */
static bool may_fail(const struct whose *who)
{
    const struct td_plan *plan = who->bound->plan;
    const double *breaks = who->plan_group->breaks;
    for (uint32_t at = 0; (breaks != NULL || plan->flaky) && at < plan->steps; at++) {
        const struct td_draw draw = draw_of(who, plan->order[at], TD_DRAW_BREAKS);
        if (breaks != NULL && td_sample_chance(breaks[at], &draw)) return true;
        if (plan->step[at].flaky <= 0) continue;
        if (who->group->unsteady || plan->step[at].parts > 1 || attempts(who, at) == 0) return true;
    }
    return false;
}

void td_bound_draw_row(struct td_bound *bound, uint32_t peer, struct td_row *row)
{
    const struct td_plan *plan = bound->plan;
    uint32_t group = plan->scenario->peers[peer].group;
    struct td_bundle bundles[] = {{.first = TD_NO_BUNDLE}, {.first = TD_NO_BUNDLE}};
    const struct whose who = {.bound = bound,
                              .group = &bound->groups[group],
                              .plan_group = &plan->groups[group],
                              .peer = peer,
                              .bundles = td_draw_bundle_is_there() ? bundles : NULL};
    row->arrival = bound->arrivals[peer];
    begin_row(&who, group, row);
    for (uint32_t at = 0; at < plan->steps; at++)
        row->cells[at] = cell_of(&who, at);
    draw_absence(&who, row);
    row->fails = may_fail(&who);
    row->completes = row->completes && !row->fails;
}

void td_bound_least_row(struct td_bound *bound, uint32_t group, struct td_row *row)
{
    const struct whose who = {.bound = bound,
                              .group = &bound->groups[group],
                              .plan_group = &bound->plan->groups[group],
                              .least = true};
    row->arrival = bound->groups[group].first;
    begin_row(&who, group, row);
    for (uint32_t at = 0; at < bound->plan->steps; at++)
        row->cells[at] = cell_of(&who, at);
    row->completes = false; /* whether its peers do is not known */
}

/* True if peers of the two groups may stand in one queue. Their caches may differ. */
static bool same_queue(const struct td_plan *plan, uint32_t a, uint32_t b)
{
    const struct td_identity *one = &plan->groups[a].identity, *other = &plan->groups[b].identity;
    const struct td_group_spec *groups = plan->scenario->groups;
    return groups[a].dependent && groups[b].dependent && one->repository == other->repository &&
           one->base_ref == other->base_ref;
}

/* The steps that a dependent pipeline can have in more variants than one: those that some change of
 * it touches, and what comes after them. */
static void mark_unknown(struct td_bound *bound, uint32_t group)
{
    const struct td_plan *plan = bound->plan;
    struct td_bound_group *of = &bound->groups[group];
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        const struct td_group_spec *spec = &plan->scenario->groups[g];
        if (spec->touch_count == 0 || !same_queue(plan, group, g)) continue;
        of->rest_private = of->unsure = true;
        for (size_t i = 0; i < spec->touch_count; i++) {
            uint32_t touched = plan->position[spec->touches[i].step];
            for (uint32_t at = 0; at < plan->steps; at++) {
                bool after = plan->closure != NULL &&
                             td_bit(plan->closure + (size_t)plan->order[at] * plan->words, touched);
                if (at == touched || after) of->unknown[at / 64] |= UINT64_C(1) << (at % 64);
            }
        }
    }
}

/* About how long a peer of the group takes alone, where others have published: only to choose whose
 * samples are looked at where there are too many. */
static double expected(const struct td_bound *bound, uint32_t group)
{
    const struct td_plan *plan = bound->plan;
    const struct td_plan_group *of = &plan->groups[group];
    double speed = bound->groups[group].speed, sum = 0;
    for (uint32_t at = 0; at < plan->steps; at++) {
        double build = td_dist_mean(plan->step[at].build) / speed;
        double fetch = td_dist_mean(plan->step[at].fetch);
        bool private = of->private != NULL && td_bit(of->private, at);
        if (private) fetch = of->fraction[at] < 1 ? fetch + of->fraction[at] * build : build;
        sum += fmin(fetch, build);
    }
    return fmin(sum, (double)TD_TIME_MAX / 2);
}

/* Marks what the group's peers must build whole in any case: own variants that are not touched in
 * part only, and steps that nobody of the cohort publishes. */
static void mark_alone(struct td_bound *bound, uint32_t group)
{
    const struct td_plan *plan = bound->plan;
    const struct td_plan_group *of = &plan->groups[group];
    bool rest_alone = true;
    for (uint32_t at = 0; at < plan->steps; at++) {
        bool alone = true, private = of->private != NULL && td_bit(of->private, at);
        for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
            if (plan->groups[g].cohort != of->cohort) continue;
            alone = alone && !td_bit(bound->groups[g].shared, at);
            bool rest = !bound->groups[g].rest_private || bound->groups[g].unsure;
            rest_alone = rest_alone && !(rest && plan->groups[g].publishes);
        }
        if (alone || (private && of->fraction[at] >= 1))
            bound->groups[group].alone[at / 64] |= UINT64_C(1) << (at % 64);
    }
    if (rest_alone) bound->groups[group].rest_private = true;
}

void td_bound_groups(struct td_bound *bound)
{
    const struct td_plan *plan = bound->plan;
    for (uint32_t g = 0; g < plan->scenario->group_count; g++) {
        const struct td_plan_group *of = &plan->groups[g];
        struct td_bound_group *group = &bound->groups[g];
        bool dependent = plan->scenario->groups[g].dependent;
        group->speed = of->speed;
        if (of->slow != NULL) group->speed = fmax(of->speed, of->speed * of->slow->factor);
        group->unsteady = of->leaves != NULL || dependent;
        group->rest_private = !dependent && of->private != NULL;
        mark_unknown(bound, g);
        for (uint32_t at = 0; at < plan->steps; at++)
            if (of->publishes && (dependent || of->private == NULL || !td_bit(of->private, at)))
                group->shared[at / 64] |= UINT64_C(1) << (at % 64);
        group->expected = expected(bound, g);
    }
    for (uint32_t g = 0; g < plan->scenario->group_count; g++)
        mark_alone(bound, g);
}
