#include "live/journal_internal.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct td_journal {
    char *path;
    sqlite3 *database;
    sqlite3_stmt *select, *insert;
    struct td_journal_meta meta; /* its texts are owned */
    uint64_t check;              /* of the last row that was read or written */
    uint64_t meta_check;         /* before the first row */
    uint64_t bytes, rows;
    int lock; /* file descriptor; -1: it only reads */
};

bool td_journal_fail(sqlite3 *database, const char *path, const char *what, struct td_error *error)
{
    int code = sqlite3_errcode(database);
    const char *text = sqlite3_errmsg(database);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return td_journal_damaged(path, text, error);
    return td_error_set(
        error, TD_FAULT_RUN, "cannot %s journal %s: %s%s%s", what, path, text,
        sqlite3_system_errno(database) == 0 ? "" : ": ",
        sqlite3_system_errno(database) == 0 ? "" : strerror(sqlite3_system_errno(database)));
}

/* A check goes over all values of a row, and the check before it. */
static uint64_t mix_bytes(uint64_t check, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; at != NULL && i < length; i++)
        check = (check ^ at[i]) * UINT64_C(0x100000001B3); /* FNV-1a */
    return (check ^ length) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t mix_number(uint64_t check, uint64_t number)
{
    check = (check ^ number) * UINT64_C(0x9E3779B97F4A7C15);
    return check ^ check >> 29;
}

static uint64_t mix_row(uint64_t check, const struct td_journal_row *row)
{
    check = mix_number(mix_number(check, (uint64_t)row->number), (uint64_t)row->at);
    check = mix_number(mix_number(check, row->kind), row->link);
    check = mix_bytes(check, row->body, row->body_length);
    return mix_bytes(check, row->caused, row->caused_length);
}

static bool run(sqlite3 *database, const char *path, const char *what, const char *sql,
                struct td_error *error)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           td_journal_fail(database, path, what, error);
}

/* The meta table: one text or number for each of these. */
struct fact {
    const char *key;
    bool text;
    const void *bytes; /* text: NULL is none */
    size_t length;
    int64_t number;
};

enum { FACTS = 11 };

static void list_facts(const struct td_journal_meta *meta, struct fact *facts)
{
    const char *path = meta->policy_path, *scenario = meta->scenario;
    const struct fact list[FACTS] = {
        {"policy", true, meta->policy, strlen(meta->policy), 0},
        {"policy_path", true, path, path == NULL ? 0 : strlen(path), 0},
        {"scenario", true, scenario, scenario == NULL ? 0 : strlen(scenario), 0},
        {"setup", true, meta->setup == NULL ? "" : meta->setup, meta->setup_length, 0},
        {"retries", false, NULL, 0, meta->retries},
        {"learn", false, NULL, 0, meta->learn},
        {"overhead", false, NULL, 0, meta->overhead},
        {"patience_ns", false, NULL, 0, meta->patience},
        {"grace_ns", false, NULL, 0, meta->grace},
        {"first_order", false, NULL, 0, (int64_t)meta->first_order},
        {"began_ns", false, NULL, 0, meta->began_ns},
    };
    memcpy(facts, list, sizeof list);
}

static uint64_t check_facts(const struct fact *facts)
{
    uint64_t check = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < FACTS; i++) {
        check = mix_number(check, facts[i].bytes != NULL);
        check = mix_bytes(check, facts[i].bytes, facts[i].length);
        check = mix_number(check, (uint64_t)facts[i].number);
    }
    return check;
}

static bool put_fact(sqlite3_stmt *insert, const struct fact *fact)
{
    (void)sqlite3_reset(insert);
    (void)sqlite3_bind_text(insert, 1, fact->key, -1, SQLITE_STATIC);
    if (!fact->text)
        (void)sqlite3_bind_int64(insert, 2, fact->number);
    else if (strcmp(fact->key, "setup") == 0)
        (void)sqlite3_bind_blob64(insert, 2, fact->bytes, fact->length, SQLITE_STATIC);
    else
        (void)sqlite3_bind_text(insert, 2, fact->bytes, (int)fact->length, SQLITE_STATIC);
    return sqlite3_step(insert) == SQLITE_DONE;
}

