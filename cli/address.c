#include "cli/address.h"

#include "live/protocol.h"
#include "live/tls.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_VARIABLE "TASK_DIRECTOR_TOKEN"

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

static bool read_token(const struct td_value *file, struct td_server_access *access,
                       struct td_error *error)
{
    char *text = getenv(TOKEN_VARIABLE);
    bool good = true;
    if (file->given)
        good = td_token_read(file->text, access->secret, error);
    else if (text != NULL)
        good = td_token_take(TOKEN_VARIABLE, text, access->secret, error);
    if (text != NULL) {
        td_token_wipe(text, strlen(text));
        (void)unsetenv(TOKEN_VARIABLE);
    }
    access->token = access->secret[0] == '\0' ? NULL : access->secret;
    return good;
}

bool td_server_access_open(const char *command, const struct td_value *server,
                           const struct td_value *token_file, const struct td_value *tls_ca,
                           struct td_server_access *access, struct td_error *error)
{
    *access = (struct td_server_access){0};
    if (!td_server_address_read(command, server->text, &access->address, error) ||
        !read_token(token_file, access, error))
        return false;
    if (!access->address.encrypted)
        return !tls_ca->given || td_error_set(error, TD_FAULT_INPUT,
                                              "%s: --tls-ca is for an authority at wss://, and "
                                              "--server is %s",
                                              command, server->text);
    access->tls =
        td_tls_client_create(access->address.host, tls_ca->given ? tls_ca->text : NULL, error);
    return access->tls != NULL;
}

void td_server_access_close(struct td_server_access *access)
{
    td_tls_client_destroy(access->tls);
    td_token_wipe(access->secret, sizeof access->secret);
}
