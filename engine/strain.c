/* Strains: what the peers of a cohort whose variants all agree have in common. */
#include "engine/engine_internal.h"

uint32_t td_strain_artifact(const struct strain *strain, uint32_t position)
{
    /* artifacts 0 .. steps - 1 of a cohort are the untouched ones, by position */
    if (!bit_get(strain->own, position)) return position;
    return td_strain_variant(strain, position)->artifact;
}

/* How many of its own variants come before a position. */
static uint32_t own_before(const struct strain *strain, uint32_t position)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < position / 64; word++)
        count += (uint32_t)__builtin_popcountll(strain->own[word]);
    uint64_t below = (UINT64_C(1) << (position % 64)) - 1;
    return count + (uint32_t)__builtin_popcountll(strain->own[position / 64] & below);
}

struct strain_variant *td_strain_variant(const struct strain *strain, uint32_t position)
{
    return &strain->variants[own_before(strain, position)];
}

bool td_strain_reserve(struct strain *strain, uint32_t words)
{
    if (strain->words >= words) return true;
    uint64_t *bits = malloc(4 * (size_t)words * sizeof *bits);
    if (bits == NULL) return false;
    free(strain->published);
    strain->published = bits;
    strain->ready = bits + words;
    strain->own = bits + 2 * (size_t)words;
    strain->hopeless = bits + 3 * (size_t)words;
    strain->words = words;
    return true;
}

/* A new strain is that of peers that touch nothing, and stale. */
uint32_t td_strain_open(struct td_engine *engine, uint32_t cohort, struct td_error *error)
{
    struct cohort *home = &engine->cohorts[cohort];
    uint32_t words = home->schema->words, made = engine->strain_free;

    if (made != NONE) {
        engine->strain_free = engine->strains[made].next;
    } else {
        if (!td_reserve(&engine->strains, &engine->strain_capacity, engine->strain_count + 1,
                        sizeof *engine->strains)) {
            td_error_memory(error, "a peer's variants");
            return NONE;
        }
        made = engine->strain_count++;
    }
    struct strain *strain = &engine->strains[made];
    if (!td_strain_reserve(strain, words)) {
        strain->next = engine->strain_free;
        engine->strain_free = made;
        td_error_memory(error, "a peer's variants");
        return NONE;
    }
    memset(strain->published, 0, 4 * (size_t)strain->words * sizeof(uint64_t));
    strain->variant_count = 0;
    strain->start_count = 0;
    strain->ready_count = 0;
    strain->cohort = cohort;
    strain->waiting = TD_NO_PEER;
    strain->holder = TD_NO_PEER;
    strain->stale = true;

    /* the cohort's first strain stays the first */
    strain->previous = home->strain;
    strain->next = home->strain == NONE ? NONE : engine->strains[home->strain].next;
    if (strain->next != NONE) engine->strains[strain->next].previous = made;
    if (home->strain == NONE)
        home->strain = made;
    else
        engine->strains[home->strain].next = made;
    return made;
}

static void forget_use(struct td_engine *engine, struct cohort *cohort, uint32_t strain,
                       uint32_t position)
{
    const struct strain_variant *mine = td_strain_variant(&engine->strains[strain], position);
    uint32_t *link = &cohort->artifacts[mine->artifact].user;
    while (*link != strain)
        link = &td_strain_variant(&engine->strains[*link], position)->next_use;
    *link = mine->next_use;
    for (uint32_t i = mine->start; i != NONE; i = engine->strains[strain].starts[i].next)
        cohort->artifacts[engine->strains[strain].starts[i].artifact].starts--;
}

void td_strain_close(struct td_engine *engine, uint32_t strain)
{
    struct strain *gone = &engine->strains[strain];
    struct cohort *cohort = &engine->cohorts[gone->cohort];
    TD_ASSERT(strain != cohort->strain && gone->waiting == TD_NO_PEER);

    for (uint32_t i = 0; i < gone->variant_count; i++)
        forget_use(engine, cohort, strain, cohort->artifacts[gone->variants[i].artifact].position);
    engine->strains[gone->previous].next = gone->next;
    if (gone->next != NONE) engine->strains[gone->next].previous = gone->previous;
    gone->next = engine->strain_free;
    engine->strain_free = strain;
}

bool td_strain_vary(struct td_engine *engine, uint32_t strain, uint32_t position, uint32_t artifact,
                    struct td_error *error)
{
    struct strain *varied = &engine->strains[strain];
    struct cohort *cohort = &engine->cohorts[varied->cohort];
    if (!td_reserve(&varied->variants, &varied->variant_capacity, varied->variant_count + 1,
                    sizeof *varied->variants))
        return td_error_memory(error, "a peer's variants");

    uint32_t at = own_before(varied, position);
    if (bit_get(varied->own, position)) {
        forget_use(engine, cohort, strain, position);
    } else {
        memmove(varied->variants + at + 1, varied->variants + at,
                (varied->variant_count - at) * sizeof *varied->variants);
        varied->variant_count++;
        bit_set(varied->own, position);
    }
    varied->variants[at] = (struct strain_variant){
        .artifact = artifact, .start = NONE, .next_use = cohort->artifacts[artifact].user};
    cohort->artifacts[artifact].user = strain;
    varied->stale = true;
    return true;
}

