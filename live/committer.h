/* The thread that waits for the disk: it makes batches of rows durable, one after the other, while
 * who hands them over goes on. From its start to its end nobody else touches the journal, except
 * while it has no batch.
 *
 *     committer = td_committer_start(journal, wake, context, &error);
 *     td_committer_hand_over(committer, rows, count);     and they stay as they are, until
 *     if (td_committer_take(committer, &result)) ...      it is decided: durable, or failed
 *     td_committer_stop(committer);
 *
 * All of these are called by one thread; `wake` is called by the other one.
 */
#ifndef TD_LIVE_COMMITTER_H
#define TD_LIVE_COMMITTER_H

#include "live/journal.h"

struct td_committer;

/* What has become of a batch. */
struct td_commit_result {
    bool durable; /* else nothing of it is written, and the error says why */
    td_time took;
    struct td_error error;
};

/* Commits at once, in the caller's thread. */
void td_commit(struct td_journal *journal, const struct td_journal_row *rows, size_t count,
               struct td_commit_result *result);

/* `wake` is told when a batch is decided and nobody waits for that. NULL with an error if there can
 * be no thread. */
struct td_committer *td_committer_start(struct td_journal *journal, void (*wake)(void *context),
                                        void *context, struct td_error *error);
/* The next batch, once the one before was taken back. Rows and bytes are the caller's. */
void td_committer_hand_over(struct td_committer *committer, const struct td_journal_row *rows,
                            size_t count);
/* Waits until the batch is decided, if there is one, but not longer than `most`. */
void td_committer_wait(struct td_committer *committer, td_time most);
/* True, once, when the batch is decided. */
bool td_committer_take(struct td_committer *committer, struct td_commit_result *result);
/* Waits for the batch that it has, if any, and ends. NULL is allowed. */
void td_committer_stop(struct td_committer *committer);

#endif
