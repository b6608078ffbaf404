/* What must hold in every run, on random scenarios full of ties. A failing seed is printed. */
#include "support.h"

#include "tests/support/share.h"

#define ROUNDS 250u

static bool queued[16]; /* by peer: in a dependent pipeline */

static void add_time(struct text *text)
{
    if (pick(4) == 0)
        add(text, "{\"exponential\":{\"mean\":%u}}", 1 + pick(5));
    else
        add(text, "%u", pick(4));
}

/* Half of the time something that only some steps have. */
static void add_step_features(struct text *text)
{
    if (pick(3) == 0) add(text, ",\"hit_rate\":0.7");
    if (pick(3) == 0) add(text, ",\"flaky\":0.2");
    if (pick(3) == 0) add(text, ",\"parts\":%u", 1 + pick(4));
    if (pick(4) == 0) add(text, ",\"factor\":{\"uniform\":{\"min\":0.5,\"max\":2}}");
    if (pick(6) == 0) add(text, ",\"broken\":0.3");
}

static void add_group_features(struct text *text, uint32_t steps)
{
    if (pick(4) == 0) add(text, ",\"publishes\":false");
    if (pick(4) == 0) add(text, ",\"breaks\":{\"s%u\":0.5}", pick(steps));
    if (pick(3) == 0) {
        add(text, ",\"leaves\":%u", pick(8));
        if (pick(3) != 0) add(text, ",\"returns\":%u", pick(5));
        if (pick(2) == 0) add(text, ",\"keeps\":false");
    }
    if (pick(4) == 0)
        add(text, ",\"slow\":{\"after\":%u,\"for\":%u,\"factor\":0.5}", pick(5), pick(9));
}

/* A pipeline's queue, and who is in it. */
static void add_pipeline(struct text *text, uint32_t first, uint32_t count)
{
    bool dependent = pick(2) == 0;
    if (dependent) add(text, ",\"pipeline\":\"p%u\",\"pipeline_type\":\"dependent\"", pick(4) / 3);
    for (uint32_t peer = first; peer < first + count; peer++)
        queued[peer] = dependent;
}

static uint32_t make(struct text *text, uint32_t steps, bool full)
{
    static const double fractions[] = {1, 0.5, 0.25, 0.1}, speeds[] = {1, 2, 0.5, 3};
    begin_scenario(text, steps);
    add(text,
        ",\"overhead\":%u,\"rest\":{\"build\":%u,\"fetch\":%u},\"steps\":{\"default\":{\"build\":"
        "3,"
        "\"fetch\":1}",
        pick(2), pick(3), pick(2));
    bool backwards = pick(2) == 0; /* edges against the schema's order */
    for (uint32_t s = 0; s < steps; s++) {
        add(text, ",\"s%u\":{\"build\":", s);
        add_time(text);
        add(text, ",\"fetch\":");
        add_time(text);
        if (full) add_step_features(text);
        const char *between = ",\"after\":[";
        for (uint32_t other = 0; other < steps; other++)
            if ((backwards ? other > s : other < s) && pick(5) == 0) {
                add(text, "%s\"s%u\"", between, other);
                between = ",";
            }
        add(text, "%s}", between[1] == '\0' ? "]" : "");
    }
    add(text, "},\"peers\":[");
    uint32_t groups = 1 + pick(4), peers = 0;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t count = 1 + pick(3);
        add(text, "%s{\"name\":\"g%u\",\"count\":%u,\"speed\":%g,\"arrival\":%u", g == 0 ? "" : ",",
            g, count, speeds[pick(4)], pick(4));
        if (pick(3) == 0) add(text, ",\"cache_id\":\"c%u\"", pick(2));
        if (pick(2) == 0) {
            add(text, ",\"touches\":{");
            uint32_t first = pick(steps), second = pick(steps);
            add(text, "\"s%u\":%g", first, fractions[pick(4)]);
            if (second != first) add(text, ",\"s%u\":%g", second, fractions[pick(4)]);
            add(text, "}");
        }
        if (full) add_group_features(text, steps);
        if (full) add_pipeline(text, peers, count);
        add(text, "}");
        peers += count;
    }
    add(text, "]");
    uint32_t floor = 1 + pick(3);
    if (full) add(text, ",\"window\":{\"floor\":%u,\"start\":%u}", floor, floor + pick(4));
    add(text, "}");
    return peers;
}

/* Its estimates are learned. */
static void learn(struct text *text)
{
    text->length--; /* its last brace */
    add(text, ",\"estimates\":\"learned\"}");
}

/* A peer's intervals follow each other from its arrival to its end; sums and counts follow from
 * them. */
