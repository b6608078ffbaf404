#include "live/client.h"

#include "live/protocol.h"
#include "live/tokens.h"

#include <stdio.h>
#include <string.h>

int td_client_flags(const struct ssl_ctx_st *tls)
{
    return tls == NULL ? 0 : LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
}

int td_client_add_token(const char *token, struct lws *wsi, unsigned char **at, size_t room)
{
    char value[sizeof "Bearer " + TD_TOKEN_MOST];
    if (token == NULL) return 0;
    int length = snprintf(value, sizeof value, "Bearer %s", token);
    int failed = lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
                                              (const unsigned char *)value, length, at, *at + room);
    td_token_wipe(value, sizeof value);
    return failed;
}

bool td_client_is_unauthorized(const char *text)
{
    return text != NULL && strstr(text, "unauthorized") != NULL;
}

const char *td_client_refusal(const char *token)
{
    return token == NULL ? "it wants a token: give one with --token-file FILE, or in "
                           "TASK_DIRECTOR_TOKEN"
                         : "it does not know this peer's token: give one that is in its list of "
                           "tokens";
}

const char *td_client_trouble(const char *flaw, const char *text)
{
    if (flaw[0] != '\0') return flaw;
    if (text == NULL) return "it cannot be reached";
    if (strncmp(text, "connect SSL", 11) == 0)
        return "it speaks no TLS that is known here: check whether it is ws:// or wss://";
    if (strncmp(text, "HS:", 3) == 0 || strstr(text, "closed before established") != NULL ||
        strcmp(text, "read failed") == 0 || strcmp(text, "Peer hung up") == 0)
        return "what answers there speaks no " TD_SUBPROTOCOL
               ": check the address and whether it is ws:// or wss://, or update whichever of the "
               "two is older";
    return text;
}
