/* Where an authority is, as the commands that go to one are told. */
#ifndef TD_CLI_ADDRESS_H
#define TD_CLI_ADDRESS_H

#include "base/error.h"

struct td_server_address {
    char host[256];
    int port;
    bool encrypted; /* wss:// */
};

/* ws://HOST:PORT or wss://HOST[:PORT], perhaps with /peer behind it; an IPv6 address stands in
 * brackets. False with a sentence that begins with the command's name. */
bool td_server_address_read(const char *command, const char *url, struct td_server_address *address,
                            struct td_error *error);

#endif
