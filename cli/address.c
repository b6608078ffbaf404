#include "cli/address.h"

#include "live/protocol.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool td_address_read(const char *command, const char *url, struct td_address *address,
                     struct td_error *error)
{
    static const char scheme[] = "ws://";
    bool good = strncmp(url, scheme, strlen(scheme)) == 0;
    const char *host = url + (good ? strlen(scheme) : 0);
    bool brackets = *host == '[';
    if (brackets) host++;
    const char *end = host + strcspn(host, brackets ? "]" : ":/");
    size_t length = (size_t)(end - host);
    good = good && length > 0 && length < sizeof address->host && (!brackets || *end == ']');
    if (brackets && good) end++;
    char *behind = NULL;
    unsigned long port = 0;
    if (good && *end == ':' && isdigit((unsigned char)end[1])) port = strtoul(end + 1, &behind, 10);
    if (!good || port == 0 || port > 65535 ||
        (strcmp(behind, "") != 0 && strcmp(behind, "/") != 0 && strcmp(behind, TD_PEER_PATH) != 0))
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: --server needs an address such as ws://build.example:8080, not "
                            "'%s'",
                            command, url);
    (void)snprintf(address->host, sizeof address->host, "%.*s", (int)length, host);
    address->port = (int)port;
    return true;
}
