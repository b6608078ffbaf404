/* Durations and factors: a time or a number, or an object that names one distribution.
 *
 * Degenerate ones (a deviation of 0, say) become constants here, so that nothing later divides by
 * what they lack.
 */
#include "base/assert.h"
#include "base/text.h"
#include "workload/reader_internal.h"

#include <math.h>
#include <string.h>

/* Largest parameter without a unit; far beyond it, GSL's algorithms lose themselves. */
#define PARAMETER_MAX 1e12
#define LOG_NS_PER_S 20.72326583694641 /* log(10^9) */

/* Heavier tails than this shape gives have nothing but zeros and infinities in them. */
#define SMALLEST_SHAPE 1e-3

enum parameter_kind { TIME, TIME_ABOVE_0, TIME_OF_ANY_SIGN, ABOVE_0, SHAPE, FROM_0, ANY };

struct parameter {
    const char *name;
    enum parameter_kind kind;
};

struct form {
    const char *name;
    enum td_dist_kind kind;
    struct parameter parameters[4]; /* in the order of td_dist.parameter */
    /* Checks and turns what the file says into what td_dist.parameter means. */
    bool (*finish)(const struct td_reader *r, uint32_t node, struct td_dist *dist);
};

static bool read_form(const struct td_reader *r, uint32_t node, struct td_dist *dist);

static void make_constant(struct td_dist *dist, double ns)
{
    *dist = (struct td_dist){.kind = TD_DIST_CONSTANT, .parameter = {ns}};
}

const struct td_dist *td_dist_constant(const struct td_reader *r, double ns)
{
    struct td_dist *dist = td_arena_alloc(r->arena, sizeof *dist);
    if (dist != NULL)
        make_constant(dist, ns);
    else
        (void)td_reader_no_memory(r);
    return dist;
}

static bool finish_uniform(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (dist->parameter[0] > dist->parameter[1])
        return td_reader_fail(r, node, "\"min\" is above \"max\": swap them");
    return true;
}

static bool finish_normal(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (dist->parameter[1] > 0) return true;
    if (dist->parameter[0] < 0)
        return td_reader_fail(r, node,
                              "\"mean\" is negative and \"sd\" is 0, so that every sample is "
                              "negative: give a mean from 0 or a deviation");
    make_constant(dist, dist->parameter[0]);
    return true;
}

/* mean and cv: sigma^2 = log(1 + cv^2), mu = log(mean) - sigma^2 / 2. */
static bool finish_lognormal_mean(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    (void)r, (void)node;
    double mean = dist->parameter[0], cv = dist->parameter[1], variance = log1p(cv * cv);
    dist->parameter[0] = log(mean) - variance / 2;
    dist->parameter[1] = sqrt(variance);
    if (!(variance > 0)) make_constant(dist, mean);
    return true;
}

static bool finish_lognormal(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    (void)node;
    if (!r->plain) dist->parameter[0] += LOG_NS_PER_S;
    if (!(dist->parameter[1] > 0)) make_constant(dist, exp(dist->parameter[0]));
    return true;
}

/* mean and cv: shape = 1 / cv^2, scale = mean * cv^2. */
static bool finish_gamma_mean(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    (void)r, (void)node;
    double mean = dist->parameter[0], cv = dist->parameter[1], shape = 1 / (cv * cv);
    dist->parameter[0] = shape;
    dist->parameter[1] = mean * cv * cv;
    if (!(shape <= PARAMETER_MAX)) make_constant(dist, mean);
    return true;
}

static bool finish_pareto(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (dist->parameter[0] > 2) return true;
    if (dist->parameter[0] > 1)
        return td_reader_warn(r, node,
                              "a pareto distribution with a shape of at most 2 has no finite "
                              "variance: confidence intervals do not hold");
    /* Estimates leave a factor out. */
    return td_reader_warn(
        r, node,
        r->plain ? "a pareto distribution with a shape of at most 1 has no finite mean: means and "
                   "confidence intervals do not hold"
                 : "a pareto distribution with a shape of at most 1 has no finite mean: means and "
                   "confidence intervals do not hold, and policies that need an estimate refuse "
                   "it");
}

static bool finish_triangular(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    const double *p = dist->parameter;
    if (p[0] > p[1] || p[1] > p[2])
        return td_reader_fail(r, node,
                              "\"min\", \"mode\" and \"max\" must not fall: put them in "
                              "order");
    return true;
}

