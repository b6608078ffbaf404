/* One peer that only sleeps: what it says, and how long it takes for what it is told.
 *
 * Two things go on beside each other: its connection, which can be lost and found, and its work.
 * Work that needs no answer goes on without a connection; what it has to say then waits for the
 * next one. */
#include "live/sleeper_internal.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum link { LINK_DOWN, LINK_GREETED /* hello is said, welcome not yet heard */, LINK_UP };

enum work {
    WORK_NONE,
    WORK_OVERHEAD, /* sleeps until `until` */
    WORK_REACH,    /* about to look at the next artifact */
    WORK_LOOK,     /* has asked whether the part that it is at is published */
    WORK_FORESEE,  /* has asked the same of a later part, since this build will fail */
    WORK_TASK,     /* sleeps until `until` */
};

enum run { RUN_NONE, RUN_FETCH, RUN_BUILD };

enum failure { FAILS_NOT, FAILS_FLAKY, FAILS_BROKEN };

struct td_sleeper {
    const struct td_sleep_plan *plan;
    const struct td_group_spec *spec;
    const struct sleep_group *group;
    uint32_t peer;
    struct td_sleeper_outlet outlet;

    enum link link;
    bool arrived, ended;
    td_time arrives; /* or comes back; TD_TIME_MAX while it is here, and if it never does */
    td_time departs; /* TD_TIME_MAX: never, or not any more */
    td_time slow_from, slow_to;

    enum work work;
    td_time until;
    td_order order;      /* 0: none */
    uint32_t order_step; /* `steps` for the universe */
    uint32_t at;         /* position of the artifact that it is at; `steps` for the rest */
    uint32_t part;       /* of it */
    double length;       /* of a task that has not begun: WORK_FORESEE */
    /* A run is parts of one step, of one kind, one after the other. */
    enum run run;
    td_time run_since;
    bool whole;           /* it builds the step from nothing */
    enum failure failure; /* what it is bound to end with */
    uint32_t fail_end;    /* with the part before this one */

    /* The last result that was reported: kept until the authority shows that it knows of it, since
     * what is under way is lost with the connection. */
    bool unanswered;
    struct td_message result;

    uint64_t *held;                  /* by position */
    uint16_t *held_parts, *attempts; /* by position; NULL where the plan needs none */
    const char **holds;              /* room for the IDs of all steps */
    struct td_hello_digest *digests;
};

/* An authority without room is asked again after so long. */
#define TRY_LATER (5 * TD_NS_PER_S)

/* The digest of the steps that a change leaves alone. */
static const char *const UNTOUCHED = "base";

/* A time after `from`, TD_TIME_MAX if it is beyond the end of time. */
static td_time later(const struct td_sleeper *sleeper, const struct td_dist *dist, td_time from,
                     enum td_purpose purpose)
{
    const struct td_draw draw = draw_for(sleeper->plan, sleeper->peer, 0, purpose);
    td_time length = td_round_ns(td_sample(dist, &draw));
    return length > TD_TIME_MAX - from ? TD_TIME_MAX : from + length;
}

/* What is settled by its arrival: when it is slow, and when it leaves. */
static void draw_presence(struct td_sleeper *sleeper)
{
    const struct td_slow *slow = sleeper->spec->slow;
    sleeper->slow_from = sleeper->slow_to = TD_TIME_MAX;
    if (slow != NULL) {
        sleeper->slow_from = later(sleeper, slow->after, sleeper->arrives, TD_DRAW_SLOW_AFTER);
        sleeper->slow_to = later(sleeper, slow->length, sleeper->slow_from, TD_DRAW_SLOW_FOR);
    }
    sleeper->departs = sleeper->spec->leaves == NULL ? TD_TIME_MAX
                                                     : later(sleeper, sleeper->spec->leaves,
                                                             sleeper->arrives, TD_DRAW_LEAVES);
}

static void forget(struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    memset(sleeper->held, 0, plan->words * sizeof *sleeper->held);
    /* what is behind the last step is nothing to get */
    if (plan->steps % 64 != 0) sleeper->held[plan->words - 1] = ~UINT64_C(0) << (plan->steps % 64);
    if (plan->parts) memset(sleeper->held_parts, 0, plan->steps * sizeof *sleeper->held_parts);
}

