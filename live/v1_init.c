/* INIT, the first message of a client of v1. */
#include "live/protocol_internal.h"
#include "live/v1_internal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define REPOSITORIES_MOST 100u
#define PATCHSETS_MOST 1000u

static bool no_memory(const struct td_values *v)
{
    return td_error_memory(v->error, "a message");
}

static bool read_id(const struct td_values *v, const char *key, const char **out)
{
    uint32_t node;
    if (!td_member_require(v, 0, key, &node) || !td_value_name(v, node, out)) return false;
    size_t length = td_text_printable_length(*out);
    return length <= TD_V1_ID_MOST ||
           td_json_error(v->json, node, TD_JSON_VALUE, v->error,
                         "has %zu characters: at most %u are possible", length, TD_V1_ID_MOST);
}

/* Without the user and the password that a URL may have. */
static const char *without_user(char *text)
{
    char *host = strstr(text, "://");
    if (host == NULL) return text;
    host += strlen("://");
    const char *path = host + strcspn(host, "/"), *at = path;
    while (at > host && at[-1] != '@')
        at--;
    if (at > host) memmove(host, at, strlen(at) + 1);
    return text;
}

/* The original's client says what git prints: with a newline at its end, which is no part of it. */
static bool read_printed(const struct td_values *v, uint32_t node, enum td_json_part part,
                         const char *what, const char **out)
{
    const char *text = part == TD_JSON_KEY ? td_json_key(v->json, node) : NULL;
    if (text == NULL) {
        if (td_json_type(v->json, node) != TD_JSON_STRING)
            return td_member_wrong_type(v, node,
                                        "a name (a text of 1 to 128 printable characters)");
        text = td_json_string(v->json, node);
    }
    size_t length = strlen(text);
    while (length > 0 && strchr("\r\n\t ", text[length - 1]) != NULL)
        length--;
    char *copy = td_arena_text(v->arena, text, length);
    if (copy == NULL) return no_memory(v);
    *out = part == TD_JSON_KEY ? without_user(copy) : copy;
    return td_value_check_name(v, node, part, what, *out);
}

static bool read_patchset(const struct td_values *v, uint32_t node, struct v1_repository *out)
{
    return read_printed(v, node, TD_JSON_VALUE, "the patchset",
                        &out->patchsets[out->patchset_count++]);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, and each once. */
static void settle_patchsets(struct v1_repository *repository)
{
    size_t kept = 0;
    qsort(repository->patchsets, repository->patchset_count, sizeof(const char *), by_text);
    for (size_t i = 0; i < repository->patchset_count; i++)
        if (i == 0 || strcmp(repository->patchsets[i], repository->patchsets[kept - 1]) != 0)
            repository->patchsets[kept++] = repository->patchsets[i];
    repository->patchset_count = kept;
}

/* `left` is how many more patchsets a message may have. */
static bool read_repository(const struct td_values *v, uint32_t node, size_t *left,
                            struct v1_repository *out)
{
    uint32_t base_ref, patchset, more;
    size_t count = 1;
    if (td_json_type(v->json, node) != TD_JSON_OBJECT)
        return td_member_wrong_type(v, node, "an object with \"base_ref\" and \"patchset\"");
    if (!td_member_require(v, node, "base_ref", &base_ref) ||
        !read_printed(v, base_ref, TD_JSON_VALUE, "the base ref", &out->base_ref) ||
        !td_member_require(v, node, "patchset", &patchset))
        return false;
    more = td_member_find(v, node, "additional_patchsets");
    if (more != TD_JSON_NONE) {
        if (td_json_type(v->json, more) != TD_JSON_ARRAY)
            return td_member_wrong_type(v, more, "an array of patchsets");
        count += td_json_count(v->json, more);
    }
    if (count > *left)
        return td_json_error(v->json, node, TD_JSON_VALUE, v->error,
                             "there are too many patchsets: at most %u are possible",
                             PATCHSETS_MOST);
    *left -= count;
    out->patchsets = td_arena_array(v->arena, count, sizeof *out->patchsets);
    if (out->patchsets == NULL) return no_memory(v);
    if (!read_patchset(v, patchset, out)) return false;
    if (more != TD_JSON_NONE)
        for (uint32_t child = td_json_first(v->json, more); child != TD_JSON_NONE;
             child = td_json_next(v->json, child))
            if (!read_patchset(v, child, out)) return false;
    settle_patchsets(out);
    return true;
}

static bool read_repositories(const struct td_values *v, struct v1_init *out)
{
    uint32_t state;
    size_t left = PATCHSETS_MOST, i = 0;
    if (!td_member_require(v, 0, "repo_state", &state)) return false;
    if (td_json_type(v->json, state) != TD_JSON_OBJECT)
        return td_member_wrong_type(v, state, "an object of repositories");
    out->repository_count = td_json_count(v->json, state);
    if (out->repository_count > REPOSITORIES_MOST)
        return td_json_error(v->json, state, TD_JSON_VALUE, v->error,
                             "has %zu repositories: at most %u are possible", out->repository_count,
                             REPOSITORIES_MOST);
    struct v1_repository *repositories =
        td_arena_array(v->arena, out->repository_count + 1, sizeof *repositories);
    if (repositories == NULL) return no_memory(v);
    for (uint32_t child = td_json_first(v->json, state); child != TD_JSON_NONE;
         child = td_json_next(v->json, child), i++)
        if (!read_printed(v, child, TD_JSON_KEY, "the repository's name", &repositories[i].name) ||
            !read_repository(v, child, &left, &repositories[i]))
            return false;
    out->repositories = repositories;
    return true;
}

bool td_v1_read_init(const struct td_values *v, struct v1_init *out)
{
    uint32_t complex, tasks;
    double count = 0;
    *out = (struct v1_init){0};
    if (!read_repositories(v, out) || !read_id(v, "cache_id", &out->cache_id) ||
        !read_id(v, "schema_id", &out->schema_id) ||
        !td_member_require(v, 0, "total_tasks", &tasks) ||
        !td_member_number(v, tasks, true, 1, TD_MOST_STEPS, &count))
        return false;
    out->tasks = (uint32_t)count;
    complex = td_member_find(v, 0, "complex_patchset");
    return complex == TD_JSON_NONE || td_member_bool(v, complex, &out->complex);
}
