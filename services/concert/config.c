#include "config.h"

#include "base/macros.h"

#define FIELD(member) offsetof(struct concert_config, member)

const struct config_setting concert_settings[] = {
    {"CONCERT_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:50052", 1, 255, "", "gRPC address"},
    {"CONCERT_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9102", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    {"CONCERT_DB_URL", CONFIG_SECRET, FIELD(db_url), NULL, 1, 1024, "",
     "PostgreSQL, as the role concert_app"},
    {"RESERVATION_TARGET", CONFIG_TEXT, FIELD(reservation_target), "127.0.0.1:50053", 1, 1000, "",
     "gRPC name of the reservation service"},
    {"CONCERT_WORKERS", CONFIG_INT, FIELD(workers), "64", 1, 512, "", "calls handled at once"},
    {"CONCERT_DB_WRITE_LANES", CONFIG_INT, FIELD(write_lanes), "2", 1, 64, "",
     "connections for batched writes"},
    {"CONCERT_DB_READ_LANES", CONFIG_INT, FIELD(read_lanes), "2", 1, 64, "",
     "connections for batched reads"},
    {"CONCERT_DB_BATCH_MAX", CONFIG_INT, FIELD(batch_max), "64", 1, 1024, "",
     "statements in one round trip"},
};
const size_t concert_setting_count = ARRAY_LEN(concert_settings);
