#include "rpc/tls.h"

#include <grpc/grpc_security.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "log/log.h"
#include "rpc/tls_internal.h"

enum { RELOAD_S = 10 };

struct rpc_tls {
    grpc_tls_certificate_provider *files;
};

/* --- files --- */

static bool are_readable(const struct rpc_tls_options *options)
{
    const char *const files[] = {options->ca_file, options->certificate_file, options->key_file};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (access(files[i], R_OK) != 0) {
            log_line(LOG_ERROR, NULL, "rpc: %s cannot be read", files[i]);
            return false;
        }
    }
    return true;
}

enum status rpc_tls_new(const struct rpc_tls_options *options, struct rpc_tls **ret_tls)
{
    if (!are_readable(options))
        return ST_UNAVAILABLE;
    struct rpc_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        abort();
    grpc_init();
    const int64_t reload_s = options->reload_s == 0 ? RELOAD_S : options->reload_s;
    tls->files = grpc_tls_certificate_provider_file_watcher_create(
        options->key_file, options->certificate_file, options->ca_file, (unsigned)reload_s);
    *ret_tls = tls;
    return ST_OK;
}

void rpc_tls_free(struct rpc_tls **tls)
{
    struct rpc_tls *old = *tls;
    if (old == NULL)
        return;
    grpc_tls_certificate_provider_release(old->files);
    free(old);
    grpc_shutdown();
    *tls = NULL;
}

/* --- credentials --- */

static grpc_tls_credentials_options *make_options(const struct rpc_tls *tls)
{
    grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();
    grpc_tls_credentials_options_set_certificate_provider(options, tls->files);
    grpc_tls_credentials_options_watch_root_certs(options);
    grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
    return options;
}

grpc_server_credentials *rpc_tls_server_credentials(const struct rpc_tls *tls)
{
    if (tls == NULL)
        return grpc_insecure_server_credentials_create();
    grpc_tls_credentials_options *options = make_options(tls);
    grpc_tls_credentials_options_set_cert_request_type(
        options, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    return grpc_tls_server_credentials_create(options);
}

grpc_channel_credentials *rpc_tls_channel_credentials(const struct rpc_tls *tls)
{
    if (tls == NULL)
        return grpc_insecure_credentials_create();
    return grpc_tls_credentials_create(make_options(tls));
}

/* --- callers --- */

bool rpc_names_hold(const char *names, const char *name)
{
    const size_t length = strlen(name);
    if (names == NULL || length == 0)
        return false;
    if (strcmp(names, "*") == 0)
        return true;
    for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
        const size_t size = strcspn(at, " ");
        if (size == length && memcmp(at, name, length) == 0)
            return true;
        at += size;
    }
    return false;
}

enum status rpc_tls_check_caller(struct ctx *ctx, grpc_call *call, const struct rpc_method *method)
{
    bool allowed = false;
    char name[CTX_CALLER_MAX] = "";
    grpc_auth_context *peer = grpc_call_auth_context(call);
    grpc_auth_property_iterator names =
        grpc_auth_context_find_properties_by_name(peer, GRPC_PEER_DNS_PROPERTY_NAME);
    const grpc_auth_property *found;
    while (!allowed && (found = grpc_auth_property_iterator_next(&names)) != NULL) {
        /* A name with a NUL in it, or one too long, is nobody's. */
        if (found->value_length >= sizeof name || strlen(found->value) != found->value_length)
            continue;
        base_copy_text(name, sizeof name, found->value);
        allowed = rpc_names_hold(method->callers, name);
    }
    grpc_auth_context_release(peer);
    base_copy_text(ctx->caller, sizeof ctx->caller, name);
    if (!allowed)
        return ctx_fail(ctx, ST_CALLER_NOT_ALLOWED, "%s may not be called by \"%s\"", method->name,
                        name);
    return ST_OK;
}
