/* A forecast played: a small discrete-event simulation, by the estimates. */
#include "policies/forecast.h"

#define WAIT TD_FORECAST_WAIT
#define UNIVERSE TD_FORECAST_UNIVERSE
#define NEVER INT64_MAX

enum doing { STARTS, COMPLETES_OVERHEAD, COMPLETES_FETCH, COMPLETES_BUILD, WAITS, HAS_ENDED };

struct player {
    uint64_t held, published, building;
    td_time at;      /* of what it is doing */
    uint8_t doing;   /* enum doing */
    uint8_t order;   /* WAIT: none */
    uint8_t current; /* of its order */
};

struct game {
    const struct td_forecast *forecast;
    enum td_forecast_rule rule;
    uint32_t play;
    td_time now;
    uint64_t untouched, untouched_building;
    bool rest;
    struct player player[TD_FORECAST_PEERS];
};

static uint64_t bit(uint32_t step)
{
    return UINT64_C(1) << step % TD_FORECAST_STEPS;
}

/* How long the same takes from one time to the next, in 256ths of the mean: the eighths of a
 * lognormal distribution with a coefficient of variation of 0.4, each by its middle. */
static const uint16_t luck_table[TD_FORECAST_PLAYS] = {130, 170, 198, 225, 254, 289, 338, 444};

/* Each cell goes through the whole table in the eight plays, in an order of its own. */
static uint32_t luck_index(const struct game *game, uint32_t who, uint32_t step, bool build)
{
    uint32_t cell = game->forecast->peer[who].peer * 131 + step * 7919 + 17;
    cell ^= cell >> 16; /* Wellons's lowbias32, a hash of 32 bits */
    cell *= UINT32_C(0x7feb352d);
    cell ^= cell >> 15;
    cell *= UINT32_C(0x846ca68b);
    cell ^= cell >> 16;
    if (!build) cell >>= 16;
    return ((cell % 8 + game->play * (cell >> 3 | 1)) ^ cell >> 8) % 8;
}

static td_time with_luck(const struct game *game, uint32_t who, uint32_t step, bool build,
                         td_time length)
{
    if (!game->forecast->vary) return length;
    return length * luck_table[luck_index(game, who, step, build)] / 256;
}

static td_time at_pace(const struct game *game, uint32_t who, td_time length)
{
    return length * game->forecast->peer[who].pace / 1024;
}

static td_time fetch_length(const struct game *game, uint32_t who, uint32_t step)
{
    return with_luck(game, who, step, false, game->forecast->fetch[step]);
}

static td_time build_length(const struct game *game, uint32_t who, uint32_t step)
{
    td_time length =
        with_luck(game, who, step, true, at_pace(game, who, game->forecast->build[step]));
    if ((game->forecast->peer[who].partial & game->untouched & bit(step)) == 0) return length;
    return fetch_length(game, who, step) + length / 2;
}

static uint64_t wanted(const struct game *game, uint32_t who)
{
    const struct player *player = &game->player[who];
    const struct td_forecast *forecast = game->forecast;
    uint64_t order = player->order == UNIVERSE ? forecast->all : forecast->closure[player->order];
    return order & ~player->held;
}

/* The first of a set, in an order of all steps; WAIT if there is none. */
static uint32_t first_of(const struct game *game, uint64_t set, const uint8_t *order)
{
    for (uint32_t i = 0; set != 0 && i < game->forecast->steps; i++)
        if ((set & bit(order[i])) != 0) return order[i];
    return WAIT;
}

static bool same_artifact(const struct game *game, uint32_t a, uint32_t b, uint32_t step)
{
    const struct td_forecast_peer *x = &game->forecast->peer[a], *y = &game->forecast->peer[b];
    if (((x->own | y->own) & bit(step)) == 0) return true;
    return (x->own & y->own & bit(step)) != 0 && x->artifacts[step] == y->artifacts[step];
}

static void spread(struct game *game, uint32_t who, uint32_t step, bool published)
{
    for (uint32_t i = 0; i < game->forecast->peers; i++) {
        if (!same_artifact(game, who, i, step)) continue;
        if (published)
            game->player[i].published |= bit(step);
        else
            game->player[i].building |= bit(step);
    }
    if ((game->forecast->peer[who].own & bit(step)) != 0) return;
    if (published)
        game->untouched |= bit(step);
    else
        game->untouched_building |= bit(step);
}