static bool finish_beta(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (dist->parameter[2] > dist->parameter[3])
        return td_reader_fail(r, node, "\"min\" is above \"max\": swap them");
    return true;
}

/* Forms of one name stand together. */
static const struct form forms[] = {
    {"constant", TD_DIST_CONSTANT, {{"value", TIME}}, NULL},
    {"uniform", TD_DIST_UNIFORM, {{"min", TIME}, {"max", TIME}}, finish_uniform},
    {"exponential", TD_DIST_EXPONENTIAL, {{"mean", TIME_ABOVE_0}}, NULL},
    {"normal", TD_DIST_NORMAL, {{"mean", TIME_OF_ANY_SIGN}, {"sd", TIME}}, finish_normal},
    {"lognormal",
     TD_DIST_LOGNORMAL,
     {{"mean", TIME_ABOVE_0}, {"cv", FROM_0}},
     finish_lognormal_mean},
    {"lognormal", TD_DIST_LOGNORMAL, {{"mu", ANY}, {"sigma", FROM_0}}, finish_lognormal},
    {"gamma", TD_DIST_GAMMA, {{"shape", ABOVE_0}, {"scale", TIME_ABOVE_0}}, NULL},
    {"gamma", TD_DIST_GAMMA, {{"mean", TIME_ABOVE_0}, {"cv", FROM_0}}, finish_gamma_mean},
    {"weibull", TD_DIST_WEIBULL, {{"shape", SHAPE}, {"scale", TIME_ABOVE_0}}, NULL},
    {"pareto", TD_DIST_PARETO, {{"shape", SHAPE}, {"scale", TIME_ABOVE_0}}, finish_pareto},
    {"triangular",
     TD_DIST_TRIANGULAR,
     {{"min", TIME}, {"mode", TIME}, {"max", TIME}},
     finish_triangular},
    {"beta",
     TD_DIST_BETA,
     {{"a", ABOVE_0}, {"b", ABOVE_0}, {"min", TIME}, {"max", TIME}},
     finish_beta},
};
#define FORM_COUNT (sizeof forms / sizeof *forms)

static bool read_parameter(const struct td_reader *r, uint32_t node, enum parameter_kind kind,
                           double *out)
{
    switch (kind) {
    case TIME:
        return td_read_time(r, node, false, out);
    case TIME_OF_ANY_SIGN:
        return td_read_time(r, node, true, out);
    case TIME_ABOVE_0:
        if (!td_read_time(r, node, false, out)) return false;
        return *out > 0 || td_reader_fail(r, node, "must be above 0: write a %s",
                                          r->plain ? "larger number" : "longer time");
    case ABOVE_0:
        /* The smallest number above 0 whose inverse is within bounds, too. */
        return td_read_number(r, node, 1 / PARAMETER_MAX, PARAMETER_MAX,
                              "a number above 0 (1e-12 to 1e12, without a unit)", out);
    case SHAPE:
        return td_read_number(r, node, SMALLEST_SHAPE, PARAMETER_MAX,
                              "a number above 0 (1e-3 to 1e12, without a unit)", out);
    case FROM_0:
        return td_read_number(r, node, 0, PARAMETER_MAX,
                              "a number from 0 (at most 1e12, without a unit)", out);
    case ANY:
        return td_read_number(r, node, -PARAMETER_MAX, PARAMETER_MAX,
                              "a number (-1e12 to 1e12, without a unit)", out);
    }
    return false;
}

/* A mean that no time may have. Only a pareto distribution may have none, with a warning. */
static bool check_mean(const struct td_reader *r, uint32_t node, const struct td_dist *dist)
{
    double mean = td_dist_mean(dist);
    if (mean <= (r->plain ? TD_LARGEST_FACTOR : TD_LONGEST_NS)) return true;
    if (dist->kind == TD_DIST_PARETO && dist->parameter[0] <= 1) return true;
    return td_reader_fail(r, node,
                          r->plain ? "its mean is above 1e6: lower it"
                                   : "its mean is longer than 10 years: shorten it");
}

