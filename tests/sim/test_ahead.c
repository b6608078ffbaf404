/* Looking ahead changes nothing but the order of rows: the same policy without its promise to see
 * nothing but steps runs in turn, and comes to the same. */
#include "support.h"

#include "policies/directed.h"
#include "tests/support/share.h"

#define ROUNDS 120u
#define MANY 4000u /* a wrong count of what is published shows in one of a thousand */

static void add_time(struct text *text, bool late)
{
    switch (pick(late ? 5 : 4)) {
    case 0:
        add(text, "{\"exponential\":{\"mean\":%u}}", 1 + pick(5));
        return;
    case 1:
        add(text, "{\"uniform\":{\"min\":%u,\"max\":%u}}", pick(2), 2 + pick(3));
        return;
    case 4: /* beyond the keys of the queue */
        add(text, "{\"uniform\":{\"min\":\"%uh\",\"max\":\"4000h\"}}", pick(900));
        return;
    default: /* ties */
        add(text, "%u", pick(4));
    }
}

/* Whole builds and fetches that never fail, mostly of so many steps that a world looks ahead. */
static uint32_t make(struct text *text)
{
    static const double speeds[] = {1, 1, 2, 0.5};
    bool late = pick(4) == 0, ordered = pick(2) == 0, readers = pick(4) == 0,
         leavers = pick(8) == 0;
    static const uint32_t least[] = {1, 1, 16, 16, 60};
    uint32_t steps = least[pick(5)] + pick(24);
    begin_scenario(text, steps);
    add(text, ",\"overhead\":%u,\"rest\":{\"build\":%u,\"fetch\":%u},\"steps\":{\"default\":{",
        pick(3) / 2 * pick(3), pick(3), pick(2));
    add(text, "\"build\":");
    add_time(text, late);
    add(text, ",\"fetch\":");
    add_time(text, late);
    add(text, "}");
    for (uint32_t s = 0; s < steps; s++) {
        if (pick(3) != 0) continue;
        add(text, ",\"s%u\":{\"build\":", s);
        add_time(text, late);
        if (s > 0 && ordered) add(text, ",\"after\":[\"s%u\"]", pick(s));
        add(text, "}");
    }
    add(text, "},\"peers\":[");
    uint32_t groups = 1 + pick(3), peers = 0;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t count = 1 + pick(pick(2) == 0 ? 3 : 20);
        add(text, "%s{\"name\":\"g%u\",\"count\":%u,\"speed\":%g,\"arrival\":", g == 0 ? "" : ",",
            g, count, speeds[pick(4)]);
        add_time(text, late);
        if (pick(3) == 0) add(text, ",\"cache_id\":\"c%u\"", pick(2));
        if (readers && pick(2) == 0) add(text, ",\"publishes\":false");
        if (leavers && pick(2) == 0)
            add(text, ",\"leaves\":{\"exponential\":{\"mean\":%u}},\"returns\":%u", 1 + pick(40),
                pick(5));
        add(text, "}");
        peers += count;
    }
    add(text, "]%s}", pick(4) == 0 ? ",\"estimates\":\"learned\"" : "");
    return peers;
}

/* The peers' intervals, one peer after the other. */
static struct td_interval *by_peer(const struct run *run, uint32_t peers)
{
    struct td_interval *sorted = malloc((run->count + 1) * sizeof *sorted);
    size_t count = 0;
    assert_non_null(sorted);
    for (uint32_t peer = 0; peer < peers; peer++)
        for (size_t i = 0; i < run->count; i++)
            if (run->intervals[i].peer == peer) sorted[count++] = run->intervals[i];
    assert_int_equal(count, run->count);
    return sorted;
}

static void assert_same_records(const struct run *one, const struct run *other, uint32_t peers)
{
    assert_memory_equal(&one->record, &other->record, sizeof one->record);
    for (uint32_t peer = 0; peer < peers; peer++) {
        const struct td_peer_record *mine = &one->peers[peer], *theirs = &other->peers[peer];
        assert_true(mine->arrival == theirs->arrival && mine->completion == theirs->completion &&
                    mine->busy == theirs->busy && mine->wait == theirs->wait &&
                    mine->builds == theirs->builds && mine->fetches == theirs->fetches &&
                    mine->outcome == theirs->outcome);
    }
}

