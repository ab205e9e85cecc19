#include <stdlib.h>

#include "app/app.h"
#include "app/settings.h"
#include "config.h"
#include "db/db.h"
#include "db/migrate.h"
#include "log/log.h"
#include "moments.h"
#include "rpc/client.h"
#include "service.h"

extern const struct db_migration concert_migrations[];
extern const size_t concert_migration_count;

static enum status migrate(struct ctx *ctx, const char *owner_url)
{
    return db_migrate(ctx, owner_url, concert_migrations, concert_migration_count);
}

static enum status check_schema(struct ctx *ctx, void *self)
{
    return db_schema_is_current(ctx, self, concert_migrations, concert_migration_count);
}

static enum status check_postgres(struct ctx *ctx, void *self)
{
    return db_ping(ctx, self);
}

static int serve(const struct concert_config *config)
{
    scoped(db_free) struct db *db = NULL;
    enum status status = db_new(
        &(struct db_options){
            .url = config->db_url,
            .application_name = "boxoffice-concert",
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

    scoped(rpc_client_free) struct rpc_client *reservation = NULL;
    status = rpc_client_new(&(struct rpc_client_options){.target = config->reservation_target,
                                                         .tls = app_tls(),
                                                         .peer = "reservation"},
                            &reservation);
    if (status != ST_OK) {
        log_line(LOG_ERROR, NULL, "RESERVATION_TARGET is not a gRPC name");
        return EXIT_FAILURE;
    }

    scoped(moments_free) struct moments *moments = moments_new(db, reservation);
    struct concert_service service = {
        .db = db,
        .moments = moments,
    };
    struct rpc_service rpc_service = concert_rpc_service(&service);
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
    });
}

int main(int argc, char **argv)
{
    struct concert_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "concert",
            .settings = concert_settings,
            .setting_count = concert_setting_count,
            .config = &config,
            .migrate = migrate,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(concert_settings, concert_setting_count, &config);
    return code;
}
