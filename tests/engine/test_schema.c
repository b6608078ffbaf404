/* Orders that follow from a schema: dependency order, priority by rank, what a policy sees of it.
 */
#include "support.h"

/* What the policy saw the last time that it ranked. */
static struct {
    uint32_t steps;
    td_step order[8];
    uint32_t unlocks[8];
    uint32_t dependents[8];
    td_time estimate;
} seen;

static const int64_t *ranks_to_give;

static void rank(const struct td_view *view, int64_t *ranks)
{
    seen.steps = td_view_step_count(view);
    for (uint32_t i = 0; i < seen.steps; i++) {
        seen.order[i] = td_view_in_dependency_order(view, i);
        seen.unlocks[i] = td_view_unlocks(view, i);
        (void)td_view_dependents(view, i, &seen.dependents[i]);
        if (ranks_to_give != NULL) ranks[i] = ranks_to_give[i];
    }
    seen.estimate = td_view_estimate(view, 0);
}

static const struct td_policy *ranking(void)
{
    static struct td_policy policy;
    policy = test_policy;
    policy.rank = rank;
    return &policy;
}

static void test_dependency_order_goes_back_to_the_first(void **state)
{
    (void)state;
    /* Worked out by hand. 0 after 3; 1 after 0; 4 after 1 and 2. First without prerequisites: 2,
     * then 3 opens 0, which is the first of all again; 0 opens 1; 1 opens 4. */
    static const uint32_t edges[][2] = {{0, 3}, {1, 0}, {4, 1}, {4, 2}, {TD_NO_STEP, TD_NO_STEP}};
    static const td_step order[] = {2, 3, 0, 1, 4};
    static const uint32_t unlocks[] = {2, 1, 1, 3, 0}, dependents[] = {1, 1, 1, 1, 0};
    struct rig rig;
    ranks_to_give = NULL;
    rig_open(&rig, ranking(), 5, edges);
    rig_join(&rig, 0);
    assert_int_equal(seen.steps, 5);
    assert_memory_equal(seen.order, order, sizeof order);
    assert_memory_equal(seen.unlocks, unlocks, sizeof unlocks);
    assert_memory_equal(seen.dependents, dependents, sizeof dependents);
    assert_int_equal(seen.estimate, 0);
    rig_close(&rig);
}

static void test_a_diamond_is_unlocked_once(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{1, 0}, {2, 0}, {3, 1}, {3, 2}, {TD_NO_STEP, TD_NO_STEP}};
    struct rig rig;
    ranks_to_give = NULL;
    rig_open(&rig, ranking(), 4, edges);
    rig_join(&rig, 0);
    assert_int_equal(seen.unlocks[0], 3);
    rig_close(&rig);
}

static void test_smaller_ranks_first_and_ties_by_the_schema(void **state)
{
    (void)state;
    static const int64_t ranks[] = {5, -1, 5, INT64_MIN, INT64_MAX};
    static const td_step expected[] = {3, 1, 0, 2, 4};
    struct rig rig;
    ranks_to_give = ranks;
    rig_open(&rig, ranking(), 5, NULL);
    rig_join(&rig, 0);
    rig_join(&rig, 1);
    for (size_t i = 0; i < 5; i++)
        rig_carry_out(&rig, 0, expected[i], true);
    for (size_t i = 0; i < 5; i++)
        rig_carry_out(&rig, 1, expected[i], false);
    rig_close(&rig);
}

static void test_rank_does_not_overrule_prerequisites(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{0, 1}, {TD_NO_STEP, TD_NO_STEP}};
    static const int64_t ranks[] = {-9, 0};
    struct rig rig;
    ranks_to_give = ranks;
    rig_open(&rig, ranking(), 2, edges);
    rig_join(&rig, 0);
    rig_carry_out(&rig, 0, 1, true);
    rig_carry_out(&rig, 0, 0, true);
    rig_close(&rig);
}

/* The last bit of the first word, the first of the next: where bitmaps go wrong if they do. */
static void test_steps_beyond_a_word(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 63, 64, 65, 128, 129, 300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rig rig;
        rig_open(&rig, &test_policy, sizes[i], NULL);
        rig_join(&rig, 0);
        rig_join(&rig, 1);
        for (td_step step = 0; step < sizes[i]; step++)
            rig_carry_out(&rig, 0, step, true);
        rig_carry_out(&rig, 0, TD_UNIVERSE, false);
        for (td_step step = 0; step < sizes[i]; step++)
            rig_carry_out(&rig, 1, step, false);
        rig_carry_out(&rig, 1, TD_UNIVERSE, false);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dependency_order_goes_back_to_the_first),
        cmocka_unit_test(test_a_diamond_is_unlocked_once),
        cmocka_unit_test(test_smaller_ranks_first_and_ties_by_the_schema),
        cmocka_unit_test(test_rank_does_not_overrule_prerequisites),
        cmocka_unit_test(test_steps_beyond_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
