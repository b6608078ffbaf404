/* The authority without sockets and clock: messages of peers and times in, messages to peers out.
 * The engine is fed with events, its commands leave as messages; a shell owns connections, names
 * them by numbers ("links"), and keeps time.
 *
 *     td_authority_receive(authority, link, message, now);
 *     td_authority_lose(authority, link, now);          the connection is gone
 *     td_authority_wake(authority, now);                the time of td_authority_due() has come
 *
 * A peer never asks: when it is free it gets its next order, a wait, or that it is done. A lost
 * connection keeps its order for a grace time; whoever says hello in that time with the order that
 * it was at goes on with it. Messages about an order that is not the peer's current one are late or
 * repeated and change nothing.
 *
 * Times are nanoseconds since the run's zero and never go back. Ownership: messages are the
 * caller's. Errors of peers are told to the peer, which is then cut off; nobody else notices.
 */
#ifndef TD_LIVE_AUTHORITY_H
#define TD_LIVE_AUTHORITY_H

#include "base/error.h"
#include "engine/engine.h"
#include "live/metrics.h"
#include "live/protocol.h"
#include "live/recording.h"
#include "workload/scenario.h"

#define TD_NO_LINK UINT32_MAX

struct td_authority;

/* What the peers of one owner (see td_voucher) can make the authority keep; 0: any number. */
struct td_quotas {
    uint32_t peers;   /* names */
    uint32_t schemas; /* that were not known before */
    uint32_t steps;   /* of these schemas together, */
    uint32_t places;  /* and of the cohorts that they begin, together */
    uint32_t texts;   /* digests, names of repositories, base refs and caches */
};
/* Those of `serve`: years of a busy CI, and some hundred MB at most. */
#define TD_QUOTAS_USUAL                                                                            \
    ((struct td_quotas){                                                                           \
        .peers = 500000, .schemas = 2000, .steps = 500000, .places = 5000000, .texts = 5000000})

struct td_authority_options {
    const struct td_policy *policy;
    struct td_engine_options engine;
    /* Gives prerequisites, mean times and the peers' places; NULL: peers bring their schemas. */
    const struct td_scenario *scenario;
    /* From files that hold just a schema: what peers need only name. */
    struct td_scenario *const *schemas;
    size_t schema_count;
    struct td_recording *recording; /* of the scenario's peers; NULL: nothing is recorded */
    td_time grace;                  /* for a lost connection */
    struct td_quotas quotas;
};

/* Who vouches for a peer. */
struct td_voucher {
    /* Whose peer it is: the name of a token. Nobody else's peer may have its name while it is
     * known. NULL: it is everybody's. */
    const char *owner;
    bool read_only; /* whatever it says, what it builds is not published */
};

/* What goes out. None of these may call the authority back. */
struct td_authority_outlet {
    void *context;
    void (*send)(void *context, uint32_t link, const struct td_message *message);
    void (*close)(void *context, uint32_t link); /* after what was sent */
    /* Whether what stands behind a link may say this hello: else a sentence. The voucher is all
     * zero before; its owner lives until the call of the authority returns. NULL: everybody may. */
    bool (*vouch)(void *context, uint32_t link, const struct td_hello *hello,
                  struct td_voucher *voucher, struct td_error *error);
    /* Every engine input, before its commands are carried out: a journal. May be NULL. */
    void (*event)(void *context, const struct td_event *event);
    /* Every command of the engine. May be NULL. */
    void (*command)(void *context, const struct td_command *command);
    /* A line for the log. May be NULL. */
    void (*log)(void *context, td_time at, const char *peer, const char *text);
};

struct td_authority *td_authority_create(const struct td_authority_options *options,
                                         const struct td_authority_outlet *outlet,
                                         struct td_error *error);
void td_authority_destroy(struct td_authority *authority); /* NULL is allowed */

void td_authority_receive(struct td_authority *authority, uint32_t link,
                          const struct td_message *message, td_time now);
/* Text that is no message: the peer is told why, and cut off. */
void td_authority_refuse(struct td_authority *authority, uint32_t link, const char *code,
                         const char *text, td_time now);
void td_authority_lose(struct td_authority *authority, uint32_t link, td_time now);

/* When it has to be woken next; TD_TIME_MAX: never. */
td_time td_authority_due(const struct td_authority *authority);
void td_authority_wake(struct td_authority *authority, td_time now);

/* No more orders from now on: those that run may end. */
void td_authority_drain(struct td_authority *authority);
/* True if nobody has an order. */
bool td_authority_is_idle(const struct td_authority *authority);

/* What it has counted; its shell adds what it alone can see (messages, latencies). */
struct td_metrics *td_authority_metrics(struct td_authority *authority);
/* All but `connections` and `can_order`, which the shell knows. Cost: a look at each peer that it
 * has ever heard of. */
struct td_gauges td_authority_gauges(const struct td_authority *authority);
bool td_authority_is_draining(const struct td_authority *authority);

/* Peers that are here or may come back within their grace. */
uint32_t td_authority_present(const struct td_authority *authority);
/* A fault of the authority itself (memory, a policy's nonsense), after which it does nothing more;
 * NULL: none. */
const struct td_error *td_authority_fault(const struct td_authority *authority);

#endif