/* How many members of the object are parameters of the form. */
static size_t parameters_given(const struct td_reader *r, uint32_t node, const struct form *form)
{
    size_t given = 0;
    if (td_json_type(r->json, node) != TD_JSON_OBJECT) return 0;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child))
        for (size_t i = 0; i < 4 && form->parameters[i].name != NULL; i++)
            given += strcmp(form->parameters[i].name, td_json_key(r->json, child)) == 0;
    return given;
}

static bool read_parameters(const struct td_reader *r, uint32_t node, const struct form *form,
                            struct td_dist *dist)
{
    const struct form *other = form + 1;
    if (other < forms + FORM_COUNT && strcmp(other->name, form->name) == 0 &&
        parameters_given(r, node, other) > 0) {
        if (parameters_given(r, node, form) > 0)
            return td_reader_fail(r, node,
                                  "mixes two forms: give either \"%s\" and \"%s\" or "
                                  "\"%s\" and \"%s\"",
                                  form->parameters[0].name, form->parameters[1].name,
                                  other->parameters[0].name, other->parameters[1].name);
        form = other;
    }
    struct td_key_spec specs[4];
    uint32_t found[4];
    size_t count = 0;
    for (; count < 4 && form->parameters[count].name != NULL; count++)
        specs[count] = (struct td_key_spec){form->parameters[count].name, TD_KEY_REQUIRED};
    if (!td_read_keys(r, node, specs, count, found)) return false;
    dist->kind = form->kind;
    for (size_t i = 0; i < count; i++)
        if (!read_parameter(r, found[i], form->parameters[i].kind, &dist->parameter[i]))
            return false;
    if (form->finish != NULL && !form->finish(r, node, dist)) return false;
    return check_mean(r, node, dist);
}

static bool read_shifted(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    static const struct td_key_spec specs[] = {{"by", TD_KEY_REQUIRED}, {"of", TD_KEY_REQUIRED}};
    uint32_t found[2];
    if (!td_read_keys(r, node, specs, 2, found)) return false;
    const struct td_dist **part = td_arena_alloc(r->arena, sizeof(struct td_dist *));
    if (part == NULL) return td_reader_no_memory(r);
    dist->kind = TD_DIST_SHIFTED;
    dist->count = 1;
    dist->parts = part;
    if (!td_read_time(r, found[0], false, &dist->parameter[0]) ||
        !td_read_duration(r, found[1], part))
        return false;
    return !isfinite(td_dist_mean(*part)) || check_mean(r, node, dist);
}

/* One element of a mixture: a weight beside either a distribution or "of". */
static bool read_component(const struct td_reader *r, uint32_t node, double *weight,
                           const struct td_dist **part)
{
    static const char shape[] = "an element is {\"weight\": W, \"of\": DURATION} or {\"weight\": "
                                "W, \"exponential\": {...}}";
    if (td_json_type(r->json, node) != TD_JSON_OBJECT)
        return td_reader_wrong_type(r, node, "an object with a \"weight\" and a distribution");
    uint32_t weight_node = TD_JSON_NONE, part_node = TD_JSON_NONE;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        if (strcmp(td_json_key(r->json, child), "weight") == 0) {
            weight_node = child;
        } else if (part_node != TD_JSON_NONE) {
            return td_reader_fail_key(r, child, "is one distribution too many: %s", shape);
        } else {
            part_node = child;
        }
    }
    if (weight_node == TD_JSON_NONE)
        return td_reader_fail(r, node, "the key \"weight\" is missing: %s", shape);
    if (part_node == TD_JSON_NONE)
        return td_reader_fail(r, node, "the distribution is missing: %s", shape);
    if (!td_read_number(r, weight_node, 0, PARAMETER_MAX, "a weight from 0 to 1e12", weight))
        return false;
    if (strcmp(td_json_key(r->json, part_node), "of") == 0)
        return td_read_duration(r, part_node, part);
    struct td_dist *dist = td_arena_alloc(r->arena, sizeof *dist);
    *part = dist;
    return dist == NULL ? td_reader_no_memory(r) : read_form(r, part_node, dist);
}

