/* What a scenario's words become: defaults, names, order, files, warnings. */
#include "tests/workload/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(
        "{\"name\": \"least\", \"schema\": {\"universe\": \"//...\", \"steps\": {\"1\": \"//a\"}},"
        " \"steps\": {\"default\": {\"build\": 60, \"fetch\": 5}}, \"peers\": [{}]}");
    assert_string_equal(s->name, "least");
    assert_string_equal(s->description, "");
    assert_string_equal(s->schema_id, "least");
    assert_string_equal(s->universe, "//...");
    assert_int_equal(s->step_count, 1);
    assert_true(s->rest_build->parameter[0] == 0);
    assert_true(s->rest_fetch->parameter[0] == 0);
    assert_true(s->overhead->parameter[0] == 0);
    assert_int_equal(s->replications, 1);
    assert_int_equal(s->seed, 1);
    assert_int_equal(s->policy_count, 0);
    assert_int_equal(s->retries, 2);
    assert_false(s->learned);
    assert_int_equal(s->window.start, 20);
    assert_int_equal(s->window.floor, 3);
    assert_int_equal(s->patience, -1);
    assert_null(s->live);
    assert_true(s->steps[0].hit_rate == 1);
    assert_true(s->steps[0].flaky == 0);
    assert_true(s->steps[0].broken == 0);
    assert_int_equal(s->steps[0].parts, 1);
    assert_null(s->steps[0].factor);
    assert_int_equal(s->group_count, 1);
    assert_int_equal(s->peer_count, 1);
    assert_string_equal(s->peers[0].name, "peer");
    const struct td_group_spec *group = &s->groups[0];
    assert_int_equal(group->count, 1);
    assert_true(group->speed == 1);
    assert_null(group->cache_id);
    assert_null(group->repository);
    assert_null(group->base_ref);
    assert_null(group->pipeline);
    assert_false(group->dependent);
    assert_int_equal(group->touch_count, 0);
    assert_int_equal(group->break_count, 0);
    assert_true(group->publishes);
    assert_true(group->keeps);
    assert_null(group->leaves);
    assert_null(group->returns);
    assert_null(group->slow);
    assert_int_equal(group->arrival_form, TD_ARRIVAL_DRAWN);
    assert_true(td_dist_is_constant(group->arrival));
    assert_null(td_scenario_warning(s, 0));
    td_scenario_destroy(s);
}

static void test_steps(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_of("{\"name\": \"s\", \"schema\": {\"id\": \"the-id\", \"universe\": "
                    "[\"//u/...\", \"-//u:x\"],"
                    " \"steps\": {\"10\": \"//a:b   //c\", \"9\": [\"//d //e\", \"-//f\"], \"x "
                    "y\": \"@r//g\"}},"
                    " \"steps\": {\"x y\": {\"after\": [\"9\", \"10\"], \"build\": 3},"
                    " \"default\": {\"build\": 1, \"fetch\": 2}, \"10\": {\"fetch\": 4}},"
                    " \"peers\": [{}]}");
    assert_string_equal(s->schema_id, "the-id");
    assert_string_equal(s->universe, "//u/... -//u:x");
    assert_int_equal(s->step_count, 3);
    static const struct {
        const char *id, *targets;
        double build, fetch;
        size_t after_count;
    } expected[] = {{"10", "//a:b //c", 1e9, 4e9, 0},
                    {"9", "//d //e -//f", 1e9, 2e9, 0},
                    {"x y", "@r//g", 3e9, 2e9, 2}};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(s->steps[i].id, expected[i].id);
        assert_string_equal(s->steps[i].targets, expected[i].targets);
        assert_true(td_dist_mean(s->steps[i].build) == expected[i].build);
        assert_true(td_dist_mean(s->steps[i].fetch) == expected[i].fetch);
        assert_int_equal(s->steps[i].after_count, expected[i].after_count);
    }
    assert_int_equal(s->steps[2].after[0], 1);
    assert_int_equal(s->steps[2].after[1], 0);
    td_scenario_destroy(s);
}

