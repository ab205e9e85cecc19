#include <stdlib.h>

#include "app/app.h"
#include "config.h"
#include "db/db.h"
#include "db/migrate.h"
#include "jobs.h"
#include "log/log.h"
#include "service.h"

extern const struct db_migration wallet_migrations[];
extern const size_t wallet_migration_count;

static enum status migrate(struct ctx *ctx, const char *owner_url)
{
    return db_migrate(ctx, owner_url, wallet_migrations, wallet_migration_count);
}

static enum status check_schema(struct ctx *ctx, void *self)
{
    return db_schema_is_current(ctx, self, wallet_migrations, wallet_migration_count);
}

static enum status check_postgres(struct ctx *ctx, void *self)
{
    return db_ping(ctx, self);
}

static int serve(const struct wallet_config *config)
{
    scoped(db_free) struct db *db = NULL;
    enum status status = db_new(
        &(struct db_options){
            .url = config->db_url,
            .application_name = "boxoffice-wallet",
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

    struct wallet_service service = {
        .db = db,
        .limits = {.charge_won_max = config->charge_won_max,
                   .balance_won_max = config->balance_won_max},
    };
    struct rpc_service rpc_service = wallet_rpc_service(&service);
    const struct http_dependency dependencies[] = {
        {"postgres", check_postgres, db},
        {"schema", check_schema, db},
    };
    struct wallet_jobs *jobs = wallet_jobs_start(db);
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
    });
    wallet_jobs_stop(&jobs);
    return code;
}

int main(int argc, char **argv)
{
    struct wallet_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "wallet",
            .settings = wallet_settings,
            .setting_count = wallet_setting_count,
            .config = &config,
            .migrate = migrate,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(wallet_settings, wallet_setting_count, &config);
    return code;
}
