/* What outlives an authority whose peers have all gone: schemas, and of each cohort who shares in
 * it, what is published and known broken, and the times that were learned. Items of bytes, each of
 * which td_authority_restore() takes, in this order; a scenario's schema and its peers' places are
 * such items, too.
 *
 * What is left behind: peers, with their accidental failures; variants beyond the newest
 * TD_SUMMARY_VARIANTS of a cohort; what one peer alone has found broken. */
#ifndef TD_LIVE_SUMMARY_H
#define TD_LIVE_SUMMARY_H

#include "live/authority.h"

#define TD_SUMMARY_VARIANTS 10000u

struct td_summary {
    struct td_buffer bytes;
    size_t *ends; /* of the items in them */
    size_t count, capacity;
};

/* False with an error if memory is short; the summary is to be freed in any case. */
bool td_summary_of_scenario(struct td_summary *summary, const struct td_scenario *scenario,
                            struct td_error *error);
/* Of a file that holds just a schema. */
bool td_summary_of_schema(struct td_summary *summary, const struct td_scenario *schema,
                          struct td_error *error);
/* At most `retain` cohorts, and some `most` bytes: those that somebody came to last. */
bool td_summary_of_authority(struct td_summary *summary, const struct td_authority *authority,
                             uint32_t retain, size_t most, struct td_error *error);
/* Item i of them. */
const char *td_summary_item(const struct td_summary *summary, size_t i, size_t *length);
void td_summary_free(struct td_summary *summary);

/* The authority's side of td_authority_restore(): false with authority->error. */
bool td_summary_restore(struct td_authority *authority, const char *bytes, size_t length);

#endif
