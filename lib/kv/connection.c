#include "kv/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <hiredis.h>

#include "base/checked.h"
#include "base/clock.h"
#include "kv/reply.h"

void kv_connection_init(struct kv_connection *connection, const struct kv_url *url,
                        int64_t connect_timeout_ms)
{
    *connection = (struct kv_connection){.url = url, .connect_timeout_ms = connect_timeout_ms};
}

void kv_connection_drop(struct kv_connection *connection)
{
    if (connection->context)
        redisFree(connection->context);
    connection->context = NULL;
}

/* Half of the delay is random, so that instances do not come back in step. */
static int64_t with_jitter_us(int64_t delay_ms)
{
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof dice, GRND_NONBLOCK) != (ssize_t)sizeof dice)
        dice = (uint32_t)clock_monotonic_us();
    int64_t half_us = delay_ms * 1000 / 2;
    return half_us + (int64_t)(dice % (uint32_t)(half_us + 1));
}

static void back_off(struct kv_connection *connection)
{
    kv_connection_drop(connection);
    connection->backoff_ms =
        connection->backoff_ms == 0 ? KV_BACKOFF_MIN_MS : connection->backoff_ms * 2;
    if (connection->backoff_ms > KV_BACKOFF_MAX_MS)
        connection->backoff_ms = KV_BACKOFF_MAX_MS;
    connection->retry_at_us = clock_monotonic_us() + with_jitter_us(connection->backoff_ms);
}

