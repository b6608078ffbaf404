/* Threads that leave signals alone: these are for the thread that starts them, which knows what to
 * do about them, and whose waiting they end. */
#ifndef TD_BASE_THREAD_H
#define TD_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* False if there is no thread to be had. */
bool td_thread_start(pthread_t *thread, void *(*work)(void *context), void *context);

#endif
