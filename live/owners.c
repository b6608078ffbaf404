/* Whose the peers are: who vouches for them, whose names are whose, and how much of what lives as
 * long as the authority the peers of one owner may have it keep. */
#include "live/authority_internal.h"

#include <stdlib.h>
#include <string.h>

static bool refuse(struct td_authority *authority, uint32_t link, const char *code)
{
    td_authority_cut_off(authority, link, code, authority->error.text);
    return false;
}

/* Room for what the owner has used; false if memory is short. */
static bool reserve_owner(struct td_authority *authority, uint32_t owner)
{
    if (owner == TD_INTERN_FULL) return false;
    if (owner < authority->used_capacity) return true;
    uint32_t capacity = owner + owner / 2 + 8;
    struct td_quotas *used = realloc(authority->used, capacity * sizeof *used);
    if (used == NULL) return false;
    memset(used + authority->used_capacity, 0,
           (capacity - authority->used_capacity) * sizeof *used);
    authority->used = used;
    authority->used_capacity = capacity;
    return true;
}

/* Its number is 0 if it is new. */
static bool is_new(const struct td_intern *intern, const char *text, uint32_t *number)
{
    *number = td_intern_find(intern, text);
    return text != NULL && *number == 0;
}

/* Whether nobody of that repository, base ref and cache has come with this schema. */
static bool is_new_cohort(const struct td_authority *authority, const struct td_hello *hello,
                          uint32_t schema, uint32_t *new_texts)
{
    struct td_identity identity = {.schema = schema};
    uint32_t repository, base_ref, cache;
    *new_texts += is_new(&authority->texts, hello->repository, &repository);
    *new_texts += is_new(&authority->texts, hello->base_ref, &base_ref);
    *new_texts += is_new(&authority->texts, hello->cache, &cache);
    identity.repository = repository;
    identity.base_ref = base_ref;
    identity.cache = cache;
    if (*new_texts > 0 || schema == UINT32_MAX) return true;
    return td_authority_find_cohort(authority, &identity) == NOBODY;
}

/* At most this is kept because of the hello. */
static struct td_quotas what_it_adds(const struct td_authority *authority,
                                     const struct td_hello *hello)
{
    struct td_quotas adds = {0};
    uint32_t schema = td_schemas_find(&authority->schemas, hello->schema_id), number;
    uint32_t steps = schema == UINT32_MAX ? (uint32_t)hello->step_count
                                          : authority->schemas.items[schema]->steps.count;
    if (schema == UINT32_MAX) {
        adds.schemas = 1;
        adds.steps = steps;
    }
    adds.peers = is_new(&authority->names, hello->peer, &number);
    /* who is here already gives back what it has, which may be less */
    bool here = td_authority_has(authority, hello->peer);
    uint32_t had = here ? authority->members[number - 1].steps : 0;
    adds.present = steps > had ? steps - had : 0;
    if (is_new_cohort(authority, hello, schema, &adds.texts)) adds.places = steps;
    for (size_t i = 0; i < hello->digest_count; i++) {
        adds.texts += is_new(&authority->digests, hello->digests[i].digest, &number);
        adds.texts += is_new(&authority->digests, hello->digests[i].untouched, &number);
    }
    return adds;
}

static bool fits(uint32_t used, uint32_t adds, uint32_t limit)
{
    return limit == 0 || adds == 0 || (used <= limit && adds <= limit - used);
}

static bool has_room(struct td_authority *authority, const struct admission *admission)
{
    const struct td_quotas *used = &authority->used[admission->owner], *adds = &admission->adds;
    const struct td_quotas *limit = &authority->options.quotas;
    const char *what = NULL;
    if (!fits(used->peers, adds->peers, limit->peers)) what = "names of peers";
    if (!fits(used->texts, adds->texts, limit->texts)) what = "digests";
    if (!fits(used->places, adds->places, limit->places)) what = "cohorts";
    if (!fits(used->steps, adds->steps, limit->steps)) what = "steps";
    if (!fits(used->schemas, adds->schemas, limit->schemas)) what = "schemas";
    if (what == NULL) return true;
    const char *owner = td_intern_text(&authority->owners, admission->owner);
    return td_error_set(
        &authority->error, TD_FAULT_INPUT, "this authority keeps no more %s for %s%s", what,
        owner == NULL ? "its peers" : "peers with the token ", owner == NULL ? "" : owner);
}

/* Whether the name belongs to a peer of somebody else's. */
static bool is_anothers(const struct td_authority *authority, const char *name, uint32_t owner)
{
    uint32_t number = td_intern_find(&authority->names, name);
    if (number == 0 || number > authority->member_capacity) return false;
    const struct member *member = &authority->members[number - 1];
    return member->here && member->owner != owner;
}

static bool refuse_for_now(struct td_authority *authority, uint32_t link)
{
    (void)td_error_set(&authority->error, TD_FAULT_INPUT,
                       "there are as many peers here as there is room for: try again later");
    return refuse(authority, link, "try-later");
}

bool td_authority_admit(struct td_authority *authority, uint32_t link, const struct td_hello *hello,
                        struct admission *admission)
{
    const struct td_authority_outlet *outlet = &authority->outlet;
    struct td_voucher voucher = {0};
    *admission = (struct admission){0};
    if (authority->relived != NULL)
        voucher = *authority->relived;
    else if (outlet->vouch != NULL &&
             !outlet->vouch(outlet->context, link, hello, &voucher, &authority->error))
        return refuse(authority, link, "not-allowed");
    admission->owner = td_intern(&authority->owners, voucher.owner);
    admission->read_only = voucher.read_only;
    if (!reserve_owner(authority, admission->owner)) {
        (void)td_error_memory(&authority->error, "a peer");
        td_authority_fail(authority);
        return false;
    }
    authority->voucher =
        (struct td_voucher){.owner = td_intern_text(&authority->owners, admission->owner),
                            .read_only = voucher.read_only};
    if (is_anothers(authority, hello->peer, admission->owner)) {
        (void)td_error_set(&authority->error, TD_FAULT_INPUT,
                           "a peer named %s is here with another token: give each a name of its "
                           "own",
                           hello->peer);
        return refuse(authority, link, "name-taken");
    }
    admission->adds = what_it_adds(authority, hello);
    /* who had room once has it when that is lived again, whatever the quotas are then */
    if (authority->relived != NULL) return true;
    if (!has_room(authority, admission)) return refuse(authority, link, "too-much");
    return fits(authority->used[admission->owner].present, admission->adds.present,
                authority->options.quotas.present) ||
           refuse_for_now(authority, link);
}

void td_authority_charge_schema(struct td_authority *authority, const struct admission *admission)
{
    struct td_quotas *used = &authority->used[admission->owner];
    used->schemas += admission->adds.schemas;
    used->steps += admission->adds.steps;
}

void td_authority_charge_peer(struct td_authority *authority, td_peer peer, uint32_t steps,
                              const struct admission *admission)
{
    struct td_quotas *used = &authority->used[admission->owner];
    struct member *member = &authority->members[peer];
    used->peers += admission->adds.peers;
    used->places += admission->adds.places;
    used->texts += admission->adds.texts;
    td_authority_discharge(authority, peer); /* one that could not enter */
    member->owner = admission->owner;
    member->steps = steps;
    used->present += steps;
}

void td_authority_discharge(struct td_authority *authority, td_peer peer)
{
    struct member *member = &authority->members[peer];
    if (member->steps != 0) authority->used[member->owner].present -= member->steps;
    member->steps = 0;
}
