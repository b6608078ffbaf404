#include "report/csv_internal.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const td_csv_names[TD_CSV_COUNT] = {"runs.csv", "peers.csv", "tasks.csv", "summary.csv",
                                                "compare.csv"};

const char *const td_csv_headers[TD_CSV_COUNT] = {
    "scenario,mode,policy,replication,seed,peers,steps,makespan_s,mean_turnaround_s,"
    "p95_turnaround_s,busy_s,wait_s,builds,duplicate_builds,fetches,failures,lower_bound_s,events,"
    "machine_s\n",
    "scenario,mode,policy,replication,peer,cache,arrival_s,completion_s,turnaround_s,busy_s,wait_s,"
    "builds,fetches,outcome,merged_s\n",
    "scenario,mode,policy,replication,peer,step,kind,start_s,end_s,outcome,"
    "hit_ratio\n",
    "scenario,mode,policy,metric,n,mean,sd,ci_low,ci_high,confidence,min,p50,p90,p95,p99,max\n",
    "scenario,metric,policy_a,policy_b,n,mean_difference,ci_low,ci_high,confidence,ratio,p_value,"
    "p_holm\n",
};

/* Short texts are copied as a whole block, which is quicker than a copy of their length; rows and
 * joined names have a block of room behind their end for that. */
#define BLOCK ((size_t)16)

struct word {
    char text[BLOCK];
    size_t length;
};
#define WORD(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct word kinds[] = {[TD_KIND_BUILD] = WORD("build,"),
                                    [TD_KIND_FETCH] = WORD("fetch,"),
                                    [TD_KIND_WAIT] = WORD("wait,"),
                                    [TD_KIND_OVERHEAD] = WORD("overhead,")};
static const struct word task_outcomes[] = {[TD_TASK_OK] = WORD(",ok,"),
                                            [TD_TASK_DUPLICATE] = WORD(",duplicate,"),
                                            [TD_TASK_FAILED] = WORD(",failed,"),
                                            [TD_TASK_ABORTED] = WORD(",aborted,")};
static const struct word peer_outcomes[] = {[TD_PEER_OK] = WORD(",ok,"),
                                            [TD_PEER_FAILED] = WORD(",failed,"),
                                            [TD_PEER_LEFT] = WORD(",left,"),
                                            [TD_PEER_ABORTED] = WORD(",aborted,")};
static bool names_create(struct td_names *names, size_t count)
{
    names->ends = calloc(count + 1, sizeof *names->ends);
    return names->ends != NULL;
}

/* Ends the name `at` with what was added to the text since the one before. */
static void names_end(struct td_names *names, size_t at)
{
    names->ends[at + 1] = names->text.length;
    size_t length = names->ends[at + 1] - names->ends[at];
    if (length > names->longest) names->longest = length;
}

static void names_add(struct td_names *names, size_t at, const char *name)
{
    td_buffer_field(&names->text, name);
    td_buffer_add(&names->text, ",", 1);
    names_end(names, at);
}

static void names_destroy(struct td_names *names)
{
    td_buffer_free(&names->text);
    free(names->ends);
}

bool td_row_texts_create(struct td_row_texts *texts, const struct td_labels *labels,
                         struct td_error *error)
{
    *texts = (struct td_row_texts){.labels = labels};
    if (!names_create(&texts->policies, labels->policy_count) ||
        !names_create(&texts->peers, labels->peer_count) ||
        !names_create(&texts->sites, labels->peer_count) ||
        !names_create(&texts->steps, (size_t)labels->step_count + 2))
        goto fail;

