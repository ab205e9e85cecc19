#include "db/db.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/combiner.h"
#include "db/batch.h"
#include "db/pool.h"
#include "trace/trace.h"

static size_t or_default(size_t value, size_t fallback)
{
    return value == 0 ? fallback : value;
}

static int64_t or_default_ms(int64_t value, int64_t fallback)
{
    return value == 0 ? fallback : value;
}

static void fill_defaults(struct db_options *options)
{
    options->write_lanes = or_default(options->write_lanes, 2);
    options->read_lanes = or_default(options->read_lanes, 2);
    options->transactions = or_default(options->transactions, 4);
    options->batch_max = or_default(options->batch_max, 64);
    options->queue_max = or_default(options->queue_max, 4096);
    options->statement_timeout_ms = or_default_ms(options->statement_timeout_ms, 5000);
    options->lock_timeout_ms = or_default_ms(options->lock_timeout_ms, 3000);
    options->idle_timeout_ms = or_default_ms(options->idle_timeout_ms, 10000);
    options->connect_timeout_ms = or_default_ms(options->connect_timeout_ms, 3000);
    assert(options->write_lanes <= COMBINER_LANES_MAX && options->read_lanes <= COMBINER_LANES_MAX);
    assert(options->transactions <= COMBINER_LANES_MAX && options->batch_max <= COMBINER_BATCH_MAX);
}

/* Leaves out who is past the deadline, and finds the latest one. */
static void admit(struct db_batch *batch, struct combiner_op *const ops[], size_t count)
{
    const int64_t now_us = clock_monotonic_us();
    const struct db_options *options = &batch->db->options;
    const int64_t limit_us =
        now_us + 2 * (options->statement_timeout_ms + options->lock_timeout_ms) * 1000;
    int64_t latest_us = now_us;
    for (size_t i = 0; i < count; i++) {
        struct db_call *call = (struct db_call *)ops[i];
        if (call->ctx->deadline_us <= now_us) {
            ops[i]->status = ctx_fail(call->ctx, ST_TIMEOUT, "deadline before the statement ran");
            continue;
        }
        if (call->ctx->deadline_us > latest_us)
            latest_us = call->ctx->deadline_us;
        batch->calls[batch->call_count++] = call;
        metrics_observe(batch->db->wait_seconds, (double)(now_us - call->asked_us) / 1e6);
    }
    batch->deadline_us = latest_us < limit_us ? latest_us : limit_us;
}

static void refuse_all(struct db_batch *batch, const struct ctx *cause, enum status status)
{
    for (size_t i = 0; i < batch->call_count; i++)
        batch->calls[i]->op.status = ctx_fail(batch->calls[i]->ctx, status, "%s", cause->detail);
}

/* --- running --- */

static void note_conflicts(struct db *db, const struct db_item items[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strstr(items[i].ctx->detail, "SQLSTATE 40P01") != NULL) {
            atomic_fetch_add(&db->deadlocks, 1);
            metrics_add(db->deadlock_total, 1);
            return;
        }
    }
}

/* One call in a transaction of its own, after its batch failed. */
static void run_alone(struct db_batch *batch, size_t index)
{
    struct db_call *call = batch->calls[index];
    ctx_forgive(call->ctx);
    if (db_connection_ready(call->ctx, batch->connection) != ST_OK) {
        call->op.status = ST_UNAVAILABLE;
        return;
    }
    db_batch_clear(batch);
    db_batch_lock(batch, index, index);
    if (!db_batch_add_calls(batch, index, index)) {
        call->op.status = ctx_fail(call->ctx, ST_OVERLOADED, "parameters of %s do not fit",
                                   call->statement->name);
        return;
    }
    const enum status status =
        db_connection_run(batch->connection, batch->items, batch->item_count, batch->deadline_us);
    struct db_item *item = &batch->items[batch->item_of[index]];
    note_conflicts(batch->db, batch->items, batch->item_count);
    if (status == ST_OK && batch->items[0].status != ST_OK && item->status == ST_CONFLICT)
        item->status = batch->items[0].status; /* the lock was what failed */
    call->op.status = db_batch_status(batch, index);
}

