/* `task-director plot DIR`: has gnuplot draw the pictures from the CSV files of a run.
 *
 * What a picture shows is settled in plots/NAME.gp, which also runs by hand. gnuplot is started
 * without a shell, with DIR as its working directory, so that no name needs quoting. It draws under
 * temporary names in DIR, and only when all pictures are whole do they get their own.
 *
 * The agreement with the scripts: exit status 0 with both pictures written, or with none and a last
 * line that says why there is nothing to draw; 2 and a last line that says what is wrong with the
 * CSV files; anything else is gnuplot's failure.
 */
#include "base/arena.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPLICATION, OPTION_COUNT };

static const struct td_option options[] = {
    [REPLICATION] = {.name = "replication",
                     .kind = TD_OPTION_WHOLE,
                     .value = "N",
                     .help = "the replication whose Gantt chart and artifacts over time are drawn\n"
                             "(default: the first one in tasks.csv)",
                     .min = 1,
                     .max = UINT32_MAX},
};

static const struct td_usage usage = {
    .command = "plot",
    .positionals = "DIR",
    .about =
        "Draws pictures, each as SVG and as PNG, from the CSV files that 'run --out DIR' leaves:\n"
        "the Gantt chart, the comparison of the policies, the distribution of turnaround and the\n"
        "artifacts published over time. Needs gnuplot.",
    .min_positionals = 1,
    .max_positionals = 1,
    .options = options,
    .option_count = OPTION_COUNT,
};

static const char *const pictures[] = {"gantt", "comparison", "turnaround", "published"};
static const char *const formats[] = {"svg", "png"};
static const char *const tables[] = {"tasks.csv", "peers.csv", "summary.csv", "runs.csv"};
enum {
    PICTURES = sizeof pictures / sizeof pictures[0],
    FORMATS = sizeof formats / sizeof formats[0],
    TABLES = sizeof tables / sizeof tables[0],
    SAID = 4096, /* so much of what gnuplot says is kept, its end */
};

struct plotting {
    struct td_arena *arena;
    const char *directory;
    const char *scripts; /* the folder, absolute */
    char *assignment;    /* gnuplot commands that go before a script */
    bool drawn[PICTURES];
    char *absent[PICTURES]; /* where not drawn: why */
};

/* The end of what gnuplot said; its lines, one after the other. */
struct said {
    char text[SAID + 1];
    size_t length;
};

/* --- names ------------------------------------------------------------------------------------ */

static const char *final_path(const struct plotting *plotting, size_t picture, size_t format)
{
    return td_arena_format(plotting->arena, "%s/%s.%s", plotting->directory, pictures[picture],
                           formats[format]);
}

/* The same folder, so that a rename is all that is left to do. */
static const char *temporary_path(const struct plotting *plotting, size_t picture, size_t format)
{
    return td_arena_format(plotting->arena, "%s/.plot-%ld-%s.%s", plotting->directory,
                           (long)getpid(), pictures[picture], formats[format]);
}

static void remove_temporaries(const struct plotting *plotting)
{
    for (size_t i = 0; i < PICTURES; i++) {
        for (size_t j = 0; j < FORMATS; j++) {
            const char *path = temporary_path(plotting, i, j);
            if (path != NULL) (void)unlink(path);
        }
    }
}

/* --- before anything is drawn ------------------------------------------------------------------
 */

