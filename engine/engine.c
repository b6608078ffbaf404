/* The engine's way in: events are checked, applied, answered. See engine/engine.h. */
#include "engine/engine_internal.h"

/* Room for what so many events can cause: every peer may be woken or aborted once, and for each
 * event there is one answer, and one peer that waits by then and is woken, too. */
static inline bool commands_reserve(const struct td_engine *engine, size_t events,
                                    struct td_commands *commands)
{
    size_t need = commands->count + engine->peer_count + 2 * events;
    if (__builtin_expect(need <= commands->capacity, 1)) return true;
    struct td_command *items = realloc(commands->items, (need + 16) * sizeof *items);
    if (items == NULL) return false;
    commands->items = items;
    commands->capacity = need + 16;
    return true;
}

bool td_refuse_peer(const struct td_engine *engine, td_peer peer, const char *what,
                    struct td_error *error)
{
    static const char *const names[] = {"not here", "free", "waiting", "at work on an order"};
    unsigned state =
        peer < engine->peer_count ? peer_at(engine, peer)->state : (unsigned)PEER_ABSENT;
    return td_error_set(error, TD_FAULT_INPUT, "peer %u cannot %s: it is %s", peer, what,
                        names[state]);
}

/* The peer at work on an order, or NULL with a sentence. */
static inline struct peer *peer_with(const struct td_engine *engine, td_peer peer, td_order order,
                                     struct td_error *error)
{
    if (!peer_is(engine, peer, 1u << PEER_ORDERED, "report on an order", error)) return NULL;
    struct peer *who = peer_at(engine, peer);
    if (__builtin_expect(who->order == order, 1)) return who;
    td_error_set(error, TD_FAULT_INPUT, "peer %u reports on order %llu, but works on %llu", peer,
                 (unsigned long long)order, (unsigned long long)who->order);
    return NULL;
}

static struct cohort *cohort_of(const struct td_engine *engine, td_peer peer)
{
    return &engine->cohorts[peer_at(engine, peer)->cohort];
}

static bool apply_schema(struct td_engine *engine, const struct td_event *event,
                         struct td_error *error)
{
    if (event->schema.id != engine->schema_count)
        return td_error_set(error, TD_FAULT_INPUT, "schema %u is opened out of turn: %u is next",
                            event->schema.id, engine->schema_count);
    if (!td_reserve(&engine->schemas, &engine->schema_capacity, engine->schema_count + 1,
                    sizeof(struct schema *)))
        return td_error_memory(error, "a schema");
    struct schema *schema = malloc(sizeof *schema);
    if (schema == NULL) return td_error_memory(error, "a schema");
    if (!td_schema_open(schema, event->schema.spec, error)) {
        free(schema);
        return false;
    }
    if (!td_peers_reserve(engine, 0, schema->words)) {
        td_schema_close(schema);
        free(schema);
        return td_error_memory(error, "a schema");
    }
    engine->schemas[engine->schema_count++] = schema;
    return true;
}

/* The peer holds what is not published, or may come to: it sees the steps with other eyes than the
 * rest of the cohort. It must not be waiting: a stale strain wakes nobody. */
static bool see_alone(struct td_engine *engine, td_peer peer, struct td_error *error)
{
    struct peer *who = peer_at(engine, peer);
    TD_ASSERT(who->state != PEER_WAITING);
    if (who->strain == engine->cohorts[who->cohort].strain) {
        uint32_t strain = td_strain_open(engine, who->cohort, error);
        if (strain == NONE) return false;
        who->strain = strain;
    }
    engine->strains[who->strain].holder = peer;
    engine->strains[who->strain].stale = true;
    return true;
}

/* The same, if what it is about to hold is not published. */
static bool hold_alone(struct td_engine *engine, td_peer peer, uint32_t position,
                       struct td_error *error)
{
    const struct peer *who = peer_at(engine, peer);
    const struct strain *strain = &engine->strains[who->strain];
    const struct cohort *cohort = &engine->cohorts[who->cohort];
    return cohort->artifacts[td_strain_artifact(strain, position)].published ||
           see_alone(engine, peer, error);
}

