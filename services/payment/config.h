/* The settings of the payment service. */
#ifndef PAYMENT_CONFIG_H
#define PAYMENT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct payment_config {
    char *listen;
    char *admin_listen;
    char *db_url;
    char *reservation_target;
    char *wallet_target;
    char *queue_target;
    int64_t lease_ms;
    int64_t recovery_interval_ms;
    int64_t recovery_workers;
    int64_t workers;
    int64_t channels;
    int64_t write_lanes;
    int64_t read_lanes;
    int64_t batch_max;
};

extern const struct config_setting payment_settings[];
extern const size_t payment_setting_count;

#endif
