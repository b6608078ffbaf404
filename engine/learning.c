/* Learned estimates: the mean of the whole builds observed in a cohort, and the ranks that follow.
 */
#include "engine/engine_internal.h"

static td_time rounded(td_sum sum, uint64_t count)
{
    return (td_time)((2 * sum + (td_sum)count) / (2 * (td_sum)count));
}

/* The estimate of each step that has not been seen. */
static td_time of_unseen(const struct cohort *cohort, const struct learned *learned)
{
    td_sum sum = 0;
    uint64_t seen = 0;
    for (td_step other = 0; other < cohort->schema->steps; other++) {
        if (learned[other].count == 0) continue;
        sum += rounded(learned[other].sum, learned[other].count);
        seen++;
    }
    return seen == 0 ? 0 : rounded(sum, seen);
}

td_time td_learning_estimate(const struct cohort *cohort, const struct learned *learned,
                             td_step step)
{
    if (learned[step].count != 0) return rounded(learned[step].sum, learned[step].count);
    return of_unseen(cohort, learned);
}

/* An estimate of 0 says nothing. */
static bool is_shorter(td_time now, td_time before)
{
    return now < before || (before == 0 && now > 0);
}

static void rank_anew(struct td_engine *engine, struct cohort *cohort)
{
    if (engine->policy->rank == NULL) return;
    const struct td_view view = {.engine = engine, .cohort = cohort};
    memset(cohort->ranks, 0, cohort->schema->steps * sizeof *cohort->ranks);
    engine->policy->rank(&view, cohort->ranks);
}

bool td_learning_start(struct td_engine *engine, struct cohort *cohort)
{
    uint32_t steps = cohort->schema->steps;
    if (!td_reserve(&cohort->learned, &cohort->learned_capacity, steps, sizeof *cohort->learned) ||
        !td_reserve(&cohort->ranks, &cohort->ranks_capacity, steps, sizeof *cohort->ranks))
        return false;
    memset(cohort->learned, 0, steps * sizeof *cohort->learned);
    memset(cohort->ranks, 0, steps * sizeof *cohort->ranks);
    if ((engine->policy->needs & TD_NEEDS_TIMES) != 0) {
        if (!td_reserve(&cohort->learned_fetches, &cohort->learned_fetches_capacity, steps,
                        sizeof *cohort->learned_fetches))
            return false;
        memset(cohort->learned_fetches, 0, steps * sizeof *cohort->learned_fetches);
    }
    rank_anew(engine, cohort);
    return true;
}

bool td_learning_observe(struct td_engine *engine, struct cohort *cohort, td_step step,
                         td_time took)
{
    const struct learned *learned = cohort->learned;
    bool tells = waits_by_times(engine);
    td_time seen = tells ? td_learning_estimate(cohort, learned, step) : 0;
    td_time unseen = tells ? of_unseen(cohort, learned) : 0;
    cohort->learned[step].sum += took;
    cohort->learned[step].count++;
    rank_anew(engine, cohort);
    return tells && (is_shorter(td_learning_estimate(cohort, learned, step), seen) ||
                     is_shorter(of_unseen(cohort, learned), unseen));
}

void td_learning_observe_fetch(struct cohort *cohort, td_step step, td_time took)
{
    cohort->learned_fetches[step].sum += took;
    cohort->learned_fetches[step].count++;
}

void td_learning_recall(struct td_engine *engine, struct cohort *cohort, td_step step, bool fetches,
                        uint64_t count, td_time sum)
{
    struct learned *learned = fetches ? cohort->learned_fetches : cohort->learned;
    if (!cohort->learns || learned == NULL) return; /* another policy learned that */
    learned[step].sum += sum;
    learned[step].count += count;
    if (!fetches) rank_anew(engine, cohort);
}