static bool check_directory(const char *directory, struct td_arena *arena, struct td_error *error)
{
    char quoted[TD_QUOTE_SIZE];
    struct stat status;
    (void)td_text_quote(directory, quoted);

    if (stat(directory, &status) != 0)
        return td_error_set(error, TD_FAULT_INPUT, "cannot open the folder %s: %s", quoted,
                            strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s is not a folder: give the one that 'run --out' wrote to", quoted);
    if (access(directory, W_OK | X_OK) != 0)
        return td_error_set(error, TD_FAULT_INPUT, "cannot write pictures to %s: %s", quoted,
                            strerror(errno));
    bool any = false;
    for (size_t i = 0; i < TABLES; i++) {
        const char *path = td_arena_format(arena, "%s/%s", directory, tables[i]);
        if (path == NULL) return td_error_memory(error, "the names of the CSV files");
        if (access(path, R_OK) == 0)
            any = true;
        else if (errno != ENOENT)
            return td_error_set(error, TD_FAULT_INPUT, "cannot read %s in %s: %s", tables[i],
                                quoted, strerror(errno));
    }
    return any || td_error_set(error, TD_FAULT_INPUT,
                               "%s holds no tasks.csv, peers.csv, summary.csv or runs.csv: give "
                               "the folder that 'run --out' wrote to",
                               quoted);
}

/* The folder that holds the scripts, absolute; NULL and the error. */
static const char *find_scripts(struct td_arena *arena, struct td_error *error)
{
    /* From build/ in the tree, from PREFIX/bin, and from build/asan and its like. */
    static const char *const places[] = {"../plots", "../share/task-director/plots", "../../plots"};
    const char *chosen = getenv("TASK_DIRECTOR_PLOTS");
    char program[PATH_MAX], found[PATH_MAX];
    bool missing = chosen != NULL && chosen[0] != '\0';

    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) *slash = '\0';

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *script = missing ? td_arena_format(arena, "%s/gantt.gp", chosen)
                                     : td_arena_format(arena, "%s/%s/gantt.gp", program, places[i]);
        if (script == NULL) {
            (void)td_error_memory(error, "the path of the plot scripts");
            return NULL;
        }
        if (realpath(script, found) == NULL) continue;
        *strrchr(found, '/') = '\0';
        return td_arena_text(arena, found, strlen(found));
    }
    if (missing)
        (void)td_error_set(error, TD_FAULT_INPUT,
                           "no gantt.gp in %s, where TASK_DIRECTOR_PLOTS says that the plot "
                           "scripts are",
                           chosen);
    else
        (void)td_error_set(error, TD_FAULT_RUN,
                           "the plot scripts are neither in %s/../plots nor in "
                           "%s/../share/task-director/plots: set TASK_DIRECTOR_PLOTS to their "
                           "folder",
                           program, program);
    return NULL;
}

/* --- gnuplot -----------------------------------------------------------------------------------
 */

/* In DIR, with everything that it says going to `output`, in a process group of its own: an
 * interrupt ends it together with the awk that it has started. */
