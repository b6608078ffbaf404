/* The event queues that were tried, side by side. */
#ifndef TD_BENCH_QUEUES_H
#define TD_BENCH_QUEUES_H

/* Prints nanoseconds for each event (look at what comes next of all and of all others, replace it)
 * of the tournament tree and of a 4-ary heap, at 6, 1,000 and 100,000 pending events; medians of
 * `runs`. */
void queues_measure(int runs);

#endif
