/* The keeper while a thread commits: what has come in meanwhile waits for the next batch, nothing
 * goes out before its own is durable, and whatever the disk does, the journal follows from what
 * came in. */
#include "disk.h"
#include "lives.h"

#include "live/journal.h"
#include "policies/policies.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SENT_MOST 64u
#define SCHEMA                                                                                     \
    "\"schema\": {\"id\": \"s\", \"universe\": \"//...\", \"steps\": {\"a\": \"//a\", \"b\": "     \
    "\"//b\"}}"

/* What goes out: behind which batch, to whom, and what. */
struct sent {
    uint64_t batch;
    uint32_t link;
    enum td_message_kind kind;
};

static struct {
    char folder[64], path[128];
    struct td_keeper_options journal;
    struct td_keeper *keeper;
    struct sent sent[SENT_MOST];
    size_t count;
    atomic_uint woken;
    uint32_t said_full, said_good, folds;
    td_time now;
    int64_t clock_ns;
} rig;

static void on_send(void *context, uint32_t link, const struct td_message *message)
{
    (void)context;
    assert_true(rig.count < SENT_MOST);
    rig.sent[rig.count++] =
        (struct sent){.batch = td_keeper_batch(rig.keeper), .link = link, .kind = message->kind};
}

static void on_close(void *context, uint32_t link)
{
    (void)context, (void)link;
}

static void on_log(void *context, td_time at, const char *peer, const char *text)
{
    (void)context, (void)at, (void)peer;
    rig.said_full += strstr(text, "make room on its disk") != NULL;
    rig.said_good += strstr(text, "can be written again") != NULL;
    rig.folds += strstr(text, "is folded") != NULL;
}

static void wake(void *context)
{
    (void)context;
    (void)atomic_fetch_add(&rig.woken, 1);
}

static void open_keeper(bool aside)
{
    struct td_error error;
    const struct td_authority_options options = {.policy = td_policy_find("directed"),
                                                 .engine = {.retries = 1, .patience = -1},
                                                 .grace = TD_NS_PER_S};
    const struct td_authority_outlet outlet = {.send = on_send, .close = on_close, .log = on_log};
    rig.journal.path = rig.path;
    rig.journal.retain = 10;
    if (rig.journal.most_bytes == 0) rig.journal.most_bytes = 1 << 20;
    rig.keeper = td_keeper_open(&rig.journal, &options, &outlet, 1000000 + rig.now, &error);
    if (rig.keeper == NULL) fail_msg("%s", error.text);
    if (aside) assert_true(td_keeper_commit_aside(rig.keeper, wake, NULL, &error));
}

static int begin(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    life_folder(rig.folder, sizeof rig.folder);
    (void)snprintf(rig.path, sizeof rig.path, "%s/journal", rig.folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    disk_limit(RLIM_INFINITY);
    td_keeper_close(rig.keeper);
    life_clean(rig.folder);
    return 0;
}

/* Somebody says something. */
static enum td_admission say(uint32_t link, const char *text)
{
    struct td_error error;
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL) fail_msg("%s: %s", text, error.text);
    enum td_admission admission = td_keeper_admit(rig.keeper, link, message, 0);
    if (admission == TD_ADMIT)
        td_authority_receive(td_keeper_authority(rig.keeper), link, message, ++rig.now);
    td_message_destroy(message);
    return admission;
}

static enum td_admission say_hello(uint32_t link)
{
    char text[256];
    (void)snprintf(text, sizeof text, "{\"type\": \"hello\", \"peer\": \"p%u\", " SCHEMA "}", link);
    return say(link, text);
}

static bool commit(void)
{
    return td_keeper_commit(rig.keeper, rig.now, rig.clock_ns);
}

static bool settle(void)
{
    return td_keeper_settle(rig.keeper, rig.now, rig.clock_ns);
}

static void wait_for_wake(void)
{
    const struct timespec short_time = {.tv_nsec = 1000000};
    for (unsigned i = 0; i < 10000 && atomic_load(&rig.woken) == 0; i++)
        (void)nanosleep(&short_time, NULL);
    assert_int_equal(atomic_exchange(&rig.woken, 0), 1);
}

