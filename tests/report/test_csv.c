/* The bytes of the files, their order whatever the threads do, and what is left when a run ends. */
#include "tests/report/fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define NAME "\"two, \"\"quoted\"\"\""

static struct td_csv *open_in(const char *dir, const struct fixture *fixture, size_t memory,
                              uint32_t tasks)
{
    struct td_error error;
    struct td_csv *csv =
        td_csv_open_on(&td_disk_real, memory, dir, &fixture->labels, tasks, &error);
    if (csv == NULL) fail_msg("%s", error.text);
    return csv;
}

/* Commits and removes the writer. */
static void commit(struct td_csv *csv, const struct fixture *fixture)
{
    struct td_error error;
    if (!td_csv_commit(csv, &fixture->results, fixture->comparison, &error))
        fail_msg("%s", error.text);
    td_csv_destroy(csv);
}

static void assert_file(const char *dir, const char *name, const char *expected)
{
    char *text = file_text(dir, name);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void every_byte_of_a_small_run(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, 2, 5);
    char *dir = directory_create();
    struct td_csv *csv = open_in(dir, &fixture, TD_SPOOL_MEMORY, 1);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(fixture_part(&fixture, csv, i / 2, i % 2, NULL));
    commit(csv, &fixture);

    assert_file(dir, "runs.csv",
                "scenario,mode,policy,replication,seed,peers,steps,makespan_s,mean_turnaround_s,"
                "p95_turnaround_s,busy_s,wait_s,builds,duplicate_builds,fetches,failures,"
                "lower_bound_s,events,machine_s\n" NAME
                ",simulated,linear,1,5,2,2,8.000000000,6.000000000,8.000000000,10.000000000,"
                "2.000000000,2,0,0,0,1.500000000,7,12.000000000\n" NAME
                ",simulated,linear,2,5,2,2,12.000000000,,,15.000000000,3.000000000,2,0,1,0,,7,"
                "18.000000000\n" NAME
                ",simulated,directed,1,5,2,2,16.000000000,12.000000000,16.000000000,20.000000000,"
                "4.000000000,3,1,0,0,1.500000000,7,24.000000000\n" NAME
                ",simulated,directed,2,5,2,2,24.000000000,,,30.000000000,6.000000000,3,1,1,0,,7,"
                "36.000000000\n");
    assert_file(dir, "peers.csv",
                "scenario,mode,policy,replication,peer,cache,arrival_s,completion_s,turnaround_s,"
                "busy_s,wait_s,builds,fetches,outcome,merged_s\n" NAME
                ",simulated,linear,1,peer-1,muc9,0.000000000,5.000000000,5.000000000,3.000000000,"
                "0.000000000,3,12,ok,\n" NAME
                ",simulated,linear,1,\"a \"\"b\"\", c\",,1.000000000,,,3.000000000,0.000000000,3,"
                "12,failed,\n" NAME
                ",simulated,linear,2,peer-1,muc9,0.000000000,,,3.000000000,0.000000000,3,12,"
                "failed,\n" NAME
                ",simulated,linear,2,\"a \"\"b\"\", c\",,1.000000000,,,3.000000000,0.000000000,3,"
                "12,left,\n" NAME
                ",simulated,directed,1,peer-1,muc9,0.000000000,5.000000000,5.000000000,"
                "3.000000000,0.000000001,3,12,ok,5.500000001\n" NAME
                ",simulated,directed,1,\"a \"\"b\"\", c\",,1.000000000,,,3.000000000,0.000000001,"
                "3,12,failed,\n" NAME
                ",simulated,directed,2,peer-1,muc9,0.000000000,,,3.000000000,0.000000001,3,12,"
                "failed,\n" NAME
                ",simulated,directed,2,\"a \"\"b\"\", c\",,1.000000000,,,3.000000000,0.000000001,"
                "3,12,left,\n");
    assert_file(
        dir, "tasks.csv",
        "scenario,mode,policy,replication,peer,step,kind,start_s,end_s,outcome,hit_ratio\n" NAME
        ",simulated,linear,1,peer-1,1,build,0.000000000,0.000000000,ok,\n" NAME
        ",simulated,linear,1,\"a \"\"b\"\", c\",\"x,y\",fetch,0.000001000,0.000001000,"
        "ok,\n" NAME ",simulated,linear,1,peer-1,universe,wait,0.000002000,0.000002000,ok,\n" NAME
        ",simulated,linear,1,\"a \"\"b\"\", c\",,overhead,0.000003000,0.000003000,"
        "ok,\n" NAME ",simulated,linear,1,peer-1,1,build,0.000004000,0.000004000,duplicate,\n" NAME
        ",simulated,directed,1,peer-1,1,build,0.000000001,0.000000000,ok,\n" NAME
        ",simulated,directed,1,\"a \"\"b\"\", c\",\"x,y\",fetch,0.000001001,0.000001000,"
        "ok,\n" NAME ",simulated,directed,1,peer-1,universe,wait,0.000002001,0.000002000,ok,\n" NAME
        ",simulated,directed,1,\"a \"\"b\"\", c\",,overhead,0.000003001,0.000003000,"
        "ok,\n" NAME ",simulated,directed,1,peer-1,1,build,0.000004001,0.000004000,duplicate,\n");
    directory_remove(dir);
    fixture_destroy(&fixture);
}

