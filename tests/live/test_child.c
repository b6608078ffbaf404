/* A command as a child process: how it starts, what it gets, how it ends and is ended. */
#include "live/child.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SHELL(script)                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        "sh", "-c", script, NULL                                                                   \
    }
#define MS (TD_NS_PER_S / 1000)

/* Runs a command and returns what it wrote, which the next call overwrites. */
static const char *output_of(const struct td_child_command *command, struct td_child_end *end)
{
    static char text[4096];
    struct td_error error;
    struct td_buffer output = {0};
    if (!td_child_read(command, NULL, &output, end, &error)) fail_msg("%s", error.text);
    (void)snprintf(text, sizeof text, "%.*s", (int)output.length,
                   output.bytes != NULL ? output.bytes : "");
    td_buffer_free(&output);
    return text;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static void assert_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void exit_statuses_and_signals(void **state)
{
    (void)state;
    struct td_child_end end;
    struct td_child_command command = {.argv = SHELL("exit 3")};
    assert_true(td_child_run(&command, NULL, &end, NULL));
    assert_int_equal(end.status, 3);
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.interrupts, 0);
    assert_true(end.took > 0);

    command.argv = SHELL("kill -TERM $$");
    assert_true(td_child_run(&command, NULL, &end, NULL));
    assert_int_equal(end.signal, SIGTERM);
    assert_no_children();
}

static void no_shell_reads_the_words(void **state)
{
    (void)state;
    struct td_child_end end;
    const char *const argv[] = {"printf", "%s|", "a b", "$HOME", "*", "; false", NULL};
    const struct td_child_command command = {.argv = argv};
    assert_string_equal(output_of(&command, &end), "a b|$HOME|*|; false|");
    assert_int_equal(end.status, 0);
}

static void folder_and_environment(void **state)
{
    struct td_child_end end;
    const char *const environment[] = {"TD_TEST=new", "TD_OTHER=2", NULL};
    const struct td_child_command command = {.argv = SHELL("pwd; echo $TD_TEST $TD_OTHER $TD_KEPT"),
                                             .folder = *state,
                                             .environment = environment};
    assert_int_equal(setenv("TD_TEST", "old", 1), 0);
    assert_int_equal(setenv("TD_KEPT", "3", 1), 0);
    char expected[2 * FOLDER_PATH];
    (void)snprintf(expected, sizeof expected, "%s\nnew 2 3\n", (const char *)*state);
    assert_string_equal(output_of(&command, &end), expected);
    assert_string_equal(getenv("TD_TEST"), "old");
}

static void input_and_errors(void **state)
{
    (void)state;
    struct td_child_end end;
    struct td_child_command command = {.argv = SHELL("cat; echo wrong >&2")};
    command.errors = td_scratch_open(NULL, 0, NULL);
    /* Nothing to read is an end, not a wait for the terminal. */
    assert_string_equal(output_of(&command, &end), "");
    command.input = td_scratch_open("lines\n", 6, NULL);
    assert_string_equal(output_of(&command, &end), "lines\n");

    struct td_buffer text = {0};
    assert_true(td_scratch_read(command.errors, &text, NULL));
    assert_int_equal(text.length, 2 * strlen("wrong\n"));
    assert_memory_equal(text.bytes, "wrong\nwrong\n", text.length);
    td_buffer_free(&text);
    (void)close(command.input);
    (void)close(command.errors);
}

static void much_output_blocks_nobody(void **state)
{
    (void)state;
    const struct td_child_command command = {
        .argv = SHELL("dd if=/dev/zero bs=1024 count=1000 2>/dev/null")};
    struct td_buffer output = {0};
    struct td_child_end end;
    assert_true(td_child_read(&command, NULL, &output, &end, NULL));
    assert_int_equal(output.length, 1024000);
    td_buffer_free(&output);
}

static void what_cannot_start_says_why(void **state)
{
    const char *folder = *state;
    struct td_error error;
    struct td_child_end end;
    const int before = open_descriptors();
    const char *const missing[] = {"td-no-such-command", NULL};
    struct td_child_command command = {.argv = missing};
    assert_false(td_child_run(&command, NULL, &end, &error));
    assert_string_equal(error.text,
                        "there is no command 'td-no-such-command': install it, or give its path");
    assert_int_equal(error.fault, TD_FAULT_INPUT);

    folder_write(folder, "plain", "text");
    const char *const plain[] = {folder_path(folder, "plain"), NULL};
    command.argv = plain;
    assert_false(td_child_run(&command, NULL, &end, &error));
    assert_non_null(strstr(error.text, "cannot be executed: Permission denied"));

    command = (struct td_child_command){.argv = SHELL("true"), .folder = "/no/such/folder"};
    assert_false(td_child_run(&command, NULL, &end, &error));
    assert_string_equal(error.text, "sh cannot run in the folder /no/such/folder: No such file or "
                                    "directory: check the folder");
    assert_int_equal(open_descriptors(), before);
    assert_no_children();
}

