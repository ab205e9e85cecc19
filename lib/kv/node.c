#include "kv/node.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis.h>

#include "base/clock.h"
#include "kv/reply.h"
#include "log/log.h"
#include "metrics/metrics.h"

enum {
    DEFAULT_LANES = 2,
    DEFAULT_BATCH_MAX = 128,
    DEFAULT_QUEUE_MAX = 8192,
    DEFAULT_TIMEOUT_MS = 2000,
    DEFAULT_CONNECT_TIMEOUT_MS = 1000,
};

static enum status fail_call(struct kv_call *call, enum status status, const char *why)
{
    return call->op.status = ctx_fail(call->ctx, status, "redis: %s", why);
}

/* A batch may take as long as its most patient caller waits, and never longer than a round trip
 * may. */
static int64_t batch_deadline_us(const struct kv_node *node, struct combiner_op *const ops[],
                                 size_t count, int64_t now_us)
{
    int64_t latest_us = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kv_call *call = (const struct kv_call *)ops[i];
        if (call->ctx->deadline_us > latest_us)
            latest_us = call->ctx->deadline_us;
    }
    int64_t limit_us = now_us + node->timeout_ms * 1000;
    return latest_us < limit_us ? latest_us : limit_us;
}

static void note_lost(struct kv_node *node, const struct kv_connection *connection)
{
    if (!atomic_exchange(&node->away, true))
        log_line(LOG_WARN, NULL, "redis %s:%d is away: %s", node->url.host, node->url.port,
                 connection->error);
}

static void note_back(struct kv_node *node, size_t lane)
{
    node->noticed[lane] = atomic_fetch_add(&node->connect_count, 1) + 1;
    metrics_add(node->connects, 1);
    if (atomic_exchange(&node->away, false))
        log_line(LOG_INFO, NULL, "redis %s:%d is back", node->url.host, node->url.port);
}

/* The connection broke in the middle: whoever was sent and has no answer cannot know the outcome.
 */
static void lose(struct kv_node *node, struct kv_connection *connection, enum status status,
                 struct combiner_op *const ops[], size_t from, size_t count)
{
    note_lost(node, connection);
    for (size_t i = from; i < count; i++) {
        struct kv_call *call = (struct kv_call *)ops[i];
        if (call->sent) {
            (void)fail_call(call, status, connection->error);
            call->may_have_run = true;
            call->forgotten = false;
        }
        call->sent = false;
    }
    kv_connection_drop(connection);
}

/* When another lane could connect since, this one need not back off any longer. */
static void heed_others(struct kv_node *node, size_t lane)
{
    uint64_t connects = atomic_load(&node->connect_count);
    if (node->noticed[lane] != connects)
        node->lanes[lane].retry_at_us = 0;
    node->noticed[lane] = connects;
}

static enum status append_load(struct kv_connection *connection, const struct kv_script *script)
{
    return kv_connection_append(connection, 3, (const char *[]){"SCRIPT", "LOAD", script->lua});
}

/* Queues one command; false when there is no memory. */
static bool append_one(struct kv_connection *connection, struct kv_call *call)
{
    if (call->process_index > 0)
        call->argv[call->process_index] = connection->process;
    if (call->is_asking && kv_connection_append(connection, 1, (const char *[]){"ASKING"}) != ST_OK)
        return false;
    return kv_connection_append(connection, call->argc, call->argv) == ST_OK;
}

/* Queues every op that is to be sent; with `load`, only those whose script was forgotten, each
 * different script loaded before. Returns how many replies to SCRIPT LOAD come first. */
static size_t append_all(struct kv_connection *connection, struct combiner_op *const ops[],
                         size_t count, bool load)
{
    size_t loads = 0;
    const struct kv_script *loaded[KV_SCRIPTS_MAX];
    for (size_t i = 0; load && i < count; i++) {
        const struct kv_call *call = (const struct kv_call *)ops[i];
        bool known = !call->forgotten;
        for (size_t k = 0; k < loads && !known; k++)
            known = loaded[k] == call->script;
        if (!known && loads < KV_SCRIPTS_MAX && append_load(connection, call->script) == ST_OK)
            loaded[loads++] = call->script;
    }
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < count; i++) {
        struct kv_call *call = (struct kv_call *)ops[i];
        call->sent = false;
        if (load && !call->forgotten)
            continue;
        if (call->ctx->deadline_us <= now_us) {
            (void)fail_call(call, ST_TIMEOUT, "nobody waits any more");
            call->forgotten = false;
        } else if (!append_one(connection, call)) {
            (void)fail_call(call, ST_OVERLOADED, "out of memory");
            call->forgotten = false;
        } else {
            call->sent = true;
        }
    }
    return loads;
}

/* Takes one op's reply. Whether the connection may go on. */
static bool take_reply(struct kv_call *call, struct redisReply *reply)
{
    bool goes_on = true;
    bool was_forgotten = call->forgotten;
    call->sent = false;
    call->forgotten = false;
    if (reply->type == REDIS_REPLY_ERROR) {
        goes_on = !kv_error_ends_connection(reply->str);
        call->redirect = kv_redirect_parse(reply->str);
        call->forgotten = call->script && !was_forgotten && kv_error_is_noscript(reply->str);
    }
    if (!call->forgotten)
        call->op.status = kv_reply_copy(call->ctx, reply, call->ret_reply);
    freeReplyObject(reply);
    return goes_on;
}

