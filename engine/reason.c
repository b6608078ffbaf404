#include "engine/types.h"

const char *td_reason_text(enum td_reason reason)
{
    switch (reason) {
    case TD_REASON_NONE:
        return "no reason given";
    case TD_REASON_ALL_AT_ONCE:
        return "everything is built in one invocation";
    case TD_REASON_IN_TURN:
        return "it is this peer's turn, and this is the schema's next step";
    case TD_REASON_NEXT_IN_SCHEMA:
        return "it is the schema's next step, whatever others do";
    case TD_REASON_READY:
        return "it is missing, its prerequisites are there and nobody builds it";
    case TD_REASON_PUBLISHED:
        return "nothing is left to build for now, and this can be fetched";
    case TD_REASON_HOLDS_ALL:
        return "the peer holds every step, so the universe is short now";
    case TD_REASON_NOT_ITS_TURN:
        return "a peer that came before is still at work";
    case TD_REASON_OTHERS_BUILD:
        return "all that the peer lacks is being built or not ready yet";
    case TD_REASON_CHANGED:
        return "something has changed that the peer may be able to use";
    case TD_REASON_COMPLETE:
        return "the peer holds every step and has built the universe";
    }
    return "unknown";
}
