#include "live/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where SQLite's file format has what, big-endian. */
#define HEADER_SIZE 100
#define AT_USER_VERSION 60
#define AT_APPLICATION 68

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool td_journal_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_size > 0;
}

bool td_journal_damaged(const char *path, const char *what, struct td_error *error)
{
    return td_error_set(error, TD_FAULT_INPUT,
                        "journal %s is damaged (%s): bring back a copy of it, or move it away to "
                        "begin a new one",
                        path, what);
}

bool td_journal_header(const char *path, struct td_error *error)
{
    unsigned char header[HEADER_SIZE];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return td_error_set(error, TD_FAULT_INPUT, "cannot read journal %s: %s", path,
                            strerror(errno));
    ssize_t length = pread(file, header, sizeof header, 0);
    int reason = errno;
    (void)close(file);
    if (length < 0)
        return td_error_set(error, TD_FAULT_INPUT, "cannot read journal %s: %s", path,
                            strerror(reason));
    if (length < HEADER_SIZE || memcmp(header, "SQLite format 3", 16) != 0 ||
        big_endian(header + AT_APPLICATION) != TD_JOURNAL_APPLICATION)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s is no journal of an authority: name one, or a file that does not "
                            "exist yet",
                            path);
    uint32_t format = big_endian(header + AT_USER_VERSION);
    return format == TD_JOURNAL_FORMAT ||
           td_error_set(error, TD_FAULT_INPUT,
                        "journal %s has format %u and this program knows format %u: use the "
                        "version of the program that wrote it",
                        path, format, TD_JOURNAL_FORMAT);
}

/* What is at the path's end, as SQLite wants it in a URI. */
static char *uri_of(const char *path, const char *query)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    size_t size = 3 * strlen(path) + strlen(query) + 8;
    char *uri = malloc(size);
    if (uri == NULL) return NULL;
    size_t length = (size_t)snprintf(uri, size, "file:");
    for (const char *at = path; *at != '\0'; at++)
        length +=
            (size_t)snprintf(uri + length, size - length,
                             strchr(plain, *at) != NULL ? "%c" : "%%%02X", (unsigned char)*at);
    (void)snprintf(uri + length, size - length, "%s", query);
    return uri;
}

/* Nobody has it open, and nothing has to be recovered. */
static bool is_closed(const char *path)
{
    char wal[4096];
    struct stat status;
    if ((size_t)snprintf(wal, sizeof wal, "%s-wal", path) >= sizeof wal) return false;
    return stat(wal, &status) != 0 && errno == ENOENT;
}

sqlite3 *td_journal_connect(const char *path, struct td_error *error)
{
    /* a file of which there is no more than itself can be read without files beside it */
    char *uri = uri_of(path, is_closed(path) ? "?immutable=1" : "?mode=ro");
    sqlite3 *database = NULL;
    if (uri == NULL) {
        (void)td_error_memory(error, "a journal");
        return NULL;
    }
    int status = sqlite3_open_v2(uri, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    free(uri);
    if (status == SQLITE_OK) {
        (void)sqlite3_busy_timeout(database, 5000);
        return database;
    }
    (void)td_journal_fail(database, path, "open", error);
    (void)sqlite3_close(database);
    return NULL;
}

bool td_journal_pages(sqlite3 *database, const char *path, struct td_error *error)
{
    sqlite3_stmt *check = NULL;
    if (sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &check, NULL) != SQLITE_OK)
        return td_journal_fail(database, path, "read", error);
    int status = sqlite3_step(check);
    const char *text = status == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
    bool good = text != NULL && strcmp(text, "ok") == 0;
    if (!good && status == SQLITE_ROW)
        (void)td_journal_damaged(path, text == NULL ? "SQLite says nothing" : text, error);
    else if (!good)
        (void)td_journal_fail(database, path, "read", error);
    (void)sqlite3_finalize(check);
    return good;
}

int td_journal_lock(const char *path, struct td_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0) return file;
    int reason = errno;
    if (file >= 0) (void)close(file);
    if (reason == EWOULDBLOCK)
        (void)td_error_set(error, TD_FAULT_INPUT,
                           "journal %s belongs to an authority that runs: end that one, or name "
                           "another file",
                           path);
    else
        (void)td_error_set(error, TD_FAULT_INPUT, "cannot lock journal %s: %s", path,
                           strerror(reason));
    return -1;
}