/* The next reply; that of ASKING comes before the one it was for. */
static enum status receive(struct kv_connection *connection, const struct kv_call *call,
                           int64_t deadline_us, struct redisReply **ret_reply)
{
    if (call && call->is_asking) {
        struct redisReply *asking;
        TRY(kv_connection_receive(connection, deadline_us, &asking));
        freeReplyObject(asking);
    }
    return kv_connection_receive(connection, deadline_us, ret_reply);
}

/* One pipeline: everything out, then every reply in. ST_OK unless the connection broke. */
static enum status run_pipeline(struct kv_node *node, struct kv_connection *connection,
                                struct combiner_op *const ops[], size_t count, bool load,
                                int64_t deadline_us)
{
    bool goes_on = true;
    size_t loads = append_all(connection, ops, count, load);
    for (size_t i = 0; i < loads + count; i++) {
        struct kv_call *call = i < loads ? NULL : (struct kv_call *)ops[i - loads];
        if (call && !call->sent)
            continue;
        struct redisReply *reply;
        enum status status = receive(connection, call, deadline_us, &reply);
        if (status != ST_OK) {
            lose(node, connection, status, ops, call ? i - loads : 0, count);
            return status;
        }
        if (call)
            goes_on = take_reply(call, reply) && goes_on;
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
        if (((const struct kv_call *)ops[i])->forgotten)
            return true;
    }
    return false;
}

static void run_batch(void *self, size_t lane, struct combiner_op *const ops[], size_t count)
{
    struct kv_node *node = self;
    struct kv_connection *connection = &node->lanes[lane];
    int64_t started_us = clock_monotonic_us();
    int64_t deadline_us = batch_deadline_us(node, ops, count, started_us);

    bool connected = false;
    enum status status = ST_TIMEOUT;
    if (deadline_us > started_us) {
        heed_others(node, lane);
        status = kv_connection_ready(connection, deadline_us, &connected);
    }
    if (status != ST_OK) {
        if (status == ST_UNAVAILABLE)
            note_lost(node, connection);
        for (size_t i = 0; i < count; i++)
            (void)fail_call((struct kv_call *)ops[i], status,
                            status == ST_TIMEOUT ? "nobody waits any more" : connection->error);
        return;
    }
    if (connected)
        note_back(node, lane);

    status = run_pipeline(node, connection, ops, count, false, deadline_us);
    if (any_forgotten(ops, count)) {
        /* Lost, or dropped, before the second round: these had no effect. */
        if (status == ST_OK && connection->context)
            (void)run_pipeline(node, connection, ops, count, true, deadline_us);
        for (size_t i = 0; i < count; i++) {
            if (((const struct kv_call *)ops[i])->forgotten)
                (void)fail_call((struct kv_call *)ops[i], ST_UNAVAILABLE, "script not loaded");
        }
    }
    metrics_observe(node->batch_size, (double)count);
    metrics_observe(node->round_trip_seconds, (double)(clock_monotonic_us() - started_us) / 1e6);
}

static size_t or_default(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static int64_t ms_or_default(int64_t value_ms, int64_t fallback_ms)
{
    return value_ms ? value_ms : fallback_ms;
}

struct kv_node *kv_node_new(const struct kv_url *url, const struct kv_options *options)
{
    static const double sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
    struct kv_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->url = *url;
    node->timeout_ms = ms_or_default(options->timeout_ms, DEFAULT_TIMEOUT_MS);
    node->lane_count = or_default(options->lanes, DEFAULT_LANES);
    assert(node->lane_count <= COMBINER_LANES_MAX);
    for (size_t i = 0; i < node->lane_count; i++)
        kv_connection_init(&node->lanes[i], &node->url,
                           ms_or_default(options->connect_timeout_ms, DEFAULT_CONNECT_TIMEOUT_MS));
    node->batch_size = metrics_histogram("kv_batch_size", "", "Redis commands in one pipeline.",
                                         sizes, ARRAY_LEN(sizes));
    node->round_trip_seconds =
        metrics_histogram("kv_round_trip_seconds", "", "Time of one Redis pipeline.", NULL, 0);
    node->connects =
        metrics_counter("kv_connects_total", "", "Connections made to Redis since the start.");
    node->combiner = combiner_new(&(struct combiner_options){
        .lanes = node->lane_count,
        .batch_max = or_default(options->batch_max, DEFAULT_BATCH_MAX),
        .queue_max = or_default(options->queue_max, DEFAULT_QUEUE_MAX),
        .run = run_batch,
        .self = node,
    });
    return node;
}

void kv_node_free(struct kv_node **node)
{
    struct kv_node *self = *node;
    if (!self)
        return;
    combiner_close(self->combiner);
    combiner_free(&self->combiner);
    for (size_t i = 0; i < self->lane_count; i++)
        kv_connection_drop(&self->lanes[i]);
    explicit_bzero(self->url.password, sizeof self->url.password);
    free(self);
    *node = NULL;
}

enum status kv_node_run(struct kv_node *node, struct kv_call *call)
{
    call->redirect.kind = KV_STAY;
    call->may_have_run = false;
    call->sent = false;
    call->forgotten = false;
    return combiner_submit(node->combiner, call->ctx, &call->op);
}
