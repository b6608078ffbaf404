/* What the clients of v1 say and are told, message by message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "v1_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void unquote(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
}

/* JSON with ' for ". */
static void say(struct rig *rig, uint32_t link, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    unquote(text);
    say_text(rig, link, text);
}

static void is_text(char *heard, const char *wanted)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "%s", wanted);
    unquote(text);
    assert_string_equal(heard, text);
    heard[0] = '\0';
}

static void told(struct rig *rig, uint32_t link, const char *task)
{
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted,
                   "{'message_type': 2, 'schema_id': 's', 'task_id': '%s'}\n", task);
    is_text(rig->sent[link], wanted);
}

static void told_complete(struct rig *rig, uint32_t link)
{
    is_text(rig->sent[link], "{'message_type': 4, 'schema_id': 's'}\n");
    assert_true(rig->closed[link] && td_v1_leaves(rig->v1, link));
    assert_string_equal(td_v1_reason(rig->v1, link), "");
}

static void told_nothing(const struct rig *rig, uint32_t link)
{
    assert_string_equal(rig->sent[link], "");
    assert_false(rig->closed[link]);
}

static void cut_off(const struct rig *rig, uint32_t link, const char *part)
{
    assert_string_equal(rig->sent[link], "");
    assert_true(rig->closed[link] && !td_v1_leaves(rig->v1, link));
    assert_false(td_v1_is_in(rig->v1, link));
    if (strstr(td_v1_reason(rig->v1, link), part) == NULL)
        fail_msg("link %u: no '%s' in: %s", link, part, td_v1_reason(rig->v1, link));
}

#define INIT(tasks)                                                                                \
    "{'message_type': 1, 'repo_state': {'app': {'base_ref': 'master', 'patchset': 'p'}}, "         \
    "'complex_patchset': false, 'cache_id': '1', 'schema_id': 's', 'total_tasks': " #tasks "}"

static void complete(struct rig *rig, uint32_t link, const char *task, bool success)
{
    say(rig, link, "{'message_type': 3, 'schema_id': 's', 'task_id': '%s', 'task_success': %s}",
        task, success ? "true" : "false");
}

static void test_what_the_authority_hears(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    open_link(&rig, 0, "a");
    assert_true(td_v1_has(rig.v1, 0) && !td_v1_has(rig.v1, 1) && !td_v1_has(rig.v1, 1000));
    say(&rig, 0, INIT(2));
    is_text(rig.given, "{'type': 'hello', 'peer': 'v1:a', 'repository': 'app', 'base_ref': "
                       "'master', 'cache': '1 (v1 000000ab-1)', 'schema': {'id': 'v1 s, 2 tasks', "
                       "'universe': '//...', 'steps': {'0': '//:0', '1': '//:1'}}}\n");
    told(&rig, 0, "0");
    open_link(&rig, 1, "a");
    say(&rig, 1, INIT(2));
    is_text(rig.given, "{'type': 'hello', 'peer': 'v1:a#2', 'repository': 'app', 'base_ref': "
                       "'master', 'cache': '1 (v1 000000ab-1)', 'schema': {'id': 'v1 s, 2 tasks', "
                       "'universe': '//...', 'steps': {'0': '//:0', '1': '//:1'}}}\n");
    told(&rig, 1, "1");
    rig.now = 5;
    complete(&rig, 0, "0", true);
    is_text(rig.given, "{'type': 'obtained', 'order': '1', 'step': '0', 'how': 'build', "
                       "'published': true, 'last': true, 'took_ns': '5'}\n");
    told_nothing(&rig, 0);
    rig.now = 7;
    complete(&rig, 1, "1", true);
    told_complete(&rig, 0);
    told_complete(&rig, 1);
    assert_non_null(strstr(rig.given, "\"order\": \"3\", \"step\": \"1\", \"how\": \"fetch\", "
                                      "\"last\": true, \"took_ns\": \"0\""));
    /* what they say before they know is nothing any more */
    rig.given[0] = '\0';
    complete(&rig, 0, "1", true);
    say_text(&rig, 0, "nonsense");
    end_link(&rig, 0);
    end_link(&rig, 1);
    assert_string_equal(rig.given, "");
    rig_close(&rig);
}

