/* The record of a run, from those of its peers.
 *
 *     td_tally_begin(&tally, &record, turnarounds);    turnarounds: room for every peer
 *     each peer: td_tally_peer(&tally, &peer_record, absent);
 *     td_tally_end(&tally);
 *
 * Makespan, turnarounds, busy, wait and machine time, builds and fetches are set; the record's
 * other counts are the caller's.
 */
#ifndef TD_REPORT_TALLY_H
#define TD_REPORT_TALLY_H

#include "report/record.h"

struct td_tally {
    struct td_run_record *record;
    td_time *turnarounds; /* of those with outcome ok */
    uint32_t complete;
    td_time first, last;
    td_sum turnaround;
};

void td_tally_begin(struct td_tally *tally, struct td_run_record *record, td_time *turnarounds);
/* `absent`: how long the peer was not present between its arrival and its end. */
void td_tally_peer(struct td_tally *tally, const struct td_peer_record *peer, td_time absent);
void td_tally_end(struct td_tally *tally);

#endif