static void assert_line(const char *dir, const char *name, const char *line)
{
    char *text = file_text(dir, name);
    assert_non_null(text);
    if (strstr(text, line) == NULL) fail_msg("%s lacks %s; it holds:\n%s", name, line, text);
    free(text);
}

/* Makespans 8 and 12 against 16 and 24: by hand, with t = 12.706204736174705 for one degree. */
static void statistics_files(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, 2, 0);
    char *dir = directory_create();
    struct td_csv *csv = open_in(dir, &fixture, TD_SPOOL_MEMORY, 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(fixture_part(&fixture, csv, i / 2, i % 2, NULL));
    commit(csv, &fixture);
    assert_file(
        dir, "tasks.csv",
        "scenario,mode,policy,replication,peer,step,kind,start_s,end_s,outcome,hit_ratio\n");
    assert_line(dir, "summary.csv",
                "scenario,mode,policy,metric,n,mean,sd,ci_low,ci_high,confidence,min,p50,p90,p95,"
                "p99,max\n" NAME ",simulated,linear,makespan_s,2,10.000000000,2.828427125,"
                "-15.412409472,35.412409472,0.95,8.000000000,8.000000000,12.000000000,"
                "12.000000000,12.000000000,12.000000000\n" NAME
                ",simulated,linear,mean_turnaround_s,1,6.000000000,,,,0.95,6.000000000,"
                "6.000000000,6.000000000,6.000000000,6.000000000,6.000000000\n");
    assert_line(dir, "summary.csv",
                "\n" NAME ",simulated,directed,builds,2,3,0,3,3,0.95,3,3,3,3,3,3\n");
    assert_line(dir, "compare.csv",
                "scenario,metric,policy_a,policy_b,n,mean_difference,ci_low,ci_high,confidence,"
                "ratio,p_value,p_holm\n" NAME ",makespan_s,linear,directed,2,-10.000000000,"
                "-35.412409472,15.412409472,0.95,0.5,0.125665916");
    assert_line(dir, "compare.csv",
                "\n" NAME ",mean_turnaround_s,linear,directed,1,-6.000000000,,,0.95,0.5,,\n");
    assert_line(dir, "compare.csv", "\n" NAME ",fetches,linear,directed,2,0,0,0,0.95,1,,\n");
    directory_remove(dir);
    fixture_destroy(&fixture);
}

