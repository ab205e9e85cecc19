#include "config.h"

#include "base/macros.h"
#include "wallet.h"

#define FIELD(member) offsetof(struct wallet_config, member)

const struct config_setting wallet_settings[] = {
    {"WALLET_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:50054", 1, 255, "", "gRPC address"},
    {"WALLET_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9104", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    {"WALLET_DB_URL", CONFIG_SECRET, FIELD(db_url), NULL, 1, 1024, "",
     "PostgreSQL, as the role wallet_app"},
    {"WALLET_CHARGE_MAX", CONFIG_INT, FIELD(charge_won_max), "10000000", 1, WALLET_LIMIT_MAX, "won",
     "the most one charge may add"},
    {"WALLET_BALANCE_MAX", CONFIG_INT, FIELD(balance_won_max), "100000000", 1, WALLET_LIMIT_MAX,
     "won", "the most a charge may bring a balance to"},
    {"WALLET_WORKERS", CONFIG_INT, FIELD(workers), "64", 1, 512, "", "calls handled at once"},
    {"WALLET_DB_WRITE_LANES", CONFIG_INT, FIELD(write_lanes), "2", 1, 64, "",
     "connections for batched writes"},
    {"WALLET_DB_READ_LANES", CONFIG_INT, FIELD(read_lanes), "2", 1, 64, "",
     "connections for batched reads"},
    {"WALLET_DB_BATCH_MAX", CONFIG_INT, FIELD(batch_max), "64", 1, 1024, "",
     "statements in one round trip"},
};
const size_t wallet_setting_count = ARRAY_LEN(wallet_settings);
