/* The settings of the concert service. */
#ifndef CONCERT_CONFIG_H
#define CONCERT_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct concert_config {
    char *listen;
    char *admin_listen;
    char *db_url;
    char *reservation_target;
    int64_t workers;
    int64_t write_lanes;
    int64_t read_lanes;
    int64_t batch_max;
};

extern const struct config_setting concert_settings[];
extern const size_t concert_setting_count;

#endif