/* The next artifact of the peer's order. */
static void begin_artifact(struct game *game, uint32_t who)
{
    const struct td_forecast *forecast = game->forecast;
    struct player *player = &game->player[who];
    uint32_t step = first_of(game, wanted(game, who), forecast->dependency_order);
    bool fetch;
    td_time length;
    if (step == WAIT) {
        player->current = UNIVERSE;
        fetch = game->rest && !forecast->peer[who].touches;
        length = fetch ? forecast->rest_fetch : at_pace(game, who, forecast->rest_build);
        length = with_luck(game, who, TD_FORECAST_STEPS, !fetch, length);
    } else {
        player->current = (uint8_t)step;
        fetch = (player->published & bit(step)) != 0;
        length = fetch ? fetch_length(game, who, step) : build_length(game, who, step);
    }
    player->doing = fetch ? COMPLETES_FETCH : COMPLETES_BUILD;
    player->at = game->now + length;
}

static void begin_order(struct game *game, uint32_t who, uint32_t order)
{
    struct player *player = &game->player[who];
    player->order = (uint8_t)order;
    bool build = order != UNIVERSE && (player->published & bit(order)) == 0;
    if (build && !game->forecast->peer[who].read_only) spread(game, who, order, false);
    if (game->forecast->overhead == 0) {
        begin_artifact(game, who);
        return;
    }
    player->doing = COMPLETES_OVERHEAD;
    player->at = game->now + at_pace(game, who, game->forecast->overhead);
}

/* When another peer is expected to publish what this one needs for a step, by its present order. */
static td_time published_by(const struct game *game, uint32_t other, uint32_t step)
{
    const struct player *player = &game->player[other];
    if (player->order == WAIT || game->forecast->peer[other].read_only) return NEVER;
    uint64_t left = wanted(game, other);
    if ((left & bit(step)) == 0) return NEVER;
    td_time at = player->at;
    if (player->doing == COMPLETES_FETCH || player->doing == COMPLETES_BUILD) {
        if (player->current == step) return player->doing == COMPLETES_BUILD ? at : NEVER;
        left &= ~bit(player->current);
    }
    for (;;) {
        uint32_t next = first_of(game, left, game->forecast->dependency_order);
        bool fetch = (player->published & bit(next)) != 0;
        at += fetch ? fetch_length(game, other, next) : build_length(game, other, next);
        if (next == step) return at;
        left &= ~bit(next);
    }
}

/* How much sooner the peer holds a step if it builds it now than if it waits for others. */
static td_time gain_of_building(const struct game *game, uint32_t who, uint32_t step)
{
    td_time there = NEVER;
    for (uint32_t i = 0; i < game->forecast->peers; i++) {
        if (i == who || !same_artifact(game, who, i, step)) continue;
        td_time at = published_by(game, i, step);
        if (at < there) there = at;
    }
    if (there == NEVER) return NEVER;
    return there + fetch_length(game, who, step) - game->now -
           at_pace(game, who, game->forecast->overhead) - build_length(game, who, step);
}

/* Lacking, and not published, with all that comes directly before it published or held. */
static uint64_t buildable(const struct game *game, uint32_t who)
{
    const struct player *player = &game->player[who];
    uint64_t there = player->published | player->held, found = 0;
    for (uint64_t left = game->forecast->all & ~there; left != 0; left &= left - 1) {
        uint32_t step = (uint32_t)__builtin_ctzll(left);
        if ((game->forecast->before[step] & ~there) == 0) found |= bit(step);
    }
    return found;
}

/* Of these, what nobody is building, nor what a build in part would start from. */
static uint64_t ready(const struct game *game, uint32_t who)
{
    uint64_t soon = game->untouched_building & ~game->untouched & game->forecast->peer[who].partial;
    return buildable(game, who) & ~game->player[who].building & ~soon;
}