static void test_a_task_goes_back_to_those_that_wait(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    for (uint32_t link = 0; link < 4; link++) {
        open_link(&rig, link, "a");
        say(&rig, link, INIT(1));
    }
    told(&rig, 0, "0");
    end_link(&rig, 0); /* at once, and not after a grace */
    told(&rig, 1, "0");
    complete(&rig, 1, "0", false);
    assert_true(rig.closed[1] && td_v1_leaves(rig.v1, 1));
    assert_string_equal(rig.sent[1], "");
    told(&rig, 2, "0");
    told_nothing(&rig, 3);
    complete(&rig, 2, "0", false);
    cut_off(&rig, 3, "failed on two clients");
    for (uint32_t link = 1; link < 4; link++)
        end_link(&rig, link);
    assert_int_equal(td_authority_present(rig.authority), 0);
    rig_close(&rig);
}

/* It begins with the universe, which is all tasks, one after another. */
static void test_under_policies_without_an_authority(void **state)
{
    (void)state;
    static const char *const policies[] = {"universe", "parallel"};
    static struct rig rig;
    for (size_t i = 0; i < 2; i++) {
        rig_open(&rig, policies[i]);
        for (uint32_t link = 0; link < 2; link++) {
            open_link(&rig, link, "a");
            say(&rig, link, INIT(2));
            told(&rig, link, "0");
        }
        for (uint32_t link = 0; link < 2; link++) {
            complete(&rig, link, "0", true);
            told(&rig, link, "1");
        }
        for (uint32_t link = 0; link < 2; link++) {
            complete(&rig, link, "1", true);
            told_complete(&rig, link);
        }
        rig_close(&rig);
    }
    rig_open(&rig, "universe");
    open_link(&rig, 0, "a");
    say(&rig, 0, INIT(2));
    told(&rig, 0, "0");
    complete(&rig, 0, "0", false);
    assert_true(td_v1_leaves(rig.v1, 0));
    rig_close(&rig);
}

static void test_linear(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "linear");
    for (uint32_t link = 0; link < 2; link++) {
        open_link(&rig, link, "a");
        say(&rig, link, INIT(2));
    }
    told(&rig, 0, "0");
    told_nothing(&rig, 1);
    complete(&rig, 0, "0", true);
    told(&rig, 0, "1");
    complete(&rig, 0, "1", true);
    told_complete(&rig, 0);
    told_complete(&rig, 1); /* it has nothing to build */
    rig_close(&rig);
}

static void test_nonsense(void **state)
{
    (void)state;
#define STATE(repositories)                                                                        \
    "{'message_type': 1, 'repo_state': " repositories ", 'cache_id': '1', 'schema_id': 's', "      \
    "'total_tasks': 1}"
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "message:1:1"},
        {"7", "must be an object"},
        {"{}", "\"message_type\" is missing"},
        {"{'message_type': true}", "$.message_type: must be a whole number"},
        {"{'message_type': 0}", "from 1 to 6"},
        {"{'message_type': 7}", "from 1 to 6"},
        {"{'message_type': 1.5}", "a whole number"},
        {"{'message_type': 2}", "a client sends 1"},
        {"{'message_type': 4}", "a client sends 1"},
        {"{'message_type': 5}", "a client sends 1"},
        {"{'message_type': 6}", "a client sends 1"},
        {"{'message_type': 3, 'schema_id': 's', 'task_id': '0', 'task_success': true}",
         "first message must be INIT"},
        {"{'message_type': 1}", "\"repo_state\" is missing"},
        {STATE("[]"), "an object of repositories"},
        {STATE("{'': {}}"), "the repository's name"},
        {STATE("{'app': 1}"), "an object with"},
        {STATE("{'app': {'patchset': 'p'}}"), "\"base_ref\" is missing"},
        {STATE("{'app': {'base_ref': 'm'}}"), "\"patchset\" is missing"},
        {STATE("{'app': {'base_ref': 'm', 'patchset': ''}}"), "$.repo_state.app.patchset"},
        {STATE("{'app': {'base_ref': 'm', 'patchset': 'p', 'additional_patchsets': 'q'}}"),
         "an array of patchsets"},
        {STATE("{'app': {'base_ref': 'm', 'patchset': 'p', 'additional_patchsets': [1]}}"),
         "additional_patchsets[0]"},
        {"{'message_type': 1, 'repo_state': {}, 'schema_id': 's', 'total_tasks': 1}",
         "\"cache_id\" is missing"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': 1, 'schema_id': 's', 'total_tasks': "
         "1}",
         "$.cache_id: must be a name"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'total_tasks': 1}",
         "\"schema_id\" is missing"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': 's'}",
         "\"total_tasks\" is missing"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': 's', "
         "'total_tasks': 0}",
         "from 1 to 10000"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': 's', "
         "'total_tasks': 10001}",
         "from 1 to 10000"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': 's', "
         "'total_tasks': '1'}",
         "must be a whole number"},
        {"{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': 's', "
         "'total_tasks': 1, 'complex_patchset': 0}",
         "must be true or false"},
    };
    static struct rig rig;
    rig_open(&rig, "directed");
    open_link(&rig, 1, "healthy");
    say(&rig, 1, INIT(1));
    told(&rig, 1, "0");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_link(&rig, 0, "a");
        say(&rig, 0, "%s", cases[i].text);
        cut_off(&rig, 0, cases[i].why);
        end_link(&rig, 0);
    }
    told_nothing(&rig, 1);
    rig_close(&rig);
}

