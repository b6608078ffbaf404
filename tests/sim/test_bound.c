/* The lower bound: cases worked out by hand, and small random ones beside all that any policy could
 * do. A failing seed is printed. test_random.c holds it against the policies that there are, with
 * everything that a scenario can have. */
#include "support.h"

#include "sim/bound.h"
#include "tests/sim/exhaustive.h"
#include "tests/support/share.h"
#include "workload/sampler.h"

#define CASES 18u    /* of each kind */
#define LIMIT 60000L /* events that a case is worth */

/* What a small case can have. */
enum kind { EDGES = 1, OVERHEAD = 2, SPEEDS = 4, ARRIVALS = 8, SHARING = 16, KINDS = 32 };

static void make_steps(struct text *text, uint32_t steps, unsigned kind)
{
    uint32_t spread = (uint32_t[]){60, 200, 500}[pick(3)];
    begin_scenario(text, steps);
    add(text, ",\"overhead\":%u,", (kind & OVERHEAD) != 0 ? 20 + pick(80) : 0);
    if (pick(2) == 0) add(text, "\"rest\":{\"build\":%u,\"fetch\":%u},", pick(300), pick(100));
    add(text, "\"steps\":{");
    for (uint32_t s = 0; s < steps; s++) {
        add(text, "%s\"s%u\":{\"build\":", s == 0 ? "" : ",", s);
        if (pick(2) == 0)
            add(text, "%u", 200 + pick(1000));
        else
            add(text, "{\"uniform\":{\"min\":50,\"max\":1550}}");
        add(text, ",\"fetch\":{\"uniform\":{\"min\":20,\"max\":%u}}", 20 + spread);
        if ((kind & SHARING) != 0 && pick(4) == 0) add(text, ",\"hit_rate\":0.6");
        const char *between = ",\"after\":[";
        for (uint32_t before = 0; (kind & EDGES) != 0 && before < s; before++)
            if (pick(4) == 0) {
                add(text, "%s\"s%u\"", between, before);
                between = ",";
            }
        add(text, "%s}", between[1] == '\0' ? "]" : "");
    }
    add(text, "}");
}

static void make_peers(struct text *text, uint32_t peers, uint32_t steps, unsigned kind)
{
    static const double speeds[] = {1, 0.5, 2, 1}, fractions[] = {1, 0.5, 0.2};
    add(text, ",\"peers\":[");
    for (uint32_t p = 0; p < peers; p++) {
        add(text, "%s{\"name\":\"p%u\"", p == 0 ? "" : ",", p);
        if ((kind & SPEEDS) != 0) add(text, ",\"speed\":%g", speeds[pick(4)]);
        if ((kind & ARRIVALS) != 0) add(text, ",\"arrival\":%u", pick(1500));
        if ((kind & SHARING) != 0 && pick(4) == 0) add(text, ",\"publishes\":false");
        if ((kind & SHARING) != 0 && pick(3) == 0)
            add(text, ",\"touches\":{\"s%u\":%g}", pick(steps), fractions[pick(3)]);
        add(text, "}");
    }
    add(text, "]}");
}

static double draw(const struct td_dist *dist, uint32_t peer, uint32_t step,
                   enum td_purpose purpose)
{
    const struct td_draw key = {
        .seed = trial, .replication = 1, .peer = peer, .step = step, .purpose = purpose};
    return td_sample(dist, &key);
}

/* A step's lengths for a peer. */
static void draw_cell(const struct td_scenario *scenario, struct small *small, uint32_t p,
                      uint32_t s, double fraction)
{
    const struct td_step_spec *step = &scenario->steps[s];
    const struct td_draw key = {
        .seed = trial, .replication = 1, .peer = p, .step = s, .purpose = TD_DRAW_HIT};
    double build = draw(step->build, p, s, TD_DRAW_BUILD) / scenario->groups[p].speed;
    double fetch = draw(step->fetch, p, s, TD_DRAW_FETCH);
    small->build[p][s] = td_round_ns(build);
    small->fetch[p][s] = td_round_ns(fetch);
    if ((small->own[p] >> s & 1) != 0)
        small->fetch[p][s] =
            fraction < 1 ? td_round_ns(fetch + build * fraction) : small->build[p][s];
    if (!td_sample_chance(step->hit_rate, &key)) small->fetch[p][s] = small->build[p][s];
}

