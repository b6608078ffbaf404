/* What an authority counts, and how Prometheus reads it (text exposition format 0.0.4). Each figure
 * is explained in docs/operation.md. No sockets here.
 *
 * Times are nanoseconds; they are written as seconds. Counters only grow while the program runs.
 */
#ifndef TD_LIVE_METRICS_H
#define TD_LIVE_METRICS_H

#include "base/time.h"
#include "live/protocol.h"
#include "report/buffer.h"

/* Upper bounds from 0.1 ms to 10 s, and all that is above. */
#define TD_HISTOGRAM_BUCKETS 16u

struct td_histogram {
    uint64_t counts[TD_HISTOGRAM_BUCKETS + 1];
    td_sum sum;
};

void td_histogram_observe(struct td_histogram *histogram, td_time took);

enum td_goal { TD_GOAL_BUILD, TD_GOAL_FETCH, TD_GOAL_UNIVERSE, TD_GOALS };

struct td_metrics {
    uint64_t orders[TD_GOALS];
    uint64_t built, fetched; /* results */
    uint64_t duplicates;     /* built, though it was published already */
    uint64_t avoided;        /* fetched what another peer has built here */
    td_sum saved;            /* by those: mean build times minus what the fetches took */
    uint64_t aborts, flaky, broken, completed, failed;
    uint64_t lost, given_up; /* connections of peers that are here; those that did not come back */
    uint64_t refused;        /* messages, each with its connection */
    uint64_t connections;    /* that peers have opened */
    uint64_t received[TD_MESSAGE_KINDS], sent[TD_MESSAGE_KINDS];
    struct td_histogram queue;  /* from a result's receipt to the hand-over of the next order */
    struct td_histogram commit; /* of the journal */
};

/* What is so at this moment. */
struct td_gauges {
    uint32_t working, waiting, idle; /* peers that are present */
    uint32_t away;                   /* those of them without a connection, within their grace */
    uint32_t connections, cohorts;
    uint32_t newcomers; /* whose hello waits until the journal is folded */
    bool can_order;     /* as /healthz has it */
};

void td_metrics_write(const struct td_metrics *metrics, const struct td_gauges *gauges,
                      struct td_buffer *out);
/* Of the process that asks: its start, memory, processor time and limits; what cannot be found out
 * is left out. */
void td_metrics_write_process(struct td_buffer *out);

#endif