static bool apply_join(struct td_engine *engine, const struct td_event *event,
                       struct td_error *error)
{
    if (event->peer >= TD_ENGINE_MAX_PEERS)
        return td_error_set(error, TD_FAULT_INPUT, "peer %u is beyond the limit of %u peers",
                            event->peer, TD_ENGINE_MAX_PEERS);
    if (!peer_is(engine, event->peer, 1u << PEER_ABSENT, "join", error)) return false;
    if (!td_peers_reserve(engine, event->peer + 1, 0)) return td_error_memory(error, "a peer");
    uint32_t cohort = td_cohort_open(engine, &event->join.identity, error);
    if (cohort == NONE) return false;
    if (engine->cohorts[cohort].priority == NULL && !td_cohort_start(engine, cohort, error))
        return false;
    if ((engine->policy->needs & TD_NEEDS_TIMES) != 0 && !td_history_join(engine, event))
        return td_error_memory(error, "a peer's history");

    if (event->peer >= engine->peer_count) engine->peer_count = event->peer + 1;
    struct cohort *home = &engine->cohorts[cohort];
    struct peer *who = peer_at(engine, event->peer);
    uint32_t steps = home->schema->steps, words = home->schema->words;
    if (!event->join.again) td_flaky_forget(&engine->flaky, event->peer);
    *who = (struct peer){.cohort = cohort,
                         .strain = home->strain,
                         .state = PEER_FREE,
                         .since = event->join.since,
                         .ticket = event->join.ticket,
                         .read_only = event->join.read_only};
    who->held[0] = 0; /* and most of the time that is all */
    if (words > 1) memset(who->held + 1, 0, (words - 1) * sizeof(uint64_t));
    if (steps % 64 != 0) who->held[words - 1] = ~UINT64_C(0) << (steps % 64);
    td_line_enter(engine, home, event->peer);
    if (!event->join.read_only) return true;
    if (see_alone(engine, event->peer, error)) return true; /* what it builds, only it holds */
    td_line_leave(engine, home, event->peer);
    who->state = PEER_ABSENT;
    return false;
}

/* It is held, and what follows from that where holding counts as much as a publication. */
static inline void obtain(struct td_engine *engine, struct peer *who, const struct cohort *cohort,
                          uint32_t position)
{
    hold(who, cohort->schema, position);
    struct strain *strain = &engine->strains[who->strain];
    if (__builtin_expect(strain->holder != TD_NO_PEER, 0) && !strain->stale)
        td_strain_refresh_after(engine, strain, position);
}

static bool apply_holds(struct td_engine *engine, const struct td_event *event,
                        struct td_error *error)
{
    if (!peer_is(engine, event->peer, 1u << PEER_FREE, "hold something from before", error))
        return false;
    const struct cohort *cohort = cohort_of(engine, event->peer);
    if (!step_is(cohort->schema, event->holds.step, error)) return false;
    struct peer *who = peer_at(engine, event->peer);
    uint32_t position = cohort->priority->position[event->holds.step];
    if (!hold_alone(engine, event->peer, position, error)) return false;
    obtain(engine, who, cohort, position);
    return true;
}

/* What the peer was ordered is not being built by it any more. */
__attribute__((noinline)) static void give_up(struct td_engine *engine, struct peer *who,
                                              struct td_commands *commands)
{
    struct cohort *cohort = &engine->cohorts[who->cohort];
    uint32_t position = cohort->priority->position[who->order_step];
    who->building = false;
    td_artifact_give_up(engine, cohort, td_strain_artifact(&engine->strains[who->strain], position),
                        commands);
}

static inline void stop_building(struct td_engine *engine, struct peer *who,
                                 struct td_commands *commands)
{
    if (who->building) give_up(engine, who, commands);
}

/* An order has ended or a peer is gone: whom that concerns, apart from what is published or given
 * up with it. */
static inline void wake_for_turn(struct td_engine *engine, const struct cohort *cohort,
                                 struct td_commands *commands)
{
    if (__builtin_expect(engine->waiting_count == 0, 1)) return;
    enum td_wake wake = engine->policy->wake;
    td_peer first = cohort->line_first;
    if (wake == TD_WAKE_ALL)
        td_wake_cohort(engine, cohort, commands);
    else if (wake == TD_WAKE_IN_TURN && first != TD_NO_PEER &&
             peer_at(engine, first)->state == PEER_WAITING)
        td_wake_peer(engine, first, commands);
}

