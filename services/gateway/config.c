#include "config.h"

#include "base/macros.h"
#include "token/token.h"

#define FIELD(member) offsetof(struct gateway_config, member)
#define TARGET(name, member, fallback)                                                             \
    {                                                                                              \
        name "_TARGET", CONFIG_TEXT, FIELD(member), fallback, 1, 1000, "",                         \
            "gRPC name of the service: one or more addresses"                                      \
    }

const struct config_setting gateway_settings[] = {
    {"GATEWAY_LISTEN", CONFIG_TEXT, FIELD(listen), "0.0.0.0:8080", 1, 255, "",
     "HTTP address for users"},
    {"GATEWAY_ADMIN_LISTEN", CONFIG_TEXT, FIELD(admin_listen), "0.0.0.0:9100", 1, 255, "",
     "HTTP address of /livez, /readyz and /metrics"},
    TARGET("QUEUE", queue_target, "127.0.0.1:50051"),
    TARGET("CONCERT", concert_target, "127.0.0.1:50052"),
    TARGET("RESERVATION", reservation_target, "127.0.0.1:50053"),
    TARGET("WALLET", wallet_target, "127.0.0.1:50054"),
    TARGET("PAYMENT", payment_target, "127.0.0.1:50055"),
    {"TOKEN_SECRET", CONFIG_SECRET, FIELD(token_secret), NULL, TOKEN_SECRET_MIN, 1024, "",
     "what queue tokens are signed with; the queue service's own"},
    {"GATEWAY_MAX_IN_FLIGHT", CONFIG_INT, FIELD(in_flight_max), "1024", 1, 100000, "",
     "requests queued or running; more are refused at once"},
    {"GATEWAY_WORKERS", CONFIG_INT, FIELD(workers), "128", 1, 512, "", "requests running at once"},
    {"GATEWAY_RATE_PER_USER", CONFIG_RATE, FIELD(rate_per_user), "50/s", 0, 1000000, "",
     "requests of one user a second, with a burst of twice that; 0 is off"},
    {"GATEWAY_RATE_PER_ADDRESS", CONFIG_RATE, FIELD(rate_per_address), "0", 0, 1000000, "",
     "requests of one address a second, with a burst of twice that; 0 is off"},
    {"GATEWAY_CORS_ORIGINS", CONFIG_TEXT, FIELD(cors_origins), "", 0, 4000, "",
     "origins whose pages may call the API, e.g. https://shop.example; * for any; empty: none"},
    {"GATEWAY_WEB_DIR", CONFIG_TEXT, FIELD(web_dir), "", 0, 4000, "",
     "folder of the web page, read at start; empty serves none"},
    {"GATEWAY_ADMIN_SECRET", CONFIG_SECRET, FIELD(ops_secret), "", 0, 1024, "",
     "what opens the operator's view at /ops, 16 characters or more; empty shuts it"},
    {"GATEWAY_AUDIT_FILE", CONFIG_TEXT, FIELD(audit_file), "", 0, 4000, "",
     "where `boxoffice-admin audit --json` leaves its report, for the operator's view"},
    {"IDENTITY_MODE", CONFIG_CHOICE, FIELD(identity_mode), "trust", 0, 0, "trust|jwt",
     "who may join the line as a user: anybody, or who has that user's own signed JWT"},
    {"IDENTITY_SECRET", CONFIG_SECRET, FIELD(identity_secret), "", 0, 1024, "",
     "what users' JWTs are signed with (HS256)"},
    {"IDENTITY_JWKS_FILE", CONFIG_TEXT, FIELD(identity_jwks_file), "", 0, 4000, "",
     "the keys that users' JWTs are signed with (RS256, ES256); read again when it has changed"},
    {"IDENTITY_ISSUER", CONFIG_TEXT, FIELD(identity_issuer), "", 0, 1000, "",
     "what users' JWTs must have as iss; empty: anything"},
    {"IDENTITY_AUDIENCE", CONFIG_TEXT, FIELD(identity_audience), "", 0, 1000, "",
     "what users' JWTs must have in aud; empty: anything"},
};
const size_t gateway_setting_count = ARRAY_LEN(gateway_settings);
