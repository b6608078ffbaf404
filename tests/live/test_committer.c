/* The thread that commits: what it is handed is durable once it says so, and only then; what has
 * failed is not there; and it ends with nothing left to do. */
#include "disk.h"
#include "lives.h"

#include "live/committer.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROWS 3u

static char folder[64], path[128];
static atomic_uint woken;
static struct td_journal *journal;
static struct td_committer *committer;

static const struct td_journal_row rows[ROWS] = {
    {.at = 1, .kind = 3, .body = "one", .body_length = 3, .caused = "x", .caused_length = 1},
    {.at = 2, .kind = 2, .link = 9},
    {.at = 3, .kind = 1, .body = "three", .body_length = 5}};

static void wake(void *context)
{
    assert_ptr_equal(context, &woken);
    (void)atomic_fetch_add(&woken, 1);
}

/* How many rows another reader finds; each batch is `rows`. */
static uint64_t count_rows(void)
{
    struct td_error error;
    struct td_journal_row row;
    struct td_journal *reader = td_journal_open(path, false, &error);
    if (reader == NULL) fail_msg("%s", error.text);
    uint64_t count = 0;
    for (; td_journal_next(reader, &row, &error); count++) {
        const struct td_journal_row *written = &rows[count % ROWS];
        assert_int_equal(row.at, written->at);
        assert_int_equal(row.body_length, written->body_length);
    }
    assert_int_equal(error.fault, TD_FAULT_NONE);
    td_journal_close(reader);
    return count;
}

static int begin(void **state)
{
    (void)state;
    static const struct td_journal_meta meta = {.policy = "directed", .setup = ""};
    struct td_error error = {0};
    struct td_journal_row row;
    life_folder(folder, sizeof folder);
    (void)snprintf(path, sizeof path, "%s/journal", folder);
    atomic_store(&woken, 0);
    assert_true(td_journal_create(path, &meta, NULL, 0, &error));
    journal = td_journal_open(path, true, &error);
    assert_non_null(journal);
    assert_false(td_journal_next(journal, &row, &error));
    assert_true(td_journal_write(journal, &error));
    committer = td_committer_start(journal, wake, &woken, &error);
    assert_non_null(committer);
    return 0;
}

static int end(void **state)
{
    (void)state;
    disk_limit(RLIM_INFINITY);
    td_committer_stop(committer);
    td_journal_close(journal);
    life_clean(folder);
    return 0;
}

static struct td_commit_result decided(void)
{
    struct td_commit_result result;
    td_committer_wait(committer, TD_TIME_MAX);
    assert_true(td_committer_take(committer, &result));
    return result;
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    struct td_commit_result result;
    assert_false(td_committer_take(committer, &result));
    td_committer_wait(committer, TD_TIME_MAX); /* for nothing */
    for (unsigned i = 1; i <= 50; i++) {
        td_committer_hand_over(committer, rows, ROWS);
        result = decided();
        assert_true(result.durable);
        assert_true(result.took >= 0);
        assert_int_equal(count_rows(), i * ROWS);
        assert_false(td_committer_take(committer, &result)); /* once */
    }
}

/* It takes as long as it takes, and then whoever does not wait is woken. The thread has most of the
 * time to begin: on a busy machine it does not do so at once. */
static void test_a_slow_disk(void **state)
{
    (void)state;
    struct td_commit_result result;
    struct sqlite3 *stall = disk_stall(path);
    td_committer_hand_over(committer, rows, ROWS);
    for (unsigned i = 0; i < 5; i++) {
        td_committer_wait(committer, TD_NS_PER_S / 10);
        assert_false(td_committer_take(committer, &result));
    }
    assert_int_equal(atomic_load(&woken), 0);
    assert_int_equal(count_rows(), 0);
    disk_go_on(stall);
    const struct timespec short_time = {.tv_nsec = 1000000};
    for (unsigned i = 0; i < 10000 && atomic_load(&woken) == 0; i++)
        (void)nanosleep(&short_time, NULL);
    assert_int_equal(atomic_load(&woken), 1);
    assert_true(td_committer_take(committer, &result));
    assert_true(result.durable);
    assert_true(result.took >= TD_NS_PER_S / 20);
    assert_int_equal(count_rows(), ROWS);
}

/* Nothing of a batch that has failed is there; it can be handed over again. */
static void test_a_full_disk(void **state)
{
    (void)state;
    td_committer_hand_over(committer, rows, ROWS);
    assert_true(decided().durable);
    disk_limit(64);
    for (unsigned i = 0; i < 3; i++) {
        td_committer_hand_over(committer, rows, ROWS);
        struct td_commit_result result = decided();
        assert_false(result.durable);
        assert_non_null(strstr(result.error.text, path));
    }
    disk_limit(RLIM_INFINITY);
    assert_int_equal(count_rows(), ROWS);
    td_committer_hand_over(committer, rows, ROWS);
    assert_true(decided().durable);
    assert_int_equal(count_rows(), 2 * ROWS);
}

static void test_it_ends_with_what_it_has(void **state)
{
    (void)state;
    struct sqlite3 *stall = disk_stall(path);
    td_committer_hand_over(committer, rows, ROWS);
    disk_go_on(stall); /* which it notices a little later */
    td_committer_stop(committer);
    committer = NULL;
    assert_int_equal(count_rows(), ROWS);
}

/* They are for the thread that waits for the network. */
static void test_signals_go_to_others(void **state)
{
    (void)state;
    sigset_t one, before;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &one, &before), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0); /* would end the process in the other thread */
    const struct timespec some_time = {.tv_nsec = 20000000};
    siginfo_t info;
    td_committer_hand_over(committer, rows, ROWS);
    assert_true(decided().durable);
    assert_int_equal(sigtimedwait(&one, &info, &some_time), SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_after_the_other, begin, end),
        cmocka_unit_test_setup_teardown(test_a_slow_disk, begin, end),
        cmocka_unit_test_setup_teardown(test_a_full_disk, begin, end),
        cmocka_unit_test_setup_teardown(test_it_ends_with_what_it_has, begin, end),
        cmocka_unit_test_setup_teardown(test_signals_go_to_others, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