static void test_peers(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(
        "{\"name\": \"p\", \"schema\": {\"universe\": \"//u\", \"steps\": {\"1\": \"//a\","
        " \"2\": \"//b\"}}, \"steps\": {\"default\": {\"build\": 1, \"fetch\": 2}}, \"peers\": ["
        "{\"name\": \"a\", \"count\": 2, \"speed\": 0.5, \"cache_id\": \"c\", \"repository\": "
        "\"r\","
        " \"base_ref\": \"b\", \"pipeline\": \"p\", \"pipeline_type\": \"independent\","
        " \"touches\": {\"2\": 0.25, \"1\": 1}}, {\"count\": 0}, {\"name\": \"b\"},"
        " {\"name\": \"t\", \"arrival\": {\"times\": [5, 0]}}], \"policies\": [\"x\", \"y\"]}");
    static const char *const names[] = {"a-1", "a-2", "b", "t-1", "t-2"};
    static const uint32_t groups[] = {0, 0, 2, 3, 3}, indices[] = {0, 1, 0, 0, 1};
    assert_int_equal(s->group_count, 4);
    assert_int_equal(s->peer_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(s->peers[i].name, names[i]);
        assert_int_equal(s->peers[i].group, groups[i]);
        assert_int_equal(s->peers[i].index, indices[i]);
    }
    const struct td_group_spec *a = &s->groups[0];
    assert_true(a->speed == 0.5);
    assert_string_equal(a->cache_id, "c");
    assert_string_equal(a->repository, "r");
    assert_string_equal(a->base_ref, "b");
    assert_string_equal(a->pipeline, "p");
    assert_false(a->dependent);
    assert_int_equal(a->touch_count, 2);
    assert_int_equal(a->touches[0].step, 1);
    assert_true(a->touches[0].fraction == 0.25);
    assert_int_equal(a->touches[1].step, 0);
    assert_true(a->touches[1].fraction == 1);
    assert_string_equal(s->policies[1], "y");
    const char *place = s->policy_places[1];
    assert_string_equal(place + strlen(place) - strlen("$.policies[1]"), "$.policies[1]");
    td_scenario_destroy(s);
}

/* What a step leaves out it takes from `default`, wherever that stands. */
static void test_luck_of_steps(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(
        "{\"name\": \"s\", \"schema\": {\"universe\": \"//u\", \"steps\": {\"1\": \"//a\","
        " \"2\": \"//b\", \"3\": \"//c\"}}, \"steps\": {\"1\": {\"hit_rate\": 0, \"flaky\": 0,"
        " \"broken\": 1, \"parts\": 1, \"factor\": 1}, \"default\": {\"build\": 1, \"fetch\": 1,"
        " \"hit_rate\": 0.75, \"flaky\": 0.25, \"broken\": 0.125, \"parts\": 20, \"factor\":"
        " {\"lognormal\": {\"mu\": 0.5, \"sigma\": 2}}}, \"2\": {\"parts\": 1000}},"
        " \"peers\": [{}], \"retries\": 7, \"estimates\": \"learned\"}");
    static const struct {
        double hit_rate, flaky, broken;
        uint32_t parts;
    } expected[] = {{0, 0, 1, 1}, {0.75, 0.25, 0.125, 1000}, {0.75, 0.25, 0.125, 20}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(s->steps[i].hit_rate == expected[i].hit_rate);
        assert_true(s->steps[i].flaky == expected[i].flaky);
        assert_true(s->steps[i].broken == expected[i].broken);
        assert_int_equal(s->steps[i].parts, expected[i].parts);
    }
    assert_int_equal(s->steps[0].factor->kind, TD_DIST_CONSTANT);
    assert_true(s->steps[0].factor->parameter[0] == 1);
    const struct td_dist *factor = s->steps[2].factor;
    assert_ptr_equal(factor, s->steps[1].factor);
    assert_int_equal(factor->kind, TD_DIST_LOGNORMAL);
    assert_true(factor->parameter[0] == 0.5);
    assert_true(factor->parameter[1] == 2);
    assert_int_equal(s->retries, 7);
    assert_true(s->learned);
    td_scenario_destroy(s);
}

