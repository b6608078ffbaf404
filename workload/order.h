/* The order in which an order of a peer goes through steps, the same in every world (model, section
 * 3.2): always the first step in the schema's order whose own prerequisites have been gone through.
 */
#ifndef TD_WORKLOAD_ORDER_H
#define TD_WORKLOAD_ORDER_H

#include "workload/scenario.h"

/* Fills order[0 .. step_count), the steps one after the other, and position[step], the places in
 * it. */
void td_dependency_order(const struct td_scenario *scenario, uint32_t *order, uint32_t *position);

/* Adds to closure[step * words ..], a bitmap of positions for each step, zeroed before: the step
 * itself and all that it comes after, transitively. */
void td_dependency_closures(const struct td_scenario *scenario, const uint32_t *order,
                            uint32_t words, uint64_t *closure);

#endif
