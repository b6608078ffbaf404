/* What the tests of the CSV files share: a run that follows from its indices, directories to write
 * into, and whole directories as text. What cannot be had fails the test. */
#ifndef TD_TESTS_REPORT_FIXTURE_H
#define TD_TESTS_REPORT_FIXTURE_H

#include "report/csv_internal.h"
#include "report/spool.h"

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `intervals`: rows of each part in tasks.csv. */
struct fixture {
    struct td_labels labels;
    struct td_results results;
    struct td_comparison *comparison;
    uint32_t intervals;
};

void fixture_create(struct fixture *fixture, uint32_t policies, uint32_t replications,
                    uint32_t intervals);
void fixture_destroy(struct fixture *fixture);

/* Writes one part; false and the error of what refused it. */
bool fixture_part(const struct fixture *fixture, struct td_csv *csv, uint32_t policy,
                  uint32_t replication, struct td_error *error);

/* DIR/NAME, to be freed. */
char *path_join(const char *dir, const char *name);

/* A new empty directory, its path to be given to directory_remove. */
char *directory_create(void);
void directory_remove(char *path);
void directory_empty(const char *path);

void file_write(const char *dir, const char *name, const char *text);

/* A whole file, to be freed; NULL if there is none. */
char *file_text(const char *dir, const char *name);

/* All of a directory (names, hidden ones too, inodes and contents) as one text, to be freed; of one
 * that is not there, "absent". Two equal texts: nothing has been touched. */
char *directory_text(const char *path);

/* How many files a directory holds, hidden ones too. */
int directory_count(const char *path);

#endif