/* A factor is in no unit, whatever its distribution; a step's times beside it are in nanoseconds.
 */
static void test_factors(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double mean;
    } factors[] = {
        {"2.5", 2.5},
        {"{\"constant\": {\"value\": 0.1}}", 0.1},
        {"{\"uniform\": {\"min\": 0.5, \"max\": 1.5}}", 1},
        {"{\"exponential\": {\"mean\": 3}}", 3},
        {"{\"normal\": {\"mean\": 2, \"sd\": 0}}", 2},
        {"{\"lognormal\": {\"mean\": 4, \"cv\": 0}}", 4},
        {"{\"lognormal\": {\"mu\": 0, \"sigma\": 0}}", 1},
        {"{\"gamma\": {\"shape\": 2, \"scale\": 0.5}}", 1},
        {"{\"weibull\": {\"shape\": 1, \"scale\": 2}}", 2},
        {"{\"pareto\": {\"shape\": 3, \"scale\": 2}}", 3},
        {"{\"triangular\": {\"min\": 0, \"mode\": 1, \"max\": 2}}", 1},
        {"{\"beta\": {\"a\": 1, \"b\": 1, \"min\": 1, \"max\": 3}}", 2},
        {"{\"empirical\": {\"values\": [0.5, 1, 3]}}", 1.5},
        {"{\"empirical\": {\"file\": \"factors.csv\", \"column\": \"f\"}}", 0.5},
        {"{\"mixture\": [{\"weight\": 3, \"of\": 1}, {\"weight\": 1, \"exponential\": {\"mean\": "
         "5}}]}",
         2},
        {"{\"shifted\": {\"by\": 0.5, \"of\": {\"constant\": {\"value\": 0.25}}}}", 0.75},
    };
    char text[1024];
    (void)write_file("factors.csv", "f\n0\n1e0\n", 8);
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        (void)snprintf(text, sizeof text, "2, \"factor\": %s", factors[i].json);
        struct td_scenario *s;
        const struct td_dist *build = duration(text, &s);
        assert_true(td_dist_mean(build) == 2e9);
        assert_true(fabs(td_dist_mean(s->steps[0].factor) - factors[i].mean) < 1e-12);
        assert_true(s->steps[0].factor->parameter[0] < 100);
        td_scenario_destroy(s);
    }
}

static void test_troubles_of_peers(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(
        "{\"name\": \"p\", \"schema\": {\"universe\": \"//u\", \"steps\": {\"1\": \"//a\","
        " \"2\": \"//b\", \"3\": \"//c\"}}, \"steps\": {\"default\": {\"build\": 1, \"fetch\": 2}},"
        " \"peers\": [{\"name\": \"a\", \"breaks\": {\"3\": 0, \"2\": 0.5, \"1\": 1}, "
        "\"publishes\":"
        " false, \"keeps\": false, \"returns\": 4, \"leaves\": \"3s\", \"speed\": 2, \"slow\":"
        " {\"after\": 5, \"for\": {\"exponential\": {\"mean\": 6}}, \"factor\": 0.25},"
        " \"touches\": {\"2\": 0.75}}, {\"name\": \"b\", \"leaves\": 1, \"touches\": {\"1\": "
        "1}}]}");
    const struct td_group_spec *a = &s->groups[0], *b = &s->groups[1];
    static const struct td_touch touches[] = {{1, 0.75}, {2, 1}, {0, 1}};
    static const struct td_break breaks[] = {{2, 0}, {1, 0.5}, {0, 1}};
    assert_int_equal(a->touch_count, 3);
    assert_int_equal(a->break_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a->touches[i].step, touches[i].step);
        assert_true(a->touches[i].fraction == touches[i].fraction);
        assert_int_equal(a->breaks[i].step, breaks[i].step);
        assert_true(a->breaks[i].probability == breaks[i].probability);
    }
    assert_false(a->publishes);
    assert_false(a->keeps);
    assert_true(td_dist_mean(a->leaves) == 3e9);
    assert_true(td_dist_mean(a->returns) == 4e9);
    assert_true(td_dist_mean(a->slow->after) == 5e9);
    assert_true(td_dist_mean(a->slow->length) == 6e9);
    assert_true(a->slow->factor == 0.25);
    assert_true(td_dist_mean(b->leaves) == 1e9);
    assert_null(b->returns);
    assert_int_equal(b->touch_count, 1);
    assert_int_equal(b->break_count, 0);
    td_scenario_destroy(s);
}