/* The peer is not present any more. */
static void depart(struct td_engine *engine, td_peer peer, struct td_commands *commands)
{
    struct peer *who = peer_at(engine, peer);
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (who->state == PEER_WAITING) td_wait_leave(engine, peer);
    stop_building(engine, who, commands);
    td_line_leave(engine, cohort, peer);
    cohort->at_work -= who->state == PEER_ORDERED;
    who->state = PEER_ABSENT;
    if (who->strain != cohort->strain) td_strain_close(engine, who->strain);
    wake_for_turn(engine, cohort, commands);
}

/* The peer is done, well or not. */
static void finish(struct td_engine *engine, td_peer peer, enum td_reason reason, bool failed,
                   struct td_commands *commands)
{
    commands->items[commands->count++] = (struct td_command){.kind = TD_COMMAND_DONE,
                                                             .reason = reason,
                                                             .peer = peer,
                                                             .step = TD_NO_STEP,
                                                             .failed = failed};
    depart(engine, peer, commands);
}

static const struct td_next no_order = {.step = TD_NO_STEP};
static const struct td_next refused = {.step = TD_NO_STEP, .refused = true};

static struct td_next refuse_choice(const struct td_engine *engine, td_peer peer, td_step step,
                                    struct td_error *error)
{
    const struct cohort *cohort = cohort_of(engine, peer);
    if (step >= cohort->schema->steps)
        td_error_set(error, TD_FAULT_RUN,
                     "policy %s orders step %u of a schema of %u steps: mend the policy",
                     engine->policy->name, step, cohort->schema->steps);
    else
        td_error_set(error, TD_FAULT_RUN,
                     "policy %s orders step %u, which peer %u holds: mend the policy",
                     engine->policy->name, step, peer);
    return refused;
}

/* The order that the policy chose for the asking peer; refuses nonsense in the policy's name. */
__attribute__((always_inline)) static inline struct td_next
give_order(struct td_engine *engine, td_time at, td_peer peer, struct peer *who,
           struct cohort *cohort, const struct strain *strain, struct td_choice choice,
           struct td_error *error)
{
    struct td_next next = {.step = TD_UNIVERSE, .reason = choice.reason};
    uint32_t artifact = NONE;
    bool build = false;

    if (choice.kind == TD_CHOOSE_STEP) {
        next.step = choice.step;
        if (next.step >= cohort->schema->steps)
            return refuse_choice(engine, peer, next.step, error);
        uint32_t position = cohort->priority->position[next.step];
        if (bit_get(who->held, position)) return refuse_choice(engine, peer, next.step, error);
        artifact = td_strain_artifact(strain, position);
        next.build = !cohort->artifacts[artifact].published;
        build = next.build && !who->read_only; /* a reader's build counts as built by nobody */
    }
    if (who->state == PEER_WAITING) td_wait_leave(engine, peer);
    next.order = who->order = ++engine->last_order;
    who->order_step = next.step;
    who->state = PEER_ORDERED;
    cohort->at_work++;
    who->building = build;
    if (build) td_artifact_begin(engine, cohort, artifact);
    if (engine->histories != NULL) td_history_order(engine, peer, at);
    return next;
}

/* An answer as a command, if it is an order; false if it is refused. */
static inline bool put_order(td_peer peer, struct td_next next, struct td_commands *commands)
{
    if (next.step == TD_NO_STEP) return !next.refused;
    /* field by field: gcc would clear all of it first */
    struct td_command *command = &commands->items[commands->count++];
    command->kind = TD_COMMAND_ORDER;
    command->reason = (enum td_reason)next.reason;
    command->peer = peer;
    command->step = next.step;
    command->order = next.order;
    command->build = next.build;
    command->failed = false;
    return true;
}

/* The policy lets the peer wait. A wait that nothing may end before TD_TIME_MAX has no end. */
static bool wait(struct td_engine *engine, td_time at, td_peer peer, struct td_choice choice,
                 struct td_commands *commands, struct td_error *error)
{
    if (choice.until != 0 && choice.until <= at)
        return td_error_set(error, TD_FAULT_RUN,
                            "policy %s lets peer %u wait until %lld ns, which is not after %lld: "
                            "mend the policy",
                            engine->policy->name, peer, (long long)choice.until, (long long)at);
    if (peer_at(engine, peer)->state == PEER_FREE) td_wait_enter(engine, peer);
    commands->items[commands->count++] =
        (struct td_command){.kind = TD_COMMAND_WAIT,
                            .reason = choice.reason,
                            .peer = peer,
                            .step = TD_NO_STEP,
                            .until = choice.until < TD_TIME_MAX ? choice.until : 0};
    return true;
}