static void assert_same(const struct run *one, const struct run *other, uint32_t peers)
{
    assert_same_records(one, other, peers);
    assert_int_equal(one->count, other->count);
    struct td_interval *a = by_peer(one, peers), *b = by_peer(other, peers);
    for (size_t i = 0; i < one->count; i++)
        assert_true(a[i].start == b[i].start && a[i].end == b[i].end && a[i].step == b[i].step &&
                    a[i].kind == b[i].kind && a[i].outcome == b[i].outcome);
    free(a);
    free(b);
}

/* Intervals that end before one that stands above them. */
static uint32_t out_of_order(const struct run *run)
{
    uint32_t count = 0;
    for (size_t i = 1; i < run->count; i++)
        count += run->intervals[i].end < run->intervals[i - 1].end;
    return count;
}

/* How often a policy has been asked about a time before that of the last question. */
static struct {
    struct td_choice (*choose)(const struct td_view *view);
    td_time last;
    uint32_t count, back;
} questions;

static struct td_choice choose_and_count(const struct td_view *view)
{
    questions.back += td_view_now(view) < questions.last;
    questions.count++;
    questions.last = td_view_now(view);
    return questions.choose(view);
}

/* A run without intervals; how often its policy is asked about an earlier time, in the first
 * replication. */
static uint32_t goes_back(const char *text, const struct td_policy *policy, struct run *run)
{
    struct td_policy counting = *policy;
    questions.choose = policy->choose;
    questions.last = INT64_MIN;
    questions.count = questions.back = 0;
    counting.choose = choose_and_count;
    run_without_intervals(text, &counting, trial, 1, 1, run);
    return questions.back;
}

/* Whether it looks ahead: at all, and so that rows are out of order. In any case it comes to the
 * same as in turn. */
struct looked {
    bool ahead, rows;
};

static struct looked looks_ahead_alike(const char *text, const struct td_policy *policy,
                                       uint32_t peers)
{
    struct td_policy in_turn = *policy;
    in_turn.needs &= ~(unsigned)TD_NEEDS_STEPS_ONLY;
    struct run one, other, without;
    run_replication(text, policy, trial, 1, 3, &one);
    run_replication(text, &in_turn, trial, 1, 3, &other);
    run_without_intervals(text, policy, trial, 1, 3, &without);
    assert_same(&one, &other, peers);
    assert_same_records(&without, &other, peers);
    assert_int_equal(out_of_order(&other), 0);
    struct looked looked = {.rows = out_of_order(&one) > 0};
    run_free(&one);
    run_free(&other);
    run_free(&without);
    looked.ahead = goes_back(text, policy, &without) > 0;
    run_free(&without);
    assert_int_equal(goes_back(text, &in_turn, &without), 0);
    run_free(&without);
    return looked;
}

/* What is published comes first, though something is ready. */
static struct td_choice choose_fetches(const struct td_view *view)
{
    td_step step = td_view_first_published(view);
    if (step == TD_NO_STEP) return td_directed_choose(view);
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step};
}

static void test_the_same_comes_out(void **state)
{
    (void)state;
    static struct text text;
    const struct td_policy *policy;
    struct td_policy fetches = *td_policy_find("directed");
    fetches.choose = choose_fetches;
    uint32_t runs = 0, ahead = 0, rows = 0;
    finished = false;
    for (trial = 1; trial <= share_of(ROUNDS); trial++) {
        dice = trial * 32452843;
        uint32_t peers = make(&text);
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            if ((policy->needs & TD_NEEDS_STEPS_ONLY) == 0) continue;
            runs++;
            const struct looked looked = looks_ahead_alike(text.bytes, policy, peers);
            ahead += looked.ahead;
            rows += looked.rows;
        }
        (void)looks_ahead_alike(text.bytes, &fetches, peers);
    }
    finished = true;
    assert_true(ahead > runs / 3 && rows > runs / 6); /* most of the others are of few peers */
}

/* Few peers, with few steps, of cohorts that are done at different times; some only read, and build
 * what others have published. */
