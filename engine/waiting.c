/* Waiting peers: a list for each strain, since what one of its peers can use, all of them can. */
#include "engine/engine_internal.h"

void td_wait_enter(struct td_engine *engine, td_peer peer)
{
    struct peer *who = peer_at(engine, peer);
    struct strain *strain = &engine->strains[who->strain];
    who->wait_previous = TD_NO_PEER;
    who->wait_next = strain->waiting;
    if (strain->waiting != TD_NO_PEER) peer_at(engine, strain->waiting)->wait_previous = peer;
    strain->waiting = peer;
    who->state = PEER_WAITING;
    engine->waiting_count++;
}

void td_wait_leave(struct td_engine *engine, td_peer peer)
{
    struct peer *who = peer_at(engine, peer);
    TD_ASSERT(who->state == PEER_WAITING);
    if (who->wait_previous == TD_NO_PEER)
        engine->strains[who->strain].waiting = who->wait_next;
    else
        peer_at(engine, who->wait_previous)->wait_next = who->wait_next;
    if (who->wait_next != TD_NO_PEER)
        peer_at(engine, who->wait_next)->wait_previous = who->wait_previous;
    who->state = PEER_FREE;
    engine->waiting_count--;
}

void td_wake_peer(struct td_engine *engine, td_peer peer, struct td_commands *commands)
{
    td_wait_leave(engine, peer);
    /* td_engine_apply has made room for every waiting peer */
    commands->items[commands->count++] = (struct td_command){
        .kind = TD_COMMAND_WAKE, .reason = TD_REASON_CHANGED, .peer = peer, .step = TD_NO_STEP};
}

void td_wake_strain(struct td_engine *engine, struct strain *strain, struct td_commands *commands)
{
    while (strain->waiting != TD_NO_PEER)
        td_wake_peer(engine, strain->waiting, commands);
}

void td_wake_cohort(struct td_engine *engine, const struct cohort *cohort,
                    struct td_commands *commands)
{
    for (uint32_t i = cohort->strain; i != NONE; i = engine->strains[i].next)
        td_wake_strain(engine, &engine->strains[i], commands);
}