static bool allocate(struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    size_t steps = plan->steps;
    sleeper->held = calloc(plan->words, sizeof *sleeper->held);
    sleeper->holds = calloc(steps, sizeof *sleeper->holds);
    sleeper->digests = calloc(sleeper->group->private_count + (size_t)1, sizeof *sleeper->digests);
    if (plan->parts) sleeper->held_parts = calloc(steps, sizeof *sleeper->held_parts);
    if (plan->flaky) sleeper->attempts = calloc(steps, sizeof *sleeper->attempts);
    return sleeper->held != NULL && sleeper->holds != NULL && sleeper->digests != NULL &&
           (!plan->parts || sleeper->held_parts != NULL) &&
           (!plan->flaky || sleeper->attempts != NULL);
}

struct td_sleeper *td_sleeper_create(const struct td_sleep_plan *plan, uint32_t peer,
                                     const struct td_sleeper_outlet *outlet, struct td_error *error)
{
    TD_ASSERT(peer < plan->scenario->peer_count);
    struct td_sleeper *sleeper = calloc(1, sizeof *sleeper);
    if (sleeper == NULL) goto fail;
    uint32_t group = plan->scenario->peers[peer].group;
    sleeper->plan = plan;
    sleeper->spec = &plan->scenario->groups[group];
    sleeper->group = &plan->groups[group];
    sleeper->peer = peer;
    sleeper->outlet = *outlet;
    sleeper->arrives = plan->arrivals[peer];
    draw_presence(sleeper);
    if (!allocate(sleeper)) goto fail;
    forget(sleeper);
    return sleeper;
fail:
    td_error_memory(error, "a peer that sleeps");
    td_sleeper_destroy(sleeper);
    return NULL;
}

void td_sleeper_destroy(struct td_sleeper *sleeper)
{
    if (sleeper == NULL) return;
    free(sleeper->held);
    free(sleeper->held_parts);
    free(sleeper->attempts);
    free(sleeper->holds);
    free(sleeper->digests);
    free(sleeper);
}

static bool is_here(const struct td_sleeper *sleeper)
{
    return sleeper->arrived && !sleeper->ended && sleeper->arrives == TD_TIME_MAX;
}

static bool sleeps(const struct td_sleeper *sleeper)
{
    return sleeper->work == WORK_OVERHEAD || sleeper->work == WORK_TASK;
}

td_time td_sleeper_due(const struct td_sleeper *sleeper)
{
    if (sleeper->ended) return TD_TIME_MAX;
    if (!is_here(sleeper)) return sleeper->arrives;
    return sleeps(sleeper) && sleeper->until < sleeper->departs ? sleeper->until : sleeper->departs;
}

bool td_sleeper_has_ended(const struct td_sleeper *sleeper)
{
    return sleeper->ended;
}

static void say(const struct td_sleeper *sleeper, const struct td_message *message)
{
    sleeper->outlet.send(sleeper->outlet.context, message);
}

/* It has nothing more to say: for good, or until it comes back. */
static void hang_up(struct td_sleeper *sleeper)
{
    sleeper->link = LINK_DOWN;
    sleeper->outlet.close(sleeper->outlet.context);
}

static void give_up(struct td_sleeper *sleeper)
{
    sleeper->work = WORK_NONE;
    sleeper->run = RUN_NONE;
    sleeper->failure = FAILS_NOT;
    sleeper->order = 0;
}

static void end(struct td_sleeper *sleeper)
{
    give_up(sleeper);
    sleeper->unanswered = false;
    sleeper->ended = true;
    hang_up(sleeper);
}

/* The ID of the step at a position; NULL for the rest. */
static const char *id_at(const struct td_sleeper *sleeper, uint32_t at)
{
    return at == sleeper->plan->steps ? NULL : sleeper->plan->spec[at]->id;
}

/* Something became of the order: said now, or with the next connection. */
static void report(struct td_sleeper *sleeper, const struct td_message *message)
{
    sleeper->result = *message;
    sleeper->unanswered = true;
    if (sleeper->link == LINK_UP) say(sleeper, message);
}

