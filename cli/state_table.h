/* An authority's state (docs/state.schema.json) as a table for people. It comes from outside: what
 * of it is not as it should be is left out, and what a terminal would obey becomes "?".
 */
#ifndef TD_CLI_STATE_TABLE_H
#define TD_CLI_STATE_TABLE_H

#include "base/json.h"

#include <stdio.h>

/* Of the state's form; 0: it is no state. */
double td_state_version(const struct td_json *json);
/* False with an error if memory is short. */
bool td_state_print(const struct td_json *json, FILE *out, struct td_error *error);

#endif