static void test_the_end_of_all_cohorts(void **state)
{
    (void)state;
    static struct text text;
    uint32_t ahead = 0;
    finished = false;
    for (trial = 1; trial <= share_of(MANY); trial++) {
        dice = trial * 86028121;
        uint32_t steps = 1 + pick(12), groups = 2 + pick(3), peers = 0;
        begin_scenario(&text, steps);
        add(&text,
            ",\"rest\":{\"build\":%u,\"fetch\":%u},\"steps\":{\"default\":{\"build\":%u,"
            "\"fetch\":%u}",
            pick(5), pick(2), 1 + pick(20), 1 + pick(3));
        for (uint32_t s = 1; s < steps; s++)
            if (pick(2) == 0)
                add(&text, ",\"s%u\":{\"build\":%u,\"fetch\":%u,\"after\":[\"s%u\"]}", s,
                    1 + pick(20), pick(6), pick(s));
        add(&text, "},\"peers\":[");
        for (uint32_t g = 0; g < groups; g++) {
            uint32_t count = 1 + pick(3);
            peers += count;
            add(&text,
                "%s{\"name\":\"g%u\",\"count\":%u,\"speed\":%s,\"arrival\":%u,\"publishes\":%s",
                g == 0 ? "" : ",", g, count, pick(2) == 0 ? "1" : "0.25", pick(3) / 2 * pick(30),
                pick(2) == 0 ? "false" : "true");
            if (pick(3) == 0) add(&text, ",\"cache_id\":\"c%u\"", pick(2));
            add(&text, "}");
        }
        add(&text, "]}");
        ahead += looks_ahead_alike(text.bytes, td_policy_find("directed"), peers).ahead;
    }
    finished = true;
    assert_true(ahead > share_of(MANY) / 20);
}

/* A reader alone builds each of 2 steps for 10 s, as nobody publishes them. */
static void test_a_reader_by_hand(void **state)
{
    (void)state;
    struct run run;
    run_policy("{\"name\":\"x\",\"policies\":[\"directed\"],\"schema\":{\"universe\":\"//...\","
               "\"steps\":{\"a\":\"//a\",\"b\":\"//b\"}},\"steps\":{\"default\":{\"build\":10,"
               "\"fetch\":1}},\"peers\":[{\"name\":\"q\",\"publishes\":false}]}",
               "directed", 1, &run);
    assert_true(run.record.makespan == 20 * TD_NS_PER_S);
    assert_int_equal(run.record.builds, 2);
    run_free(&run);
}

/* Readers build what comes after what they have built themselves, though nothing is ready for
 * others; what is learned from that may change the order in which those fetch. */
static void test_readers_teach(void **state)
{
    (void)state;
    static struct text text;
    static const unsigned builds[] = {1, 3, 5, 9, 20, 40, 80};
    finished = false;
    for (trial = 1; trial <= 60; trial++) {
        dice = trial * 15485863;
        begin_scenario(&text, 30);
        add(&text, ",\"steps\":{\"default\":{\"build\":5,\"fetch\":3}");
        for (uint32_t s = 0; s < 30; s++) {
            add(&text, ",\"s%u\":{\"build\":%u", s, builds[pick(7)]);
            if (s > 10)
                add(&text, ",\"after\":[\"s%u\",\"s%u\"]", pick(s / 2), s / 2 + pick(s / 2));
            add(&text, "}");
        }
        add(&text, "},\"estimates\":\"learned\",\"peers\":[{\"name\":\"w\",\"count\":4},"
                   "{\"name\":\"slow\",\"count\":4,\"speed\":0.1,\"arrival\":20},{\"name\":\"r\","
                   "\"count\":6,\"publishes\":false,\"speed\":4,\"arrival\":{\"every\":2}}]}");
        (void)looks_ahead_alike(text.bytes, td_policy_find("critical-path"), 14);
    }
    finished = true;
}

/* More peers than have draws of their own at hand. */
static void test_many_peers(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    for (trial = 1; trial <= 10; trial++) {
        begin_scenario(&text, 30);
        add(&text,
            ",\"steps\":{\"default\":{\"build\":{\"exponential\":{\"mean\":60}},\"fetch\":{"
            "\"exponential\":{\"mean\":10}}}%s},\"peers\":[{\"name\":\"q\",\"count\":150}]}",
            trial % 2 == 0 ? ",\"s9\":{\"after\":[\"s20\"],\"build\":900}" : "");
        assert_true(looks_ahead_alike(text.bytes, td_policy_find("directed"), 150).rows);
    }
    finished = true;
}

/* One of 70 fetches, and the last step that it fetches is drawn with the first ones: those of the
 * next replication are others. */
