#include "tests/workload/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char written[64][64];
static size_t written_count;

int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/td_workload_XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

int remove_folder(void **state)
{
    (void)state;
    char path[160];
    for (size_t i = 0; i < written_count; i++) {
        (void)snprintf(path, sizeof path, "%.63s/%.63s", folder, written[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

const char *write_file(const char *name, const char *text, size_t length)
{
    static char path[160];
    size_t i = 0;
    while (i < written_count && strcmp(written[i], name) != 0)
        i++;
    if (i == written_count) {
        assert_true(written_count < sizeof written / sizeof *written);
        (void)snprintf(written[written_count++], sizeof *written, "%s", name);
    }
    (void)snprintf(path, sizeof path, "%.63s/%.63s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct td_scenario *scenario_of(const char *text)
{
    struct td_error error;
    struct td_scenario *scenario =
        td_scenario_read(write_file("scenario.json", text, strlen(text)), &error);
    if (scenario == NULL) fail_msg("%s", error.text);
    return scenario;
}

const struct td_dist *duration(const char *json, struct td_scenario **owner)
{
    char text[4096];
    int length = snprintf(text, sizeof text,
                          "{\"name\": \"d\", \"schema\": {\"universe\": \"//a\", \"steps\": "
                          "{\"1\": \"//a\"}}, \"steps\": {\"1\": {\"build\": %s, \"fetch\": 0}}, "
                          "\"peers\": [{}]}",
                          json);
    assert_true(length > 0 && (size_t)length < sizeof text);
    *owner = scenario_of(text);
    return (*owner)->steps[0].build;
}
