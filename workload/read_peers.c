/* Groups of peers, and the peers that they stand for. */
#include "base/assert.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SMALLEST_SPEED 1e-6
#define LARGEST_SPEED 1e6

enum {
    NAME,
    COUNT,
    ARRIVAL,
    SPEED,
    CACHE_ID,
    REPOSITORY,
    BASE_REF,
    PIPELINE,
    PIPELINE_TYPE,
    TOUCHES,
    PUBLISHES,
    KEEPS,
    BREAKS,
    LEAVES,
    RETURNS,
    SLOW
};
static const struct td_key_spec keys[] = {
    [NAME] = {"name", TD_KEY_OPTIONAL},
    [COUNT] = {"count", TD_KEY_OPTIONAL},
    [ARRIVAL] = {"arrival", TD_KEY_OPTIONAL},
    [SPEED] = {"speed", TD_KEY_OPTIONAL},
    [CACHE_ID] = {"cache_id", TD_KEY_OPTIONAL},
    [REPOSITORY] = {"repository", TD_KEY_OPTIONAL},
    [BASE_REF] = {"base_ref", TD_KEY_OPTIONAL},
    [PIPELINE] = {"pipeline", TD_KEY_OPTIONAL},
    [PIPELINE_TYPE] = {"pipeline_type", TD_KEY_OPTIONAL},
    [TOUCHES] = {"touches", TD_KEY_OPTIONAL},
    [PUBLISHES] = {"publishes", TD_KEY_OPTIONAL},
    [KEEPS] = {"keeps", TD_KEY_OPTIONAL},
    [BREAKS] = {"breaks", TD_KEY_OPTIONAL},
    [LEAVES] = {"leaves", TD_KEY_OPTIONAL},
    [RETURNS] = {"returns", TD_KEY_OPTIONAL},
    [SLOW] = {"slow", TD_KEY_OPTIONAL},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static bool read_pipeline_type(const struct td_reader *r, uint32_t node, bool *dependent)
{
    static const char what[] = "\"independent\" or \"dependent\"";
    char quote[TD_QUOTE_SIZE];
    if (node == TD_JSON_NONE) return true;
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    *dependent = strcmp(text, "dependent") == 0;
    if (*dependent || strcmp(text, "independent") == 0) return true;
    return td_reader_fail(r, node, "must be %s, not %s", what, td_text_quote(text, quote));
}

/* The members of an object by step; none where the group leaves it out. */
static bool check_steps(const struct td_reader *r, uint32_t node, const char *what, uint32_t *count)
{
    *count = 0;
    if (node == TD_JSON_NONE) return true;
    if (td_json_type(r->json, node) != TD_JSON_OBJECT) return td_reader_wrong_type(r, node, what);
    *count = td_json_count(r->json, node);
    return true;
}

static bool read_touches(const struct td_reader *r, uint32_t node,
                         const struct td_scenario *scenario, const struct td_names *steps,
                         struct td_touch *touches, struct td_group_spec *group)
{
    if (node == TD_JSON_NONE) return true;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        struct td_touch *touch = &touches[group->touch_count++];
        if (!td_read_step_id(r, child, TD_JSON_KEY, scenario, steps, &touch->step)) return false;
        /* The smallest number above 0, since bounds are inclusive. */
        if (!td_read_number(r, child, 0x1p-1074, 1, "a fraction above 0, at most 1",
                            &touch->fraction))
            return false;
    }
    return true;
}

/* A step that the group's changes may break and that `touches` leaves out they touch wholly. */
static bool read_breaks(const struct td_reader *r, uint32_t node,
                        const struct td_scenario *scenario, const struct td_names *steps,
                        struct td_break *breaks, struct td_touch *touches,
                        struct td_group_spec *group)
{
    struct td_names touched;
    if (node == TD_JSON_NONE) return true;
    if (!td_names_create(&touched, r->arena, (uint32_t)group->touch_count))
        return td_reader_no_memory(r);
    for (uint32_t i = 0; i < group->touch_count; i++)
        (void)td_names_add(&touched, scenario->steps[touches[i].step].id, i);
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        struct td_break *it = &breaks[group->break_count++];
        if (!td_read_step_id(r, child, TD_JSON_KEY, scenario, steps, &it->step)) return false;
        if (!td_read_number(r, child, 0, 1, "a probability from 0 to 1", &it->probability))
            return false;
        if (td_names_find(&touched, scenario->steps[it->step].id) == TD_NAME_NONE)
            touches[group->touch_count++] = (struct td_touch){.step = it->step, .fraction = 1};
    }
    return true;
}

