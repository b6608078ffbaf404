#include "live/crew_internal.h"

#include "base/assert.h"
#include "live/bazel.h"
#include "live/folder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS (TD_NS_PER_S / 1000)
/* A peer interrupts its own build three times, ten seconds apart, before it gives up. */
#define GRACE (15 * TD_NS_PER_S)
#define LOOK_NS 20000000 /* how often to look whether somebody wants the crew to stop */
#define LOG_END 4096     /* so much of a log is looked at for a peer's last words */

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TD_NS_PER_S + now.tv_nsec;
}

/* --- what a crew needs ---------------------------------------------------------------------- */

/* A file as `task-director peer --schema` reads it. */
static bool write_schema(struct td_crew *crew, struct td_error *error)
{
    const struct td_scenario *scenario = crew->options.scenario;
    struct td_buffer text = {0};
    td_buffer_string(&text, "{\"id\": ");
    td_buffer_json_string(&text, scenario->schema_id);
    td_buffer_string(&text, ", \"universe\": ");
    td_buffer_json_string(&text, scenario->universe);
    for (uint32_t s = 0; s < scenario->step_count; s++) {
        td_buffer_string(&text, s == 0 ? ", \"steps\": {" : ", ");
        td_buffer_json_string(&text, scenario->steps[s].id);
        td_buffer_string(&text, ": ");
        td_buffer_json_string(&text, scenario->steps[s].targets);
    }
    td_buffer_string(&text, "}}\n");
    crew->schema = td_arena_format(crew->arena, "%s/schema.json", crew->folder);
    if (text.failed || crew->schema == NULL) {
        td_buffer_free(&text);
        return td_error_memory(error, "the schema's file");
    }
    FILE *file = fopen(crew->schema, "we");
    bool good = file != NULL && fwrite(text.bytes, 1, text.length, file) == text.length;
    if (file != NULL && fclose(file) != 0) good = false;
    td_buffer_free(&text);
    return good || td_error_set(error, TD_FAULT_RUN, "%s cannot be written: %s", crew->schema,
                                strerror(errno));
}

static bool make_folders(struct td_crew *crew, struct td_error *error)
{
    const struct td_live_spec *live = crew->options.scenario->live;
    if (!td_folder_temporary(NULL, crew->folder, error)) {
        crew->folder[0] = '\0';
        return false;
    }
    if (strchr(crew->folder, ' ') != NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "the folder for temporary files is %s, and Bazel's startup options "
                            "are separated by spaces: set TMPDIR to a path without them",
                            crew->folder);
    if (live->cache_disk == NULL) return true;
    if (td_folder_temporary(live->cache_disk, crew->cache, error)) return true;
    crew->cache[0] = '\0';
    return false;
}

static bool set_arrivals(struct td_crew *crew, struct td_error *error)
{
    const struct td_crew_options *options = &crew->options;
    td_time *arrivals = calloc(crew->count, sizeof *arrivals);
    if (arrivals == NULL) return td_error_memory(error, "arrivals");
    const bool good = td_scenario_arrivals(options->scenario, options->seed, options->replication,
                                           arrivals, error);
    for (uint32_t i = 0; i < crew->count; i++) {
        crew->mates[i].crew = crew;
        crew->mates[i].arrival = arrivals[i];
    }
    free(arrivals);
    return good;
}

/* --- a thread for each of them -------------------------------------------------------------- */

static void *work(void *context)
{
    struct mate *mate = context;
    mate->job(mate);
    atomic_fetch_add(&mate->crew->over, 1);
    return NULL;
}

static bool is_stopped(const struct td_crew *crew)
{
    if (crew->options.stop != NULL && atomic_load(crew->options.stop)) td_crew_stop(crew);
    return td_stop_asked(&crew->stop);
}

/* Does the job for all mates at once. False with an error if it could not be begun for all, or the
 * crew was stopped meanwhile. */
