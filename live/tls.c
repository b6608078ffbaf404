#include "live/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* OpenSSL's own words for what has just failed; what it kept of it is forgotten. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text != NULL ? text : "unknown reason";
}

static bool is_readable(const char *path, struct td_error *error)
{
    return access(path, R_OK) == 0 ||
           td_error_set(error, TD_FAULT_INPUT, "%s: cannot be read: %s: check the path", path,
                        strerror(errno));
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *out, int size, int writes, void *context)
{
    (void)writes;
    (void)context;
    if (size > 0) out[0] = '\0';
    return 0;
}

static void write_day(const ASN1_TIME *time, char out[static 32])
{
    struct tm day;
    if (ASN1_TIME_to_tm(time, &day) != 1 || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &day) == 0)
        (void)snprintf(out, 32, "an unknown time");
}

static bool check_dates(const X509 *certificate, const char *path, char *warning, size_t size,
                        struct td_error *error)
{
    const ASN1_TIME *begin = X509_get0_notBefore(certificate);
    const ASN1_TIME *end = X509_get0_notAfter(certificate);
    char day[32];
    int days = 0, seconds = 0;
    warning[0] = '\0';
    write_day(end, day);
    if (X509_cmp_current_time(end) <= 0)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: the certificate has expired on %s: renew it, or set the clock",
                            path, day);
    if (ASN1_TIME_diff(&days, &seconds, NULL, end) == 1 && days < TD_TLS_DAYS_LEFT)
        (void)snprintf(warning, size, "%s: the certificate expires on %s: renew it", path, day);
    write_day(begin, day);
    return X509_cmp_current_time(begin) < 0 ||
           td_error_set(error, TD_FAULT_INPUT,
                        "%s: the certificate is valid from %s only: wait, or set the clock", path,
                        day);
}

bool td_tls_use(struct ssl_ctx_st *context, const char *cert, const char *key, char *warning,
                size_t size, struct td_error *error)
{
    if (!is_readable(cert, error) || !is_readable(key, error)) return false;
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: is no certificate in PEM (%s): name the file of the authority's "
                            "certificate",
                            cert, reason());
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
        return check_dates(SSL_CTX_get0_certificate(context), cert, warning, size, error);
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
        ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH)
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s: is not the key of the certificate in %s (%s): name those that "
                            "belong together",
                            key, cert, reason());
    return td_error_set(error, TD_FAULT_INPUT,
                        "%s: is no private key in PEM without a passphrase (%s): name the file of "
                        "the certificate's key",
                        key, reason());
}

bool td_tls_check(const char *cert, const char *key, char *warning, size_t size,
                  struct td_error *error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) return td_error_memory(error, "TLS");
    bool good = td_tls_use(context, cert, key, warning, size, error);
    SSL_CTX_free(context);
    return good;
}

/* Which certificates are good. An address stands in a certificate as such, not as a name. */
static bool expect(SSL_CTX *context, const char *host)
{
    X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           (X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1 ||
            X509_VERIFY_PARAM_set1_host(wanted, host, strlen(host)) == 1);
}

struct ssl_ctx_st *td_tls_client_create(const char *host, const char *ca, struct td_error *error)
{
    if (ca != NULL && !is_readable(ca, error)) return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    ERR_clear_error();
    if (context == NULL || !expect(context, host)) {
        (void)td_error_memory(error, "TLS");
    } else if (ca == NULL ? SSL_CTX_set_default_verify_paths(context) == 1
                          : SSL_CTX_load_verify_file(context, ca) == 1) {
        return context;
    } else if (ca == NULL) {
        (void)td_error_set(error, TD_FAULT_RUN,
                           "the certificates that this system trusts cannot be read (%s): install "
                           "ca-certificates, or name the authority's CA with --tls-ca",
                           reason());
    } else {
        (void)td_error_set(error, TD_FAULT_INPUT,
                           "%s: is no certificate in PEM (%s): name the file of the CA's "
                           "certificate",
                           ca, reason());
    }
    SSL_CTX_free(context);
    return NULL;
}

void td_tls_client_destroy(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

void td_tls_flaw(const void *store, const char *host, char *out, size_t size)
{
    X509_STORE_CTX *verified = (X509_STORE_CTX *)(uintptr_t)store;
    const X509 *certificate = X509_STORE_CTX_get_current_cert(verified);
    int flaw = X509_STORE_CTX_get_error(verified);
    char day[32] = "an unknown time";
    switch (flaw) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        if (certificate != NULL) write_day(X509_get0_notAfter(certificate), day);
        (void)snprintf(out, size, "its certificate has expired on %s: have it renewed", day);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (certificate != NULL) write_day(X509_get0_notBefore(certificate), day);
        (void)snprintf(out, size, "its certificate is valid from %s only: look at the clock", day);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        (void)snprintf(out, size,
                       "its certificate is not for %s: give --server the name that is in it", host);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        (void)snprintf(out, size,
                       "its certificate is signed by a CA that is not known here: name the CA's "
                       "certificate with --tls-ca");
        break;
    default:
        (void)snprintf(out, size, "its certificate is not good (%s)",
                       X509_verify_cert_error_string(flaw));
    }
}