static uint32_t choose_directed(const struct game *game, uint32_t who)
{
    const struct player *player = &game->player[who];
    const uint8_t *priority = game->forecast->priority[game->rule];
    uint64_t lacking = game->forecast->all & ~player->held;
    if (lacking == 0) return UNIVERSE;
    uint32_t step = first_of(game, ready(game, who), priority);
    return step != WAIT ? step : first_of(game, lacking & player->published, priority);
}

/* From the end of the dependency order, since those who were ordered the universe come from its
 * beginning. Nothing is built that would be had sooner from others; and if there is nothing to
 * fetch, what others build is built once more if that is sooner than to wait. */
static uint32_t choose_far_end(const struct game *game, uint32_t who)
{
    const struct player *player = &game->player[who];
    const uint8_t *priority = game->forecast->priority[game->rule];
    uint64_t lacking = game->forecast->all & ~player->held, open = buildable(game, who);
    if ((lacking & ~player->published) == 0) return UNIVERSE;
    for (uint64_t left = ready(game, who); left != 0;) {
        uint32_t step = first_of(game, left, priority);
        if (gain_of_building(game, who, step) >= 0) return step;
        left &= ~bit(step);
    }
    uint32_t best = first_of(game, lacking & player->published, priority);
    if (best != WAIT) return best;
    td_time most = 0;
    for (uint32_t i = 0; i < game->forecast->steps; i++) {
        if ((open & bit(priority[i])) == 0) continue;
        td_time gain = gain_of_building(game, who, priority[i]);
        if (gain <= most) continue;
        most = gain;
        best = priority[i];
    }
    return best;
}

static uint32_t choose(const struct game *game, uint32_t who)
{
    switch (game->rule) {
    case TD_FORECAST_UNIVERSE_AT_ONCE:
        return UNIVERSE;
    case TD_FORECAST_FAR_END:
        return choose_far_end(game, who);
    case TD_FORECAST_DIRECTED:
    case TD_FORECAST_CRITICAL_PATH:
        break;
    }
    return choose_directed(game, who);
}

/* The end of a running task: with the play's luck, or the next luck by which it is not over yet. A
 * build that is later than all takes as long again as it has taken; a fetch, as it is late; at
 * least an eighth of its length. */
static td_time running_end(const struct game *game, uint32_t who)
{
    const struct td_forecast_peer *peer = &game->forecast->peer[who];
    uint32_t step = peer->current == UNIVERSE ? TD_FORECAST_STEPS : peer->current;
    uint32_t index = luck_index(game, who, step, peer->builds), luck = 256;
    for (uint32_t i = 0; i < TD_FORECAST_PLAYS; i++) {
        if (game->forecast->vary) luck = luck_table[(index + 3 * i) % TD_FORECAST_PLAYS];
        if (peer->begun + peer->length * luck / 256 > 0)
            return peer->begun + peer->length * luck / 256;
    }
    if (game->forecast->vary) luck = luck_table[TD_FORECAST_PLAYS - 1];
    td_time late = peer->builds ? -peer->begun : -(peer->begun + peer->length * luck / 256);
    return (late > peer->length / 8 ? late : peer->length / 8) + 1;
}

static void set_up(struct game *game, const struct td_forecast *forecast,
                   enum td_forecast_rule rule, uint32_t play)
{
    game->forecast = forecast;
    game->rule = rule;
    game->play = play;
    game->now = 0;
    game->untouched = forecast->untouched;
    game->untouched_building = forecast->untouched_building;
    game->rest = forecast->rest;
    for (uint32_t i = 0; i < forecast->peers; i++) {
        const struct td_forecast_peer *peer = &forecast->peer[i];
        game->player[i] = (struct player){.held = peer->held,
                                          .published = peer->published,
                                          .building = peer->building,
                                          .order = peer->order,
                                          .current = peer->current,
                                          .doing = STARTS};
        if (peer->order == WAIT) continue;
        game->player[i].doing = peer->builds ? COMPLETES_BUILD : COMPLETES_FETCH;
        game->player[i].at = running_end(game, i);
    }
}

/* The next event: what completes comes before what starts, then the scenario's order; WAIT if there
 * is none. */
