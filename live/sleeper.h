/* A peer that builds nothing: what becomes of a scenario's peer in a live run with the executor
 * "sleep". A state machine without sockets and clock: messages and times in, messages and a time
 * out. It samples what the simulator would sample (model, sections 3 to 5), and asks the authority
 * (`look`) what the cache has, since it has no cache of its own.
 *
 *     td_sleeper_start(sleeper, now);                  says hello
 *     td_sleeper_receive(sleeper, message, now);       the authority has sent something
 *     td_sleeper_wake(sleeper, now);                   the time of td_sleeper_due() has come
 *
 * All times are the scenario's, in nanoseconds since its zero; the shell scales them.
 */
#ifndef TD_LIVE_SLEEPER_H
#define TD_LIVE_SLEEPER_H

#include "live/protocol.h"
#include "workload/scenario.h"

struct td_sleeper;

struct td_sleeper_outlet {
    void *context;
    void (*send)(void *context, const struct td_message *message);
    void (*close)(void *context); /* it has nothing more to say for now; see td_sleeper_due() */
};

/* False with a sentence if there are peers in it that cannot be played: those of dependent
 * pipelines, whose queue the CI system has in a live run, and here there is none. */
bool td_sleep_can(const struct td_scenario *scenario, struct td_error *error);

/* What is settled for a scenario and a replication, for all its sleepers; read only. */
struct td_sleep_plan;
struct td_sleep_plan *td_sleep_plan_create(const struct td_scenario *scenario, uint64_t seed,
                                           uint32_t replication, struct td_error *error);
void td_sleep_plan_destroy(struct td_sleep_plan *plan);

/* The peer at this place of the scenario. */
struct td_sleeper *td_sleeper_create(const struct td_sleep_plan *plan, uint32_t peer,
                                     const struct td_sleeper_outlet *outlet,
                                     struct td_error *error);
void td_sleeper_destroy(struct td_sleeper *sleeper);

/* When it has to be woken next, whatever it hears until then: its arrival at first, then the end of
 * a task, its departure, its return. TD_TIME_MAX: never. A sleeper that is due and has no
 * connection (before its arrival, and while it is away) needs one then. */
td_time td_sleeper_due(const struct td_sleeper *sleeper);
bool td_sleeper_has_ended(const struct td_sleeper *sleeper);

/* The connection stands: it says hello. */
void td_sleeper_start(struct td_sleeper *sleeper, td_time now);
void td_sleeper_receive(struct td_sleeper *sleeper, const struct td_message *message, td_time now);
void td_sleeper_wake(struct td_sleeper *sleeper, td_time now);
/* The connection was lost: it goes on with its order, and resumes when there is another. */
void td_sleeper_lose(struct td_sleeper *sleeper, td_time now);

#endif