static void test_one_of_many(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    begin_scenario(&text, 30);
    add(&text, ",\"steps\":{\"default\":{\"build\":1,\"fetch\":{\"exponential\":{\"mean\":10}}}");
    for (uint32_t s = 0; s < 30; s++)
        if (s != 2) add(&text, ",\"s%u\":{\"build\":%u}", s, 100 - s);
    add(&text, "},\"peers\":[{\"name\":\"w\"},{\"name\":\"f\",\"arrival\":10000},"
               "{\"name\":\"r\",\"count\":68,\"publishes\":false,\"cache_id\":\"r\"}]}");
    for (trial = 1; trial <= 3; trial++)
        (void)looks_ahead_alike(text.bytes, td_policy_find("longest"), 70);
    finished = true;
}

/* Runs the first replication, which fails, of a scenario of so many peers and steps, each of which
 * takes so long to fetch. */
static void run_badly(uint32_t peers, uint32_t steps, const char *fetch, const atomic_bool *stop,
                      struct td_run_record *record, struct td_error *error)
{
    struct text text = {.length = 0};
    begin_scenario(&text, steps);
    add(&text,
        ",\"steps\":{\"default\":{\"build\":1,\"fetch\":\"%s\"}},\"peers\":[{\"name\":"
        "\"q\",\"count\":%u}]}",
        fetch, peers);
    struct td_scenario *scenario = scenario_from(text.bytes);
    struct td_plan *plan = td_plan_create(scenario, error);
    assert_non_null(plan);
    struct td_world *world = td_world_create(plan, td_policy_find("directed"), 1, error);
    assert_non_null(world);
    assert_false(td_world_run(world, 1, NULL, stop, NULL, record, error));
    td_world_destroy(world);
    td_plan_destroy(plan);
    td_scenario_destroy(scenario);
}

/* Each fetch takes 10 years, so that the 15th would end after 146, and the 30th would be beyond
 * what a time can hold. A peer goes alone from one to the next. */
static void test_the_end_of_time(void **state)
{
    (void)state;
    struct td_error error;
    struct td_run_record record = {0};
    run_badly(20, 40, "87600h", NULL, &record, &error);
    assert_string_equal(error.text, "a time passes 146 years in replication 1 under directed: "
                                    "shorten the durations");
}

/* 40 peers, 16 steps: the first 16 build for 10 s, and all wait until they have; then each fetches
 * 15 or 16 steps of 2 s, the builders one less. Nobody is seen by anybody after 10 s. */
static const char forty[] =
    "{\"name\":\"x\",\"policies\":[\"directed\"],\"schema\":{\"universe\":\"//...\",\"steps\":{"
    "\"a\":\"//a\",\"b\":\"//b\",\"c\":\"//c\",\"d\":\"//d\",\"e\":\"//e\",\"f\":\"//f\","
    "\"g\":\"//g\",\"h\":\"//h\",\"i\":\"//i\",\"j\":\"//j\",\"k\":\"//k\",\"l\":\"//l\","
    "\"m\":\"//m\",\"n\":\"//n\",\"o\":\"//o\",\"p\":\"//p\"}},\"steps\":{\"default\":{"
    "\"build\":10,\"fetch\":2}},\"peers\":[{\"name\":\"q\",\"count\":40}]}";

static void test_by_hand(void **state)
{
    (void)state;
    struct run run;
    char peer[1024];
    run_policy(forty, "directed", 1, &run);
    assert_true(run.record.makespan == 42 * TD_NS_PER_S);
    assert_true(run.record.wait == INT64_C(24) * 10 * TD_NS_PER_S);
    assert_int_equal(run.record.builds, 16);
    assert_int_equal(run.record.fetches, 40 * 16 - 16);
    assert_int_equal(run.record.events, 40 * 17);
    run_text(&run, 15, peer, sizeof peer);
    assert_string_equal(peer, "b15[0,10] f0[10,12] f1[12,14] f2[14,16] f3[16,18] f4[18,20] "
                              "f5[20,22] f6[22,24] f7[24,26] f8[26,28] f9[28,30] f10[30,32] "
                              "f11[32,34] f12[34,36] f13[36,38] f14[38,40] f*[40,40]");
    run_text(&run, 39, peer, sizeof peer);
    assert_string_equal(peer, "w[0,10] f0[10,12] f1[12,14] f2[14,16] f3[16,18] f4[18,20] "
                              "f5[20,22] f6[22,24] f7[24,26] f8[26,28] f9[28,30] f10[30,32] "
                              "f11[32,34] f12[34,36] f13[36,38] f14[38,40] f15[40,42] f*[42,42]");
    /* one after the other goes alone from 10 s up to its last fetch; the ends are in turn */
    assert_int_equal(out_of_order(&run), 39);
    run_free(&run);
}

