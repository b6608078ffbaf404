/* Whose the peers are: vouchers, names that belong to a token, and what the peers of one owner may
 * have kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/authority.h"
#include "policies/policies.h"

#include <stdio.h>
#include <string.h>

#define LINKS 32u

static struct {
    struct td_authority *authority;
    const char *owners[LINKS]; /* of what stands behind a link; NULL: it may not join */
    bool read_only;
    struct td_engine *mirror; /* NULL, or it hears what the authority's engine does */
    char sent[LINKS][4096];
    bool closed[LINKS];
    td_time now;
} rig;

static void keep_sent(void *context, uint32_t link, const struct td_message *message)
{
    struct td_buffer text = {0};
    (void)context;
    td_message_write(message, &text);
    (void)snprintf(rig.sent[link], sizeof rig.sent[link], "%.*s", (int)text.length, text.bytes);
    td_buffer_free(&text);
}

static void keep_closed(void *context, uint32_t link)
{
    (void)context;
    rig.closed[link] = true;
}

static bool vouch(void *context, uint32_t link, const struct td_hello *hello,
                  struct td_voucher *voucher, struct td_error *error)
{
    (void)context;
    voucher->owner = rig.owners[link];
    voucher->read_only = rig.read_only;
    return rig.owners[link] != NULL ||
           td_error_set(error, TD_FAULT_INPUT, "%s may not join", hello->peer);
}

static void hear_event(void *context, const struct td_event *event)
{
    struct td_commands commands = {0};
    struct td_error error;
    (void)context;
    if (rig.mirror == NULL) return;
    if (td_engine_apply(rig.mirror, event, 1, &commands, &error) != 1) fail_msg("%s", error.text);
    td_commands_free(&commands);
}

static void open_rig(const struct td_quotas *quotas)
{
    struct td_error error;
    memset(&rig, 0, sizeof rig);
    const struct td_authority_options options = {.policy = td_policy_find("directed"),
                                                 .engine = {.retries = 1, .patience = -1},
                                                 .grace = 100,
                                                 .quotas = *quotas};
    const struct td_authority_outlet outlet = {
        .send = keep_sent, .close = keep_closed, .vouch = vouch, .event = hear_event};
    rig.authority = td_authority_create(&options, &outlet, &error);
    assert_non_null(rig.authority);
}

/* A link says hello, in JSON with ' for ", and hears this. */
static void hello(uint32_t link, const char *owner, const char *members, const char *heard)
{
    char text[2048];
    struct td_error error;
    rig.owners[link] = owner;
    (void)snprintf(text, sizeof text, "{'type': 'hello', %s}", members);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'') *at = '"';
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL) fail_msg("%s: %s", text, error.text);
    rig.sent[link][0] = '\0';
    rig.closed[link] = false;
    td_authority_receive(rig.authority, link, message, rig.now);
    td_message_destroy(message);
    if (strstr(rig.sent[link], heard) == NULL) fail_msg("no %s: %s", heard, rig.sent[link]);
    assert_int_equal(rig.closed[link], strstr(heard, "error") != NULL);
}

static void leave(uint32_t link)
{
    const struct td_message bye = {.kind = TD_MESSAGE_BYE};
    td_authority_receive(rig.authority, link, &bye, rig.now);
}

#define SCHEMA(id)                                                                                 \
    "'schema': {'id': '" id "', 'universe': '//...', 'steps': {'a': '//a', 'b': '//b'}}"

static void a_name_is_anothers(void **state)
{
    const struct td_quotas none = {0};
    (void)state;
    open_rig(&none);
    hello(0, NULL, "'peer': 'p', " SCHEMA("s"), "{\"type\": \"error\", \"code\": \"not-allowed\"");
    hello(0, "main", "'peer': 'p', " SCHEMA("s"), "\"order\": \"1\"");
    hello(1, "other", "'peer': 'p', " SCHEMA("s"), "\"error\", \"code\": \"name-taken\"");
    hello(2, "main", "'peer': 'p', " SCHEMA("s"), "\"error\", \"code\": \"name-taken\"");
    td_authority_lose(rig.authority, 0, rig.now);
    hello(1, "other", "'peer': 'p', " SCHEMA("s") ", 'resume': '1'",
          "\"error\", \"code\": \"name-taken\"");
    hello(1, "main", "'peer': 'p', " SCHEMA("s") ", 'resume': '1'", "\"resumed\": true");
    leave(1);
    hello(1, "other", "'peer': 'p', " SCHEMA("s"), "\"order\": \"2\"");
    td_authority_destroy(rig.authority);
}

