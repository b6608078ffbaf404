#include "live/bazel.h"
#include "live/crew_internal.h"
#include "live/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder or program of the scenario's "live", as an absolute path. */
static bool resolve(const struct td_scenario *scenario, const char *key, const char *path,
                    char out[static PATH_MAX], struct td_error *error)
{
    return realpath(path, out) != NULL ||
           td_error_set(error, TD_FAULT_INPUT, "%s: $.live.%s: %s: %s: name what is there",
                        scenario->path, key, path, strerror(errno));
}

static bool refuse(const struct td_scenario *scenario, struct td_error *error, const char *place,
                   const char *key)
{
    return td_error_set(error, TD_FAULT_INPUT,
                        "%s: %s.%s: peers that really build cannot play this, since their builds "
                        "take and do what they do: remove it, or run with the executor \"sleep\" "
                        "or without --live",
                        scenario->path, place, key);
}

static bool group_can(const struct td_scenario *scenario, uint32_t g, struct td_error *error)
{
    const struct td_group_spec *group = &scenario->groups[g];
    const struct {
        const char *key;
        bool given;
    } unplayable[] = {
        {"pipeline_type", group->dependent}, {"speed", group->speed < 1 || group->speed > 1},
        {"breaks", group->break_count > 0},  {"touches", group->touch_count > 0},
        {"leaves", group->leaves != NULL},   {"slow", group->slow != NULL},
    };
    char place[32];
    (void)snprintf(place, sizeof place, "$.peers[%u]", g);
    for (size_t i = 0; i < sizeof unplayable / sizeof *unplayable; i++)
        if (unplayable[i].given) return refuse(scenario, error, place, unplayable[i].key);
    return true;
}

static bool step_can(const struct td_scenario *scenario, const struct td_step_spec *step,
                     struct td_error *error)
{
    const struct {
        const char *key;
        bool given;
    } unplayable[] = {
        {"hit_rate", step->hit_rate < 1}, {"flaky", step->flaky > 0}, {"broken", step->broken > 0}};
    char place[600];
    (void)snprintf(place, sizeof place, "$.steps[\"%s\"]", step->id);
    for (size_t i = 0; i < sizeof unplayable / sizeof *unplayable; i++)
        if (unplayable[i].given) return refuse(scenario, error, place, unplayable[i].key);
    return true;
}

/* Options that are the crew's own: with them no run would start from an empty cache. */
static bool arguments_can(const struct td_scenario *scenario, struct td_error *error)
{
    static const char *const ours[] = {"--disk_cache", "--remote_cache", "--build_event_json_file"};
    const struct td_live_spec *live = scenario->live;
    for (size_t i = 0; i < live->bazel_arg_count; i++)
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
            if (strncmp(live->bazel_args[i], ours[k], strlen(ours[k])) == 0)
                return td_error_set(error, TD_FAULT_INPUT,
                                    "%s: $.live.bazel_args[%zu]: %s is set by each run itself: "
                                    "remove it%s",
                                    scenario->path, i, ours[k],
                                    k < 2 ? ", and name the cache in $.live.cache" : "");
    return true;
}

bool td_crew_can(const struct td_scenario *scenario, struct td_error *error)
{
    const struct td_live_spec *live = scenario->live;
    char path[PATH_MAX];
    for (uint32_t g = 0; g < scenario->group_count; g++)
        if (!group_can(scenario, g, error)) return false;
    for (uint32_t s = 0; s < scenario->step_count; s++)
        if (!step_can(scenario, &scenario->steps[s], error)) return false;
    if (live->workspace != NULL && !resolve(scenario, "workspace", live->workspace, path, error))
        return false;
    if (live->executor == TD_EXECUTOR_EXEC)
        return strchr(live->program, '/') == NULL ||
               resolve(scenario, "command[0]", live->program, path, error);
    const struct td_bazel bazel = {.workspace = live->workspace};
    return arguments_can(scenario, error) && td_bazel_check(&bazel, error);
}

/* --- command lines -------------------------------------------------------------------------- */

/* The words of a command line; memory that ran short is seen at its end. */
struct line {
    struct td_arena *arena;
    const char **words;
    size_t count;
    bool failed;
};

static void add(struct line *line, const char *word)
{
    line->failed = line->failed || word == NULL;
    line->words[line->count++] = word;
}

/* Nothing for a value that the scenario leaves out. */
static void add_option(struct line *line, const char *option, const char *value)
{
    if (value != NULL) add(line, td_arena_format(line->arena, "%s=%s", option, value));
}

/* Groups with the same cache ID have the same number. */
static uint32_t cache_of(const struct td_scenario *scenario, uint32_t group)
{
    const char *id = scenario->groups[group].cache_id;
    for (uint32_t g = 0; g < group; g++) {
        const char *other = scenario->groups[g].cache_id;
        if (id == other || (id != NULL && other != NULL && strcmp(id, other) == 0)) return g;
    }
    return group;
}

static void add_cache(struct line *line, const struct td_crew *crew, uint32_t group)
{
    const struct td_live_spec *live = crew->options.scenario->live;
    const uint32_t number = cache_of(crew->options.scenario, group);
    if (live->cache_http == NULL) {
        const char *folder = crew->cache[0] != '\0' ? crew->cache : crew->folder;
        add(line, td_arena_format(line->arena, "--disk_cache=%s/cache-%u", folder, number));
        return;
    }
    add_option(line, "--remote_cache", live->cache_http);
    /* the folder's name is unique on this machine, but not for ever */
    add(line,
        td_arena_format(line->arena, "--remote_default_exec_properties=cache-silo-key=%s-%lld-%u",
                        strrchr(crew->folder, '/') + 1, (long long)crew->made_at, number));
}

