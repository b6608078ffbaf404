#include "live/tokens.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
#define HASH_WORD "sha256:"

struct td_tokens {
    struct td_arena *arena;
    struct td_token *items;
    size_t count;
};

/* Where the parser stands. */
struct reader {
    struct td_tokens *tokens;
    const char *source;
    unsigned line;
    struct td_error *error;
};

void td_token_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

size_t td_tokens_count(const struct td_tokens *tokens)
{
    return tokens->count;
}

void td_tokens_destroy(struct td_tokens *tokens)
{
    if (tokens == NULL) return;
    td_arena_destroy(tokens->arena);
    free(tokens);
}

static void hash_of(const char *token, size_t length, unsigned char hash[static TD_TOKEN_HASH])
{
    unsigned size = TD_TOKEN_HASH;
    int good = EVP_Digest(token, length, hash, &size, EVP_sha256(), NULL);
    TD_ASSERT(good == 1 && size == TD_TOKEN_HASH);
}

static bool is_token(const char *text, size_t length)
{
    return length >= TD_TOKEN_LEAST && length <= TD_TOKEN_MOST &&
           strspn(text, TOKEN_CHARACTERS) == length;
}

static bool wrong(const struct reader *reader, const char *sentence)
{
    return td_error_set(reader->error, TD_FAULT_INPUT, "%s:%u: %s", reader->source, reader->line,
                        sentence);
}

static bool no_memory(const struct reader *reader)
{
    return td_error_memory(reader->error, "tokens");
}

