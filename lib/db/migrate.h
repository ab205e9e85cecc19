/* Forward-only migrations, run by the owner's role under a lock: safe when ten instances start at
 * once. */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

struct db_migration {
    const char *name; /* "0001_ledger": file name without .sql; ascending */
    const char *sql;  /* any number of statements */
};

/* Applies what is missing, each migration in one transaction with its row in schema_migration(name,
 * checksum, applied_at). ST_CONFLICT when an applied one has changed since (checksum) or one is
 * missing here that the database has (it is newer): nothing is applied then. Waits for the lock at
 * most until the ctx's deadline. */
enum status db_migrate(struct ctx *ctx, const char *owner_url,
                       const struct db_migration *migrations, size_t count) MUST_CHECK;

struct db;
/* ST_OK when all of `migrations` are applied (more is fine: expand and contract); ST_UNAVAILABLE
 * otherwise. */
enum status db_schema_is_current(struct ctx *ctx, struct db *db,
                                 const struct db_migration *migrations, size_t count) MUST_CHECK;

#endif