static bool do_for_all(struct td_crew *crew, void (*job)(struct mate *), struct td_error *error)
{
    uint32_t started = 0;
    atomic_store(&crew->over, 0);
    for (; started < crew->count; started++) {
        struct mate *mate = &crew->mates[started];
        mate->job = job;
        if (pthread_create(&mate->thread, NULL, work, mate) != 0) break;
    }
    bool stopped = is_stopped(crew);
    if (started < crew->count) td_crew_stop(crew);
    while (atomic_load(&crew->over) < started) {
        (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
        stopped = stopped || (started == crew->count && is_stopped(crew));
    }
    for (uint32_t i = 0; i < started; i++)
        (void)pthread_join(crew->mates[i].thread, NULL);
    if (stopped) return td_error_set(error, TD_FAULT_INTERRUPT, "the peers were stopped");
    return started == crew->count ||
           td_error_set(error, TD_FAULT_RUN,
                        "no thread for each of %u peers: raise `ulimit -u`, or take fewer",
                        crew->count);
}

/* --- the peers ------------------------------------------------------------------------------ */

/* False if the crew is stopped before that time of the wall clock. */
static bool wait_until(const struct td_crew *crew, int64_t at_ns)
{
    struct pollfd look = {.fd = crew->stop.descriptor, .events = POLLIN};
    for (;;) {
        if (td_stop_asked(&crew->stop)) return false;
        const int64_t left = at_ns - monotonic_ns();
        if (left <= 0) return true;
        const int64_t wait_ms = left / NS_PER_MS + 1;
        (void)poll(&look, 1, wait_ms < 60000 ? (int)wait_ms : 60000);
    }
}

/* The peer's life. */
static void accompany(struct mate *mate)
{
    const struct td_crew *crew = mate->crew;
    const int64_t at = crew->zero_ns + (int64_t)((double)mate->arrival * crew->options.scale);
    if (!wait_until(crew, at)) return;
    const int log = open(mate->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log < 0) {
        mate->good = td_error_set(&mate->error, TD_FAULT_RUN, "%s cannot be written: %s", mate->log,
                                  strerror(errno));
        return;
    }
    const struct td_child_command command = {
        .argv = mate->argv, .output = log, .errors = log, .grace = GRACE, .kill = true};
    mate->good = td_child_run(&command, &crew->stop, &mate->end, &mate->error);
    (void)close(log);
}

static bool is_well(const struct mate *mate)
{
    return mate->good && mate->end.signal == 0 && mate->end.status == 0;
}

/* The last line that the peer itself has written, without its beginning; "" if there is none. */
static void last_words(const char *path, char *out, size_t room)
{
    static const char start[] = "task-director: ";
    char end[LOG_END + 1];
    ssize_t length = -1;
    const int log = open(path, O_RDONLY | O_CLOEXEC);
    out[0] = '\0';
    if (log < 0) return;
    const off_t size = lseek(log, 0, SEEK_END);
    if (size >= 0) length = pread(log, end, LOG_END, size > LOG_END ? size - LOG_END : 0);
    (void)close(log);
    end[length > 0 ? length : 0] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(end, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, start, strlen(start)) == 0)
            (void)snprintf(out, room, "%s", line + strlen(start));
    for (; *out != '\0'; out++)
        if (iscntrl((unsigned char)*out)) *out = '?';
}

static void explain(const struct td_crew *crew, const struct mate *mate, struct td_error *error)
{
    const char *name = crew->options.scenario->peers[mate - crew->mates].name;
    char words[512], how[128];
    if (!mate->good) {
        (void)td_error_set(error, TD_FAULT_RUN, "peer \"%s\" was not started: %s", name,
                           mate->error.text);
        return;
    }
    if (mate->end.signal != 0)
        (void)snprintf(how, sizeof how, "was ended by the signal %s",
                       sigdescr_np(mate->end.signal));
    else
        (void)snprintf(how, sizeof how, "ended with exit status %d", mate->end.status);
    last_words(mate->log, words, sizeof words);
    (void)td_error_set(
        error, TD_FAULT_RUN, "peer \"%s\" %s%s%s; %s%s", name, how, words[0] != '\0' ? ": " : "",
        words, crew->options.folder != NULL ? "all that it said is in " : "",
        crew->options.folder != NULL ? mate->log : "with --out DIR all that it says is kept");
}

/* Whether somebody has ended well; of those who have not, the caller hears. */
static bool judge(const struct td_crew *crew, struct td_error *error)
{
    bool well = false;
    struct td_error trouble;
    for (uint32_t i = 0; i < crew->count; i++)
        well = well || is_well(&crew->mates[i]);
    for (uint32_t i = 0; i < crew->count; i++) {
        const struct mate *mate = &crew->mates[i];
        if (is_well(mate)) continue;
        explain(crew, mate, well ? &trouble : error);
        if (!well) return false;
        crew->options.trouble(crew->options.trouble_context, trouble.text);
    }
    return true;
}

void td_crew_stop(const struct td_crew *crew)
{
    td_stop_ask(&crew->stop);
}

/* --- Bazel's servers ------------------------------------------------------------------------ */

