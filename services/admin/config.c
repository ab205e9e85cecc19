#include "config.h"

#include "base/macros.h"

#define FIELD(member) offsetof(struct audit_config, member)

const struct config_setting audit_settings[] = {
    {"QUEUE_AUDIT_DB_URL", CONFIG_SECRET, FIELD(queue_url), NULL, 1, 1024, "",
     "database of queue, as a role that may read its tables"},
    {"CONCERT_AUDIT_DB_URL", CONFIG_SECRET, FIELD(concert_url), NULL, 1, 1024, "",
     "the same of concert"},
    {"RESERVATION_AUDIT_DB_URL", CONFIG_SECRET, FIELD(reservation_url), NULL, 1, 1024, "",
     "the same of reservation"},
    {"WALLET_AUDIT_DB_URL", CONFIG_SECRET, FIELD(wallet_url), NULL, 1, 1024, "",
     "the same of wallet"},
    {"PAYMENT_AUDIT_DB_URL", CONFIG_SECRET, FIELD(payment_url), NULL, 1, 1024, "",
     "the same of payment; this role must be allowed temporary tables"},
    {"WALLET_BALANCE_MAX", CONFIG_INT, FIELD(balance_won_max), "100000000", 1,
     INT64_C(1000000000000), "won",
     "the most a charge may bring a balance to, as the wallet has it"},
    {"AUDIT_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9106", 1, 255, "",
     "of audit --serve: HTTP address of /livez, /readyz and /metrics"},
    {"AUDIT_REPORT_FILE", CONFIG_TEXT, FIELD(report_file), "", 0, 4000, "",
     "where `audit --serve` leaves what it found, for the operator's view of the gateway; empty: "
     "nowhere"},
    {"AUDIT_INTERVAL_MS", CONFIG_INT, FIELD(interval_ms), "30000", 100, 3600000, "ms",
     "of audit --serve: between two looks; what both of them tell is there to stay"},
};
const size_t audit_setting_count = ARRAY_LEN(audit_settings);

const struct config_setting order_settings[] = {
    {"QUEUE_AUDIT_DB_URL", CONFIG_SECRET, offsetof(struct order_config, queue_url), NULL, 1, 1024,
     "", "database of queue, as a role that may read its tables"},
};
const size_t order_setting_count = ARRAY_LEN(order_settings);

const struct config_setting concert_peer_settings[] = {
    {"CONCERT_TARGET", CONFIG_TEXT, offsetof(struct peer_config, target), "127.0.0.1:50052", 1,
     1024, "", "gRPC name of the concert service"},
};
const struct config_setting queue_peer_settings[] = {
    {"QUEUE_TARGET", CONFIG_TEXT, offsetof(struct peer_config, target), "127.0.0.1:50051", 1, 1024,
     "", "gRPC name of the queue service"},
};
const size_t peer_setting_count = 1;
