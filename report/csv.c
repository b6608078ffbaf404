#include "report/csv.h"

#include "report/csv_internal.h"
#include "report/spool.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a part and file that wait in its own buffer before they are passed on. */
#define PART_ROWS ((size_t)1 << 20)
#define LARGE (PART_ROWS / 2) /* so many are worth to be written by another thread */

struct td_csv_part {
    struct td_csv *csv;
    uint64_t index; /* place among all parts: policy * replications + replication */
    struct td_buffer prefix;
    struct td_row_end end; /* of the last row of tasks.csv */
    struct td_buffer rows[TD_CSV_STREAMS];
    struct td_extent *first, **last; /* rows that did not fit, older than `rows` */
    struct td_csv_part *next_free;
    struct td_csv_part *next; /* of all that were ever made */
};

struct td_csv {
    const struct td_labels *labels;
    struct td_row_texts texts;
    struct td_outputs *outputs;
    struct td_spool *spool;
    uint32_t tasks;
    uint64_t part_count;
    /* The part that may write to the files, by whichever thread fills it. Passed on under the lock,
     * so that exactly one thread holds the turn. */
    _Atomic uint64_t turn;
    atomic_bool failed;

    pthread_mutex_t lock; /* guards all below */
    struct td_error error;
    struct td_extent **ended; /* for each part its rows, once it has ended ahead of its turn */
    struct td_csv_part *free_parts, *all_parts;
};

/* Keeps the first failure; later ones follow from it. */
static void fail(struct td_csv *csv, const struct td_error *error)
{
    (void)pthread_mutex_lock(&csv->lock);
    if (csv->error.fault == TD_FAULT_NONE) csv->error = *error;
    (void)pthread_mutex_unlock(&csv->lock);
    atomic_store(&csv->failed, true);
}

static void fail_memory(struct td_csv *csv)
{
    struct td_error error;
    (void)td_error_memory(&error, "the rows of the CSV files");
    fail(csv, &error);
}

/* False, with the first failure. */
static bool report_failure(struct td_csv *csv, struct td_error *error)
{
    (void)pthread_mutex_lock(&csv->lock);
    if (error != NULL) *error = csv->error;
    (void)pthread_mutex_unlock(&csv->lock);
    return false;
}

struct td_csv *td_csv_open(const char *dir, const struct td_labels *labels, uint32_t tasks,
                           struct td_error *error)
{
    return td_csv_open_on(&td_disk_real, TD_SPOOL_MEMORY, dir, labels, tasks, error);
}

struct td_csv *td_csv_open_on(const struct td_disk *disk, size_t memory, const char *dir,
                              const struct td_labels *labels, uint32_t tasks,
                              struct td_error *error)
{
    struct td_csv *csv = calloc(1, sizeof *csv);
    if (csv == NULL) {
        (void)td_error_memory(error, "the CSV files");
        return NULL;
    }
    csv->labels = labels;
    csv->tasks = tasks;
    csv->part_count = (uint64_t)labels->policy_count * labels->replications;
    int status = pthread_mutex_init(&csv->lock, NULL);
    TD_ASSERT(status == 0);

    if (!td_row_texts_create(&csv->texts, labels, error)) goto fail;
    csv->ended = calloc(csv->part_count + 1, sizeof(struct td_extent *));
    if (csv->ended == NULL) goto no_memory;
    csv->outputs = td_outputs_open(disk, dir, td_csv_names, TD_CSV_COUNT, error);
    if (csv->outputs == NULL) goto fail;
    csv->spool = td_spool_create(disk, csv->outputs, memory);
    if (csv->spool == NULL) goto no_memory;
    for (size_t i = 0; i < TD_CSV_COUNT; i++) {
        const char *header = td_csv_headers[i];
        if (!td_outputs_add(csv->outputs, i, header, strlen(header), error)) goto fail;
    }
    return csv;

no_memory:
    (void)td_error_memory(error, "the CSV files");
fail:
    td_csv_destroy(csv);
    return NULL;
}

static void free_extents(struct td_extent *extent)
{
    while (extent != NULL) {
        struct td_extent *next = extent->next;
        free(extent);
        extent = next;
    }
}

