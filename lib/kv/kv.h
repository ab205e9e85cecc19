/* Redis, one server or a cluster: pipelined commands and Lua scripts over a few connections. A
 * cluster is known by its answers: MOVED and ASK are followed, and when a server does not answer
 * the others are asked who has its slots. The only user of hiredis. Errors: ST_UNAVAILABLE (no
 * connection, LOADING, READONLY, MASTERDOWN, CLUSTERDOWN; lost in the middle: outcome unknown),
 * ST_TIMEOUT, ST_OVERLOADED (queue full, or OOM by maxmemory), ST_INTERNAL (any other error reply;
 * the text is the ctx's detail). */
#ifndef KV_KV_H
#define KV_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

struct kv;

struct kv_options {
    const char *url;            /* redis://[[user]:password@]host[:port][,host[:port]...][/db] */
    size_t lanes;               /* connections to each server, 0: 2 */
    size_t batch_max;           /* commands in one pipeline, 0: 128 */
    size_t queue_max;           /* waiting on one lane, 0: 8192 */
    int64_t timeout_ms;         /* one round trip at most, 0: 2000 */
    int64_t connect_timeout_ms; /* 0: 1000 */
};

/* Makes the pool; connects lazily with backoff, so an absent server is no failure here. */
enum status kv_new(const struct kv_options *options, struct kv **ret_kv) MUST_CHECK;
void kv_free(struct kv **kv);
enum status kv_ping(struct ctx *ctx, struct kv *kv) MUST_CHECK;

/* A reply in the ctx's arena. */
enum kv_reply_kind { KV_NIL, KV_INTEGER, KV_TEXT, KV_ARRAY };
struct kv_reply {
    enum kv_reply_kind kind;
    int64_t integer;
    const char *text; /* NUL-terminated, may hold NULs within size */
    size_t size;
    const struct kv_reply *items;
    size_t item_count;
};
/* The item's integer, also when it came as decimal text (Lua's way); asserts kind and range of
 * index. */
int64_t kv_integer_at(const struct kv_reply *reply, size_t index);
const char *kv_text_at(const struct kv_reply *reply, size_t index); /* "" for nil */

/* One command, e.g. argv {"GET", "k"}; arguments are NUL-terminated texts. Runs in some pipeline;
 * `key` chooses the lane (and, on a cluster, argv[1] is the Redis key). */
enum status kv_command(struct ctx *ctx, struct kv *kv, uint64_t key, const char *const argv[],
                       size_t argc, struct kv_reply *ret_reply) MUST_CHECK;

/* A script is a static object beside the function that runs it. It is sent by hash (EVALSHA) and
 * loaded again when Redis forgot it. Every key it touches is passed in keys; all share one hash
 * tag. */
struct kv_script {
    const char *name;
    const char *lua;
    /* ARGV[1] is the id of the server process that runs it, another one after every restart or
     * fail-over: what was written for another process may be older than what was answered. */
    bool tells_process;
};
enum { KV_ARGS_MAX = 1200 };
enum status kv_eval(struct ctx *ctx, struct kv *kv, const struct kv_script *script,
                    const char *const keys[], size_t key_count, const char *const args[],
                    size_t arg_count, struct kv_reply *ret_reply) MUST_CHECK;

#endif
