#include <stdlib.h>

#include "app/app.h"
#include "app/settings.h"
#include "config.h"
#include "db/db.h"
#include "db/migrate.h"
#include "jobs.h"
#include "log/log.h"
#include "peers.h"
#include "rpc/client.h"
#include "service.h"

enum {
    TOKEN_MS = 500,  /* for the token's expiry while its user waits for the answer to the payment */
    RETRIES_MAX = 3, /* of a step while the payment's user waits */
    DRIVE_LEASE_MS_MIN = 100,
};

extern const struct db_migration payment_migrations[];
extern const size_t payment_migration_count;

static enum status migrate(struct ctx *ctx, const char *owner_url)
{
    return db_migrate(ctx, owner_url, payment_migrations, payment_migration_count);
}

static enum status check_schema(struct ctx *ctx, void *self)
{
    return db_schema_is_current(ctx, self, payment_migrations, payment_migration_count);
}

static enum status check_postgres(struct ctx *ctx, void *self)
{
    return db_ping(ctx, self);
}

static void stop_jobs(void *self)
{
    payment_jobs_stop(self);
}

static enum status connect_peer(const struct payment_config *config, const char *peer,
                                const char *target, struct rpc_client **ret_client)
{
    return rpc_client_new(
        &(struct rpc_client_options){
            .target = target, .tls = app_tls(), .peer = peer, .channels = (size_t)config->channels},
        ret_client);
}

static struct payment_driver make_driver(const struct payment_config *config, struct db *db,
                                         const struct payment_peers *peers,
                                         struct payment_token_rest *rest)
{
    /* A fifth of the seat's lease: a payment whose driver died is taken over while its seat is
     * still safe. */
    int64_t lease_ms = config->lease_ms / 5;
    if (lease_ms < DRIVE_LEASE_MS_MIN)
        lease_ms = DRIVE_LEASE_MS_MIN;
    return (struct payment_driver){
        .db = db,
        .peers = peers,
        .lease_ms = lease_ms,
        .seat_lease_ms = config->lease_ms,
        .step_ms = lease_ms / 2,
        .token_ms = TOKEN_MS,
        .retries_max = RETRIES_MAX,
        .rest = rest,
    };
}

static int serve(const struct payment_config *config)
{
    scoped(db_free) struct db *db = NULL;
    scoped(rpc_client_free) struct rpc_client *reservation = NULL;
    scoped(rpc_client_free) struct rpc_client *wallet = NULL;
    scoped(rpc_client_free) struct rpc_client *queue = NULL;

    enum status status = db_new(
        &(struct db_options){
            .url = config->db_url,
            .application_name = "boxoffice-payment",
            .write_lanes = (size_t)config->write_lanes,
            .read_lanes = (size_t)config->read_lanes,
            .transactions = 1,
            .batch_max = (size_t)config->batch_max,
        },
        &db);
    if (status == ST_OK)
        status = connect_peer(config, "reservation", config->reservation_target, &reservation);
    if (status == ST_OK)
        status = connect_peer(config, "wallet", config->wallet_target, &wallet);
    if (status == ST_OK)
        status = connect_peer(config, "queue", config->queue_target, &queue);
    if (status != ST_OK) {
        log_line(LOG_ERROR, NULL, "the pools could not be made: %s", status_name(status));
        return EXIT_FAILURE;
    }

    struct payment_peers peers = {.reservation = reservation, .wallet = wallet, .queue = queue};
    struct payment_token_rest rest = {0};
    struct payment_service service = {.db = db, .driver = make_driver(config, db, &peers, &rest)};
    struct payment_driver background = service.driver;
    background.retries_max = 0;

    struct rpc_service rpc_service = payment_rpc_service(&service);
    const struct http_dependency dependencies[] = {
        {"postgres", check_postgres, db},
        {"schema", check_schema, db},
    };
    struct payment_jobs *jobs = payment_jobs_start(&(struct payment_jobs_options){
        .driver = &background,
        .interval_ms = config->recovery_interval_ms,
        .workers = (size_t)config->recovery_workers,
    });
    int code = app_serve(&(struct app_serving){
        .admin_listen = config->admin_listen,
        .dependencies = dependencies,
        .dependency_count = ARRAY_LEN(dependencies),
        .rpc =
            &(struct rpc_server_options){
                .listen = config->listen,
                .services = &rpc_service,
                .service_count = 1,
                .workers = (size_t)config->workers,
            },
        .on_drain = stop_jobs,
        .self = &jobs,
    });
    payment_jobs_stop(&jobs);
    return code;
}

int main(int argc, char **argv)
{
    struct payment_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "payment",
            .settings = payment_settings,
            .setting_count = payment_setting_count,
            .config = &config,
            .migrate = migrate,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(payment_settings, payment_setting_count, &config);
    return code;
}
