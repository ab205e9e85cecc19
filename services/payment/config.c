#include "config.h"

#include "base/macros.h"
#include "jobs.h"

#define FIELD(member) offsetof(struct payment_config, member)

const struct config_setting payment_settings[] = {
    {"PAYMENT_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:50055", 1, 255, "", "gRPC address"},
    {"PAYMENT_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9105", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    {"PAYMENT_DB_URL", CONFIG_SECRET, FIELD(db_url), NULL, 1, 1024, "",
     "PostgreSQL, as the role payment_app"},
    {"RESERVATION_TARGET", CONFIG_TEXT, FIELD(reservation_target), "127.0.0.1:50053", 1, 1024, "",
     "gRPC name of the reservation service"},
    {"WALLET_TARGET", CONFIG_TEXT, FIELD(wallet_target), "127.0.0.1:50054", 1, 1024, "",
     "gRPC name of the wallet service"},
    {"QUEUE_TARGET", CONFIG_TEXT, FIELD(queue_target), "127.0.0.1:50051", 1, 1024, "",
     "gRPC name of the queue service"},
    {"PAYMENT_LEASE_MS", CONFIG_INT, FIELD(lease_ms), "30000", 100, 300000, "ms",
     "how long a seat must not lapse under its payment; a payment whose driver died is taken over "
     "after a fifth of it"},
    {"PAYMENT_RECOVERY_INTERVAL_MS", CONFIG_INT, FIELD(recovery_interval_ms), "500", 10, 60000,
     "ms", "between looks for payments that nobody drives"},
    {"PAYMENT_RECOVERY_WORKERS", CONFIG_INT, FIELD(recovery_workers), "4", 1,
     PAYMENT_JOBS_WORKERS_MAX, "", "threads that drive such payments"},
    {"PAYMENT_WORKERS", CONFIG_INT, FIELD(workers), "64", 1, 512, "", "calls handled at once"},
    {"PAYMENT_CHANNELS", CONFIG_INT, FIELD(channels), "1", 1, 16, "", "connections to each peer"},
    {"PAYMENT_DB_WRITE_LANES", CONFIG_INT, FIELD(write_lanes), "2", 1, 64, "",
     "connections for batched writes"},
    {"PAYMENT_DB_READ_LANES", CONFIG_INT, FIELD(read_lanes), "2", 1, 64, "",
     "connections for batched reads"},
    {"PAYMENT_DB_BATCH_MAX", CONFIG_INT, FIELD(batch_max), "64", 1, 1024, "",
     "statements in one round trip"},
};
const size_t payment_setting_count = ARRAY_LEN(payment_settings);
