#include "config.h"

#include "base/macros.h"
#include "line.h"

#define FIELD(member) offsetof(struct queue_config, member)

const struct config_setting queue_settings[] = {
    {"QUEUE_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:50051", 1, 255, "", "gRPC address"},
    {"QUEUE_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9101", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    {"QUEUE_REDIS_URL", CONFIG_SECRET, FIELD(redis_url), NULL, 1, 1024, "",
     "Redis, where the line is"},
    {"QUEUE_DB_URL", CONFIG_SECRET, FIELD(db_url), NULL, 1, 1024, "",
     "PostgreSQL, as the role queue_app"},
    {"TOKEN_SECRET", CONFIG_SECRET, FIELD(token_secret), NULL, 32, 1024, "",
     "signs queue tokens; the gateway has the same"},
    {"QUEUE_POLICY", CONFIG_CHOICE, FIELD(policy), "counter", 0, 0, "counter|gate|both",
     "how users are admitted until an operator sets it"},
    {"QUEUE_CAPACITY", CONFIG_INT, FIELD(capacity), "100", 1, POLICY_CAPACITY_MAX, "",
     "counter, both: at most so many users active"},
    {"QUEUE_ADMIT_BATCH", CONFIG_INT, FIELD(admit_batch), "50", 1, POLICY_BATCH_MAX, "",
     "gate, both: so many enter in an interval"},
    {"QUEUE_ADMIT_INTERVAL_MS", CONFIG_INT, FIELD(admit_interval_ms), "1000",
     POLICY_INTERVAL_MS_MIN, POLICY_INTERVAL_MS_MAX, "ms", "gate, both: length of an interval"},
    {"QUEUE_ACTIVE_TTL_MS", CONFIG_INT, FIELD(active_ttl_ms), "600000", POLICY_TTL_MS_MIN,
     POLICY_TTL_MS_MAX, "ms", "after which an admitted user's place ends by itself"},
    {"QUEUE_ABSENT_MS", CONFIG_INT, FIELD(absent_ms), "60000", POLICY_ABSENT_MS_MIN,
     POLICY_ABSENT_MS_MAX, "ms", "silence after which a waiting user is passed over"},
    {"QUEUE_WATCH_INTERVAL_MS", CONFIG_INT, FIELD(watch_interval_ms), "500", 10, 60000, "ms",
     "how often watched places are looked at"},
    {"QUEUE_WORKERS", CONFIG_INT, FIELD(workers), "64", 1, 512, "", "calls handled at once"},
    {"QUEUE_REDIS_LANES", CONFIG_INT, FIELD(redis_lanes), "2", 1, 64, "", "connections to Redis"},
    {"QUEUE_REDIS_BATCH_MAX", CONFIG_INT, FIELD(redis_batch_max), "128", 1, 1024, "",
     "commands in one round trip"},
};
const size_t queue_setting_count = ARRAY_LEN(queue_settings);