static void who_is_given_up_owns_nothing(void **state)
{
    const struct td_quotas none = {0};
    (void)state;
    open_rig(&none);
    hello(0, "main", "'peer': 'p', " SCHEMA("s"), "\"order\": \"1\"");
    td_authority_lose(rig.authority, 0, rig.now);
    rig.now = 100;
    td_authority_wake(rig.authority, rig.now);
    hello(0, "other", "'peer': 'p', " SCHEMA("s") ", 'resume': '1'", "\"order\": \"2\"");
    td_authority_destroy(rig.authority);
}

#define TOO_MUCH "\"error\", \"code\": \"too-much\""

static void schemas_are_limited(void **state)
{
    const struct td_quotas quotas = {.schemas = 2};
    (void)state;
    open_rig(&quotas);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("2"), "\"order\"");
    hello(2, "main", "'peer': 'c', " SCHEMA("3"), TOO_MUCH);
    hello(3, "main", "'peer': 'd', " SCHEMA("2"), "\"order\""); /* it is known */
    hello(4, "other", "'peer': 'e', " SCHEMA("3"), "\"order\"");
    hello(5, "main", "'peer': 'f', 'schema': '3'", "\"order\"");
    td_authority_destroy(rig.authority);
}

static void steps_and_places_are_limited(void **state)
{
    struct td_quotas quotas = {.steps = 3};
    (void)state;
    open_rig(&quotas);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("2"), TOO_MUCH);
    td_authority_destroy(rig.authority);

    quotas = (struct td_quotas){.places = 5};
    open_rig(&quotas);
    hello(0, "main", "'peer': 'a', 'cache': 'x', " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', 'cache': 'y', " SCHEMA("1"), "\"order\"");
    hello(2, "main", "'peer': 'c', 'cache': 'z', " SCHEMA("1"), TOO_MUCH);
    hello(3, "main", "'peer': 'd', 'cache': 'x', " SCHEMA("1"), "\"order\"");
    hello(4, "other", "'peer': 'e', 'cache': 'z', " SCHEMA("1"), "\"order\"");
    td_authority_destroy(rig.authority);
}

static void names_and_digests_are_limited(void **state)
{
    struct td_quotas quotas = {.peers = 2};
    (void)state;
    open_rig(&quotas);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("1"), "\"order\"");
    hello(2, "main", "'peer': 'c', " SCHEMA("1"), TOO_MUCH);
    leave(0);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"type\"");
    td_authority_destroy(rig.authority);

    quotas = (struct td_quotas){.texts = 2};
    open_rig(&quotas);
    hello(0, "main", "'peer': 'a', 'digests': {'a': '1', 'b': '2'}, " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', 'digests': {'a': '2', 'b': '1'}, " SCHEMA("1"), "\"type\"");
    hello(2, "main", "'peer': 'c', 'digests': {'a': '3'}, " SCHEMA("1"), TOO_MUCH);
    td_authority_destroy(rig.authority);
}

/* Also those without a connection are here. */
static void who_is_here_is_limited(void **state)
{
    const struct td_quotas quotas = {.present = 5};
    (void)state;
    open_rig(&quotas);
#define TRY_LATER "\"error\", \"code\": \"try-later\""
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("1"), "\"type\"");
    hello(2, "main", "'peer': 'c', " SCHEMA("1"), TRY_LATER);
    hello(3, "other", "'peer': 'd', " SCHEMA("1"), "\"type\"");
    for (int i = 0; i < 5; i++) {
        td_authority_lose(rig.authority, 1, rig.now);
        hello(2, "main", "'peer': 'c', " SCHEMA("1"), TRY_LATER);
        hello(1, "main", "'peer': 'b', " SCHEMA("1"), "\"type\""); /* it begins anew */
    }
    leave(0);
    hello(2, "main", "'peer': 'c', " SCHEMA("1"), "\"type\"");
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), TRY_LATER);
    td_authority_lose(rig.authority, 2, rig.now);
    rig.now += 100;
    td_authority_wake(rig.authority, rig.now);
    /* it has all, and is done */
    hello(0, "main", "'peer': 'a', 'holds': ['a', 'b'], " SCHEMA("1"), "\"holds-all\"");
    const struct td_message end = {.kind = TD_MESSAGE_ENDED,
                                   .order = td_authority_last_order(rig.authority)};
    td_authority_receive(rig.authority, 0, &end, rig.now);
    assert_true(rig.closed[0]);
    hello(2, "main", "'peer': 'c', " SCHEMA("1"), "\"type\"");
    hello(4, "main", "'peer': 'e', " SCHEMA("1"), TRY_LATER);
    td_authority_destroy(rig.authority);
}

