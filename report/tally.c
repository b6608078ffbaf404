#include "report/tally.h"

#include <stdlib.h>
#include <string.h>

// NOLINTNEXTLINE(readability-non-const-parameter): it is filled later
void td_tally_begin(struct td_tally *tally, struct td_run_record *record, td_time *turnarounds)
{
    *tally = (struct td_tally){
        .record = record, .turnarounds = turnarounds, .first = INT64_MAX, .last = 0};
}

void td_tally_peer(struct td_tally *tally, const struct td_peer_record *peer, td_time absent)
{
    struct td_run_record *record = tally->record;
    td_time turnaround = peer->completion - peer->arrival;
    if (peer->arrival < tally->first) tally->first = peer->arrival;
    if (peer->completion > tally->last) tally->last = peer->completion;
    record->machine += turnaround - absent;
    record->busy += peer->busy;
    record->wait += peer->wait;
    record->builds += peer->builds;
    record->fetches += peer->fetches;
    if (peer->outcome != TD_PEER_OK) return;
    tally->turnarounds[tally->complete++] = turnaround;
    tally->turnaround += turnaround;
}

static int by_time(const void *a, const void *b)
{
    td_time x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The 95th percentile, by the nearest rank. That of fewer than 20 is the greatest, and a
 * replication of so few is over in little more time than it takes to sort them. */
static td_time percentile_95(td_time *times, uint32_t count)
{
    td_time greatest = times[0];
    if (count >= 20) {
        qsort(times, count, sizeof *times, by_time);
        return times[((size_t)count * 95 + 99) / 100 - 1];
    }
    for (uint32_t i = 1; i < count; i++)
        greatest = times[i] > greatest ? times[i] : greatest;
    return greatest;
}

/* To the nearest nanosecond. The sum of a few hundred long lives has no place in 64 bits; most
 * others have, and are divided in a fraction of the time. */
static td_time mean(td_sum sum, uint32_t count)
{
    td_sum twice = 2 * sum + count;
    if (twice <= INT64_MAX) return (td_time)twice / (2 * (td_time)count);
    return (td_time)(twice / (2 * (td_sum)count));
}

void td_tally_end(struct td_tally *tally)
{
    struct td_run_record *record = tally->record;
    uint32_t complete = tally->complete;
    record->makespan = tally->last - tally->first;
    if (complete == 0) return;
    record->mean_turnaround = mean(tally->turnaround, complete);
    record->p95_turnaround = percentile_95(tally->turnarounds, complete);
    record->turnaround_known = true;
}
