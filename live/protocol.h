/* The messages between authority and peers: values, and their JSON text. docs/protocol.md is the
 * page from which peers in other languages are written; this is the same in C. No sockets here.
 *
 *     struct td_error error;
 *     struct td_message *message = td_message_read(text, length, &error);
 *     if (message == NULL) ...              error.text: what is wrong, and where in the text
 *     switch (message->kind) ...
 *     td_message_destroy(message);
 *
 * Order IDs and nanoseconds travel as decimal strings, since JSON's numbers are doubles in many
 * languages. A member that is left out is NULL, 0, false or empty, unless its comment says
 * otherwise; unknown members are ignored, so that later versions can add some; an unknown `type` is
 * an error. Ownership: all texts of a message that was read live as long as it.
 *
 * A message that was read is in itself as it must be: names and words are names (1 to 128 printable
 * characters), targets are target patterns and nothing that Bazel could take for an option, numbers
 * are within their limits. What it names is the session's to look up: whether such a step, order or
 * schema exists, whether `after` goes round in circles, and who may send this at this time.
 *
 * The version is in the websocket's subprotocol.
 */
#ifndef TD_LIVE_PROTOCOL_H
#define TD_LIVE_PROTOCOL_H

#include "base/error.h"
#include "base/time.h"
#include "engine/types.h"
#include "report/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_SUBPROTOCOL "task-director.1"
#define TD_PEER_PATH "/peer" /* of the URL: ws://HOST:PORT/peer */
#define TD_MESSAGE_MAX (1u << 20)
#define TD_TEXT_KEPT 1000u /* bytes that an authority keeps of the text of an ENDED */

enum td_message_kind {
    /* from a peer */
    TD_MESSAGE_HELLO, /* "hello": first of all */
    TD_MESSAGE_LOOK,  /* "look": is this in the cache? For peers that have no cache of their own */
    TD_MESSAGE_OBTAINED, /* "obtained": a step, within an order */
    TD_MESSAGE_ENDED,    /* "ended": an order */
    TD_MESSAGE_BYE,      /* "bye": the peer leaves for good */
    /* from the authority */
    TD_MESSAGE_WELCOME, /* "welcome": answer to hello */
    TD_MESSAGE_ORDER,   /* "order" */
    TD_MESSAGE_SEEN,    /* "seen": answer to look */
    TD_MESSAGE_WAIT,    /* "wait": nothing to do; an order or done will follow by itself */
    TD_MESSAGE_ABORT,   /* "abort": give the order up, and say `ended` */
    TD_MESSAGE_DONE,    /* "done": the peer has all, or has failed */
    TD_MESSAGE_ERROR,   /* "error": and the connection is closed */
    TD_MESSAGE_KINDS
};

/* A step of a schema that a peer brings along. */
struct td_hello_step {
    const char *id, *targets; /* target patterns, separated by single spaces */
    const char *const *after; /* IDs of the steps that it comes after */
    size_t after_count;
};

/* Two digests: equal ones are equal inputs. */
struct td_hello_digest {
    const char *step;
    const char *digest;    /* of the peer's own inputs */
    const char *untouched; /* of the base's; NULL: not known */
    double fraction;       /* of a build that is left if it starts from the untouched one; else 1 */
};

struct td_hello {
    const char *peer; /* its name; required */
    const char *repository, *base_ref, *change, *pipeline, *cache;
    bool dependent; /* "pipeline_type": "independent" (the default) or "dependent" */
    /* "schema": an ID, or an object with "id", "universe" and "steps"; required */
    const char *schema_id;
    const char *universe; /* of the object; NULL: only the ID was given */
    const struct td_hello_step *steps;
    size_t step_count;
    const char *step;         /* what it is building now, without an order; NULL: nothing */
    bool read_only;           /* "publishes": false */
    const char *const *holds; /* steps that it has already */
    size_t hold_count;
    const struct td_hello_digest *digests;
    size_t digest_count;
    td_order resume; /* the order that it was at when its connection was lost; 0: none */
};

struct td_message {
    enum td_message_kind kind;
    /* What most messages have; the comment says which. */
    td_order order; /* LOOK, OBTAINED, ENDED, ORDER, SEEN, ABORT: never 0 */
    /* LOOK, OBTAINED, ENDED (that failed), ORDER, SEEN; NULL: the universe's rest (LOOK, OBTAINED,
     * SEEN), the universe (ORDER), none (ENDED) */
    const char *step;
    const char *reason; /* ORDER, WAIT, ABORT, DONE: a word such as "ready" */
    /* ERROR and DONE: a sentence for people; ENDED: why, from the peer. It may hold any characters:
     * td_text_quote() it before a terminal sees it. */
    const char *text;
    union {
        struct td_hello hello;
        struct {
            uint32_t part; /* from 0 */
        } look;
        struct {
            bool built;            /* "how": "build" or "fetch" */
            bool published;        /* it is in the remote cache now, because of this peer */
            bool whole;            /* it was built from nothing, without a start or cache hits */
            bool last;             /* and with that the order has ended well */
            uint32_t part, parts;  /* of "parts" (1 if left out; at most 1000) this one; the step is
                                      held with the last */
            td_time took;          /* "took_ns"; required */
            int64_t actions, hits; /* what the build tool did; -1: not known */
        } obtained;
        struct {
            enum { TD_ENDED_OK, TD_ENDED_FLAKY, TD_ENDED_BROKEN, TD_ENDED_ABORTED } result;
        } ended; /* "result": "ok", "flaky", "broken", "aborted" */
        struct {
            td_time grace; /* "grace_ns": so long a lost connection keeps its order */
            bool resumed;  /* the order in `resume` goes on */
        } welcome;
        struct {
            const char *targets; /* patterns, separated by single spaces */
            bool build;          /* "expect": "build" or "fetch" */
        } order_for;
        struct {
            bool published;  /* it can be fetched */
            double fraction; /* what a build has to do, if a start of it is published; else 1 */
        } seen;
        struct {
            bool failed; /* "outcome": "ok" or "failed" */
        } done;
        struct {
            const char *code; /* such as "bad-message" */
        } error;
    };
};

/* Reads one message, of at most TD_MESSAGE_MAX bytes. NULL with an error for what is none (a fault
 * of the input, whose sentence its sender can be told) and without memory (a fault of the run). */
struct td_message *td_message_read(const char *text, size_t length, struct td_error *error);
/* The same for what td_message_write() has written, which may be longer than what it was read from:
 * it has spaces and escapes. */
struct td_message *td_message_read_own(const char *text, size_t length, struct td_error *error);
void td_message_destroy(struct td_message *message); /* one that was read; NULL is allowed */

/* Appends the JSON text, on one line; td_buffer keeps whether memory ran short. What
 * td_message_read would call missing is asserted to be there; what is as if left out is left out.
 */
void td_message_write(const struct td_message *message, struct td_buffer *out);

/* "ready" for TD_REASON_READY and so on; every reason has a word. */
const char *td_reason_word(enum td_reason reason);

#endif
