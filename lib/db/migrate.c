#include "db/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/uuid.h"
#include "db/connection.h"
#include "db/db.h"
#include "log/log.h"

/* Session lock of all migrators of a database: any fixed number nobody else uses ("boxoffic"). */
#define MIGRATION_LOCK "7092453837962635619"

static const struct db_statement lock = {
    .name = "migrate_lock", .sql = "SELECT pg_advisory_lock(" MIGRATION_LOCK ")", .mode = DB_WRITE};
static const struct db_statement ensure_table = {
    .name = "migrate_table",
    .sql = "CREATE TABLE IF NOT EXISTS schema_migration ("
           " name text PRIMARY KEY, checksum text NOT NULL,"
           " applied_at timestamptz NOT NULL DEFAULT now())",
    .mode = DB_WRITE,
};
static const struct db_statement grant_read = {
    .name = "migrate_grant",
    .sql = "GRANT SELECT ON schema_migration TO PUBLIC",
    .mode = DB_WRITE,
};
static const struct db_statement list_applied = {
    .name = "migrate_list",
    .sql = "SELECT name, checksum FROM schema_migration ORDER BY name",
    .mode = DB_READ,
};
static const struct db_statement begin = {
    .name = "migrate_begin", .sql = "BEGIN", .mode = DB_WRITE};
static const struct db_statement commit = {
    .name = "migrate_commit", .sql = "COMMIT", .mode = DB_WRITE};
static const struct db_statement record = {
    .name = "migrate_record",
    .sql = "INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)",
    .mode = DB_WRITE,
};

static enum status run(struct ctx *ctx, struct db_connection *connection,
                       const struct db_statement *statement, const struct db_params *params,
                       struct db_rows *rows)
{
    struct db_item item = {
        .statement = statement, .params = params, .ctx = ctx, .rows = rows, .sync = true};
    TRY(db_connection_run(connection, &item, 1, ctx->deadline_us));
    return item.status;
}

enum { CHECKSUM_SIZE = 17 };

static void checksum_of(const struct db_migration *migration, char ret_text[static CHECKSUM_SIZE])
{
    snprintf(ret_text, CHECKSUM_SIZE, "%016" PRIx64, base_hash64(migration->sql));
}

/* What the database has must be a beginning of what we have, unchanged. */
static enum status check_applied(struct ctx *ctx, const struct db_rows *applied,
                                 const struct db_migration *migrations, size_t count)
{
    if (applied->row_count > count)
        return ctx_fail(ctx, ST_CONFLICT, "the database is newer: %zu migrations, here %zu",
                        applied->row_count, count);
    for (size_t i = 0; i < applied->row_count; i++) {
        char checksum[CHECKSUM_SIZE];
        checksum_of(&migrations[i], checksum);
        if (strcmp(db_text(applied, i, 0), migrations[i].name) != 0)
            return ctx_fail(ctx, ST_CONFLICT, "migration %s is unknown here",
                            db_text(applied, i, 0));
        if (strcmp(db_text(applied, i, 1), checksum) != 0)
            return ctx_fail(ctx, ST_CONFLICT, "migration %s changed after it was applied",
                            migrations[i].name);
    }
    return ST_OK;
}

static enum status apply(struct ctx *ctx, struct db_connection *connection,
                         const struct db_migration *migration)
{
    char checksum[CHECKSUM_SIZE];
    checksum_of(migration, checksum);
    struct db_params params;
    db_params_init(&params, ctx);
    db_add_text(&params, migration->name);
    db_add_text(&params, checksum);

    TRY(run(ctx, connection, &begin, NULL, NULL));
    TRY(db_connection_execute(ctx, connection, migration->sql));
    TRY(run(ctx, connection, &record, &params, NULL));
    TRY(run(ctx, connection, &commit, NULL, NULL));
    log_line(LOG_INFO, ctx, "migration %s applied", migration->name);
    return ST_OK;
}

static enum status migrate(struct ctx *ctx, struct db_connection *connection,
                           const struct db_migration *migrations, size_t count)
{
    struct db_rows applied;
    TRY(db_connection_ready(ctx, connection));
    TRY(run(ctx, connection, &lock, NULL, NULL));
    TRY(run(ctx, connection, &ensure_table, NULL, NULL));
    TRY(run(ctx, connection, &grant_read, NULL, NULL));
    TRY(run(ctx, connection, &list_applied, NULL, &applied));
    TRY(check_applied(ctx, &applied, migrations, count));
    for (size_t i = applied.row_count; i < count; i++)
        TRY(apply(ctx, connection, &migrations[i]));
    return ST_OK;
}

enum status db_migrate(struct ctx *ctx, const char *owner_url,
                       const struct db_migration *migrations, size_t count)
{
    /* No statement timeout: a migration may take its time, the ctx's deadline bounds it from
     * outside. */
    const struct db_options options = {
        .url = owner_url, .application_name = "migrate", .connect_timeout_ms = 5000};
    struct db_connection connection;
    db_connection_init(&connection, &options);
    const enum status status = migrate(ctx, &connection, migrations, count);
    /* Ends the session: an open transaction rolls back, the lock goes. */
    db_connection_done(&connection);
    return status;
}

enum status db_schema_is_current(struct ctx *ctx, struct db *db,
                                 const struct db_migration *migrations, size_t count)
{
    struct db_rows applied;
    TRY(db_run(ctx, db, &list_applied, NULL, 0, &applied));
    for (size_t i = 0; i < count; i++) {
        char checksum[CHECKSUM_SIZE];
        checksum_of(&migrations[i], checksum);
        if (i >= applied.row_count || strcmp(db_text(&applied, i, 0), migrations[i].name) != 0 ||
            strcmp(db_text(&applied, i, 1), checksum) != 0)
            return ctx_fail(ctx, ST_UNAVAILABLE, "migration %s is not applied", migrations[i].name);
    }
    return ST_OK;
}