static void test_nonsense_of_a_client_that_is_in(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {INIT(1), "INIT comes once"},
        {"{'message_type': 3}", "\"schema_id\" is missing"},
        {"{'message_type': 3, 'schema_id': 't', 'task_id': '0', 'task_success': true}",
         "is not the schema"},
        {"{'message_type': 3, 'schema_id': 's', 'task_success': true}", "\"task_id\" is missing"},
        {"{'message_type': 3, 'schema_id': 's', 'task_id': 0, 'task_success': true}",
         "$.task_id: must be a name"},
        {"{'message_type': 3, 'schema_id': 's', 'task_id': '00', 'task_success': true}",
         "is not the client's task"},
        {"{'message_type': 3, 'schema_id': 's', 'task_id': '0'}", "\"task_success\" is missing"},
        {"{'message_type': 3, 'schema_id': 's', 'task_id': '0', 'task_success': 1}",
         "must be true or false"},
    };
    static struct rig rig;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&rig, "directed");
        for (uint32_t link = 0; link < 2; link++) {
            open_link(&rig, link, "a");
            say(&rig, link, INIT(1));
        }
        told(&rig, 0, "0");
        say(&rig, 0, "%s", cases[i].text);
        cut_off(&rig, 0, cases[i].why);
        told(&rig, 1, "0"); /* what it was at goes to the other */
        rig_close(&rig);
    }
    rig_open(&rig, "directed");
    for (uint32_t link = 0; link < 2; link++) {
        open_link(&rig, link, "a");
        say(&rig, link, INIT(1));
    }
    complete(&rig, 1, "0", true);
    cut_off(&rig, 1, "has no task");
    open_link(&rig, 2, "b");
    say(&rig, 2, INIT(2));
    cut_off(&rig, 2, "total_tasks is 2, but others have schema s with 1");
    rig_close(&rig);
}

/* A list of `count` items, "x0" and so on, after a beginning and before an end. */
static void say_list(struct rig *rig, uint32_t link, const char *begin, unsigned count,
                     const char *item, const char *end)
{
    struct td_buffer text = {0};
    td_buffer_string(&text, begin);
    for (unsigned i = 0; i < count; i++) {
        td_buffer_string(&text, i == 0 ? "'x" : ", 'x");
        td_buffer_unsigned(&text, i);
        td_buffer_string(&text, item);
    }
    td_buffer_string(&text, end);
    td_buffer_add(&text, "", 1);
    unquote(text.bytes);
    say_text(rig, link, text.bytes);
    td_buffer_free(&text);
}

static void test_limits(void **state)
{
    (void)state;
#define END "}, 'cache_id': '1', 'schema_id': 's', 'total_tasks': 1}"
#define REPOSITORY "': {'base_ref': 'm', 'patchset': 'p'}"
    static struct rig rig;
    char id[102];
    rig_open(&rig, "directed");
    for (uint32_t link = 0; link < 6; link++)
        open_link(&rig, link, "a");
    say_list(&rig, 0, "{'message_type': 1, 'repo_state': {", 100, REPOSITORY, END);
    told(&rig, 0, "0");
    say_list(&rig, 1, "{'message_type': 1, 'repo_state': {", 101, REPOSITORY, END);
    cut_off(&rig, 1, "at most 100");
#define PATCHSETS                                                                                  \
    "{'message_type': 1, 'repo_state': {'a': {'base_ref': 'm', 'patchset': 'p', "                  \
    "'additional_patchsets': ["
    say_list(&rig, 2, PATCHSETS, 999, "'", "]}" END);
    told(&rig, 2, "0");
    say_list(&rig, 3, PATCHSETS, 1000, "'", "]}" END);
    cut_off(&rig, 3, "too many patchsets");
    memset(id, 'i', sizeof id);
    id[101] = '\0';
    say(&rig, 4,
        "{'message_type': 1, 'repo_state': {}, 'cache_id': '1', 'schema_id': '%s', "
        "'total_tasks': 1}",
        id);
    cut_off(&rig, 4, "$.schema_id: has 101 characters");
    id[100] = '\0';
    say(&rig, 5,
        "{'message_type': 1, 'repo_state': {}, 'cache_id': '%s', 'schema_id': '%s', "
        "'total_tasks': 10000}",
        id, id);
    assert_non_null(strstr(rig.sent[5], "\"task_id\": \"0\""));
    rig_close(&rig);
}