static void report_end(struct td_sleeper *sleeper, int result, const char *step)
{
    const struct td_message message = {
        .kind = TD_MESSAGE_ENDED, .order = sleeper->order, .step = step, .ended.result = result};
    give_up(sleeper);
    report(sleeper, &message);
}

/* Asks of the part that its work is about. */
static void look(const struct td_sleeper *sleeper)
{
    if (sleeper->link != LINK_UP) return; /* with the next connection */
    const struct td_message message = {
        .kind = TD_MESSAGE_LOOK,
        .order = sleeper->order,
        .step = id_at(sleeper, sleeper->at),
        .look.part = sleeper->work == WORK_FORESEE ? sleeper->fail_end : sleeper->part};
    say(sleeper, &message);
}

/* A published artifact can have left the cache. */
static bool hits(const struct td_sleeper *sleeper, uint32_t part)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    const struct td_draw draw =
        draw_for(plan, sleeper->peer, plan->order[sleeper->at] + plan->steps * part, TD_DRAW_HIT);
    return td_sample_chance(plan->spec[sleeper->at]->hit_rate, &draw);
}

static double speed_at(const struct td_sleeper *sleeper, td_time now)
{
    bool slow = sleeper->slow_from <= now && now < sleeper->slow_to;
    return slow ? sleeper->spec->speed * sleeper->spec->slow->factor : sleeper->spec->speed;
}

static double sample(const struct td_sleeper *sleeper, const struct td_dist *dist, uint32_t step,
                     enum td_purpose purpose)
{
    const struct td_draw draw = draw_for(sleeper->plan, sleeper->peer, step, purpose);
    return td_sample(dist, &draw);
}

static double fetch_length(const struct td_sleeper *sleeper)
{
    const struct td_step_spec *spec = sleeper->plan->spec[sleeper->at];
    return sample(sleeper, spec->fetch, sleeper->plan->order[sleeper->at], TD_DRAW_FETCH) /
           spec->parts;
}

/* The build of one part: whole, or what is left of it if it can start from a published one. */
static double build_length(struct td_sleeper *sleeper, bool missed, double fraction, td_time now)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    uint32_t at = sleeper->at;
    double length = sample(sleeper, plan->spec[at]->build, plan->order[at], TD_DRAW_BUILD);
    length *= plan->factors[at];
    length = length / plan->spec[at]->parts / speed_at(sleeper, now);
    if (missed || fraction >= 1 || !hits(sleeper, sleeper->part)) return length;
    sleeper->whole = false;
    return fetch_length(sleeper) + length * fraction;
}

/* Whether a build that begins now will fail. */
static enum failure foresee(struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    uint32_t at = sleeper->at, step = plan->order[at];
    enum failure failure = FAILS_NOT;
    if (at == plan->steps) return FAILS_NOT;
    if (sleeper->attempts != NULL) {
        uint32_t attempt = sleeper->attempts[at]++;
        const struct td_draw draw =
            draw_for(plan, sleeper->peer, step + plan->steps * attempt, TD_DRAW_FLAKY);
        if (td_sample_chance(plan->spec[at]->flaky, &draw)) failure = FAILS_FLAKY;
    }
    const uint64_t *broken = plan->broken + (size_t)sleeper->group->cohort * plan->words;
    if (bit_get(broken, at)) failure = FAILS_BROKEN;
    const struct td_draw draw = draw_for(plan, sleeper->peer, step, TD_DRAW_BREAKS);
    if (sleeper->group->breaks != NULL && td_sample_chance(sleeper->group->breaks[at], &draw))
        failure = FAILS_BROKEN;
    return failure;
}

static void sleep_for(struct td_sleeper *sleeper, enum work work, double length, td_time now)
{
    td_time whole = td_round_ns(length);
    sleeper->work = work;
    sleeper->until = whole > TD_TIME_MAX - now ? TD_TIME_MAX : now + whole;
}

/* A failing build takes the parts that are missing when it begins: it looks on until one is there.
 */
