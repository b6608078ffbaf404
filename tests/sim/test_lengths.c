/* What a build or a fetch takes is the sample of its draw, however many are drawn at once: all of a
 * replication where steps are few, eight where peers are few, else one by one. */
#include "support.h"

#include "workload/sampler.h"

#include <math.h>

/* Exponential means, in seconds: of each step 1 + its index to build, half of that to fetch. */
static void make(struct text *text, uint32_t peers, uint32_t steps, const char *rest)
{
    begin_scenario(text, steps);
    add(text, ",\"rest\":%s,\"steps\":{\"default\":{\"build\":0,\"fetch\":0}", rest);
    for (uint32_t s = 0; s < steps; s++)
        add(text,
            ",\"s%u\":{\"build\":{\"exponential\":{\"mean\":%u}},\"fetch\":{\"exponential\":{"
            "\"mean\":%u.5}}}",
            s, 1 + s, s);
    add(text, "},\"peers\":[{\"name\":\"q\",\"count\":%u}]}", peers);
}

static void check(const struct td_interval *interval, uint32_t steps, uint32_t replication,
                  const double rest[2])
{
    bool build = interval->kind == TD_KIND_BUILD, is_rest = interval->step == TD_RECORD_REST;
    if (!build && interval->kind != TD_KIND_FETCH) return;
    double mean = build ? 1 + interval->step : interval->step + 0.5;
    const struct td_dist dist = {.kind = TD_DIST_EXPONENTIAL,
                                 .parameter = {1e9 * (is_rest ? rest[build] : mean)}};
    const struct td_draw draw = {.seed = 9,
                                 .replication = replication,
                                 .peer = interval->peer,
                                 .step = is_rest ? steps : interval->step,
                                 .purpose = build ? TD_DRAW_BUILD : TD_DRAW_FETCH};
    td_time should = td_round_ns(td_sample(&dist, &draw));
    if (is_rest && rest[build] == 0) should = 0;
    if (interval->end - interval->start != should)
        fail_msg("peer %u, step %u, %s: %lld ns, not %lld", interval->peer, interval->step,
                 build ? "build" : "fetch", (long long)(interval->end - interval->start),
                 (long long)should);
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double means[2]; /* of a fetch, of a build */
    } rests[] = {
        {"{\"build\":0,\"fetch\":0}", {0, 0}},
        {"{\"build\":{\"exponential\":{\"mean\":4}},\"fetch\":0}", {0, 4}},
        {"{\"build\":0,\"fetch\":{\"exponential\":{\"mean\":3}}}", {3, 0}},
        {"{\"build\":{\"exponential\":{\"mean\":4}},\"fetch\":{\"exponential\":{\"mean\":3}}}",
         {3, 4}},
    };
    static const uint32_t sizes[][2] = {{1, 1},  {3, 1},  {3, 6},  {5, 7},  {64, 7}, {3, 8},
                                        {4, 16}, {9, 17}, {64, 9}, {65, 7}, {70, 20}};
    static struct text text;
    for (size_t r = 0; r < sizeof rests / sizeof *rests; r++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint32_t peers = sizes[i][0], steps = sizes[i][1], last = 1 + (uint32_t)i % 4;
            struct run run;
            make(&text, peers, steps, rests[r].text);
            run_replication(text.bytes, td_policy_find("directed"), 9, 1, last, &run);
            assert_true(run.count >= peers * (steps + (size_t)1));
            for (size_t k = 0; k < run.count; k++)
                check(&run.intervals[k], steps, last, rests[r].means);
            run_free(&run);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