static void one_policy_has_no_pairs(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 0);
    char *dir = directory_create();
    char *deep = path_join(dir, "not/yet//there/");
    struct td_csv *csv = open_in(deep, &fixture, TD_SPOOL_MEMORY, 0);
    assert_true(fixture_part(&fixture, csv, 0, 0, NULL));
    commit(csv, &fixture);
    assert_file(deep, "compare.csv",
                "scenario,metric,policy_a,policy_b,n,mean_difference,ci_low,ci_high,confidence,"
                "ratio,p_value,p_holm\n");
    free(deep);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

#define PARTS 60

struct crew {
    const struct fixture *fixture;
    struct td_csv *csv;
    const uint32_t *order;
    atomic_uint next;
    atomic_uint failures;
};

static void *write_parts(void *context)
{
    struct crew *crew = context;
    for (uint32_t i; (i = atomic_fetch_add(&crew->next, 1)) < PARTS;) {
        uint32_t index = crew->order[i], replications = crew->fixture->labels.replications;
        if (!fixture_part(crew->fixture, crew->csv, index / replications, index % replications,
                          NULL))
            atomic_fetch_add(&crew->failures, 1);
    }
    return NULL;
}

/* Parts in the order given, on that many threads; the files as one text. */
static char *write_in_order(const struct fixture *fixture, const uint32_t *order, size_t threads,
                            size_t memory)
{
    char *dir = directory_create();
    struct crew crew = {
        .fixture = fixture, .csv = open_in(dir, fixture, memory, UINT32_MAX), .order = order};
    pthread_t workers[8];
    for (size_t i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, write_parts, &crew), 0);
    for (size_t i = 0; i < threads; i++)
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    assert_int_equal(atomic_load(&crew.failures), 0);
    commit(crew.csv, fixture);

    struct td_buffer all = {0};
    for (size_t i = 0; i < TD_CSV_COUNT; i++) {
        char *text = file_text(dir, td_csv_names[i]);
        td_buffer_string(&all, text);
        free(text);
    }
    td_buffer_add(&all, "", 1);
    directory_remove(dir);
    return all.bytes;
}

static void shuffle(uint32_t *order, uint32_t *random)
{
    for (uint32_t i = PARTS; i > 1; i--) {
        *random = *random * 1664525u + 1013904223u;
        uint32_t other = (*random >> 8) % i, swap = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swap;
    }
}

/* 20 intervals: parts of a few rows. 30,000: parts of 2 MB, which pass on their rows midway. */
static void any_order_on_any_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    static const uint32_t intervals[] = {20, 30000};
    static const size_t memories[] = {0, 5000, (size_t)3 << 20, TD_SPOOL_MEMORY};
    for (size_t c = 0; c < 2; c++) {
        struct fixture fixture;
        fixture_create(&fixture, 3, PARTS / 3, intervals[c]);
        uint32_t order[PARTS], random = 1;
        for (uint32_t i = 0; i < PARTS; i++)
            order[i] = i;
        char *expected = write_in_order(&fixture, order, 1, TD_SPOOL_MEMORY);
        for (size_t i = 0; i < 4; i++) {
            shuffle(order, &random);
            char *text = write_in_order(&fixture, order, i + 1, memories[i]);
            assert_true(strcmp(text, expected) == 0);
            free(text);
        }
        free(expected);
        fixture_destroy(&fixture);
    }
}

/* Small parts, many times, so that threads meet at the end of parts and at the turn. */
static void threads_that_meet_often(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, PARTS / 2, 1);
    uint32_t order[PARTS], random = 7;
    for (uint32_t i = 0; i < PARTS; i++)
        order[i] = i;
    char *expected = write_in_order(&fixture, order, 1, TD_SPOOL_MEMORY);
    for (int i = 0; i < 60; i++) {
        if (i % 3 != 0) shuffle(order, &random);
        char *text = write_in_order(&fixture, order, 4, i % 2 == 0 ? 300 : TD_SPOOL_MEMORY);
        assert_string_equal(text, expected);
        free(text);
    }
    free(expected);
    fixture_destroy(&fixture);
}