static void look_ahead(struct td_sleeper *sleeper, td_time now)
{
    if (sleeper->fail_end == sleeper->plan->spec[sleeper->at]->parts) {
        sleep_for(sleeper, WORK_TASK, sleeper->length, now);
        return;
    }
    sleeper->work = WORK_FORESEE;
    look(sleeper);
}

/* It knows what the cache has of the part that it is at: it fetches what is published, and builds
 * all else. */
static void begin_part(struct td_sleeper *sleeper, bool published, double fraction, td_time now)
{
    if (sleeper->run == RUN_BUILD && sleeper->failure != FAILS_NOT) {
        sleep_for(sleeper, WORK_TASK, build_length(sleeper, false, fraction, now), now);
        return; /* come what may */
    }
    enum run run = published && hits(sleeper, sleeper->part) ? RUN_FETCH : RUN_BUILD;
    bool begins = sleeper->run != run;
    if (begins) {
        sleeper->run = run;
        sleeper->run_since = now;
        sleeper->whole = sleeper->part == 0;
    }
    if (run == RUN_FETCH) {
        sleep_for(sleeper, WORK_TASK, fetch_length(sleeper), now);
        return;
    }
    sleeper->length = build_length(sleeper, published, fraction, now);
    if (begins) sleeper->failure = foresee(sleeper);
    if (sleeper->failure == FAILS_NOT) {
        sleep_for(sleeper, WORK_TASK, sleeper->length, now);
        return;
    }
    sleeper->fail_end = sleeper->part + 1;
    look_ahead(sleeper, now);
}

/* Position of the order's next artifact; `steps` for the rest, UINT32_MAX for none: the peer holds
 * the step already. */
static uint32_t next_artifact(const struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    const uint64_t *wanted = NULL;
    if (sleeper->order_step != plan->steps)
        wanted = plan->closure + (size_t)sleeper->order_step * plan->words;
    for (uint32_t word = 0; word < plan->words; word++) {
        uint64_t bits = ~sleeper->held[word] & (wanted == NULL ? ~UINT64_C(0) : wanted[word]);
        if (bits != 0) return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return wanted == NULL ? plan->steps : UINT32_MAX;
}

/* The part that it is at is there, and with the last one the step. */
static void report_obtained(struct td_sleeper *sleeper, uint32_t part, td_time took)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    uint32_t parts = plan->spec[sleeper->at]->parts;
    bool built = sleeper->run == RUN_BUILD, complete = part + 1 == parts;
    const struct td_message message = {
        .kind = TD_MESSAGE_OBTAINED,
        .order = sleeper->order,
        .step = id_at(sleeper, sleeper->at),
        .obtained = {.built = built,
                     .published = built && sleeper->spec->publishes,
                     .whole = built && sleeper->whole,
                     .last = complete && plan->order[sleeper->at] == sleeper->order_step,
                     .part = part,
                     .parts = parts,
                     .took = took,
                     .actions = -1,
                     .hits = -1}};
    if (complete) {
        bit_set(sleeper->held, sleeper->at);
        sleeper->run = RUN_NONE;
    }
    sleeper->work = WORK_REACH;
    if (message.obtained.last) give_up(sleeper);
    report(sleeper, &message);
}

static void reach(struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    if (sleeper->failure == FAILS_NOT) {
        sleeper->at = next_artifact(sleeper);
        if (sleeper->at == UINT32_MAX) {
            /* the authority has missed what became of an earlier order */
            sleeper->at = plan->position[sleeper->order_step];
            report_obtained(sleeper, plan->spec[sleeper->at]->parts - 1, 0);
            return;
        }
        bool in_parts = plan->spec[sleeper->at]->parts > 1;
        sleeper->part = in_parts ? sleeper->held_parts[sleeper->at] : 0;
    }
    sleeper->work = WORK_LOOK;
    look(sleeper);
}