    for (uint32_t i = 0; i < labels->policy_count; i++) {
        td_buffer_field(&texts->policies.text, labels->scenario);
        td_buffer_add(&texts->policies.text, ",", 1);
        td_buffer_field(&texts->policies.text, labels->mode);
        td_buffer_add(&texts->policies.text, ",", 1);
        names_add(&texts->policies, i, labels->policies[i]);
    }
    for (uint32_t i = 0; i < labels->peer_count; i++) {
        names_add(&texts->peers, i, labels->peers[i]);
        td_buffer_field(&texts->sites.text, labels->peers[i]);
        td_buffer_add(&texts->sites.text, ",", 1);
        names_add(&texts->sites, i, labels->caches[i]);
    }
    for (uint32_t i = 0; i < labels->step_count; i++)
        names_add(&texts->steps, i, labels->steps[i]);
    names_add(&texts->steps, labels->step_count, "universe");
    names_add(&texts->steps, (size_t)labels->step_count + 1, "");

    static const char block[BLOCK];
    td_buffer_add(&texts->peers.text, block, BLOCK);
    td_buffer_add(&texts->sites.text, block, BLOCK);
    td_buffer_add(&texts->steps.text, block, BLOCK);

    const uint64_t counts[] = {labels->seed, labels->peer_count, labels->step_count};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        td_buffer_unsigned(&texts->counts, counts[i]);
        td_buffer_add(&texts->counts, ",", 1);
    }
    if (texts->policies.text.failed || texts->peers.text.failed || texts->sites.text.failed ||
        texts->steps.text.failed || texts->counts.failed)
        goto fail;

    const size_t time = TD_TIME_TEXT, number = TD_UNSIGNED_TEXT + 1;
    texts->longest_task = texts->peers.longest + texts->steps.longest + 2 * time + 4 * BLOCK;
    texts->longest_peer = texts->sites.longest + 6 * time + 2 * number + 2 * BLOCK;
    return true;

fail:
    td_row_texts_destroy(texts);
    return td_error_memory(error, "the names in the CSV files");
}

void td_row_texts_destroy(struct td_row_texts *texts)
{
    names_destroy(&texts->policies);
    names_destroy(&texts->peers);
    names_destroy(&texts->sites);
    names_destroy(&texts->steps);
    td_buffer_free(&texts->counts);
    *texts = (struct td_row_texts){0};
}

void td_row_prefix(const struct td_row_texts *texts, uint32_t policy, uint32_t replication,
                   struct td_buffer *prefix)
{
    const struct td_names *policies = &texts->policies;
    size_t start = policies->ends[policy];
    prefix->length = 0;
    td_buffer_add(prefix, policies->text.bytes + start, policies->ends[policy + 1] - start);
    td_buffer_unsigned(prefix, (uint64_t)replication + 1);
    td_buffer_add(prefix, ",", 1);
    (void)td_buffer_reserve(prefix, BLOCK);
}

static inline char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* The same block by block: there is a block of room behind both. */
static inline char *put_blocks(char *at, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += BLOCK)
        memcpy(at + i, bytes + i, BLOCK);
    return at + length;
}

/* At least a block of `bytes` and of room behind `at` is there. */
static inline char *put_short(char *at, const char *bytes, size_t length)
{
    if (__builtin_expect(length > BLOCK, 0)) return put(at, bytes, length);
    memcpy(at, bytes, BLOCK);
    return at + length;
}

static inline char *put_name(char *at, const struct td_names *names, size_t name)
{
    size_t start = names->ends[name];
    return put_short(at, names->text.bytes + start, names->ends[name + 1] - start);
}

static inline char *put_word(char *at, const struct word *word)
{
    return put_short(at, word->text, word->length);
}

static inline char *put_time(char *at, td_time time)
{
    return at + td_time_text(time, at);
}

/* The same from memory. */
static inline char *put_text(char *at, const struct td_row_end *last)
{
    memcpy(at, last->text, sizeof last->text);
    return at + last->length;
}

static inline char *put_comma(char *at)
{
    *at = ',';
    return at + 1;
}