/* Meta and rows, from nothing; within a transaction. */
static bool fill(sqlite3 *database, const struct td_journal_meta *meta, uint64_t *check)
{
    static const char sql[] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)";
    struct fact facts[FACTS];
    sqlite3_stmt *insert = NULL;
    list_facts(meta, facts);
    *check = check_facts(facts);
    bool good = sqlite3_prepare_v2(database, sql, -1, &insert, NULL) == SQLITE_OK;
    for (size_t i = 0; good && i < FACTS; i++)
        good = put_fact(insert, &facts[i]);
    const struct fact sum = {.key = "check", .number = (int64_t)*check};
    good = good && put_fact(insert, &sum);
    (void)sqlite3_finalize(insert);
    return good;
}

static sqlite3_stmt *prepare_insert(sqlite3 *database)
{
    static const char sql[] = "INSERT INTO inputs(number, at, kind, link, body, caused, \"check\") "
                              "VALUES(?, ?, ?, ?, ?, ?, ?)";
    sqlite3_stmt *insert = NULL;
    return sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &insert, NULL) ==
                   SQLITE_OK
               ? insert
               : NULL;
}

/* Rows behind `number` others; the check goes on. */
static bool put_rows(sqlite3_stmt *insert, const struct td_journal_row *rows, size_t count,
                     uint64_t number, uint64_t *check)
{
    for (size_t i = 0; i < count; i++) {
        struct td_journal_row row = rows[i];
        row.number = (int64_t)(number + i + 1);
        *check = mix_row(*check, &row);
        (void)sqlite3_reset(insert);
        (void)sqlite3_bind_int64(insert, 1, row.number);
        (void)sqlite3_bind_int64(insert, 2, row.at);
        (void)sqlite3_bind_int64(insert, 3, row.kind);
        (void)sqlite3_bind_int64(insert, 4, row.link);
        (void)sqlite3_bind_blob64(insert, 5, row.body_length == 0 ? "" : row.body, row.body_length,
                                  SQLITE_STATIC);
        (void)sqlite3_bind_blob64(insert, 6, row.caused_length == 0 ? "" : row.caused,
                                  row.caused_length, SQLITE_STATIC);
        (void)sqlite3_bind_int64(insert, 7, (int64_t)*check);
        if (sqlite3_step(insert) != SQLITE_DONE) return false;
    }
    (void)sqlite3_reset(insert);
    return true;
}

static uint64_t bytes_of(const struct td_journal_row *rows, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += rows[i].body_length + rows[i].caused_length + 32; /* and what a row costs */
    return bytes;
}

static const char tables[] =
    "PRAGMA auto_vacuum = FULL; BEGIN IMMEDIATE;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;"
    "CREATE TABLE inputs(number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " link INTEGER NOT NULL, body BLOB NOT NULL, caused BLOB NOT NULL, \"check\" INTEGER NOT "
    "NULL);";

/* The header says what it is before SQLite is told to write ahead: from then on it is only read. */
static bool make(sqlite3 *database, const char *path, const struct td_journal_meta *meta,
                 const struct td_journal_row *rows, size_t count, struct td_error *error)
{
    char pragmas[128];
    uint64_t check;
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA application_id = %u; PRAGMA user_version = %u; COMMIT;"
                   "PRAGMA journal_mode = WAL;",
                   TD_JOURNAL_APPLICATION, TD_JOURNAL_FORMAT);
    if (!run(database, path, "make", "PRAGMA synchronous = FULL", error) ||
        !run(database, path, "make", tables, error))
        return false;
    sqlite3_stmt *insert = prepare_insert(database);
    bool good =
        insert != NULL && fill(database, meta, &check) && put_rows(insert, rows, count, 0, &check);
    if (!good) (void)td_journal_fail(database, path, "make", error);
    (void)sqlite3_finalize(insert);
    return good && run(database, path, "make", pragmas, error);
}

