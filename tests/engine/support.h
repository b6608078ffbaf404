/* What the engine's tests share: a small policy of their own, and shorthand for events and answers.
 */
#ifndef TD_TESTS_ENGINE_SUPPORT_H
#define TD_TESTS_ENGINE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

/* Build what is ready, else fetch, else the universe, else wait: enough to see all that the view
 * offers. */
static inline struct td_choice test_choose(const struct td_view *view)
{
    td_step step = td_view_first_ready(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){.kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_READY};
    step = td_view_first_published(view);
    if (step != TD_NO_STEP)
        return (struct td_choice){
            .kind = TD_CHOOSE_STEP, .step = step, .reason = TD_REASON_PUBLISHED};
    if (td_view_holds_all(view))
        return (struct td_choice){
            .kind = TD_CHOOSE_UNIVERSE, .step = TD_UNIVERSE, .reason = TD_REASON_HOLDS_ALL};
    return (struct td_choice){
        .kind = TD_CHOOSE_WAIT, .step = TD_NO_STEP, .reason = TD_REASON_OTHERS_BUILD};
}

static const struct td_policy test_policy = {.abi = TD_POLICY_ABI,
                                             .name = "test",
                                             .summary = "for the engine's tests",
                                             .wake = TD_WAKE_FOR_USE,
                                             .choose = test_choose};

struct rig {
    struct td_engine *engine;
    struct td_commands commands;
    struct td_error error;
};

/* An engine with one schema: `steps` steps, and pairs {step, prerequisite} that end with {NONE,
 * NONE}. */
static inline void rig_open_with(struct rig *rig, const struct td_policy *policy,
                                 const struct td_engine_options *options, uint32_t steps,
                                 const uint32_t (*edges)[2])
{
    uint32_t *start = calloc(steps + (size_t)1, sizeof *start);
    uint32_t *after = calloc(steps * (size_t)steps + 1, sizeof *after), count = 0;
    assert_non_null(start);
    assert_non_null(after);
    for (uint32_t step = 0; step < steps; step++) {
        for (size_t i = 0; edges != NULL && edges[i][0] != TD_NO_STEP; i++)
            if (edges[i][0] == step) after[count++] = edges[i][1];
        start[step + 1] = count;
    }
    const struct td_schema_spec spec = {.step_count = steps, .after_start = start, .after = after};
    const struct td_event event = {.kind = TD_EVENT_SCHEMA, .schema = {.id = 0, .spec = &spec}};

    memset(rig, 0, sizeof *rig);
    rig->engine = td_engine_create(policy, options, &rig->error);
    assert_non_null(rig->engine);
    size_t applied = td_engine_apply(rig->engine, &event, 1, &rig->commands, &rig->error);
    free(start);
    free(after);
    assert_int_equal(applied, 1);
}

/* OBTAINED and the ASK that follows, the short ways. An order comes as a command, too. */
static inline bool rig_obtain_and_ask(struct rig *rig, const struct td_event *event)
{
    const struct td_next next =
        event->obtained.built || event->obtained.published
            ? td_engine_obtain_and_ask(rig->engine, event, &rig->commands, &rig->error)
            : td_engine_fetch_and_ask(rig->engine, event->at, event->peer, event->obtained.order,
                                      event->obtained.took, &rig->commands, &rig->error);
    if (next.step != TD_NO_STEP) /* there is room for it, too */
        rig->commands.items[rig->commands.count++] =
            (struct td_command){.kind = TD_COMMAND_ORDER,
                                .reason = (enum td_reason)next.reason,
                                .peer = event->peer,
                                .step = next.step,
                                .order = next.order,
                                .build = next.build};
    return !next.refused;
}

static inline void rig_open(struct rig *rig, const struct td_policy *policy, uint32_t steps,
                            const uint32_t (*edges)[2])
{
    const struct td_engine_options options = {.retries = UINT32_MAX};
    rig_open_with(rig, policy, &options, steps, edges);
}

static inline void rig_close(struct rig *rig)
{
    td_engine_destroy(rig->engine);
    td_commands_free(&rig->commands);
}

/* Applies one event; its commands are all that is left in rig->commands. */
static inline bool rig_try(struct rig *rig, struct td_event event)
{
    rig->commands.count = 0;
    return td_engine_apply(rig->engine, &event, 1, &rig->commands, &rig->error) == 1;
}

static inline void rig_do(struct rig *rig, struct td_event event)
{
    if (!rig_try(rig, event)) fail_msg("refused: %s", rig->error.text);
}

static inline void rig_join(struct rig *rig, td_peer peer)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_JOIN, .peer = peer});
}

static inline struct td_command rig_ask(struct rig *rig, td_peer peer)
{
    rig_do(rig, (struct td_event){.kind = TD_EVENT_ASK, .peer = peer});
    assert_int_equal(rig->commands.count, 1);
    assert_int_equal(rig->commands.items[0].peer, peer);
    return rig->commands.items[0];
}

static inline void rig_obtain(struct rig *rig, td_peer peer, td_order order, td_step step,
                              bool built)
{
    rig_do(rig,
           (struct td_event){
               .kind = TD_EVENT_OBTAINED,
               .peer = peer,
               .obtained = {.order = order, .step = step, .built = built, .published = built}});
}

static inline void rig_end(struct rig *rig, td_peer peer, td_order order, enum td_end end)
{
    rig_do(rig, (struct td_event){
                    .kind = TD_EVENT_ENDED, .peer = peer, .ended = {.order = order, .end = end}});
}

/* Asks, expects an order for `step`, and carries it out. */
static inline void rig_carry_out(struct rig *rig, td_peer peer, td_step step, bool build)
{
    struct td_command order = rig_ask(rig, peer);
    assert_int_equal(order.kind, TD_COMMAND_ORDER);
    assert_int_equal(order.step, step);
    assert_int_equal(order.build, build);
    if (step != TD_UNIVERSE) rig_obtain(rig, peer, order.order, step, build);
    rig_end(rig, peer, order.order, TD_END_OK);
}

/* True if the last event woke this peer. */
static inline bool rig_woke(const struct rig *rig, td_peer peer)
{
    for (size_t i = 0; i < rig->commands.count; i++)
        if (rig->commands.items[i].kind == TD_COMMAND_WAKE && rig->commands.items[i].peer == peer)
            return true;
    return false;
}

#endif
