/* What the scan of a JSON text hands to the document. */
#ifndef TD_BASE_JSON_INTERNAL_H
#define TD_BASE_JSON_INTERNAL_H

#include "base/json.h"

#include <cjson/cJSON.h>

struct td_json_position {
    uint32_t line, column;
};

struct td_json_node {
    const cJSON *item;
    uint32_t parent;         /* TD_JSON_NONE for the root */
    uint32_t end;            /* the node behind this one and all in it */
    uint32_t offset, length; /* of the value's text */
    struct td_json_position value, key;
};

struct td_json_nodes {
    struct td_json_node *node; /* malloc'ed */
    uint32_t count, room;
};

/* Checks the text against the grammar and appends a node for each value, without its item. */
bool td_json_scan(const char *path, const char *text, size_t length, struct td_json_nodes *nodes,
                  struct td_error *error);

#endif