static void uncommitted_leaves_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 2, 2, 5);
    char *dir = directory_create();
    char *deep = path_join(dir, "a/b");
    file_write(dir, "runs.csv", "earlier");
    char *before = directory_text(dir);

    struct td_csv *csv = open_in(dir, &fixture, 0, UINT32_MAX);
    struct td_csv *other = open_in(deep, &fixture, TD_SPOOL_MEMORY, UINT32_MAX);
    assert_true(fixture_part(&fixture, csv, 1, 1, NULL));
    assert_true(fixture_part(&fixture, csv, 0, 0, NULL));
    struct td_csv_part *part = td_csv_part_begin(csv, 0, 1, NULL);
    td_csv_part_run(part, &fixture.results.runs[1]);
    td_csv_destroy(csv);
    td_csv_destroy(other);

    char *after = directory_text(dir);
    assert_string_equal(after, before);
    free(before);
    free(after);
    free(deep);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

static void earlier_files_are_replaced(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 0);
    char *dir = directory_create();
    for (size_t i = 0; i < TD_CSV_COUNT; i++)
        file_write(dir, td_csv_names[i], "earlier");
    file_write(dir, "mine.txt", "kept");
    struct td_csv *csv = open_in(dir, &fixture, TD_SPOOL_MEMORY, 0);
    assert_true(fixture_part(&fixture, csv, 0, 0, NULL));
    commit(csv, &fixture);

    assert_int_equal(directory_count(dir), TD_CSV_COUNT + 1);
    for (size_t i = 0; i < TD_CSV_COUNT; i++) {
        char *text = file_text(dir, td_csv_names[i]);
        assert_true(strncmp(text, td_csv_headers[i], strlen(td_csv_headers[i])) == 0);
        free(text);
    }
    assert_file(dir, "mine.txt", "kept");
    directory_remove(dir);
    fixture_destroy(&fixture);
}

/* A killed run's temporaries go with the next run; those of a run that lives stay. */
static void killed_runs_are_swept(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_create(&fixture, 1, 1, 0);
    char *dir = directory_create();
    file_write(dir, ".runs.csv.0123456789abcdef.tmp", "of a killed run");
    file_write(dir, ".tasks.csv.0000456789abcdef.tmp", "of a living run");
    file_write(dir, ".runs.csv.0123456789abcdeX.tmp", "somebody's");
    char *path = path_join(dir, ".tasks.csv.0000456789abcdef.tmp");
    int living = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(living, LOCK_EX), 0);

    struct td_csv *csv = open_in(dir, &fixture, TD_SPOOL_MEMORY, 0);
    assert_null(file_text(dir, ".runs.csv.0123456789abcdef.tmp"));
    assert_file(dir, ".tasks.csv.0000456789abcdef.tmp", "of a living run");
    assert_file(dir, ".runs.csv.0123456789abcdeX.tmp", "somebody's");
    struct td_csv *second = open_in(dir, &fixture, TD_SPOOL_MEMORY, 0);
    assert_true(fixture_part(&fixture, csv, 0, 0, NULL));
    assert_true(fixture_part(&fixture, second, 0, 0, NULL));
    commit(csv, &fixture);
    commit(second, &fixture);

    (void)close(living);
    free(path);
    directory_remove(dir);
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_small_run),
        cmocka_unit_test(statistics_files),
        cmocka_unit_test(one_policy_has_no_pairs),
        cmocka_unit_test(any_order_on_any_threads_gives_the_same_bytes),
        cmocka_unit_test(threads_that_meet_often),
        cmocka_unit_test(uncommitted_leaves_nothing),
        cmocka_unit_test(earlier_files_are_replaced),
        cmocka_unit_test(killed_runs_are_swept),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
