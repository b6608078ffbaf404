#include "live/committer.h"

#include "base/assert.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state {
    STATE_IDLE,    /* it has no batch */
    STATE_HANDED,  /* the batch and its result are the thread's */
    STATE_DECIDED, /* they are the other side's */
};

struct td_committer {
    struct td_journal *journal;
    void (*wake)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex; /* of the state, `waits` and `stops` */
    pthread_cond_t changed;
    enum state state;
    bool waits; /* the other side does, for this one */
    bool stops;
    const struct td_journal_row *rows; /* the batch */
    size_t count;
    struct td_commit_result result;
};

static int64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

void td_commit(struct td_journal *journal, const struct td_journal_row *rows, size_t count,
               struct td_commit_result *result)
{
    int64_t began = clock_ns();
    result->durable = td_journal_append(journal, rows, count, &result->error);
    result->took = clock_ns() - began;
}

static void *work(void *context)
{
    struct td_committer *committer = context;
    (void)pthread_mutex_lock(&committer->mutex);
    for (;;) {
        while (committer->state != STATE_HANDED && !committer->stops)
            (void)pthread_cond_wait(&committer->changed, &committer->mutex);
        if (committer->state != STATE_HANDED) break; /* what was handed over comes before the end */
        (void)pthread_mutex_unlock(&committer->mutex);
        td_commit(committer->journal, committer->rows, committer->count, &committer->result);
        (void)pthread_mutex_lock(&committer->mutex);
        committer->state = STATE_DECIDED;
        bool waits = committer->waits;
        (void)pthread_cond_signal(&committer->changed);
        (void)pthread_mutex_unlock(&committer->mutex);
        if (!waits) committer->wake(committer->context);
        (void)pthread_mutex_lock(&committer->mutex);
    }
    (void)pthread_mutex_unlock(&committer->mutex);
    return NULL;
}

static void destroy(struct td_committer *committer)
{
    (void)pthread_cond_destroy(&committer->changed);
    (void)pthread_mutex_destroy(&committer->mutex);
    free(committer);
}

struct td_committer *td_committer_start(struct td_journal *journal, void (*wake)(void *context),
                                        void *context, struct td_error *error)
{
    struct td_committer *committer = calloc(1, sizeof *committer);
    if (committer == NULL) {
        (void)td_error_memory(error, "the journal's thread");
        return NULL;
    }
    committer->journal = journal;
    committer->wake = wake;
    committer->context = context;
    pthread_condattr_t condition;
    (void)pthread_condattr_init(&condition);
    (void)pthread_condattr_setclock(&condition, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&committer->mutex, NULL);
    (void)pthread_cond_init(&committer->changed, &condition);
    (void)pthread_condattr_destroy(&condition);
    if (td_thread_start(&committer->thread, work, committer)) return committer;
    destroy(committer);
    (void)td_error_set(error, TD_FAULT_RUN,
                       "the journal's thread cannot be started: allow this process more threads");
    return NULL;
}

void td_committer_hand_over(struct td_committer *committer, const struct td_journal_row *rows,
                            size_t count)
{
    (void)pthread_mutex_lock(&committer->mutex);
    TD_ASSERT(committer->state == STATE_IDLE && !committer->stops);
    committer->rows = rows;
    committer->count = count;
    committer->state = STATE_HANDED;
    (void)pthread_cond_signal(&committer->changed);
    (void)pthread_mutex_unlock(&committer->mutex);
}

void td_committer_wait(struct td_committer *committer, td_time most)
{
    int64_t now = clock_ns(), until = most < INT64_MAX - now ? now + most : INT64_MAX;
    const struct timespec end = {.tv_sec = until / TD_NS_PER_S, .tv_nsec = until % TD_NS_PER_S};
    (void)pthread_mutex_lock(&committer->mutex);
    committer->waits = true;
    while (committer->state == STATE_HANDED &&
           pthread_cond_timedwait(&committer->changed, &committer->mutex, &end) == 0) {
    }
    committer->waits = false;
    (void)pthread_mutex_unlock(&committer->mutex);
}

bool td_committer_take(struct td_committer *committer, struct td_commit_result *result)
{
    (void)pthread_mutex_lock(&committer->mutex);
    bool decided = committer->state == STATE_DECIDED;
    if (decided) {
        *result = committer->result;
        committer->state = STATE_IDLE;
    }
    (void)pthread_mutex_unlock(&committer->mutex);
    return decided;
}

void td_committer_stop(struct td_committer *committer)
{
    if (committer == NULL) return;
    (void)pthread_mutex_lock(&committer->mutex);
    committer->stops = true;
    (void)pthread_cond_signal(&committer->changed);
    (void)pthread_mutex_unlock(&committer->mutex);
    (void)pthread_join(committer->thread, NULL);
    destroy(committer);
}