/* 4 peers, 3 steps: three build for 10 s, and one waits. Then all is published, and each fetches
 * two or three steps of 2 s. Each is asked about its next step at 10 s and alone about the one at
 * 12 s, the last one about that at 14 s, too, before the next peer is asked about its own at 10 s.
 */
static void test_at_the_end_by_hand(void **state)
{
    (void)state;
    static const char four[] =
        "{\"name\":\"x\",\"policies\":[\"directed\"],\"schema\":{\"universe\":\"//...\",\"steps\":{"
        "\"a\":\"//a\",\"b\":\"//b\",\"c\":\"//c\"}},\"steps\":{\"default\":{\"build\":10,"
        "\"fetch\":2}},\"peers\":[{\"name\":\"q\",\"count\":4}]}";
    struct run run;
    assert_int_equal(goes_back(four, td_policy_find("directed"), &run), 3);
    assert_int_equal(questions.count, 4 + 4 * 3 + 1);
    assert_true(run.record.makespan == 16 * TD_NS_PER_S);
    assert_int_equal(run.record.events, 4 * 4);
    assert_true(run.peers[0].completion == 14 * TD_NS_PER_S && run.peers[0].fetches == 2);
    assert_true(run.peers[3].wait == 10 * TD_NS_PER_S && run.peers[3].fetches == 3);
    run_free(&run);
    /* nobody would want rows of a few peers and steps to be out of order */
    run_policy(four, "directed", 1, &run);
    assert_int_equal(out_of_order(&run), 0);
    run_free(&run);
}

/* Who breaks the promise gets what it asks for, and every run ends. */
static struct td_choice choose_universe(const struct td_view *view)
{
    if (td_view_first_ready(view) != TD_NO_STEP) return td_directed_choose(view);
    return (struct td_choice){.kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE};
}

static struct td_choice choose_what_others_build(const struct td_view *view)
{
    td_step step = td_view_first_not_held(view);
    if (step == TD_NO_STEP) return td_directed_choose(view);
    return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step};
}

static bool always(const struct td_view *view)
{
    (void)view;
    return true;
}

static void test_broken_promises(void **state)
{
    (void)state;
    static struct text text;
    struct td_policy policies[3];
    for (size_t i = 0; i < 3; i++)
        policies[i] = *td_policy_find("directed");
    policies[0].choose = choose_universe;
    policies[1].choose = policies[2].choose = choose_what_others_build;
    policies[2].gives_way = always;
    finished = false;
    for (trial = 1; trial <= share_of(ROUNDS); trial++) {
        dice = trial * 49979687;
        make(&text);
        for (size_t i = 0; i < 3; i++) {
            struct run run;
            run_with(text.bytes, &policies[i], trial, &run);
            run_free(&run);
            run_without_intervals(text.bytes, &policies[i], trial, 1, 1, &run);
            run_free(&run);
        }
    }
    finished = true;
}

/* A peer that goes alone for long is interrupted, too. */
static void test_interrupt(void **state)
{
    (void)state;
    struct td_error error;
    struct td_run_record record = {0};
    const atomic_bool stop = true;
    run_badly(700, 300, "1s", &stop, &record, &error);
    assert_int_equal(error.fault, TD_FAULT_INTERRUPT);
    assert_true(record.events < 2 * 65536); /* of 210,700 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_the_same_comes_out, tell_seed),
        cmocka_unit_test_teardown(test_the_end_of_all_cohorts, tell_seed),
        cmocka_unit_test(test_a_reader_by_hand),
        cmocka_unit_test_teardown(test_readers_teach, tell_seed),
        cmocka_unit_test_teardown(test_many_peers, tell_seed),
        cmocka_unit_test_teardown(test_one_of_many, tell_seed),
        cmocka_unit_test(test_the_end_of_time),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_at_the_end_by_hand),
        cmocka_unit_test_teardown(test_broken_promises, tell_seed),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