static int spawn_in(const char *directory, char *const argv[], int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    failure = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (failure == 0)
        failure =
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failure == 0) failure = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (failure == 0) failure = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (failure == 0) failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (failure == 0) failure = posix_spawnp(child, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static void keep_end(struct said *said, const char *bytes, size_t count)
{
    if (said->length + count > SAID) {
        size_t dropped = said->length + count - SAID;
        if (dropped > said->length) dropped = said->length;
        said->length -= dropped;
        memmove(said->text, said->text + dropped, said->length);
    }
    memcpy(said->text + said->length, bytes, count);
    said->length += count;
    said->text[said->length] = '\0';
}

/* Until everybody has closed the other end. False: interrupted. */
static bool listen_to(int input, const atomic_bool *stop, struct said *said)
{
    for (;;) {
        struct pollfd ready = {.fd = input, .events = POLLIN};
        char bytes[1024];
        if (atomic_load(stop)) return false;
        if (poll(&ready, 1, 100) <= 0) continue;
        ssize_t count = read(input, bytes, sizeof bytes);
        if (count == 0 || (count < 0 && errno != EINTR)) return true;
        if (count > 0) keep_end(said, bytes, (size_t)count);
    }
}

/* Runs one script and waits for it. True: *status is what waitpid() says. */
static bool run_gnuplot(const struct plotting *plotting, char *script, const atomic_bool *stop,
                        struct said *said, int *status, struct td_error *error)
{
    char name[] = "gnuplot", defaults[] = "-d" /* nobody's ~/.gnuplot */, execute[] = "-e";
    char *const argv[] = {name, defaults, execute, plotting->assignment, script, NULL};
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return td_error_set(error, TD_FAULT_RUN, "no pipe for gnuplot: %s", strerror(errno));
    int failure = spawn_in(plotting->directory, argv, ends[1], &child);
    (void)close(ends[1]);
    if (failure != 0) {
        (void)close(ends[0]);
        if (failure == ENOENT)
            return td_error_set(error, TD_FAULT_RUN,
                                "gnuplot is not installed: install the package gnuplot-nox "
                                "(apt-get install gnuplot-nox)");
        return td_error_set(error, TD_FAULT_RUN, "cannot start gnuplot: %s", strerror(failure));
    }
    bool heard = listen_to(ends[0], stop, said);
    if (!heard) (void)kill(-child, SIGTERM);
    (void)close(ends[0]);
    while (waitpid(child, status, 0) < 0 && errno == EINTR) {
    }
    return heard || td_error_set(error, TD_FAULT_INTERRUPT, "interrupted; no picture was written");
}

/* --- what came of it ---------------------------------------------------------------------------
 */

/* The last line that is not empty. It stays in `said`, which is cut. */
static const char *last_line(struct said *said)
{
    while (said->length > 0 && strchr("\n\r ", said->text[said->length - 1]) != NULL)
        said->text[--said->length] = '\0';
    const char *line = strrchr(said->text, '\n');
    return line == NULL ? said->text : line + 1;
}

/* Whether a picture has its proper end. gnuplot does not look whether its writes succeed. */
static bool whole(const char *path, size_t format)
{
    static const char *const ends[FORMATS] = {"</svg>", "IEND"};
    char tail[16] = "";
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    bool good = fseek(file, -(long)sizeof tail, SEEK_END) == 0 &&
                fread(tail, 1, sizeof tail, file) == sizeof tail &&
                memmem(tail, sizeof tail, ends[format], strlen(ends[format])) != NULL;
    (void)fclose(file);
    return good;
}

/* Nothing to draw. A picture of an earlier run is none of this one: say so. */
static bool note_absence(struct plotting *plotting, size_t picture, const char *why,
                         struct td_error *error)
{
    const char *earlier = final_path(plotting, picture, 0);
    if (earlier == NULL) return td_error_memory(error, "the names of the pictures");
    plotting->absent[picture] =
        access(earlier, F_OK) == 0
            ? td_arena_format(plotting->arena, "%s (%s is an earlier run's.)", why, earlier)
            : td_arena_text(plotting->arena, why, strlen(why));
    return plotting->absent[picture] != NULL || td_error_memory(error, "what gnuplot said");
}

static bool accept_pictures(struct plotting *plotting, size_t picture, struct said *said,
                            struct td_error *error)
{
    const char *paths[FORMATS];
    bool there = false;
    for (size_t j = 0; j < FORMATS; j++) {
        paths[j] = temporary_path(plotting, picture, j);
        if (paths[j] == NULL) return td_error_memory(error, "the names of the pictures");
        there = there || access(paths[j], F_OK) == 0;
    }
    if (!there) return note_absence(plotting, picture, last_line(said), error);
    for (size_t j = 0; j < FORMATS; j++) {
        if (!whole(paths[j], j))
            return td_error_set(error, TD_FAULT_RUN,
                                "gnuplot could not write all of %s.%s to %s: is the disk full?",
                                pictures[picture], formats[j], plotting->directory);
    }
    plotting->drawn[picture] = true;
    return true;
}

static bool draw(struct plotting *plotting, size_t picture, const atomic_bool *stop,
                 struct td_error *error)
{
    struct said said = {.length = 0};
    int status = 0;
    char *script =
        td_arena_format(plotting->arena, "%s/%s.gp", plotting->scripts, pictures[picture]);
    if (script == NULL) return td_error_memory(error, "the path of a plot script");

    if (!run_gnuplot(plotting, script, stop, &said, &status, error)) return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return accept_pictures(plotting, picture, &said, error);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        return td_error_set(error, TD_FAULT_INPUT, "%s: %s", plotting->directory, last_line(&said));
    if (WIFSIGNALED(status))
        return td_error_set(error, TD_FAULT_RUN, "gnuplot was ended by signal %d (%s) in %s",
                            WTERMSIG(status), strsignal(WTERMSIG(status)), script);
    return td_error_set(error, TD_FAULT_RUN, "gnuplot failed in %s: %s", script, last_line(&said));
}

/* Gives the pictures their names. */
static bool publish(const struct plotting *plotting, struct td_error *error)
{
    for (size_t i = 0; i < PICTURES; i++) {
        for (size_t j = 0; plotting->drawn[i] && j < FORMATS; j++) {
            const char *from = temporary_path(plotting, i, j);
            const char *to = final_path(plotting, i, j);
            if (from == NULL || to == NULL)
                return td_error_memory(error, "the names of the pictures");
            if (rename(from, to) != 0)
                return td_error_set(error, TD_FAULT_RUN, "cannot write %s: %s", to,
                                    strerror(errno));
        }
    }
    return true;
}

/* What there is now, and why the rest is not. */
static bool tell(const struct plotting *plotting, struct td_error *error)
{
    bool any = false;
    for (size_t i = 0; i < PICTURES; i++) {
        for (size_t j = 0; plotting->drawn[i] && j < FORMATS; j++) {
            const char *path = final_path(plotting, i, j);
            if (path == NULL) return td_error_memory(error, "the names of the pictures");
            (void)puts(path);
            any = true;
        }
    }
    if (!any)
        return td_error_set(error, TD_FAULT_INPUT, "%s holds no data to draw: %s",
                            plotting->directory, plotting->absent[0]);
    (void)fflush(stdout); /* before the warnings on a terminal */
    for (size_t i = 0; i < PICTURES; i++)
        if (!plotting->drawn[i]) td_cli_warn(plotting->absent[i]);
    return true;
}

static bool prepare(struct plotting *plotting, const struct td_value *replication,
                    struct td_error *error)
{
    plotting->arena = td_arena_create();
    if (plotting->arena == NULL) return td_error_memory(error, "the names of the pictures");
    if (!check_directory(plotting->directory, plotting->arena, error)) return false;
    plotting->scripts = find_scripts(plotting->arena, error);
    if (plotting->scripts == NULL) return false;

    const char *number = "";
    if (replication->given)
        number = td_arena_format(plotting->arena, "%ju", (uintmax_t)replication->whole);
    if (number != NULL)
        plotting->assignment = td_arena_format(
            plotting->arena, "prefix = '.plot-%ld-'; replication = '%s'", (long)getpid(), number);
    return plotting->assignment != NULL || td_error_memory(error, "gnuplot's arguments");
}

int td_command_plot(int argc, char **argv)
{
    struct td_arguments arguments;
    int status;
    if (!td_cli_parse(&usage, argc, argv, &arguments, &status)) return status;

    struct td_error error;
    struct plotting plotting = {.directory = arguments.positionals[0]};
    bool good = prepare(&plotting, &arguments.values[REPLICATION], &error);
    if (good) {
        const atomic_bool *stop = td_interrupt_watch();
        for (size_t i = 0; good && i < PICTURES; i++)
            good = draw(&plotting, i, stop, &error);
        good = good && publish(&plotting, &error);
        if (!good) remove_temporaries(&plotting);
        if (!good && error.fault == TD_FAULT_INTERRUPT) td_interrupt_die(error.text);
        td_interrupt_unwatch();
    }
    good = good && tell(&plotting, &error);
    td_arena_destroy(plotting.arena);
    return good ? TD_EXIT_DONE : td_cli_fail(&error);
}