static void test_client_ids(void **state)
{
    (void)state;
    static const struct {
        const char *path, *id;
    } paths[] = {{"/ws/api/1/a/", "a"},   {"/ws/api/1/a", "a"}, {"/ws/api/1/a/b/", "a/b"},
                 {"/ws/api/1/ //", " /"}, {"/ws/api/1/", NULL}, {"/ws/api/1//", NULL},
                 {"/ws/api/2/a/", NULL},  {"/peer", NULL},      {"", NULL},
                 {"x/ws/api/1/a/", NULL}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s", paths[i].path);
        const char *id = td_v1_client_id(path);
        if (paths[i].id == NULL)
            assert_null(id);
        else
            assert_string_equal(id, paths[i].id);
    }
    static struct rig rig;
    struct td_error error;
    struct td_message bye;
    rig_open(&rig, "directed");
    static const char *const bad[] = {"", "\n", "\xff", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(td_v1_open(rig.v1, 0, bad[i], &error));
        assert_string_equal(td_v1_reason(rig.v1, 0), error.text);
        assert_string_equal(td_v1_name(rig.v1, 0), "v1:?");
        assert_false(td_v1_close(rig.v1, 0, &bye));
    }
    /* each has a name of its own */
    static const char *const ids[] = {"a", "ab", "a#2", "a", "a", "a#2"};
    static const char *const names[] = {"v1:a", "v1:ab", "v1:a#2", "v1:a#3", "v1:a#4", "v1:a#2#2"};
    for (uint32_t link = 0; link < 6; link++) {
        open_link(&rig, link, ids[link]);
        say(&rig, link, INIT(9));
        assert_string_equal(td_v1_name(rig.v1, link), names[link]);
    }
    end_link(&rig, 0);
    open_link(&rig, 0, "a");
    say(&rig, 0, INIT(9));
    assert_string_equal(td_v1_name(rig.v1, 0), "v1:a");
    rig_close(&rig);
}

/* As much of the sentence as a close has room for, in whole characters. */
static void test_a_reason_is_cut(void **state)
{
    (void)state;
    static struct rig rig;
    char text[256] = "a";
    for (size_t i = 0; i < 100; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa4", 3);
    rig_open(&rig, "directed");
    open_link(&rig, 0, "a");
    td_authority_refuse(rig.authority, 0, "bad-message", text, 0);
    assert_int_equal(strlen(td_v1_reason(rig.v1, 0)), TD_V1_REASON_MOST);
    end_link(&rig, 0);
    open_link(&rig, 0, "a");
    td_authority_refuse(rig.authority, 0, "bad-message", text + 1, 0);
    assert_int_equal(strlen(td_v1_reason(rig.v1, 0)), TD_V1_REASON_MOST - 1);
    rig_close(&rig);
}

/* Which instance a newcomer joins: the one of its hello's cache. */
static void test_instances(void **state)
{
    (void)state;
#define LIB "'lib': {'base_ref': 'm', 'patchset': 'l'}"
#define APP(base_ref, patchsets) "'app': {'base_ref': '" base_ref "', 'patchset': " patchsets "}"
    static const struct {
        const char *repositories, *complex;
        unsigned instance; /* 3: one of its own */
    } cases[] = {
        /* 1 has app with p and q, and lib; 2 has app with r, and tool */
        {APP("m", "'p'"), "false", 1},
        {APP("m", "'r'"), "false", 2},
        {APP("m", "'x', 'additional_patchsets': ['r']"), "false", 2},
        {APP("m", "'r', 'additional_patchsets': ['p', 'q']"), "false", 1},
        {APP("m", "'r', 'additional_patchsets': ['p', 'p', 'p']"), "false", 1},
        {APP("m", "'x'"), "false", 1},
        {APP("m", "'r'") ", " LIB, "false", 1}, /* it fits into 1 only */
        {LIB, "false", 1},
        {APP("n", "'p'"), "false", 3},
        {APP("m", "'p'") ", 'doc': {'base_ref': 'm', 'patchset': 'p'}", "false", 3},
        {APP("m", "'p'"), "true", 3},
        {"", "false", 3},
    };
    static struct rig rig;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&rig, "directed");
        const char *repositories[] = {
            APP("m", "'p', 'additional_patchsets': ['q']") ", " LIB,
            APP("m", "'r'") ", 'tool': {'base_ref': 'm', 'patchset': 't'}",
            cases[i].repositories,
        };
        for (uint32_t link = 0; link < 3; link++) {
            rig.given[0] = '\0';
            open_link(&rig, link, "a");
            say(&rig, link,
                "{'message_type': 1, 'repo_state': {%s}, 'complex_patchset': %s, 'cache_id': '1', "
                "'schema_id': 's', 'total_tasks': 9}",
                repositories[link], link == 2 ? cases[i].complex : "false");
        }
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "(v1 000000ab-%u)", cases[i].instance);
        if (strstr(rig.given, wanted) == NULL) fail_msg("case %zu: %s", i, rig.given);
        rig_close(&rig);
    }
}