static bool read_change(const struct td_reader *r, const uint32_t *found,
                        const struct td_scenario *scenario, const struct td_names *steps,
                        struct td_group_spec *group)
{
    uint32_t touch_count, break_count;
    if (!check_steps(r, found[TOUCHES], "an object of steps and fractions", &touch_count) ||
        !check_steps(r, found[BREAKS], "an object of steps and probabilities", &break_count))
        return false;
    struct td_touch *touches =
        td_arena_array(r->arena, (size_t)touch_count + break_count, sizeof *touches);
    struct td_break *breaks = td_arena_array(r->arena, break_count, sizeof *breaks);
    if (touches == NULL || breaks == NULL) return td_reader_no_memory(r);
    group->touches = touches;
    group->breaks = breaks;
    return read_touches(r, found[TOUCHES], scenario, steps, touches, group) &&
           read_breaks(r, found[BREAKS], scenario, steps, breaks, touches, group);
}

static bool read_absence(const struct td_reader *r, const uint32_t *found,
                         struct td_group_spec *group)
{
    if (found[LEAVES] == TD_JSON_NONE && found[RETURNS] != TD_JSON_NONE)
        return td_reader_fail_key(r, found[RETURNS],
                                  "nobody returns without leaving: add \"leaves\", or remove "
                                  "\"returns\"");
    if (found[LEAVES] != TD_JSON_NONE && !td_read_duration(r, found[LEAVES], &group->leaves))
        return false;
    return found[RETURNS] == TD_JSON_NONE || td_read_duration(r, found[RETURNS], &group->returns);
}

/* The longest build or overhead at a speed of 1, by its mean; one without a finite mean counts
 * not. */
static double longest_task(const struct td_scenario *scenario)
{
    double longest = 0, overhead = td_dist_mean(scenario->overhead),
           rest = td_dist_mean(scenario->rest_build);
    if (isfinite(overhead)) longest = overhead;
    if (isfinite(rest)) longest = fmax(longest, rest);
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct td_step_spec *step = &scenario->steps[i];
        double mean = td_dist_mean(step->build);
        if (step->factor != NULL) mean *= td_dist_mean(step->factor);
        if (isfinite(mean)) longest = fmax(longest, mean);
    }
    return longest;
}

static bool read_slow(const struct td_reader *r, uint32_t node, double longest,
                      struct td_group_spec *group)
{
    static const struct td_key_spec specs[] = {
        {"after", TD_KEY_REQUIRED}, {"for", TD_KEY_REQUIRED}, {"factor", TD_KEY_REQUIRED}};
    uint32_t found[3];
    if (!td_read_keys(r, node, specs, 3, found)) return false;
    struct td_slow *slow = td_arena_alloc(r->arena, sizeof *slow);
    if (slow == NULL) return td_reader_no_memory(r);
    group->slow = slow;
    if (!td_read_duration(r, found[0], &slow->after) ||
        !td_read_duration(r, found[1], &slow->length) ||
        !td_read_number(r, found[2], SMALLEST_SPEED, LARGEST_SPEED,
                        "a number above 0 (1e-6 to 1e6)", &slow->factor))
        return false;
    return longest / (group->speed * slow->factor) <= TD_LATEST_NS ||
           td_reader_fail(r, found[2],
                          "makes of the speed %g one at which the longest build takes more than "
                          "100 years in the mean: write a factor nearer to 1",
                          group->speed);
}

static bool read_flag(const struct td_reader *r, uint32_t node, bool *out)
{
    *out = true;
    return node == TD_JSON_NONE || td_read_bool(r, node, out);
}

static bool read_speed(const struct td_reader *r, uint32_t node, double longest,
                       struct td_group_spec *group)
{
    group->speed = 1;
    if (node == TD_JSON_NONE) return true;
    if (!td_read_number(r, node, SMALLEST_SPEED, LARGEST_SPEED, "a number above 0 (1e-6 to 1e6)",
                        &group->speed))
        return false;
    return longest / group->speed <= TD_LATEST_NS ||
           td_reader_fail(r, node,
                          "is a speed at which the longest build takes more than 100 years in the "
                          "mean: raise it");
}

static bool read_group(const struct td_reader *r, uint32_t node, const struct td_scenario *scenario,
                       double longest, const struct td_names *steps, struct td_group_spec *group)
{
    uint32_t found[KEY_COUNT];
    const struct {
        int key;
        const char **text;
    } names[] = {
        {NAME, &group->name},
        {CACHE_ID, &group->cache_id},
        {REPOSITORY, &group->repository},
        {BASE_REF, &group->base_ref},
        {PIPELINE, &group->pipeline},
    };
    if (!td_read_keys(r, node, keys, KEY_COUNT, found)) return false;
    group->name = "peer";
    group->count = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (found[names[i].key] != TD_JSON_NONE &&
            !td_read_name(r, found[names[i].key], names[i].text))
            return false;
    if (found[COUNT] != TD_JSON_NONE) {
        double count;
        if (!td_read_whole(r, found[COUNT], 0, TD_MAX_PEERS, "a whole number from 0 to 1000000",
                           &count))
            return false;
        group->count = (uint32_t)count;
    }
    if (!read_speed(r, found[SPEED], longest, group)) return false;
    if (!read_pipeline_type(r, found[PIPELINE_TYPE], &group->dependent)) return false;
    if (!read_change(r, found, scenario, steps, group)) return false;
    if (!read_flag(r, found[PUBLISHES], &group->publishes) ||
        !read_flag(r, found[KEEPS], &group->keeps) || !read_absence(r, found, group))
        return false;
    if (found[SLOW] != TD_JSON_NONE && !read_slow(r, found[SLOW], longest, group)) return false;
    return td_read_arrival(r, found[ARRIVAL], found[COUNT], group);
}

