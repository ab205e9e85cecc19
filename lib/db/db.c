#include "db/db.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/combiner.h"
#include "db/pool.h"

/* One caller's statement on its way through a combiner. */
struct call {
    struct combiner_op op; /* first: the combiner hands it back */
    const struct db_statement *statement;
    const struct db_params *params;
    struct ctx *ctx;
    struct db_rows *rows;
};

/* The lock statement of DB_WRITE_LOCKED: takes a batch's locks in the order of the list; they are
 * released by the end of the transaction. */
static const struct db_statement lock_statement = {
    .name = "db_lock",
    .sql = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key",
    .mode = DB_WRITE,
};

enum {
    ITEMS_MAX = 2 + COMBINER_BATCH_MAX, /* the dropping of plans and the locks come first */
    LOCK_KEY_SIZE = 21,                 /* a bigint's sign and digits, and a comma */
};

/* A batch being run: calls that are still wanted, and the items they became. */
struct db_batch {
    struct db *db;
    struct db_connection *connection;
    struct call *calls[COMBINER_BATCH_MAX];
    size_t call_count;
    struct db_item items[ITEMS_MAX];
    size_t item_of[COMBINER_BATCH_MAX]; /* index into items of each call */
    size_t item_count;
    struct db_params locks;
    char lock_keys[COMBINER_BATCH_MAX * LOCK_KEY_SIZE + 3]; /* "{-7,12}" */
    int64_t deadline_us;
};

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

/* --- making items --- */

/* Locks the keys of calls first..last (equal keys stand together), if any wants to be locked. */
static void add_locks(struct db_batch *batch, size_t first, size_t last)
{
    const struct call *locked = NULL; /* the last call whose key is on the list */
    size_t length = 0;
    for (size_t i = first; i <= last; i++) {
        const struct call *call = batch->calls[i];
        if (call->statement->mode != DB_WRITE_LOCKED ||
            (locked != NULL && locked->op.key == call->op.key))
            continue;
        /* The key's 64 bits, seen as PostgreSQL's signed bigint. */
        length += (size_t)snprintf(batch->lock_keys + length, sizeof batch->lock_keys - length,
                                   "%c%" PRId64, locked == NULL ? '{' : ',', (int64_t)call->op.key);
        locked = call;
    }
    if (locked == NULL)
        return;
    assert(length + 2 <= sizeof batch->lock_keys);
    memcpy(batch->lock_keys + length, "}", 2);
    db_params_init(&batch->locks, locked->ctx);
    db_add_text(&batch->locks, batch->lock_keys);
    batch->items[batch->item_count++] =
        (struct db_item){.statement = &lock_statement, .params = &batch->locks, .ctx = locked->ctx};
}

static void add_replanning(struct db_batch *batch, bool sync)
{
    const struct db_statement *due = db_connection_due_plans(batch->connection);
    if (due != NULL)
        batch->items[batch->item_count++] =
            (struct db_item){.statement = due, .ctx = batch->calls[0]->ctx, .sync = sync};
}

static void add_call(struct db_batch *batch, size_t index, bool sync)
{
    struct call *call = batch->calls[index];
    batch->item_of[index] = batch->item_count;
    batch->items[batch->item_count++] = (struct db_item){
        .statement = call->statement,
        .params = call->params,
        .ctx = call->ctx,
        .rows = call->rows,
        .sync = sync,
    };
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
        struct call *call = (struct call *)ops[i];
        if (call->ctx->deadline_us <= now_us) {
            ops[i]->status = ctx_fail(call->ctx, ST_TIMEOUT, "deadline before the statement ran");
            continue;
        }
        if (call->ctx->deadline_us > latest_us)
            latest_us = call->ctx->deadline_us;
        batch->calls[batch->call_count++] = call;
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
    struct call *call = batch->calls[index];
    ctx_forgive(call->ctx);
    if (db_connection_ready(call->ctx, batch->connection) != ST_OK) {
        call->op.status = ST_UNAVAILABLE;
        return;
    }
    batch->item_count = 0;
    add_locks(batch, index, index);
    add_call(batch, index, true);
    const enum status status =
        db_connection_run(batch->connection, batch->items, batch->item_count, batch->deadline_us);
    struct db_item *item = &batch->items[batch->item_of[index]];
    note_conflicts(batch->db, batch->items, batch->item_count);
    if (status == ST_OK && batch->items[0].status != ST_OK && item->status == ST_CONFLICT)
        item->status = batch->items[0].status; /* the lock was what failed */
    call->op.status = item->status;
}

