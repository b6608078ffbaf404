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
 * It is deterministic: what it sends, and what its engine hears and decides, is a function of what
 * came in. So whoever keeps its inputs (outlet.input) can live its life again (td_authority_apply),
 * and go on from there.
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
#include "live/schemas.h"
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
    /* of the schemas of those who are here or expected back, together: some 30 bytes each */
    uint32_t present;
};
/* Those of `serve`: years of a busy CI, and some hundred MB at most. */
#define TD_QUOTAS_USUAL                                                                            \
    ((struct td_quotas){.peers = 500000,                                                           \
                        .schemas = 2000,                                                           \
                        .steps = 500000,                                                           \
                        .places = 5000000,                                                         \
                        .texts = 5000000,                                                          \
                        .present = 20000000})

struct td_authority_options {
    const struct td_policy *policy;
    struct td_engine_options engine;
    /* Gives prerequisites, mean times and the peers' places; NULL: peers bring their schemas. */
    const struct td_scenario *scenario;
    /* From files that hold just a schema: what peers need only name. */
    struct td_scenario *const *schemas;
    size_t schema_count;
    struct td_recording *recording; /* of its first peers; NULL: nothing is recorded */
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

/* Why nobody is given an order. */
enum td_hold {
    TD_HOLD_DRAIN = 1,   /* it is about to end */
    TD_HOLD_JOURNAL = 2, /* what happens cannot be written down */
};

enum td_input_kind {
    TD_INPUT_MESSAGE, /* td_authority_receive() */
    TD_INPUT_REFUSE,  /* td_authority_refuse() */
    TD_INPUT_LOSE,    /* td_authority_lose() */
    TD_INPUT_WAKE,    /* td_authority_wake() */
    TD_INPUT_HOLD,    /* td_authority_hold() */
    TD_INPUT_RESTORE, /* td_authority_restore() */
    TD_INPUT_RESTART, /* td_authority_restart() */
    TD_INPUT_KINDS
};

/* One thing that came in. */
struct td_input {
    enum td_input_kind kind;
    uint32_t link; /* MESSAGE, REFUSE, LOSE */
    td_time at;
    struct td_voucher voucher; /* MESSAGE that is a hello: who vouched for it */
    union {
        const struct td_message *message;
        const char *code; /* REFUSE; its text changes nothing */
        struct {
            enum td_hold why;
            bool on;
        } hold;
        struct {
            const char *bytes;
            size_t length;
        } restore;
    };
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
    /* An input that has changed something, behind its events and commands. May be NULL. */
    void (*input)(void *context, const struct td_input *input);
    /* A line for the log. May be NULL. */
    void (*log)(void *context, td_time at, const char *peer, const char *text);
};

struct td_authority *td_authority_create(const struct td_authority_options *options,
                                         const struct td_authority_outlet *outlet,
                                         struct td_error *error);
void td_authority_destroy(struct td_authority *authority); /* NULL is allowed */

/* Of what it keeps (outlet.input), texts for people are cut to TD_TEXT_KEPT bytes. */
void td_authority_receive(struct td_authority *authority, uint32_t link,
                          const struct td_message *message, td_time now);
/* Text that is no message: the peer is told why, and cut off. */
void td_authority_refuse(struct td_authority *authority, uint32_t link, const char *code,
                         const char *text, td_time now);
void td_authority_lose(struct td_authority *authority, uint32_t link, td_time now);

/* When it has to be woken next; TD_TIME_MAX: never. */
td_time td_authority_due(const struct td_authority *authority);
void td_authority_wake(struct td_authority *authority, td_time now);

/* No more orders from now on, or until no reason is left: those that run may end. */
void td_authority_hold(struct td_authority *authority, enum td_hold why, bool on, td_time now);
void td_authority_drain(struct td_authority *authority);
bool td_authority_is_held(const struct td_authority *authority, enum td_hold why);
/* A part of what an earlier authority knew (live/summary.h), before any peer has come. False with
 * an error if it is none: then this authority is of no use any more. */
bool td_authority_restore(struct td_authority *authority, const char *bytes, size_t length,
                          td_time now, struct td_error *error);
/* The authority's program was ended and has been started again: all connections are gone, every
 * peer has its grace from now on, and nothing holds orders back. */
void td_authority_restart(struct td_authority *authority, td_time now);
/* An input that was kept, once more. */
bool td_authority_apply(struct td_authority *authority, const struct td_input *input,
                        struct td_error *error);
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
/* True if the peer of that name is one of them. */
bool td_authority_has(const struct td_authority *authority, const char *peer);
/* The order given last. */
td_order td_authority_last_order(const struct td_authority *authority);
td_time td_authority_now(const struct td_authority *authority);
/* Of its engine's whole state. */
uint64_t td_authority_digest(const struct td_authority *authority);
/* Names: of peers, by their numbers, with the remote cache of each (NULL: none, or it never came),
 * and of the step that such a peer means by a number (NULL: none). */
uint32_t td_authority_peer_count(const struct td_authority *authority);
const char *td_authority_peer_name(const struct td_authority *authority, td_peer peer);
const char *td_authority_peer_cache(const struct td_authority *authority, td_peer peer);
const char *td_authority_step_name(const struct td_authority *authority, td_peer peer,
                                   td_step step);
const struct td_schemas *td_authority_schemas(const struct td_authority *authority);
/* A fault of the authority itself (memory, a policy's nonsense), after which it does nothing more;
 * NULL: none. */
const struct td_error *td_authority_fault(const struct td_authority *authority);

#endif