/* The name is as durable as the file. */
static bool sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", length, slash == NULL ? "." : path);
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return false;
    bool good = fsync(file) == 0;
    (void)close(file);
    return good;
}

bool td_journal_create(const char *path, const struct td_journal_meta *meta,
                       const struct td_journal_row *rows, size_t count, struct td_error *error)
{
    char draft[4096];
    sqlite3 *database = NULL;
    if ((size_t)snprintf(draft, sizeof draft, "%s.%ld.new", path, (long)getpid()) >= sizeof draft)
        return td_error_set(error, TD_FAULT_INPUT, "the path of journal %.64s... is too long",
                            path);
    (void)unlink(draft);
    /* complete or absent: whoever is killed here leaves no half journal */
    bool good = sqlite3_open_v2(draft, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                NULL) == SQLITE_OK;
    if (!good) (void)td_journal_fail(database, path, "make", error);
    good = good && make(database, path, meta, rows, count, error);
    (void)sqlite3_close(database);
    if (good && (rename(draft, path) != 0 || !sync_folder(path)))
        good = td_error_set(error, TD_FAULT_INPUT, "cannot make journal %s: %s", path,
                            strerror(errno));
    if (!good) (void)unlink(draft);
    return good;
}

/* What a text of the meta table was, owned; `*good` turns false without memory. */
static void *take(sqlite3_stmt *row, size_t *length, bool *good)
{
    const void *bytes = sqlite3_column_blob(row, 1);
    bool null = sqlite3_column_type(row, 1) == SQLITE_NULL;
    *length = (size_t)sqlite3_column_bytes(row, 1);
    char *copy = null ? NULL : malloc(*length + 1);
    if (null) return NULL;
    if (copy == NULL) {
        *good = false;
        return NULL;
    }
    if (*length > 0) memcpy(copy, bytes, *length);
    copy[*length] = '\0';
    return copy;
}

static void take_fact(struct td_journal_meta *meta, sqlite3_stmt *row, uint64_t *check, bool *good)
{
    const char *key = (const char *)sqlite3_column_text(row, 0);
    int64_t number = sqlite3_column_int64(row, 1);
    size_t length;
    if (key == NULL) return;
    if (strcmp(key, "policy") == 0 && meta->policy == NULL)
        meta->policy = take(row, &length, good);
    else if (strcmp(key, "policy_path") == 0 && meta->policy_path == NULL)
        meta->policy_path = take(row, &length, good);
    else if (strcmp(key, "scenario") == 0 && meta->scenario == NULL)
        meta->scenario = take(row, &length, good);
    else if (strcmp(key, "setup") == 0 && meta->setup == NULL)
        meta->setup = take(row, &meta->setup_length, good);
    else if (strcmp(key, "retries") == 0)
        meta->retries = (uint32_t)number;
    else if (strcmp(key, "learn") == 0)
        meta->learn = number != 0;
    else if (strcmp(key, "overhead") == 0)
        meta->overhead = number != 0;
    else if (strcmp(key, "patience_ns") == 0)
        meta->patience = number;
    else if (strcmp(key, "grace_ns") == 0)
        meta->grace = number;
    else if (strcmp(key, "first_order") == 0)
        meta->first_order = (td_order)number;
    else if (strcmp(key, "began_ns") == 0)
        meta->began_ns = number;
    else if (strcmp(key, "check") == 0)
        *check = (uint64_t)number;
}

static void meta_free(struct td_journal_meta *meta)
{
    free((void *)(uintptr_t)meta->policy);
    free((void *)(uintptr_t)meta->policy_path);
    free((void *)(uintptr_t)meta->scenario);
    free((void *)(uintptr_t)meta->setup);
    *meta = (struct td_journal_meta){0};
}

