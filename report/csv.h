/* The CSV files of a run (model, section 6): complete or absent.
 *
 *     struct td_csv *csv = td_csv_open(dir, &labels, tasks, &error);
 *     each (policy, replication), on any thread, in any order:
 *         struct td_csv_part *part = td_csv_part_begin(csv, policy, replication, &error);
 *         struct td_recorder recorder = td_csv_part_recorder(part);  for the world to fill
 *         td_csv_part_run(part, &record);
 *         td_csv_part_end(part, &error);                             appended in order
 *     td_csv_commit(csv, &results, comparison, &error);              syncs and renames all
 *     td_csv_destroy(csv);                                           uncommitted: removes all
 *
 * Order of the rows: policies as given, replications ascending, whatever the threads do;
 * compare.csv goes metric by metric. A part whose turn it is writes straight on; one ahead of its
 * turn waits in memory (64 MiB for all of them), past that in a nameless temporary file in DIR.
 * Lines end with a line feed alone.
 *
 * Every failure (full disk, no permission, a directory in the way) names the file, the reason and
 * the mend, and leaves DIR as it was: what stood there stands, and what was made, DIR included,
 * goes. What cannot be right already at the start is refused by td_csv_open, before anything is
 * run. A limit on file sizes is such a failure only where SIGXFSZ is ignored; it kills otherwise.
 *
 * Cost: without the disk some 30 ns a row of tasks.csv, and 0.3 us a part of four other rows.
 */
#ifndef TD_REPORT_CSV_H
#define TD_REPORT_CSV_H

#include "base/error.h"
#include "report/record.h"
#include "report/statistics.h"

#include <stddef.h>

struct td_csv;
struct td_csv_part;

/* tasks: tasks.csv has the first that many replications; UINT32_MAX for all of them. */
struct td_csv *td_csv_open(const char *dir, const struct td_labels *labels, uint32_t tasks,
                           struct td_error *error);
struct td_csv_part *td_csv_part_begin(struct td_csv *csv, uint32_t policy, uint32_t replication,
                                      struct td_error *error);
struct td_recorder td_csv_part_recorder(struct td_csv_part *part);
void td_csv_part_run(struct td_csv_part *part, const struct td_run_record *record);
bool td_csv_part_end(struct td_csv_part *part, struct td_error *error);
bool td_csv_commit(struct td_csv *csv, const struct td_results *results,
                   const struct td_comparison *comparison, struct td_error *error);
void td_csv_destroy(struct td_csv *csv);

#endif
