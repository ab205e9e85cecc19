#include "app/settings.h"

#include <stdbool.h>

#define FIELD(member) offsetof(struct app_settings, member)

const struct config_setting app_setting_table[] = {
    {"RPC_TLS_CA_FILE", CONFIG_TEXT, FIELD(tls_ca_file), "", 0, 1024, "",
     "PEM file of the authorities whose certificates services believe; with the next two it turns "
     "mutual TLS on for every gRPC connection"},
    {"RPC_TLS_CERTIFICATE_FILE", CONFIG_TEXT, FIELD(tls_certificate_file), "", 0, 1024, "",
     "PEM file of this program's certificate; a DNS name in it is its name to the others"},
    {"RPC_TLS_KEY_FILE", CONFIG_TEXT, FIELD(tls_key_file), "", 0, 1024, "",
     "PEM file of the certificate's private key"},
    {"RPC_TLS_RELOAD_S", CONFIG_INT, FIELD(tls_reload_s), "10", 1, 3600, "s",
     "between looks whether those files have changed"},
    {"DRAIN_MS", CONFIG_INT, FIELD(drain_ms), "500", 1, 60000, "ms",
     "how long a program that was told to stop still takes new requests, while it says that it is "
     "not ready: as long as the news needs to reach everybody"},
    {"TRACE_URL", CONFIG_TEXT, FIELD(trace_url), "", 0, 1024, "",
     "where spans go, as OTLP over HTTP: \"http://collector:4318/v1/traces\"; empty: nowhere"},
    {"TRACE_SAMPLE_PER_MILLE", CONFIG_INT, FIELD(trace_sample_per_mille), "10", 0, 1000, "",
     "of 1000 requests that bring no trace of their own, how many are traced; one that brings a "
     "traceparent has decided"},
};
const size_t app_setting_count = ARRAY_LEN(app_setting_table);

static struct app_settings settings;
static struct rpc_tls *tls;

/* All three files, or none. */
static enum status make_tls(FILE *errors)
{
    const int given = (settings.tls_ca_file[0] != '\0') +
                      (settings.tls_certificate_file[0] != '\0') +
                      (settings.tls_key_file[0] != '\0');
    if (given == 0)
        return ST_OK;
    if (given != 3) {
        fputs("RPC_TLS_CA_FILE, RPC_TLS_CERTIFICATE_FILE and RPC_TLS_KEY_FILE go together\n",
              errors);
        return ST_INVALID_REQUEST;
    }
    const enum status status = rpc_tls_new(
        &(struct rpc_tls_options){
            .ca_file = settings.tls_ca_file,
            .certificate_file = settings.tls_certificate_file,
            .key_file = settings.tls_key_file,
            .reload_s = settings.tls_reload_s,
        },
        &tls);
    if (status != ST_OK)
        fputs("a file that RPC_TLS_... names cannot be read\n", errors);
    return status;
}

enum status app_settings_load(FILE *errors)
{
    TRY(config_load(app_setting_table, app_setting_count, &settings, errors));
    return make_tls(errors);
}

const struct app_settings *app_settings(void)
{
    return &settings;
}

const struct rpc_tls *app_tls(void)
{
    return tls;
}
