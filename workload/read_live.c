/* What a scenario says about its live runs: who plays the peers, and what that needs. */
#include "base/text.h"
#include "workload/reader_internal.h"

#include <string.h>

#define SMALLEST_SCALE 1e-6
#define LARGEST_SCALE 1e3

#define SLEEP (1u << TD_EXECUTOR_SLEEP)
#define BAZEL (1u << TD_EXECUTOR_BAZEL)
#define EXEC (1u << TD_EXECUTOR_EXEC)

static const char *const executors[] = {
    [TD_EXECUTOR_SLEEP] = "sleep", [TD_EXECUTOR_BAZEL] = "bazel", [TD_EXECUTOR_EXEC] = "exec"};

enum { EXECUTOR, TIME_SCALE, WORKSPACE, BAZEL_ARGS, CACHE, COMMAND, KEYS };
static const struct td_key_spec keys[KEYS] = {
    [EXECUTOR] = {"executor", TD_KEY_REQUIRED},     [TIME_SCALE] = {"time_scale", TD_KEY_OPTIONAL},
    [WORKSPACE] = {"workspace", TD_KEY_OPTIONAL},   [CACHE] = {"cache", TD_KEY_OPTIONAL},
    [BAZEL_ARGS] = {"bazel_args", TD_KEY_OPTIONAL}, [COMMAND] = {"command", TD_KEY_OPTIONAL},
};

/* The executors that a key means something to, and those that cannot do without it. */
static const struct {
    unsigned known, needed;
} uses[KEYS] = {
    [EXECUTOR] = {SLEEP | BAZEL | EXEC, 0},
    [TIME_SCALE] = {SLEEP | EXEC, 0},
    [WORKSPACE] = {BAZEL | EXEC, BAZEL},
    [CACHE] = {BAZEL, 0},
    [BAZEL_ARGS] = {BAZEL, 0},
    [COMMAND] = {EXEC, EXEC},
};

static bool read_executor(const struct td_reader *r, uint32_t node, enum td_live_executor *out)
{
    static const char what[] = "\"sleep\", \"bazel\" or \"exec\"";
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    for (size_t i = 0; i < sizeof executors / sizeof *executors; i++) {
        *out = (enum td_live_executor)i;
        if (strcmp(text, executors[i]) == 0) return true;
    }
    return td_reader_fail(r, node, "must be %s, not %s", what, td_text_quote(text, quote));
}

static bool check_uses(const struct td_reader *r, uint32_t node, const uint32_t *found,
                       enum td_live_executor executor)
{
    const char *name = executors[executor];
    for (size_t i = 0; i < KEYS; i++) {
        if (found[i] != TD_JSON_NONE && (uses[i].known >> executor & 1) == 0)
            return td_reader_fail_key(r, found[i],
                                      "\"%s\" is not for the executor \"%s\"%s: remove it, or "
                                      "change the \"executor\"",
                                      keys[i].name, name,
                                      i == TIME_SCALE ? ", whose builds take the time they take"
                                                      : "");
        if (found[i] == TD_JSON_NONE && (uses[i].needed >> executor & 1) != 0)
            return td_reader_fail(r, node,
                                  "the key \"%s\" is missing, which the executor \"%s\" needs: "
                                  "add it",
                                  keys[i].name, name);
    }
    return true;
}

static bool read_path(const struct td_reader *r, uint32_t node, const char **out)
{
    if (td_json_type(r->json, node) != TD_JSON_STRING)
        return td_reader_wrong_type(r, node, "a text, the path of a folder");
    const char *name = td_json_string(r->json, node);
    if (*name == '\0') return td_reader_fail(r, node, "the path is empty: name a folder");
    *out = td_reader_path(r, name);
    return *out != NULL || td_reader_no_memory(r);
}

static bool read_texts(const struct td_reader *r, uint32_t node, const char *what,
                       const char *const **out, size_t *out_count)
{
    if (td_json_type(r->json, node) != TD_JSON_ARRAY) return td_reader_wrong_type(r, node, what);
    size_t count = 0;
    const char **texts =
        td_arena_array(r->arena, (size_t)td_json_count(r->json, node) + 1, sizeof *texts);
    if (texts == NULL) return td_reader_no_memory(r);
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        if (td_json_type(r->json, child) != TD_JSON_STRING)
            return td_reader_wrong_type(r, child, "a text, one argument");
        const char *text = td_json_string(r->json, child);
        texts[count] = td_arena_text(r->arena, text, strlen(text));
        if (texts[count++] == NULL) return td_reader_no_memory(r);
    }
    *out = texts;
    *out_count = count;
    return true;
}