static bool apply_adopt(struct td_engine *engine, const struct td_event *event,
                        struct td_commands *commands, struct td_error *error)
{
    if (!peer_is(engine, event->peer, 1u << PEER_FREE, "bring an order along", error)) return false;
    struct peer *who = peer_at(engine, event->peer);
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!step_is(cohort->schema, event->holds.step, error)) return false;
    if (bit_get(who->held, cohort->priority->position[event->holds.step]))
        return td_error_set(error, TD_FAULT_INPUT, "peer %u builds step %u, which it holds",
                            event->peer, event->holds.step);
    struct strain *strain = &engine->strains[who->strain];
    if (strain->stale) td_strain_settle(engine, strain);
    const struct td_choice choice = {
        .kind = TD_CHOOSE_STEP, .step = event->holds.step, .reason = TD_REASON_ADOPTED};
    return put_order(event->peer,
                     give_order(engine, event->at, event->peer, who, cohort, strain, choice, error),
                     commands);
}

/* What a policy sees of a peer that asks. */
static inline struct td_view view_of(struct td_engine *engine, td_time at, td_peer peer,
                                     const struct peer *who, const struct cohort *cohort)
{
    struct strain *strain = &engine->strains[who->strain];
    if (__builtin_expect(strain->stale, 0)) td_strain_settle(engine, strain);
    return (struct td_view){
        .engine = engine, .cohort = cohort, .who = who, .strain = strain, .now = at, .peer = peer};
}

/* The policy's answer, if it is no order. */
__attribute__((noinline)) static bool give_none(struct td_engine *engine,
                                                const struct td_view *view, struct td_choice choice,
                                                struct td_commands *commands,
                                                struct td_error *error)
{
    if (choice.kind == TD_CHOOSE_WAIT)
        return wait(engine, view->now, view->peer, choice, commands, error);
    if (choice.kind == TD_CHOOSE_GIVE_UP) {
        if (td_view_holds_all(view) || td_view_first_hopeful(view) != TD_NO_STEP)
            return td_error_set(error, TD_FAULT_RUN,
                                "policy %s gives peer %u up, which can still get what it lacks: "
                                "mend the policy",
                                engine->policy->name, view->peer);
        finish(engine, view->peer, choice.reason, true, commands);
        return true;
    }
    return td_error_set(error, TD_FAULT_RUN,
                        "policy %s answers with a choice of kind %d, which there is not: mend "
                        "the policy",
                        engine->policy->name, (int)choice.kind);
}

/* The policy's answer to a peer that may ask: an order, or a command. */
__attribute__((always_inline)) static inline struct td_next
answer_ask(struct td_engine *engine, td_time at, td_peer peer, struct peer *who,
           struct cohort *cohort, struct td_commands *commands, struct td_error *error)
{
    const struct td_view view = view_of(engine, at, peer, who, cohort);
    struct td_choice choice = engine->policy->choose(&view);
    if (__builtin_expect(choice.kind == TD_CHOOSE_STEP || choice.kind == TD_CHOOSE_UNIVERSE, 1))
        return give_order(engine, at, peer, who, cohort, view.strain, choice, error);
    return give_none(engine, &view, choice, commands, error) ? no_order : refused;
}

/* The peer that asks, or NULL with a sentence if it may not. */
static inline struct peer *asking(const struct td_engine *engine, td_peer peer,
                                  struct td_error *error)
{
    if (!peer_is(engine, peer, 1u << PEER_FREE | 1u << PEER_WAITING, "ask", error)) return NULL;
    return peer_at(engine, peer);
}

/* The order is over, and the peer is free. */
static inline void end_order(struct td_engine *engine, td_time at, td_peer peer, struct peer *who,
                             struct cohort *cohort, struct td_commands *commands)
{
    if (engine->histories != NULL) td_history_free(engine, peer, at);
    who->order = 0;
    who->state = PEER_FREE;
    cohort->at_work--;
    wake_for_turn(engine, cohort, commands);
}

/* What several were ordered to build is published: the others need not go on, if the policy thinks
 * so. */
