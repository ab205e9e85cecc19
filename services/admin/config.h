/* The settings of boxoffice-admin: each command reads only its own. */
#ifndef ADMIN_CONFIG_H
#define ADMIN_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct audit_config {
    char *queue_url;
    char *concert_url;
    char *reservation_url;
    char *wallet_url;
    char *payment_url;
    int64_t balance_won_max;
    char *admin_listen;
    char *report_file;
    int64_t interval_ms;
};
extern const struct config_setting audit_settings[];
extern const size_t audit_setting_count;

/* What verify-order reads. */
struct order_config {
    char *queue_url;
};
extern const struct config_setting order_settings[];
extern const size_t order_setting_count;

struct peer_config {
    char *target;
};
extern const struct config_setting concert_peer_settings[];
extern const struct config_setting queue_peer_settings[];
extern const size_t peer_setting_count;

#endif