/* A part's fetch or build is over. */
static void complete_task(struct td_sleeper *sleeper, td_time now)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    if (sleeper->failure != FAILS_NOT) {
        sleeper->work = WORK_REACH;
        if (++sleeper->part < sleeper->fail_end) return;
        report_end(sleeper, sleeper->failure == FAILS_BROKEN ? TD_ENDED_BROKEN : TD_ENDED_FLAKY,
                   id_at(sleeper, sleeper->at));
        return;
    }
    if (sleeper->at == plan->steps) {
        report_end(sleeper, TD_ENDED_OK, NULL);
        return;
    }
    if (plan->spec[sleeper->at]->parts > 1)
        sleeper->held_parts[sleeper->at] = (uint16_t)(sleeper->part + 1);
    report_obtained(sleeper, sleeper->part, now - sleeper->run_since);
}

static void say_bye(const struct td_sleeper *sleeper)
{
    const struct td_message bye = {.kind = TD_MESSAGE_BYE};
    if (sleeper->link != LINK_DOWN) say(sleeper, &bye);
}

static void depart(struct td_sleeper *sleeper)
{
    td_time left = sleeper->departs;
    say_bye(sleeper);
    sleeper->departs = TD_TIME_MAX;
    const struct td_dist *returns = sleeper->spec->returns;
    sleeper->arrives =
        returns == NULL ? TD_TIME_MAX : later(sleeper, returns, left, TD_DRAW_RETURNS);
    if (sleeper->arrives == TD_TIME_MAX) {
        end(sleeper);
        return;
    }
    give_up(sleeper);
    sleeper->unanswered = false;
    if (!sleeper->spec->keeps) forget(sleeper);
    hang_up(sleeper);
}

/* What ends at the instant of its departure has ended before, and nothing begins at it. */
void td_sleeper_wake(struct td_sleeper *sleeper, td_time now)
{
    if (!is_here(sleeper)) return;
    if (sleeps(sleeper) && sleeper->until <= now && sleeper->until <= sleeper->departs) {
        if (sleeper->work == WORK_TASK)
            complete_task(sleeper, now);
        else
            sleeper->work = WORK_REACH;
    }
    if (sleeper->departs <= now)
        depart(sleeper);
    else if (sleeper->work == WORK_REACH)
        reach(sleeper);
}

/* The digests of what its change touches and of what comes after that: nobody else has this change,
 * so its name is digest enough. Worth naming is the untouched one where a build can start from it.
 */
static size_t gather_digests(const struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    size_t count = 0;
    for (uint32_t at = 0; sleeper->group->private != NULL && at < plan->steps; at++) {
        if (!bit_get(sleeper->group->private, at)) continue;
        sleeper->digests[count++] = (struct td_hello_digest){
            .step = id_at(sleeper, at),
            .digest = plan->scenario->peers[sleeper->peer].name,
            .untouched = sleeper->group->fraction[at] < 1 ? UNTOUCHED : NULL,
            .fraction = sleeper->group->fraction[at]};
    }
    return count;
}

static size_t gather_holds(const struct td_sleeper *sleeper)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    size_t count = 0;
    for (uint32_t at = 0; at < plan->steps; at++)
        if (bit_get(sleeper->held, at)) sleeper->holds[count++] = id_at(sleeper, at);
    return count;
}

void td_sleeper_start(struct td_sleeper *sleeper, td_time now)
{
    (void)now; /* what its arrival settles goes by the scenario's times, late as it may be */
    if (sleeper->ended) return;
    const struct td_scenario *scenario = sleeper->plan->scenario;
    const struct td_group_spec *spec = sleeper->spec;
    sleeper->arrived = true;
    sleeper->arrives = TD_TIME_MAX;
    sleeper->link = LINK_GREETED;
    td_order resume = sleeper->order;
    if (resume == 0 && sleeper->unanswered) resume = sleeper->result.order;
    const struct td_message hello = {.kind = TD_MESSAGE_HELLO,
                                     .hello = {.peer = scenario->peers[sleeper->peer].name,
                                               .repository = spec->repository,
                                               .base_ref = spec->base_ref,
                                               .pipeline = spec->pipeline,
                                               .cache = spec->cache_id,
                                               .schema_id = scenario->schema_id,
                                               .universe = scenario->universe,
                                               .steps = sleeper->plan->hello_steps,
                                               .step_count = sleeper->plan->steps,
                                               .read_only = !spec->publishes,
                                               .holds = sleeper->holds,
                                               .hold_count = gather_holds(sleeper),
                                               .digests = sleeper->digests,
                                               .digest_count = gather_digests(sleeper),
                                               .resume = resume}};
    say(sleeper, &hello);
}

