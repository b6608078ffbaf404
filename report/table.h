/* What a person or a script reads on the terminal at the end of a run. */
#ifndef TD_REPORT_TABLE_H
#define TD_REPORT_TABLE_H

#include "report/statistics.h"

#include <stdio.h>

/* Longest text of td_duration_text, its terminating zero included. */
#define TD_DURATION_TEXT 48

/* Seconds for people: "0 s", "12.3 s", "80 min", "26 min 40 s", "5 h 3 min". NaN: "-". */
void td_duration_text(double seconds, char *out);

/* The comparison as an aligned table: policy; makespan and mean turnaround with intervals (none
 * with one replication); builds, duplicates, fetches, machine time; ratio of the makespan to the
 * best, with a mark on those that the data cannot tell from the best; the lower bound of the
 * makespan if it is known, and one line that explains the mark if it occurs. */
void td_table_print(FILE *out, const struct td_results *results,
                    const struct td_comparison *comparison);

/* The same, whole, as one JSON object for scripts. */
bool td_table_json(FILE *out, const struct td_results *results,
                   const struct td_comparison *comparison, struct td_error *error);

#endif