/* Waits for `events` and tells which came; false at the deadline. */
static bool wait_for(int fd, short events, int64_t deadline_us, short *ret_ready)
{
    for (;;) {
        int64_t left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0)
            return false;
        struct pollfd one = {.fd = fd, .events = events};
        int64_t left_ms = left_us / 1000 + 1;
        int ready = poll(&one, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0) {
            *ret_ready = one.revents;
            return true;
        }
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

/* Nothing is outstanding, so a readable socket means that the server closed it. */
static bool idle_is_alive(const struct kv_connection *connection)
{
    struct pollfd one = {.fd = connection->context->fd, .events = POLLIN | POLLRDHUP};
    return poll(&one, 1, 0) == 0;
}

static enum status open_socket(struct kv_connection *connection, int64_t deadline_us)
{
    redisContext *context = redisConnectNonBlock(connection->url->host, connection->url->port);
    connection->context = context;
    if (!context || context->err) {
        base_copy_text(connection->error, sizeof connection->error,
                       context ? context->errstr : "out of memory");
        return ST_UNAVAILABLE;
    }
    short ready;
    if (!wait_for(context->fd, POLLOUT, deadline_us, &ready)) {
        base_copy_text(connection->error, sizeof connection->error, "connecting timed out");
        return ST_UNAVAILABLE;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        snprintf(connection->error, sizeof connection->error, "connecting failed: %s",
                 strerrordesc_np(error));
        return ST_UNAVAILABLE;
    }
    int on = 1;
    (void)setsockopt(context->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(context->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return ST_OK;
}

enum status kv_connection_append(struct kv_connection *connection, size_t argc,
                                 const char *const argv[])
{
    /* hiredis only reads the texts, but its prototype has no const. */
    const char **args = (const char **)(uintptr_t)argv;
    if (redisAppendCommandArgv(connection->context, (int)argc, args, NULL) != REDIS_OK)
        return ST_OVERLOADED;
    return ST_OK;
}

/* Writes what the socket takes and reads what is there; false when the connection is broken. */
static bool move_bytes(redisContext *context, short ready, bool *ret_sent)
{
    if (!*ret_sent && (ready & POLLOUT)) {
        int done = 0;
        if (redisBufferWrite(context, &done) != REDIS_OK)
            return false;
        *ret_sent = done != 0;
    }
    if (ready & (POLLIN | POLLHUP | POLLERR))
        return redisBufferRead(context) == REDIS_OK;
    return true;
}

static enum status broken(struct kv_connection *connection)
{
    snprintf(connection->error, sizeof connection->error, "connection lost: %s",
             connection->context->errstr);
    return ST_UNAVAILABLE;
}

enum status kv_connection_receive(struct kv_connection *connection, int64_t deadline_us,
                                  struct redisReply **ret_reply)
{
    redisContext *context = connection->context;
    bool sent = false;
    /* The first write is tried without asking whether there is room. */
    if (!move_bytes(context, POLLOUT, &sent))
        return broken(connection);

    for (;;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(context, &reply) != REDIS_OK)
            return broken(connection);
        if (reply) {
            *ret_reply = reply;
            return ST_OK;
        }
        short ready;
        if (!wait_for(context->fd, (short)(sent ? POLLIN : POLLIN | POLLOUT), deadline_us,
                      &ready)) {
            base_copy_text(connection->error, sizeof connection->error, "no reply in time");
            return ST_TIMEOUT;
        }
        if (!move_bytes(context, ready, &sent))
            return broken(connection);
    }
}

static void free_reply(struct redisReply **reply)
{
    if (*reply)
        freeReplyObject(*reply);
}

/* Sends one command of the handshake; any error reply fails it. */
static enum status ask(struct kv_connection *connection, int64_t deadline_us, size_t argc,
                       const char *const argv[], struct redisReply **ret_reply)
{
    struct redisReply *reply scoped(free_reply) = NULL;
    TRY(kv_connection_append(connection, argc, argv));
    TRY(kv_connection_receive(connection, deadline_us, &reply));
    if (reply->type == REDIS_REPLY_ERROR) {
        base_copy_text(connection->error, sizeof connection->error, reply->str);
        return ST_UNAVAILABLE;
    }
    *ret_reply = take(&reply);
    return ST_OK;
}

static enum status shake(struct kv_connection *connection, int64_t deadline_us, size_t argc,
                         const char *const argv[])
{
    struct redisReply *reply scoped(free_reply) = NULL;
    return ask(connection, deadline_us, argc, argv, &reply);
}

/* "run_id:<40 hexadecimal digits>" of INFO: drawn anew by every process. */
static enum status learn_process(struct kv_connection *connection, int64_t deadline_us)
{
    static const char field[] = "run_id:";
    struct redisReply *reply scoped(free_reply) = NULL;
    TRY(ask(connection, deadline_us, 2, (const char *[]){"INFO", "server"}, &reply));
    const char *id = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, field) : NULL;
    if (!id || strspn(id + sizeof field - 1, "0123456789abcdef") != KV_PROCESS_SIZE - 1) {
        base_copy_text(connection->error, sizeof connection->error, "INFO has no run_id");
        return ST_UNAVAILABLE;
    }
    memcpy(connection->process, id + sizeof field - 1, KV_PROCESS_SIZE - 1);
    connection->process[KV_PROCESS_SIZE - 1] = '\0';
    return ST_OK;
}

static enum status log_in(struct kv_connection *connection, int64_t deadline_us)
{
    const struct kv_url *url = connection->url;
    if (url->password[0] && url->user[0])
        TRY(shake(connection, deadline_us, 3, (const char *[]){"AUTH", url->user, url->password}));
    if (url->password[0] && !url->user[0])
        TRY(shake(connection, deadline_us, 2, (const char *[]){"AUTH", url->password}));
    if (url->database != 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", url->database);
        TRY(shake(connection, deadline_us, 2, (const char *[]){"SELECT", number}));
    }
    /* A server that is loading its data accepts connections but no command. */
    TRY(shake(connection, deadline_us, 1, (const char *[]){"PING"}));
    return learn_process(connection, deadline_us);
}

enum status kv_connection_ready(struct kv_connection *connection, int64_t deadline_us,
                                bool *ret_connected)
{
    *ret_connected = false;
    if (connection->context && idle_is_alive(connection))
        return ST_OK;
    if (connection->context) {
        base_copy_text(connection->error, sizeof connection->error,
                       "the server closed the connection");
        kv_connection_drop(connection);
    }

    int64_t now_us = clock_monotonic_us();
    if (now_us < connection->retry_at_us)
        return ST_UNAVAILABLE;
    int64_t limit_us = now_us + connection->connect_timeout_ms * 1000;
    if (deadline_us < limit_us)
        limit_us = deadline_us;
    if (open_socket(connection, limit_us) != ST_OK || log_in(connection, limit_us) != ST_OK) {
        if (limit_us == deadline_us && clock_monotonic_us() >= deadline_us) {
            /* An impatient caller says nothing about the server. */
            kv_connection_drop(connection);
            return ST_TIMEOUT;
        }
        back_off(connection);
        return ST_UNAVAILABLE;
    }
    connection->backoff_ms = 0;
    connection->retry_at_us = 0;
    *ret_connected = true;
    return ST_OK;
}
