/* What systemd wants to hear of a service: see sd_notify(3), whose protocol this is. Nothing is
 * said where $NOTIFY_SOCKET is not set, and nobody minds a message that is lost. */
#ifndef TD_LIVE_NOTIFY_H
#define TD_LIVE_NOTIFY_H

#include "base/time.h"

#include <stdbool.h>

/* Somebody listens. */
bool td_notify_is_wanted(void);
/* Such as "READY=1" or "STATUS=...", lines of them. */
void td_notify(const char *text);
/* How often WATCHDOG=1 has to be said at least; TD_TIME_MAX: never. */
td_time td_notify_watchdog(void);

#endif
