#include "cli/interrupt.h"

#include "base/error.h"
#include "cli/cli.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
enum { WATCHED = sizeof watched / sizeof watched[0] };

static atomic_bool interrupted, hung_up;
static atomic_int caught;
static struct sigaction before[WATCHED];

static void on_signal(int number)
{
    atomic_store(&caught, number);
    atomic_store(&interrupted, true);
}

static void on_hangup(int number)
{
    (void)number;
    atomic_store(&hung_up, true);
}

const atomic_bool *td_interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < WATCHED; i++) {
        (void)sigaction(watched[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) (void)sigaction(watched[i], &action, NULL);
    }
    return &interrupted;
}

atomic_bool *td_interrupt_watch_hangup(void)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART}, now;
    (void)sigaction(SIGHUP, NULL, &now);
    if (now.sa_handler != SIG_IGN) (void)sigaction(SIGHUP, &action, NULL);
    return &hung_up;
}

void td_interrupt_unwatch(void)
{
    for (size_t i = 0; i < WATCHED; i++)
        (void)sigaction(watched[i], &before[i], NULL);
}

_Noreturn void td_interrupt_die(const char *sentence)
{
    struct td_error error;
    (void)td_error_set(&error, TD_FAULT_INTERRUPT, "%s", sentence);
    (void)td_cli_fail(&error);

    int number = atomic_load(&caught);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    _Exit(128 +
          number); /* not reached unless the signal is blocked: the status a shell would show */
}