static void check(const struct run *run, uint32_t peers, uint32_t steps, bool directed)
{
    td_sum busy = 0, wait = 0, machine = 0;
    uint64_t builds = 0, fetches = 0;
    for (uint32_t peer = 0; peer < peers; peer++) {
        const struct td_peer_record *who = &run->peers[peer];
        td_time at = who->arrival, worked = 0, waited = 0;
        uint32_t rests = 0;
        for (size_t i = 0; i < run->count; i++) {
            const struct td_interval *interval = &run->intervals[i];
            if (interval->peer != peer) continue;
            assert_true(interval->start == at);
            assert_true(interval->end >= at);
            at = interval->end;
            if (interval->kind == TD_KIND_WAIT)
                waited += interval->end - interval->start;
            else
                worked += interval->end - interval->start;
            rests += interval->step == TD_RECORD_REST && interval->kind != TD_KIND_OVERHEAD;
            if (directed) assert_int_equal(interval->outcome, TD_TASK_OK);
        }
        assert_int_equal(rests, 1);
        assert_true(at == who->completion && worked == who->busy && waited == who->wait);
        assert_int_equal(who->builds + who->fetches, steps);
        busy += who->busy;
        wait += who->wait;
        machine += who->completion - who->arrival;
        builds += who->builds;
        fetches += who->fetches;
    }
    assert_true(busy == run->record.busy && wait == run->record.wait);
    assert_true(machine == run->record.machine && machine == busy + wait);
    assert_true(builds == run->record.builds && fetches == run->record.fetches);
    if (directed) assert_int_equal(run->record.duplicate_builds, 0);
}

static void test_what_always_holds(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    for (trial = 1; trial <= share_of(ROUNDS); trial++) {
        dice = trial * 7919;
        uint32_t steps = 1 + pick(7), peers = make(&text, steps, false);
        const struct td_policy *policy;
        td_time bound = bound_of(text.bytes, trial);
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct run run, same;
            run_policy(text.bytes, policy->name, trial, &run);
            assert_true(run.record.makespan >= bound);
            check(&run, peers, steps, policy->wake == TD_WAKE_FOR_USE && policy->gives_way == NULL);
            run_policy(text.bytes, policy->name, trial, &same);
            assert_int_equal(run.count, same.count);
            assert_memory_equal(&run.record, &same.record, sizeof run.record);
            run_free(&run);
            run_free(&same);
        }
    }
    finished = true;
}

/* With all that can go wrong: intervals follow each other but for absences, who fails has had a
 * reason, and who neither fails nor leaves for good completes. */
static void check_faulty(const struct run *run, uint32_t peers)
{
    td_sum present = 0;
    uint64_t failures = 0;
    for (size_t i = 0; i < run->count; i++)
        failures += run->intervals[i].outcome == TD_TASK_FAILED;
    assert_int_equal(failures, run->record.failures);
    for (uint32_t peer = 0; peer < peers; peer++) {
        const struct td_peer_record *who = &run->peers[peer];
        td_time at = who->arrival;
        uint32_t gaps = 0;
        for (size_t i = 0; i < run->count; i++) {
            const struct td_interval *interval = &run->intervals[i];
            if (interval->peer != peer) continue;
            assert_true(interval->start >= at && interval->end >= interval->start);
            gaps += interval->start > at;
            at = interval->end;
        }
        assert_true((gaps <= 1 || queued[peer]) && at <= who->completion);
        /* in the end every change that is complete has merged */
        assert_int_equal(who->merged != TD_NOT_MERGED, queued[peer] && who->outcome == TD_PEER_OK);
        assert_true(who->merged == TD_NOT_MERGED || who->merged >= who->completion);
        if (who->outcome == TD_PEER_FAILED) assert_true(failures > 0);
        present += who->busy + who->wait;
    }
    assert_true(present == run->record.machine);
}

static void test_everything_at_once(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    for (trial = 1; trial <= share_of(4 * ROUNDS); trial++) {
        dice = trial * 15485863;
        uint32_t steps = 1 + pick(7), peers = make(&text, steps, true);
        const struct td_policy *policy;
        td_time bound = bound_of(text.bytes, trial);
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct run run, same;
            run_policy(text.bytes, policy->name, trial, &run);
            assert_true(run.record.makespan >= bound);
            check_faulty(&run, peers);
            run_policy(text.bytes, policy->name, trial, &same);
            assert_int_equal(run.count, same.count);
            assert_memory_equal(&run.record, &same.record, sizeof run.record);
            run_free(&run);
            run_free(&same);
        }
    }
    finished = true;
}

static void assert_same(const struct run *one, const struct run *other, uint32_t peers)
{
    assert_int_equal(one->count, other->count);
    assert_memory_equal(&one->record, &other->record, sizeof one->record);
    for (size_t i = 0; i < one->count; i++) {
        const struct td_interval *a = &one->intervals[i], *b = &other->intervals[i];
        assert_true(a->start == b->start && a->end == b->end && a->peer == b->peer &&
                    a->step == b->step && a->kind == b->kind && a->outcome == b->outcome);
    }
    for (uint32_t peer = 0; peer < peers; peer++) {
        const struct td_peer_record *a = &one->peers[peer], *b = &other->peers[peer];
        assert_true(a->arrival == b->arrival && a->completion == b->completion &&
                    a->merged == b->merged && a->outcome == b->outcome);
    }
}