/* The scenario's first replication, drawn as the model has it; each peer is a group. */
static void draw_small(const struct td_scenario *scenario, struct small *small)
{
    struct td_error error;
    memset(small, 0, sizeof *small);
    small->peers = scenario->peer_count;
    small->steps = scenario->step_count;
    assert_true(td_scenario_arrivals(scenario, trial, 1, small->arrival, &error));
    for (uint32_t s = 0; s < small->steps; s++) {
        small->closure[s] = 1u << s;
        for (size_t i = 0; i < scenario->steps[s].after_count; i++)
            small->closure[s] |= small->closure[scenario->steps[s].after[i]];
    }
    for (uint32_t p = 0; p < small->peers; p++) {
        const struct td_group_spec *group = &scenario->groups[p];
        unsigned touched = group->touch_count > 0 ? 1u << group->touches[0].step : 0;
        small->publishes[p] = group->publishes;
        for (uint32_t s = 0; s < small->steps; s++)
            if ((small->closure[s] & touched) != 0) small->own[p] |= 1u << s;
        for (uint32_t s = 0; s < small->steps; s++)
            draw_cell(scenario, small, p, s,
                      (touched >> s & 1) != 0 ? group->touches[0].fraction : 1);
        uint32_t rest = small->steps;
        small->build[p][rest] =
            td_round_ns(draw(scenario->rest_build, p, rest, TD_DRAW_BUILD) / group->speed);
        small->fetch[p][rest] = td_round_ns(draw(scenario->rest_fetch, p, rest, TD_DRAW_FETCH));
        for (uint32_t s = 0; s <= rest; s++)
            small->overhead[p][s] =
                td_round_ns(draw(scenario->overhead, p, s, TD_DRAW_OVERHEAD) / group->speed);
    }
}

/* What the exhaustive search takes grows quickly with the size. */
static const struct {
    uint32_t peers, steps;
} sizes[] = {{2, 2}, {2, 4}, {2, 5}, {2, 6}, {3, 2}, {3, 3}, {3, 4}, {3, 5}, {3, 6}};
#define SIZES (sizeof sizes / sizeof *sizes)

struct gap {
    double sum, worst;
    uint32_t count;
};

/* The part of the bound by which the optimum is above it, into *gap. */
static void try_small(unsigned kind, uint32_t size, struct gap *gap)
{
    static struct text text;
    struct small small;
    text.length = 0;
    make_steps(&text, sizes[size].steps, kind);
    make_peers(&text, sizes[size].peers, sizes[size].steps, kind);
    struct td_scenario *scenario = scenario_from(text.bytes);
    draw_small(scenario, &small);
    td_scenario_destroy(scenario);
    td_time first = small.arrival[0], bound = bound_of(text.bytes, trial);
    for (uint32_t p = 1; p < small.peers; p++)
        if (small.arrival[p] < first) first = small.arrival[p];

    /* what the policies reach is where the search begins */
    td_time reached = INT64_MAX / 4;
    const struct td_policy *policy;
    for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
        struct run run;
        run_policy(text.bytes, policy->name, trial, &run);
        if (run.record.makespan < reached) reached = run.record.makespan;
        run_free(&run);
    }
    td_time optimum = exhaust(&small, first + reached, LIMIT);
    if (optimum < 0) { /* it takes too long */
        assert_true(reached >= bound);
        return;
    }
    if (optimum - first < bound)
        fail_msg("the bound is %g s, the optimum %g s", (double)bound * 1e-9,
                 (double)(optimum - first) * 1e-9);
    double part = (double)(optimum - first) / (double)bound - 1;
    gap->sum += part;
    gap->count++;
    if (part > gap->worst) gap->worst = part;
}