static void on_welcome(struct td_sleeper *sleeper, const struct td_message *message)
{
    if (sleeper->link != LINK_GREETED) return;
    sleeper->link = LINK_UP;
    if (!message->welcome.resumed) { /* it is a peer without an order */
        give_up(sleeper);
        sleeper->unanswered = false;
        return;
    }
    if (sleeper->unanswered) say(sleeper, &sleeper->result);
    if (sleeper->work == WORK_LOOK || sleeper->work == WORK_FORESEE) look(sleeper);
}

static void on_order(struct td_sleeper *sleeper, const struct td_message *message, td_time now)
{
    const struct td_sleep_plan *plan = sleeper->plan;
    if (sleeper->order != 0 || message->order == 0) return;
    uint32_t step = plan->steps;
    if (message->step != NULL) {
        step = td_sleep_plan_find(plan, message->step);
        if (step == plan->steps) { /* of another schema: it is not meant */
            say_bye(sleeper);
            end(sleeper);
            return;
        }
    }
    sleeper->unanswered = false;
    sleeper->order = message->order;
    sleeper->order_step = step;
    if (!plan->overhead) {
        reach(sleeper);
        return;
    }
    double length = sample(sleeper, plan->scenario->overhead, step, TD_DRAW_OVERHEAD);
    sleep_for(sleeper, WORK_OVERHEAD, length / speed_at(sleeper, now), now);
}

/* True if the message answers what was asked last. */
static bool is_answer(const struct td_sleeper *sleeper, const struct td_message *seen)
{
    if (sleeper->work != WORK_LOOK && sleeper->work != WORK_FORESEE) return false;
    if (seen->order != sleeper->order) return false;
    const char *step = id_at(sleeper, sleeper->at);
    return step == NULL ? seen->step == NULL : seen->step != NULL && strcmp(step, seen->step) == 0;
}

static void on_seen(struct td_sleeper *sleeper, const struct td_message *message, td_time now)
{
    if (!is_answer(sleeper, message)) return;
    bool published = message->seen.published;
    sleeper->unanswered = false;
    if (sleeper->work == WORK_LOOK) {
        begin_part(sleeper, published, message->seen.fraction, now);
    } else if (published && hits(sleeper, sleeper->fail_end)) {
        sleep_for(sleeper, WORK_TASK, sleeper->length, now);
    } else {
        sleeper->fail_end++;
        look_ahead(sleeper, now);
    }
}

void td_sleeper_receive(struct td_sleeper *sleeper, const struct td_message *message, td_time now)
{
    if (!is_here(sleeper)) return; /* late */
    switch (message->kind) {
    case TD_MESSAGE_WELCOME:
        on_welcome(sleeper, message);
        return;
    case TD_MESSAGE_ORDER:
        on_order(sleeper, message, now);
        return;
    case TD_MESSAGE_SEEN:
        on_seen(sleeper, message, now);
        return;
    case TD_MESSAGE_WAIT:
        if (sleeper->order == 0) sleeper->unanswered = false;
        return;
    case TD_MESSAGE_ABORT: /* one that crosses the order's end comes too late */
        if (sleeper->order != 0 && message->order == sleeper->order)
            report_end(sleeper, TD_ENDED_ABORTED, NULL);
        return;
    case TD_MESSAGE_ERROR:
        if (sleeper->order == 0 && message->error.code != NULL &&
            strcmp(message->error.code, "try-later") == 0) {
            sleeper->arrives = now < TD_TIME_MAX - TRY_LATER ? now + TRY_LATER : TD_TIME_MAX;
            hang_up(sleeper);
            return;
        }
        end(sleeper);
        return;
    case TD_MESSAGE_DONE:
        end(sleeper);
        return;
    default: /* it is no authority */
        return;
    }
}

void td_sleeper_lose(struct td_sleeper *sleeper, td_time now)
{
    (void)now; /* what it does goes on, until it needs an answer */
    sleeper->link = LINK_DOWN;
}
