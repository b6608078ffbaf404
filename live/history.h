/* A journal's life, lived again: the proof that all of it follows from what came in, the records
 * that such a life leaves, and what another policy would have decided.
 *
 *     history = td_history_create(journal, policy, &error);      NULL: it does not follow
 *     td_history_counts(history) ... td_history_labels(history)
 *     td_history_record(history, &recorder, &record, &error);
 *     td_history_follow(history, other, on_difference, context, &counts, &error);
 *     td_history_destroy(history);
 *
 * The journal is read, and outlives the history.
 */
#ifndef TD_LIVE_HISTORY_H
#define TD_LIVE_HISTORY_H

#include "live/journal.h"
#include "live/schemas.h"
#include "report/record.h"

struct td_history;

struct td_history_counts {
    uint64_t inputs, events, decisions, orders;
    uint32_t peers, schemas;
    td_time end; /* of the last input */
};

/* NULL with a sentence that names the first input, and what of it differs (TD_FAULT_RUN). */
struct td_history *td_history_create(struct td_journal *journal, const struct td_policy *policy,
                                     struct td_error *error);
void td_history_destroy(struct td_history *history); /* NULL is allowed */

struct td_history_counts td_history_counts(const struct td_history *history);
/* Of peers as they have said hello, and of all steps of all schemas. */
const struct td_labels *td_history_labels(const struct td_history *history);

/* Fills the recorder with the intervals and peers of this life. */
bool td_history_record(struct td_history *history, const struct td_recorder *recorder,
                       struct td_run_record *record, struct td_error *error);

/* A question of a peer's that the other policy answers otherwise. */
struct td_history_difference {
    td_time at;
    const char *peer;
    char taken[200], would[200]; /* such as: build "2" */
};

struct td_history_questions {
    uint64_t asked, differ;
};

/* At each question, with all before decided as it was. */
bool td_history_follow(struct td_history *history, const struct td_policy *other,
                       void (*differs)(void *context, const struct td_history_difference *what),
                       void *context, struct td_history_questions *questions,
                       struct td_error *error);

#endif
