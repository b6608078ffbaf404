/* Many peers that only sleep, in one thread: each has a websocket of its own to the authority, all
 * of them one libwebsockets context. What they say and do is settled in sleeper.h; this is the
 * shell with the sockets, the timers and the clock.
 *
 *     struct td_swarm *swarm = td_swarm_create(&options, &error);
 *     if (swarm == NULL || !td_swarm_run(swarm, &error)) ...
 *     td_swarm_destroy(swarm);
 *
 * A connection that is lost, or cannot be had, is tried again after a while that grows from 50 ms
 * to 5 s, and with the next one a peer goes on with its order; if the authority stays away for too
 * long, the peer ends. libwebsockets is silenced, for the whole program.
 *
 * Cost: some 5 KB a peer, and 2 file descriptors a peer where the authority is in the same process.
 */
#ifndef TD_LIVE_SWARM_H
#define TD_LIVE_SWARM_H

#include "live/sleeper.h"

#include <stdatomic.h>

struct td_swarm_options {
    const struct td_sleep_plan *plan; /* all its peers; it must outlive the swarm */
    const char *host;                 /* a name or an address; it must outlive the swarm */
    int port;
    struct ssl_ctx_st *tls;  /* td_tls_client_create() for the host; NULL: not encrypted */
    const char *token;       /* NULL: none */
    double scale;            /* nanoseconds of the wall clock to one of the scenario; above 0 */
    int64_t zero_ns;         /* the scenario's zero, by CLOCK_MONOTONIC */
    int64_t max_away_ns;     /* so long an authority may be away; 0: for ever */
    const atomic_bool *stop; /* turned true by a signal's handler: it ends; may be NULL */
    /* What is said and heard, for a log; NULL: nobody wants to know. */
    void (*log)(void *context, uint32_t peer, bool sent, const struct td_message *message,
                td_time now);
    void *log_context;
};

struct td_swarm;

/* What has become of the peers. */
struct td_swarm_counts {
    uint32_t completed, failed; /* told that they are done, with that outcome */
    uint32_t ended;             /* these, and all who have left or were refused */
    uint64_t orders, losses;    /* orders heard; connections that broke before their end */
};

/* NULL with an error if there are not enough file descriptors or there is no memory. */
struct td_swarm *td_swarm_create(const struct td_swarm_options *options, struct td_error *error);

struct td_swarm_counts td_swarm_counts(const struct td_swarm *swarm);

/* Returns when all peers have ended and said so. False with an error if the authority has refused
 * one, has sent what is no message, or has stayed away (the others go on until they end), and with
 * TD_FAULT_INTERRUPT if it was stopped. */
bool td_swarm_run(struct td_swarm *swarm, struct td_error *error);

/* Ends td_swarm_run(), now or when it begins; from any thread, but from no signal handler. */
void td_swarm_stop(struct td_swarm *swarm);

void td_swarm_destroy(struct td_swarm *swarm); /* NULL is allowed */

#endif
