/* A live run's engine inputs and decisions, kept in memory, to be lived again: the same inputs must
 * give the same decisions, or the engine has known something that it was not told. */
#ifndef TD_LIVE_REPLAY_H
#define TD_LIVE_REPLAY_H

#include "base/error.h"
#include "engine/engine.h"

struct td_replay;

struct td_replay *td_replay_create(struct td_error *error);
void td_replay_destroy(struct td_replay *replay); /* NULL is allowed */

/* Both in the order in which they come; `context` is the replay, so that they fit the hooks of
 * server.h. */
void td_replay_event(void *context, const struct td_event *event);
void td_replay_command(void *context, const struct td_command *command);

/* Feeds the inputs to a new engine. False with a sentence that names the first decision that
 * differs. */
bool td_replay_check(const struct td_replay *replay, const struct td_policy *policy,
                     const struct td_engine_options *options, struct td_error *error);

#endif
