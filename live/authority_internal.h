/* The insides of the authority: authority.c has its life and its timers, hello.c how peers come,
 * cohorts.c with whom they share, owners.c whose they are, report.c what they report, orders.c what
 * the engine wants done. */
#ifndef TD_LIVE_AUTHORITY_INTERNAL_H
#define TD_LIVE_AUTHORITY_INTERNAL_H

#include "live/agenda.h"
#include "live/authority.h"
#include "live/intern.h"
#include "live/schemas.h"
#include "live/store.h"

#define NOBODY UINT32_MAX

/* A peer that the authority has heard of; its number is the engine's. */
struct member {
    uint32_t link; /* TD_NO_LINK: no connection */
    uint32_t schema, cohort;
    uint32_t owner; /* who vouches for it; 0: nobody has to */
    uint32_t steps; /* while it is here: what the owner's quota is charged */
    td_order order; /* 0: none */
    td_step order_step;
    td_time lost_until; /* without a connection: it is given up then */
    td_time ask_at;     /* its wait has an end; TD_TIME_MAX: none */
    /* Of one that touches something, else NULL; see digest_of() and fraction_of(). */
    uint64_t *digests;     /* by step, as the engine knows them; behind them the rest's */
    uint64_t *starts;      /* by step, of what a build could start from, */
    double *fractions;     /* and what is left of it then; 1: it starts from nothing */
    bool *held;            /* by step */
    td_time since;         /* its order began; it has waited since; it has been free since */
    enum td_reason reason; /* of the order or the wait */
    bool waiting;
    bool builds; /* its order is to build a step, and others wait for that */
    bool here;   /* the engine knows it as present */
    bool joined, read_only;
    bool limited;                  /* its hello, or its token, says that it publishes nothing */
    bool apart;                    /* nobody can fetch what it has */
    bool told;                     /* the engine has it as read-only */
    bool rest_there;               /* what its last look found of the universe's rest */
    bool to_fetch;                 /* its order's step should be in the cache */
    bool to_abort;                 /* it has been told to give its order up */
    uint32_t last_step, last_part; /* its last result within the order */
    uint32_t rest_failures;        /* by accident */
};

/* Whole builds of a step. */
struct observed {
    td_time sum;
    uint64_t count;
};

/* The peers that can share, and what their untouched variants are called. */
struct live_cohort {
    struct td_identity identity;
    uint32_t present;        /* peers */
    struct observed *builds; /* by step */
    /* By step, the number of the digest; 0: nobody has said. NULL: of no step; see untouched_of()
     */
    uint32_t *untouched;
    td_time used; /* somebody came to it last */
};

struct td_authority {
    struct td_authority_options options;
    struct td_authority_outlet outlet;
    struct td_engine *engine;
    struct td_commands commands;
    struct td_schemas schemas;
    struct td_intern names, texts, digests; /* a peer's number is that of its name - 1 */
    struct td_intern owners;
    struct td_quotas *used; /* by owner, what its peers have had kept */
    struct member *members;
    uint32_t used_capacity, member_capacity;
    struct live_cohort *cohorts;
    uint32_t cohort_count, cohort_capacity;
    uint32_t *cohort_table; /* their number + 1, by identity; 0: free */
    uint32_t cohort_slots;
    struct td_hash_key cohort_key;
    struct td_store store;
    struct td_metrics metrics;
    uint32_t *links; /* link -> peer, or NOBODY */
    uint32_t link_capacity;
    struct td_agenda timers;  /* of the members, by what comes first of their times */
    struct td_agenda pending; /* peers that are to ask, in their order: all at time 0 */
    uint32_t present;
    uint32_t own_names; /* peers that have their numbers from the scenario */
    td_order last_order;
    td_time now;
    struct td_error error;
    unsigned holds; /* of enum td_hold */
    bool failed;
    bool idle;                        /* the input at hand changes nothing */
    struct td_voucher voucher;        /* of the last hello; its text is one of `owners` */
    const struct td_voucher *relived; /* of the hello at hand, if that is lived again */
};

