/* Where an authority is, and how to be let in there, as the commands that go to one are told. */
#ifndef TD_CLI_ADDRESS_H
#define TD_CLI_ADDRESS_H

#include "base/error.h"
#include "cli/options.h"
#include "live/tokens.h"

/* Rows of their tables of options. */
#define TD_OPTION_SERVER                                                                           \
    {                                                                                              \
        .name = "server", .kind = TD_OPTION_TEXT, .value = "URL",                                  \
        .help = "the authority: ws://HOST:PORT, or wss://HOST[:PORT]"                              \
    }
#define TD_OPTION_TOKEN_FILE                                                                       \
    {                                                                                              \
        .name = "token-file", .kind = TD_OPTION_TEXT, .value = "FILE",                             \
        .help = "the token that the authority wants; also in the variable\n"                       \
                "TASK_DIRECTOR_TOKEN"                                                              \
    }
#define TD_OPTION_TLS_CA                                                                           \
    {                                                                                              \
        .name = "tls-ca", .kind = TD_OPTION_TEXT, .value = "FILE",                                 \
        .help = "the CA (PEM) that has signed the authority's certificate (default: those\n"       \
                "that the system trusts)"                                                          \
    }

struct td_server_address {
    char host[256];
    int port;
    bool encrypted; /* wss:// */
};

/* ws://HOST:PORT or wss://HOST[:PORT], perhaps with /peer behind it; an IPv6 address stands in
 * brackets. False with a sentence that begins with the command's name. */
bool td_server_address_read(const char *command, const char *url, struct td_server_address *address,
                            struct td_error *error);

/* All that is needed to connect; it is not to be moved. */
struct td_server_access {
    struct td_server_address address;
    struct ssl_ctx_st *tls; /* NULL: not encrypted */
    const char *token;      /* NULL: none */
    char secret[TD_TOKEN_MOST + 1];
};

/* From what those options were given; the token, if not from its file, from the variable, which is
 * wiped, so that no child can read it. td_server_access_close() follows, also after a failure. */
bool td_server_access_open(const char *command, const struct td_value *server,
                           const struct td_value *token_file, const struct td_value *tls_ca,
                           struct td_server_access *access, struct td_error *error);
/* All zero is allowed. */
void td_server_access_close(struct td_server_access *access);

#endif
