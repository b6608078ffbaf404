/* Cases worked out by hand from the model, interval by interval. */
#include "support.h"

/* Steps a, b, ... of 10 s to build and 1 s to fetch unless `times` says otherwise. */
#define SCHEMA1 "\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\"}}"
#define SCHEMA2 "\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\",\"b\":\"//b\"}}"
#define SCHEMA3                                                                                    \
    "\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\",\"b\":\"//b\",\"c\":\"//c\"}}"
#define DEFAULT "\"default\":{\"build\":10,\"fetch\":1}"
#define TAIL "\"policies\":[\"directed\"]}"

static const struct sim_case {
    const char *what, *text, *policy;
    const char *peers[4];
} cases[] = {
    {"directed: each builds one, then fetches the other",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"peers\":[{\"count\":2}]," TAIL,
     "directed",
     {/* the rest takes no time, so peer 0 has it published before peer 1 begins */
      "b0[0,10] f1[10,11] b*[11,11]", "b1[0,10] f0[10,11] f*[11,11]"}},
    {"parallel: both build all, the second one's are duplicates",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"peers\":[{\"count\":2}]," TAIL,
     "parallel",
     {"b0[0,10] b1[10,20] b*[20,20]", "b0[0,10]d b1[10,20]d f*[20,20]"}},
    {"linear: the second fetches what the first has built, and its rest, too",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"rest\":{\"build\":4,\"fetch\":2},"
     "\"peers\":[{\"count\":2}]," TAIL,
     "linear",
     {"b0[0,10] b1[10,20] b*[20,24]", "w[0,24] f0[24,25] f1[25,26] f*[26,28]"}},
    {"universe: one overhead for all",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"overhead\":3,\"peers\":[{}]," TAIL,
     "universe",
     {"o*[0,3] b0[3,13] b1[13,23] b*[23,23]"}},
    {"directed: an overhead for each order, the universe included",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"overhead\":3,\"peers\":[{}]," TAIL,
     "directed",
     {"o0[0,3] b0[3,13] o1[13,16] b1[16,26] o*[26,29] b*[29,29]"}},
    {"a speed divides builds and overheads, not fetches",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT
     "},\"overhead\":4,\"peers\":[{\"name\":\"fast\",\"speed\":2},{\"name\":\"slow\"}]," TAIL,
     "directed",
     {"o0[0,2] b0[2,7] w[7,14] o1[14,16] f1[16,17] o*[17,19] b*[19,19]",
      "o1[0,4] b1[4,14] o0[14,18] f0[18,19] o*[19,23] f*[23,23]"}},
    {"a step counts as being built through its order's overhead and prerequisites",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT
     ",\"b\":{\"after\":[\"a\"]}},\"peers\":[{\"count\":2}]," TAIL,
     "directed",
     /* at 10 peer 1, woken, asks behind peer 0, which has ended its order and comes first in the
        file */
     {"b0[0,10] b1[10,20] b*[20,20]", "w[0,10] f0[10,11] w[11,20] f1[20,21] f*[21,21]"}},
    {"an order goes through prerequisites that the peer lacks, in dependency order",
     "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
     ",\"a\":{\"after\":[\"c\"]}},\"peers\":[{}]," TAIL,
     "parallel",
     {"b2[0,10] b0[10,20] b1[20,30] b*[30,30]"}},
    {"a peer that comes late fetches what is there and builds the rest",
     "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT "},\"peers\":[{\"name\":\"p\"},"
     "{\"name\":\"q\",\"arrival\":12}]," TAIL,
     "directed",
     {"b0[0,10] b1[10,20] w[20,22] f2[22,23] b*[23,23]",
      /* c is built by nobody at 12, so a build comes before the fetch of a */
      "b2[12,22] f0[22,23] f1[23,24] f*[24,24]"}},
    {"what completes at an instant is published before anybody asks",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT ",\"b\":{\"build\":10,\"fetch\":0}},"
     "\"peers\":[{\"count\":2}]," TAIL,
     "directed",
     {"b0[0,10] f1[10,10] b*[10,10]", "b1[0,10] f0[10,11] f*[11,11]"}},
    {"two caches do not share",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},\"peers\":[{\"name\":\"p\","
     "\"cache_id\":\"muc9\"},{\"name\":\"q\",\"cache_id\":\"muc10\"}]," TAIL,
     "linear",
     {"b0[0,10] b1[10,20] b*[20,20]", "b0[0,10] b1[10,20] b*[20,20]"}},
    {"a touched step is the peer's own, what comes after it too, and its rest",
     "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
     ",\"b\":{\"after\":[\"a\"]}},\"rest\":{\"build\":5,\"fetch\":2},"
     "\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"touches\":{\"a\":1}}]," TAIL,
     "directed",
     {"b0[0,10] b1[10,20] b2[20,30] b*[30,35]", "b0[0,10] b1[10,20] w[20,30] f2[30,31] b*[31,36]"}},
    {"touched in part: not while the untouched one is being built; then fetch + fraction of the "
     "build",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},"
     "\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"touches\":{\"a\":0.25},\"speed\":2}]," TAIL,
     "directed",
     /* q builds b at twice the speed, waits for a until 10, then 1 + 0.25 x 10 / 2 */
     {"b0[0,10] f1[10,11] b*[11,11]", "b1[0,5] w[5,10] b0[10,12.25] b*[12.25,12.25]"}},
    {"touched in part, but nobody builds the untouched one: a whole build",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},"
     "\"peers\":[{\"name\":\"q\",\"touches\":{\"a\":0.25}}]," TAIL,
     "directed",
     {"b0[0,10] b1[10,20] b*[20,20]"}},
    {"touched in part under parallel: whole, since the untouched one is not published yet",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT "},"
     "\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"touches\":{\"a\":0.25}}]," TAIL,
     "parallel",
     {"b0[0,10] b1[10,20] b*[20,20]", "b0[0,10] b1[10,20]d b*[20,20]"}},
    {"zero lengths: a build of no time completes before the next peer starts",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{\"default\":{\"build\":0,\"fetch\":1}},"
     "\"peers\":[{\"count\":2}]," TAIL,
     "directed",
     {"b0[0,0] b1[0,0] b*[0,0]", "f0[0,1] f1[1,2] f*[2,2]"}},
    {"longest: the longer build first",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT
     ",\"b\":{\"build\":30}},\"peers\":[{}]," TAIL,
     "longest",
     {"b1[0,30] b0[30,40] b*[40,40]"}},
    {"critical-path: what has most to come first",
     "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
     ",\"a\":{\"build\":25},\"c\":{\"build\":20,\"after\":[\"b\"]}},\"peers\":[{}]," TAIL,
     "critical-path",
     {"b1[0,10] b0[10,35] b2[35,55] b*[55,55]"}},
    {"a peer that does not publish builds for itself, and another builds the same meanwhile",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"publishes\":false},{\"name\":\"q\"}]," TAIL,
     "directed",
     {"b0[0,10] b*[10,10]", "b0[0,10] b*[10,10]"}},
    {"a fetch that misses is a whole build, and a duplicate",
     "{\"name\":\"x\"," SCHEMA1
     ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"hit_rate\":0}},"
     "\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"arrival\":12}]," TAIL,
     "directed",
     {"b0[0,10] b*[10,10]", "b0[12,22]d f*[22,22]"}},
    {"parts: a later peer catches up in the middle of a step",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{\"default\":{\"build\":8,\"fetch\":4,\"parts\":4}},"
     "\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"arrival\":3}]," TAIL,
     "universe",
     /* parts at 2, 4, 6 and 8; q fetches two, then builds two that p has published when they end */
     {"b0[0,8] b*[8,8]", "f0[3,5] b0[5,9]d f*[9,9]"}},
    {"speculative: who would wait builds what is overdue; the first result wins, and the other is "
     "aborted",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"speed\":0.1},{\"name\":\"q\"}]," TAIL,
     "speculative",
     /* long overdue at twice 10 s; q has it at 30, and p fetches it */
     {"b0[0,30]a f0[30,31] f*[31,31]", "w[0,20] b0[20,30] b*[30,30]"}},
    {"speculative: patience is shorter than what is long overdue; the first one wins",
     "{\"name\":\"x\",\"patience\":3," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"count\":2}]," TAIL,
     "speculative",
     {"b0[0,10] b*[10,10]", "w[0,3] b0[3,10]a f0[10,11] f*[11,11]"}},
    {"speculative: a loser that ends at the same instant has ended",
     "{\"name\":\"x\",\"patience\":5," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"speed\":2}]," TAIL,
     "speculative",
     {"b0[0,10] b*[10,10]", "w[0,5] b0[5,10]d f*[10,10]"}},
    {"speculative: a loser that is to leave later still leaves",
     "{\"name\":\"x\",\"patience\":3," SCHEMA2 ",\"steps\":{" DEFAULT
     ",\"b\":{\"after\":[\"a\"]}},\"peers\":[{\"name\":\"p\"},{\"name\":\"q\",\"leaves\":12}]"
     "," TAIL,
     "speculative",
     {"b0[0,10] b1[10,20] b*[20,20]", "w[0,3] b0[3,10]a f0[10,11] w[11,12]"}},
    {"speculative: when one of two builders leaves, who waits looks at the other's time at once",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"speed\":0.1},{\"name\":\"q\",\"leaves\":25},{\"name\":\"r\"}]"
     "," TAIL,
     "speculative",
     /* q is overdue from 40 on only, but gone at 25, when p has been overdue for 5 s */
     {"b0[0,35]a f0[35,36] f*[36,36]", "w[0,20] b0[20,25]a", "w[0,25] b0[25,35] b*[35,35]"}},
    {"speculative: who waits hears of the first estimate, which another's private build has given",
     "{\"name\":\"x\",\"estimates\":\"learned\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"speed\":5,\"touches\":{\"a\":1}},{\"name\":\"q\",\"count\":2}]"
     "," TAIL,
     "speculative",
     /* 2 s, so that a build is overdue after 4 */
     {"b0[0,2] b*[2,2]", "b0[0,10] b*[10,10]", "w[0,4] b0[4,10]a f0[10,11] f*[11,11]"}},
    {"speculative: an estimate that becomes shorter makes a build overdue sooner",
     "{\"name\":\"x\",\"estimates\":\"learned\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"speed\":2,\"touches\":{\"a\":1}},{\"name\":\"q\",\"speed\":5,"
     "\"arrival\":6,\"touches\":{\"a\":1}},{\"name\":\"r\",\"count\":2,\"speed\":0.5}]," TAIL,
     "speculative",
     /* 5 s, known at 5: overdue at 10. With the 2 s of q, known at 8: 3.5 s, overdue at 7 */
     {"b0[0,5] b*[5,5]", "b0[6,8] b*[8,8]", "b0[0,20] b*[20,20]",
      "w[0,8] b0[8,20]a f0[20,21] f*[21,21]"}},
    {"speculative: nobody is ordered what two have found broken, though a third is long about it",
     "{\"name\":\"x\",\"patience\":2," SCHEMA2 ",\"steps\":{" DEFAULT
     ",\"b\":{\"build\":1,\"broken\":1}},\"peers\":[{\"name\":\"p\",\"speed\":0.5},{\"name\":\"q\","
     "\"speed\":0.05},{\"name\":\"s\",\"arrival\":4},{\"name\":\"r\",\"count\":3}]," TAIL,
     "speculative",
     /* r-2 and r-3 have found b broken at 3 and 4, while q goes on with it until 20. At 4 s builds
        a, overdue now with r-1, too; without hope of b all but q fail as soon as they have a */
     {"b0[0,12]a f0[12,13]", "b1[0,20]f", "b0[4,12]a f0[12,13]", "w[0,2] b0[2,12]"}},
    {"flaky: after one retry the next failure fails the peer",
     "{\"name\":\"x\",\"retries\":1," SCHEMA1
     ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"flaky\":1}},\"peers\":[{}]," TAIL,
     "directed",
     {"b0[0,10]f b0[10,20]f"}},
    {"a broken base: two peers find it, the third fails without trying",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{\"default\":{\"build\":10,\"fetch\":1,\"broken\":1}},"
     "\"peers\":[{\"count\":3}]," TAIL,
     "directed",
     {"b0[0,10]f", "w[0,10] b0[10,20]f", "w[0,20]"}},
    {"a change that breaks a step fails its own peer only",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"breaks\":{\"a\":1}},{\"name\":\"q\"}]," TAIL,
     "directed",
     {"b0[0,10]f", "b0[0,10] b*[10,10]"}},
    {"a peer that leaves gives up its build, and goes on when it is back",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"leaves\":15,\"returns\":3}]," TAIL,
     "directed",
     {"b0[0,10] b1[10,15]a b1[18,28] b*[28,28]"}},
    {"the step of a peer that leaves goes to one that waits",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"name\":\"p\",\"leaves\":4},{\"name\":\"q\"}]," TAIL,
     "directed",
     {"b0[0,4]a", "w[0,4] b0[4,14] b*[14,14]"}},
    {"without keeps a peer fetches again what it published itself",
     "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT "},\"rest\":{\"build\":9,\"fetch\":1},"
     "\"peers\":[{\"touches\":{\"a\":1},\"leaves\":12,\"returns\":3,\"keeps\":false}]," TAIL,
     "directed",
     {"b0[0,10] b*[10,12]a f0[15,16] b*[16,25]"}},
    {"a slow while is looked up when a build starts",
     "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{" DEFAULT
     "},\"peers\":[{\"slow\":{\"after\":5,\"for\":25,\"factor\":0.5}}]," TAIL,
     "directed",
     {"b0[0,10] b1[10,30] b2[30,40] b*[40,40]"}},
    {"learned estimates: what is known to take long comes first",
     "{\"name\":\"x\",\"estimates\":\"learned\"," SCHEMA3 ",\"steps\":{" DEFAULT
     ",\"b\":{\"build\":2,\"fetch\":1},\"c\":{\"build\":30,\"fetch\":1}},\"peers\":[{\"name\":"
     "\"p\"},"
     "{\"name\":\"q\",\"arrival\":50}]," TAIL,
     "longest",
     /* nothing is known at first: the schema's order. q knows all: c, a, b */
     {"b0[0,10] b1[10,12] b2[12,42] b*[42,42]", "f2[50,51] f0[51,52] f1[52,53] f*[53,53]"}},
    {"half a nanosecond is rounded up, after the speed",
     "{\"name\":\"x\"," SCHEMA2 ",\"steps\":{\"default\":{\"build\":0.000000003,\"fetch\":1}},"
     "\"peers\":[{\"speed\":2}]," TAIL,
     "directed",
     {"b0[0,2e-09] b1[2e-09,4e-09] b*[4e-09,4e-09]"}},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run;
        char text[4096];
        run_policy(cases[i].text, cases[i].policy, 1, &run);
        for (uint32_t peer = 0; peer < 4 && cases[i].peers[peer] != NULL; peer++) {
            run_text(&run, peer, text, sizeof text);
            if (strcmp(text, cases[i].peers[peer]) != 0)
                fail_msg("%s:\n  peer %u has %s\n  and not    %s", cases[i].what, peer, text,
                         cases[i].peers[peer]);
        }
        run_free(&run);
    }
}

