/* The settings of the reservation service. */
#ifndef RESERVATION_CONFIG_H
#define RESERVATION_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct reservation_config {
    char *listen;
    char *admin_listen;
    char *db_url;
    char *concert_target;
    int64_t hold_ttl_ms;
    int64_t watch_interval_ms;
    int64_t sweep_interval_ms;
    int64_t workers;
    int64_t write_lanes;
    int64_t read_lanes;
    int64_t batch_max;
};

extern const struct config_setting reservation_settings[];
extern const size_t reservation_setting_count;

#endif
