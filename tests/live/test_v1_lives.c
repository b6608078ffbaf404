/* Random lives of clients of v1 under all policies: they come, work, fail, talk nonsense and are
 * killed; then all are well, and each must come to an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policies/policies.h"
#include "tests/support/share.h"
#include "v1_rig.h"

#include <stdio.h>
#include <string.h>

#define CLIENTS 4u
#define SEEDS 300u
#define TEXT 512u

static uint64_t dice;

static unsigned roll(unsigned below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((dice >> 33) % below);
}

/* The task that the client was told last, 0 if none. Forgets it. */
static char take_task(struct rig *rig, uint32_t link)
{
    const char *at = strstr(rig->sent[link], "\"task_id\": \"");
    char task = at == NULL ? '\0' : at[strlen("\"task_id\": \"")];
    rig->sent[link][0] = '\0';
    return task;
}

static void say_complete(struct rig *rig, uint32_t link, char task, bool success, bool garbled)
{
    char text[TEXT];
    (void)snprintf(text, sizeof text,
                   "{\"message_type\": 3, \"schema_id\": \"s\", \"task_id\": \"%c\", "
                   "\"task_success\": %s}",
                   task, success ? "true" : "false");
    if (garbled) text[roll((unsigned)strlen(text))] = (char)roll(256);
    say_text(rig, link, text);
}

static void say_init(struct rig *rig, uint32_t link, bool garbled)
{
    char text[TEXT];
    (void)snprintf(
        text, sizeof text,
        "{\"message_type\": 1, \"repo_state\": {\"a\": {\"base_ref\": \"m\", \"patchset\": "
        "\"p%u\"}%s}, \"complex_patchset\": %s, \"cache_id\": \"1\", \"schema_id\": \"s\", "
        "\"total_tasks\": %u}",
        roll(3), roll(3) == 0 ? ", \"b\": {\"base_ref\": \"m\", \"patchset\": \"q\"}" : "",
        roll(10) == 0 ? "true" : "false", roll(20) == 0 ? 4u : 3u);
    if (garbled) text[roll((unsigned)strlen(text))] = (char)roll(256);
    say_text(rig, link, text);
}

/* One thing that happens to one client. */
static void live(struct rig *rig, uint32_t link)
{
    static const char *const ids[] = {"a", "b", "a#2"};
    rig->now += roll(3);
    wake(rig);
    if (!td_v1_has(rig->v1, link)) {
        open_link(rig, link, ids[roll(3)]);
    } else if (rig->closed[link] || roll(25) == 0) {
        end_link(rig, link);
    } else if (!td_v1_is_in(rig->v1, link)) {
        say_init(rig, link, roll(15) == 0);
    } else {
        char task = take_task(rig, link);
        if (task != '\0') say_complete(rig, link, task, roll(6) > 0, roll(15) == 0);
    }
}

/* Until nobody is told anything any more, be it after a while. */
static void live_well(struct rig *rig)
{
    for (unsigned quiet = 0; quiet < 2; quiet++) {
        for (uint32_t link = 0; link < CLIENTS; link++) {
            if (!td_v1_has(rig->v1, link) || !td_v1_is_in(rig->v1, link)) continue;
            char task = take_task(rig, link);
            if (task == '\0') continue;
            rig->now++;
            say_complete(rig, link, task, true, false);
            quiet = 0;
        }
        td_time due = td_authority_due(rig->authority);
        if (due < TD_TIME_MAX && due > rig->now) rig->now = due;
        wake(rig);
    }
}

static void test_everybody_comes_to_an_end(void **state)
{
    (void)state;
    static struct rig rig;
    for (unsigned seed = 0; seed < share_of(SEEDS); seed++) {
        for (size_t i = 0; td_policy_at(i) != NULL; i++) {
            const char *policy = td_policy_at(i)->name;
            if ((td_policy_at(i)->needs & TD_NEEDS_LOTS) != 0) continue; /* not live */
            dice = seed * 7919 + 13;
            rig_open(&rig, policy);
            for (unsigned step = 0; step < 120; step++) {
                live(&rig, roll(CLIENTS));
                rig.given[0] = '\0';
            }
            live_well(&rig);
            for (uint32_t link = 0; link < CLIENTS; link++)
                if (td_v1_has(rig.v1, link) && td_v1_is_in(rig.v1, link))
                    fail_msg("seed %u, %s: client %u is stuck", seed, policy, link);
            rig_close(&rig);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