static void test_no_policy_beats_it(void **state)
{
    (void)state;
    struct gap gap = {0};
    finished = false;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (uint32_t i = 0; i < share_of(CASES); i++) {
            trial = kind * UINT64_C(100000) + i;
            dice = trial * 7919 + 13;
            for (int k = 0; k < 4; k++)
                (void)pick(2);
            try_small(kind, i % SIZES, &gap);
        }
    finished = true;
    print_message("the optimum is %.1f%% above the bound on average, %.0f%% at worst; %u cases\n",
                  100 * gap.sum / gap.count, 100 * gap.worst, gap.count);
    assert_true(gap.count > share_of(200));
    assert_true(gap.sum / gap.count < 0.05);
}

#define SCHEMA2                                                                                    \
    "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\","                 \
    "\"b\":\"//b\"}},\"policies\":[\"directed\"],\"steps\":{\"default\":{\"build\":10,\"fetch\":1"
#define AFTER "},\"b\":{\"after\":[\"a\"]"

static const struct {
    const char *what, *text;
    td_time seconds;
} cases[] = {
    {"alone: one order's overhead, two builds and the rest",
     SCHEMA2 "}},\"overhead\":3,\"rest\":{\"build\":4},\"peers\":[{}]}", 27},
    {"each builds one and fetches the other", SCHEMA2 "}},\"peers\":[{\"count\":2}]}", 11},
    {"of three, two do so, and the third one builds what another builds, too",
     SCHEMA2 "}},\"peers\":[{\"count\":3}]}", 11},
    {"the faster one builds both: 10, and 1 for the other to fetch the last",
     SCHEMA2 "}},\"peers\":[{\"speed\":2},{\"name\":\"q\",\"speed\":0.1}]}", 11},
    {"a chain: to build it, too, is no slower than to wait for its end",
     SCHEMA2 AFTER "}},\"peers\":[{\"count\":2}]}", 20},
    {"who comes late fetches both",
     SCHEMA2 "}},\"peers\":[{},{\"name\":\"late\",\"arrival\":100}]}", 102},
    {"readers build all by themselves", SCHEMA2 "}},\"peers\":[{\"count\":2,\"publishes\":false}]}",
     20},
    {"so do peers of other caches",
     SCHEMA2 "}},\"peers\":[{\"cache_id\":\"c\"},{\"name\":\"q\",\"cache_id\":\"d\"}]}", 20},
    {"and peers that miss whatever is published",
     SCHEMA2 ",\"hit_rate\":0}},\"peers\":[{\"count\":2}]}", 20},
    {"who touches a step builds the other one, then its own from the untouched one: 10 + 1 + 5",
     SCHEMA2 "}},\"peers\":[{},{\"name\":\"q\",\"touches\":{\"a\":0.5}}]}", 16},
    {"the parts of a step can be shared as they are built: who builds waits for nobody",
     SCHEMA2 ",\"parts\":5}},\"peers\":[{\"count\":2}]}", 11},
    {"the factor of a step is everybody's", SCHEMA2 ",\"factor\":3}},\"peers\":[{}]}", 60},
    {"a while may be a fast one",
     SCHEMA2 "}},\"peers\":[{\"slow\":{\"after\":0,\"for\":5,\"factor\":2}}]}", 10},
    {"who leaves for good ends then, and has built nothing by then: the other builds both",
     SCHEMA2 "}},\"peers\":[{},{\"name\":\"q\",\"leaves\":5}]}", 20},
    {"who leaves and returns has 15 of its 20 to do after its return",
     SCHEMA2 "}},\"peers\":[{\"leaves\":5,\"returns\":95}]}", 115},
    {"who may fail may do so at once: only its arrival counts",
     SCHEMA2 "}},\"peers\":[{},{\"name\":\"q\",\"arrival\":25,\"breaks\":{\"a\":1}}]}", 25},
    {"builds that go wrong by accident too often", SCHEMA2 ",\"flaky\":1}},\"peers\":[{}]}", 0},
    {"a base that does not build", SCHEMA2 ",\"broken\":1}},\"peers\":[{}]}", 0},
};