void td_csv_destroy(struct td_csv *csv)
{
    if (csv == NULL) return;
    for (struct td_csv_part *part = csv->all_parts; part != NULL;) {
        struct td_csv_part *next = part->next;
        free_extents(part->first);
        td_buffer_free(&part->prefix);
        for (size_t i = 0; i < TD_CSV_STREAMS; i++)
            td_buffer_free(&part->rows[i]);
        free(part);
        part = next;
    }
    for (uint64_t i = 0; csv->ended != NULL && i < csv->part_count; i++)
        free_extents(csv->ended[i]);
    free((void *)csv->ended);
    td_spool_destroy(csv->spool);
    td_outputs_destroy(csv->outputs);
    td_row_texts_destroy(&csv->texts);
    (void)pthread_mutex_destroy(&csv->lock);
    free(csv);
}

struct td_csv_part *td_csv_part_begin(struct td_csv *csv, uint32_t policy, uint32_t replication,
                                      struct td_error *error)
{
    TD_ASSERT(policy < csv->labels->policy_count && replication < csv->labels->replications);
    if (atomic_load(&csv->failed)) {
        (void)report_failure(csv, error);
        return NULL;
    }
    (void)pthread_mutex_lock(&csv->lock);
    struct td_csv_part *part = csv->free_parts;
    if (part != NULL) {
        csv->free_parts = part->next_free;
    } else if ((part = calloc(1, sizeof *part)) != NULL) {
        part->csv = csv;
        part->next = csv->all_parts;
        csv->all_parts = part;
    }
    (void)pthread_mutex_unlock(&csv->lock);
    if (part != NULL) td_row_prefix(&csv->texts, policy, replication, &part->prefix);
    if (part == NULL || part->prefix.failed) {
        (void)td_error_memory(error, "the rows of the CSV files");
        return NULL;
    }
    part->index = (uint64_t)policy * csv->labels->replications + replication;
    part->first = NULL;
    part->last = &part->first;
    return part;
}

static bool has_turn(const struct td_csv_part *part)
{
    return atomic_load_explicit(&part->csv->turn, memory_order_acquire) == part->index;
}

/* Writes extents to the files; the caller has the turn. Frees all of them in any case. */
static bool write_extents(struct td_csv *csv, struct td_extent *extent, struct td_error *error)
{
    bool written = true;
    while (extent != NULL) {
        struct td_extent *next = extent->next;
        if (written)
            written = td_spool_take(csv->spool, extent, error);
        else
            free(extent);
        extent = next;
    }
    return written;
}

/* Empties the part's buffer for a file: into the file if the part has the turn, else into the
 * spool. */
static void pass_on(struct td_csv_part *part, size_t stream)
{
    struct td_csv *csv = part->csv;
    struct td_buffer *rows = &part->rows[stream];
    struct td_error error;
    bool passed;
    if (atomic_load_explicit(&csv->failed, memory_order_relaxed)) {
        rows->length = 0; /* for the bin */
        return;
    }
    if (has_turn(part)) {
        struct td_extent *waiting = part->first;
        part->first = NULL;
        part->last = &part->first;
        passed = write_extents(csv, waiting, &error) &&
                 (rows->length < LARGE
                      ? td_outputs_add(csv->outputs, stream, rows->bytes, rows->length, &error)
                      : td_outputs_give(csv->outputs, stream, rows, &error));
    } else {
        struct td_extent *extent =
            td_spool_put(csv->spool, stream, rows->bytes, rows->length, &error);
        passed = extent != NULL;
        if (passed) {
            *part->last = extent;
            part->last = &extent->next;
        }
    }
    rows->length = 0;
    if (!passed) fail(csv, &error);
}

/* Room for one row more. */
static inline bool make_room(struct td_csv_part *part, size_t stream, size_t length)
{
    struct td_buffer *rows = &part->rows[stream];
    if (__builtin_expect(rows->room - rows->length >= length, 1)) return true;
    if (rows->length + length > PART_ROWS) pass_on(part, stream);
    if (td_buffer_reserve(rows, length)) return true;
    fail_memory(part->csv);
    return false;
}

static void record_interval(void *context, const struct td_interval *interval)
{
    struct td_csv_part *part = context;
    const struct td_row_texts *texts = &part->csv->texts;
    struct td_buffer *rows = &part->rows[TD_CSV_TASKS];
    if (!make_room(part, TD_CSV_TASKS, part->prefix.length + texts->longest_task)) return;
    char *end = td_row_task(texts, &part->prefix, interval, &part->end, rows->bytes + rows->length);
    rows->length = (size_t)(end - rows->bytes);
}