#define WITH_KEYS(keys)                                                                            \
    "{\"name\": \"n\", \"schema\": {\"universe\": \"//u\", \"steps\": {\"1\": \"//a\"}}, "         \
    "\"steps\": {\"1\": {\"build\": 1, \"fetch\": 1}}, " keys "}"

/* Each group says for itself whether its pipeline is dependent, even where another group has the
 * same one. */
static void test_dependent_pipelines(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(WITH_KEYS(
        "\"peers\": [{\"name\": \"a\", \"pipeline\": \"p\", \"pipeline_type\": \"dependent\"},"
        " {\"name\": \"b\", \"pipeline\": \"p\", \"pipeline_type\": \"independent\"},"
        " {\"name\": \"c\", \"pipeline\": \"p\"},"
        " {\"name\": \"d\", \"pipeline_type\": \"dependent\"}]"));
    static const bool dependent[] = {true, false, false, true};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(s->groups[i].dependent, dependent[i]);
    assert_string_equal(s->groups[0].pipeline, "p");
    assert_null(s->groups[3].pipeline);
    td_scenario_destroy(s);
}

static void test_windows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t start, floor;
    } windows[] = {
        {WITH_KEYS("\"peers\": [{}], \"window\": {}"), 20, 3},
        {WITH_KEYS("\"peers\": [{}], \"window\": {\"start\": 3}"), 3, 3},
        {WITH_KEYS("\"peers\": [{}], \"window\": {\"floor\": 20}"), 20, 20},
        {WITH_KEYS("\"peers\": [{}], \"window\": {\"floor\": 1, \"start\": 2}"), 2, 1},
        {WITH_KEYS("\"peers\": [{}], \"window\": {\"start\": 1e6, \"floor\": 30}"), 1000000, 30},
    };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct td_scenario *s = scenario_of(windows[i].text);
        assert_int_equal(s->window.start, windows[i].start);
        assert_int_equal(s->window.floor, windows[i].floor);
        td_scenario_destroy(s);
    }
}