__attribute__((noinline)) static void abort_others(const struct td_engine *engine,
                                                   const struct cohort *cohort, uint32_t artifact,
                                                   const struct td_event *event,
                                                   struct td_commands *commands)
{
    if (cohort->artifacts[artifact].builders < 2) return;
    for (td_peer peer = cohort->line_first; peer != TD_NO_PEER;
         peer = peer_at(engine, peer)->line_next) {
        const struct peer *who = peer_at(engine, peer);
        const struct strain *strain = &engine->strains[who->strain];
        if (peer == event->peer || !who->building ||
            td_strain_artifact(strain, cohort->priority->position[who->order_step]) != artifact)
            continue;
        const struct td_view view = {.engine = engine,
                                     .cohort = cohort,
                                     .who = who,
                                     .strain = strain,
                                     .peer = peer,
                                     .now = event->at};
        if (!engine->policy->gives_way(&view)) continue;
        commands->items[commands->count++] = (struct td_command){.kind = TD_COMMAND_ABORT,
                                                                 .reason = TD_REASON_SUPERSEDED,
                                                                 .peer = peer,
                                                                 .step = who->order_step,
                                                                 .order = who->order};
    }
}

/* A build has ended well: it may be published, and what was ordered is not being built by this peer
 * any more. */
__attribute__((noinline)) static void end_build(struct td_engine *engine,
                                                const struct td_event *event, struct peer *who,
                                                struct cohort *cohort, uint32_t position,
                                                struct td_commands *commands)
{
    uint32_t artifact = td_strain_artifact(&engine->strains[who->strain], position);
    if (event->obtained.published) {
        if (engine->policy->gives_way != NULL && !cohort->artifacts[artifact].published)
            abort_others(engine, cohort, artifact, event, commands);
        td_artifact_publish(engine, cohort, artifact, commands);
        if (engine->policy->wake == TD_WAKE_ALL) td_wake_cohort(engine, cohort, commands);
    }
    if (who->building && event->obtained.step == who->order_step) {
        who->building = false;
        td_artifact_give_up(engine, cohort, artifact, commands);
    }
}

static inline bool takes_time(td_peer peer, td_step step, td_time took, struct td_error *error)
{
    if (__builtin_expect(took >= 0, 1)) return true;
    return td_error_set(error, TD_FAULT_INPUT, "peer %u obtains step %u in less than no time", peer,
                        step);
}

/* A result within the peer's order, and perhaps the end of that. */
__attribute__((always_inline)) static inline bool
obtained(struct td_engine *engine, const struct td_event *event, struct peer *who,
         struct cohort *cohort, bool last, struct td_commands *commands, struct td_error *error)
{
    td_step step = event->obtained.step;
    if (!step_is(cohort->schema, step, error)) return false;
    if (!takes_time(event->peer, step, event->obtained.took, error)) return false;
    if (last && step != who->order_step)
        return td_error_set(error, TD_FAULT_INPUT, "peer %u ends an order for step %u with step %u",
                            event->peer, who->order_step, step);

    uint32_t position = cohort->priority->position[step];
    if (event->obtained.built && !event->obtained.published &&
        !hold_alone(engine, event->peer, position, error))
        return false;
    obtain(engine, who, cohort, position);
    if (event->obtained.built || event->obtained.published)
        end_build(engine, event, who, cohort, position, commands);
    else if (last || step == who->order_step)
        stop_building(engine, who, commands);
    if (engine->histories != NULL) td_history_obtain(engine, event);
    if (event->obtained.whole && cohort->learns &&
        td_learning_observe(engine, cohort, step, event->obtained.took))
        td_wake_cohort(engine, cohort, commands);
    if (last) end_order(engine, event->at, event->peer, who, cohort, commands);
    return true;
}

/* The same for the fetch of what was ordered. */
__attribute__((always_inline)) static inline bool
fetched(struct td_engine *engine, td_time at, td_peer peer, struct peer *who, struct cohort *cohort,
        td_time took, struct td_commands *commands, struct td_error *error)
{
    td_step step = who->order_step;
    if (!step_is(cohort->schema, step, error) || !takes_time(peer, step, took, error)) return false;
    obtain(engine, who, cohort, cohort->priority->position[step]);
    stop_building(engine, who, commands);
    if (engine->histories != NULL) {
        const struct td_event event = {.kind = TD_EVENT_OBTAINED,
                                       .at = at,
                                       .peer = peer,
                                       .obtained = {.step = step, .took = took}};
        td_history_obtain(engine, &event);
    }
    end_order(engine, at, peer, who, cohort, commands);
    return true;
}

