#include "config.h"

#include "base/macros.h"

#define FIELD(member) offsetof(struct reservation_config, member)

const struct config_setting reservation_settings[] = {
    {"RESERVATION_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:50053", 1, 255, "", "gRPC address"},
    {"RESERVATION_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9103", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    {"RESERVATION_DB_URL", CONFIG_SECRET, FIELD(db_url), NULL, 1, 1024, "",
     "PostgreSQL, as the role reservation_app"},
    {"CONCERT_TARGET", CONFIG_TEXT, FIELD(concert_target), "127.0.0.1:50052", 1, 1000, "",
     "gRPC name of the concert service"},
    {"RESERVATION_HOLD_TTL_MS", CONFIG_INT, FIELD(hold_ttl_ms), "300000", 100, 86400000, "ms",
     "how long a seat stays held for a user who has not paid"},
    {"RESERVATION_WATCH_INTERVAL_MS", CONFIG_INT, FIELD(watch_interval_ms), "100", 10, 10000, "ms",
     "how often the seats of watched dates are looked at"},
    {"RESERVATION_SWEEP_INTERVAL_MS", CONFIG_INT, FIELD(sweep_interval_ms), "100", 10, 3600000,
     "ms", "how often claims past their time are tidied; they are free without it"},
    {"RESERVATION_WORKERS", CONFIG_INT, FIELD(workers), "64", 1, 512, "", "calls handled at once"},
    {"RESERVATION_DB_WRITE_LANES", CONFIG_INT, FIELD(write_lanes), "2", 1, 64, "",
     "connections for batched writes"},
    {"RESERVATION_DB_READ_LANES", CONFIG_INT, FIELD(read_lanes), "2", 1, 64, "",
     "connections for batched reads"},
    {"RESERVATION_DB_BATCH_MAX", CONFIG_INT, FIELD(batch_max), "64", 1, 1024, "",
     "statements in one round trip"},
};
const size_t reservation_setting_count = ARRAY_LEN(reservation_settings);
