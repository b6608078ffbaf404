/* What a live run leaves: the same records as a simulated one, made of what the authority hears.
 *
 * Times are the scenario's. An overhead is the time from an order to the first look of its peer, if
 * peers look and the scenario's invocations take time at all; a task the time from a look (or from
 * the order, or from the result before) to its result. Peers are those of the scenario, by their
 * place.
 */
#ifndef TD_LIVE_RECORDING_H
#define TD_LIVE_RECORDING_H

#include "base/error.h"
#include "report/record.h"

#include <stddef.h>

struct td_recording;

enum td_recording_form {
    TD_RECORD_ORDERS,    /* peers tell only what became of an order: all of it is one task */
    TD_RECORD_LOOKS,     /* peers look before each task, at once: an invocation takes no time */
    TD_RECORD_OVERHEADS, /* what lies between an order and the first look is an overhead */
};

/* A run of so many peers. The recorder may be empty. */
struct td_recording *td_recording_create(uint32_t peers, enum td_recording_form form,
                                         const struct td_recorder *recorder,
                                         struct td_error *error);
void td_recording_destroy(struct td_recording *recording); /* NULL is allowed */
bool td_recording_has(const struct td_recording *recording, uint32_t peer);

/* A step is its index, TD_RECORD_REST for the universe and its rest. */
void td_recording_arrive(struct td_recording *recording, uint32_t peer, td_time at);
void td_recording_wait(struct td_recording *recording, uint32_t peer, td_time at);
/* `build`: it is expected to be built, not fetched. */
void td_recording_order(struct td_recording *recording, uint32_t peer, uint32_t step, bool build,
                        td_time at);
void td_recording_look(struct td_recording *recording, uint32_t peer, uint32_t step, bool fetch,
                       td_time at);
/* How many actions the next result of the peer took, and how many of them came from the cache. */
void td_recording_actions(struct td_recording *recording, uint32_t peer, int64_t actions,
                          int64_t hits);
/* A result, perhaps of one part only: results of one step and kind, one after the other, are a row.
 */
void td_recording_obtain(struct td_recording *recording, uint32_t peer, uint32_t step, bool built,
                         bool duplicate, td_time at);
/* The order has ended; what goes on has this outcome. `failed`: the step, if one failed. */
void td_recording_end(struct td_recording *recording, uint32_t peer,
                      enum td_interval_outcome outcome, uint32_t failed, td_time at);
/* The peer is gone, to come back or not. */
void td_recording_leave(struct td_recording *recording, uint32_t peer, td_time at);
void td_recording_done(struct td_recording *recording, uint32_t peer, enum td_peer_outcome outcome,
                       td_time at);

/* The run's record, and its peers for the recorder. Who has not ended is aborted. */
bool td_recording_finish(struct td_recording *recording, td_time at, struct td_run_record *record,
                         struct td_error *error);

#endif