static void test_patience(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        td_time patience;
    } cases[] = {
        {WITH_KEYS("\"peers\": [{}], \"patience\": 0"), 0},
        {WITH_KEYS("\"peers\": [{}], \"patience\": 0.0000000014"), 1},
        {WITH_KEYS("\"peers\": [{}], \"patience\": \"1h30m\""), INT64_C(5400000000000)},
        {WITH_KEYS("\"peers\": [{}], \"patience\": {\"constant\": {\"value\": \"250ms\"}}"),
         250000000},
        {WITH_KEYS("\"peers\": [{}], \"patience\": \"87600h\""), INT64_C(315360000000000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct td_scenario *s = scenario_of(cases[i].text);
        assert_int_equal(s->patience, cases[i].patience);
        td_scenario_destroy(s);
    }
}

#define LIVE(members) WITH_KEYS("\"peers\": [{}], \"live\": {" members "}")

static void test_live_sleep(void **state)
{
    (void)state;
    struct td_scenario *s = scenario_of(LIVE("\"executor\": \"sleep\""));
    assert_int_equal(s->live->executor, TD_EXECUTOR_SLEEP);
    assert_true(s->live->time_scale == 1);
    assert_null(s->live->workspace);
    assert_null(s->live->bazel_args);
    assert_null(s->live->cache_disk);
    assert_null(s->live->cache_http);
    assert_null(s->live->program);
    assert_null(s->live->command);
    td_scenario_destroy(s);
    s = scenario_of(LIVE("\"time_scale\": 0.01, \"executor\": \"sleep\""));
    assert_true(s->live->time_scale == 0.01);
    td_scenario_destroy(s);
}

/* Whether it is the scenario's folder and then `name`. */
static bool is_beside(const struct td_scenario *s, const char *path, const char *name)
{
    size_t folder = (size_t)(strrchr(s->path, '/') + 1 - s->path);
    return strncmp(path, s->path, folder) == 0 && strcmp(path + folder, name) == 0;
}

static void test_live_bazel(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_of(LIVE("\"executor\": \"bazel\", \"workspace\": \"../w\", \"bazel_args\":"
                         " [\"-c\", \"opt\"], \"cache\": {\"disk\": \"cache\"}"));
    assert_int_equal(s->live->executor, TD_EXECUTOR_BAZEL);
    assert_true(s->live->time_scale == 1);
    assert_true(is_beside(s, s->live->workspace, "../w"));
    assert_int_equal(s->live->bazel_arg_count, 2);
    assert_string_equal(s->live->bazel_args[0], "-c");
    assert_string_equal(s->live->bazel_args[1], "opt");
    assert_null(s->live->bazel_args[2]);
    assert_true(is_beside(s, s->live->cache_disk, "cache"));
    assert_null(s->live->cache_http);
    td_scenario_destroy(s);
    s = scenario_of(LIVE("\"executor\": \"bazel\", \"workspace\": \"/w\", \"bazel_args\": [],"
                         " \"cache\": {\"http\": \"http://cache:80/x\"}"));
    assert_string_equal(s->live->workspace, "/w");
    assert_int_equal(s->live->bazel_arg_count, 0);
    assert_null(s->live->bazel_args[0]);
    assert_null(s->live->cache_disk);
    assert_string_equal(s->live->cache_http, "http://cache:80/x");
    td_scenario_destroy(s);
}

/* PATH has what is named without a slash, the scenario's folder what has one. */
static void test_live_exec(void **state)
{
    (void)state;
    struct td_scenario *s =
        scenario_of(LIVE("\"executor\": \"exec\", \"command\": [\"bin/it\", \"bin/x\", \"\"]"));
    assert_int_equal(s->live->executor, TD_EXECUTOR_EXEC);
    assert_true(is_beside(s, s->live->program, "bin/it"));
    assert_int_equal(s->live->command_count, 3);
    assert_string_equal(s->live->command[0], "bin/it");
    assert_string_equal(s->live->command[1], "bin/x");
    assert_string_equal(s->live->command[2], "");
    assert_null(s->live->command[3]);
    assert_null(s->live->workspace);
    td_scenario_destroy(s);
    s = scenario_of(LIVE("\"executor\": \"exec\", \"command\": [\"it\"], \"time_scale\": 2,"
                         " \"workspace\": \"w\""));
    assert_string_equal(s->live->program, "it");
    assert_true(s->live->time_scale == 2);
    assert_true(is_beside(s, s->live->workspace, "w"));
    td_scenario_destroy(s);
}

/* A zero byte must not end a cell unseen, wherever it stands. */
static void test_zero_bytes_in_tables(void **state)
{
    (void)state;
    static const char json[] =
        "{\"name\": \"d\", \"schema\": {\"universe\": \"//a\", \"steps\": {\"1\": \"//a\"}},\n"
        "\"steps\": {\"1\": {\"build\": {\"empirical\": {\"file\": \"zero.csv\", \"column\": "
        "\"s\"}}, \"fetch\": 0}}, \"peers\": [{}]}";
    static const struct {
        const char *text;
        size_t length;
        const char *place;
    } tables[] = {
        {"s\n1\0002\n", 6, "zero.csv:2:2: "},
        {"\xc3\xa4,s\n\xc3\xa4\0,2\n", 11, "zero.csv:2:2: "},
        {"s\n1\n\0", 5, "zero.csv:3:1: "},
        {"\xff\xfes\0\n\0001\0", 8, "zero.csv:1:4: "},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct td_error error = {TD_FAULT_NONE, ""};
        (void)write_file("zero.csv", tables[i].text, tables[i].length);
        const char *path = write_file("scenario.json", json, sizeof json - 1);
        assert_null(td_scenario_read(path, &error));
        assert_int_equal(error.fault, TD_FAULT_INPUT);
        assert_non_null(
            strstr(error.text, "scenario.json:2:49: $.steps[\"1\"].build.empirical.file: "));
        if (strstr(error.text, tables[i].place) == NULL) fail_msg("%s", error.text);
        assert_non_null(strstr(error.text, "the file holds a NUL byte (U+0000): leave it out"));
    }
}

#define WITH_SCHEMA(schema)                                                                        \
    "{\"name\": \"n\", \"schema\": " schema ", \"steps\": {\"default\": {\"build\": 1, "           \
    "\"fetch\": 1}}, \"peers\": [{}]}"

static void test_schema_files(void **state)
{
    (void)state;
    static const char plain[] = "{\"universe\": \"//u\", \"steps\": {\"1\": \"//a\"}}";
    static const char named[] =
        "{\"id\": \"x\", \"universe\": \"//u\", \"steps\": {\"1\": \"//a\"}}";
    (void)write_file("my.first.json", plain, sizeof plain - 1);
    (void)write_file("second", named, sizeof named - 1);
    struct td_scenario *s = scenario_of(WITH_SCHEMA("\"my.first.json\""));
    assert_string_equal(s->schema_id, "my.first");
    assert_string_equal(s->steps[0].targets, "//a");
    td_scenario_destroy(s);
    s = scenario_of(WITH_SCHEMA("\"./second\""));
    assert_string_equal(s->schema_id, "x");
    td_scenario_destroy(s);
}

/* Without a scenario around them. */
static void test_schemas_alone(void **state)
{
    (void)state;
    static const char plain[] =
        "{\"universe\": \"//u\", \"steps\": {\"2\": \"//b\", \"1\": [\"//a\", \"-//a/b\"]}}";
    static const char bad[] = "{\"universe\": \"//u\", \"steps\": {}}";
    struct td_error error;
    struct td_scenario *s =
        td_scenario_read_schema(write_file("my.first.json", plain, sizeof plain - 1), &error);
    if (s == NULL) {
        fail_msg("%s", error.text);
        return;
    }
    assert_string_equal(s->schema_id, "my.first");
    assert_string_equal(s->universe, "//u");
    assert_int_equal(s->step_count, 2);
    assert_string_equal(s->steps[0].id, "2");
    assert_string_equal(s->steps[1].targets, "//a -//a/b");
    td_scenario_destroy(s);
    s = td_scenario_read_either(write_file("my.first.json", plain, sizeof plain - 1), &error);
    assert_true(s != NULL && s->name == NULL && s->step_count == 2);
    td_scenario_destroy(s);
    /* neither of the two is read as what it is not */
    static const char neither[] = "{\"universe\": \"//u\", \"schema\": {}}";
    assert_null(
        td_scenario_read_either(write_file("neither.json", neither, sizeof neither - 1), &error));
    assert_non_null(strstr(error.text, "$.universe: unknown key"));
    assert_null(td_scenario_read_either(write_file("7.json", "7", 1), &error));
    assert_null(td_scenario_read_schema(write_file("bad.json", bad, sizeof bad - 1), &error));
    assert_non_null(strstr(error.text, "bad.json:1:30: $.steps: there are no steps"));
}

static void test_warnings(void **state)
{
    (void)state;
    struct td_scenario *s;
    (void)duration("{\"pareto\": {\"shape\": 2.1, \"scale\": 1}}", &s);
    assert_null(td_scenario_warning(s, 0));
    td_scenario_destroy(s);
    (void)duration("{\"mixture\": [{\"weight\": 1, \"pareto\": {\"shape\": 2, \"scale\": 1}}, "
                   "{\"weight\": 1, \"of\": {\"pareto\": {\"shape\": 1, \"scale\": 1}}}]}",
                   &s);
    assert_non_null(strstr(td_scenario_warning(s, 0), "$.steps[\"1\"].build.mixture[0].pareto: "));
    assert_non_null(strstr(td_scenario_warning(s, 0), "no finite variance"));
    assert_non_null(strstr(td_scenario_warning(s, 1), ".mixture[1].of.pareto: "));
    assert_non_null(strstr(td_scenario_warning(s, 1), "no finite mean"));
    assert_null(td_scenario_warning(s, 2));
    td_scenario_destroy(s);
    (void)duration("1, \"factor\": {\"shifted\": {\"by\": 1, \"of\": {\"pareto\": {\"shape\": 1.5, "
                   "\"scale\": 1}}}}",
                   &s);
    assert_non_null(strstr(td_scenario_warning(s, 0), ".factor.shifted.of.pareto: "));
    assert_non_null(strstr(td_scenario_warning(s, 0), "no finite variance"));
    assert_null(td_scenario_warning(s, 1));
    td_scenario_destroy(s);
    (void)duration("1, \"factor\": {\"pareto\": {\"shape\": 1, \"scale\": 1}}", &s);
    assert_non_null(strstr(td_scenario_warning(s, 0), "no finite mean"));
    assert_null(strstr(td_scenario_warning(s, 0), "estimate"));
    td_scenario_destroy(s);
}

static void test_shipped_scenarios(void **state)
{
    (void)state;
    static const struct {
        const char *path, *schema_id;
        uint32_t steps, peers;
    } shipped[] = {
        {"scenarios/three-strategies.json", "six-steps", 6, 3},
        {"scenarios/my-universe.json", "my-universe.schema", 4, 4},
        {"scenarios/unequal-steps.json", "product", 14, 4},
        {"scenarios/late-arrivals.json", "service", 8, 30},
        {"scenarios/two-caches.json", "six-steps", 6, 5},
        {"scenarios/touching-changes.json", "six-steps", 6, 4},
        {"scenarios/large.json", "large", 300, 20000},
        {"scenarios/read-only-cache.json", "six-steps", 6, 4},
        {"scenarios/forgetful-cache.json", "six-steps", 6, 4},
        {"scenarios/flaky-builds.json", "six-steps", 6, 4},
        {"scenarios/vanishing-peers.json", "six-steps", 6, 5},
        {"scenarios/slow-cache.json", "four-steps", 4, 5},
        {"scenarios/slow-peer.json", "six-steps", 6, 3},
        {"scenarios/parts.json", "six-steps", 6, 4},
        {"scenarios/broken-base.json", "six-steps", 6, 6},
        {"scenarios/live-sleep.json", "six-steps", 6, 3},
    };
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        struct td_error error;
        struct td_scenario *s = td_scenario_read(shipped[i].path, &error);
        if (s == NULL) {
            fail_msg("%s", error.text);
            return;
        }
        assert_string_equal(s->path, shipped[i].path);
        assert_string_equal(s->schema_id, shipped[i].schema_id);
        assert_int_equal(s->step_count, shipped[i].steps);
        assert_int_equal(s->peer_count, shipped[i].peers);
        assert_true(s->description[0] != '\0');
        assert_null(td_scenario_warning(s, 0));
        td_scenario_destroy(s);
    }
}