static bool apply_lost(struct td_engine *engine, const struct td_event *event,
                       struct td_commands *commands, struct td_error *error)
{
    if (!peer_is(engine, event->peer, 1u << PEER_ORDERED, "miss a result", error)) return false;
    struct cohort *cohort = cohort_of(engine, event->peer);
    if (!step_is(cohort->schema, event->holds.step, error)) return false;
    uint32_t position = cohort->priority->position[event->holds.step];
    uint32_t lost =
        td_strain_artifact(&engine->strains[peer_at(engine, event->peer)->strain], position);
    if (!cohort->artifacts[lost].published) return true;
    td_wake_cohort(engine, cohort, commands);
    for (td_peer peer = cohort->line_first; peer != TD_NO_PEER;
         peer = peer_at(engine, peer)->line_next) {
        const struct peer *who = peer_at(engine, peer);
        if (bit_get(who->held, position) &&
            td_strain_artifact(&engine->strains[who->strain], position) == lost &&
            !see_alone(engine, peer, error))
            return false;
    }
    td_artifact_lose(engine, cohort, lost);
    return true;
}

/* An order has ended well. */
static bool end_well(struct td_engine *engine, td_time at, td_peer peer, struct peer *who,
                     struct td_commands *commands, struct td_error *error)
{
    struct cohort *cohort = &engine->cohorts[who->cohort];
    bool universe = who->order_step == TD_UNIVERSE;
    if (universe ? who->held_count != cohort->schema->steps
                 : !bit_get(who->held, cohort->priority->position[who->order_step]))
        return td_error_set(error, TD_FAULT_INPUT,
                            "peer %u ends order %llu well without holding what it ordered", peer,
                            (unsigned long long)who->order);
    if (!universe) {
        stop_building(engine, who, commands);
        end_order(engine, at, peer, who, cohort, commands);
        return true;
    }
    if (who->strain == cohort->strain) cohort->rest_published = true;
    finish(engine, peer, TD_REASON_COMPLETE, false, commands);
    return true;
}

static bool apply_ended(struct td_engine *engine, const struct td_event *event,
                        struct td_commands *commands, struct td_error *error)
{
    struct peer *who = peer_with(engine, event->peer, event->ended.order, error);
    if (who == NULL) return false;
    if (event->ended.end == TD_END_OK)
        return end_well(engine, event->at, event->peer, who, commands, error);

    struct cohort *cohort = &engine->cohorts[who->cohort];
    bool failed = event->ended.end == TD_END_FLAKY || event->ended.end == TD_END_BROKEN;
    if (failed && !step_is(cohort->schema, event->ended.step, error)) return false;
    uint32_t failures = 0;
    if (event->ended.end == TD_END_FLAKY &&
        !td_flaky_count(&engine->flaky, event->peer, event->ended.step, &failures))
        return td_error_memory(error, "the count of flaky failures");
    if (event->ended.end == TD_END_BROKEN)
        td_artifact_fail(engine, cohort,
                         td_strain_artifact(&engine->strains[who->strain],
                                            cohort->priority->position[event->ended.step]),
                         event->peer, commands);

    stop_building(engine, who, commands);
    if (event->ended.end == TD_END_BROKEN)
        finish(engine, event->peer, TD_REASON_BROKEN, true, commands);
    else if (failures > engine->options.retries)
        finish(engine, event->peer, TD_REASON_TOO_FLAKY, true, commands);
    else
        end_order(engine, event->at, event->peer, who, cohort, commands);
    return true;
}

static bool apply_left(struct td_engine *engine, const struct td_event *event,
                       struct td_commands *commands, struct td_error *error)
{
    if (!peer_is(engine, event->peer, ~(1u << PEER_ABSENT), "leave", error)) return false;
    depart(engine, event->peer, commands);
    return true;
}

/* All that are not among the commonest, apart from those: the less there is on their path the
 * better. */
