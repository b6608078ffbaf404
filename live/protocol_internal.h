/* What a message of each kind consists of: one table, from which it is read and written. Internal
 * to this room. */
#ifndef TD_LIVE_PROTOCOL_INTERNAL_H
#define TD_LIVE_PROTOCOL_INTERNAL_H

#include "live/protocol.h"
#include "workload/values.h"

/* How a member is spelled, and what it is in the struct. */
enum td_form {
    TD_FORM_NAME,     /* const char *: 1 to 128 printable characters */
    TD_FORM_TEXT,     /* const char *: anything */
    TD_FORM_TARGETS,  /* const char * */
    TD_FORM_TRUE,     /* bool: true or false */
    TD_FORM_FALSE,    /* bool, the other way round */
    TD_FORM_EITHER,   /* bool: the first word or the second */
    TD_FORM_RESULT,   /* the enum of `ended`: a word */
    TD_FORM_ORDER,    /* td_order: a decimal string, from 1 */
    TD_FORM_TIME,     /* td_time: a decimal string */
    TD_FORM_PART,     /* uint32_t: a whole number */
    TD_FORM_COUNT,    /* int64_t: a whole number */
    TD_FORM_FRACTION, /* double: a number from 0 to 1 */
    TD_FORM_SCHEMA,   /* three that only a hello has */
    TD_FORM_HOLDS,
    TD_FORM_DIGESTS,
};

struct td_member {
    const char *key;
    enum td_form form;
    size_t offset; /* in struct td_message */
    bool required;
    int otherwise;            /* PART, COUNT, FRACTION: what it is if left out */
    const char *const *words; /* EITHER, RESULT */
};

struct td_message_spec {
    const char *type;
    const struct td_member *members;
    size_t count;
};

/* protocol_read.c; the functions that return bool set an error at the node's place. */
bool td_member_wrong_type(const struct td_values *v, uint32_t node, const char *what);
/* The member of an object that has this key; others are nobody's business. */
uint32_t td_member_find(const struct td_values *v, uint32_t object, const char *key);
bool td_member_require(const struct td_values *v, uint32_t object, const char *key, uint32_t *out);
bool td_member_bool(const struct td_values *v, uint32_t node, bool *out);
bool td_member_number(const struct td_values *v, uint32_t node, bool whole, double min, double max,
                      double *out);

extern const struct td_message_spec td_message_specs[TD_MESSAGE_KINDS];

#define TD_RESULTS 4u /* words of RESULT */
#define TD_MOST_PARTS 1000u
#define TD_MOST_STEPS 10000u
#define TD_MOST_COUNTED ((UINT64_C(1) << 53) - 1)

#endif
