/* The clients of v1 together with the authority, with links and a clock by hand and without
 * sockets. What v1 makes of the clients' texts is written and read again before the authority gets
 * it, as from a journal.
 */
#ifndef TD_TESTS_LIVE_V1_RIG_H
#define TD_TESTS_LIVE_V1_RIG_H

#include "live/authority.h"
#include "live/v1.h"

#define LINKS 8u

struct rig {
    struct td_authority *authority;
    struct td_v1 *v1;
    char sent[LINKS][4096]; /* to clients since the last look, a line a message */
    char given[1u << 19];   /* to the authority since then */
    bool closed[LINKS];
    td_time now;
};

void rig_open(struct rig *rig, const char *policy);
void rig_close(struct rig *rig);
/* The client connects, says something, is gone; and what follows from that. */
void open_link(struct rig *rig, uint32_t link, const char *id);
void say_text(struct rig *rig, uint32_t link, const char *text);
void end_link(struct rig *rig, uint32_t link);
/* Time comes. */
void wake(struct rig *rig);

#endif
