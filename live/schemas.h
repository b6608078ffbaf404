/* The schemas that an authority knows: from its scenario, from files, or brought along by peers. */
#ifndef TD_LIVE_SCHEMAS_H
#define TD_LIVE_SCHEMAS_H

#include "base/error.h"
#include "engine/engine.h"
#include "live/codec.h"
#include "live/intern.h"
#include "live/protocol.h"
#include "workload/scenario.h"

struct td_known_schema {
    char *id, *universe;
    struct td_intern steps; /* step s of the engine has number s + 1 */
    char **targets;         /* by step */
    uint32_t *after_start;  /* as in struct td_schema_spec */
    td_step *after;
    td_time *estimates, *fetch_estimates; /* NULL: not known */
    td_time overhead, rest_build, rest_fetch;
    bool own; /* the authority was started with it */
};

struct td_schemas {
    struct td_known_schema **items; /* by the engine's number */
    uint32_t count, capacity;
};

/* The number of the schema of that ID, or UINT32_MAX. */
uint32_t td_schemas_find(const struct td_schemas *schemas, const char *id);
/* A new one, with the scenario's mean times, or without any if it is just a schema; UINT32_MAX with
 * an error. */
uint32_t td_schemas_add_scenario(struct td_schemas *schemas, const struct td_scenario *scenario,
                                 struct td_error *error);
/* A new one, without times, from a hello that brings it along; UINT32_MAX with an error. */
uint32_t td_schemas_add_hello(struct td_schemas *schemas, const struct td_hello *hello,
                              struct td_error *error);
/* True if the hello brings the same along, be it without the prerequisites; else a sentence that
 * says what differs. */
bool td_schemas_agree(const struct td_known_schema *known, const struct td_hello *hello,
                      struct td_error *error);
/* All of a schema as bytes, and a new one that was written so; UINT32_MAX with an error. */
void td_known_schema_write(const struct td_known_schema *schema, struct td_buffer *out);
uint32_t td_schemas_add_written(struct td_schemas *schemas, struct td_reader *reader,
                                struct td_error *error);
/* The engine has refused it. */
void td_schemas_remove_last(struct td_schemas *schemas);
struct td_schema_spec td_known_schema_spec(const struct td_known_schema *schema);
/* The step of an ID, or TD_NO_STEP. */
td_step td_known_schema_step(const struct td_known_schema *schema, const char *id);
void td_schemas_free(struct td_schemas *schemas);

#endif
