/* Replications on threads: a thread takes a few from a counter, runs them, and leaves the records
 * in slots of their own, so that the result does not depend on which thread ran what. */
#include "sim/sim.h"

#include "base/assert.h"
#include "base/block.h"
#include "sim/bound.h"
#include "sim/plan.h"
#include "sim/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pool {
    const struct td_sim_options *options;
    const struct td_plan *plan;
    struct td_results *results;
    uint64_t units;          /* policies x replications, policy by policy */
    _Atomic td_time *bounds; /* by replication, if they are wanted; UNKNOWN until then */
    uint64_t batch;
    atomic_ullong next;
    struct worker *workers;
    atomic_bool stop;      /* somebody failed */
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    uint32_t running; /* threads */
    struct td_error error;
};

/* A thread, and what it alone writes; in a cache line of its own. */
struct worker {
    struct pool *pool;
    atomic_ullong finished; /* peers that have ended, of all its units */
    char padding[64 - sizeof(struct pool *) - sizeof(atomic_ullong)];
};

#define UNKNOWN ((td_time)-1)

/* The first failure counts; those that only follow from it don't. */
static void pool_fail(struct pool *pool, const struct td_error *error)
{
    pthread_mutex_lock(&pool->mutex);
    if (pool->error.fault == TD_FAULT_NONE) pool->error = *error;
    pthread_mutex_unlock(&pool->mutex);
    atomic_store(&pool->stop, true);
}

/* The bound of a replication is the same under every policy. Two threads that both miss it find the
 * same. */
static bool find_bound(struct pool *pool, struct td_bound *bound, uint32_t replication,
                       struct td_run_record *record, struct td_error *error)
{
    if (bound == NULL) return true;
    td_time least = atomic_load_explicit(&pool->bounds[replication], memory_order_relaxed);
    if (least == UNKNOWN) {
        if (!td_bound_find(bound, replication + 1, &least, error)) return false;
        atomic_store_explicit(&pool->bounds[replication], least, memory_order_relaxed);
    }
    record->lower_bound = least;
    record->bound_known = true;
    return true;
}

static bool run_unit(struct worker *worker, struct td_world *world, struct td_bound *bound,
                     uint64_t unit, struct td_error *error)
{
    struct pool *pool = worker->pool;
    const struct td_sim_options *options = pool->options;
    uint32_t policy = (uint32_t)(unit / options->replications);
    uint32_t replication = (uint32_t)(unit % options->replications);
    struct td_run_record *record = &pool->results->runs[unit];
    const atomic_bool *stop = options->stop;

    if (options->csv == NULL)
        return td_world_run(world, replication + 1, NULL, stop, &worker->finished, record, error) &&
               find_bound(pool, bound, replication, record, error);

    struct td_csv_part *part = td_csv_part_begin(options->csv, policy, replication, error);
    if (part == NULL) return false;
    const struct td_recorder recorder = td_csv_part_recorder(part);
    bool done =
        td_world_run(world, replication + 1, &recorder, stop, &worker->finished, record, error) &&
        find_bound(pool, bound, replication, record, error);
    if (done) td_csv_part_run(part, record);
    /* a part that is begun is ended, too: others wait for their turn behind it */
    struct td_error end_error;
    if (!td_csv_part_end(part, done ? error : &end_error)) done = false;
    return done;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct pool *pool = worker->pool;
    const struct td_sim_options *options = pool->options;
    struct td_world *world = NULL;
    struct td_bound *bound = NULL;
    uint64_t world_policy = UINT64_MAX;
    struct td_error error = {0};
    if (options->bounds) {
        bound = td_bound_create(pool->plan, options->seed, &error);
        if (bound == NULL) pool_fail(pool, &error);
    }

    while (error.fault == TD_FAULT_NONE && !atomic_load(&pool->stop)) {
        uint64_t unit = atomic_fetch_add(&pool->next, pool->batch), end = unit + pool->batch;
        if (unit >= pool->units) break;
        if (end > pool->units) end = pool->units;
        for (; unit < end && error.fault == TD_FAULT_NONE && !atomic_load(&pool->stop); unit++) {
            uint64_t policy = unit / options->replications;
            if (policy != world_policy) {
                td_world_destroy(world);
                world =
                    td_world_create(pool->plan, options->policies[policy], options->seed, &error);
                world_policy = policy;
            }
            if (world == NULL || !run_unit(worker, world, bound, unit, &error))
                pool_fail(pool, &error);
        }
    }
    td_bound_destroy(bound);
    td_world_destroy(world);
    pthread_mutex_lock(&pool->mutex);
    pool->running--;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static double finished(const struct pool *pool, uint32_t jobs)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < jobs; i++)
        sum += atomic_load_explicit(&pool->workers[i].finished, memory_order_relaxed);
    return (double)sum;
}