static void add_bazel(struct line *line, const struct td_crew *crew, const struct mate *mate,
                      uint32_t g)
{
    const struct td_live_spec *live = crew->options.scenario->live;
    /* all peers build the same tree */
    add(line, "--digests=none");
    add(line, td_arena_format(line->arena, "--startup=--output_base=%s " CREW_IDLE, mate->base));
    add_option(line, "--events", crew->options.folder);
    add(line, "--");
    add(line, "--symlink_prefix=/"); /* the peers would overwrite each other's links */
    add_cache(line, crew, g);
    if (!crew->options.scenario->groups[g].publishes) add(line, "--noremote_upload_local_results");
    for (size_t i = 0; i < live->bazel_arg_count; i++)
        add(line, live->bazel_args[i]);
}

static void add_exec(struct line *line, const struct td_crew *crew)
{
    const struct td_live_spec *live = crew->options.scenario->live;
    add_option(line, "--exec", crew->program);
    add(line, "--");
    for (size_t i = 1; i < live->command_count; i++)
        add(line, live->command[i]);
}

#define WORDS_MOST 32u /* beside those of the scenario */

static bool command(struct td_crew *crew, struct mate *mate, struct td_error *error)
{
    const struct td_scenario *scenario = crew->options.scenario;
    const struct td_live_spec *live = scenario->live;
    const struct td_peer_spec *peer = &scenario->peers[mate - crew->mates];
    const struct td_group_spec *group = &scenario->groups[peer->group];
    struct line line = {.arena = crew->arena};
    line.words = td_arena_array(
        crew->arena, WORDS_MOST + live->bazel_arg_count + live->command_count, sizeof *line.words);
    if (line.words == NULL) return td_error_memory(error, "a command line");
    add(&line, crew->options.program);
    add(&line, "peer");
    add(&line, td_arena_format(crew->arena, "--server=ws://127.0.0.1:%d", crew->port));
    add_option(&line, "--name", peer->name);
    add_option(&line, "--schema", crew->schema);
    add_option(&line, "--workspace", crew->workspace);
    add_option(&line, "--cache-id", group->cache_id);
    add_option(&line, "--repository", group->repository);
    add_option(&line, "--base-ref", group->base_ref);
    add_option(&line, "--pipeline", group->pipeline);
    if (!group->publishes) add(&line, "--read-only");
    add(&line, "--max-wait=8760h"); /* as in a simulation: for as long as it takes */
    if (live->executor == TD_EXECUTOR_BAZEL)
        add_bazel(&line, crew, mate, peer->group);
    else
        add_exec(&line, crew);
    mate->argv = line.words;
    return !line.failed || td_error_memory(error, "a command line");
}

/* Where a peer's output goes, in a folder that it shares with its event files. */
static bool choose_log(struct td_crew *crew, struct mate *mate, struct td_error *error)
{
    char name[TD_FILE_NAME];
    const uint32_t place = (uint32_t)(mate - crew->mates);
    const char *folder = crew->options.folder;
    if (folder == NULL) {
        mate->log = td_arena_format(crew->arena, "%s/%u.log", crew->folder, place);
        return mate->log != NULL || td_error_memory(error, "a path");
    }
    folder = td_arena_format(crew->arena, "%s/%s", folder,
                             td_folder_name(crew->options.scenario->peers[place].name, name));
    mate->log = folder == NULL ? NULL : td_arena_format(crew->arena, "%s/output.log", folder);
    if (mate->log == NULL) return td_error_memory(error, "a path");
    return td_folder_make(folder, error);
}

bool td_crew_places(struct td_crew *crew, struct td_error *error)
{
    const struct td_scenario *scenario = crew->options.scenario;
    const struct td_live_spec *live = scenario->live;
    char path[PATH_MAX];
    if (live->workspace != NULL) {
        if (!resolve(scenario, "workspace", live->workspace, path, error)) return false;
        crew->workspace = td_arena_text(crew->arena, path, strlen(path));
    }
    crew->program = live->program;
    if (live->program != NULL && strchr(live->program, '/') != NULL) {
        if (!resolve(scenario, "command[0]", live->program, path, error)) return false;
        crew->program = td_arena_text(crew->arena, path, strlen(path));
    }
    if ((live->workspace != NULL && crew->workspace == NULL) ||
        (live->program != NULL && crew->program == NULL))
        return td_error_memory(error, "a path");
    for (uint32_t i = 0; i < crew->count; i++) {
        crew->mates[i].base = td_arena_format(crew->arena, "%s/base-%u", crew->folder, i);
        if (crew->mates[i].base == NULL) return td_error_memory(error, "a path");
        if (!choose_log(crew, &crew->mates[i], error)) return false;
    }
    return true;
}

bool td_crew_commands(struct td_crew *crew, struct td_error *error)
{
    for (uint32_t i = 0; i < crew->count; i++)
        if (!command(crew, &crew->mates[i], error)) return false;
    return true;
}
