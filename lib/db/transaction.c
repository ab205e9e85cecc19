#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "db/db.h"
#include "db/pool.h"
#include "trace/trace.h"

static const struct db_statement begin = {.name = "db_begin", .sql = "BEGIN", .mode = DB_WRITE};
static const struct db_statement commit = {.name = "db_commit", .sql = "COMMIT", .mode = DB_WRITE};
static const struct db_statement rollback = {
    .name = "db_rollback", .sql = "ROLLBACK", .mode = DB_WRITE};

/* Lock held: a transaction nobody uses, or NULL. */
static struct db_tx *find_idle(struct db *db)
{
    for (size_t i = 0; i < db->options.transactions; i++) {
        if (!db->transactions[i].in_use)
            return &db->transactions[i];
    }
    return NULL;
}

static enum status acquire(struct ctx *ctx, struct db *db, struct db_tx **ret_tx)
{
    const int64_t asked_us = clock_monotonic_us();
    const bool bounded = ctx->deadline_us != CTX_NO_DEADLINE;
    const struct timespec until = {.tv_sec = ctx->deadline_us / 1000000,
                                   .tv_nsec = ctx->deadline_us % 1000000 * 1000};
    pthread_mutex_lock(&db->lock);
    struct db_tx *tx = find_idle(db);
    while (tx == NULL && !ctx_is_over(ctx)) {
        if (bounded)
            pthread_cond_timedwait(&db->returned, &db->lock, &until);
        else
            pthread_cond_wait(&db->returned, &db->lock);
        tx = find_idle(db);
    }
    if (tx != NULL)
        tx->in_use = true;
    metrics_observe(db->wait_seconds, (double)(clock_monotonic_us() - asked_us) / 1e6);
    pthread_mutex_unlock(&db->lock);
    if (tx == NULL)
        return ctx_fail(ctx, ST_TIMEOUT, "no free transaction in time");
    *ret_tx = tx;
    return ST_OK;
}

static void give_back(struct db_tx *tx)
{
    pthread_mutex_lock(&tx->db->lock);
    tx->in_use = false;
    tx->is_open = false;
    pthread_cond_signal(&tx->db->returned);
    pthread_mutex_unlock(&tx->db->lock);
}

static enum status run_one(struct ctx *ctx, struct db_tx *tx, const struct db_statement *statement,
                           const struct db_params *params, struct db_rows *rows)
{
    struct db_item item = {
        .statement = statement, .params = params, .ctx = ctx, .rows = rows, .sync = true};
    const struct db_options *options = &tx->db->options;
    const int64_t limit_us = clock_monotonic_us() +
                             2 * (options->statement_timeout_ms + options->lock_timeout_ms) * 1000;
    TRY(db_connection_run(&tx->connection, &item, 1,
                          ctx->deadline_us < limit_us ? ctx->deadline_us : limit_us));
    return item.status;
}

enum status db_begin(struct ctx *ctx, struct db *db, struct db_tx **ret_tx)
{
    struct db_tx *tx = NULL;
    TRY(acquire(ctx, db, &tx));
    enum status status = db_connection_ready(ctx, &tx->connection);
    const struct db_statement *due =
        status == ST_OK ? db_connection_due_plans(&tx->connection) : NULL;
    if (due != NULL)
        status = run_one(ctx, tx, due, NULL, NULL);
    if (status == ST_OK)
        status = run_one(ctx, tx, &begin, NULL, NULL);
    if (status != ST_OK) {
        give_back(tx);
        return status;
    }
    tx->is_open = true;
    *ret_tx = tx;
    return ST_OK;
}

enum status db_tx_run(struct ctx *ctx, struct db_tx *tx, const struct db_statement *statement,
                      const struct db_params *params, struct db_rows *ret_rows)
{
    assert(tx->is_open);
    if (params != NULL && params->failed)
        return ctx_fail(ctx, ST_OVERLOADED, "parameters of %s do not fit", statement->name);
    if (tx->connection.pg == NULL)
        return ctx_fail(ctx, ST_UNAVAILABLE, "the transaction's connection was lost");
    const int64_t started_us = clock_monotonic_us();
    const enum status status = run_one(ctx, tx, statement, params, ret_rows);
    trace_step(ctx, TRACE_CLIENT, statement->name, started_us, status);
    return status;
}

enum status db_commit(struct ctx *ctx, struct db_tx *tx)
{
    assert(tx->is_open);
    if (tx->connection.pg == NULL)
        return ctx_fail(ctx, ST_UNAVAILABLE, "the transaction's connection was lost");
    /* The server answers COMMIT of a failed transaction with a cheerful ROLLBACK: look for
     * ourselves. */
    static const struct db_statement probe = {
        .name = "db_probe", .sql = "SELECT 1", .mode = DB_WRITE};
    TRY(run_one(ctx, tx, &probe, NULL, NULL));
    TRY(run_one(ctx, tx, &commit, NULL, NULL));
    tx->is_open = false;
    return ST_OK;
}

void db_end(struct db_tx **tx)
{
    struct db_tx *old = *tx;
    *tx = NULL;
    if (old == NULL)
        return;
    if (old->is_open && old->connection.pg != NULL) {
        /* Not the request's ctx: its deadline may be why we are here. */
        struct ctx ctx;
        ctx_init(&ctx, NULL);
        ctx_set_timeout_ms(&ctx, old->db->options.connect_timeout_ms);
        const enum status status = run_one(&ctx, old, &rollback, NULL, NULL);
        if (status != ST_OK)
            db_connection_done(&old->connection); /* the server rolls back on its own */
    }
    give_back(old);
}
