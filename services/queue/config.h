/* The settings of the queue service. */
#ifndef QUEUE_CONFIG_H
#define QUEUE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct queue_config {
    char *listen;
    char *admin_listen;
    char *redis_url;
    char *db_url;
    char *token_secret;
    int policy;
    int64_t capacity;
    int64_t admit_batch;
    int64_t admit_interval_ms;
    int64_t active_ttl_ms;
    int64_t absent_ms;
    int64_t watch_interval_ms;
    int64_t workers;
    int64_t redis_lanes;
    int64_t redis_batch_max;
};

extern const struct config_setting queue_settings[];
extern const size_t queue_setting_count;

#endif
