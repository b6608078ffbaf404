/* What a disk can do to a journal. */
#ifndef TD_TESTS_LIVE_DISK_H
#define TD_TESTS_LIVE_DISK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

/* It takes its time: commits don't end until disk_go_on(), or for 5 s: then they fail. */
struct sqlite3 *disk_stall(const char *journal);
void disk_go_on(struct sqlite3 *stall);
/* It is full: no file may become larger than that. */
void disk_limit(rlim_t bytes);

#endif
