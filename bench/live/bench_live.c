/* `make bench-live`: the authority's orders beside the round trips of a plain echo server.
 *
 *     bench-live [--journal] PROGRAM [SERVE-OPTION...]
 *
 * The servers run on the first processor, the other end of the connections on the second. Two runs
 * of each, in turn; the better one counts, since what disturbs a run makes it slower. */
#include "bench/live/live_bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS 5000u
#define ACTIVE 500u
#define RUNS 2u
#define IDLE_S 21.0 /* of the first run: everybody is pinged once */
#define MOST_WORDS 64u

enum subject { ECHO, AUTHORITY, JOURNALED, SUBJECTS };

static const char *const names[SUBJECTS] = {"echo", "authority", "with a journal"};

struct bench {
    char *program, **options;
    char journal[128]; /* the file */
};

/* With one processor everybody is on it. */
static void stay_on(size_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* The same program anew, with a memory of its own. */
static void be_echo(void)
{
    static char name[] = "bench-live", echo[] = "--echo";
    char *words[] = {name, echo, NULL};
    (void)execv("/proc/self/exe", words);
}

static void be_authority(const struct bench *bench, enum subject subject)
{
    static char serve[] = "serve", at[] = "--listen=127.0.0.1:0", quiet[] = "--quiet";
    char journal[sizeof bench->journal + 16];
    char *words[MOST_WORDS] = {bench->program, serve, at, quiet};
    size_t count = 4;
    (void)snprintf(journal, sizeof journal, "--journal=%s", bench->journal);
    if (subject == JOURNALED) words[count++] = journal;
    for (char **option = bench->options; *option != NULL && count + 1 < MOST_WORDS; option++)
        words[count++] = *option;
    (void)execv(bench->program, words);
}

/* Starts it, and reads on which port it listens. */
static pid_t start(const struct bench *bench, enum subject subject, int *port,
                   struct td_error *error)
{
    int ends[2];
    if (pipe(ends) != 0) {
        (void)td_error_set(error, TD_FAULT_RUN, "no pipe: %s", strerror(errno));
        return -1;
    }
    pid_t server = fork();
    if (server == 0) {
        (void)close(ends[0]);
        stay_on(0);
        (void)dup2(ends[1], STDOUT_FILENO);
        if (subject == ECHO)
            be_echo();
        else
            be_authority(bench, subject);
        _exit(1);
    }
    (void)close(ends[1]);
    char line[256] = "";
    FILE *said = fdopen(ends[0], "re");
    const char *colon = NULL;
    if (said != NULL && fgets(line, sizeof line, said) != NULL) colon = strrchr(line, ':');
    *port = colon == NULL ? 0 : (int)strtol(colon + 1, NULL, 10);
    if (said != NULL) (void)fclose(said);
    if (*port == 0)
        (void)td_error_set(error, TD_FAULT_RUN, "the server '%s' cannot be started",
                           names[subject]);
    return server;
}

/* With what SQLite leaves beside it when its process is killed. */
static void remove_journal(const char *journal)
{
    static const char *const behind[] = {"", "-wal", "-shm"};
    char path[256];
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        (void)snprintf(path, sizeof path, "%s%s", journal, behind[i]);
        (void)unlink(path);
    }
}

static bool run(const struct bench *bench, enum subject subject, double idle_s,
                struct measured *measured, struct td_error *error)
{
    const struct load load = {.connections = CONNECTIONS,
                              .active = ACTIVE,
                              .authority = subject != ECHO,
                              .warm_up_s = 1,
                              .measure_s = 5,
                              .idle_s = idle_s};
    int port = 0;
    pid_t server = start(bench, subject, &port, error);
    bool done = port != 0 && run_client(port, server, &load, measured, error);
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    if (subject == JOURNALED) remove_journal(bench->journal);
    return done;
}

static void print_row(const char *name, const struct measured *measured,
                      const struct measured *echo)
{
    (void)printf("%-14s %9.0f %6.2f %7.1f %6.2f %9.0f %9.0f %11.0f %9.2f %10.0f\n", name,
                 measured->trips_per_s, measured->trips_per_s / echo->trips_per_s,
                 measured->processor_us, echo->processor_us / measured->processor_us,
                 measured->p50_us, measured->p99_us, measured->bytes, 100 * measured->idle_cpu,
                 measured->opened_per_s);
}

static bool compare(const struct bench *bench, unsigned subjects, struct td_error *error)
{
    struct measured best[SUBJECTS] = {0};
    for (unsigned i = 0; i < RUNS; i++)
        for (enum subject subject = ECHO; subject < subjects; subject++) {
            struct measured measured = {0};
            if (!run(bench, subject, i == 0 ? IDLE_S : 0, &measured, error)) return false;
            if (i > 0) measured.idle_cpu = best[subject].idle_cpu;
            if (measured.trips_per_s > best[subject].trips_per_s) best[subject] = measured;
        }
    (void)printf("%u connections, %u of them active; the better of %u runs\n"
                 "               answers/s  ratio  cpu us  ratio    p50 us    p99 us  bytes/conn  "
                 "idle cpu%%  "
                 "opened/s\n",
                 CONNECTIONS, ACTIVE, RUNS);
    for (enum subject subject = ECHO; subject < subjects; subject++)
        print_row(names[subject], &best[subject], &best[ECHO]);
    return true;
}

/* For the connections here; the servers raise theirs themselves, as far as they may. */
static bool reserve_files(struct td_error *error)
{
    const rlim_t need = CONNECTIONS + 1000;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) return true;
    rlim_t most = limit.rlim_max;
    limit.rlim_cur = need;
    return (most >= need && setrlimit(RLIMIT_NOFILE, &limit) == 0) ||
           td_error_set(error, TD_FAULT_RUN,
                        "%u connections need %lu file descriptors and this process may have %lu: "
                        "raise `ulimit -Hn`",
                        CONNECTIONS, (unsigned long)need, (unsigned long)most);
}

int main(int argc, char **argv)
{
    struct td_error error;
    struct bench bench = {0};
    if (argc == 2 && strcmp(argv[1], "--echo") == 0) {
        serve_echo(CONNECTIONS);
        return 1;
    }
    bool journal = argc > 1 && strcmp(argv[1], "--journal") == 0;
    if (argc < 2 + journal) {
        (void)fputs("usage: bench-live [--journal] PROGRAM [SERVE-OPTION...]\n", stderr);
        return 2;
    }
    bench.program = argv[1 + journal];
    bench.options = argv + 2 + journal;
    (void)snprintf(bench.journal, sizeof bench.journal, "/tmp/bench-live-%ld.journal",
                   (long)getpid());
    stay_on(1);
    if (reserve_files(&error) && compare(&bench, journal ? SUBJECTS : JOURNALED, &error)) return 0;
    (void)fprintf(stderr, "bench-live: %s\n", error.text);
    return 1;
}