bool td_strain_start(struct td_engine *engine, uint32_t strain, uint32_t position,
                     uint32_t artifact, struct td_error *error)
{
    struct strain *varied = &engine->strains[strain];
    if (!td_reserve(&varied->starts, &varied->start_capacity, varied->start_count + 1,
                    sizeof *varied->starts))
        return td_error_memory(error, "a peer's variants");
    uint32_t *link = &td_strain_variant(varied, position)->start;
    while (*link != NONE)
        link = &varied->starts[*link].next;
    *link = varied->start_count;
    varied->starts[varied->start_count++] =
        (struct strain_start){.artifact = artifact, .next = NONE};
    engine->cohorts[varied->cohort].artifacts[artifact].starts++;
    varied->stale = true;
    return true;
}

/* True while an artifact is being built that is a better start than any published one. */
static bool start_is_coming(const struct cohort *cohort, const struct strain *strain,
                            uint32_t position)
{
    if (!bit_get(strain->own, position)) return false;
    for (uint32_t i = td_strain_variant(strain, position)->start; i != NONE;
         i = strain->starts[i].next) {
        const struct artifact *start = &cohort->artifacts[strain->starts[i].artifact];
        if (start->published) return false;
        if (start->builders != 0) return true;
    }
    return false;
}

static bool is_ready(const struct td_engine *engine, const struct strain *strain, uint32_t position)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    const struct artifact *artifact = &cohort->artifacts[td_strain_artifact(strain, position)];
    if (artifact->published || artifact->builders != 0 || artifact->broken) return false;
    if (start_is_coming(cohort, strain, position)) return false;
    if (bit_get(cohort->priority->roots, position)) return true;
    uint32_t words = cohort->schema->words;
    const uint64_t *before = cohort->priority->prerequisites + (size_t)position * words;
    const uint64_t *held =
        strain->holder == TD_NO_PEER ? NULL : peer_at(engine, strain->holder)->held;
    for (uint32_t word = 0; word < words; word++) {
        uint64_t missing = before[word] & ~strain->published[word];
        if (held != NULL) missing &= ~held[word];
        if (missing != 0) return false;
    }
    return true;
}

bool td_strain_refresh(const struct td_engine *engine, struct strain *strain, uint32_t position)
{
    bool was = bit_get(strain->ready, position), is = is_ready(engine, strain, position);
    if (was == is) return false;
    if (is) {
        bit_set(strain->ready, position);
        strain->ready_count++;
    } else {
        bit_clear(strain->ready, position);
        strain->ready_count--;
    }
    return is;
}

void td_strain_refresh_dependents(const struct td_engine *engine, struct strain *strain,
                                  td_step step)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    const struct schema *schema = cohort->schema;
    for (uint32_t i = schema->dependent_start[step]; i < schema->dependent_start[step + 1]; i++)
        (void)td_strain_refresh(engine, strain, cohort->priority->position[schema->dependents[i]]);
}

void td_strain_give_up_hope(const struct td_engine *engine, struct strain *strain,
                            uint32_t position)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    const struct schema *schema = cohort->schema;
    uint32_t depth = 0;

    if (bit_get(strain->hopeless, position)) return;
    bit_set(strain->hopeless, position);
    engine->stack[depth++] = cohort->priority->order[position];
    while (depth > 0) {
        td_step at = engine->stack[--depth];
        for (uint32_t i = schema->dependent_start[at]; i < schema->dependent_start[at + 1]; i++) {
            uint32_t after = cohort->priority->position[schema->dependents[i]];
            if (bit_get(strain->hopeless, after)) continue;
            bit_set(strain->hopeless, after);
            engine->stack[depth++] = schema->dependents[i];
        }
    }
}

void td_strain_begin(const struct td_engine *engine, struct strain *strain)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    for (uint32_t word = 0; word < cohort->schema->words; word++) {
        strain->ready[word] = cohort->priority->roots[word];
        strain->ready_count += (uint32_t)__builtin_popcountll(strain->ready[word]);
    }
    strain->stale = false;
}

void td_strain_settle(struct td_engine *engine, struct strain *strain)
{
    const struct cohort *cohort = &engine->cohorts[strain->cohort];
    for (uint32_t at = 0; at < cohort->schema->steps; at++) {
        if (cohort->artifacts[td_strain_artifact(strain, at)].published)
            bit_set(strain->published, at);
        else
            bit_clear(strain->published, at);
    }
    for (uint32_t at = 0; at < cohort->schema->steps; at++)
        (void)td_strain_refresh(engine, strain, at);
    memset(strain->hopeless, 0, cohort->schema->words * sizeof(uint64_t));
    for (uint32_t at = 0; at < cohort->schema->steps; at++)
        if (cohort->artifacts[td_strain_artifact(strain, at)].broken)
            td_strain_give_up_hope(engine, strain, at);
    strain->stale = false;
}

void td_strain_free(struct strain *strain)
{
    free(strain->published);
    free(strain->variants);
    free(strain->starts);
}
