#include "kv/kv.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis.h>

#include "base/clock.h"
#include "base/combiner.h"
#include "kv/connection.h"
#include "kv/reply.h"
#include "kv/script.h"
#include "log/log.h"
#include "metrics/metrics.h"

enum {
    DEFAULT_LANES = 2,
    DEFAULT_BATCH_MAX = 128,
    DEFAULT_QUEUE_MAX = 8192,
    DEFAULT_TIMEOUT_MS = 2000,
    DEFAULT_CONNECT_TIMEOUT_MS = 1000,
};

struct kv {
    struct kv_url url;
    int64_t timeout_ms;
    size_t lane_count;
    struct kv_connection lanes[COMBINER_LANES_MAX];
    uint64_t noticed[COMBINER_LANES_MAX]; /* connect_count as each lane last saw it */
    atomic_uint_fast64_t connect_count;
    struct combiner *combiner;
    struct kv_scripts scripts;
    atomic_uint_fast64_t turn; /* spreads calls without a key over the lanes */
    atomic_bool away;          /* the loss has been logged, the return not yet */
    struct metrics_histogram *batch_size;
    struct metrics_histogram *round_trip_seconds;
    struct metrics_counter *connects;
};

/* One command of a batch; lives on its caller's stack. */
struct kv_op {
    struct combiner_op op;
    struct ctx *ctx;
    const char *const *argv;
    size_t argc;
    const struct kv_script *script; /* NULL: a plain command */
    bool sent;
    bool forgotten; /* the script was not loaded: the command had no effect */
    struct kv_reply *ret_reply;
};

static enum status fail_op(struct kv_op *op, enum status status, const char *why)
{
    return op->op.status = ctx_fail(op->ctx, status, "redis: %s", why);
}

/* A batch may take as long as its most patient caller waits, and never longer than a round trip
 * may. */
static int64_t batch_deadline_us(const struct kv *kv, struct combiner_op *const ops[], size_t count,
                                 int64_t now_us)
{
    int64_t latest_us = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kv_op *op = (const struct kv_op *)ops[i];
        if (op->ctx->deadline_us > latest_us)
            latest_us = op->ctx->deadline_us;
    }
    int64_t limit_us = now_us + kv->timeout_ms * 1000;
    return latest_us < limit_us ? latest_us : limit_us;
}

static void note_lost(struct kv *kv, const struct kv_connection *connection)
{
    if (!atomic_exchange(&kv->away, true))
        log_line(LOG_WARN, NULL, "redis %s:%d is away: %s", kv->url.host, kv->url.port,
                 connection->error);
}

static void note_back(struct kv *kv, size_t lane)
{
    kv->noticed[lane] = atomic_fetch_add(&kv->connect_count, 1) + 1;
    metrics_add(kv->connects, 1);
    if (atomic_exchange(&kv->away, false))
        log_line(LOG_INFO, NULL, "redis %s:%d is back", kv->url.host, kv->url.port);
}

/* The connection broke in the middle: whoever was sent and has no answer cannot know the outcome.
 */
static void lose(struct kv *kv, struct kv_connection *connection, enum status status,
                 struct combiner_op *const ops[], size_t from, size_t count)
{
    note_lost(kv, connection);
    for (size_t i = from; i < count; i++) {
        struct kv_op *op = (struct kv_op *)ops[i];
        if (op->sent) {
            (void)fail_op(op, status, connection->error);
            op->forgotten = false;
        }
        op->sent = false;
    }
    kv_connection_drop(connection);
}

/* When another lane could connect since, this one need not back off any longer. */
static void heed_others(struct kv *kv, size_t lane)
{
    uint64_t connects = atomic_load(&kv->connect_count);
    if (kv->noticed[lane] != connects)
        kv->lanes[lane].retry_at_us = 0;
    kv->noticed[lane] = connects;
}

static enum status append_load(struct kv_connection *connection, const struct kv_script *script)
{
    return kv_connection_append(connection, 3, (const char *[]){"SCRIPT", "LOAD", script->lua});
}

/* Queues every op that is to be sent; with `load`, only those whose script was forgotten, each
 * different script loaded before. Returns how many replies to SCRIPT LOAD come first. */
