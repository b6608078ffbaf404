/* How fast an authority is: many connections, of which some are active, to it and to a plain echo
 * server of the same library. bench_live.c starts both and compares, echo.c is the echo server,
 * client.c the other end of all connections. */
#ifndef TD_BENCH_LIVE_LIVE_BENCH_H
#define TD_BENCH_LIVE_LIVE_BENCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct load {
    uint32_t connections, active; /* the first ones are active */
    bool authority;               /* orders and results; else a text and its echo */
    double warm_up_s, measure_s;
    double idle_s; /* afterwards, when nobody says anything; 0: none */
};

struct measured {
    double trips_per_s;
    double processor_us;   /* of the server, for each of them */
    double p50_us, p99_us; /* from what was sent to its answer */
    double bytes;          /* of the server, for each connection */
    double idle_cpu;       /* of one processor, when nobody says anything */
    double opened_per_s;
};

/* Serves on a port of 127.0.0.1, any that is free, until the process is ended, and prints which.
 * Returns only if that fails. */
void serve_echo(uint32_t connections);

/* Opens the connections to a server, which is this process, and measures. */
bool run_client(int port, pid_t server, const struct load *load, struct measured *measured,
                struct td_error *error);

#endif