static void the_child_gets_no_descriptors_and_default_signals(void **state)
{
    (void)state;
    struct td_child_end end;
    struct td_stop stop;
    assert_true(td_stop_open(&stop, NULL));
    const int before = open_descriptors();
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction kept;
    sigset_t all, mask;
    (void)sigfillset(&all);
    assert_int_equal(sigaction(SIGPIPE, &ignore, &kept), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &all, &mask), 0);
    struct td_child_command command = {
        .argv = (const char *const[]){"sh", "-c",
                                      "readlink /proc/self/fd/* | grep -c 'eventfd\\|memfd'; "
                                      "grep -E 'Sig(Blk|Ign)' /proc/self/status",
                                      NULL}};
    const char *text = output_of(&command, &end);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    assert_int_equal(sigaction(SIGPIPE, &kept, NULL), 0);
    assert_int_equal(open_descriptors(), before);
    td_stop_close(&stop);
    /* Its output is ours in memory; nothing else of ours is there. */
    assert_int_equal(strncmp(text, "0\n", 2) == 0 || strncmp(text, "1\n", 2) == 0, 1);
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    const char *ignored = strstr(text, "SigIgn:\t");
    assert_non_null(ignored);
    assert_int_equal(strtoull(ignored + strlen("SigIgn:\t"), NULL, 16) >> (SIGPIPE - 1) & 1, 0);
}

/* Asks for a stop as soon as the child has written a file. */
struct presser {
    const struct td_stop *stop;
    const char *folder;
};

static void *press_when_ready(void *context)
{
    const struct presser *presser = context;
    for (int i = 0; i < 5000 && !folder_has(presser->folder, "ready"); i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    td_stop_ask(presser->stop);
    return NULL;
}

static void run_and_stop(const struct td_child_command *command, struct td_child_end *end)
{
    struct td_stop stop;
    assert_true(td_stop_open(&stop, NULL));
    struct presser presser = {&stop, command->folder};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, press_when_ready, &presser), 0);
    const bool good = td_child_run(command, &stop, end, NULL);
    (void)pthread_join(thread, NULL);
    assert_true(good);
    td_stop_close(&stop);
    assert_no_children();
}

static void a_stop_interrupts_the_group(void **state)
{
    /* The shell waits for its own child, which gets the signal as it would from a terminal. */
    const struct td_child_command command = {
        .argv = SHELL("trap : INT; sh -c 'trap \"touch inner; exit 1\" INT; touch ready; "
                      "while :; do sleep 0.01; done'; exit 8"),
        .folder = *state,
        .grace = 60 * TD_NS_PER_S, /* one is enough, however slow the machine is */
        .kill = true};
    struct td_child_end end;
    run_and_stop(&command, &end);
    assert_int_equal(end.interrupts, 1);
    assert_int_equal(end.status, 8);
    assert_true(folder_has(*state, "inner"));
}

/* An interrupt that comes before the shell has looked at the last one is none: it has a second for
 * that, and ends by itself if it was not enough. */
static void the_interrupt_is_repeated(void **state)
{
    const struct td_child_command command = {
        .argv = SHELL("n=0; trap 'n=$((n+1)); [ $n -lt 3 ] || exit 9' INT; touch ready; "
                      "i=0; while [ $((i=i+1)) -lt 1000 ]; do sleep 0.02; done"),
        .folder = *state,
        .grace = TD_NS_PER_S};
    struct td_child_end end;
    run_and_stop(&command, &end);
    assert_int_equal(end.interrupts, 3);
    assert_int_equal(end.status, 9);
    assert_true(end.took >= 2 * command.grace);
}

static void what_does_not_listen_is_killed_on_demand(void **state)
{
    const struct td_child_command command = {
        .argv = SHELL("trap '' INT; touch ready; while :; do sleep 0.01; done"),
        .folder = *state,
        .grace = 20 * MS,
        .kill = true};
    struct td_child_end end;
    run_and_stop(&command, &end);
    assert_int_equal(end.interrupts, 3);
    assert_int_equal(end.signal, SIGKILL);
}

static void a_stop_before_the_start_spares_the_start(void **state)
{
    struct td_stop stop;
    struct td_child_end end;
    const struct td_child_command command = {.argv = SHELL("touch started"), .folder = *state};
    assert_true(td_stop_open(&stop, NULL));
    td_stop_ask(&stop);
    td_stop_ask(&stop);
    assert_true(td_stop_asked(&stop));
    assert_true(td_child_run(&command, &stop, &end, NULL));
    assert_int_equal(end.interrupts, 1);
    assert_int_equal(end.signal, SIGINT);
    assert_false(folder_has(*state, "started"));

    td_stop_clear(&stop);
    td_stop_clear(&stop);
    assert_false(td_stop_asked(&stop));
    assert_true(td_child_run(&command, &stop, &end, NULL));
    assert_true(folder_has(*state, "started"));
    td_stop_close(&stop);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_statuses_and_signals),
        cmocka_unit_test(no_shell_reads_the_words),
        IN_FOLDER(folder_and_environment),
        cmocka_unit_test(input_and_errors),
        cmocka_unit_test(much_output_blocks_nobody),
        IN_FOLDER(what_cannot_start_says_why),
        cmocka_unit_test(the_child_gets_no_descriptors_and_default_signals),
        IN_FOLDER(a_stop_interrupts_the_group),
        IN_FOLDER(the_interrupt_is_repeated),
        IN_FOLDER(what_does_not_listen_is_killed_on_demand),
        IN_FOLDER(a_stop_before_the_start_spares_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
