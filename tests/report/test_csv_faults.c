/* Whatever fails, the directory is as it was, and the error says what to do. */
#include "tests/report/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The real system calls, of which the `countdown`th fails, on whichever thread; of the others,
 * writes are short. */
static atomic_int countdown;
static int reason;
static size_t longest = 1000; /* of a write */
static bool no_links, no_nameless;

static bool fails(void)
{
    int left = atomic_load(&countdown);
    do
        if (left == 0) return false;
    while (!atomic_compare_exchange_weak(&countdown, &left, left - 1));
    if (left > 1) return false;
    errno = reason;
    return true;
}

static int failing_mkdir(const char *path, mode_t mode)
{
    return fails() ? -1 : mkdir(path, mode);
}

static int failing_openat(int dir, const char *name, int flags, mode_t mode)
{
    if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails() ? -1 : openat(dir, name, flags, mode);
}

static ssize_t failing_write(int fd, const void *bytes, size_t length)
{
    return fails() ? -1 : write(fd, bytes, length > longest ? longest : length);
}

static ssize_t failing_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return fails() ? -1 : pwrite(fd, bytes, length > 1000 ? 1000 : length, offset);
}

static ssize_t failing_pread(int fd, void *bytes, size_t length, off_t offset)
{
    return fails() ? -1 : pread(fd, bytes, length > 1000 ? 1000 : length, offset);
}

static int failing_fsync(int fd)
{
    return fails() ? -1 : fsync(fd);
}

static int failing_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (no_links) {
        errno = EPERM;
        return -1;
    }
    return fails() ? -1 : linkat(from_dir, from, to_dir, to, flags);
}

static int failing_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails() ? -1 : renameat(from_dir, from, to_dir, to);
}

static const struct td_disk failing_disk = {
    .mkdir = failing_mkdir,
    .openat = failing_openat,
    .write = failing_write,
    .pwrite = failing_pwrite,
    .pread = failing_pread,
    .fsync = failing_fsync,
    .linkat = failing_linkat,
    .renameat = failing_renameat,
};

/* A run with rows that wait on disk (memory 0), parts in the reverse of their order. */
static bool write_run(const struct td_disk *disk, const char *dir, const struct fixture *fixture,
                      struct td_error *error)
{
    uint32_t replications = fixture->labels.replications;
    uint32_t parts = fixture->labels.policy_count * replications;
    struct td_csv *csv = td_csv_open_on(disk, 0, dir, &fixture->labels, UINT32_MAX, error);
    bool done = csv != NULL;
    for (uint32_t i = parts; done && i > 0; i--)
        done = fixture_part(fixture, csv, (i - 1) / replications, (i - 1) % replications, error);
    done = done && td_csv_commit(csv, &fixture->results, fixture->comparison, error);
    td_csv_destroy(csv);
    return done;
}

/* What stands in the directory before a run: all five files, or nothing. */
static void prepare(const char *base, const char *dir, bool earlier)
{
    directory_empty(base);
    if (!earlier) return;
    assert_int_equal(mkdir(dir, 0777), 0);
    for (size_t i = 0; i < TD_CSV_COUNT; i++)
        file_write(dir, td_csv_names[i], "earlier");
}

/* Fails the first call, the second and so on until none is left to fail; returns how many there
 * are. A call may also fail and be made good, as a link is by a rename. */
static int fail_each_call(const struct fixture *fixture, const char *within, bool earlier)
{
    char *base = directory_create(), *dir = path_join(base, within);
    bool failed = true;
    int calls = 0;
    for (; failed; calls++) {
        prepare(base, dir, earlier);
        char *before = directory_text(dir);
        struct td_error error;
        countdown = calls + 1;
        bool done = write_run(&failing_disk, dir, fixture, &error);
        failed = countdown == 0;
        countdown = 0;
        assert_true(done || failed);
        char *after = directory_text(dir);
        if (done) {
            assert_int_equal(directory_count(dir), TD_CSV_COUNT);
        } else {
            assert_string_equal(after, before);
            assert_int_equal(directory_count(base), earlier ? 1 : 0);
            assert_true(error.fault == TD_FAULT_INPUT || error.fault == TD_FAULT_RUN);
            assert_non_null(strstr(error.text, strerror(reason)));
            assert_non_null(strstr(error.text, base));
        }
        free(before);
        free(after);
    }
    free(dir);
    directory_remove(base);
    return calls - 1;
}