/* A thread is to commit the first hello, and the disk keeps it busy until disk_go_on(). */
static struct sqlite3 *open_stalled(void)
{
    open_keeper(true);
    struct sqlite3 *stall = disk_stall(rig.path);
    assert_int_equal(say_hello(0), TD_ADMIT);
    assert_false(commit());
    return stall;
}

/* What another reader finds in the file. */
static uint64_t rows_in_file(void)
{
    struct td_error error;
    struct td_journal_row row;
    struct td_journal *reader = td_journal_open(rig.path, false, &error);
    if (reader == NULL) fail_msg("%s", error.text);
    uint64_t count = 0;
    while (td_journal_next(reader, &row, &error))
        count++;
    assert_int_equal(error.fault, TD_FAULT_NONE);
    td_journal_close(reader);
    return count;
}

/* These were sent, behind that batch, to these links. */
static void expect_sent(size_t from, size_t count, uint64_t batch, uint32_t link)
{
    assert_true(rig.count >= from + count);
    for (size_t i = from; i < from + count; i++) {
        assert_int_equal(rig.sent[i].batch, batch);
        assert_int_equal(rig.sent[i].link, link);
    }
}

static void close_and_prove(void)
{
    td_keeper_close(rig.keeper);
    rig.keeper = NULL;
    life_prove(rig.path, "directed");
}

/* Without a thread a commit returns when it is durable, and an empty one needs none. */
static void test_in_one_thread(void **state)
{
    (void)state;
    open_keeper(false);
    assert_int_equal(td_keeper_batch(rig.keeper), 1);
    assert_int_equal(td_keeper_durable(rig.keeper), 0);
    assert_int_equal(say_hello(0), TD_ADMIT);
    expect_sent(0, 2, 1, 0);
    assert_true(commit());
    assert_true(td_keeper_durable(rig.keeper) >= 1);
    assert_int_equal(rows_in_file(), 1);
    uint64_t durable = td_keeper_durable(rig.keeper);
    assert_int_equal(td_keeper_batch(rig.keeper), durable + 1);
    assert_true(commit());
    assert_int_equal(td_keeper_durable(rig.keeper), durable + 1);
    close_and_prove();
}

/* What comes in while the disk is busy is the next batch; each goes out behind its own. */
static void test_the_next_batch_is_gathered_meanwhile(void **state)
{
    (void)state;
    struct sqlite3 *stall = open_stalled();
    for (uint32_t link = 1; link < 4; link++) {
        assert_int_equal(say_hello(link), TD_ADMIT);
        assert_false(commit());
    }
    expect_sent(0, 2, 1, 0);
    for (uint32_t link = 1; link < 4; link++)
        expect_sent(2 * link, 2, 2, link);
    assert_int_equal(td_keeper_durable(rig.keeper), 0);
    assert_int_equal(rows_in_file(), 0);
    assert_true(td_keeper_due(rig.keeper) == INT64_MAX);
    disk_go_on(stall);
    wait_for_wake();
    assert_int_equal(td_keeper_durable(rig.keeper), 0); /* until it is looked after */
    (void)commit();
    assert_true(td_keeper_durable(rig.keeper) >= 1);
    assert_true(settle());
    assert_true(td_keeper_durable(rig.keeper) >= 2);
    assert_int_equal(td_keeper_rows(rig.keeper), 4);
    assert_int_equal(rows_in_file(), 4);
    close_and_prove();
}

/* It fails while others wait behind it: no order from then on, all is tried again together, and
 * nothing goes out before. */