static uint32_t next_player(const struct game *game)
{
    uint32_t first = WAIT;
    for (uint32_t i = 0; i < game->forecast->peers; i++) {
        const struct player *player = &game->player[i];
        if (player->doing == WAITS || player->doing == HAS_ENDED) continue;
        if (first != WAIT && (player->at > game->player[first].at ||
                              (player->at == game->player[first].at &&
                               (player->doing == STARTS || game->player[first].doing != STARTS))))
            continue;
        first = i;
    }
    return first;
}

static void wake(struct game *game)
{
    for (uint32_t i = 0; i < game->forecast->peers; i++) {
        if (game->player[i].doing != WAITS) continue;
        game->player[i].doing = STARTS;
        game->player[i].at = game->now;
    }
}

/* What a peer was ordered to build is published: others who were, too, and are at it give way, if a
 * fetch is shorter than what is left of their build. */
static void abort_others(struct game *game, uint32_t who, uint32_t step)
{
    for (uint32_t i = 0; i < game->forecast->peers; i++) {
        struct player *player = &game->player[i];
        if (i == who || player->order != step || player->current != step ||
            player->doing != COMPLETES_BUILD || !same_artifact(game, who, i, step) ||
            player->at - game->now <= game->forecast->fetch[step] + game->forecast->overhead)
            continue;
        player->order = WAIT;
        player->doing = STARTS;
        player->at = game->now;
    }
}

static void complete(struct game *game, uint32_t who)
{
    struct player *player = &game->player[who];
    const struct td_forecast_peer *peer = &game->forecast->peer[who];
    bool built = player->doing == COMPLETES_BUILD, overhead = player->doing == COMPLETES_OVERHEAD;
    player->doing = STARTS;
    if (overhead) return;
    if (player->current == UNIVERSE) {
        if (built && !peer->touches && !peer->read_only) game->rest = true;
        player->doing = HAS_ENDED;
        player->order = WAIT;
    } else {
        player->held |= bit(player->current);
        if (built && !peer->read_only) {
            spread(game, who, player->current, true);
            if (player->current == player->order) abort_others(game, who, player->current);
        }
        if (player->current == player->order) player->order = WAIT;
    }
    wake(game);
}

uint32_t td_forecast_order(const struct td_forecast *forecast, enum td_forecast_rule rule)
{
    struct game game;
    set_up(&game, forecast, rule, 0);
    return choose(&game, forecast->asking);
}

/* A free peer's order, or its wait. */
static void follow(struct game *game, uint32_t who, uint32_t order)
{
    if (order == WAIT)
        game->player[who].doing = WAITS;
    else
        begin_order(game, who, order);
}

bool td_forecast_play(const struct td_forecast *forecast, enum td_forecast_rule rule, uint32_t play,
                      td_time limit, struct td_forecast_end *end)
{
    struct game game;
    set_up(&game, forecast, rule, 0);
    /* what is ordered now is ordered before anybody's luck is known */
    uint32_t first = choose(&game, forecast->asking);
    if (play != 0) set_up(&game, forecast, rule, play);
    follow(&game, forecast->asking, first);
    *end = (struct td_forecast_end){0};
    for (uint32_t left = forecast->peers; left > 0;) {
        uint32_t who = next_player(&game);
        if (who == WAIT || game.player[who].at > limit) return false;
        struct player *player = &game.player[who];
        game.now = player->at;
        if (player->doing != STARTS)
            complete(&game, who);
        else if (player->order != WAIT)
            begin_artifact(&game, who);
        else
            follow(&game, who, choose(&game, who));
        if (player->doing != HAS_ENDED) continue;
        end->sum += game.now;
        end->last = game.now;
        left--;
    }
    return true;
}

td_time td_forecast_next(const struct td_forecast *forecast)
{
    td_time next = TD_TIME_MAX;
    for (uint32_t i = 0; i < forecast->peers; i++) {
        const struct td_forecast_peer *peer = &forecast->peer[i];
        if (peer->order == WAIT) continue;
        td_time late = -(peer->begun + peer->length), at = -late;
        if (at <= 0) at = (late > peer->length / 8 ? late : peer->length / 8) + 1;
        if (at < next) next = at;
    }
    return next;
}