/* A long line of steps, and its longest cycle: neither the stack nor the message overflows. */
static void test_ten_thousand_steps(void **state)
{
    (void)state;
    static char text[2000000];
    for (int cycle = 0; cycle < 2; cycle++) {
        size_t used = 0;
        used += (size_t)snprintf(text, sizeof text,
                                 "{\"name\": \"n\", \"schema\": {\"universe\": "
                                 "\"//u\", \"steps\": {");
        for (int i = 0; i < 10000; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s\"s%d\": \"//a\"",
                                     i == 0 ? "" : ",", i);
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "}}, \"steps\": {\"default\": {\"build\": 1, \"fetch\": 1}");
        for (int i = cycle ? 0 : 1; i < 10000; i++)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     ", \"s%d\": {\"after\": [\"s%d\"]}", i, (i + 9999) % 10000);
        used += (size_t)snprintf(text + used, sizeof text - used, "}, \"peers\": [{}]}");
        assert_true(used < sizeof text);
        if (!cycle) {
            td_scenario_destroy(scenario_of(text));
            continue;
        }
        struct td_error error;
        assert_null(td_scenario_read(write_file("scenario.json", text, used), &error));
        assert_non_null(strstr(error.text, "cycle, \"s0\" after \"s9999\" after \"s9998\" after "));
        assert_non_null(strstr(error.text, " after ... after \"s1\" after \"s0\": remove one"));
    }
}