static void every_call_in_turn(void **state)
{
    (void)state;
    static const int reasons[] = {ENOSPC, EACCES, EIO};
    struct fixture fixture;
    fixture_create(&fixture, 2, 2, 40);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        reason = reasons[i];
        no_nameless = i == 1;
        assert_true(fail_each_call(&fixture, "made/for/it", false) > 50);
    }
    no_nameless = false;
    fixture_destroy(&fixture);
}

static void every_call_over_earlier_files(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 2, 3);
    reason = EIO;
    for (int i = 0; i < 2; i++) {
        no_links = i == 0;
        assert_true(fail_each_call(&fixture, "dir", true) > 30);
    }
    no_links = false;
    fixture_destroy(&fixture);
}

/* The error of a run that cannot be written to DIR, which stays as it was. */
static struct td_error refused(const char *dir, const struct fixture *fixture)
{
    struct td_error error = {0};
    assert_false(write_run(&td_disk_real, dir, fixture, &error));
    return error;
}

static void what_is_in_the_way(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, 1, 3);
    char *dir = directory_create();
    file_write(dir, "file", "");
    char *file = path_join(dir, "file"), *below = path_join(dir, "file/below");
    char *taken = path_join(dir, "summary.csv");
    assert_int_equal(mkdir(taken, 0777), 0);
    char *before = directory_text(dir);

    struct td_error error = refused(file, &fixture);
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, "/file: "));
    assert_non_null(strstr(error.text, "move what is in the way"));
    error = refused(below, &fixture);
    assert_non_null(strstr(error.text, "/file: Not a directory"));
    error = refused(dir, &fixture);
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, "/summary.csv: Is a directory: move"));
    error = refused("", &fixture);
    assert_int_equal(error.fault, TD_FAULT_INPUT);

    char *after = directory_text(dir);
    assert_string_equal(after, before);
    free(before);
    free(after);
    free(file);
    free(below);
    free(taken);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* A directory that takes a file's name while the run goes on. */
static void in_the_way_at_the_end(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 3);
    char *dir = directory_create();
    file_write(dir, "runs.csv", "earlier");
    char *taken = path_join(dir, "compare.csv");
    struct td_csv *csv = td_csv_open(dir, &fixture.labels, UINT32_MAX, NULL);
    assert_non_null(csv);
    assert_true(fixture_part(&fixture, csv, 0, 0, NULL));
    assert_int_equal(mkdir(taken, 0777), 0);
    struct td_error error;
    assert_false(td_csv_commit(csv, &fixture.results, fixture.comparison, &error));
    assert_non_null(strstr(error.text, "/compare.csv: Is a directory"));
    td_csv_destroy(csv);
    assert_int_equal(directory_count(dir), 2);
    char *text = file_text(dir, "runs.csv");
    assert_string_equal(text, "earlier");
    free(text);
    free(taken);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* Root may write anywhere, so root becomes nobody for a while. */
static void no_permission(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 3);
    char *dir = directory_create();
    assert_int_equal(chmod(dir, 0555), 0);
    bool root = geteuid() == 0;
    if (root) assert_int_equal(seteuid(65534), 0);
    struct td_error error = refused(dir, &fixture);
    char *below = path_join(dir, "below");
    struct td_error other = refused(below, &fixture);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(error.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(error.text, "runs.csv: Permission denied: give a directory"));
    assert_int_equal(other.fault, TD_FAULT_INPUT);
    assert_non_null(strstr(other.text, "/below: Permission denied: give a directory"));
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(directory_count(dir), 0);
    free(below);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* A real limit, met in the middle of a write. */
