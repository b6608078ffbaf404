/* What an authority knows, as JSON for people and programs: cohorts, peers (and why each waits),
 * artifacts. docs/state.schema.json describes it, docs/operation.md explains it. No sockets here.
 *
 * It is written piece by piece, so that thousands of peers hold nobody up. What changes between two
 * pieces is written as it is then; who builds what is as it was at the beginning.
 *
 *     struct td_state *state = td_state_begin(authority, now);
 *     while (td_state_write(state, &text, 16384)) ...       send the text, empty it
 *     td_state_end(state);
 */
#ifndef TD_LIVE_STATE_H
#define TD_LIVE_STATE_H

#include "live/authority.h"

struct td_state;

/* NULL if memory is short. The authority must outlive it. */
struct td_state *td_state_begin(const struct td_authority *authority, td_time now);
/* Appends at least `enough` bytes (and hardly more), or what is left. False if that was all. */
bool td_state_write(struct td_state *state, struct td_buffer *out, size_t enough);
void td_state_end(struct td_state *state); /* NULL is allowed */

#endif
