/* An engine from its creation to its end: its memory, and room for what comes. */
#include "base/block.h"
#include "engine/engine_internal.h"

bool td_reserve(void *items, uint32_t *capacity, uint32_t need, size_t size)
{
    if (need <= *capacity) return true;
    uint32_t grown = *capacity + *capacity / 2;
    if (grown < need) grown = need;

    void *old;
    memcpy(&old, items, sizeof old); /* `items` is a pointer to a pointer of any type */
    void *block = realloc(old, grown * size);
    if (block == NULL) return false;
    memset((char *)block + *capacity * size, 0, (grown - *capacity) * size);
    memcpy(items, &block, sizeof block);
    *capacity = grown;
    // cppcheck-suppress memleak ; the caller has the block, through `items`
    return true;
}

bool td_table_copy(void *to, uint32_t *slots, const void *from, uint32_t count, size_t size)
{
    void *table;
    memcpy(&table, to, sizeof table);
    if (count == 0) { /* none is as good as an empty one */
        if (*slots != 0) memset(table, 0, *slots * size);
        return true;
    }
    if (*slots != count) {
        void *other = malloc(count * size);
        if (other == NULL) return false;
        free(table);
        table = other;
        memcpy(to, &table, sizeof table);
        *slots = count;
    }
    memcpy(table, from, count * size);
    return true;
}

void td_commands_free(struct td_commands *commands)
{
    free(commands->items);
    *commands = (struct td_commands){0};
}

static td_order first_order(const struct td_engine *engine)
{
    return engine->options.first_order == 0 ? 1 : engine->options.first_order;
}

struct td_engine *td_engine_create(const struct td_policy *policy,
                                   const struct td_engine_options *options, struct td_error *error)
{
    if (policy->abi != TD_POLICY_ABI) {
        td_error_set(error, TD_FAULT_INPUT,
                     "the policy is made for ABI %u and this program has %u: build it anew",
                     policy->abi, TD_POLICY_ABI);
        return NULL;
    }
    struct td_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        td_error_memory(error, "an engine");
        return NULL;
    }
    engine->policy = policy;
    engine->options = *options;
    engine->peer_stride = sizeof(struct peer);
    engine->strain_free = NONE;
    engine->last_order = first_order(engine) - 1;
    engine->now = INT64_MIN;
    return engine;
}

void td_engine_prefetch(const struct td_engine *engine, td_peer peer)
{
    if (peer >= engine->peer_count) return;
    const char *record = (const char *)peer_at(engine, peer);
    size_t end = engine->peer_stride < 256 ? engine->peer_stride : 256;
    for (size_t at = offsetof(struct peer, state); at < end; at += 64)
        __builtin_prefetch(record + at, 1);
    __builtin_prefetch(record + end - 1, 1);
}

void td_engine_reset(struct td_engine *engine)
{
    for (td_peer peer = 0; peer < engine->peer_count; peer++)
        peer_at(engine, peer)->state = PEER_ABSENT;
    engine->cohort_count = 0;
    engine->strain_count = 0;
    engine->strain_free = NONE;
    engine->waiting_count = 0;
    engine->last_order = first_order(engine) - 1;
    engine->now = INT64_MIN;
    td_flaky_reset(&engine->flaky);
}

void td_engine_destroy(struct td_engine *engine)
{
    if (engine == NULL) return;
    for (uint32_t i = 0; i < engine->schema_count; i++) {
        td_schema_close(engine->schemas[i]);
        free(engine->schemas[i]);
    }
    for (uint32_t i = 0; i < engine->cohort_capacity; i++)
        td_cohort_free(&engine->cohorts[i]);
    for (uint32_t i = 0; i < engine->strain_capacity; i++)
        td_strain_free(&engine->strains[i]);
    free(engine->schemas);
    free(engine->cohorts);
    free(engine->cohort_table);
    free(engine->strains);
    free(engine->peers);
    free(engine->histories);
    free(engine->flaky.entries);
    free(engine->ranks);
    free(engine->ranked);
    free(engine->seen);
    free(engine->stack);
    free(engine);
}

bool td_peers_reserve(struct td_engine *engine, uint32_t count, uint32_t words)
{
    size_t stride = sizeof(struct peer) + words * sizeof(uint64_t);
    if (stride <= engine->peer_stride && count <= engine->peer_capacity) return true;
    if (stride < engine->peer_stride) stride = engine->peer_stride;
    uint32_t capacity = engine->peer_capacity;
    if (count > capacity)
        capacity = count > capacity + capacity / 4 ? count : capacity + capacity / 4;

    char *peers = td_block_alloc(capacity == 0 ? 1 : capacity, stride);
    if (peers == NULL) return false;
    for (td_peer peer = 0; peer < engine->peer_count; peer++)
        memcpy(peers + peer * stride, peer_at(engine, peer), engine->peer_stride);
    free(engine->peers);
    engine->peers = peers;
    engine->peer_stride = stride;
    engine->peer_capacity = capacity;
    return true;
}

size_t td_engine_bytes_per_peer(uint32_t steps)
{
    return sizeof(struct peer) + (steps + 63) / 64 * sizeof(uint64_t);
}

bool td_engine_expect(struct td_engine *engine, uint32_t peers, struct td_error *error)
{
    if (td_peers_reserve(engine, peers, 0)) return true;
    return td_error_memory(error, "the engine's peers");
}