static bool all_succeeded(const struct db_batch *batch)
{
    for (size_t i = 0; i < batch->item_count; i++) {
        if (batch->items[i].status != ST_OK && !batch->items[i].undelivered)
            return false;
    }
    return true;
}

static void hand_out(struct db_batch *batch)
{
    for (size_t i = 0; i < batch->call_count; i++)
        batch->calls[i]->op.status = db_batch_status(batch, i);
}

static void observe(struct db *db, size_t count, int64_t started_us)
{
    metrics_observe(db->batch_size, (double)count);
    metrics_observe(db->batch_seconds, (double)(clock_monotonic_us() - started_us) / 1e6);
}

static struct db_batch *begin_batch(struct db_batch *kept, struct db_connection *connection,
                                    struct combiner_op *const ops[], size_t count)
{
    kept->connection = connection;
    kept->call_count = 0;
    db_batch_clear(kept);
    admit(kept, ops, count);
    if (kept->call_count == 0)
        return NULL;
    struct ctx *first = kept->calls[0]->ctx;
    const enum status status = db_connection_ready(first, connection);
    if (status == ST_OK)
        return kept;
    refuse_all(kept, first, status);
    return NULL;
}

static void run_writes(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct db *db = self;
    const int64_t started_us = clock_monotonic_us();
    struct db_batch *batch =
        begin_batch(db->write_batches[lane], &db->write_lanes[lane], ops, count);
    if (batch == NULL)
        return;
    db_batch_replan(batch, false);
    db_batch_lock(batch, 0, batch->call_count - 1);
    const bool fits = db_batch_add_calls(batch, 0, batch->call_count - 1);
    enum status status = ST_OK;
    if (fits) {
        status = db_connection_run(batch->connection, batch->items, batch->item_count,
                                   batch->deadline_us);
        hand_out(batch);
    }
    if (status == ST_OK && (!fits || !all_succeeded(batch))) {
        /* All of it was rolled back: each alone, so that a failure hits only its cause. */
        note_conflicts(db, batch->items, fits ? batch->item_count : 0);
        atomic_fetch_add(&db->retries, 1);
        metrics_add(db->retry_total, 1);
        for (size_t i = 0; i < batch->call_count; i++)
            run_alone(batch, i);
    }
    observe(db, batch->call_count, started_us);
}

static void run_reads(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct db *db = self;
    const int64_t started_us = clock_monotonic_us();
    struct db_batch *batch = begin_batch(db->read_batches[lane], &db->read_lanes[lane], ops, count);
    if (batch == NULL)
        return;
    db_batch_replan(batch, true);
    for (size_t i = 0; i < batch->call_count; i++) {
        db_batch_add_single(batch, i);
        batch->items[batch->item_count - 1].sync = true; /* alone: failures stay apart */
    }
    const enum status status =
        db_connection_run(batch->connection, batch->items, batch->item_count, batch->deadline_us);
    (void)status; /* every item carries it */
    hand_out(batch);
    observe(db, batch->call_count, started_us);
}

enum status db_run(struct ctx *ctx, struct db *db, const struct db_statement *statement,
                   const struct db_params *params, uint64_t key, struct db_rows *ret_rows)
{
    if (params != NULL && params->failed)
        return ctx_fail(ctx, ST_OVERLOADED, "parameters of %s do not fit", statement->name);
    assert(!statement->takes_many ||
           (statement->mode != DB_READ && params != NULL && ret_rows != NULL));
    struct db_call call = {.op = {.key = key},
                           .statement = statement,
                           .params = params,
                           .ctx = ctx,
                           .rows = ret_rows,
                           .asked_us = clock_monotonic_us()};
    enum status status = ST_OK;
    if (statement->mode != DB_READ) {
        status = combiner_submit(db->writes, ctx, &call.op);
    } else {
        call.op.key = atomic_fetch_add_explicit(&db->next_read, 1, memory_order_relaxed);
        status = combiner_submit(db->reads, ctx, &call.op);
    }
    trace_step(ctx, TRACE_CLIENT, statement->name, call.asked_us, status);
    return status;
}

