/* How the parts of a scenario are read: from a node of the file into values in the scenario's
 * arena. Internal to this room.
 *
 * Every td_read_...() takes the reader and a node, fills what `out` points at and returns true; or
 * it sets the reader's error, one sentence with the node's place, and returns false.
 */
#ifndef TD_WORKLOAD_READER_INTERNAL_H
#define TD_WORKLOAD_READER_INTERNAL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "workload/names_internal.h"
#include "workload/scenario.h"

struct td_warning {
    const struct td_warning *before;
    const char *text;
};

struct td_reader {
    const struct td_json *json;
    struct td_arena *arena;
    struct td_error *error;
    const struct td_warning **last_warning; /* shared by the readers of one scenario's files */
    bool plain; /* what has the dimension of time elsewhere is a number without a unit */
};

enum td_key_need { TD_KEY_OPTIONAL, TD_KEY_REQUIRED };

struct td_key_spec {
    const char *name;
    enum td_key_need need;
};

/* An error at a node's value or key, and the usual one for memory. */
bool td_reader_fail(const struct td_reader *r, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool td_reader_fail_key(const struct td_reader *r, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool td_reader_no_memory(const struct td_reader *r);

/* Fails with "must be WHAT, not a number", by the node's type. */
bool td_reader_wrong_type(const struct td_reader *r, uint32_t node, const char *what);

bool td_reader_warn(const struct td_reader *r, uint32_t node, const char *sentence);

/* The path of a file that the scenario names, relative to the scenario's folder. NULL without
 * memory. */
const char *td_reader_path(const struct td_reader *r, const char *name);

/* A sentence's end that helps with an unknown name: "did you mean ...?" or the known ones. */
const char *td_reader_hint(const struct td_reader *r, const char *word, const char *const *known,
                           size_t count);

/* The members of an object by their place in `specs`, TD_JSON_NONE for those left out. */
bool td_read_keys(const struct td_reader *r, uint32_t node, const struct td_key_spec *specs,
                  size_t count, uint32_t *found);

/* A number with min <= it <= max; a whole one. `what` says so in the message. */
bool td_read_number(const struct td_reader *r, uint32_t node, double min, double max,
                    const char *what, double *out);
bool td_read_whole(const struct td_reader *r, uint32_t node, double min, double max,
                   const char *what, double *out);

bool td_read_bool(const struct td_reader *r, uint32_t node, bool *out);

/* A name or ID: 1 to 128 printable characters, not all of them spaces. */
bool td_read_name(const struct td_reader *r, uint32_t node, const char **out);

/* The same of a node's key, or of the last part of a path that its value is; `what` says what it
 * names. */
bool td_read_key_name(const struct td_reader *r, uint32_t node, const char *what, const char **out);
bool td_check_name(const struct td_reader *r, uint32_t node, enum td_json_part part,
                   const char *what, const char *text);

/* Longest time that a scenario may name, also as a mean, in nanoseconds: 10 years of 365 days, so
 * that some hundred of them fit into a run. Largest factor, also as a mean. */
#define TD_LONGEST_NS 315360000e9
#define TD_LARGEST_FACTOR 1e6

/* When the last peer of a group may come, and how long a peer may need for a step by its means: 100
 * years of 365 days, which leaves a run something of its TD_TIME_MAX. */
#define TD_LATEST_NS 3153600000e9

/* A time in nanoseconds: a number of seconds (negative only if `any_sign`) or a text with units; at
 * most TD_LONGEST_NS. A plain reader takes a number up to TD_LARGEST_FACTOR. */
bool td_read_time(const struct td_reader *r, uint32_t node, bool any_sign, double *out);

/* A decimal number of seconds or a text with units; NULL if it is one, otherwise what is wrong:
 * td_time_too_long, a mend included, or what keeps it from being a time. */
extern const char td_time_too_long[];
const char *td_time_parse(const char *text, bool bare_number, double *ns);

/* A plain decimal number from 0 to 1e6; NULL if it is one, otherwise what is wrong. */
const char *td_plain_parse(const char *text, double *number);

/* A time or a distribution. */
bool td_read_duration(const struct td_reader *r, uint32_t node, const struct td_dist **out);

/* A number without a unit, or a distribution of such numbers. */
bool td_read_factor(const struct td_reader *r, uint32_t node, const struct td_dist **out);
bool td_is_distribution(const char *name);

/* The error at a key that names no distribution, nor one of the `others` (at most 5). */
bool td_reader_unknown_distribution(const struct td_reader *r, uint32_t node,
                                    const char *const *others, size_t other_count);

const struct td_dist *td_dist_constant(const struct td_reader *r, double ns);

/* The insides of `empirical`, a distribution's object. */
bool td_read_empirical(const struct td_reader *r, uint32_t node, struct td_dist *dist);

/* A step's key must be a name, and none that means something else elsewhere. */
bool td_read_step_key(const struct td_reader *r, uint32_t node, const char **out);

/* Target patterns, joined by single spaces. */
bool td_read_targets(const struct td_reader *r, uint32_t node, const char **out);

/* The schema, inline or in a file of its own: ids, targets and universe; nothing of their times. */
bool td_read_schema(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                    struct td_step_spec **steps, struct td_names *names);

/* The same of a whole file, which the reader reads, and whose name is the schema's ID if it has
 * none. */
bool td_read_schema_document(const struct td_reader *r, struct td_scenario *scenario);

/* What the scenario says about the schema's steps: times, prerequisites, what goes wrong. */
bool td_read_steps(const struct td_reader *r, uint32_t node, struct td_step_spec *steps,
                   uint32_t count, const struct td_names *names);

/* The step of that id. */
bool td_read_step_id(const struct td_reader *r, uint32_t node, enum td_json_part part,
                     const struct td_scenario *scenario, const struct td_names *names,
                     uint32_t *out);

/* The groups and their peers. */
bool td_read_peers(const struct td_reader *r, uint32_t node, struct td_scenario *scenario,
                   const struct td_names *steps);

/* A group's arrivals. `count` is what the group says, TD_JSON_NONE if it says nothing. */
bool td_read_arrival(const struct td_reader *r, uint32_t node, uint32_t count_node,
                     struct td_group_spec *group);

/* How the scenario is run live; nothing if it does not say so. */
bool td_read_live(const struct td_reader *r, uint32_t node, const struct td_live_spec **out);

#endif
