/* When the peers of a group arrive. */
#include "workload/reader_internal.h"
#include "workload/sampler.h"

#include <string.h>

#define NS_PER_HOUR 3.6e12

static bool read_times(const struct td_reader *r, uint32_t node, uint32_t count_node,
                       struct td_group_spec *group)
{
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of times");
    uint32_t count = td_json_count(r->json, node);
    if (count > TD_MAX_PEERS)
        return td_reader_fail(r, node, "has %u times: at most %u peers are possible", count,
                              TD_MAX_PEERS);
    if (count_node != TD_JSON_NONE && group->count != count)
        return td_reader_fail(r, count_node,
                              "is %u, but \"times\" has %u: make them agree or "
                              "leave \"count\" out",
                              group->count, count);
    td_time *times = td_arena_array(r->arena, count, sizeof *times);
    if (times == NULL) return td_reader_no_memory(r);
    group->count = 0;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        double ns;
        if (!td_read_time(r, child, false, &ns)) return false;
        times[group->count++] = td_round_ns(ns);
    }
    group->arrival_form = TD_ARRIVAL_TIMES;
    group->arrival_times = times;
    return true;
}

static bool read_every(const struct td_reader *r, uint32_t node, struct td_group_spec *group)
{
    group->arrival_form = TD_ARRIVAL_EVERY;
    if (!td_read_duration(r, node, &group->arrival)) return false;
    if (group->arrival->kind != TD_DIST_CONSTANT)
        return td_reader_fail(r, node,
                              "must be a constant time, not a distribution: for random gaps "
                              "write {\"poisson\": {\"per_hour\": 20}}");
    if (group->count == 0 || td_dist_mean(group->arrival) * (group->count - 1) <= TD_LATEST_NS)
        return true;
    return td_reader_fail(r, node,
                          "brings the last of %u peers after more than 100 years: write less, "
                          "or lower the \"count\"",
                          group->count);
}

static bool read_poisson(const struct td_reader *r, uint32_t node, struct td_group_spec *group)
{
    static const struct td_key_spec specs[] = {{"per_hour", TD_KEY_REQUIRED}};
    uint32_t found[1];
    double per_hour;
    if (!td_read_keys(r, node, specs, 1, found)) return false;
    /* From one arrival in a year, so that the mean gap is a time, to some in a nanosecond. */
    if (!td_read_number(r, found[0], 1e-4, 1e15,
                        "a number of arrivals above 0 (1e-4 to 1e15 an hour)", &per_hour))
        return false;
    if (NS_PER_HOUR / per_hour * group->count > TD_LATEST_NS)
        return td_reader_fail(r, found[0],
                              "brings the last of %u peers after more than 100 years in the "
                              "mean: write more, or lower the \"count\"",
                              group->count);
    struct td_dist *gap = td_arena_alloc(r->arena, sizeof *gap);
    if (gap == NULL) return td_reader_no_memory(r);
    gap->kind = TD_DIST_EXPONENTIAL;
    gap->parameter[0] = NS_PER_HOUR / per_hour;
    group->arrival_form = TD_ARRIVAL_POISSON;
    group->arrival = gap;
    return true;
}

bool td_read_arrival(const struct td_reader *r, uint32_t node, uint32_t count_node,
                     struct td_group_spec *group)
{
    static const char *const forms[] = {"every", "poisson", "times"};
    group->arrival_form = TD_ARRIVAL_DRAWN;
    if (node == TD_JSON_NONE) {
        group->arrival = td_dist_constant(r, 0);
        return group->arrival != NULL;
    }
    static const char shape[] =
        "an arrival: {\"every\": TIME}, {\"poisson\": {\"per_hour\": NUMBER}}, {\"times\": [TIME, "
        "...]}, or a duration (a number of seconds, a text such as \"90s\" or \"1h30m\", or an "
        "object with one distribution)";
    enum td_json_type type = td_json_type(r->json, node);
    if (type == TD_JSON_NUMBER || type == TD_JSON_STRING)
        return td_read_duration(r, node, &group->arrival);
    if (type != TD_JSON_OBJECT) return td_reader_wrong_type(r, node, shape);
    uint32_t child = td_json_first(r->json, node);
    if (child == TD_JSON_NONE) return td_reader_fail(r, node, "is empty: write %s", shape);
    const char *form = td_json_key(r->json, child);
    if (td_is_distribution(form)) return td_read_duration(r, node, &group->arrival);
    bool every = strcmp(form, "every") == 0, poisson = strcmp(form, "poisson") == 0;
    if (!every && !poisson && strcmp(form, "times") != 0)
        return td_reader_unknown_distribution(r, child, forms, sizeof forms / sizeof *forms);
    uint32_t second = td_json_next(r->json, child);
    if (second != TD_JSON_NONE)
        return td_reader_fail_key(r, second, "is one key too many: \"%s\" stands alone", form);
    if (every) return read_every(r, child, group);
    return poisson ? read_poisson(r, child, group) : read_times(r, child, count_node, group);
}

/* The arrivals of one group, the first of whose peers has the place `first` in the scenario. */
static bool group_arrivals(const struct td_group_spec *group, uint32_t first, uint64_t seed,
                           uint32_t replication, td_time *out)
{
    struct td_draw draw = {.seed = seed, .replication = replication, .purpose = TD_DRAW_ARRIVAL};
    td_time every = 0, at = 0;
    if (group->arrival_form == TD_ARRIVAL_EVERY) every = td_round_ns(td_dist_mean(group->arrival));
    for (uint32_t i = 0; i < group->count; i++) {
        draw.peer = first + i;
        switch (group->arrival_form) {
        case TD_ARRIVAL_DRAWN:
            at = td_round_ns(td_sample(group->arrival, &draw));
            break;
        case TD_ARRIVAL_EVERY:
            at = i == 0 ? 0 : at + every;
            break;
        case TD_ARRIVAL_POISSON:
            at += td_round_ns(td_sample(group->arrival, &draw));
            break;
        case TD_ARRIVAL_TIMES:
            at = group->arrival_times[i];
            break;
        }
        if (at > TD_TIME_MAX) return false; /* and the next sum cannot wrap */
        out[i] = at;
    }
    return true;
}

bool td_scenario_arrivals(const struct td_scenario *scenario, uint64_t seed, uint32_t replication,
                          td_time *out, struct td_error *error)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < scenario->group_count; i++) {
        const struct td_group_spec *group = &scenario->groups[i];
        if (!group_arrivals(group, first, seed, replication, out + first))
            return td_error_set(error, TD_FAULT_RUN,
                                "%s: $.peers[%u].arrival: in replication %u a peer arrives later "
                                "than after 146 years: make the arrivals earlier",
                                scenario->path, i, replication);
        first += group->count;
    }
    return true;
}