static bool read_meta(struct td_journal *journal, struct td_error *error)
{
    sqlite3_stmt *select = NULL;
    uint64_t check = 0;
    bool good = true;
    int status =
        sqlite3_prepare_v2(journal->database, "SELECT key, value FROM meta", -1, &select, NULL);
    while (status == SQLITE_OK || status == SQLITE_ROW) {
        status = sqlite3_step(select);
        if (status == SQLITE_ROW) take_fact(&journal->meta, select, &check, &good);
    }
    if (status != SQLITE_DONE)
        (void)td_journal_fail(journal->database, journal->path, "read", error);
    (void)sqlite3_finalize(select);
    if (status != SQLITE_DONE) return false;
    if (!good) return td_error_memory(error, "a journal");
    struct fact facts[FACTS];
    if (journal->meta.policy == NULL || journal->meta.setup == NULL)
        return td_journal_damaged(journal->path, "it does not say how it began", error);
    list_facts(&journal->meta, facts);
    journal->meta_check = journal->check = check_facts(facts);
    return journal->check == check ||
           td_journal_damaged(journal->path, "how it began is not as it was written", error);
}

struct td_journal *td_journal_open(const char *path, bool own, struct td_error *error)
{
    static const char sql[] = "SELECT number, at, kind, link, body, caused, \"check\" FROM inputs "
                              "ORDER BY number";
    if (!td_journal_header(path, error)) return NULL;
    struct td_journal *journal = calloc(1, sizeof *journal);
    if (journal != NULL) journal->path = strdup(path);
    if (journal == NULL || journal->path == NULL) {
        free(journal);
        (void)td_error_memory(error, "a journal");
        return NULL;
    }
    /* closing a file of SQLite's would end its locks: this one is opened before, closed behind */
    journal->lock = own ? td_journal_lock(path, error) : -1;
    if (!own || journal->lock >= 0) journal->database = td_journal_connect(path, error);
    /* one transaction for all, so that an authority that writes meanwhile changes nothing */
    bool good = journal->database != NULL && run(journal->database, path, "read", "BEGIN", error) &&
                td_journal_pages(journal->database, path, error) && read_meta(journal, error);
    if (good && sqlite3_prepare_v2(journal->database, sql, -1, &journal->select, NULL) != SQLITE_OK)
        good = td_journal_fail(journal->database, path, "read", error);
    if (good) return journal;
    td_journal_close(journal);
    return NULL;
}

void td_journal_close(struct td_journal *journal)
{
    if (journal == NULL) return;
    (void)sqlite3_finalize(journal->select);
    (void)sqlite3_finalize(journal->insert);
    (void)sqlite3_close(journal->database);
    if (journal->lock >= 0) (void)close(journal->lock);
    meta_free(&journal->meta);
    free(journal->path);
    free(journal);
}

const struct td_journal_meta *td_journal_meta(const struct td_journal *journal)
{
    return &journal->meta;
}

uint64_t td_journal_bytes(const struct td_journal *journal)
{
    return journal->bytes;
}

uint64_t td_journal_rows(const struct td_journal *journal)
{
    return journal->rows;
}

void td_journal_rewind(struct td_journal *journal)
{
    (void)sqlite3_reset(journal->select);
    journal->check = journal->meta_check;
    journal->bytes = journal->rows = 0;
}

bool td_journal_next(struct td_journal *journal, struct td_journal_row *row, struct td_error *error)
{
    sqlite3_stmt *select = journal->select;
    int status = sqlite3_step(select);
    *error = (struct td_error){0};
    if (status == SQLITE_DONE) return false;
    if (status != SQLITE_ROW)
        return td_journal_fail(journal->database, journal->path, "read", error);
    *row = (struct td_journal_row){.number = sqlite3_column_int64(select, 0),
                                   .at = sqlite3_column_int64(select, 1),
                                   .kind = (uint32_t)sqlite3_column_int64(select, 2),
                                   .link = (uint32_t)sqlite3_column_int64(select, 3)};
    row->body = sqlite3_column_blob(select, 4);
    row->body_length = (size_t)sqlite3_column_bytes(select, 4);
    row->caused = sqlite3_column_blob(select, 5);
    row->caused_length = (size_t)sqlite3_column_bytes(select, 5);
    journal->check = mix_row(journal->check, row);
    journal->bytes += bytes_of(row, 1);
    journal->rows++;
    if ((uint64_t)row->number == journal->rows &&
        journal->check == (uint64_t)sqlite3_column_int64(select, 6))
        return true;
    char what[64];
    (void)snprintf(what, sizeof what, "row %llu is not as it was written",
                   (unsigned long long)journal->rows);
    return td_journal_damaged(journal->path, what, error);
}