static size_t append_all(struct kv_connection *connection, struct combiner_op *const ops[],
                         size_t count, bool load)
{
    size_t loads = 0;
    const struct kv_script *loaded[KV_SCRIPTS_MAX];
    for (size_t i = 0; load && i < count; i++) {
        const struct kv_op *op = (const struct kv_op *)ops[i];
        bool known = !op->forgotten;
        for (size_t k = 0; k < loads && !known; k++)
            known = loaded[k] == op->script;
        if (!known && loads < KV_SCRIPTS_MAX && append_load(connection, op->script) == ST_OK)
            loaded[loads++] = op->script;
    }
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < count; i++) {
        struct kv_op *op = (struct kv_op *)ops[i];
        op->sent = false;
        if (load && !op->forgotten)
            continue;
        if (op->ctx->deadline_us <= now_us) {
            (void)fail_op(op, ST_TIMEOUT, "nobody waits any more");
            op->forgotten = false;
        } else if (kv_connection_append(connection, op->argc, op->argv) != ST_OK) {
            (void)fail_op(op, ST_OVERLOADED, "out of memory");
            op->forgotten = false;
        } else {
            op->sent = true;
        }
    }
    return loads;
}

/* Takes one op's reply. Whether the connection may go on. */
static bool take_reply(struct kv_op *op, struct redisReply *reply)
{
    bool goes_on = true;
    bool was_forgotten = op->forgotten;
    op->sent = false;
    op->forgotten = false;
    if (reply->type == REDIS_REPLY_ERROR) {
        goes_on = !kv_error_ends_connection(reply->str);
        op->forgotten = op->script && !was_forgotten && kv_error_is_noscript(reply->str);
    }
    if (!op->forgotten)
        op->op.status = kv_reply_copy(op->ctx, reply, op->ret_reply);
    freeReplyObject(reply);
    return goes_on;
}

/* One pipeline: everything out, then every reply in. ST_OK unless the connection broke. */
static enum status run_pipeline(struct kv *kv, struct kv_connection *connection,
                                struct combiner_op *const ops[], size_t count, bool load,
                                int64_t deadline_us)
{
    bool goes_on = true;
    size_t loads = append_all(connection, ops, count, load);
    for (size_t i = 0; i < loads + count; i++) {
        struct kv_op *op = i < loads ? NULL : (struct kv_op *)ops[i - loads];
        if (op && !op->sent)
            continue;
        struct redisReply *reply;
        enum status status = kv_connection_receive(connection, deadline_us, &reply);
        if (status != ST_OK) {
            lose(kv, connection, status, ops, op ? i - loads : 0, count);
            return status;
        }
        if (op)
            goes_on = take_reply(op, reply) && goes_on;
        else
            freeReplyObject(reply);
    }
    if (!goes_on)
        kv_connection_drop(connection);
    return ST_OK;
}

static bool any_forgotten(struct combiner_op *const ops[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (((const struct kv_op *)ops[i])->forgotten)
            return true;
    }
    return false;
}

static void run_batch(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct kv *kv = self;
    struct kv_connection *connection = &kv->lanes[lane];
    int64_t started_us = clock_monotonic_us();
    int64_t deadline_us = batch_deadline_us(kv, ops, count, started_us);

    bool connected = false;
    enum status status = ST_TIMEOUT;
    if (deadline_us > started_us) {
        heed_others(kv, lane);
        status = kv_connection_ready(connection, deadline_us, &connected);
    }
    if (status != ST_OK) {
        if (status == ST_UNAVAILABLE)
            note_lost(kv, connection);
        for (size_t i = 0; i < count; i++)
            (void)fail_op((struct kv_op *)ops[i], status,
                          status == ST_TIMEOUT ? "nobody waits any more" : connection->error);
        return;
    }
    if (connected)
        note_back(kv, lane);

    status = run_pipeline(kv, connection, ops, count, false, deadline_us);
    if (any_forgotten(ops, count)) {
        /* Lost, or dropped, before the second round: these had no effect. */
        if (status == ST_OK && connection->context)
            (void)run_pipeline(kv, connection, ops, count, true, deadline_us);
        for (size_t i = 0; i < count; i++) {
            if (((const struct kv_op *)ops[i])->forgotten)
                (void)fail_op((struct kv_op *)ops[i], ST_UNAVAILABLE, "script not loaded");
        }
    }
    metrics_observe(kv->batch_size, (double)count);
    metrics_observe(kv->round_trip_seconds, (double)(clock_monotonic_us() - started_us) / 1e6);
}