/* The original's client says what git prints, to the newline; and a URL may have a password, which
 * is nobody else's business and does not tell repositories apart. */
static void test_what_git_prints(void **state)
{
    (void)state;
#define PRINTED(url)                                                                               \
    "{'message_type': 1, 'repo_state': {'" url "': {'base_ref': 'main', 'patchset': 'p\\r\\n', "   \
    "'additional_patchsets': ['q\\n']}}, 'cache_id': '1', 'schema_id': 's', 'total_tasks': 9}"
    static const struct {
        const char *init, *repository;
    } cases[] = {
        {PRINTED("https://host/app@2.git"), "https://host/app@2.git"},
        {PRINTED("https://host/app@2.git\\n"), "https://host/app@2.git"},
        {PRINTED("https://user:secret@host/app@2.git \\t\\r\\n"), "https://host/app@2.git"},
        {PRINTED("https://user:sec@ret@host/app@2.git\\n"), "https://host/app@2.git"},
        {PRINTED("ssh://git@host\\n"), "ssh://host"},
        {PRINTED("git@host:app.git\\n"), "git@host:app.git"},
        {PRINTED("\\nhttps://host/app\\n"), NULL},
        {PRINTED("ssh://git@\\n"), "ssh://"},
        {PRINTED("\\n"), NULL},
    };
    static struct rig rig;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_open(&rig, "directed");
        open_link(&rig, 0, "a");
        say(&rig, 0, "%s", cases[i].init);
        if (cases[i].repository == NULL) {
            cut_off(&rig, 0, "the repository's name");
        } else {
            char wanted[128];
            (void)snprintf(wanted, sizeof wanted, "\"repository\": \"%s\", \"base_ref\": \"main\"",
                           cases[i].repository);
            if (strstr(rig.given, wanted) == NULL) fail_msg("case %zu: %s", i, rig.given);
        }
        rig_close(&rig);
    }
    rig_open(&rig, "directed");
    for (uint32_t link = 0; link < 3; link++) {
        rig.given[0] = '\0';
        open_link(&rig, link, "a");
        say(&rig, link, "%s", cases[link].init);
        assert_non_null(strstr(rig.given, "(v1 000000ab-1)"));
    }
    rig_close(&rig);
}

/* Only who is here counts, and an instance that is complete is over. */
static void test_instances_end(void **state)
{
    (void)state;
    static struct rig rig;
    rig_open(&rig, "directed");
    for (uint32_t link = 0; link < 3; link++)
        open_link(&rig, link, "a");
    say(&rig, 0, INIT(1));
    end_link(&rig, 0);
    say(&rig, 1, INIT(1));
    assert_non_null(strstr(rig.given, "000000ab-2"));
    told(&rig, 1, "0");
    complete(&rig, 1, "0", true);
    told_complete(&rig, 1);
    say(&rig, 2, INIT(1));
    assert_non_null(strstr(rig.given, "000000ab-3"));
    told(&rig, 2, "0");
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_authority_hears),
        cmocka_unit_test(test_a_task_goes_back_to_those_that_wait),
        cmocka_unit_test(test_under_policies_without_an_authority),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_nonsense_of_a_client_that_is_in),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_client_ids),
        cmocka_unit_test(test_a_reason_is_cut),
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_what_git_prints),
        cmocka_unit_test(test_instances_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
