/* Time: whole nanoseconds since the zero of the scenario (simulated) or of the run (live).
 *
 * Decimals exist only at the edges: td_time_text() writes seconds with nine decimals, as the CSV
 * files have them.
 */
#ifndef TD_BASE_TIME_H
#define TD_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t td_time; /* nanoseconds */

#define TD_NS_PER_S INT64_C(1000000000)

/* The latest time that a run may reach, about 146 years; what passes it is refused, not wrapped. */
#define TD_TIME_MAX (INT64_MAX / 2)

/* Longest text of a time, its terminating zero included: "-9223372036.854775808". */
#define TD_TIME_TEXT 24

/* Writes `time` as seconds with nine decimals ("80.000000000") and returns the length without the
 * terminating zero. `out` must hold TD_TIME_TEXT bytes. Cost: constant, no libc formatting. */
size_t td_time_text(td_time time, char *out);

/* A sum of times over many peers: it can pass the 292 years that a td_time holds. */
__extension__ typedef __int128 td_sum;

/* The same as td_time_text() for a sum. */
#define TD_SUM_TEXT 44
size_t td_sum_text(td_sum sum, char *out);

#endif
