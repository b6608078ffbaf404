/* Values that scenarios have in common with other JSON, such as the messages of live peers, and
 * with the command line: names, IDs, target patterns and times, with the same checks and the same
 * sentences.
 *
 * Each takes a node, checks it, copies what it says into the arena and returns true; or it sets an
 * error that names the node's place, and returns false.
 */
#ifndef TD_WORKLOAD_VALUES_H
#define TD_WORKLOAD_VALUES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* Where from, where to. */
struct td_values {
    const struct td_json *json;
    struct td_arena *arena;
    struct td_error *error;
};

/* A name or ID: 1 to 128 printable characters, not all of them spaces. */
bool td_value_name(const struct td_values *values, uint32_t node, const char **out);

/* Whether a text that was made of a value, or of a member's key, is a name; copies nothing. `what`
 * begins the sentence of an error. */
bool td_value_check_name(const struct td_values *values, uint32_t node, enum td_json_part part,
                         const char *what, const char *text);

/* The key of a step: a name, and none that means something else elsewhere. */
bool td_value_step_key(const struct td_values *values, uint32_t node, const char **out);

/* A text of target patterns or an array of them; what comes out has single spaces between them. */
bool td_value_targets(const struct td_values *values, uint32_t node, const char **out);

/* A text such as "90s", "1h30m" or "250ms", as on a command line; NULL if it is one, otherwise what
 * is wrong with it. */
const char *td_value_time(const char *text, td_time *out);

#endif
