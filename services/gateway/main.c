#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/settings.h"
#include "config.h"
#include "edge.h"
#include "event_routes.h"
#include "log/log.h"
#include "ops_routes.h"
#include "rpc/client.h"
#include "seat_events.h"
#include "service.h"
#include "token/identity.h"
#include "web_files.h"

enum {
    CHANNELS = 1,           /* connections to each instance: more only cost */
    PEER_TIMEOUT_MS = 8000, /* below the request's own, so that there is time to answer */
    REQUEST_TIMEOUT_MS = 10000,
    FINISH_MS = 10000,
    STREAMS_MAX = 8192, /* half of the connections: events leave room for requests */
};

/* Stops the users' server once the admin endpoint has turned them away. */
static void stop_serving(void *self)
{
    struct http_server **server = self;
    http_server_stop(server, app_settings()->drain_ms, FINISH_MS);
}

static enum status connect(const struct gateway_config *config, struct gateway_peers *peers)
{
    const struct {
        const char *peer, *target;
        struct rpc_client **client;
    } table[] = {
        {"queue", config->queue_target, &peers->queue},
        {"concert", config->concert_target, &peers->concert},
        {"reservation", config->reservation_target, &peers->reservation},
        {"wallet", config->wallet_target, &peers->wallet},
        {"payment", config->payment_target, &peers->payment},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        TRY(rpc_client_new(&(struct rpc_client_options){.target = table[i].target,
                                                        .tls = app_tls(),
                                                        .peer = table[i].peer,
                                                        .channels = CHANNELS,
                                                        .timeout_ms_max = PEER_TIMEOUT_MS},
                           table[i].client));
    return ST_OK;
}

static void disconnect(struct gateway_peers *peers)
{
    rpc_client_free(&peers->queue);
    rpc_client_free(&peers->concert);
    rpc_client_free(&peers->reservation);
    rpc_client_free(&peers->wallet);
    rpc_client_free(&peers->payment);
}

static int run(const struct gateway_config *config, struct gateway *gateway)
{
    struct http_server *server = NULL;
    const enum status status = http_server_start(
        &(struct http_server_options){
            .listen = config->listen,
            .routes = gateway_routes,
            .route_count = gateway_route_count,
            .self = gateway,
            .server_name = "gateway",
            .workers = (size_t)config->workers,
            .in_flight_max = (size_t)config->in_flight_max,
            .request_timeout_ms = REQUEST_TIMEOUT_MS,
            .log_requests = true,
            .streams_max = STREAMS_MAX,
            .headers = gateway_headers,
            .header_count = gateway_header_count,
            .on_answer = edge_on_answer,
        },
        &server);
    if (status != ST_OK)
        return EXIT_FAILURE;
    log_line(LOG_INFO, NULL, "http port %d", http_server_port(server));
    const int code = app_serve(&(struct app_serving){
        .admin_listen = config->admin_listen,
        .on_drain = stop_serving,
        .self = &server,
    });
    http_server_stop(&server, 0, 0);
    return code;
}

static enum status load_page(const struct gateway_config *config, struct web_files **files)
{
    char why[256];
    if (config->web_dir[0] == '\0')
        return ST_OK;
    const enum status status = web_files_load(config->web_dir, why, files);
    if (status != ST_OK)
        log_line(LOG_ERROR, NULL, "GATEWAY_WEB_DIR %s: %s", config->web_dir, why);
    return status;
}

static enum status load_identity(const struct gateway_config *config, struct identity **identity)
{
    char why[256];
    if (config->identity_mode == IDENTITY_TRUST) {
        log_line(
            LOG_WARN, NULL,
            "IDENTITY_MODE is trust: users are who they say they are. For demonstrations only.");
        return ST_OK;
    }
    const enum status status = identity_new(
        &(struct identity_options){
            .secret = config->identity_secret,
            .jwks_file = config->identity_jwks_file,
            .issuer = config->identity_issuer,
            .audience = config->identity_audience,
        },
        why, identity);
    if (status != ST_OK)
        log_line(LOG_ERROR, NULL, "IDENTITY_SECRET or IDENTITY_JWKS_FILE: %s", why);
    return status;
}

/* What a setting's table cannot tell. */
static bool check_edge(const struct gateway_config *config)
{
    const size_t secret_size = strlen(config->ops_secret);
    if (secret_size > 0 && secret_size < OPS_SECRET_MIN)
        log_line(LOG_ERROR, NULL, "GATEWAY_ADMIN_SECRET is shorter than %d", OPS_SECRET_MIN);
    else if (!edge_origins_are_valid(config->cors_origins))
        log_line(LOG_ERROR, NULL, "GATEWAY_CORS_ORIGINS is no list of origins");
    else
        return true;
    return false;
}

static int serve(const struct gateway_config *config)
{
    scoped(token_key_free) struct token_key *key = NULL;
    scoped(web_files_free) struct web_files *web_files = NULL;
    scoped(identity_free) struct identity *identity = NULL;
    struct gateway gateway = {0};
    if (load_page(config, &web_files) != ST_OK || load_identity(config, &identity) != ST_OK)
        return EXIT_FAILURE;
    gateway.web_files = web_files;
    gateway.identity = identity;
    if (token_key_new(config->token_secret, &key) != ST_OK) {
        log_line(LOG_ERROR, NULL, "TOKEN_SECRET is too short");
        return EXIT_FAILURE;
    }
    if (!check_edge(config))
        return EXIT_FAILURE;
    int code = EXIT_FAILURE;
    if (connect(config, &gateway.peers) == ST_OK) {
        scoped(admission_free) struct admission *admission = admission_new(&gateway.peers, key);
        scoped(limiter_free) struct limiter *user_limiter = limiter_new(config->rate_per_user);
        scoped(limiter_free) struct limiter *address_limiter =
            limiter_new(config->rate_per_address);
        scoped(limiter_free) struct limiter *ops_limiter = limiter_new(OPS_RATE);
        scoped(place_events_stop) struct place_events *place_events =
            place_events_start(gateway.peers.queue);
        scoped(seat_events_stop) struct seat_events *seat_events =
            seat_events_start(gateway.peers.reservation);
        gateway.place_events = place_events;
        gateway.seat_events = seat_events;
        gateway.admission = admission;
        gateway.user_limiter = user_limiter;
        gateway.address_limiter = address_limiter;
        gateway.ops_limiter = ops_limiter;
        gateway.ops_secret = config->ops_secret;
        gateway.audit_file = config->audit_file;
        gateway.cors_origins = config->cors_origins;
        code = run(config, &gateway);
    } else {
        log_line(LOG_ERROR, NULL, "a ..._TARGET is not a gRPC name");
    }
    disconnect(&gateway.peers);
    return code;
}

int main(int argc, char **argv)
{
    struct gateway_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "gateway",
            .settings = gateway_settings,
            .setting_count = gateway_setting_count,
            .config = &config,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(gateway_settings, gateway_setting_count, &config);
    return code;
}