static void test_cases_worked_out_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_time bound = bound_of(cases[i].text, 1);
        if (bound != cases[i].seconds * TD_NS_PER_S)
            fail_msg("%s: %g s instead of %g s", cases[i].what, (double)bound * 1e-9,
                     (double)cases[i].seconds);
    }
}

/* In a queue a step that some change touches may be had by a fetch, whoever touches it: the variant
 * depends on who is ahead by then. A step that none touches is shared as ever, and one of them
 * builds it: 10, then a fetch. */
static void test_a_queue_claims_less(void **state)
{
    (void)state;
    struct td_error error;
    struct td_scenario *scenario = scenario_from(
        SCHEMA2 "}},\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"touches\":{\"a\":1}}]}");
    struct td_group_spec *groups = (struct td_group_spec *)(uintptr_t)scenario->groups;
    const td_time seconds[] = {20, 11};
    for (size_t i = 0; i < 2; i++) {
        groups[0].dependent = groups[1].dependent = i == 1;
        struct td_plan *plan = td_plan_create(scenario, &error);
        assert_non_null(plan);
        struct td_bound *bound = td_bound_create(plan, 1, &error);
        assert_non_null(bound);
        td_time least;
        assert_true(td_bound_find(bound, 1, &least, &error));
        assert_int_equal(least, seconds[i] * TD_NS_PER_S);
        td_bound_destroy(bound);
        td_plan_destroy(plan);
    }
    td_scenario_destroy(scenario);
}

/* More peers than the bound looks at one by one, and as many steps as it likes: it is a whole part
 * of the makespan all the same. */
static void test_many_peers(void **state)
{
    (void)state;
    static const char text[] =
        SCHEMA2 "}},\"peers\":[{\"count\":5000,\"arrival\":{\"exponential\":{\"mean\":10}}}]}";
    struct run run;
    run_policy(text, "directed", 1, &run);
    td_time bound = bound_of(text, 1);
    assert_true(bound <= run.record.makespan && bound > run.record.makespan / 10 * 9);
    run_free(&run);
}

/* Computed once for all policies, by whichever thread comes first. */
static void test_the_same_for_all_policies_and_threads(void **state)
{
    (void)state;
    static const char text[] =
        SCHEMA2 "}},\"peers\":[{\"count\":4,\"arrival\":{\"exponential\":{\"mean\":10}}}]}";
    enum { REPLICATIONS = 200 };
    static struct td_run_record runs[3 * REPLICATIONS];
    struct td_scenario *scenario = scenario_from(text);
    const struct td_policy *policies[3];
    for (size_t i = 0; i < 3; i++)
        policies[i] = td_policy_at(i);
    for (uint32_t jobs = 1; jobs <= 4; jobs++) {
        const struct td_sim_options options = {.policies = policies,
                                               .policy_count = jobs == 1 ? 1 : 3,
                                               .replications = REPLICATIONS,
                                               .seed = 1,
                                               .jobs = jobs,
                                               .bounds = true};
        struct td_results results = {.runs = runs};
        td_time first[REPLICATIONS];
        for (size_t r = 0; jobs > 1 && r < REPLICATIONS; r++)
            first[r] = runs[r].lower_bound;
        struct td_error error;
        memset(runs, 0, sizeof runs);
        assert_true(td_sim_run(scenario, &options, &results, &error));
        for (size_t r = 0; jobs > 1 && r < 3 * (size_t)REPLICATIONS; r++) {
            assert_true(runs[r].bound_known && runs[r].lower_bound == first[r % REPLICATIONS]);
            assert_true(runs[r].lower_bound <= runs[r].makespan);
        }
    }
    td_scenario_destroy(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_worked_out_by_hand),
        cmocka_unit_test(test_a_queue_claims_less),
        cmocka_unit_test(test_many_peers),
        cmocka_unit_test(test_the_same_for_all_policies_and_threads),
        cmocka_unit_test_teardown(test_no_policy_beats_it, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
