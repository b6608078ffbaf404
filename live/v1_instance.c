/* Which clients of v1 share: the instances. */
#include "live/v1_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct v1_repository *find_repository(const struct v1_init *init, const char *name)
{
    for (size_t i = 0; i < init->repository_count; i++)
        if (strcmp(init->repositories[i].name, name) == 0) return &init->repositories[i];
    return NULL;
}

/* All repositories of the newcomer are also the other's, at the same base ref. */
static bool agrees(const struct v1_init *newcomer, const struct v1_init *other)
{
    if (newcomer->repository_count == 0) return other->repository_count == 0;
    for (size_t i = 0; i < newcomer->repository_count; i++) {
        const struct v1_repository *ours = &newcomer->repositories[i],
                                   *theirs = find_repository(other, ours->name);
        if (theirs == NULL || strcmp(ours->base_ref, theirs->base_ref) != 0) return false;
    }
    return true;
}

static bool can_join(const struct v1_instance *instance, const struct v1_init *newcomer)
{
    if (instance->closed || instance->complex || newcomer->complex ||
        strcmp(instance->schema_id, newcomer->schema_id) != 0 ||
        strcmp(instance->cache_id, newcomer->cache_id) != 0)
        return false;
    for (const struct v1_client *client = instance->clients; client != NULL; client = client->next)
        if (!agrees(newcomer, &client->init)) return false;
    return true;
}

static int by_text(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

static bool has_patchset(const struct v1_instance *instance, const char *repository,
                         const char *patchset)
{
    for (const struct v1_client *client = instance->clients; client != NULL;
         client = client->next) {
        const struct v1_repository *theirs = find_repository(&client->init, repository);
        if (theirs != NULL && bsearch(patchset, theirs->patchsets, theirs->patchset_count,
                                      sizeof(const char *), by_text) != NULL)
            return true;
    }
    return false;
}

static size_t count_shared(const struct v1_instance *instance, const struct v1_init *newcomer)
{
    size_t shared = 0;
    for (size_t i = 0; i < newcomer->repository_count; i++) {
        const struct v1_repository *ours = &newcomer->repositories[i];
        for (size_t j = 0; j < ours->patchset_count; j++)
            shared += has_patchset(instance, ours->name, ours->patchsets[j]);
    }
    return shared;
}

/* The one that shares most patchsets, be it none; of equal ones the oldest. */
static struct v1_instance *choose(const struct td_v1 *v1, const struct v1_init *newcomer)
{
    struct v1_instance *best = NULL;
    size_t most = 0;
    for (struct v1_instance *instance = v1->first; instance != NULL; instance = instance->next) {
        if (!can_join(instance, newcomer)) continue;
        size_t shared = count_shared(instance, newcomer);
        if (best != NULL && shared <= most) continue;
        best = instance;
        most = shared;
    }
    return best;
}

static bool add_steps(struct v1_instance *instance)
{
    struct td_hello_step *steps = td_arena_array(instance->arena, instance->tasks, sizeof *steps);
    if (steps == NULL) return false;
    for (uint32_t task = 0; task < instance->tasks; task++) {
        steps[task].id = td_arena_format(instance->arena, "%u", task);
        steps[task].targets = td_arena_format(instance->arena, "//:%u", task);
        if (steps[task].id == NULL || steps[task].targets == NULL) return false;
    }
    instance->steps = steps;
    return true;
}

static struct v1_instance *instance_create(struct td_v1 *v1, const struct v1_init *init)
{
    const struct v1_repository *repository = init->repositories;
    struct td_arena *arena = td_arena_create();
    struct v1_instance *instance = arena == NULL ? NULL : td_arena_alloc(arena, sizeof *instance);
    if (instance == NULL) {
        td_arena_destroy(arena);
        return NULL;
    }
    *instance =
        (struct v1_instance){.arena = arena, .tasks = init->tasks, .complex = init->complex};
    instance->schema_id = td_arena_format(arena, "%s", init->schema_id);
    instance->cache_id = td_arena_format(arena, "%s", init->cache_id);
    instance->schema =
        td_arena_format(arena, "v1 %s, %u tasks", init->schema_id, (unsigned)init->tasks);
    instance->cache = td_arena_format(arena, "%s (v1 %08x-%u)", init->cache_id, (unsigned)v1->start,
                                      (unsigned)++v1->instances);
    instance->failed = td_arena_array(arena, init->tasks, sizeof *instance->failed);
    bool good = instance->schema_id != NULL && instance->cache_id != NULL &&
                instance->schema != NULL && instance->cache != NULL && instance->failed != NULL &&
                add_steps(instance);
    if (good && init->repository_count > 0) {
        instance->repository = td_arena_format(arena, "%s", repository->name);
        instance->base_ref = td_arena_format(arena, "%s", repository->base_ref);
        good = instance->repository != NULL && instance->base_ref != NULL;
    }
    if (!good) {
        td_arena_destroy(arena);
        return NULL;
    }
    struct v1_instance **end = &v1->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = instance;
    return instance;
}

bool td_v1_is_instance(const char *cache)
{
    static const char mark[] = "(v1 ";
    const char *at = cache == NULL ? NULL : strrchr(cache, '(');
    if (at == NULL || strncmp(at, mark, strlen(mark)) != 0) return false;
    const char *start = at + strlen(mark), *dash = start + strspn(start, "0123456789abcdef");
    if (dash - start != 8 || *dash != '-') return false;
    size_t digits = strspn(dash + 1, "0123456789");
    return digits > 0 && strcmp(dash + 1 + digits, ")") == 0;
}

bool td_v1_join(struct td_v1 *v1, struct v1_client *client, struct td_error *error)
{
    struct v1_instance *instance = choose(v1, &client->init);
    if (instance == NULL && (instance = instance_create(v1, &client->init)) == NULL)
        return td_error_memory(error, "an instance");
    if (instance->tasks != client->init.tasks)
        return td_error_set(error, TD_FAULT_INPUT,
                            "total_tasks is %u, but others have schema %s with %u: bring them to "
                            "one version",
                            client->init.tasks, client->init.schema_id, instance->tasks);
    client->instance = instance;
    client->next = instance->clients;
    instance->clients = client;
    return true;
}

void td_v1_part(struct td_v1 *v1, struct v1_client *client)
{
    struct v1_instance *instance = client->instance;
    if (instance == NULL) return;
    struct v1_client **at = &instance->clients;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->instance = NULL;
    if (instance->clients != NULL) return;
    struct v1_instance **place = &v1->first;
    while (*place != instance)
        place = &(*place)->next;
    *place = instance->next;
    instance->next = v1->dead;
    v1->dead = instance;
}

void td_v1_sweep(struct td_v1 *v1)
{
    while (v1->dead != NULL) {
        struct v1_instance *instance = v1->dead;
        v1->dead = instance->next;
        td_arena_destroy(instance->arena);
    }
}
