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
#include "watch.h"

extern const struct db_migration reservation_migrations[];
extern const size_t reservation_migration_count;

static enum status migrate(struct ctx *ctx, const char *owner_url)
{
    return db_migrate(ctx, owner_url, reservation_migrations, reservation_migration_count);
}

static enum status check_schema(struct ctx *ctx, void *self)
{
    return db_schema_is_current(ctx, self, reservation_migrations, reservation_migration_count);
}

static enum status check_postgres(struct ctx *ctx, void *self)
{
    return db_ping(ctx, self);
}

static void drain(void *self)
{
    seat_watch_close(self);
}

static int serve(const struct reservation_config *config)
{
    scoped(db_free) struct db *db = NULL;
    enum status status = db_new(
        &(struct db_options){
            .url = config->db_url,
            .application_name = "boxoffice-reservation",
            .write_lanes = (size_t)config->write_lanes,
            .read_lanes = (size_t)config->read_lanes,
            .transactions = 1,
            .batch_max = (size_t)config->batch_max,
        },
        &db);
    if (status != ST_OK) {
        log_line(LOG_ERROR, NULL, "the database pool could not be made: %s", status_name(status));
        return EXIT_FAILURE;
    }

    scoped(rpc_client_free) struct rpc_client *concert = NULL;
    status = rpc_client_new(&(struct rpc_client_options){.target = config->concert_target,
                                                         .tls = app_tls(),
                                                         .peer = "concert"},
                            &concert);
    if (status != ST_OK) {
        log_line(LOG_ERROR, NULL, "CONCERT_TARGET is not a gRPC name");
        return EXIT_FAILURE;
    }
    scoped(claim_catalog_free) struct claim_catalog *catalog = claim_catalog_new(concert);
    scoped(claim_jobs_stop) struct claim_jobs *jobs =
        claim_jobs_start(db, config->sweep_interval_ms);

    scoped(seat_watch_stop) struct seat_watch *watch =
        seat_watch_start(db, config->watch_interval_ms);

    struct reservation_service service = {
        .db = db,
        .catalog = catalog,
        .watch = watch,
        .hold_ttl_ms = config->hold_ttl_ms,
    };
    struct rpc_service rpc_service = reservation_rpc_service(&service);
    const struct http_dependency dependencies[] = {
        {"postgres", check_postgres, db},
        {"schema", check_schema, db},
    };
    return app_serve(&(struct app_serving){
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
        .on_drain = drain,
        .self = watch,
    });
}

int main(int argc, char **argv)
{
    struct reservation_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "reservation",
            .settings = reservation_settings,
            .setting_count = reservation_setting_count,
            .config = &config,
            .migrate = migrate,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(reservation_settings, reservation_setting_count, &config);
    return code;
}