static bool name_peer(const struct td_reader *r, uint32_t node, const struct td_group_spec *group,
                      struct td_peer_spec *peer)
{
    char quote[TD_QUOTE_SIZE];
    peer->name = group->count == 1
                     ? group->name
                     : td_arena_format(r->arena, "%s-%u", group->name, peer->index + 1);
    if (peer->name == NULL) return td_reader_no_memory(r);
    if (td_text_printable_length(peer->name) <= 128) return true;
    return td_reader_fail(r, node,
                          "the peer name %s has more than 128 characters with its number: "
                          "shorten it",
                          td_text_quote(peer->name, quote));
}

static uint32_t member(const struct td_reader *r, uint32_t object, const char *key)
{
    uint32_t child = TD_JSON_NONE;
    if (td_json_type(r->json, object) == TD_JSON_OBJECT) child = td_json_first(r->json, object);
    while (child != TD_JSON_NONE && strcmp(td_json_key(r->json, child), key) != 0)
        child = td_json_next(r->json, child);
    return child;
}

/* Where a group's name stands, or the group itself if it has none. */
static uint32_t name_node(const struct td_reader *r, uint32_t group)
{
    uint32_t name = member(r, group, "name");
    return name == TD_JSON_NONE ? group : name;
}

/* The place of the first "times" or "count" that leaves a group empty. */
static bool nobody(const struct td_reader *r, uint32_t node)
{
    uint32_t group = td_json_first(r->json, node);
    uint32_t arrival = member(r, group, "arrival"), times = TD_JSON_NONE;
    if (arrival != TD_JSON_NONE) times = member(r, arrival, "times");
    if (times != TD_JSON_NONE)
        return td_reader_fail(r, times,
                              "is empty, so that there are no peers: write at least one time");
    return td_reader_fail(r, member(r, group, "count"),
                          "is 0 as in all groups, so that there are no peers: give one of them "
                          "a \"count\" of 1 or more");
}

static bool expand(const struct td_reader *r, uint32_t node, const struct td_group_spec *groups,
                   uint32_t peer_count, struct td_scenario *scenario)
{
    char quote[TD_QUOTE_SIZE];
    struct td_names names;
    struct td_peer_spec *peers = td_arena_array(r->arena, peer_count, sizeof *peers);
    if (peers == NULL || !td_names_create(&names, r->arena, peer_count))
        return td_reader_no_memory(r);
    uint32_t peer = 0, group = 0;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child), group++) {
        for (uint32_t i = 0; i < groups[group].count; i++, peer++) {
            peers[peer] = (struct td_peer_spec){.group = group, .index = i};
            if (!name_peer(r, name_node(r, child), &groups[group], &peers[peer])) return false;
            if (td_names_add(&names, peers[peer].name, peer) != TD_NAME_NONE)
                return td_reader_fail(
                    r, name_node(r, child),
                    "two peers are named %s: give each group a \"name\" of its own",
                    td_text_quote(peers[peer].name, quote));
        }
    }
    TD_ASSERT(peer == peer_count);
    scenario->peers = peers;
    scenario->peer_count = peer_count;
    return true;
}

bool td_read_peers(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                   const struct td_names *steps)
{
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of peer groups");
    uint32_t count = td_json_count(r->json, node), peer_count = 0, group = 0;
    if (count == 0) return td_reader_fail(r, node, "there are no peers: add a group, at least {}");
    double longest = longest_task(scenario);
    struct td_group_spec *groups = td_arena_array(r->arena, count, sizeof *groups);
    if (groups == NULL) return td_reader_no_memory(r);
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child), group++) {
        if (!read_group(r, child, scenario, longest, steps, &groups[group])) return false;
        peer_count += groups[group].count;
        if (peer_count > TD_MAX_PEERS)
            return td_reader_fail(r, child, "the groups have more than %u peers: make fewer",
                                  TD_MAX_PEERS);
    }
    if (peer_count == 0) return nobody(r, node);
    scenario->groups = groups;
    scenario->group_count = count;
    return expand(r, node, groups, peer_count, scenario);
}
