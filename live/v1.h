/* The protocol of the original's clients, version 1: their texts, and the authority's messages.
 * docs/protocol-v1.md is the page for its users. No sockets and no clock here, and no authority
 * either: a shell hands on what comes out.
 *
 *     td_v1_open(v1, link, client_id, &error);            a client has connected
 *     switch (td_v1_read(v1, link, text, length, now, &message, &error))
 *         TD_V1_MESSAGE: td_authority_receive(authority, link, &message, now);
 *         TD_V1_BAD: td_authority_refuse(authority, link, "bad-message", error.text, now);
 *     td_v1_write(v1, link, message, now, &text);         the authority's outlet sends something
 *     while (td_v1_act(v1, now, &link, &message, &text))  after each round: what v1 has to say
 *     if (td_v1_close(v1, link, &message))                the connection is gone
 *         td_authority_receive(authority, link, &message, now);
 *
 * Clients that can share are an instance, which to the authority is a cohort: the instance stands
 * in the cache of their hellos, so that what the authority is told says all that it needs to decide
 * the same again. A client only builds. What others have built counts as fetched at once, and so
 * does the universe of one that has everything; td_v1_act() says that in its place.
 *
 * Links are the shell's numbers for connections. Ownership: the texts of a message that comes out
 * live until the next call for its link. Errors: sentences for the client, of whose fault they
 * speak (TD_FAULT_INPUT), or memory that is short.
 */
#ifndef TD_LIVE_V1_H
#define TD_LIVE_V1_H

#include "base/error.h"
#include "base/time.h"
#include "live/protocol.h"
#include "report/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_V1_PATH "/ws/api/1/" /* of the URL: ws://HOST:PORT/ws/api/1/CLIENT/ */
#define TD_V1_ID_MOST 100u      /* characters of a client's ID and of a schema's */
#define TD_V1_REASON_MOST 123u  /* bytes that a websocket's close can say */

struct td_v1;

/* `start` tells the instances of this life of the authority from those of an earlier one, whose
 * names it may still know: some number that was never used before. NULL: memory is short. */
struct td_v1 *td_v1_create(uint32_t start);
void td_v1_destroy(struct td_v1 *v1); /* NULL is allowed */

/* Whether a cohort's cache is called as those of instances are: once nobody is in it, it is over.
 */
bool td_v1_is_instance(const char *cache);

/* The client ID of a path, without the slash that may end it; NULL if the path is none of v1. Cuts
 * the path in place. */
const char *td_v1_client_id(char *path);

/* False with an error if the ID is none; the connection is open all the same, to be closed with
 * that as its reason. False without memory, too, and then it is not open. */
bool td_v1_open(struct td_v1 *v1, uint32_t link, const char *client_id, struct td_error *error);
/* A connection of v1. */
bool td_v1_has(const struct td_v1 *v1, uint32_t link);
/* What the authority calls the client, once it has said INIT; before that "v1:" and its ID. */
const char *td_v1_name(const struct td_v1 *v1, uint32_t link);
/* The client has said INIT, and is neither done nor refused. */
bool td_v1_is_in(const struct td_v1 *v1, uint32_t link);

enum td_v1_read { TD_V1_BAD, TD_V1_NOTHING, TD_V1_MESSAGE };
enum td_v1_read td_v1_read(struct td_v1 *v1, uint32_t link, const char *text, size_t length,
                           td_time now, struct td_message *out, struct td_error *error);

/* Appends what the client is to be told, if anything. */
void td_v1_write(struct td_v1 *v1, uint32_t link, const struct td_message *message, td_time now,
                 struct td_buffer *out);

/* What v1 has to say by itself, one thing at a time: false if there is nothing more. If `text` has
 * become longer it is for the client, otherwise `message` is for the authority. */
bool td_v1_act(struct td_v1 *v1, td_time now, uint32_t *link, struct td_message *message,
               struct td_buffer *text);

/* Why the authority closes the connection, at most TD_V1_REASON_MOST bytes; "": no reason. */
const char *td_v1_reason(const struct td_v1 *v1, uint32_t link);
/* The client closes the connection by itself: give it some time for that. */
bool td_v1_leaves(const struct td_v1 *v1, uint32_t link);

/* The connection is gone. True if the authority has to hear `out` for it. */
bool td_v1_close(struct td_v1 *v1, uint32_t link, struct td_message *out);

#endif