static inline const char *name_of(const struct td_authority *authority, td_peer peer)
{
    return td_intern_text(&authority->names, peer + 1);
}

static inline const struct td_known_schema *schema_of(const struct td_authority *authority,
                                                      td_peer peer)
{
    return authority->schemas.items[authority->members[peer].schema];
}

/* Digest 0 is the untouched one. The count of steps is the rest's place. */
static inline uint64_t digest_of(const struct member *member, uint32_t step)
{
    return member->digests == NULL ? 0 : member->digests[step];
}

/* What is left of a build that starts from member->starts; 1: there is no such start. */
static inline double fraction_of(const struct member *member, td_step step)
{
    return member->fractions == NULL ? 1 : member->fractions[step];
}

static inline uint32_t untouched_of(const struct live_cohort *cohort, td_step step)
{
    return cohort->untouched == NULL ? 0 : cohort->untouched[step];
}

/* The recording, if the peer is recorded. */
struct td_recording *td_authority_recording(const struct td_authority *authority, td_peer peer);
void td_authority_log(const struct td_authority *authority, td_peer peer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Nothing can be done any more. */
void td_authority_fail(struct td_authority *authority);
/* After a change of a member's times. */
void td_authority_set_timer(struct td_authority *authority, td_peer peer);
/* What it has by step, once it is not present any more. */
void td_authority_free_steps(struct member *member);
/* The link, and the peer behind it, have said something that is wrong. */
void td_authority_cut_off(struct td_authority *authority, uint32_t link, const char *code,
                          const char *text);
/* The peer is no longer present, by its own will or not. */
void td_authority_drop(struct td_authority *authority, td_peer peer);

/* orders.c */
/* Feeds the engine, and carries its commands out. False with authority->error if it refuses. */
bool td_authority_tell(struct td_authority *authority, const struct td_event *event);
/* The peer is free: it asks when all that this message changes is known. */
void td_authority_ask_later(struct td_authority *authority, td_peer peer);
void td_authority_pump(struct td_authority *authority);

/* owners.c: before a hello changes anything. */
struct admission {
    uint32_t owner;
    bool read_only;
    struct td_quotas adds; /* what it is going to have kept */
};
/* False: it has been refused. */
bool td_authority_admit(struct td_authority *authority, uint32_t link, const struct td_hello *hello,
                        struct admission *admission);
/* Its schema is kept now; and all the rest, and the peer is here with so many steps; it is not any
 * more. */
void td_authority_charge_schema(struct td_authority *authority, const struct admission *admission);
void td_authority_charge_peer(struct td_authority *authority, td_peer peer, uint32_t steps,
                              const struct admission *admission);
void td_authority_discharge(struct td_authority *authority, td_peer peer);

/* cohorts.c */
/* NOBODY if there is no such cohort. */
uint32_t td_authority_find_cohort(const struct td_authority *authority,
                                  const struct td_identity *identity);
/* The cohort's number, made if it is new; NOBODY if memory is short. */
uint32_t td_authority_cohort(struct td_authority *authority, const struct td_identity *identity);
/* What the cohort's untouched variant of a step is called; false if memory is short. */
bool td_authority_set_untouched(struct td_authority *authority, uint32_t cohort, td_step step,
                                uint32_t digest);

/* hello.c */
void td_authority_hello(struct td_authority *authority, uint32_t link,
                        const struct td_message *message);
/* What the peer has built nobody else can fetch: from now on it is one that does not publish, and
 * goes on with what it holds. */
void td_authority_set_apart(struct td_authority *authority, td_peer peer);
/* It is free: what it may since it came back holds from now on. */
void td_authority_settle_rights(struct td_authority *authority, td_peer peer);

/* report.c */
void td_authority_report(struct td_authority *authority, td_peer peer,
                         const struct td_message *message);

#endif
