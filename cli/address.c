#include "cli/address.h"

#include "live/protocol.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool td_server_address_read(const char *command, const char *url, struct td_server_address *address,
                            struct td_error *error)
{
    static const char plain[] = "ws://", encrypted[] = "wss://";
    address->encrypted = strncmp(url, encrypted, strlen(encrypted)) == 0;
    bool good = address->encrypted || strncmp(url, plain, strlen(plain)) == 0;
    const char *host = url + (!good ? 0 : strlen(address->encrypted ? encrypted : plain));
    bool brackets = *host == '[';
    if (brackets) host++;
    const char *end = host + strcspn(host, brackets ? "]" : ":/");
    size_t length = (size_t)(end - host);
    good = good && length > 0 && length < sizeof address->host && (!brackets || *end == ']');
    if (brackets && good) end++;
    char *behind = NULL;
    unsigned long port = 0;
    if (good && *end == ':' && isdigit((unsigned char)end[1])) {
        port = strtoul(end + 1, &behind, 10);
    } else if (good && address->encrypted && *end != ':') {
        port = 443;
        behind = (char *)(uintptr_t)end;
    }
    if (!good || port == 0 || port > 65535 ||
        (strcmp(behind, "") != 0 && strcmp(behind, "/") != 0 && strcmp(behind, TD_PEER_PATH) != 0))
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: --server needs an address such as ws://build.example:8080 or "
                            "wss://build.example, not '%s'",
                            command, url);
    (void)snprintf(address->host, sizeof address->host, "%.*s", (int)length, host);
    address->port = (int)port;
    return true;
}
