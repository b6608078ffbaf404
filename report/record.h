/* What a run leaves behind: records, the same for simulated and live runs.
 *
 * A world fills these; report/ turns them into CSV files, statistics, tables. Times are td_time
 * (nanoseconds); peers and steps are indices, named only when they are written (struct td_labels).
 */
#ifndef TD_REPORT_RECORD_H
#define TD_REPORT_RECORD_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define TD_RECORD_NO_STEP UINT32_MAX    /* a wait: the empty step */
#define TD_RECORD_REST (UINT32_MAX - 1) /* written as `universe` */
#define TD_NOT_MERGED ((td_time)-1)     /* written empty */

enum td_interval_kind { TD_KIND_BUILD, TD_KIND_FETCH, TD_KIND_WAIT, TD_KIND_OVERHEAD };
enum td_interval_outcome { TD_TASK_OK, TD_TASK_DUPLICATE, TD_TASK_FAILED, TD_TASK_ABORTED };
enum td_peer_outcome { TD_PEER_OK, TD_PEER_FAILED, TD_PEER_LEFT, TD_PEER_ABORTED };

/* One row of tasks.csv. */
struct td_interval {
    td_time start, end;
    uint32_t peer;
    uint32_t step;   /* index in the schema, TD_RECORD_REST or TD_RECORD_NO_STEP */
    uint8_t kind;    /* enum td_interval_kind */
    uint8_t outcome; /* enum td_interval_outcome */
    /* Of a build or fetch by a build tool: how many actions, and how many of them came from the
     * cache. No actions: not known. */
    uint32_t actions, hits;
};

/* One row of peers.csv. */
struct td_peer_record {
    td_time arrival, completion; /* completion: when it ended, whatever the outcome */
    td_time busy, wait;
    uint32_t builds, fetches;
    uint8_t outcome; /* enum td_peer_outcome */
    td_time merged;  /* of a change in a queue; TD_NOT_MERGED: there is no queue, or it did not */
};

/* One row of runs.csv. */
struct td_run_record {
    td_time makespan;
    td_time mean_turnaround, p95_turnaround; /* of peers with outcome ok; see turnaround_known */
    td_time lower_bound;                     /* of any policy's makespan; see bound_known */
    td_sum busy, wait, machine;              /* over all peers */
    uint64_t builds, duplicate_builds, fetches, failures, events;
    bool turnaround_known; /* false: no peer has outcome ok, and the columns are empty */
    bool bound_known;      /* false: the lower bound is not known, and its column is empty */
};

/* Where a world leaves the intervals and peers of one (policy, replication). Both may be NULL. */
struct td_recorder {
    void *context;
    void (*interval)(void *context, const struct td_interval *interval);
    void (*peer)(void *context, uint32_t peer, const struct td_peer_record *record);
};

/* The names behind the indices. Not owned; they outlive every user. */
struct td_labels {
    const char *scenario; /* its name */
    const char *mode;     /* "simulated" or "live" */
    uint64_t seed;
    uint32_t policy_count, replications;
    const char *const *policies;
    uint32_t peer_count;
    const char *const *peers;  /* names */
    const char *const *caches; /* remote cache IDs; NULL entries are written empty */
    uint32_t step_count;
    const char *const *steps; /* IDs */
};

/* All of a scenario's runs: record of policy p and replication r (from 0) at runs[p * R + r]. */
struct td_results {
    const struct td_labels *labels;
    struct td_run_record *runs;
};

#endif
