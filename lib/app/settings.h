/* The settings that every program of the suite has, beside its own table. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/status.h"
#include "config/config.h"
#include "rpc/tls.h"

struct app_settings {
    char *tls_ca_file;
    char *tls_certificate_file;
    char *tls_key_file;
    int64_t tls_reload_s;
    int64_t drain_ms;
    char *trace_url;
    int64_t trace_sample_per_mille;
};

extern const struct config_setting app_setting_table[];
extern const size_t app_setting_count;

/* Reads them, and makes what they ask for, for as long as the process lives. Bad ones are reported
 * to `errors`. Once, before any of the functions below. */
enum status app_settings_load(FILE *errors) MUST_CHECK;
const struct app_settings *app_settings(void);

/* What clients and servers are to use; NULL: plain text. */
const struct rpc_tls *app_tls(void);

#endif
