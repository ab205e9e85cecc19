/* The settings of the wallet service. */
#ifndef WALLET_CONFIG_H
#define WALLET_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct wallet_config {
    char *listen;
    char *admin_listen;
    char *db_url;
    int64_t charge_won_max;
    int64_t balance_won_max;
    int64_t workers;
    int64_t write_lanes;
    int64_t read_lanes;
    int64_t batch_max;
};

extern const struct config_setting wallet_settings[];
extern const size_t wallet_setting_count;

#endif
