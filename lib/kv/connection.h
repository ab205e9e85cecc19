/* One connection to Redis: non-blocking underneath, so that everything is bounded by a deadline.
 * One thread at a time. Private to lib/kv. */
#ifndef KV_CONNECTION_H
#define KV_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"
#include "kv/url.h"

struct redisContext;
struct redisReply;

enum {
    KV_BACKOFF_MIN_MS = 100,
    KV_BACKOFF_MAX_MS = 2000,
    KV_ERROR_MAX = 160,
    KV_PROCESS_SIZE = 41, /* 40 hexadecimal digits and the NUL */
};

struct kv_connection {
    const struct kv_url *url; /* borrowed */
    int64_t connect_timeout_ms;
    struct redisContext *context; /* NULL: not connected */
    int64_t retry_at_us;          /* no attempt to connect before */
    int64_t backoff_ms;           /* 0: the last attempt succeeded */
    char error[KV_ERROR_MAX];     /* why the last attempt or round trip failed */
    /* Of the server's process behind this connection: another one after every restart. */
    char process[KV_PROCESS_SIZE];
};

void kv_connection_init(struct kv_connection *connection, const struct kv_url *url,
                        int64_t connect_timeout_ms);
/* Closes; whatever was on its way is lost. Safe to repeat. */
void kv_connection_drop(struct kv_connection *connection);

/* ST_OK: connected, logged in and nothing outstanding; connects when needed (*ret_connected is then
 * true). A connection that the server closed while idle is noticed here, before anything is sent on
 * it. ST_UNAVAILABLE: failed, or failed a moment ago: while backing off this answers at once.
 * ST_TIMEOUT: the deadline came before the connection. */
enum status kv_connection_ready(struct kv_connection *connection, int64_t deadline_us,
                                bool *ret_connected) MUST_CHECK;

/* Queues a command. ST_OVERLOADED when there is no memory. */
enum status kv_connection_append(struct kv_connection *connection, size_t argc,
                                 const char *const argv[]) MUST_CHECK;
/* The next reply, sending what is queued meanwhile; free it with freeReplyObject. ST_TIMEOUT or
 * ST_UNAVAILABLE: the connection must be dropped. */
enum status kv_connection_receive(struct kv_connection *connection, int64_t deadline_us,
                                  struct redisReply **ret_reply) MUST_CHECK;

#endif