/* A replication is the same whether others went before it in its world, which may begin it from a
 * copy, or it is alone. */
static void test_what_went_before_changes_nothing(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    for (trial = 1; trial <= share_of(2 * ROUNDS); trial++) {
        dice = trial * 1299709;
        uint32_t steps = 1 + pick(7), peers = make(&text, steps, trial % 2 == 0);
        if (pick(2) == 0) learn(&text);
        const struct td_policy *policy;
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct run alone, later;
            run_replication(text.bytes, policy, trial, 4, 4, &alone);
            run_replication(text.bytes, policy, trial, 1, 4, &later);
            assert_same(&alone, &later, peers);
            run_free(&alone);
            run_free(&later);
        }
    }
    finished = true;
}

/* The same however peers arrive: by chance, or so late that their keys in the queue have no room
 * for the times, nor for the ends of what they build. */
static void test_nor_when_peers_come(void **state)
{
    (void)state;
    static struct text text;
    static const char *const arrivals[] = {
        "\"100h\"", "{\"every\":\"2000h\"}", "{\"poisson\":{\"per_hour\":0.01}}",
        "{\"exponential\":{\"mean\":\"2000h\"}}",
        "{\"shifted\":{\"by\":\"1h\",\"of\":{\"uniform\":{\"min\":0,\"max\":\"1h\"}}}}"};
    const struct td_policy *policy;
    for (size_t k = 0; k < sizeof arrivals / sizeof *arrivals; k++) {
        text.length = 0;
        add(&text,
            "{\"name\":\"n\",\"schema\":{\"id\":\"s\",\"universe\":\"//...\",\"steps\":{"
            "\"a\":\"//a/...\",\"b\":\"//b/...\"}},\"steps\":{\"default\":{\"build\":{"
            "\"uniform\":{\"min\":\"100h\",\"max\":\"60000h\"}},\"fetch\":\"9000h\"}},"
            "\"peers\":[{\"name\":\"p\",\"count\":30,\"arrival\":%s,\"cache_id\":\"c\","
            "\"repository\":\"r\",\"base_ref\":\"m\",\"pipeline\":\"p\"}],"
            "\"policies\":[\"directed\"]}",
            arrivals[k]);
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct run alone, later;
            run_replication(text.bytes, policy, 1, 4, 4, &alone);
            run_replication(text.bytes, policy, 1, 1, 4, &later);
            assert_same(&alone, &later, 30);
            run_free(&alone);
            run_free(&later);
        }
    }
}

/* Nor does it when a first order ends at once, so that a beginning is taken back, though attempts
 * are counted. */
static void test_nor_when_orders_end_at_once(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"n\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a/...\",\"b\":"
        "\"//b/...\"}},\"steps\":{\"default\":{\"build\":{\"empirical\":{\"values\":[0,3,5]}},"
        "\"fetch\":1,\"flaky\":0.5}},\"retries\":9,\"peers\":[{\"count\":3}],\"policies\":["
        "\"directed\"]}";
    const struct td_policy *policy;
    finished = false;
    for (trial = 1; trial <= 40; trial++)
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct run alone, later;
            uint32_t last = 2 + (uint32_t)trial % 2;
            run_replication(text, policy, trial, last, last, &alone);
            run_replication(text, policy, trial, 1, last, &later);
            assert_same(&alone, &later, 3);
            run_free(&alone);
            run_free(&later);
        }
    finished = true;
}

/* Which waiting peers are woken is the engine's business: waking all at every change gives the same
 * run. */
static void test_narrow_wakes_change_nothing(void **state)
{
    (void)state;
    static struct text text;
    finished = false;
    for (trial = 1; trial <= share_of(ROUNDS); trial++) {
        dice = trial * 104729;
        uint32_t steps = 1 + pick(7);
        uint32_t peers = make(&text, steps, trial % 2 == 0);
        const struct td_policy *policy;
        for (size_t i = 0; (policy = td_policy_at(i)) != NULL; i++) {
            struct td_policy generous = *policy;
            generous.wake = TD_WAKE_ALL;
            struct run narrow, wide;
            run_policy(text.bytes, policy->name, trial, &narrow);
            run_with(text.bytes, &generous, trial, &wide);
            assert_same(&narrow, &wide, peers);
            run_free(&narrow);
            run_free(&wide);
        }
    }
    finished = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_always_holds, tell_seed),
        cmocka_unit_test_teardown(test_everything_at_once, tell_seed),
        cmocka_unit_test_teardown(test_what_went_before_changes_nothing, tell_seed),
        cmocka_unit_test(test_nor_when_peers_come),
        cmocka_unit_test_teardown(test_nor_when_orders_end_at_once, tell_seed),
        cmocka_unit_test_teardown(test_narrow_wakes_change_nothing, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