/* Bazel takes an empty argument for a target, and an error. */
static bool read_bazel_args(const struct td_reader *r, uint32_t node, struct td_live_spec *live)
{
    if (!read_texts(r, node, "an array of arguments for Bazel", &live->bazel_args,
                    &live->bazel_arg_count))
        return false;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child))
        if (*td_json_string(r->json, child) == '\0')
            return td_reader_fail(r, child, "the argument is empty: write one, or remove it");
    return true;
}

/* Like a shell, PATH is searched for what has no slash. */
static bool read_command(const struct td_reader *r, uint32_t node, struct td_live_spec *live)
{
    if (!read_texts(r, node, "an array of a command and its arguments", &live->command,
                    &live->command_count))
        return false;
    uint32_t first = td_json_first(r->json, node);
    if (first == TD_JSON_NONE)
        return td_reader_fail(r, node, "the array is empty: write at least the command");
    const char *name = td_json_string(r->json, first);
    if (*name == '\0') return td_reader_fail(r, first, "the command is empty: write one");
    live->program = strchr(name, '/') != NULL ? td_reader_path(r, name)
                                              : td_arena_text(r->arena, name, strlen(name));
    return live->program != NULL || td_reader_no_memory(r);
}

static bool read_http(const struct td_reader *r, uint32_t node, const char **out)
{
    static const char what[] = "a URL such as \"http://cache.example:8080\"";
    char quote[TD_QUOTE_SIZE];
    if (td_json_type(r->json, node) != TD_JSON_STRING) return td_reader_wrong_type(r, node, what);
    const char *text = td_json_string(r->json, node);
    const char *host = text;
    if (strncmp(text, "http://", 7) == 0) host = text + 7;
    if (strncmp(text, "https://", 8) == 0) host = text + 8;
    bool plain = true;
    for (const char *c = text; *c != '\0'; c++)
        plain = plain && *c > ' ' && *c < 0x7f;
    if (host == text || *host == '\0' || strchr("/:?#", *host) != NULL || !plain)
        return td_reader_fail(r, node, "must be %s, not %s", what, td_text_quote(text, quote));
    *out = td_arena_text(r->arena, text, strlen(text));
    return *out != NULL || td_reader_no_memory(r);
}

static bool read_cache(const struct td_reader *r, uint32_t node, struct td_live_spec *live)
{
    static const struct td_key_spec specs[] = {{"disk", TD_KEY_OPTIONAL},
                                               {"http", TD_KEY_OPTIONAL}};
    uint32_t found[2];
    if (!td_read_keys(r, node, specs, 2, found)) return false;
    bool disk = found[0] != TD_JSON_NONE;
    if (disk == (found[1] != TD_JSON_NONE))
        return td_reader_fail(r, node, "give either \"disk\" or \"http\"");
    return disk ? read_path(r, found[0], &live->cache_disk)
                : read_http(r, found[1], &live->cache_http);
}

bool td_read_live(const struct td_reader *r, uint32_t node, const struct td_live_spec **out)
{
    uint32_t found[KEYS];
    if (node == TD_JSON_NONE) return true;
    struct td_live_spec *live = td_arena_alloc(r->arena, sizeof *live);
    if (live == NULL) return td_reader_no_memory(r);
    live->time_scale = 1;
    *out = live;
    if (!td_read_keys(r, node, keys, KEYS, found) ||
        !read_executor(r, found[EXECUTOR], &live->executor) ||
        !check_uses(r, node, found, live->executor))
        return false;
    if (found[TIME_SCALE] != TD_JSON_NONE &&
        !td_read_number(r, found[TIME_SCALE], SMALLEST_SCALE, LARGEST_SCALE,
                        "a number above 0 (1e-6 to 1e3)", &live->time_scale))
        return false;
    if (found[WORKSPACE] != TD_JSON_NONE && !read_path(r, found[WORKSPACE], &live->workspace))
        return false;
    if (found[BAZEL_ARGS] != TD_JSON_NONE && !read_bazel_args(r, found[BAZEL_ARGS], live))
        return false;
    if (found[CACHE] != TD_JSON_NONE && !read_cache(r, found[CACHE], live)) return false;
    return found[COMMAND] == TD_JSON_NONE || read_command(r, found[COMMAND], live);
}