#define SECONDS(s) ((td_time)(s)*TD_NS_PER_S)

/* Three peers, six steps, 10 min to build, 100 s to fetch: the frame of the model's section 1. */
static void test_three_strategies(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"1\":\"//a\",\"2\":\"//b\","
        "\"3\":\"//c\",\"4\":\"//d\",\"5\":\"//e\",\"6\":\"//"
        "f\"}},\"steps\":{\"default\":{\"build\":"
        "\"10m\",\"fetch\":\"100s\"}},\"peers\":[{\"count\":3}],\"policies\":[\"linear\"]}";
    static const struct {
        const char *policy;
        struct td_run_record record;
    } expected[] = {
        /* ends at 60, 70 and 80 min; waits 60 and 70; 21 orders: 6 steps and the universe each */
        {"linear",
         {.makespan = SECONDS(4800),
          .mean_turnaround = SECONDS(4200),
          .p95_turnaround = SECONDS(4800),
          .busy = SECONDS(4800),
          .wait = SECONDS(7800),
          .machine = SECONDS(12600),
          .builds = 6,
          .fetches = 12,
          .events = 21}},
        {"parallel",
         {.makespan = SECONDS(3600),
          .mean_turnaround = SECONDS(3600),
          .p95_turnaround = SECONDS(3600),
          .busy = SECONDS(10800),
          .machine = SECONDS(10800),
          .builds = 18,
          .duplicate_builds = 12,
          .events = 21}},
        {"directed",
         {.makespan = SECONDS(1600),
          .mean_turnaround = SECONDS(1600),
          .p95_turnaround = SECONDS(1600),
          .busy = SECONDS(4800),
          .machine = SECONDS(4800),
          .builds = 6,
          .fetches = 12,
          .events = 21}},
        {"universe",
         {.makespan = SECONDS(3600),
          .mean_turnaround = SECONDS(3600),
          .p95_turnaround = SECONDS(3600),
          .busy = SECONDS(10800),
          .machine = SECONDS(10800),
          .builds = 18,
          .duplicate_builds = 12,
          .events = 3}},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct run run;
        run_policy(text, expected[i].policy, 1, &run);
        const struct td_run_record *is = &run.record, *should = &expected[i].record;
        assert_true(is->makespan == should->makespan);
        assert_true(is->mean_turnaround == should->mean_turnaround);
        assert_true(is->p95_turnaround == should->p95_turnaround);
        assert_true(is->busy == should->busy);
        assert_true(is->wait == should->wait);
        assert_true(is->machine == should->machine);
        assert_true(is->builds == should->builds);
        assert_true(is->duplicate_builds == should->duplicate_builds);
        assert_true(is->fetches == should->fetches);
        assert_true(is->events == should->events);
        assert_true(is->failures == 0 && is->turnaround_known);
        run_free(&run);
    }
}

