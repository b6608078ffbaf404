/* The authority under peers that say anything at any time. The input is lines: the first character
 * says who acts, the rest is what it says.
 *     0 to 7  a connection, which says the rest
 *     a to h  a connection, which is lost
 *     +       time passes, as many milliseconds as the rest has characters */
#include "fuzz/fuzz.h"

#include "live/authority.h"
#include "policies/policies.h"

#include <stdlib.h>
#include <string.h>

#define LINKS 8u

static bool closed[LINKS];

static void on_send(void *context, uint32_t link, const struct td_message *message)
{
    struct td_buffer *text = context;
    TD_ASSERT(link < LINKS);
    text->length = 0;
    td_message_write(message, text);
}

static void on_close(void *context, uint32_t link)
{
    (void)context;
    closed[link] = true;
}

static bool on_vouch(void *context, uint32_t link, const struct td_hello *hello,
                     struct td_voucher *voucher, struct td_error *error)
{
    static const char *const owners[] = {"main", "forks"};
    (void)context;
    (void)hello;
    voucher->owner = owners[link / 4];
    voucher->read_only = link == 7;
    return link != 3 || td_error_set(error, TD_FAULT_INPUT, "nobody vouches for it");
}

static void say(struct td_authority *authority, uint32_t link, const char *text, td_time now)
{
    struct td_error error;
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL)
        td_authority_refuse(authority, link, "bad-message", error.text, now);
    else
        td_authority_receive(authority, link, message, now);
    td_message_destroy(message);
}

static void act(struct td_authority *authority, const char *line, td_time *now)
{
    bool says = line[0] >= '0' && line[0] <= '7', leaves = line[0] >= 'a' && line[0] <= 'h';
    uint32_t link = (uint32_t)(says ? line[0] - '0' : line[0] - 'a');
    if (says) say(authority, link, line + 1, *now);
    if (line[0] == '+') {
        *now += (td_time)strlen(line) * 1000000;
        td_authority_wake(authority, *now);
    }
    /* a shell tells of the end of each connection that it has closed */
    for (uint32_t i = 0; i < LINKS; i++)
        if (closed[i] || (leaves && i == link)) {
            closed[i] = false;
            td_authority_lose(authority, i, *now);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const policies[] = {"directed", "linear", "speculative", "weighing"};
    char *text = td_fuzz_text(bytes, length), *rest = NULL;
    struct td_buffer sent = {0};
    struct td_error error;
    td_time now = 0;
    const struct td_authority_options options = {
        .policy = td_policy_find(policies[length % (sizeof policies / sizeof *policies)]),
        .engine = {.retries = 1, .learn = true, .patience = 5000000},
        .grace = 10000000,
        .quotas = {.peers = 20, .schemas = 5, .steps = 1000, .places = 1000, .texts = 50}};
    const struct td_authority_outlet outlet = {
        .context = &sent, .send = on_send, .close = on_close, .vouch = on_vouch};
    struct td_authority *authority = td_authority_create(&options, &outlet, &error);
    TD_ASSERT(authority != NULL);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        act(authority, line, &now);
    TD_ASSERT(td_authority_fault(authority) == NULL);
    td_authority_destroy(authority);
    td_buffer_free(&sent);
    free(text);
    return 0;
}
