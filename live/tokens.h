/* Tokens: who may join an authority, and as whom. A list of them is a text, a line (or what stands
 * between semicolons) each:
 *
 *     # name     token, or its SHA-256           limits, as many as there are
 *     ci-main    sha256:9f86d081884c7d65...      repository=app repository=lib pipeline=gate
 *     forks      sha256:60303ae22b998861...      repository=app-forks read-only
 *     laptop     8c1f0f7e3b0d4f2a9e7c5d6b
 *     prometheus sha256:fcde2b2edba56bf4...      observer
 *
 * Words are separated by spaces. A token is 16 to 512 of the characters A-Z a-z 0-9 - . _ ~ + / =,
 * of which the list needs only the hash, so that it gives none away. `repository` and `pipeline`
 * say where its peers must be from; without one they may be from anywhere. `read-only`: what they
 * build counts as not published, whatever they say. `observer`: it has no peers, and is for looking
 * on. Two tokens of one name are the same owner, so that one can follow the other.
 *
 * Only hashes are kept and compared, in a time that depends on no secret; no token is in an error.
 */
#ifndef TD_LIVE_TOKENS_H
#define TD_LIVE_TOKENS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TD_TOKEN_LEAST 16u
#define TD_TOKEN_MOST 512u
#define TD_TOKEN_HASH 32u
#define TD_TOKENS_FILE_MAX (1u << 20)

struct td_token {
    const char *name;
    unsigned char hash[TD_TOKEN_HASH];
    const char *const *repositories, *const *pipelines;
    size_t repository_count, pipeline_count; /* 0: any */
    bool read_only, observer;
};

struct td_tokens;

/* NULL with an error whose place is SOURCE:LINE. `source` is for the messages. */
struct td_tokens *td_tokens_parse(const char *source, const char *text, size_t length,
                                  struct td_error *error);
/* The same from a file, which others must not be able to read or write. */
struct td_tokens *td_tokens_read(const char *path, struct td_error *error);
void td_tokens_destroy(struct td_tokens *tokens); /* NULL is allowed */
size_t td_tokens_count(const struct td_tokens *tokens);

/* The entry of what somebody sent; NULL: there is none. It lives as long as the list. */
const struct td_token *td_tokens_find(const struct td_tokens *tokens, const char *sent,
                                      size_t length);
/* The entry of that hash. */
const struct td_token *td_tokens_find_hash(const struct td_tokens *tokens,
                                           const unsigned char hash[static TD_TOKEN_HASH]);

/* Whether its peers may be from there (NULL: they did not say); else a sentence. */
bool td_token_allows(const struct td_token *token, const char *repository, const char *pipeline,
                     struct td_error *error);

/* Whether it is for all repositories and pipelines. */
bool td_token_is_unlimited(const struct td_token *token);

/* A peer's own token, from a file like that of a list, or from a text. `out` is the caller's to
 * wipe with td_token_wipe(). */
bool td_token_read(const char *path, char out[static TD_TOKEN_MOST + 1], struct td_error *error);
bool td_token_take(const char *source, const char *text, char out[static TD_TOKEN_MOST + 1],
                   struct td_error *error);
void td_token_wipe(void *bytes, size_t length);

#endif
