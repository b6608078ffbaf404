/* What the files of csv.h share among themselves and with their tests. */
#ifndef TD_REPORT_CSV_INTERNAL_H
#define TD_REPORT_CSV_INTERNAL_H

#include "report/buffer.h"
#include "report/csv.h"
#include "report/outputs.h"

/* The files in the order in which they appear. The first three are written part by part. */
enum { TD_CSV_RUNS, TD_CSV_PEERS, TD_CSV_TASKS, TD_CSV_STREAMS };
enum { TD_CSV_SUMMARY = TD_CSV_STREAMS, TD_CSV_COMPARE, TD_CSV_COUNT };

/* td_csv_open with system calls of the caller's and a limit of what waits in memory. */
struct td_csv *td_csv_open_on(const struct td_disk *disk, size_t memory, const char *dir,
                              const struct td_labels *labels, uint32_t tasks,
                              struct td_error *error);

/* Names quoted and joined with their commas once, so that a row copies them. */
struct td_names {
    struct td_buffer text;
    size_t *ends; /* name i is text[ends[i]] up to ends[i + 1] */
    size_t longest;
};

/* The texts of all rows of a run that do not change from row to row. */
struct td_row_texts {
    const struct td_labels *labels;
    struct td_names policies;          /* `scenario,mode,policy,` */
    struct td_names peers;             /* `peer,` */
    struct td_names sites;             /* `peer,cache,` */
    struct td_names steps;             /* `step,`, then `universe,`, then `,` for no step */
    struct td_buffer counts;           /* `,seed,peers,steps,` */
    size_t longest_task, longest_peer; /* bytes of a row without its prefix */
};

bool td_row_texts_create(struct td_row_texts *texts, const struct td_labels *labels,
                         struct td_error *error);
void td_row_texts_destroy(struct td_row_texts *texts);

/* The last end of an interval, as text: the next one of the same peer often begins then. */
struct td_row_end {
    td_time time;
    size_t length; /* 0: there has been none */
    char text[TD_TIME_TEXT];
};

/* Rows written at `at`, which holds the prefix and longest_* bytes; they return their end. */
char *td_row_task(const struct td_row_texts *texts, const struct td_buffer *prefix,
                  const struct td_interval *interval, struct td_row_end *last, char *at);
char *td_row_peer(const struct td_row_texts *texts, const struct td_buffer *prefix, uint32_t peer,
                  const struct td_peer_record *record, char *at);

/* `policy,replication,`, with room behind it that td_row_task and td_row_peer need, and a row of
 * runs.csv; failures stay in the texts. */
void td_row_prefix(const struct td_row_texts *texts, uint32_t policy, uint32_t replication,
                   struct td_buffer *prefix);
void td_row_run(const struct td_row_texts *texts, const struct td_buffer *prefix,
                const struct td_run_record *record, struct td_buffer *out);

/* All of summary.csv and of compare.csv below their header lines. */
void td_rows_summary(const struct td_labels *labels, const struct td_comparison *comparison,
                     struct td_buffer *out);
void td_rows_compare(const struct td_labels *labels, const struct td_comparison *comparison,
                     struct td_buffer *out);

/* The header line of a file, its line end included. */
extern const char *const td_csv_headers[TD_CSV_COUNT];
extern const char *const td_csv_names[TD_CSV_COUNT];

#endif
