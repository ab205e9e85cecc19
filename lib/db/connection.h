/* One libpq connection, always in pipeline mode: what lib/db is made of. One thread at a time. */
#ifndef DB_CONNECTION_H
#define DB_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "db/db.h"

enum { DB_PREPARED_MAX = 128 }; /* statements of one service on one connection */

struct db_part;

struct db_connection {
    const struct db_options *options; /* borrowed, defaults filled in */
    struct pg_conn *pg;               /* NULL: not connected */
    bool lost;                        /* told so in the log */
    int64_t retry_at_us;              /* no attempt before */
    int64_t backoff_ms;
    int64_t plans_until_us; /* then what is prepared is planned anew */
    uint64_t reconnects;
    const struct db_statement *prepared[DB_PREPARED_MAX];
    size_t prepared_count;
};

/* One statement to run and where its answer goes. */
struct db_item {
    const struct db_statement *statement;
    const struct db_params *params; /* NULL: none */
    struct ctx *ctx;                /* its arena takes the rows, its detail the failure */
    struct db_rows *rows;           /* NULL: not wanted */
    struct db_part *parts;          /* instead of rows, of a statement that takes many */
    size_t part_count;
    bool sync;          /* ends a transaction: commit what ran since the last sync */
    enum status status; /* result */
    bool undelivered;   /* it ran, but its rows did not fit: a failure of its own, and no other's */
};

void db_connection_init(struct db_connection *connection, const struct db_options *options);
void db_connection_done(struct db_connection *connection);

/* Connects if need be. ST_UNAVAILABLE at once while backing off. */
enum status db_connection_ready(struct ctx *ctx, struct db_connection *connection) MUST_CHECK;

/* Plans are made for the table as it is. One made while it was empty may walk all of it when it is
 * full, a minute before autoanalyze sees that, and the first minute of a sale is the worst one for
 * it. So plans live for DB_PLANS_MS: a new one costs a millisecond or two. The statement that drops
 * them, when it is time, as often as asked; else NULL. */
enum { DB_PLANS_MS = 2000 };
const struct db_statement *db_connection_due_plans(struct db_connection *connection);

/* Runs items (the last one must have sync) as one pipeline. ST_OK: the connection is good and every
 * item has its status. Anything else: the connection was lost or given up at deadline_us, it is
 * closed, and items without a committed answer have that status. */
enum status db_connection_run(struct db_connection *connection, struct db_item items[],
                              size_t count, int64_t deadline_us) MUST_CHECK;

/* Runs SQL of any number of statements (a migration), without parameters or rows. */
enum status db_connection_execute(struct ctx *ctx, struct db_connection *connection,
                                  const char *sql) MUST_CHECK;

#endif
