#include "live/child.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_GRACE (10 * TD_NS_PER_S)
#define LAST_INTERRUPT 3
#define NS_PER_MS (TD_NS_PER_S / 1000)
/* How often to look after a child that has no descriptor: old kernels, valgrind. */
#define LOOK_MS 20

/* What a child that could not become the command tells us. */
struct failure {
    enum { IN_SETUP, IN_FOLDER, IN_COMMAND } where;
    int reason;
};

static td_time now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * TD_NS_PER_S + time.tv_nsec;
}

bool td_stop_open(struct td_stop *stop, struct td_error *error)
{
    stop->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stop->descriptor >= 0 ||
           td_error_set(error, TD_FAULT_RUN, "no descriptor for an abort: %s: raise `ulimit -n`",
                        strerror(errno));
}

void td_stop_ask(const struct td_stop *stop)
{
    const uint64_t one = 1;
    const int before = errno;
    /* It fails only where it was asked 2^64 times. */
    if (write(stop->descriptor, &one, sizeof one) < 0) errno = before;
}

bool td_stop_asked(const struct td_stop *stop)
{
    struct pollfd look = {.fd = stop->descriptor, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

void td_stop_clear(const struct td_stop *stop)
{
    uint64_t count;
    while (read(stop->descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

void td_stop_close(struct td_stop *stop)
{
    (void)close(stop->descriptor);
    stop->descriptor = -1;
}

/* Whether one of the settings is for the same variable as `entry`. */
static bool replaced(const char *entry, const char *const *settings)
{
    const size_t name = strcspn(entry, "=") + 1;
    for (; *settings != NULL; settings++)
        if (strncmp(entry, *settings, name) == 0) return true;
    return false;
}

/* Our environment with the settings over it: an array to be freed, of texts that are not. NULL if
 * memory ran short. */
static const char **environment(const char *const *settings)
{
    static const char *const none[] = {NULL};
    if (settings == NULL) settings = none;
    size_t count = 0;
    for (char **entry = environ; *entry != NULL; entry++)
        count++;
    for (const char *const *entry = settings; *entry != NULL; entry++)
        count++;
    const char **merged = calloc(count + 1, sizeof *merged);
    if (merged == NULL) return NULL;
    count = 0;
    for (const char *const *entry = settings; *entry != NULL; entry++)
        merged[count++] = *entry;
    for (char **entry = environ; *entry != NULL; entry++)
        if (!replaced(*entry, settings)) merged[count++] = *entry;
    return merged;
}

_Noreturn static void give_up(int report, int where, int reason)
{
    const struct failure failure = {where, reason};
    _exit(write(report, &failure, sizeof failure) == sizeof failure ? 127 : 126);
}

/* Makes `descriptor` the child's `target`, which is not closed by exec. */
static bool take(int descriptor, int target)
{
    if (descriptor == target) return fcntl(target, F_SETFD, 0) == 0;
    return dup2(descriptor, target) == target;
}

static bool set_up(const struct td_child_command *command, pid_t parent)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (signal(signals[i], SIG_DFL) == SIG_ERR) return false;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGINT) != 0) return false;
    if (getppid() != parent) _exit(126); /* it died before we could say so */

    const int input = command->input != 0 ? command->input : open("/dev/null", O_RDONLY);
    return input >= 0 && take(input, STDIN_FILENO) &&
           (command->output == 0 || take(command->output, STDOUT_FILENO)) &&
           (command->errors == 0 || take(command->errors, STDERR_FILENO));
}

/* The child's side. Between fork and exec only what is safe in a signal handler is called: other
 * threads may have held any lock. */
_Noreturn static void become(const struct td_child_command *command, const char **variables,
                             pid_t parent, int report)
{
    if (!set_up(command, parent)) give_up(report, IN_SETUP, errno);
    if (command->folder != NULL && chdir(command->folder) != 0) give_up(report, IN_FOLDER, errno);
    union {
        const char *const *given;
        char *const *wanted; /* exec changes neither the array nor the texts */
    } argv = {.given = command->argv}, entries = {.given = variables};
    (void)execvpe(argv.wanted[0], argv.wanted, entries.wanted);
    give_up(report, IN_COMMAND, errno);
}

static bool explain(const struct td_child_command *command, const struct failure *failure,
                    struct td_error *error)
{
    const char *name = command->argv[0], *reason = strerror(failure->reason);
    if (failure->where == IN_FOLDER)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s cannot run in the folder %s: %s: check the folder", name,
                            command->folder, reason);
    if (failure->where == IN_SETUP)
        return td_error_set(error, TD_FAULT_RUN, "%s cannot be started: %s: try again", name,
                            reason);
    if (failure->reason == ENOENT)
        return td_error_set(error, TD_FAULT_INPUT,
                            "there is no command '%s': install it, or give its path", name);
    return td_error_set(error, TD_FAULT_INPUT,
                        "the command '%s' cannot be executed: %s: check that it is a program", name,
                        reason);
}

/* Reads what the child says before it becomes the command: nothing, if it does. */
static bool has_become(int report, struct failure *failure)
{
    ssize_t got;
    do {
        got = read(report, failure, sizeof *failure);
    } while (got < 0 && errno == EINTR);
    return got != sizeof *failure;
}

static int reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* The child's ID, or -1 with an error. */
static pid_t start(const struct td_child_command *command, struct td_error *error)
{
    const char **variables = environment(command->environment);
    int report[2];
    if (variables == NULL) {
        (void)td_error_memory(error, command->argv[0]);
        return -1;
    }
    if (pipe2(report, O_CLOEXEC) != 0) {
        (void)explain(command, &(struct failure){IN_SETUP, errno}, error);
        free(variables);
        return -1;
    }
    const pid_t parent = getpid();
    pid_t pid = fork();
    struct failure failure = {IN_SETUP, errno};
    if (pid == 0) become(command, variables, parent, report[1]);
    (void)close(report[1]);
    if (pid > 0 && !has_become(report[0], &failure)) {
        (void)reap(pid);
        pid = -1;
    }
    if (pid < 0) (void)explain(command, &failure, error);
    (void)close(report[0]);
    free(variables);
    return pid;
}

/* Sends what is due, if somebody wants the child to stop; the time of the next one, or
 * TD_TIME_MAX. */
static td_time press(const struct td_child_command *command, pid_t pid, td_time due,
                     struct td_child_end *end)
{
    const td_time grace = command->grace > 0 ? command->grace : DEFAULT_GRACE;
    if (now() < due) return due;
    if (end->interrupts == LAST_INTERRUPT) {
        if (command->kill) (void)kill(-pid, SIGKILL);
        return TD_TIME_MAX;
    }
    (void)kill(-pid, SIGINT);
    end->interrupts++;
    return end->interrupts < LAST_INTERRUPT || command->kill ? now() + grace : TD_TIME_MAX;
}

/* Waits until something may have changed: the child, the wish to stop, or what is due. */
static void doze(int child, int stop, td_time due)
{
    struct pollfd look[2] = {{.fd = child, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
    td_time left = due == TD_TIME_MAX ? 60 * TD_NS_PER_S : due - now();
    if (left < 0) left = 0;
    if (child < 0 && left > LOOK_MS * NS_PER_MS) left = LOOK_MS * NS_PER_MS;
    if (left > 60 * TD_NS_PER_S) left = 60 * TD_NS_PER_S;
    (void)poll(look, 2, (int)((left + NS_PER_MS - 1) / NS_PER_MS));
}

static int wait_for(const struct td_child_command *command, pid_t pid, const struct td_stop *stop,
                    struct td_child_end *end)
{
    const int descriptor = pidfd_open(pid, 0); /* closed by exec; where it fails we look often */
    td_time due = TD_TIME_MAX;
    int status = 0;
    bool asked = false;
    for (;;) {
        const pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) break;
        TD_ASSERT(ended == 0 || errno == EINTR);
        if (!asked && stop != NULL && td_stop_asked(stop)) {
            asked = true;
            due = now();
        }
        if (asked && due != TD_TIME_MAX) due = press(command, pid, due, end);
        doze(descriptor, stop == NULL || asked ? -1 : stop->descriptor, due);
    }
    if (descriptor >= 0) (void)close(descriptor);
    return status;
}

bool td_child_run(const struct td_child_command *command, const struct td_stop *stop,
                  struct td_child_end *end, struct td_error *error)
{
    TD_ASSERT(command->argv != NULL && command->argv[0] != NULL);
    *end = (struct td_child_end){0};
    if (stop != NULL && td_stop_asked(stop)) {
        *end = (struct td_child_end){.signal = SIGINT, .interrupts = 1};
        return true;
    }
    const td_time begin = now();
    const pid_t pid = start(command, error);
    if (pid < 0) return false;
    const int status = wait_for(command, pid, stop, end);
    if (WIFSIGNALED(status))
        end->signal = WTERMSIG(status);
    else
        end->status = WEXITSTATUS(status);
    end->took = now() - begin;
    return true;
}

bool td_child_read(const struct td_child_command *command, const struct td_stop *stop,
                   struct td_buffer *output, struct td_child_end *end, struct td_error *error)
{
    const int scratch = td_scratch_open(NULL, 0, error);
    if (scratch < 0) return false;
    struct td_child_command captured = *command;
    captured.output = scratch;
    const bool good =
        td_child_run(&captured, stop, end, error) && td_scratch_read(scratch, output, error);
    (void)close(scratch);
    return good;
}

static bool write_all(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t put = write(descriptor, text, length);
        if (put < 0 && errno != EINTR) return false;
        if (put > 0) {
            text += put;
            length -= (size_t)put;
        }
    }
    return lseek(descriptor, 0, SEEK_SET) == 0;
}

int td_scratch_open(const char *text, size_t length, struct td_error *error)
{
    const int descriptor = memfd_create("task-director", MFD_CLOEXEC);
    if (descriptor >= 0 && write_all(descriptor, text, length)) return descriptor;
    (void)td_error_set(error, TD_FAULT_RUN, "no file in memory for a command: %s: try again",
                       strerror(errno));
    if (descriptor >= 0) (void)close(descriptor);
    return -1;
}

bool td_scratch_read(int descriptor, struct td_buffer *out, struct td_error *error)
{
    off_t offset = 0;
    while (td_buffer_reserve(out, 65536)) {
        const ssize_t got =
            pread(descriptor, out->bytes + out->length, out->room - out->length, offset);
        if (got == 0) return true;
        if (got < 0 && errno != EINTR)
            return td_error_set(error, TD_FAULT_RUN, "a command's output cannot be read: %s",
                                strerror(errno));
        if (got > 0) {
            out->length += (size_t)got;
            offset += got;
        }
    }
    return td_error_memory(error, "a command's output");
}
