/* Lists of tokens, what they allow, and files that hold secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/tokens.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef"
/* printf %s 0123456789abcdef | sha256sum */
#define HASH "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"

static struct td_tokens *parse(const char *text, struct td_error *error)
{
    return td_tokens_parse("tokens", text, strlen(text), error);
}

static void a_list(void **state)
{
    struct td_error error;
    struct td_tokens *tokens =
        parse("# who may join\n\n"
              "ci-main sha256:" HASH "\trepository=app repository=lib pipeline=gate\r\n"
              "  forks  plain-token-of-forks read-only ; laptop another.token~+/=x",
              &error);
    (void)state;
    if (tokens == NULL) fail_msg("%s", error.text);
    assert_int_equal(td_tokens_count(tokens), 3);
    const struct td_token *main = td_tokens_find(tokens, TOKEN, strlen(TOKEN));
    assert_non_null(main);
    assert_string_equal(main->name, "ci-main");
    assert_int_equal(main->repository_count, 2);
    assert_int_equal(main->pipeline_count, 1);
    assert_false(main->read_only);
    const struct td_token *forks = td_tokens_find(tokens, "plain-token-of-forks", 20);
    assert_non_null(forks);
    assert_true(forks->read_only);
    assert_ptr_equal(td_tokens_find_hash(tokens, forks->hash), forks);
    assert_non_null(td_tokens_find(tokens, "another.token~+/=x", 18));

    assert_null(td_tokens_find(tokens, TOKEN, strlen(TOKEN) - 1));
    assert_null(td_tokens_find(tokens, TOKEN "0", strlen(TOKEN) + 1));
    assert_null(td_tokens_find(tokens, "", 0));
    assert_null(td_tokens_find(tokens, HASH, strlen(HASH))); /* the hash is no token */
    assert_null(td_tokens_find(tokens, "sha256:" HASH, strlen("sha256:" HASH)));
    td_tokens_destroy(tokens);
}

static void what_it_allows(void **state)
{
    static const char *const repositories[] = {"app", "lib"}, *const pipelines[] = {"gate"};
    const struct td_token any = {.name = "any"};
    struct td_token some = {.name = "some", .repositories = repositories, .repository_count = 2};
    struct td_error error;
    (void)state;
    assert_true(td_token_allows(&any, NULL, NULL, &error));
    assert_true(td_token_allows(&any, "x", "y", &error));
    assert_true(td_token_allows(&some, "lib", NULL, &error));
    assert_false(td_token_allows(&some, "ap", NULL, &error));
    assert_string_equal(error.text, "the token some is not for repository \"ap\"");
    assert_false(td_token_allows(&some, NULL, "gate", &error));
    assert_non_null(strstr(error.text, "names none"));
    assert_true(td_token_is_unlimited(&any));
    assert_false(td_token_is_unlimited(&some));
    some.pipelines = pipelines;
    some.pipeline_count = 1;
    assert_true(td_token_allows(&some, "app", "gate", &error));
    assert_false(td_token_allows(&some, "app", "check", &error));
    assert_string_equal(error.text, "the token some is not for pipeline \"check\"");
    assert_false(td_token_allows(&some, "app", NULL, &error));
    some.repository_count = 0;
    assert_false(td_token_is_unlimited(&some));
    const struct td_token looks_on = {.name = "eye", .observer = true};
    assert_false(td_token_allows(&looks_on, "x", "y", &error));
    assert_string_equal(error.text, "the token eye is for looking on only, and not for peers");
}

static void bad_lists(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "tokens:1: there is no token"},
        {"# nobody\n\n", "tokens:3: there is no token"},
        {"a " TOKEN "\nname", "tokens:2: a line is NAME TOKEN"},
        {"name short", "tokens:1: the second word is no token"},
        {"name 0123456789abcde\"", "tokens:1: the second word is no token"},
        {"name sha256:123", "tokens:1: sha256: is followed by 64"},
        {"name sha256:" HASH "0", "tokens:1: sha256: is followed by 64"},
        {"name sha256:Z" HASH, "tokens:1: sha256: is followed by 64"},
        {"a " TOKEN "\nb sha256:" HASH, "tokens:2: this token stands above already"},
        {"a " TOKEN " repository=", "tokens:1: behind the token"},
        {"a " TOKEN " everything", "tokens:1: behind the token"},
        {"a\033[2J " TOKEN, "tokens:1: the line holds what cannot be printed"},
        {"a\xff " TOKEN, "tokens:1: the line holds what cannot be printed"},
    };
    struct td_error error;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(cases[i].text, &error));
        if (strncmp(error.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_null(strstr(error.text, TOKEN)); /* no secret is in an error */
    }
    char long_name[200];
    (void)snprintf(long_name, sizeof long_name, "%0129d " TOKEN, 0);
    assert_null(parse(long_name, &error));
    assert_null(td_tokens_parse("tokens", "a\0b", 3, &error));
}

/* A file with that text and mode; the caller unlinks it. */
static void write_file(char path[static 32], const char *text, mode_t mode)
{
    (void)snprintf(path, 32, "/tmp/td-tokens-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(close(file), 0);
}

static void files_that_others_can_read(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0400, 0644, 0602};
    struct td_error error;
    char path[32], token[TD_TOKEN_MOST + 1];
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        bool good = (modes[i] & 06) == 0;
        write_file(path, "a " TOKEN "\n", modes[i]);
        struct td_tokens *tokens = td_tokens_read(path, &error);
        assert_int_equal(tokens != NULL, good);
        if (!good) assert_non_null(strstr(error.text, "chmod 600"));
        td_tokens_destroy(tokens);
        assert_int_equal(unlink(path), 0);
        write_file(path, TOKEN "\n", modes[i]);
        assert_int_equal(td_token_read(path, token, &error), good);
        if (good) assert_string_equal(token, TOKEN);
        assert_int_equal(unlink(path), 0);
    }
    assert_null(td_tokens_read(path, &error));
    assert_non_null(strstr(error.text, "cannot be read"));
    assert_null(td_tokens_read("/", &error));
}

static void a_peers_own(void **state)
{
    static const char *const bad[] = {"", "short", TOKEN " " TOKEN, TOKEN "\n" TOKEN, "a " TOKEN};
    char token[TD_TOKEN_MOST + 1], most[TD_TOKEN_MOST + 2];
    struct td_error error;
    (void)state;
    assert_true(td_token_take("it", TOKEN, token, &error));
    assert_true(td_token_take("it", TOKEN "\r\n", token, &error));
    assert_string_equal(token, TOKEN);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(td_token_take("it", bad[i], token, &error));
        assert_null(strstr(error.text, TOKEN));
    }
    memset(most, 'x', sizeof most);
    most[TD_TOKEN_MOST + 1] = '\0';
    assert_false(td_token_take("it", most, token, &error));
    most[TD_TOKEN_MOST] = '\0';
    assert_true(td_token_take("it", most, token, &error));
    td_token_wipe(token, sizeof token);
    for (size_t i = 0; i < sizeof token; i++)
        assert_int_equal(token[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list),      cmocka_unit_test(what_it_allows),
        cmocka_unit_test(bad_lists),   cmocka_unit_test(files_that_others_can_read),
        cmocka_unit_test(a_peers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
