#include "workload/order.h"

#include "base/assert.h"

#include <string.h>

void td_dependency_order(const struct td_scenario *scenario, uint32_t *order, uint32_t *position)
{
    const struct td_step_spec *steps = scenario->steps;
    memset(position, 0xff, scenario->step_count * sizeof *position);
    for (uint32_t at = 0; at < scenario->step_count;) {
        uint32_t before = at;
        for (uint32_t s = 0; s < scenario->step_count; s++) {
            bool open = position[s] == UINT32_MAX;
            for (size_t i = 0; open && i < steps[s].after_count; i++)
                open = position[steps[s].after[i]] != UINT32_MAX;
            if (!open) continue;
            order[at] = s;
            position[s] = at++;
            break;
        }
        TD_ASSERT(at > before); /* the scenario has no cycles */
    }
}

void td_dependency_closures(const struct td_scenario *scenario, const uint32_t *order,
                            uint32_t words, uint64_t *closure)
{
    for (uint32_t at = 0; at < scenario->step_count; at++) {
        const struct td_step_spec *step = &scenario->steps[order[at]];
        uint64_t *mine = closure + (size_t)order[at] * words;
        for (size_t i = 0; i < step->after_count; i++) {
            const uint64_t *before = closure + (size_t)step->after[i] * words;
            for (uint32_t w = 0; w < words; w++)
                mine[w] |= before[w];
        }
        mine[at / 64] |= UINT64_C(1) << (at % 64);
    }
}
