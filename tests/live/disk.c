#include "disk.h"

#include <signal.h>
#include <sqlite3.h>

struct sqlite3 *disk_stall(const char *journal)
{
    sqlite3 *stall = NULL;
    assert_int_equal(sqlite3_open_v2(journal, &stall, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    /* there is one writer at a time, whoever it is */
    assert_int_equal(sqlite3_busy_timeout(stall, 5000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(stall, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return stall;
}

void disk_go_on(struct sqlite3 *stall)
{
    assert_int_equal(sqlite3_exec(stall, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(stall), SQLITE_OK);
}

void disk_limit(rlim_t bytes)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
