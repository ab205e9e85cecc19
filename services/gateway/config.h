/* The settings of the gateway. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum identity_mode { IDENTITY_TRUST, IDENTITY_JWT };

struct gateway_config {
    char *listen;
    char *admin_listen;
    char *queue_target, *concert_target, *reservation_target, *wallet_target, *payment_target;
    char *token_secret;
    char *web_dir;
    char *cors_origins;
    int identity_mode; /* of enum identity_mode */
    char *identity_secret, *identity_jwks_file, *identity_issuer, *identity_audience;
    char *ops_secret;
    char *audit_file;
    int64_t in_flight_max;
    int64_t workers;
    int64_t rate_per_user;
    int64_t rate_per_address;
};

extern const struct config_setting gateway_settings[];
extern const size_t gateway_setting_count;

#endif