static void files_that_may_not_grow(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, 1, 10000);
    char *dir = directory_create();
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct td_error error = refused(dir, &fixture);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(error.text, "File too large: raise the limit"));
    assert_int_equal(directory_count(dir), 0);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* After the first failure everybody hears of it, and nothing is begun any more. */
static void the_first_failure_is_kept(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 4, 20000);
    char *dir = directory_create();
    struct td_csv *csv = td_csv_open_on(&failing_disk, 0, dir, &fixture.labels, UINT32_MAX, NULL);
    assert_non_null(csv);
    struct td_csv_part *open = td_csv_part_begin(csv, 0, 1, NULL);
    assert_non_null(open);
    reason = ENOSPC;
    no_nameless = true;
    countdown = 1;
    struct td_error error;
    assert_false(fixture_part(&fixture, csv, 0, 2, &error));
    no_nameless = false;
    assert_int_equal(countdown, 0);
    assert_non_null(strstr(error.text, "No space left on device: free some space"));
    struct td_error same;
    td_csv_part_run(open, &fixture.results.runs[1]);
    assert_false(td_csv_part_end(open, &same));
    assert_string_equal(same.text, error.text);
    assert_null(td_csv_part_begin(csv, 0, 0, &same));
    assert_string_equal(same.text, error.text);
    assert_false(td_csv_commit(csv, &fixture.results, fixture.comparison, &same));
    assert_string_equal(same.text, error.text);
    td_csv_destroy(csv);
    assert_int_equal(directory_count(dir), 0);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* One part, rows of some 4 MB: they are written in large blocks, while others are made. */
static bool write_large(const struct fixture *fixture, const char *dir, struct td_error *error)
{
    struct td_csv *csv = td_csv_open_on(&failing_disk, 0, dir, &fixture->labels, UINT32_MAX, error);
    bool done = csv != NULL && fixture_part(fixture, csv, 0, 0, error) &&
                td_csv_commit(csv, &fixture->results, fixture->comparison, error);
    td_csv_destroy(csv);
    return done;
}

/* Each call fails in turn, also those of the thread that writes; then none does, and the files are
 * those of small blocks. */
static void every_call_of_large_blocks(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 60000);
    char *dir = directory_create();
    longest = 300000;
    reason = ENOSPC;
    int calls = 0, refused_calls = 0;
    for (bool failed = true; failed; calls++) {
        struct td_error error;
        directory_empty(dir);
        atomic_store(&countdown, calls + 1);
        bool done = write_large(&fixture, dir, &error);
        failed = atomic_load(&countdown) == 0;
        atomic_store(&countdown, 0);
        if (done) continue; /* that a directory cannot be made which stands harms nobody */
        refused_calls++;
        assert_non_null(strstr(error.text, "No space left on device"));
        assert_int_equal(directory_count(dir), 0);
    }
    longest = 1000;
    assert_in_range(refused_calls, 25, 100); /* 14 writes of rows among them */
    char *large = file_text(dir, "tasks.csv");
    directory_empty(dir);
    assert_true(write_run(&td_disk_real, dir, &fixture, NULL));
    char *small = file_text(dir, "tasks.csv");
    assert_non_null(large);
    assert_true(strlen(large) > 4000000);
    assert_string_equal(large, small);
    free(large);
    free(small);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_in_turn),
        cmocka_unit_test(every_call_over_earlier_files),
        cmocka_unit_test(what_is_in_the_way),
        cmocka_unit_test(in_the_way_at_the_end),
        cmocka_unit_test(no_permission),
        cmocka_unit_test(files_that_may_not_grow),
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(every_call_of_large_blocks),
    };
    return cmocka_run_group_tests_name("csv faults", tests, NULL, NULL);
}