static bool read_mixture(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    if (td_json_type(r->json, node) != TD_JSON_ARRAY)
        return td_reader_wrong_type(r, node, "an array of weighted distributions");
    uint32_t count = td_json_count(r->json, node);
    const struct td_dist **parts = td_arena_array(r->arena, count, sizeof(struct td_dist *));
    double *cumulated = td_arena_array(r->arena, count, sizeof *cumulated);
    if (parts == NULL || cumulated == NULL) return td_reader_no_memory(r);
    double sum = 0;
    size_t used = 0;
    for (uint32_t child = td_json_first(r->json, node); child != TD_JSON_NONE;
         child = td_json_next(r->json, child)) {
        double weight = 0;
        if (!read_component(r, child, &weight, &parts[used])) return false;
        if (!(weight > 0)) continue; /* never drawn, whatever its mean may be */
        sum += weight;
        cumulated[used++] = sum;
    }
    if (used == 0)
        return td_reader_fail(r, node,
                              "has nothing to draw from: give an element with a weight "
                              "above 0");
    for (size_t i = 0; i + 1 < used; i++)
        cumulated[i] /= sum;
    cumulated[used - 1] = 1;
    dist->kind = TD_DIST_MIXTURE;
    dist->count = used;
    dist->values = cumulated;
    dist->parts = parts;
    return true;
}

bool td_reader_unknown_distribution(const struct td_reader *r, uint32_t node,
                                    const char *const *others, size_t other_count)
{
    const char *known[FORM_COUNT + 8] = {"empirical", "mixture", "shifted"};
    size_t count = 3;
    char quote[TD_QUOTE_SIZE];
    TD_ASSERT(other_count <= 5);
    for (size_t i = 0; i < other_count; i++)
        known[count++] = others[i];
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (i == 0 || strcmp(forms[i].name, forms[i - 1].name) != 0) known[count++] = forms[i].name;
    const char *key = td_json_key(r->json, node);
    return td_reader_fail_key(r, node, "unknown %s %s: %s",
                              other_count > 0 ? "arrival" : "distribution",
                              td_text_quote(key, quote), td_reader_hint(r, key, known, count));
}

bool td_is_distribution(const char *name)
{
    if (strcmp(name, "empirical") == 0 || strcmp(name, "mixture") == 0) return true;
    if (strcmp(name, "shifted") == 0) return true;
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (strcmp(name, forms[i].name) == 0) return true;
    return false;
}

/* The distribution that the node's key names; its parameters are the node's value. */
static bool read_form(const struct td_reader *r, uint32_t node, struct td_dist *dist)
{
    const char *name = td_json_key(r->json, node);
    if (strcmp(name, "empirical") == 0) return td_read_empirical(r, node, dist);
    if (strcmp(name, "mixture") == 0) return read_mixture(r, node, dist);
    if (strcmp(name, "shifted") == 0) return read_shifted(r, node, dist);
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (strcmp(name, forms[i].name) == 0) return read_parameters(r, node, &forms[i], dist);
    return td_reader_unknown_distribution(r, node, NULL, 0);
}

bool td_read_duration(const struct td_reader *r, uint32_t node, const struct td_dist **out)
{
    const char *shape =
        r->plain ? "a factor (a number from 0 without a unit, or an object with one distribution "
                   "of such numbers)"
                 : "a duration (a number of seconds, a text such as \"90s\" or \"1h30m\", or an "
                   "object with one distribution)";
    struct td_dist *dist = td_arena_alloc(r->arena, sizeof *dist);
    if (dist == NULL) return td_reader_no_memory(r);
    *out = dist;
    enum td_json_type type = td_json_type(r->json, node);
    if (type == TD_JSON_NUMBER || (type == TD_JSON_STRING && !r->plain)) {
        double ns;
        if (!td_read_time(r, node, false, &ns)) return false;
        make_constant(dist, ns);
        return true;
    }
    if (type != TD_JSON_OBJECT) return td_reader_wrong_type(r, node, shape);
    uint32_t child = td_json_first(r->json, node);
    if (child == TD_JSON_NONE) return td_reader_fail(r, node, "is empty: write %s", shape);
    if (!read_form(r, child, dist)) return false;
    uint32_t second = td_json_next(r->json, child);
    if (second == TD_JSON_NONE) return true;
    return td_reader_fail_key(r, second,
                              "is one distribution too many: keep one, or weigh them in "
                              "a \"mixture\"");
}

bool td_read_factor(const struct td_reader *r, uint32_t node, const struct td_dist **out)
{
    struct td_reader plain = *r;
    plain.plain = true;
    return td_read_duration(&plain, node, out);
}
