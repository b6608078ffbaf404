/* The insides of v1: v1.c translates, v1_init.c reads INIT, v1_instance.c finds and keeps the
 * instances. */
#ifndef TD_LIVE_V1_INTERNAL_H
#define TD_LIVE_V1_INTERNAL_H

#include "base/arena.h"
#include "live/v1.h"
#include "workload/values.h"

#define TD_V1_NAME_SIZE (4 * TD_V1_ID_MOST + 32) /* bytes of a client's name */

enum v1_type { V1_INIT = 1, V1_BUILD_INSTRUCTION, V1_TASK_COMPLETE, V1_SCHEMA_COMPLETE };

/* What a client has checked out of a repository. */
struct v1_repository {
    const char *name, *base_ref;
    const char **patchsets; /* sorted, each once */
    size_t patchset_count;
};

/* An INIT. */
struct v1_init {
    const char *schema_id, *cache_id;
    const struct v1_repository *repositories;
    size_t repository_count;
    uint32_t tasks;
    bool complex;
};

/* Clients that can share, while one of them is here. */
struct v1_instance {
    struct v1_instance *next; /* the younger ones */
    struct v1_client *clients;
    struct td_arena *arena;
    const char *schema_id, *cache_id;
    /* its names for the authority, after its first client's repository */
    const char *repository, *base_ref, *cache, *schema;
    const struct td_hello_step *steps;
    uint32_t tasks;
    uint8_t *failed; /* by task: it has failed on a client */
    bool complex;
    bool closed; /* it is complete, or cannot be: nobody joins any more */
};

enum v1_state { V1_NEW, V1_IN, V1_OVER };

struct v1_client {
    struct v1_client *next;       /* of its instance */
    struct v1_client *next_act;   /* of those that v1 has to say something for */
    struct v1_instance *instance; /* only if it is in */
    struct td_arena *arena;       /* what its INIT lives in */
    struct v1_init init;
    uint8_t *held;  /* by task */
    td_order order; /* 0: none */
    td_time since;  /* when it was told its task */
    uint32_t task;  /* that it runs, or is to fetch; `tasks` if there is none */
    uint32_t link;
    enum v1_state state;
    bool universe; /* its order is for everything */
    bool acts;     /* it is in the list of those */
    bool told;     /* it has been told its task */
    bool failed;   /* its task has */
    bool leaves;
    char name[TD_V1_NAME_SIZE];
    char reason[TD_V1_REASON_MOST + 1];
};

struct td_v1 {
    struct v1_client **clients; /* by link */
    uint32_t client_capacity;
    struct v1_instance *first; /* the oldest */
    struct v1_instance *dead;  /* without clients, but a message may still name its texts */
    struct v1_client *acting, **last_acting;
    uint32_t start;
    uint32_t instances; /* that have ever been */
};

/* v1_init.c: reads it into the values' arena. */
bool td_v1_read_init(const struct td_values *v, struct v1_init *out);

/* v1_instance.c */
/* Brings a client that has said INIT into its instance. False with an error. */
bool td_v1_join(struct td_v1 *v1, struct v1_client *client, struct td_error *error);
/* Out of its instance, if it is in one. */
void td_v1_part(struct td_v1 *v1, struct v1_client *client);
/* Frees the instances that nobody is in. */
void td_v1_sweep(struct td_v1 *v1);

#endif