/* Waits for the threads, and says ten times a second how far they are. */
static void watch(struct pool *pool, uint32_t jobs)
{
    const struct td_sim_options *options = pool->options;
    double all = (double)pool->units * pool->plan->scenario->peer_count;

    pthread_mutex_lock(&pool->mutex);
    while (pool->running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TD_NS_PER_S / 10;
        if (until.tv_nsec >= TD_NS_PER_S) {
            until.tv_nsec -= TD_NS_PER_S;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&pool->changed, &pool->mutex, &until);
        if (options->progress == NULL) continue;
        pthread_mutex_unlock(&pool->mutex);
        options->progress(options->progress_context, finished(pool, jobs) / all);
        pthread_mutex_lock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void run_threads(struct pool *pool, uint32_t jobs, pthread_t *threads)
{
    uint32_t started = 0;
    pool->running = jobs;
    for (; started < jobs; started++) {
        struct worker *worker = &pool->workers[started];
        worker->pool = pool;
        if (pthread_create(&threads[started], NULL, work, worker) != 0) break;
    }
    if (started < jobs) {
        pthread_mutex_lock(&pool->mutex);
        pool->running -= jobs - started;
        pthread_mutex_unlock(&pool->mutex);
    }
    if (started == 0) {
        struct td_error error;
        td_error_set(&error, TD_FAULT_RUN,
                     "cannot start a thread: end other programs or raise "
                     "the limit on processes (ulimit -u)");
        pool_fail(pool, &error);
    }
    watch(pool, jobs);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static bool bounds_create(struct pool *pool)
{
    if (!pool->options->bounds) return true;
    pool->bounds = malloc(pool->options->replications * sizeof *pool->bounds);
    for (uint32_t i = 0; pool->bounds != NULL && i < pool->options->replications; i++)
        atomic_init(&pool->bounds[i], UNKNOWN);
    return pool->bounds != NULL;
}

bool td_sim_run(const struct td_scenario *scenario, const struct td_sim_options *options,
                struct td_results *results, struct td_error *error)
{
    TD_ASSERT(options->jobs > 0 && options->replications > 0 && options->policy_count > 0);
    struct td_plan *plan = td_plan_create(scenario, error);
    if (plan == NULL) return false;

    struct pool pool = {.options = options,
                        .plan = plan,
                        .results = results,
                        .units = (uint64_t)options->policy_count * options->replications};
    uint32_t jobs = pool.units < options->jobs ? (uint32_t)pool.units : options->jobs;
    /* few enough at a time that no thread is left with much to do alone at the end */
    pool.batch = pool.units / ((uint64_t)jobs * 64) + 1;
    if (pool.batch > 64) pool.batch = 64;
    pthread_t *threads = malloc(jobs * sizeof *threads);
    pool.workers = td_block_alloc(jobs, sizeof *pool.workers);
    bool done = threads != NULL && pool.workers != NULL && bounds_create(&pool);
    if (!done) {
        td_error_memory(error, "threads");
    } else {
        pthread_mutex_init(&pool.mutex, NULL);
        pthread_cond_init(&pool.changed, NULL);
        run_threads(&pool, jobs, threads);
        pthread_cond_destroy(&pool.changed);
        pthread_mutex_destroy(&pool.mutex);
        done = pool.error.fault == TD_FAULT_NONE;
        if (!done && error != NULL) *error = pool.error;
    }
    free((void *)(uintptr_t)pool.bounds);
    free(pool.workers);
    free(threads);
    td_plan_destroy(plan);
    return done;
}
