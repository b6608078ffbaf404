#include "live/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool td_notify_is_wanted(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path != NULL && (path[0] == '/' || path[0] == '@');
}

void td_notify(const char *text)
{
    if (!td_notify_is_wanted()) return;
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof to.sun_path) return;
    memcpy(to.sun_path, path, length);
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0'; /* an abstract one */
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return;
    (void)sendto(descriptor, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    (void)close(descriptor);
}

/* A number in the environment; 0: there is none. */
static unsigned long long number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

td_time td_notify_watchdog(void)
{
    unsigned long long micros = number("WATCHDOG_USEC"), process = number("WATCHDOG_PID");
    if (micros == 0 || micros > TD_TIME_MAX / 1000 || !td_notify_is_wanted()) return TD_TIME_MAX;
    if (process != 0 && process != (unsigned long long)getpid()) return TD_TIME_MAX;
    return (td_time)micros * 1000 / 2;
}