static void record_peer(void *context, uint32_t peer, const struct td_peer_record *record)
{
    struct td_csv_part *part = context;
    const struct td_row_texts *texts = &part->csv->texts;
    struct td_buffer *rows = &part->rows[TD_CSV_PEERS];
    if (!make_room(part, TD_CSV_PEERS, part->prefix.length + texts->longest_peer)) return;
    char *end = td_row_peer(texts, &part->prefix, peer, record, rows->bytes + rows->length);
    rows->length = (size_t)(end - rows->bytes);
}

struct td_recorder td_csv_part_recorder(struct td_csv_part *part)
{
    bool tasks = part->index % part->csv->labels->replications < part->csv->tasks;
    return (struct td_recorder){
        .context = part, .interval = tasks ? record_interval : NULL, .peer = record_peer};
}

void td_csv_part_run(struct td_csv_part *part, const struct td_run_record *record)
{
    struct td_buffer *rows = &part->rows[TD_CSV_RUNS];
    TD_ASSERT(rows->length == 0);
    td_row_run(&part->csv->texts, &part->prefix, record, rows);
    if (rows->failed) fail_memory(part->csv);
}

/* Hands the turn on, and writes every part behind it that has ended already. */
static bool hand_on_turn(struct td_csv *csv, struct td_error *error)
{
    bool written = true;
    for (uint64_t turn = atomic_load(&csv->turn) + 1; written; turn++) {
        (void)pthread_mutex_lock(&csv->lock);
        struct td_extent *ended = turn < csv->part_count ? csv->ended[turn] : NULL;
        if (ended != NULL) csv->ended[turn] = NULL;
        atomic_store_explicit(&csv->turn, turn, memory_order_release);
        (void)pthread_mutex_unlock(&csv->lock);
        if (ended == NULL) break;
        written = write_extents(csv, ended, error);
    }
    return written;
}

/* Leaves the part's rows for whoever has the turn when it comes. True if that is the part itself.
 */
static bool leave_rows(struct td_csv_part *part)
{
    struct td_csv *csv = part->csv;
    if (has_turn(part)) return true;
    /* The row of runs.csv goes in any case: a part that has ended is known by what it left. */
    for (size_t i = 0; i < TD_CSV_STREAMS; i++)
        if (i == TD_CSV_RUNS || part->rows[i].length > 0) pass_on(part, i);

    (void)pthread_mutex_lock(&csv->lock);
    bool own = atomic_load(&csv->turn) == part->index;
    if (!own) {
        csv->ended[part->index] = part->first;
        part->first = NULL;
    }
    (void)pthread_mutex_unlock(&csv->lock);
    return own;
}

bool td_csv_part_end(struct td_csv_part *part, struct td_error *error)
{
    struct td_csv *csv = part->csv;
    if (leave_rows(part)) {
        for (size_t i = 0; i < TD_CSV_STREAMS; i++)
            pass_on(part, i);
        struct td_error mine;
        if (!atomic_load(&csv->failed) && !hand_on_turn(csv, &mine)) fail(csv, &mine);
    }

    (void)pthread_mutex_lock(&csv->lock);
    for (size_t i = 0; i < TD_CSV_STREAMS; i++)
        part->rows[i].length = 0;
    free_extents(part->first);
    part->first = NULL;
    part->next_free = csv->free_parts;
    csv->free_parts = part;
    (void)pthread_mutex_unlock(&csv->lock);
    return !atomic_load(&csv->failed) || report_failure(csv, error);
}

bool td_csv_commit(struct td_csv *csv, const struct td_results *results,
                   const struct td_comparison *comparison, struct td_error *error)
{
    if (atomic_load(&csv->failed)) return report_failure(csv, error);
    TD_ASSERT(atomic_load(&csv->turn) == csv->part_count);
    TD_ASSERT(comparison->policy_count == csv->labels->policy_count);

    struct td_buffer summary = {0}, compare = {0};
    td_rows_summary(results->labels, comparison, &summary);
    td_rows_compare(results->labels, comparison, &compare);
    bool done = !summary.failed && !compare.failed;
    if (!done) (void)td_error_memory(error, "summary.csv and compare.csv");
    done = done &&
           td_outputs_add(csv->outputs, TD_CSV_SUMMARY, summary.bytes, summary.length, error) &&
           td_outputs_add(csv->outputs, TD_CSV_COMPARE, compare.bytes, compare.length, error) &&
           td_outputs_commit(csv->outputs, error);
    td_buffer_free(&summary);
    td_buffer_free(&compare);
    return done;
}