__attribute__((noinline)) static bool apply_other(struct td_engine *engine,
                                                  const struct td_event *event,
                                                  struct td_commands *commands,
                                                  struct td_error *error)
{
    switch (event->kind) {
    case TD_EVENT_SCHEMA:
        return apply_schema(engine, event, error);
    case TD_EVENT_LOT:
        return td_apply_lot(engine, event, error);
    case TD_EVENT_JOIN:
        return apply_join(engine, event, error);
    case TD_EVENT_HOLDS:
        return apply_holds(engine, event, error);
    case TD_EVENT_VARIANT:
        return td_apply_variant(engine, event, error);
    case TD_EVENT_START:
        return td_apply_start(engine, event, error);
    case TD_EVENT_ADOPT:
        return apply_adopt(engine, event, commands, error);
    case TD_EVENT_ASK:
    case TD_EVENT_OBTAINED:
        break;
    case TD_EVENT_LOST:
        return apply_lost(engine, event, commands, error);
    case TD_EVENT_ENDED:
        return apply_ended(engine, event, commands, error);
    case TD_EVENT_LEFT:
        return apply_left(engine, event, commands, error);
    case TD_EVENT_PUBLISHED:
    case TD_EVENT_BROKEN:
    case TD_EVENT_LEARNED:
        return td_summary_apply(engine, event, commands, error);
    }
    return td_error_set(error, TD_FAULT_INPUT, "there is no event of kind %d", (int)event->kind);
}

static bool refuse_time(const struct td_engine *engine, td_time at, struct td_error *error)
{
    return td_error_set(error, TD_FAULT_INPUT, "an event at %lld ns comes after one at %lld ns",
                        (long long)at, (long long)engine->now);
}

/* Room for the commands of so many events, and a time for them that is not past. */
static inline bool is_prepared(const struct td_engine *engine, td_time at, size_t events,
                               struct td_commands *commands, struct td_error *error)
{
    if (__builtin_expect(!commands_reserve(engine, events, commands), 0))
        return td_error_memory(error, "the engine's commands");
    return __builtin_expect(at >= engine->now, 1) || refuse_time(engine, at, error);
}

bool td_engine_ask(struct td_engine *engine, td_time at, td_peer peer, struct td_commands *commands,
                   struct td_error *error)
{
    if (!is_prepared(engine, at, 1, commands, error)) return false;
    struct peer *who = asking(engine, peer, error);
    if (who == NULL) return false;
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!put_order(peer, answer_ask(engine, at, peer, who, cohort, commands, error), commands))
        return false;
    engine->now = at;
    return true;
}

static inline bool apply_one(struct td_engine *engine, const struct td_event *event,
                             struct td_commands *commands, struct td_error *error)
{
    if (event->kind == TD_EVENT_OBTAINED) {
        struct peer *who = peer_with(engine, event->peer, event->obtained.order, error);
        return who != NULL && obtained(engine, event, who, &engine->cohorts[who->cohort],
                                       event->obtained.last, commands, error);
    }
    if (event->kind == TD_EVENT_ASK)
        return td_engine_ask(engine, event->at, event->peer, commands, error);
    return apply_other(engine, event, commands, error);
}

size_t td_engine_apply(struct td_engine *engine, const struct td_event *events, size_t count,
                       struct td_commands *commands, struct td_error *error)
{
    for (size_t i = 0; i < count; i++) {
        /* the room for wakes and answers is enough for all of them, that for aborts is not */
        if ((i == 0 || engine->policy->gives_way != NULL) &&
            !commands_reserve(engine, count - i, commands)) {
            td_error_memory(error, "the engine's commands");
            return i;
        }
        if (events[i].at < engine->now) {
            refuse_time(engine, events[i].at, error);
            return i;
        }
        if (!apply_one(engine, &events[i], commands, error)) return i;
        engine->now = events[i].at;
    }
    return count;
}

struct td_next td_engine_obtain_and_ask(struct td_engine *engine, const struct td_event *event,
                                        struct td_commands *commands, struct td_error *error)
{
    TD_ASSERT(event->kind == TD_EVENT_OBTAINED && event->obtained.last);
    if (!is_prepared(engine, event->at, 2, commands, error)) return refused;
    struct peer *who = peer_with(engine, event->peer, event->obtained.order, error);
    if (who == NULL) return refused;
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!obtained(engine, event, who, cohort, true, commands, error)) return refused;
    engine->now = event->at;
    return answer_ask(engine, event->at, event->peer, who, cohort, commands, error);
}

