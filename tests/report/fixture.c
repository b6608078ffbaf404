#include "tests/report/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const fixture_policies[] = {"linear", "directed", "longest"};
static const char *const fixture_peers[] = {"peer-1", "a \"b\", c"};
static const char *const fixture_caches[] = {"muc9", NULL};
static const char *const fixture_steps[] = {"1", "x,y"};

static struct td_run_record fixture_run(uint32_t policy, uint32_t replication)
{
    td_time unit = ((td_time)policy + 1) * (replication + 2) * 100000000;
    return (struct td_run_record){.makespan = 40 * unit,
                                  .mean_turnaround = 30 * unit,
                                  .p95_turnaround = 40 * unit,
                                  .lower_bound = 1500000000,
                                  .bound_known = replication == 0,
                                  .busy = 50 * unit,
                                  .wait = 10 * unit,
                                  .machine = 60 * unit,
                                  .builds = policy + 2u,
                                  .duplicate_builds = policy,
                                  .fetches = replication,
                                  .failures = 0,
                                  .events = 7,
                                  .turnaround_known = replication != 1};
}

void fixture_create(struct fixture *fixture, uint32_t policies, uint32_t replications,
                    uint32_t intervals)
{
    fixture->labels = (struct td_labels){.scenario = "two, \"quoted\"",
                                         .mode = "simulated",
                                         .seed = 5,
                                         .policy_count = policies,
                                         .replications = replications,
                                         .policies = fixture_policies,
                                         .peer_count = 2,
                                         .peers = fixture_peers,
                                         .caches = fixture_caches,
                                         .step_count = 2,
                                         .steps = fixture_steps};
    fixture->intervals = intervals;
    struct td_run_record *runs = calloc((size_t)policies * replications, sizeof *runs);
    assert_non_null(runs);
    for (uint32_t p = 0; p < policies; p++)
        for (uint32_t r = 0; r < replications; r++)
            runs[p * replications + r] = fixture_run(p, r);
    fixture->results = (struct td_results){.labels = &fixture->labels, .runs = runs};
    fixture->comparison = td_compare(&fixture->results, 0.95, NULL);
    assert_non_null(fixture->comparison);
}

void fixture_destroy(struct fixture *fixture)
{
    td_comparison_destroy(fixture->comparison);
    free(fixture->results.runs);
}

/* Writes one part; false and the error of what refused it. */
bool fixture_part(const struct fixture *fixture, struct td_csv *csv, uint32_t policy,
                  uint32_t replication, struct td_error *error)
{
    static const uint32_t steps[] = {0, 1, TD_RECORD_REST, TD_RECORD_NO_STEP};
    struct td_csv_part *part = td_csv_part_begin(csv, policy, replication, error);
    if (part == NULL) return false;
    struct td_recorder recorder = td_csv_part_recorder(part);
    for (uint32_t i = 0; recorder.interval != NULL && i < fixture->intervals; i++) {
        struct td_interval interval = {.start = (td_time)i * 1000 + policy,
                                       .end = (td_time)i * 1000 + replication,
                                       .peer = i % 2,
                                       .step = steps[i % 4],
                                       .kind = (uint8_t)(i % 4),
                                       .outcome = (uint8_t)(i / 4 % 4)};
        recorder.interval(recorder.context, &interval);
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t outcome = (uint8_t)((i + replication) % 4);
        bool merges = policy > 0 && outcome == TD_PEER_OK;
        struct td_peer_record peer = {.arrival = 1000000000 * (td_time)i,
                                      .completion = 5000000000 + (td_time)replication,
                                      .busy = 3000000000,
                                      .wait = policy,
                                      .builds = 3,
                                      .fetches = 12,
                                      .outcome = outcome,
                                      .merged = merges ? 5500000001 : TD_NOT_MERGED};
        recorder.peer(recorder.context, i, &peer);
    }
    td_csv_part_run(part,
                    &fixture->results.runs[policy * fixture->labels.replications + replication]);
    return td_csv_part_end(part, error);
}

/* DIR/NAME, to be freed. */
char *path_join(const char *dir, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    return path;
}

/* A new empty directory, its path to be given to directory_remove. */
char *directory_create(void)
{
    const char *base = getenv("TMPDIR");
    char *path = path_join(base != NULL ? base : "/tmp", "test-report-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

void directory_empty(const char *path)
{
    DIR *listing = opendir(path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inner = path_join(path, entry->d_name);
        if (unlink(inner) != 0) {
            directory_empty(inner);
            assert_int_equal(rmdir(inner), 0);
        }
        free(inner);
    }
    (void)closedir(listing);
}

void directory_remove(char *path)
{
    directory_empty(path);
    assert_int_equal(rmdir(path), 0);
    free(path);
}

void file_write(const char *dir, const char *name, const char *text)
{
    char *path = path_join(dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* A whole file, to be freed; NULL if there is none. */
char *file_text(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0) return NULL;
    struct stat found;
    assert_int_equal(fstat(fd, &found), 0);
    char *text = calloc(1, (size_t)found.st_size + 1);
    assert_non_null(text);
    for (off_t done = 0; done < found.st_size;) {
        ssize_t got = read(fd, text + done, (size_t)(found.st_size - done));
        assert_true(got > 0);
        done += got;
    }
    (void)close(fd);
    return text;
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* All of a directory (names, hidden ones too, inodes and contents) as one text, to be freed; of one
 * that is not there, "absent". Two equal texts: nothing has been touched. */
char *directory_text(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, not_dots, alphasort);
    if (count < 0) return strdup("absent");
    struct td_buffer text = {0};
    for (int i = 0; i < count; i++) {
        td_buffer_string(&text, entries[i]->d_name);
        td_buffer_string(&text, " ");
        td_buffer_unsigned(&text, entries[i]->d_ino);
        td_buffer_string(&text, "\n");
        char *content = entries[i]->d_type == DT_REG ? file_text(path, entries[i]->d_name) : NULL;
        if (content != NULL) td_buffer_string(&text, content);
        free(content);
        free(entries[i]);
    }
    free((void *)entries);
    td_buffer_add(&text, "", 1);
    assert_false(text.failed);
    return text.bytes;
}

int directory_count(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, not_dots, alphasort);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0) free((void *)entries);
    return count;
}
