/* Groups of peers, and the peers that they stand for. */
#include "base/assert.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <stdio.h>
#include <string.h>

#define LARGEST_SPEED 1e300

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
    TOUCHES
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
    {"publishes", TD_KEY_LATER},
    {"keeps", TD_KEY_LATER},
    {"breaks", TD_KEY_LATER},
    {"leaves", TD_KEY_LATER},
    {"returns", TD_KEY_LATER},
    {"slow", TD_KEY_LATER},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static bool read_pipeline_type(const struct td_reader *r, uint32_t node)
{
    static const char what[] = "\"independent\"";
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    if (strcmp(text, "independent") == 0) return true;
    if (strcmp(text, "dependent") == 0)
        return td_reader_fail(r, node,
                              "the pipeline type \"dependent\" is not supported yet: "
                              "write \"independent\"");
    return td_reader_fail(r, node, "must be %s, not %s", what, td_text_quote(text, quote));
}

static bool read_touches(const struct td_reader *r, uint32_t node,
                         const struct td_scenario *scenario, const struct td_names *steps,
                         struct td_group_spec *group)
{
    if (td_json_type(r->json, node) != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node, "an object of steps and fractions");
    uint32_t count = td_json_count(r->json, node);
    struct td_touch *touches = td_arena_array(r->arena, count, sizeof *touches);
    if (touches == NULL) return td_reader_no_memory(r);
    group->touches = touches;
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

static bool read_group(const struct td_reader *r, uint32_t node, const struct td_scenario *scenario,
                       const struct td_names *steps, struct td_group_spec *group)
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
    group->speed = 1;
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
    if (found[SPEED] != TD_JSON_NONE && !td_read_number(r, found[SPEED], 0x1p-1074, LARGEST_SPEED,
                                                        "a number above 0", &group->speed))
        return false;
    if (found[PIPELINE_TYPE] != TD_JSON_NONE && !read_pipeline_type(r, found[PIPELINE_TYPE]))
        return false;
    if (found[TOUCHES] != TD_JSON_NONE && !read_touches(r, found[TOUCHES], scenario, steps, group))
        return false;
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

/* Where a group's name stands, or the group itself if it has none. */
static uint32_t name_node(const struct td_reader *r, uint32_t group)
{
    for (uint32_t child = td_json_first(r->json, group); child != TD_JSON_NONE;
         child = td_json_next(r->json, child))
        if (strcmp(td_json_key(r->json, child), "name") == 0) return child;
    return group;
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
    struct td_group_spec *groups = td_arena_array(r->arena, count, sizeof *groups);
    if (groups == NULL) return td_reader_no_memory(r);
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child), group++) {
        if (!read_group(r, child, scenario, steps, &groups[group])) return false;
        peer_count += groups[group].count;
        if (peer_count > TD_MAX_PEERS)
            return td_reader_fail(r, child, "the groups have more than %u peers: make fewer",
                                  TD_MAX_PEERS);
    }
    if (peer_count == 0)
        return td_reader_fail(r, node, "all groups have a \"count\" of 0: give one of them peers");
    scenario->groups = groups;
    scenario->group_count = count;
    return expand(r, node, groups, peer_count, scenario);
}