/* Makespan begins with the first arrival; mean and 95% quantile are those of the peers' own
 * turnarounds. */
static void test_turnarounds(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\"}},\"steps\":{"
        "\"default\":{\"build\":10,\"fetch\":1}},\"peers\":[{\"count\":3,\"arrival\":{\"times\":[5,"
        "7,"
        "30]}}],\"policies\":[\"directed\"]}";
    struct run run;
    run_policy(text, "directed", 1, &run);
    /* 5-15 (10 s); 7-16 (9 s); 30-31 (1 s): mean 6.666666667 s */
    assert_true(run.record.makespan == SECONDS(26));
    assert_true(run.record.mean_turnaround == 6666666667);
    assert_true(run.record.p95_turnaround == SECONDS(10));
    assert_true(run.record.wait == SECONDS(8));
    assert_true(run.peers[1].wait == SECONDS(8) && run.peers[1].busy == SECONDS(1));
    assert_true(run.peers[2].arrival == SECONDS(30) && run.peers[2].completion == SECONDS(31));
    run_free(&run);
}

/* Who failed or left ends when it did, and is in the makespan, but not in the turnarounds. */
static void test_outcomes(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"x\"," SCHEMA1 ",\"steps\":{" DEFAULT "},\"peers\":["
        "{\"name\":\"p\",\"breaks\":{\"a\":1},\"arrival\":20},{\"name\":\"q\",\"leaves\":3},"
        "{\"name\":\"r\",\"arrival\":1,\"leaves\":2,\"returns\":8}]," TAIL;
    struct run run;
    /* p fails at 30. q leaves at 3 with the build of a, which r, waiting since 1, cannot take: it
     * leaves at 3, too. r is back at 11, builds until 21. */
    run_policy(text, "directed", 1, &run);
    assert_int_equal(run.peers[0].outcome, TD_PEER_FAILED);
    assert_int_equal(run.peers[1].outcome, TD_PEER_LEFT);
    assert_int_equal(run.peers[2].outcome, TD_PEER_OK);
    assert_true(run.record.makespan == SECONDS(30));
    assert_true(run.record.mean_turnaround == SECONDS(20) && run.record.turnaround_known);
    assert_true(run.record.wait == SECONDS(2));
    /* p 10, q 3, r 20 less the 8 of its absence */
    assert_true(run.record.machine == SECONDS(10 + 3 + 12));
    assert_int_equal(run.record.failures, 1);
    assert_int_equal(run.record.builds, 1);
    run_free(&run);
}

/* Beyond 146 years a run is refused, not wrapped. */
static void test_time_that_runs_out(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"x\"," SCHEMA3 ",\"steps\":{\"default\":{\"build\":{\"pareto\":{\"shape\":0.01,"
        "\"scale\":1000000}},\"fetch\":1}},\"peers\":[{}],\"policies\":[\"directed\"]}";
    struct td_error error = {0};
    struct td_scenario *scenario = scenario_from(text);
    struct td_plan *plan = td_plan_create(scenario, &error);
    struct td_world *world = td_world_create(plan, td_policy_find("directed"), 1, &error);
    struct td_run_record record = {0};
    assert_false(td_world_run(world, 1, NULL, NULL, NULL, &record, &error));
    assert_int_equal(error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(error.text, "146 years"));
    td_world_destroy(world);
    td_plan_destroy(plan);
    td_scenario_destroy(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_three_strategies),
        cmocka_unit_test(test_turnarounds),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_time_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
