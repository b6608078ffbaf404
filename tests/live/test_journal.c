/* The journal: every life survives a restart at each of its points, a disk that is full, and a
 * fold; and no damage goes unnoticed. Random lives; a failing seed is printed. */
#include "disk.h"
#include "lives.h"

#include "live/history.h"
#include "live/trace.h"
#include "policies/policies.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t seed;
static char folder[64];

static const char *const policies[] = {"directed", "linear", "parallel", "speculative", "weighing"};
#define POLICIES (sizeof policies / sizeof *policies)

/* The same pointer for the same name, until the folder is another. */
static const char *path_of(const char *name)
{
    static char paths[8][128];
    char wanted[128];
    size_t i = 0;
    (void)snprintf(wanted, sizeof wanted, "%s/%s", folder, name);
    while (strcmp(paths[i], wanted) != 0 && strncmp(paths[i], folder, strlen(folder)) == 0)
        assert_true(++i < 8);
    memcpy(paths[i], wanted, sizeof wanted);
    return paths[i];
}

static int make_folder(void **state)
{
    (void)state;
    life_folder(folder, sizeof folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    life_clean(folder);
    return 0;
}

static int tell_seed(void **state)
{
    (void)state;
    if (seed != 0) print_message("it fails with seed %llu\n", (unsigned long long)seed);
    return remove_folder(state);
}

/* The first `count` rows of a journal, as a journal of their own; in the last one an order more is
 * said to have been caused, if it is `forged`. */
static void cut_or_forge(const char *from, const char *to, size_t count, bool forged)
{
    static const struct td_command order = {
        .kind = TD_COMMAND_ORDER, .reason = TD_REASON_READY, .step = 3, .order = 77, .build = true};
    struct td_buffer more = {0};
    struct td_error error = {0};
    struct td_journal *journal = td_journal_open(from, false, &error);
    if (journal == NULL) fail_msg("%s", error.text);
    struct td_journal_row *rows = calloc(count + 1, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        assert_true(td_journal_next(journal, &rows[i], &error));
        char *bytes = malloc(rows[i].body_length + rows[i].caused_length + 1);
        assert_non_null(bytes);
        if (rows[i].body_length > 0) memcpy(bytes, rows[i].body, rows[i].body_length);
        if (rows[i].caused_length > 0)
            memcpy(bytes + rows[i].body_length, rows[i].caused, rows[i].caused_length);
        rows[i].body = bytes;
        rows[i].caused = bytes + rows[i].body_length;
    }
    if (forged) {
        td_buffer_add(&more, rows[count - 1].caused, rows[count - 1].caused_length);
        td_trace_command(&more, &order);
        rows[count - 1].caused = more.bytes;
        rows[count - 1].caused_length = more.length;
    }
    (void)unlink(to);
    if (!td_journal_create(to, td_journal_meta(journal), rows, count, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)rows[i].body);
    free(rows);
    td_buffer_free(&more);
    td_journal_close(journal);
}

static void cut(const char *from, const char *to, size_t count)
{
    cut_or_forge(from, to, count, false);
}

/* What the peers and the engine were like behind so many rows. */
struct point {
    struct life_peer peers[LIFE_PEERS];
    uint64_t rows, digest;
};

#define POINTS 60u

/* Somebody is killed there, started again, and goes on. */
static void go_on_from(const char *whole, const struct point *point, const char *policy)
{
    static struct life life;
    const char *path = path_of("cut");
    cut(whole, path, point->rows);
    memset(&life, 0, sizeof life);
    memcpy(life.peers, point->peers, sizeof life.peers);
    life.dice = seed + point->rows;
    life.generation = 1000;
    assert_true(life_open(&life, path, policy, NULL));
    assert_true(td_authority_digest(td_keeper_authority(life.keeper)) == point->digest);
    uint32_t held = 0;
    for (uint32_t i = 0; i < LIFE_PEERS; i++)
        held += point->peers[i].linked && point->peers[i].order != 0;
    life_finish(&life);
    assert_true(life.resumed >= held); /* everybody goes on with what it was at */
    for (uint32_t i = 0; i < LIFE_PEERS; i++)
        assert_true(life.peers[i].name[0] == '\0' || life.peers[i].done);
    life_close(&life);
    life_prove(path, policy);
}

/* One life without restarts, and then a restart behind each of its commits. */
static void test_a_restart_at_each_point(void **state)
{
    (void)state;
    static struct life life;
    static struct point points[POINTS];
    const char *whole = path_of("whole");
    for (seed = 1; seed <= 10; seed++) {
        const char *policy = policies[seed % POLICIES];
        memset(&life, 0, sizeof life);
        (void)unlink(whole);
        life.dice = seed;
        assert_true(life_open(&life, whole, policy, NULL));
        for (uint32_t i = 0; i < POINTS; i++) {
            life_step(&life);
            memcpy(points[i].peers, life.peers, sizeof life.peers);
            points[i].digest = td_authority_digest(td_keeper_authority(life.keeper));
            points[i].rows = td_keeper_rows(life.keeper);
        }
        life_close(&life);
        life_prove(whole, policy);
        for (uint32_t i = 0; i < POINTS; i += 1 + (uint32_t)(seed % 3))
            go_on_from(whole, &points[i], policy);
    }
    seed = 0;
}

/* It is started again and again, and its clock is set back meanwhile. */
static void test_many_restarts(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("many");
    for (seed = 1; seed <= 5; seed++) {
        const char *policy = policies[seed % POLICIES];
        memset(&life, 0, sizeof life);
        (void)unlink(path);
        life.dice = seed;
        for (uint32_t round = 0; round < 20; round++) {
            if (round % 4 == 3) life.now -= 500000;
            life.options.quotas.schemas = 1 + (round + 1) % 3;
            assert_true(life_open(&life, path, policy, NULL));
            for (uint32_t i = 0; i < 1 + seed * 3; i++)
                life_step(&life);
            life_close(&life);
        }
        assert_true(life_open(&life, path, policy, NULL));
        life_finish(&life);
        life_close(&life);
        life_prove(path, policy);
    }
    seed = 0;
}

/* Nobody gets an order then, nothing is lost, and it goes on when there is room again. */
static void test_a_full_disk(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("full");
    memset(&life, 0, sizeof life);
    life.dice = 7;
    assert_true(life_open(&life, path, "directed", NULL));
    for (uint32_t i = 0; i < 20; i++)
        life_step(&life);
    disk_limit(64);
    struct td_authority *authority = td_keeper_authority(life.keeper);
    td_order last = td_authority_last_order(authority);
    life.healthy = life.full = true;
    uint64_t rows = td_keeper_rows(life.keeper);
    for (uint32_t i = 0; i < 40; i++)
        life_step(&life);
    disk_limit(RLIM_INFINITY);
    assert_int_equal(td_keeper_rows(life.keeper), rows);
    assert_true(td_authority_is_held(authority, TD_HOLD_JOURNAL));
    assert_int_equal(life.said_full, 1);
    /* the one round that has failed may have had orders in it; then there were none */
    assert_in_range(td_authority_last_order(authority), last, last + LIFE_PEERS);
    assert_false(td_keeper_commit(life.keeper, life.now, life.clock_ns)); /* not yet a second */
    life.clock_ns = td_keeper_due(life.keeper);
    assert_true(td_keeper_commit(life.keeper, life.now, life.clock_ns));
    assert_true(td_keeper_due(life.keeper) == INT64_MAX);
    assert_true(td_keeper_rows(life.keeper) > rows + 2);
    life.full = false;
    life_finish(&life);
    life_close(&life);
    life_prove(path, "directed");
}

/* What is known is still known when everybody has gone and the journal is folded. */
static void test_fold_and_go_on(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("fold");
    for (seed = 1; seed <= 6; seed++) {
        const char *policy = policies[seed % POLICIES];
        memset(&life, 0, sizeof life);
        (void)unlink(path);
        life.dice = seed;
        life.journal.most_bytes = 1000;
        assert_true(life_open(&life, path, policy, NULL));
        for (uint32_t round = 0; round < 4; round++) {
            for (uint32_t i = 0; i < 60; i++)
                life_step(&life);
            life_finish(&life);
            td_order last = td_authority_last_order(td_keeper_authority(life.keeper));
            assert_int_equal(td_authority_present(td_keeper_authority(life.keeper)), 0);
            assert_true(life.folds > round);
            life_close(&life);
            life_prove(path, policy);
            assert_true(life_open(&life, path, policy, NULL));
            /* later numbers, so that what is late stays late */
            memset(life.peers, 0, sizeof life.peers);
            life.healthy = true;
            for (life.orders = 0; life.orders == 0;)
                life_step(&life);
            assert_true(td_authority_last_order(td_keeper_authority(life.keeper)) > last);
            life.healthy = false;
        }
        life_close(&life);
        life_prove(path, policy);
    }
    seed = 0;
}

/* When all have gone, another policy takes over, and knows what the first one knew. */
static void test_another_policy_takes_over(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("takeover");
    memset(&life, 0, sizeof life);
    life.healthy = true;
    assert_true(life_open(&life, path, "directed", NULL));
    for (uint32_t i = 0; i < 20; i++)
        life_step(&life);
    life_finish(&life);
    td_order last = td_authority_last_order(td_keeper_authority(life.keeper));
    life_close(&life);
    assert_true(life_open(&life, path, "weighing", NULL));
    assert_int_equal(life.folds, 1);
    memset(life.peers, 0, sizeof life.peers);
    life.built = 0;
    life_step(&life);
    life_finish(&life);
    assert_int_equal(life.built, 0);
    assert_true(td_authority_last_order(td_keeper_authority(life.keeper)) > last);
    life_close(&life);
    life_prove(path, "weighing");
}

/* A peer builds all; after the fold another one fetches all. */
static void test_a_fold_forgets_no_result(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("results");
    memset(&life, 0, sizeof life);
    life.journal.most_bytes = 1000;
    life.healthy = true;
    assert_true(life_open(&life, path, "directed", NULL));
    while (!life.peers[0].done && !life.peers[1].done && !life.peers[2].done && !life.peers[3].done)
        life_step(&life);
    life_finish(&life);
    assert_true(life.folds > 0);
    assert_int_equal(td_keeper_rows(life.keeper), 2); /* its schema, and the cohort */
    memset(life.peers, 0, sizeof life.peers);
    life.built = 0;
    life_step(&life);
    life_finish(&life);
    assert_int_equal(life.built, 0);
    life_close(&life);
    life_prove(path, "directed");
}

/* A fold that fails holds nobody, and is tried again. */
static void test_a_fold_that_fails(void **state)
{
    (void)state;
    static struct life life;
    sqlite3 *database;
    const char *path = path_of("unfolded");
    memset(&life, 0, sizeof life);
    life.journal.most_bytes = 1000;
    assert_true(life_open(&life, path, "directed", NULL));
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "CREATE TRIGGER keep BEFORE DELETE ON inputs BEGIN SELECT "
                                  "RAISE(ABORT, 'nothing is deleted'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    for (uint32_t round = 0; round < 5; round++) {
        memset(life.peers, 0, sizeof life.peers);
        life.healthy = true;
        life_step(&life);
        life_finish(&life);
        assert_int_equal(life.said_full + life.folds, 0);
    }
    assert_int_equal(life.said_unfolded, 1);
    assert_int_equal(sqlite3_exec(database, "DROP TRIGGER keep", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(database);
    life.clock_ns += 60 * TD_NS_PER_S;
    assert_true(td_keeper_commit(life.keeper, life.now, life.clock_ns));
    assert_int_equal(life.folds, 1);
    life_close(&life);
    life_prove(path, "directed");
}

/* Newcomers wait while a journal that is full cannot be folded. */
static void test_newcomers_wait_for_a_fold(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("wait");
    memset(&life, 0, sizeof life);
    life.journal.most_bytes = 1;
    life.healthy = true;
    life.dice = 3;
    assert_true(life_open(&life, path, "directed", NULL));
    uint32_t parked = 0;
    for (uint32_t i = 0; i < 30; i++) {
        life_step(&life);
        for (uint32_t link = 0; link < LIFE_PEERS; link++)
            parked += life.peers[link].here && !life.peers[link].welcome;
    }
    assert_true(parked > 0);
    life_finish(&life);
    life_close(&life);
    life_prove(path, "directed");
}

static const char *short_life(const char *name)
{
    static struct life life;
    const char *path = path_of(name);
    memset(&life, 0, sizeof life);
    life.dice = 11;
    assert_true(life_open(&life, path, "directed", NULL));
    for (uint32_t i = 0; i < 60; i++)
        life_step(&life);
    life_close(&life);
    return path;
}

/* What a recorder hears, as lines. */
static void on_interval(void *context, const struct td_interval *interval)
{
    struct td_buffer *lines = context;
    td_put_unsigned(lines, interval->peer);
    td_put_unsigned(lines, interval->step);
    td_put_unsigned(lines, interval->kind * 8u + interval->outcome);
    td_put_signed(lines, interval->start);
    td_put_signed(lines, interval->end);
}

static void on_peer(void *context, uint32_t peer, const struct td_peer_record *record)
{
    struct td_buffer *lines = context;
    td_put_unsigned(lines, peer);
    td_put_signed(lines, record->arrival);
    td_put_signed(lines, record->busy);
    td_put_signed(lines, record->wait);
    td_put_unsigned(lines, record->builds * 8u + record->outcome);
    td_put_unsigned(lines, record->fetches);
}

/* The journal's records are those that were made while it was written. */
static void test_records_are_the_same(void **state)
{
    (void)state;
    static struct life life;
    const char *path = path_of("records");
    struct td_buffer now = {0}, then = {0};
    const struct td_recorder first = {.context = &now, .interval = on_interval, .peer = on_peer};
    const struct td_recorder second = {.context = &then, .interval = on_interval, .peer = on_peer};
    struct td_run_record record, again;
    struct td_error error = {0};
    memset(&life, 0, sizeof life);
    life.dice = 5;
    life.options.recording = td_recording_create(200, false, &first, &error);
    assert_non_null(life.options.recording);
    assert_true(life_open(&life, path, "speculative", NULL));
    for (uint32_t i = 0; i < 150; i++)
        life_step(&life);
    life_finish(&life);
    td_time end = td_authority_now(td_keeper_authority(life.keeper));
    life_close(&life);
    size_t intervals = now.length;
    assert_true(td_recording_finish(life.options.recording, end, &record, &error));
    td_recording_destroy(life.options.recording);

    struct td_journal *journal = td_journal_open(path, false, &error);
    assert_non_null(journal);
    struct td_history *history = td_history_create(journal, td_policy_find("speculative"), &error);
    assert_non_null(history);
    assert_int_equal(td_history_labels(history)->step_count, LIFE_STEPS);
    assert_string_equal(td_history_labels(history)->peers[0], "p0");
    assert_true(td_history_record(history, &second, &again, &error));
    assert_true(intervals > 100);
    assert_true(then.length > intervals && then.length <= now.length); /* peers that came */
    assert_memory_equal(now.bytes, then.bytes, then.length);
    assert_int_equal(again.builds, record.builds);
    assert_int_equal(again.failures, record.failures);
    assert_int_equal(again.events, record.events);
    td_history_destroy(history);
    td_journal_close(journal);
    td_buffer_free(&now);
    td_buffer_free(&then);
}

static void count_difference(void *context, const struct td_history_difference *what)
{
    uint32_t *count = context;
    assert_non_null(what->peer);
    assert_true(strcmp(what->taken, what->would) != 0);
    ++*count;
}

/* The journal's own policy differs nowhere, others do. */
static void test_what_another_policy_would_do(void **state)
{
    (void)state;
    const char *path = short_life("others");
    struct td_error error = {0};
    struct td_history_questions questions;
    struct td_journal *journal = td_journal_open(path, false, &error);
    assert_non_null(journal);
    struct td_history *history = td_history_create(journal, td_policy_find("directed"), &error);
    assert_non_null(history);
    for (size_t i = 0; i < POLICIES; i++) {
        uint32_t count = 0;
        if (!td_history_follow(history, td_policy_find(policies[i]), count_difference, &count,
                               &questions, &error))
            fail_msg("%s", error.text);
        assert_true(questions.asked > 20);
        assert_int_equal(questions.differ, count);
        if (i == 0) assert_int_equal(count, 0);
        if (strcmp(policies[i], "linear") == 0) assert_true(count > 0);
    }
    td_history_destroy(history);
    td_journal_close(journal);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Refused, with this in the sentence, and left as it was. */
static void refused(const char *path, const char *policy, const char *part)
{
    static struct life life;
    struct td_error error = {0};
    size_t before_length, after_length;
    char *before = read_file(path, &before_length);
    memset(&life, 0, sizeof life);
    assert_false(life_open(&life, path, policy, &error));
    if (strstr(error.text, part) == NULL || strstr(error.text, path) == NULL)
        fail_msg("no \"%s\" in: %s", part, error.text);
    char *after = read_file(path, &after_length);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, before_length);
    free(before);
    free(after);
}

/* A journal that does not follow from what came in: the first difference is named, and an authority
 * does not go on with it. */
static void test_a_difference_is_named(void **state)
{
    (void)state;
    const char *path = short_life("true"), *forged = path_of("forged");
    struct td_error error = {0};
    cut_or_forge(path, forged, 20, true);
    struct td_journal *journal = td_journal_open(forged, false, &error);
    assert_non_null(journal);
    assert_null(td_history_create(journal, td_policy_find("directed"), &error));
    assert_int_equal(error.fault, TD_FAULT_RUN);
    assert_non_null(strstr(error.text, "input 20, at 0.0000"));
    assert_non_null(strstr(error.text, "about p0: recorded is order 77 to build step 3 (ready), "
                                       "and now comes nothing"));
    td_journal_close(journal);
    refused(forged, "directed", "cannot be gone on with (input 20");
}

static void test_damage_is_refused_or_harmless(void **state)
{
    (void)state;
    static struct life dice;
    const char *path = short_life("sound"), *copy = path_of("damaged");
    size_t length, found = 0;
    char *bytes = read_file(path, &length);
    for (uint32_t i = 0; i < 400; i++) {
        struct td_error error = {0};
        size_t at = life_roll(&dice, (uint32_t)length), kept = length;
        char was = bytes[at];
        bytes[at] = (char)(was ^ 1 << life_roll(&dice, 8));
        if (i % 10 == 9) kept = at;
        write_file(copy, bytes, kept);
        bytes[at] = was;
        struct td_journal *journal = td_journal_open(copy, false, &error);
        struct td_history *history =
            journal == NULL ? NULL : td_history_create(journal, td_policy_find("directed"), &error);
        found += history == NULL;
        assert_true(history != NULL || error.text[0] != '\0');
        td_history_destroy(history);
        td_journal_close(journal);
        if (history == NULL && i % 20 == 0) refused(copy, "directed", "journal");
    }
    assert_in_range(found, 100, 400); /* most of the bytes matter */
    free(bytes);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    const char *path = short_life("mine");
    size_t length;
    refused(path, "linear", "was begun with policy directed, not linear");
    char *bytes = read_file(path, &length);
    bytes[63]++; /* the lowest byte of user_version */
    write_file(path_of("newer"), bytes, length);
    refused(path_of("newer"), "directed", "has format 3");
    bytes[63]--;
    bytes[71]++;
    write_file(path_of("foreign"), bytes, length);
    refused(path_of("foreign"), "directed", "is no journal");
    write_file(path_of("text"), "Hello", 5);
    refused(path_of("text"), "directed", "is no journal");
    free(bytes);
    static struct life first;
    memset(&first, 0, sizeof first);
    assert_true(life_open(&first, path, "directed", NULL));
    refused(path, "directed", "belongs to an authority that runs");
    life_close(&first);
    /* an empty file is as good as none */
    write_file(path_of("empty"), "", 0);
    memset(&first, 0, sizeof first);
    assert_true(life_open(&first, path_of("empty"), "directed", NULL));
    life_close(&first);
}

/* What changes nothing takes no room. */
static void test_idle_talk_is_not_kept(void **state)
{
    (void)state;
    static struct life life;
    memset(&life, 0, sizeof life);
    life.healthy = true;
    assert_true(life_open(&life, path_of("idle"), "directed", NULL));
    life_step(&life);
    uint64_t rows = td_keeper_rows(life.keeper);
    struct td_authority *authority = td_keeper_authority(life.keeper);
    const struct td_message late = {.kind = TD_MESSAGE_ENDED, .order = 99};
    const struct td_message bye = {.kind = TD_MESSAGE_BYE};
    for (uint32_t i = 0; i < 10; i++) {
        for (uint32_t link = 0; link < LIFE_PEERS; link++)
            if (life.peers[link].linked) td_authority_receive(authority, link, &late, life.now);
        td_authority_receive(authority, 7, &bye, life.now);
        td_authority_refuse(authority, 7, "bad-message", "", life.now);
        td_authority_lose(authority, 8, life.now);
        td_authority_wake(authority, ++life.now);
        assert_true(td_keeper_commit(life.keeper, life.now, 0));
    }
    assert_int_equal(td_keeper_rows(life.keeper), rows);
    life_close(&life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_restart_at_each_point, make_folder, tell_seed),
        cmocka_unit_test_setup_teardown(test_many_restarts, make_folder, tell_seed),
        cmocka_unit_test_setup_teardown(test_a_full_disk, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fold_and_go_on, make_folder, tell_seed),
        cmocka_unit_test_setup_teardown(test_another_policy_takes_over, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_fold_forgets_no_result, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_fold_that_fails, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_newcomers_wait_for_a_fold, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_records_are_the_same, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_another_policy_would_do, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_difference_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damage_is_refused_or_harmless, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_idle_talk_is_not_kept, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
