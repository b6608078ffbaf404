#ifndef TD_BENCH_BENCH_INTERNAL_H
#define TD_BENCH_BENCH_INTERNAL_H

#define MAX_RUNS 99

double now_s(void);
/* Sorts the values. */
double median(double *values, int count);

#endif