enum status db_ping(struct ctx *ctx, struct db *db)
{
    static const struct db_statement ping = {.name = "db_ping", .sql = "SELECT 1", .mode = DB_READ};
    return db_run(ctx, db, &ping, NULL, 0, NULL);
}

/* --- life --- */

static void make_metrics(struct db *db)
{
    static const double sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    db->batch_size = metrics_histogram("db_batch_size", "", "Statements run as one batch.", sizes,
                                       ARRAY_LEN(sizes));
    db->wait_seconds = metrics_histogram("db_wait_seconds", "",
                                         "Time until a connection took a statement up.", NULL, 0);
    db->batch_seconds = metrics_histogram("db_batch_seconds", "", "Time a batch took.", NULL, 0);
    db->deadlock_total = metrics_counter("db_deadlocks_total", "", "Deadlocks the server broke.");
    db->retry_total = metrics_counter("db_batch_retries_total", "",
                                      "Batches that failed and were run one by one.");
}

enum status db_new(const struct db_options *options, struct db **ret_db)
{
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL)
        return ST_OVERLOADED;
    db->options = *options;
    fill_defaults(&db->options);
    db->url = strdup(options->url);
    db->application_name =
        strdup(options->application_name == NULL ? "" : options->application_name);
    db->options.url = db->url;
    db->options.application_name = db->application_name;
    for (size_t i = 0; i < COMBINER_LANES_MAX; i++) {
        db_connection_init(&db->write_lanes[i], &db->options);
        db_connection_init(&db->read_lanes[i], &db->options);
        db_connection_init(&db->transactions[i].connection, &db->options);
        db->transactions[i].db = db;
    }
    for (size_t i = 0; i < db->options.write_lanes; i++)
        db->write_batches[i] = db_batch_new(db);
    for (size_t i = 0; i < db->options.read_lanes; i++)
        db->read_batches[i] = db_batch_new(db);
    struct combiner_options lanes = {.lanes = db->options.write_lanes,
                                     .batch_max = db->options.batch_max,
                                     .queue_max = db->options.queue_max,
                                     .run = run_writes,
                                     .self = db};
    db->writes = combiner_new(&lanes);
    lanes.lanes = db->options.read_lanes;
    lanes.run = run_reads;
    db->reads = combiner_new(&lanes);

    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&db->returned, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&db->lock, NULL);
    make_metrics(db);
    *ret_db = db;
    return ST_OK;
}

void db_free(struct db **db)
{
    struct db *old = *db;
    if (old == NULL)
        return;
    combiner_close(old->writes);
    combiner_close(old->reads);
    combiner_free(&old->writes);
    combiner_free(&old->reads);
    for (size_t i = 0; i < COMBINER_LANES_MAX; i++) {
        assert(!old->transactions[i].in_use);
        db_batch_free(&old->write_batches[i]);
        db_batch_free(&old->read_batches[i]);
        db_connection_done(&old->write_lanes[i]);
        db_connection_done(&old->read_lanes[i]);
        db_connection_done(&old->transactions[i].connection);
    }
    pthread_cond_destroy(&old->returned);
    pthread_mutex_destroy(&old->lock);
    free(old->url);
    free(old->application_name);
    free(old);
    *db = NULL;
}

void db_read_stats(struct db *db, struct db_stats *ret_stats)
{
    struct combiner_stats writes, reads;
    combiner_read_stats(db->writes, &writes);
    combiner_read_stats(db->reads, &reads);
    *ret_stats = (struct db_stats){
        .batches = writes.batches + reads.batches,
        .statements = writes.operations + reads.operations,
        .largest_batch =
            writes.largest_batch > reads.largest_batch ? writes.largest_batch : reads.largest_batch,
        .batch_retries = atomic_load(&db->retries),
        .deadlocks = atomic_load(&db->deadlocks),
    };
    for (size_t i = 0; i < db->options.write_lanes; i++)
        ret_stats->reconnects += __atomic_load_n(&db->write_lanes[i].reconnects, __ATOMIC_RELAXED);
    for (size_t i = 0; i < db->options.read_lanes; i++)
        ret_stats->reconnects += __atomic_load_n(&db->read_lanes[i].reconnects, __ATOMIC_RELAXED);
}