static bool all_succeeded(const struct db_batch *batch)
{
    for (size_t i = 0; i < batch->item_count; i++) {
        if (batch->items[i].status != ST_OK)
            return false;
    }
    return true;
}

static void hand_out(struct db_batch *batch)
{
    for (size_t i = 0; i < batch->call_count; i++)
        batch->calls[i]->op.status = batch->items[batch->item_of[i]].status;
}

static void observe(struct db *db, size_t count, int64_t started_us)
{
    metrics_observe(db->batch_size, (double)count);
    metrics_observe(db->batch_seconds, (double)(clock_monotonic_us() - started_us) / 1e6);
}

static struct db_batch *begin_batch(struct db *db, struct db_batch *kept,
                                    struct db_connection *connection,
                                    struct combiner_op *const ops[], size_t count)
{
    kept->db = db;
    kept->connection = connection;
    kept->call_count = 0;
    kept->item_count = 0;
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
        begin_batch(db, db->write_batches[lane], &db->write_lanes[lane], ops, count);
    if (batch == NULL)
        return;
    add_replanning(batch, false);
    add_locks(batch, 0, batch->call_count - 1);
    for (size_t i = 0; i < batch->call_count; i++)
        add_call(batch, i, i + 1 == batch->call_count);
    const enum status status =
        db_connection_run(batch->connection, batch->items, batch->item_count, batch->deadline_us);
    hand_out(batch);
    if (status == ST_OK && !all_succeeded(batch)) {
        /* All of it was rolled back: each alone, so that a failure hits only its cause. */
        note_conflicts(db, batch->items, batch->item_count);
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
    struct db_batch *batch =
        begin_batch(db, db->read_batches[lane], &db->read_lanes[lane], ops, count);
    if (batch == NULL)
        return;
    add_replanning(batch, true);
    for (size_t i = 0; i < batch->call_count; i++)
        add_call(batch, i, true); /* each its own transaction: failures stay apart */
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
    struct call call = {
        .op = {.key = key}, .statement = statement, .params = params, .ctx = ctx, .rows = ret_rows};
    if (statement->mode != DB_READ)
        return combiner_submit(db->writes, ctx, &call.op);
    call.op.key = atomic_fetch_add_explicit(&db->next_read, 1, memory_order_relaxed);
    return combiner_submit(db->reads, ctx, &call.op);
}

enum status db_ping(struct ctx *ctx, struct db *db)
{
    static const struct db_statement ping = {.name = "db_ping", .sql = "SELECT 1", .mode = DB_READ};
    return db_run(ctx, db, &ping, NULL, 0, NULL);
}

/* --- life --- */

/* Some 400 KiB a lane, too much for a worker's stack; a lane has one leader at a time. */
static void make_batches(struct db_batch *batches[], size_t lanes)
{
    for (size_t i = 0; i < lanes; i++) {
        batches[i] = malloc(sizeof *batches[i]);
        if (batches[i] == NULL)
            abort();
    }
}

static void make_metrics(struct db *db)
{
    static const double sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    db->batch_size = metrics_histogram("db_batch_size", "", "Statements run as one batch.", sizes,
                                       ARRAY_LEN(sizes));
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
    make_batches(db->write_batches, db->options.write_lanes);
    make_batches(db->read_batches, db->options.read_lanes);
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
        free(old->write_batches[i]);
        free(old->read_batches[i]);
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