/* Who is here gives back what it has when it begins anew, and no more than that. */
static void who_grows_is_limited(void **state)
{
    static const char small[] =
        "'peer': 'a', 'schema': {'id': 'small', 'universe': '//...', 'steps': {'a': '//a'}}";
    const struct td_quotas quotas = {.present = 3};
    (void)state;
    open_rig(&quotas);
    hello(0, "main", small, "\"order\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("1"), "\"type\"");
    td_authority_lose(rig.authority, 0, rig.now);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), TRY_LATER);
    hello(0, "main", small, "\"type\""); /* it is here still */
    td_authority_lose(rig.authority, 0, rig.now);
    leave(1);
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"type\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("1"), TRY_LATER);
    td_authority_lose(rig.authority, 0, rig.now);
    hello(0, "main", small, "\"type\"");
    hello(1, "main", "'peer': 'b', " SCHEMA("1"), "\"type\"");
    td_authority_destroy(rig.authority);
}

/* The universe of a peer whose token may not publish any more, since it was lost, is no other's. */
static void a_rest_that_may_not_be_published(void **state)
{
    const struct td_quotas none = {0};
    const struct td_engine_options options = {.retries = 1, .patience = -1};
    (void)state;
    for (int fewer = 0; fewer < 2; fewer++) {
        struct td_error error;
        open_rig(&none);
        rig.mirror = td_engine_create(td_policy_find("directed"), &options, &error);
        assert_non_null(rig.mirror);
        hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\": \"1\"");
        for (td_order order = 1; order < 3; order++) {
            const struct td_message built = {
                .kind = TD_MESSAGE_OBTAINED,
                .order = order,
                .step = strstr(rig.sent[0], "\"step\": \"a\"") != NULL ? "a" : "b",
                .obtained = {.built = true, .published = true, .last = true, .parts = 1}};
            td_authority_receive(rig.authority, 0, &built, rig.now);
        }
        assert_non_null(strstr(rig.sent[0], "\"holds-all\""));
        td_authority_lose(rig.authority, 0, rig.now);
        rig.read_only = fewer != 0;
        hello(0, "main", "'peer': 'a', 'schema': '1', 'resume': '3'", "\"resumed\": true");
        const struct td_message end = {.kind = TD_MESSAGE_ENDED, .order = 3};
        td_authority_receive(rig.authority, 0, &end, rig.now);
        assert_non_null(strstr(rig.sent[0], "\"outcome\": \"ok\", \"reason\": \"complete\""));
        assert_true(rig.closed[0]);
        assert_int_equal(td_authority_present(rig.authority), 0);
        assert_int_equal(td_authority_metrics(rig.authority)->completed, 1);
        const struct td_identity identity = {0};
        assert_int_equal(td_engine_knows_published(rig.mirror, &identity, TD_UNIVERSE, 0),
                         fewer == 0);
        td_engine_destroy(rig.mirror);
        td_authority_destroy(rig.authority);
    }
}

/* Who is refused for another reason has used nothing. */
static void what_is_refused_costs_nothing(void **state)
{
    const struct td_quotas quotas = {.schemas = 1, .peers = 1};
    (void)state;
    open_rig(&quotas);
    for (int i = 0; i < 5; i++)
        hello(0, "main",
              "'peer': 'a', 'schema': {'id': 'round', 'universe': '//...', 'steps': {'a': "
              "{'targets': '//a', 'after': ['b']}, 'b': {'targets': '//b', 'after': ['a']}}}",
              "\"error\", \"code\": \"bad-message\"");
    hello(0, "main", "'peer': 'a', " SCHEMA("1"), "\"order\"");
    td_authority_destroy(rig.authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_anothers),
        cmocka_unit_test(who_is_given_up_owns_nothing),
        cmocka_unit_test(schemas_are_limited),
        cmocka_unit_test(steps_and_places_are_limited),
        cmocka_unit_test(names_and_digests_are_limited),
        cmocka_unit_test(who_is_here_is_limited),
        cmocka_unit_test(who_grows_is_limited),
        cmocka_unit_test(a_rest_that_may_not_be_published),
        cmocka_unit_test(what_is_refused_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