static void test_a_batch_fails_before_another(void **state)
{
    (void)state;
    struct sqlite3 *stall = open_stalled();
    assert_int_equal(say_hello(1), TD_ADMIT);
    assert_false(commit());
    td_order last = td_authority_last_order(td_keeper_authority(rig.keeper));
    disk_limit(64);
    disk_go_on(stall);
    wait_for_wake();
    assert_false(settle());
    assert_int_equal(rig.said_full, 1);
    assert_true(td_keeper_due(rig.keeper) == rig.clock_ns + TD_NS_PER_S);
    for (uint32_t link = 2; link < 5; link++) {
        assert_int_equal(say_hello(link), TD_ADMIT);
        assert_false(settle());
    }
    rig.clock_ns = td_keeper_due(rig.keeper);
    assert_false(settle()); /* again in vain */
    assert_int_equal(rig.said_full, 1);
    assert_int_equal(td_keeper_durable(rig.keeper), 0);
    assert_int_equal(td_authority_last_order(td_keeper_authority(rig.keeper)), last);
    disk_limit(RLIM_INFINITY);
    assert_int_equal(rows_in_file(), 0);
    assert_false(commit()); /* not yet a second */
    uint64_t batch = td_keeper_batch(rig.keeper);
    rig.clock_ns = td_keeper_due(rig.keeper);
    assert_true(settle());
    assert_int_equal(rig.said_good, 1);
    assert_true(td_keeper_durable(rig.keeper) > batch);
    assert_true(td_keeper_due(rig.keeper) == INT64_MAX);
    for (size_t i = 1; i < rig.count; i++)
        assert_true(rig.sent[i].batch >= rig.sent[i - 1].batch);
    assert_int_equal(rows_in_file(), 5 + 2); /* and the beginning and the end of the hold */
    close_and_prove();
}

/* What was handed over is in the journal when it is closed; what was not, nobody has heard of. */
static void test_closed_in_the_middle(void **state)
{
    (void)state;
    struct sqlite3 *stall = open_stalled();
    assert_int_equal(say_hello(1), TD_ADMIT);
    disk_go_on(stall);
    close_and_prove();
    open_keeper(false);
    assert_true(td_authority_has(td_keeper_authority(rig.keeper), "p0"));
    assert_false(td_authority_has(td_keeper_authority(rig.keeper), "p1"));
}

/* The journal is full and the last one has just left: who comes before that is durable waits for
 * the fold. */
static void test_a_fold_waits_for_the_disk(void **state)
{
    (void)state;
    rig.journal.most_bytes = 1;
    open_keeper(true);
    assert_int_equal(say_hello(0), TD_ADMIT);
    assert_true(settle());
    struct sqlite3 *stall = disk_stall(rig.path);
    assert_int_equal(say(0, "{\"type\": \"bye\"}"), TD_ADMIT);
    assert_false(commit());
    struct td_authority *before = td_keeper_authority(rig.keeper);
    assert_int_equal(say_hello(1), TD_PARKED);
    assert_false(commit());
    assert_ptr_equal(td_keeper_authority(rig.keeper), before);
    disk_go_on(stall);
    assert_true(settle());
    assert_int_equal(rig.folds, 1);
    assert_int_equal(td_keeper_due(rig.keeper), rig.clock_ns);
    size_t sent = rig.count;
    assert_true(settle());
    assert_true(td_authority_has(td_keeper_authority(rig.keeper), "p1"));
    assert_true(rig.count >= sent + 2);
    close_and_prove();
}

/* Random lives: the journal follows from what came in, with folds, restarts and whatever the disk
 * takes. */
static void test_lives(void **state)
{
    (void)state;
    static const char *const policies[] = {"directed", "linear", "speculative"};
    static struct life life;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        const char *policy = policies[seed % 3];
        memset(&life, 0, sizeof life);
        (void)unlink(rig.path);
        life.dice = seed;
        life.aside = true;
        life.journal.most_bytes = seed % 2 == 0 ? 4000 : 0;
        for (uint32_t round = 0; round < 4; round++) {
            assert_true(life_open(&life, rig.path, policy, NULL));
            for (uint32_t i = 0; i < 80; i++)
                life_step(&life);
            if (round == 3) life_finish(&life);
            assert_true(td_keeper_settle(life.keeper, life.now, life.clock_ns));
            life_close(&life);
            life_prove(rig.path, policy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_one_thread, begin, end),
        cmocka_unit_test_setup_teardown(test_the_next_batch_is_gathered_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(test_a_batch_fails_before_another, begin, end),
        cmocka_unit_test_setup_teardown(test_closed_in_the_middle, begin, end),
        cmocka_unit_test_setup_teardown(test_a_fold_waits_for_the_disk, begin, end),
        cmocka_unit_test_setup_teardown(test_lives, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
