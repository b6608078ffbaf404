/* An authority that forgets nothing: it keeps what comes in, and what that causes, in a journal,
 * and after a restart goes on as if nothing had been. docs/journal.md says what that means for
 * users.
 *
 *     keeper = td_keeper_open(&options, &authority, &outlet, realtime_ns, &error);
 *     td_keeper_authority(keeper)                      receives, loses, wakes, as ever
 *     td_keeper_batch(keeper)                          outlet: what is sent belongs to that one
 *     (void)td_keeper_commit(keeper, now, clock_ns);   what has come in is a batch
 *     td_keeper_durable(keeper)                        what belongs to it, or before, may go out
 *     td_keeper_close(keeper);
 *
 * What the authority wants sent must wait until its batch is durable: until then, nobody may know
 * of it. A commit that fails holds new orders; what came in stays in memory and is tried again.
 *
 * td_keeper_commit() returns when the disk has the batch; or, behind td_keeper_commit_aside(), at
 * once: a thread of its own waits for the disk, and who calls hears more meanwhile, which is the
 * next batch.
 *
 * When nobody is present, the journal is folded: what the authority has learned begins a new one,
 * in the same file. An authority that was asked for before is of no use then.
 */
#ifndef TD_LIVE_KEEPER_H
#define TD_LIVE_KEEPER_H

#include "live/authority.h"

struct td_keeper_options {
    const char *path;        /* NULL: there is no journal */
    const char *policy_path; /* of a policy from outside */
    uint64_t most_bytes;     /* past it, newcomers wait until it can be folded */
    uint32_t retain;         /* cohorts that it is folded to, at most */
    /* The policy of a name that a journal has, or NULL: with it a journal whose peers have all gone
     * can be gone on with under another policy and other options. */
    const struct td_policy *(*find_policy)(const char *name);
};

struct td_keeper;

/* Begins a journal, or goes on with it: then every peer has lost its connection just now.
 * `realtime_ns`: the wall clock, since 1970. NULL with an error that says what to do. */
struct td_keeper *td_keeper_open(const struct td_keeper_options *options,
                                 const struct td_authority_options *authority,
                                 const struct td_authority_outlet *outlet, int64_t realtime_ns,
                                 struct td_error *error);
void td_keeper_close(struct td_keeper *keeper); /* NULL is allowed */

struct td_authority *td_keeper_authority(const struct td_keeper *keeper);
/* From now on commits are made by a thread, which calls `wake` whenever one has ended: then it is
 * time for td_keeper_commit(). False with an error if there can be none. */
bool td_keeper_commit_aside(struct td_keeper *keeper, void (*wake)(void *context), void *context,
                            struct td_error *error);
/* Waits for the commit that is being made, if any; none is made, and nobody is woken, any more. */
void td_keeper_rest(struct td_keeper *keeper);

/* The batch that what comes in now belongs to, and what it causes; they are numbered from 1. */
uint64_t td_keeper_batch(const struct td_keeper *keeper);
/* The last batch that is durable, with all before it; one in which nothing came in is, too. */
uint64_t td_keeper_durable(const struct td_keeper *keeper);
/* Inputs that are in the journal. */
uint64_t td_keeper_rows(const struct td_keeper *keeper);
/* The time that it is for the authority when it opens. */
td_time td_keeper_start(const struct td_keeper *keeper);

/* True if all that has come in is durable. `now`: the authority's time; `clock_ns`: any clock that
 * goes on, for trying again once a second. */
bool td_keeper_commit(struct td_keeper *keeper, td_time now, int64_t clock_ns);
/* The same, but waits for the disk in any case. */
bool td_keeper_settle(struct td_keeper *keeper, td_time now, int64_t clock_ns);
/* Memory was short, so that an input is not kept: it is time to end; NULL: all is well. */
const struct td_error *td_keeper_fault(const struct td_keeper *keeper);
/* When td_keeper_commit() has something to do by itself, by that clock (to try again, or to let in
 * who waited for a fold); INT64_MAX: never. */
int64_t td_keeper_due(const struct td_keeper *keeper);

enum td_admission {
    TD_ADMIT,     /* the authority may have the message */
    TD_PARKED,    /* it is kept, for later: the authority gets it when there is room */
    TD_TRY_LATER, /* there is no room for it: its peer may be told so, and the connection ends */
    TD_TOO_MUCH,  /* the same, but nothing can be told: the connection ends now */
};

/* What is to be done with a message before the authority gets it. */
enum td_admission td_keeper_admit(struct td_keeper *keeper, uint32_t link,
                                  const struct td_message *message, td_time now);
/* How many messages are kept for later: hellos. */
uint32_t td_keeper_newcomers(const struct td_keeper *keeper);
/* The link is gone: what was kept of it goes with it. */
void td_keeper_forget(struct td_keeper *keeper, uint32_t link);

#endif