static bool read_hash(const struct reader *reader, const char *text,
                      unsigned char hash[static TD_TOKEN_HASH])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != (size_t)2 * TD_TOKEN_HASH || strspn(text, digits) != strlen(text))
        return wrong(reader, "sha256: is followed by 64 of the digits 0-9 a-f: take the first "
                             "word of what `printf %s TOKEN | sha256sum` prints");
    for (size_t i = 0; i < TD_TOKEN_HASH; i++) {
        long high = strchr(digits, text[2 * i]) - digits;
        long low = strchr(digits, text[2 * i + 1]) - digits;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_secret(const struct reader *reader, const char *word, struct td_token *token)
{
    if (strncmp(word, HASH_WORD, strlen(HASH_WORD)) == 0) {
        if (!read_hash(reader, word + strlen(HASH_WORD), token->hash)) return false;
    } else if (is_token(word, strlen(word))) {
        hash_of(word, strlen(word), token->hash);
    } else {
        return wrong(reader, "the second word is no token, which is 16 to 512 of the characters "
                             "A-Z a-z 0-9 - . _ ~ + / =, and no sha256:HASH of one");
    }
    return td_tokens_find_hash(reader->tokens, token->hash) == NULL ||
           wrong(reader, "this token stands above already: give each name tokens of its own");
}

/* One of the words behind the token. */
static bool read_limit(const struct reader *reader, const char *word, struct td_token *token,
                       const char **repositories, const char **pipelines)
{
    static const char repository[] = "repository=", pipeline[] = "pipeline=";
    bool is_repository = strncmp(word, repository, strlen(repository)) == 0;
    bool is_pipeline = strncmp(word, pipeline, strlen(pipeline)) == 0;
    bool is_read_only = strcmp(word, "read-only") == 0, is_observer = strcmp(word, "observer") == 0;
    token->read_only = token->read_only || is_read_only;
    token->observer = token->observer || is_observer;
    if (is_read_only || is_observer) return true;
    const char *name = word + (is_repository ? strlen(repository) : strlen(pipeline));
    if ((!is_repository && !is_pipeline) || *name == '\0')
        return wrong(reader, "behind the token stand repository=NAME, pipeline=NAME, read-only and "
                             "observer, and nothing else");
    const char *copy = td_arena_text(reader->tokens->arena, name, strlen(name));
    if (copy == NULL) return no_memory(reader);
    if (is_repository)
        repositories[token->repository_count++] = copy;
    else
        pipelines[token->pipeline_count++] = copy;
    return true;
}

static size_t count_words(const char *line)
{
    size_t count = 0;
    for (const char *at = line + strspn(line, " "); *at != '\0'; count++) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return count;
}

static bool add(const struct reader *reader, const struct td_token *token)
{
    struct td_tokens *tokens = reader->tokens;
    struct td_token *items = tokens->items;
    if ((tokens->count & (tokens->count - 1)) == 0) { /* 0 or a power of two: it is full */
        size_t room = tokens->count == 0 ? 1 : 2 * tokens->count;
        items = td_arena_array(tokens->arena, room, sizeof *items);
        if (items == NULL) return no_memory(reader);
        if (tokens->count > 0) memcpy(items, tokens->items, tokens->count * sizeof *items);
        tokens->items = items;
    }
    items[tokens->count++] = *token;
    return true;
}

static bool read_line(const struct reader *reader, char *line)
{
    struct td_arena *arena = reader->tokens->arena;
    struct td_token token = {0};
    char *rest = NULL;
    for (char *at = line; *at != '\0'; at++)
        if (*at == '\t' || *at == '\r') *at = ' ';
    size_t words = count_words(line);
    if (words == 0 || line[strspn(line, " ")] == '#') return true;
    if (td_text_printable_length(line) == SIZE_MAX)
        return wrong(reader, "the line holds what cannot be printed: remove it");
    if (words == 1)
        return wrong(reader, "a line is NAME TOKEN or NAME sha256:HASH: add the second");
    const char **repositories = td_arena_array(arena, words, sizeof *repositories);
    const char **pipelines = td_arena_array(arena, words, sizeof *pipelines);
    if (repositories == NULL || pipelines == NULL) return no_memory(reader);
    token.repositories = repositories;
    token.pipelines = pipelines;
    const char *name = strtok_r(line, " ", &rest);
    if (td_text_printable_length(name) > 128)
        return wrong(reader, "the name has over 128 characters: shorten it");
    token.name = td_arena_text(arena, name, strlen(name));
    if (token.name == NULL) return no_memory(reader);
    if (!read_secret(reader, strtok_r(NULL, " ", &rest), &token)) return false;
    for (const char *word = strtok_r(NULL, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        if (!read_limit(reader, word, &token, repositories, pipelines)) return false;
    return add(reader, &token);
}

static bool read_lines(struct reader *reader, char *text, size_t length)
{
    if (memchr(text, '\0', length) != NULL) return wrong(reader, "a zero byte is no text");
    for (char *line = text; line != NULL;) {
        char *end = strpbrk(line, "\n;"), ended_by = end == NULL ? '\0' : *end;
        if (end != NULL) *end = '\0';
        if (!read_line(reader, line)) return false;
        if (ended_by == '\n') reader->line++;
        line = end == NULL ? NULL : end + 1;
    }
    return reader->tokens->count > 0 ||
           wrong(reader, "there is no token: add a line NAME sha256:HASH");
}

struct td_tokens *td_tokens_parse(const char *source, const char *text, size_t length,
                                  struct td_error *error)
{
    struct td_tokens *tokens = calloc(1, sizeof *tokens);
    struct reader reader = {.tokens = tokens, .source = source, .line = 1, .error = error};
    char *copy = malloc(length + 1);
    if (tokens != NULL) tokens->arena = td_arena_create();
    bool good = copy != NULL && tokens != NULL && tokens->arena != NULL;
    if (!good) {
        (void)no_memory(&reader);
    } else {
        memcpy(copy, text, length);
        copy[length] = '\0';
        good = read_lines(&reader, copy, length);
    }
    if (copy != NULL) td_token_wipe(copy, length);
    free(copy);
    if (good) return tokens;
    td_tokens_destroy(tokens);
    return NULL;
}

/* A file that only its owner and its group may read; the caller wipes and frees it. */
static char *read_secret_file(const char *path, size_t *length, struct td_error *error)
{
    struct stat status;
    char *text = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        (void)td_error_set(error, TD_FAULT_INPUT, "%s: cannot be read: %s: check the path", path,
                           strerror(errno));
    } else if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        (void)td_error_set(error, TD_FAULT_INPUT,
                           "%s: others may read or write it, and it holds secrets: chmod 600 it",
                           path);
    } else if ((text = malloc(TD_TOKENS_FILE_MAX + 1)) == NULL) {
        (void)td_error_memory(error, path);
    } else {
        ssize_t got = 1;
        for (*length = 0; got > 0 && *length < TD_TOKENS_FILE_MAX; *length += (size_t)got)
            if ((got = read(file, text + *length, TD_TOKENS_FILE_MAX - *length)) < 0) break;
        bool good = got == 0;
        if (!good) {
            (void)td_error_set(error, TD_FAULT_INPUT, "%s: %s", path,
                               got < 0 ? "cannot be read: name a file"
                                       : "is larger than 1 MiB: it is no file of tokens");
            td_token_wipe(text, *length);
            free(text);
            text = NULL;
        } else {
            text[*length] = '\0';
        }
    }
    if (file >= 0) (void)close(file);
    return text;
}

struct td_tokens *td_tokens_read(const char *path, struct td_error *error)
{
    size_t length = 0;
    char *text = read_secret_file(path, &length, error);
    if (text == NULL) return NULL;
    struct td_tokens *tokens = td_tokens_parse(path, text, length, error);
    td_token_wipe(text, length);
    free(text);
    return tokens;
}

/* All entries are looked at, so that the time says nothing of where one stands. */
const struct td_token *td_tokens_find_hash(const struct td_tokens *tokens,
                                           const unsigned char hash[static TD_TOKEN_HASH])
{
    const struct td_token *found = NULL;
    for (size_t i = 0; i < tokens->count; i++)
        if (CRYPTO_memcmp(tokens->items[i].hash, hash, TD_TOKEN_HASH) == 0)
            found = &tokens->items[i];
    return found;
}

const struct td_token *td_tokens_find(const struct td_tokens *tokens, const char *sent,
                                      size_t length)
{
    unsigned char hash[TD_TOKEN_HASH];
    hash_of(sent, length, hash);
    return td_tokens_find_hash(tokens, hash);
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return count == 0;
}

bool td_token_allows(const struct td_token *token, const char *repository, const char *pipeline,
                     struct td_error *error)
{
    bool good = is_among(repository, token->repositories, token->repository_count);
    const char *what = good ? "pipeline" : "repository";
    const char *name = good ? pipeline : repository;
    char quote[TD_QUOTE_SIZE];
    if (token->observer)
        return td_error_set(error, TD_FAULT_INPUT,
                            "the token %s is for looking on only, and not for peers", token->name);
    if (good && is_among(pipeline, token->pipelines, token->pipeline_count)) return true;
    if (name == NULL)
        return td_error_set(error, TD_FAULT_INPUT,
                            "the token %s is for peers of some %s only, and this one names none",
                            token->name, good ? "pipelines" : "repositories");
    return td_error_set(error, TD_FAULT_INPUT, "the token %s is not for %s %s", token->name, what,
                        td_text_quote(name, quote));
}

bool td_token_is_unlimited(const struct td_token *token)
{
    return token->repository_count == 0 && token->pipeline_count == 0;
}

bool td_token_take(const char *source, const char *text, char out[static TD_TOKEN_MOST + 1],
                   struct td_error *error)
{
    size_t length = strcspn(text, "\r\n");
    if (text[length + strspn(text + length, "\r\n")] != '\0' || length > TD_TOKEN_MOST) length = 0;
    memcpy(out, text, length);
    out[length] = '\0';
    return is_token(out, length) ||
           td_error_set(error, TD_FAULT_INPUT,
                        "%s: is no token, which is one line of 16 to 512 of the characters A-Z a-z "
                        "0-9 - . _ ~ + / =",
                        source);
}

bool td_token_read(const char *path, char out[static TD_TOKEN_MOST + 1], struct td_error *error)
{
    size_t length = 0;
    char *text = read_secret_file(path, &length, error);
    if (text == NULL) return false;
    bool good = td_token_take(path, text, out, error);
    td_token_wipe(text, length);
    free(text);
    return good;
}