/* With four decimals; at most 1. */
static char *put_ratio(char *at, uint32_t part, uint32_t whole)
{
    TD_ASSERT(part <= whole);
    uint64_t digits = ((uint64_t)part * 10000 + whole / 2) / whole;
    for (size_t i = 5; i > 0; i--, digits /= 10) {
        if (i == 1) at[i] = '.';
        at[i > 1 ? i : 0] = (char)('0' + digits % 10);
    }
    return at + 6;
}

char *td_row_task(const struct td_row_texts *texts, const struct td_buffer *prefix,
                  const struct td_interval *interval, struct td_row_end *last, char *at)
{
    const struct td_labels *labels = texts->labels;
    size_t step = interval->step;
    if (step == TD_RECORD_REST) step = labels->step_count;
    if (step == TD_RECORD_NO_STEP) step = (size_t)labels->step_count + 1;
    TD_ASSERT(interval->peer < labels->peer_count);
    TD_ASSERT(step <= (size_t)labels->step_count + 1);
    TD_ASSERT(interval->kind <= TD_KIND_OVERHEAD && interval->outcome <= TD_TASK_ABORTED);

    at = put_blocks(at, prefix->bytes, prefix->length);
    at = put_name(at, &texts->peers, interval->peer);
    at = put_name(at, &texts->steps, step);
    at = put_word(at, &kinds[interval->kind]);
    if (last->length != 0 && last->time == interval->start)
        at = put_comma(put_text(at, last));
    else
        at = put_comma(put_time(at, interval->start));
    last->time = interval->end;
    last->length = td_time_text(interval->end, at);
    memcpy(last->text, at, sizeof last->text);
    at += last->length;
    at = put_word(at, &task_outcomes[interval->outcome]);
    if (interval->actions > 0) at = put_ratio(at, interval->hits, interval->actions);
    *at = '\n';
    return at + 1;
}

char *td_row_peer(const struct td_row_texts *texts, const struct td_buffer *prefix, uint32_t peer,
                  const struct td_peer_record *record, char *at)
{
    TD_ASSERT(peer < texts->labels->peer_count && record->outcome <= TD_PEER_ABORTED);
    bool complete = record->outcome == TD_PEER_OK;

    at = put_blocks(at, prefix->bytes, prefix->length);
    at = put_name(at, &texts->sites, peer);
    at = put_comma(put_time(at, record->arrival));
    if (complete) at = put_time(at, record->completion);
    at = put_comma(at);
    if (complete) at = put_time(at, record->completion - record->arrival);
    at = put_comma(at);
    at = put_comma(put_time(at, record->busy));
    at = put_comma(put_time(at, record->wait));
    at += td_unsigned_text(record->builds, at);
    at = put_comma(at);
    at += td_unsigned_text(record->fetches, at);
    at = put_word(at, &peer_outcomes[record->outcome]);
    if (record->merged != TD_NOT_MERGED) at = put_time(at, record->merged);
    *at = '\n';
    return at + 1;
}

void td_row_run(const struct td_row_texts *texts, const struct td_buffer *prefix,
                const struct td_run_record *record, struct td_buffer *out)
{
    const td_sum times[] = {record->makespan, record->mean_turnaround, record->p95_turnaround,
                            record->busy, record->wait};
    const uint64_t counts[] = {record->builds, record->duplicate_builds, record->fetches,
                               record->failures};
    td_buffer_add(out, prefix->bytes, prefix->length);
    td_buffer_add(out, texts->counts.bytes, texts->counts.length);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        bool turnaround = i == 1 || i == 2;
        if (!turnaround || record->turnaround_known) td_buffer_sum(out, times[i]);
        td_buffer_add(out, ",", 1);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        td_buffer_unsigned(out, counts[i]);
        td_buffer_add(out, ",", 1);
    }
    if (record->bound_known) td_buffer_sum(out, record->lower_bound);
    td_buffer_add(out, ",", 1);
    td_buffer_unsigned(out, record->events);
    td_buffer_add(out, ",", 1);
    td_buffer_sum(out, record->machine);
    td_buffer_add(out, "\n", 1);
}