/* Runs one of Bazel's commands with the mate's folder of outputs, and throws away what it says. */
static bool call_bazel(const struct mate *mate, const char *word, const struct td_stop *stop,
                       struct td_child_end *end, struct td_error *error)
{
    char base[PATH_MAX + 32];
    (void)snprintf(base, sizeof base, "--output_base=%s", mate->base);
    const char *const startup[] = {base, CREW_IDLE, NULL};
    const struct td_bazel bazel = {.startup = startup};
    size_t at;
    const char **argv = td_bazel_command(&bazel, word, 0, &at);
    if (argv == NULL) return td_error_memory(error, "a command line");
    const int silence = td_scratch_open(NULL, 0, error);
    const struct td_child_command command = {
        .argv = argv, .folder = mate->crew->workspace, .output = silence, .errors = silence};
    const bool good = silence >= 0 && td_child_run(&command, stop, end, error);
    if (silence >= 0) (void)close(silence);
    free(argv);
    return good;
}

static void start_server(struct mate *mate)
{
    mate->good = call_bazel(mate, "info", &mate->crew->stop, &mate->end, &mate->error);
}

static bool start_servers(struct td_crew *crew, struct td_error *error)
{
    if (crew->options.scenario->live->executor != TD_EXECUTOR_BAZEL) return true;
    if (!do_for_all(crew, start_server, error)) return false;
    for (uint32_t i = 0; i < crew->count; i++) {
        const struct mate *mate = &crew->mates[i];
        if (is_well(mate)) continue;
        if (mate->good)
            return td_error_set(error, TD_FAULT_RUN,
                                "Bazel's server did not start in %s (exit status %d): try 'bazel "
                                "info' there",
                                crew->workspace, mate->end.status);
        *error = mate->error;
        return false;
    }
    return true;
}

/* The server of that folder, if there was one. */
static bool end_server(const struct mate *mate, struct td_error *error)
{
    char server[PATH_MAX + 32];
    struct td_child_end end = {0};
    (void)snprintf(server, sizeof server, "%s/server", mate->base);
    if (mate->base == NULL || access(server, F_OK) != 0) return true;
    if (!call_bazel(mate, "shutdown", NULL, &end, error)) return false;
    return (end.signal == 0 && end.status == 0) ||
           td_error_set(error, TD_FAULT_RUN,
                        "Bazel's server in %s did not shut down: it ends by itself, and then the "
                        "folder can be removed",
                        mate->base);
}

/* --- a crew's life -------------------------------------------------------------------------- */

struct td_crew *td_crew_create(const struct td_crew_options *options, struct td_error *error)
{
    struct td_crew *crew = calloc(1, sizeof *crew);
    if (crew == NULL) goto fail_memory;
    crew->options = *options;
    crew->stop.descriptor = -1;
    crew->count = options->scenario->peer_count;
    crew->made_at = time(NULL);
    crew->arena = td_arena_create();
    crew->mates = calloc(crew->count, sizeof *crew->mates);
    if (crew->arena == NULL || crew->mates == NULL) goto fail_memory;
    if (!td_stop_open(&crew->stop, error) || !set_arrivals(crew, error) ||
        !make_folders(crew, error) || !write_schema(crew, error) || !td_crew_places(crew, error) ||
        !start_servers(crew, error))
        goto fail;
    return crew;
fail_memory:
    (void)td_error_memory(error, "the peers of a live run");
fail:
    td_crew_destroy(crew);
    return NULL;
}

bool td_crew_run(struct td_crew *crew, int port, int64_t zero_ns, struct td_error *error)
{
    crew->port = port;
    crew->zero_ns = zero_ns;
    return td_crew_commands(crew, error) && do_for_all(crew, accompany, error) &&
           judge(crew, error);
}

static void clean_up(const struct td_crew *crew)
{
    struct td_error error;
    bool good = true;
    TD_ASSERT(crew->mates != NULL); /* folders come after them */
    if (crew->options.scenario->live->executor == TD_EXECUTOR_BAZEL)
        for (uint32_t i = 0; good && i < crew->count; i++)
            good = end_server(&crew->mates[i], &error);
    good = good && td_folder_remove(crew->folder, &error) &&
           (crew->cache[0] == '\0' || td_folder_remove(crew->cache, &error));
    if (!good) crew->options.trouble(crew->options.trouble_context, error.text);
}

void td_crew_destroy(struct td_crew *crew)
{
    if (crew == NULL) return;
    if (crew->folder[0] != '\0') clean_up(crew);
    if (crew->stop.descriptor >= 0) td_stop_close(&crew->stop);
    td_arena_destroy(crew->arena);
    free(crew->mates);
    free(crew);
}