static size_t or_default(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static int64_t ms_or_default(int64_t value_ms, int64_t fallback_ms)
{
    return value_ms ? value_ms : fallback_ms;
}

enum status kv_new(const struct kv_options *options, struct kv **ret_kv)
{
    static const double sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
    struct kv_url url;
    TRY(kv_url_parse(options->url, &url));

    struct kv *kv = calloc(1, sizeof *kv);
    if (!kv)
        return ST_OVERLOADED;
    kv->url = url;
    kv->timeout_ms = ms_or_default(options->timeout_ms, DEFAULT_TIMEOUT_MS);
    kv->lane_count = or_default(options->lanes, DEFAULT_LANES);
    assert(kv->lane_count <= COMBINER_LANES_MAX);
    for (size_t i = 0; i < kv->lane_count; i++)
        kv_connection_init(&kv->lanes[i], &kv->url,
                           ms_or_default(options->connect_timeout_ms, DEFAULT_CONNECT_TIMEOUT_MS));
    kv_scripts_init(&kv->scripts);
    kv->batch_size = metrics_histogram("kv_batch_size", "", "Redis commands in one pipeline.",
                                       sizes, ARRAY_LEN(sizes));
    kv->round_trip_seconds =
        metrics_histogram("kv_round_trip_seconds", "", "Time of one Redis pipeline.", NULL, 0);
    kv->connects =
        metrics_counter("kv_connects_total", "", "Connections made to Redis since the start.");
    kv->combiner = combiner_new(&(struct combiner_options){
        .lanes = kv->lane_count,
        .batch_max = or_default(options->batch_max, DEFAULT_BATCH_MAX),
        .queue_max = or_default(options->queue_max, DEFAULT_QUEUE_MAX),
        .run = run_batch,
        .self = kv,
    });
    *ret_kv = kv;
    return ST_OK;
}

void kv_free(struct kv **kv)
{
    struct kv *self = *kv;
    if (!self)
        return;
    combiner_close(self->combiner);
    combiner_free(&self->combiner);
    for (size_t i = 0; i < self->lane_count; i++)
        kv_connection_drop(&self->lanes[i]);
    kv_scripts_done(&self->scripts);
    explicit_bzero(self->url.password, sizeof self->url.password);
    free(self);
    *kv = NULL;
}

static enum status submit(struct ctx *ctx, struct kv *kv, uint64_t key,
                          const struct kv_script *script, const char *const argv[], size_t argc,
                          struct kv_reply *ret_reply)
{
    assert(ctx->arena && argc >= 1);
    struct kv_reply reply = {.kind = KV_NIL};
    struct kv_op op = {
        .op.key = key,
        .ctx = ctx,
        .argv = argv,
        .argc = argc,
        .script = script,
        .ret_reply = &reply,
    };
    TRY(combiner_submit(kv->combiner, ctx, &op.op));
    *ret_reply = reply;
    return ST_OK;
}

enum status kv_command(struct ctx *ctx, struct kv *kv, uint64_t key, const char *const argv[],
                       size_t argc, struct kv_reply *ret_reply)
{
    return submit(ctx, kv, key, NULL, argv, argc, ret_reply);
}

enum status kv_eval(struct ctx *ctx, struct kv *kv, const struct kv_script *script,
                    const char *const keys[], size_t key_count, const char *const args[],
                    size_t arg_count, struct kv_reply *ret_reply)
{
    enum { HEAD = 3 };
    assert(key_count + arg_count <= KV_ARGS_MAX);
    size_t argc = HEAD + key_count + arg_count;
    const char **argv = arena_calloc(ctx->arena, argc, sizeof *argv);
    char *key_number = arena_printf(ctx->arena, "%zu", key_count);
    if (!argv || !key_number)
        return ctx_fail(ctx, ST_OVERLOADED, "redis: arguments do not fit the arena");

    argv[0] = "EVALSHA";
    argv[1] = kv_scripts_hash(&kv->scripts, script);
    argv[2] = key_number;
    memcpy(argv + HEAD, keys, key_count * sizeof *argv);
    if (arg_count > 0)
        memcpy(argv + HEAD + key_count, args, arg_count * sizeof *argv);
    /* A script's order is Redis' own, so any lane will do: the next one. */
    return submit(ctx, kv, atomic_fetch_add(&kv->turn, 1), script, argv, argc, ret_reply);
}

enum status kv_ping(struct ctx *ctx, struct kv *kv)
{
    struct kv_reply reply;
    return kv_command(ctx, kv, atomic_fetch_add(&kv->turn, 1), (const char *[]){"PING"}, 1, &reply);
}