struct td_next td_engine_fetch_and_ask(struct td_engine *engine, td_time at, td_peer peer,
                                       td_order order, td_time took, struct td_commands *commands,
                                       struct td_error *error)
{
    if (!is_prepared(engine, at, 2, commands, error)) return refused;
    struct peer *who = peer_with(engine, peer, order, error);
    if (who == NULL) return refused;
    struct cohort *cohort = &engine->cohorts[who->cohort];
    if (!fetched(engine, at, peer, who, cohort, took, commands, error)) return refused;
    engine->now = at;
    return answer_ask(engine, at, peer, who, cohort, commands, error);
}

bool td_engine_end_well(struct td_engine *engine, td_time at, td_peer peer, td_order order,
                        struct td_commands *commands, struct td_error *error)
{
    if (!is_prepared(engine, at, 1, commands, error)) return false;
    struct peer *who = peer_with(engine, peer, order, error);
    if (who == NULL || !end_well(engine, at, peer, who, commands, error)) return false;
    engine->now = at;
    return true;
}

/* What the policy says, as a command without a number. */
static bool answer(const struct td_view *view, struct td_command *would, struct td_error *error)
{
    const struct td_choice choice = view->engine->policy->choose(view);
    *would = (struct td_command){
        .kind = TD_COMMAND_ORDER, .reason = choice.reason, .peer = view->peer, .step = TD_NO_STEP};
    if (choice.kind == TD_CHOOSE_UNIVERSE) {
        would->step = TD_UNIVERSE;
    } else if (choice.kind == TD_CHOOSE_STEP) {
        if (choice.step >= view->cohort->schema->steps ||
            bit_get(view->who->held, view->cohort->priority->position[choice.step])) {
            (void)refuse_choice(view->engine, view->peer, choice.step, error);
            return false;
        }
        uint32_t at = view->cohort->priority->position[choice.step];
        would->step = choice.step;
        would->build = !view->cohort->artifacts[td_strain_artifact(view->strain, at)].published;
    } else if (choice.kind == TD_CHOOSE_WAIT) {
        would->kind = TD_COMMAND_WAIT;
        would->until = choice.until < TD_TIME_MAX ? choice.until : 0;
    } else {
        would->kind = TD_COMMAND_DONE;
        would->failed = true;
    }
    return true;
}

static bool take(struct td_engine *engine, const struct td_event *ask,
                 const struct td_command *taken, struct td_commands *commands,
                 struct td_error *error)
{
    struct td_choice choice = {.reason = taken->reason, .step = taken->step};
    struct peer *who = peer_at(engine, ask->peer);
    struct cohort *cohort = &engine->cohorts[who->cohort];
    switch (taken->kind) {
    case TD_COMMAND_ORDER:
        choice.kind = taken->step == TD_UNIVERSE ? TD_CHOOSE_UNIVERSE : TD_CHOOSE_STEP;
        return put_order(ask->peer,
                         give_order(engine, ask->at, ask->peer, who, cohort,
                                    &engine->strains[who->strain], choice, error),
                         commands);
    case TD_COMMAND_WAIT:
        choice.until = taken->until;
        return wait(engine, ask->at, ask->peer, choice, commands, error);
    case TD_COMMAND_DONE:
        finish(engine, ask->peer, taken->reason, taken->failed, commands);
        return true;
    case TD_COMMAND_WAKE:
    case TD_COMMAND_ABORT:
        break;
    }
    return td_error_set(error, TD_FAULT_INPUT, "command %d answers no question", (int)taken->kind);
}

bool td_engine_apply_as(struct td_engine *engine, const struct td_event *ask,
                        const struct td_command *taken, struct td_command *would,
                        struct td_error *error)
{
    struct td_commands commands = {0};
    if (ask->kind != TD_EVENT_ASK || ask->at < engine->now)
        return td_error_set(error, TD_FAULT_INPUT, "this is no question, or one of the past");
    if (!commands_reserve(engine, 1, &commands))
        return td_error_memory(error, "the engine's commands");
    TD_ASSERT(commands.items != NULL);
    bool good = asking(engine, ask->peer, error) != NULL;
    if (good) {
        const struct peer *who = peer_at(engine, ask->peer);
        const struct td_view view =
            view_of(engine, ask->at, ask->peer, who, &engine->cohorts[who->cohort]);
        good = answer(&view, would, error) && take(engine, ask, taken, &commands, error);
    }
    td_commands_free(&commands);
    if (good) engine->now = ask->at;
    return good;
}
