#include "support.h"

#include "sim/bound.h"

uint64_t dice;

uint32_t pick(uint32_t below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((dice >> 33) % below);
}

uint64_t trial;
bool finished;

int tell_seed(void **state)
{
    (void)state;
    if (!finished) print_message("it fails with seed %llu\n", (unsigned long long)trial);
    return 0;
}

void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int written =
        vsnprintf(text->bytes + text->length, sizeof text->bytes - text->length, format, args);
    va_end(args);
    assert_true(written >= 0 && text->length + (size_t)written < sizeof text->bytes);
    text->length += (size_t)written;
}

void begin_scenario(struct text *text, uint32_t steps)
{
    text->length = 0;
    add(text, "{\"name\":\"x\",\"policies\":[\"directed\"],\"schema\":{\"universe\":\"//...\","
              "\"steps\":{");
    for (uint32_t s = 0; s < steps; s++)
        add(text, "%s\"s%u\":\"//s%u\"", s == 0 ? "" : ",", s, s);
    add(text, "}}");
}

static void keep_interval(void *context, const struct td_interval *interval)
{
    struct run *run = context;
    if (run->count == run->capacity) {
        run->capacity = 2 * run->capacity + 64;
        run->intervals = realloc(run->intervals, run->capacity * sizeof *run->intervals);
        assert_non_null(run->intervals);
    }
    run->intervals[run->count++] = *interval;
}

static void keep_peer(void *context, uint32_t peer, const struct td_peer_record *record)
{
    struct run *run = context;
    if (peer < sizeof run->peers / sizeof *run->peers) run->peers[peer] = *record;
}

static void run_recorded(const char *text, const struct td_policy *policy, uint64_t seed,
                         uint32_t first, uint32_t last, const struct td_recorder *recorder,
                         struct run *run)
{
    struct td_error error;
    struct td_scenario *scenario = scenario_from(text);
    struct td_plan *plan = td_plan_create(scenario, &error);
    assert_non_null(plan);
    struct td_world *world = td_world_create(plan, policy, seed, &error);
    assert_non_null(world);
    memset(run, 0, sizeof *run);
    for (uint32_t replication = first; replication <= last; replication++) {
        free(run->intervals);
        memset(run, 0, sizeof *run);
        if (!td_world_run(world, replication, recorder, NULL, NULL, &run->record, &error))
            fail_msg("%s", error.text);
    }
    td_world_destroy(world);
    td_plan_destroy(plan);
    td_scenario_destroy(scenario);
}

void run_replication(const char *text, const struct td_policy *policy, uint64_t seed,
                     uint32_t first, uint32_t last, struct run *run)
{
    const struct td_recorder recorder = {run, keep_interval, keep_peer};
    run_recorded(text, policy, seed, first, last, &recorder, run);
}

void run_without_intervals(const char *text, const struct td_policy *policy, uint64_t seed,
                           uint32_t first, uint32_t last, struct run *run)
{
    const struct td_recorder recorder = {run, NULL, keep_peer};
    run_recorded(text, policy, seed, first, last, &recorder, run);
}

void run_with(const char *text, const struct td_policy *policy, uint64_t seed, struct run *run)
{
    run_replication(text, policy, seed, 1, 1, run);
}

void run_policy(const char *text, const char *policy, uint64_t seed, struct run *run)
{
    const struct td_policy *found = td_policy_find(policy);
    assert_non_null(found);
    run_with(text, found, seed, run);
}

td_time bound_of(const char *text, uint64_t seed)
{
    struct td_error error;
    struct td_scenario *scenario = scenario_from(text);
    struct td_plan *plan = td_plan_create(scenario, &error);
    assert_non_null(plan);
    struct td_bound *bound = td_bound_create(plan, seed, &error);
    assert_non_null(bound);
    td_time least;
    if (!td_bound_find(bound, 1, &least, &error)) fail_msg("%s", error.text);
    td_bound_destroy(bound);
    td_plan_destroy(plan);
    td_scenario_destroy(scenario);
    return least;
}

void run_free(struct run *run)
{
    free(run->intervals);
}

void run_text(const struct run *run, uint32_t peer, char *out, size_t size)
{
    static const char kinds[] = "bfwo", outcomes[] = {0, 'd', 'f', 'a'};
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < run->count; i++) {
        const struct td_interval *interval = &run->intervals[i];
        if (interval->peer != peer) continue;
        char step[16] = "";
        if (interval->step == TD_RECORD_REST)
            (void)snprintf(step, sizeof step, "*");
        else if (interval->step != TD_RECORD_NO_STEP)
            (void)snprintf(step, sizeof step, "%u", interval->step);
        int written = snprintf(out + at, size - at, "%s%c%s[%g,%g]%.1s", at == 0 ? "" : " ",
                               kinds[interval->kind], step, (double)interval->start * 1e-9,
                               (double)interval->end * 1e-9, &outcomes[interval->outcome]);
        assert_true(written > 0 && (size_t)written < size - at);
        at += (size_t)written;
    }
}