bool td_journal_write(struct td_journal *journal, struct td_error *error)
{
    TD_ASSERT(journal->lock >= 0);
    (void)sqlite3_finalize(journal->select);
    journal->select = NULL;
    (void)sqlite3_close(journal->database);
    journal->database = NULL;
    bool good = sqlite3_open_v2(journal->path, &journal->database, SQLITE_OPEN_READWRITE, NULL) ==
                    SQLITE_OK ||
                td_journal_fail(journal->database, journal->path, "open", error);
    if (!good) return false;
    (void)sqlite3_busy_timeout(journal->database, 5000);
    if (!run(journal->database, journal->path, "write to",
             "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304", error))
        return false;
    journal->insert = prepare_insert(journal->database);
    return journal->insert != NULL ||
           td_journal_fail(journal->database, journal->path, "write to", error);
}

/* The transaction is over, well or not. */
static bool finish(struct td_journal *journal, bool good, struct td_error *error)
{
    if (good && sqlite3_exec(journal->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return true;
    (void)td_journal_fail(journal->database, journal->path, "write to", error);
    (void)sqlite3_reset(journal->insert);
    (void)sqlite3_exec(journal->database, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool td_journal_append(struct td_journal *journal, const struct td_journal_row *rows, size_t count,
                       struct td_error *error)
{
    uint64_t check = journal->check;
    if (count == 0) return true;
    bool good = sqlite3_exec(journal->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
                put_rows(journal->insert, rows, count, journal->rows, &check);
    if (!finish(journal, good, error)) return false;
    journal->check = check;
    journal->rows += count;
    journal->bytes += bytes_of(rows, count);
    return true;
}

/* A copy of what the caller's meta says. False without memory. */
static bool copy_meta(struct td_journal_meta *to, const struct td_journal_meta *from)
{
    char *setup = malloc(from->setup_length + 1);
    *to = *from;
    to->policy = strdup(from->policy);
    to->policy_path = from->policy_path == NULL ? NULL : strdup(from->policy_path);
    to->scenario = from->scenario == NULL ? NULL : strdup(from->scenario);
    to->setup = setup;
    if (setup != NULL && from->setup_length > 0) memcpy(setup, from->setup, from->setup_length);
    return setup != NULL && to->policy != NULL &&
           (from->policy_path == NULL || to->policy_path != NULL) &&
           (from->scenario == NULL || to->scenario != NULL);
}

bool td_journal_replace(struct td_journal *journal, const struct td_journal_meta *meta,
                        const struct td_journal_row *rows, size_t count, struct td_error *error)
{
    struct td_journal_meta copy;
    uint64_t check = 0, first = 0;
    if (!copy_meta(&copy, meta)) {
        meta_free(&copy);
        return td_error_memory(error, "a journal");
    }
    sqlite3 *database = journal->database;
    bool good = sqlite3_exec(database, "BEGIN IMMEDIATE; DELETE FROM inputs", NULL, NULL, NULL) ==
                    SQLITE_OK &&
                fill(database, &copy, &first);
    check = first;
    good = good && put_rows(journal->insert, rows, count, 0, &check);
    if (!finish(journal, good, error)) {
        meta_free(&copy);
        return false;
    }
    meta_free(&journal->meta);
    journal->meta = copy;
    journal->meta_check = first;
    journal->check = check;
    journal->rows = count;
    journal->bytes = bytes_of(rows, count);
    (void)sqlite3_wal_checkpoint_v2(database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return true;
}