static void test_other_numbers_of_peers(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\": \"least\", \"schema\": {\"universe\": \"//...\", \"steps\": {\"1\": "
        "\"//a\"}}, \"steps\": {\"default\": {\"build\": 60, \"fetch\": 5}}, \"peers\": "
        "[{\"name\": \"p\", \"count\": 2, \"arrival\": {\"times\": [3, 7]}}, {\"name\": "
        "\"q\", \"arrival\": 5}]}";
    static const char *const names[] = {"p-1",   "p-2", "q",     "p-1~2",
                                        "p-2~2", "q~2", "p-1~3", "p-2~3"};
    static const td_time seconds[] = {3, 7, 5, 3, 7, 5, 3, 7};
    for (uint32_t peers = 1; peers <= 8; peers++) {
        struct td_error error;
        td_time arrivals[8];
        struct td_scenario *s = scenario_of(text);
        assert_true(td_scenario_set_peers(s, peers, &error));
        assert_int_equal(s->peer_count, peers);
        assert_true(td_scenario_arrivals(s, 1, 1, arrivals, &error));
        uint32_t counted = 0;
        for (uint32_t i = 0; i < peers; i++) {
            assert_string_equal(s->peers[i].name, names[i]);
            assert_int_equal(arrivals[i], seconds[i] * TD_NS_PER_S);
            assert_string_equal(s->groups[s->peers[i].group].name, i % 3 == 2 ? "q" : "p");
            assert_int_equal(s->peers[i].index, i % 3 == 2 ? 0 : i % 3);
        }
        for (uint32_t g = 0; g < s->group_count; g++)
            counted += s->groups[g].count;
        assert_int_equal(counted, peers);
        td_scenario_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_luck_of_steps),
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_troubles_of_peers),
        cmocka_unit_test(test_dependent_pipelines),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_live_sleep),
        cmocka_unit_test(test_live_bazel),
        cmocka_unit_test(test_live_exec),
        cmocka_unit_test(test_zero_bytes_in_tables),
        cmocka_unit_test(test_schema_files),
        cmocka_unit_test(test_schemas_alone),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_shipped_scenarios),
        cmocka_unit_test(test_ten_thousand_steps),
        cmocka_unit_test(test_other_numbers_of_peers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
