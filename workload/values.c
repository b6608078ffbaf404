#include "workload/values.h"

#include "workload/reader_internal.h"
#include "workload/sampler.h"

static struct td_reader reader_of(const struct td_values *values)
{
    return (struct td_reader){.json = values->json, .arena = values->arena, .error = values->error};
}

bool td_value_name(const struct td_values *values, uint32_t node, const char **out)
{
    const struct td_reader r = reader_of(values);
    return td_read_name(&r, node, out);
}

bool td_value_check_name(const struct td_values *values, uint32_t node, enum td_json_part part,
                         const char *what, const char *text)
{
    const struct td_reader r = reader_of(values);
    return td_check_name(&r, node, part, what, text);
}

bool td_value_step_key(const struct td_values *values, uint32_t node, const char **out)
{
    const struct td_reader r = reader_of(values);
    return td_read_step_key(&r, node, out);
}

bool td_value_targets(const struct td_values *values, uint32_t node, const char **out)
{
    const struct td_reader r = reader_of(values);
    return td_read_targets(&r, node, out);
}

const char *td_value_time(const char *text, td_time *out)
{
    double ns = 0;
    const char *wrong = td_time_parse(text, true, &ns);
    if (wrong == NULL) *out = td_round_ns(ns);
    return wrong;
}
