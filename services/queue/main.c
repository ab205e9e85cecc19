#include <stdlib.h>

#include "app/app.h"
#include "base/ticker.h"
#include "config.h"
#include "db/db.h"
#include "db/migrate.h"
#include "jobs.h"
#include "kv/kv.h"
#include "log/log.h"
#include "service.h"
#include "store.h"
#include "token/token.h"
#include "watch.h"

extern const struct db_migration queue_migrations[];
extern const size_t queue_migration_count;

static enum status migrate(struct ctx *ctx, const char *owner_url)
{
    return db_migrate(ctx, owner_url, queue_migrations, queue_migration_count);
}

static enum status check_schema(struct ctx *ctx, void *self)
{
    return db_schema_is_current(ctx, self, queue_migrations, queue_migration_count);
}

static enum status check_postgres(struct ctx *ctx, void *self)
{
    return db_ping(ctx, self);
}

static enum status check_redis(struct ctx *ctx, void *self)
{
    return kv_ping(ctx, self);
}

static void on_drain(void *self)
{
    watch_list_close(self);
}

static enum status connect_stores(const struct queue_config *config, struct kv **ret_kv,
                                  struct db **ret_db)
{
    TRY(kv_new(
        &(struct kv_options){
            .url = config->redis_url,
            .lanes = (size_t)config->redis_lanes,
            .batch_max = (size_t)config->redis_batch_max,
        },
        ret_kv));
    return db_new(
        &(struct db_options){
            .url = config->db_url,
            .application_name = "boxoffice-queue",
            .write_lanes = 2,
            .read_lanes = 1,
            .transactions = 2,
        },
        ret_db);
}

static int serve(const struct queue_config *config)
{
    scoped(kv_free) struct kv *kv = NULL;
    scoped(db_free) struct db *db = NULL;
    scoped(token_key_free) struct token_key *key = NULL;
    enum status status = connect_stores(config, &kv, &db);
    if (status == ST_OK)
        status = token_key_new(config->token_secret, &key);
    if (status != ST_OK) {
        log_line(LOG_ERROR, NULL, "not started, a setting is of no use: %s", status_name(status));
        return EXIT_FAILURE;
    }

    const struct policy policy = {
        .kind = (enum policy_kind)config->policy,
        .capacity = config->capacity,
        .admit_batch = config->admit_batch,
        .admit_interval_ms = config->admit_interval_ms,
        .active_ttl_ms = config->active_ttl_ms,
        .absent_ms = config->absent_ms,
    };
    scoped(queue_store_free) struct queue_store *store = queue_store_new(kv, db, &policy);
    scoped(watch_list_stop) struct watch_list *watches =
        watch_list_start(store, config->watch_interval_ms);
    struct ticker *jobs = jobs_start(store);

    struct queue_service service = {.store = store, .key = key, .watches = watches};
    struct rpc_service rpc_service = queue_rpc_service(&service);
    const struct http_dependency dependencies[] = {
        {"postgres", check_postgres, db},
        {"redis", check_redis, kv},
        {"schema", check_schema, db},
    };
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
        .on_drain = on_drain,
        .self = watches,
    });
    jobs_stop(&jobs, store);
    return code;
}

int main(int argc, char **argv)
{
    struct queue_config config = {0};
    int code = app_start(
        &(struct app_options){
            .service = "queue",
            .settings = queue_settings,
            .setting_count = queue_setting_count,
            .config = &config,
            .migrate = migrate,
        },
        argc, argv);
    if (code == APP_SERVE)
        code = serve(&config);
    config_done(queue_settings, queue_setting_count, &config);
    return code;
}
