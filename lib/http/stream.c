#include "http/stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ticker.h"
#include "http/internal.h"
#include "metrics/metrics.h"

enum {
    HEARTBEAT_MS = 15000, /* below the 30 to 60 s after which proxies give up on a silent answer */
    ROUND_MS = 250,       /* how soon a reader that went away is noticed */
    ROUND_TIMEOUT_MS = 1000,
    ROUND_ARENA = 4096,
    GONE_MAX = 256, /* hang-ups taken at a time */
    BLOCK_SIZE = 1024,
};

struct http_stream {
    struct http_streams *all;
    struct http_stream *next, **link; /* in all's list, under its lock */
    http_closed_fn *on_closed;
    void *self;

    pthread_mutex_t lock;              /* guards what follows; nests inside all's */
    int references;                    /* the owners', and the connection's until it is closed */
    struct MHD_Connection *connection; /* NULL when closed */
    bool suspended;
    bool finishing; /* after what is pending */
    bool is_over;   /* at once */
    char *sending;  /* partly with the reader */
    size_t sending_size, sent;
    char *pending; /* the newest, not begun */
    size_t pending_size;
    int64_t told_us; /* when something was last sent */
};

struct http_streams {
    size_t max;
    int64_t heartbeat_us;
    int hang_ups; /* epoll: libmicrohttpd does not look at suspended connections */
    struct ticker *ticker;
    struct metrics_gauge *open_streams;
    struct metrics_counter *events, *replaced;

    pthread_mutex_t lock; /* guards what follows */
    bool is_closed;
    size_t count;
    struct http_stream *first;
};

/* --- one stream; its lock is held unless said otherwise --- */

/* The reader will find something, or the end. */
static void wake(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->connection);
}

static bool takes_more(const struct http_stream *stream)
{
    return stream->connection != NULL && !stream->finishing && !stream->is_over;
}

static void keep_pending(struct http_stream *stream, char *text, size_t size)
{
    if (stream->pending != NULL)
        metrics_add(stream->all->replaced, 1);
    free(stream->pending);
    stream->pending = text;
    stream->pending_size = size;
    stream->told_us = clock_monotonic_us();
    wake(stream);
}

static void end_now(struct http_stream *stream)
{
    stream->is_over = true;
    if (stream->connection != NULL)
        wake(stream);
}

/* Takes the lock by itself. */
static void dereference(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const bool last = --stream->references == 0;
    pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&stream->lock);
    free(stream->sending);
    free(stream->pending);
    free(stream);
}

/* libmicrohttpd asks for more. */
static ssize_t read_stream(void *self, uint64_t position, char *buffer, size_t size)
{
    struct http_stream *stream = self;
    ssize_t result = 0;
    (void)position;
    pthread_mutex_lock(&stream->lock);
    if (stream->sent == stream->sending_size && stream->pending != NULL) {
        free(stream->sending);
        stream->sending = take(&stream->pending);
        stream->sending_size = stream->pending_size;
        stream->sent = 0;
    }
    const size_t left = stream->sending_size - stream->sent;
    if (stream->is_over) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (left > 0) {
        result = (ssize_t)(left < size ? left : size);
        memcpy(buffer, stream->sending + stream->sent, (size_t)result);
        stream->sent += (size_t)result;
    } else if (stream->finishing) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        /* Nothing to say: the connection sleeps until wake(). */
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&stream->lock);
    return result;
}

/* --- all streams of a server --- */

static int socket_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

static void watch_hang_up(struct http_streams *all, struct http_stream *stream)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = stream};
    (void)epoll_ctl(all->hang_ups, EPOLL_CTL_ADD, socket_of(stream->connection), &event);
}

/* Under all's lock, as is the removal: an event's stream is still there. */
static void end_hung_up(struct http_streams *all)
{
    struct epoll_event gone[GONE_MAX];
    int count;
    do {
        count = epoll_wait(all->hang_ups, gone, GONE_MAX, 0);
        for (int i = 0; i < count; i++) {
            struct http_stream *stream = gone[i].data.ptr;
            pthread_mutex_lock(&stream->lock);
            end_now(stream);
            pthread_mutex_unlock(&stream->lock);
        }
    } while (count == GONE_MAX);
}

static void beat(struct http_stream *stream, int64_t quiet_since_us)
{
    static const char heartbeat[] = ":\n\n";
    pthread_mutex_lock(&stream->lock);
    const bool quiet = stream->told_us <= quiet_since_us && stream->pending == NULL &&
                       stream->sent == stream->sending_size;
    char *text = quiet && takes_more(stream) ? strdup(heartbeat) : NULL;
    if (text != NULL)
        keep_pending(stream, text, sizeof heartbeat - 1);
    pthread_mutex_unlock(&stream->lock);
}

static void run_round(struct ctx *ctx, void *self)
{
    struct http_streams *all = self;
    (void)ctx;
    const int64_t quiet_since_us = clock_monotonic_us() - all->heartbeat_us;
    pthread_mutex_lock(&all->lock);
    end_hung_up(all);
    for (struct http_stream *stream = all->first; stream != NULL; stream = stream->next)
        beat(stream, quiet_since_us);
    pthread_mutex_unlock(&all->lock);
}

struct http_streams *http_streams_start(size_t max, int64_t heartbeat_ms, const char *server_name)
{
    struct http_streams *all = calloc(1, sizeof *all);
    if (all == NULL)
        abort();
    char labels[64];
    snprintf(labels, sizeof labels, "server=\"%s\"", server_name);
    all->max = max;
    all->heartbeat_us = (heartbeat_ms == 0 ? HEARTBEAT_MS : heartbeat_ms) * 1000;
    all->open_streams = metrics_gauge("http_streams", labels, "Event streams that are open.");
    all->events = metrics_counter("http_stream_events_total", labels, "Events sent or kept.");
    all->replaced =
        metrics_counter("http_stream_replaced_total", labels,
                        "Events replaced by newer ones before a slow reader took them.");
    all->hang_ups = epoll_create1(EPOLL_CLOEXEC);
    if (all->hang_ups < 0)
        abort();
    pthread_mutex_init(&all->lock, NULL);
    all->ticker = ticker_start(&(struct ticker_options){
        .name = "http-streams",
        .interval_ms = heartbeat_ms > 0 && heartbeat_ms < ROUND_MS ? heartbeat_ms : ROUND_MS,
        .timeout_ms = ROUND_TIMEOUT_MS,
        .arena_size = ROUND_ARENA,
        .run = run_round,
        .self = all,
    });
    return all;
}

void http_streams_end_all(struct http_streams *all)
{
    pthread_mutex_lock(&all->lock);
    all->is_closed = true;
    for (struct http_stream *stream = all->first; stream != NULL; stream = stream->next) {
        pthread_mutex_lock(&stream->lock);
        end_now(stream);
        pthread_mutex_unlock(&stream->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

size_t http_streams_open(struct http_streams *all)
{
    pthread_mutex_lock(&all->lock);
    const size_t count = all->count;
    pthread_mutex_unlock(&all->lock);
    return count;
}

void http_streams_stop(struct http_streams **streams)
{
    struct http_streams *old = *streams;
    if (old == NULL)
        return;
    *streams = NULL;
    ticker_stop(&old->ticker);
    close(old->hang_ups);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

static enum status enlist(struct ctx *ctx, struct http_streams *all, struct http_stream *stream)
{
    enum status status = ST_OK;
    pthread_mutex_lock(&all->lock);
    if (all->is_closed) {
        status = ctx_fail(ctx, ST_UNAVAILABLE, "stopping");
    } else if (all->count == all->max) {
        status = ctx_fail(ctx, ST_OVERLOADED, "more than %zu event streams", all->max);
    } else {
        stream->next = all->first;
        stream->link = &all->first;
        if (stream->next != NULL)
            stream->next->link = &stream->next;
        all->first = stream;
        metrics_set(all->open_streams, (int64_t)++all->count);
        watch_hang_up(all, stream);
    }
    pthread_mutex_unlock(&all->lock);
    return status;
}

static void unlist(struct http_stream *stream)
{
    struct http_streams *all = stream->all;
    pthread_mutex_lock(&all->lock);
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    metrics_set(all->open_streams, (int64_t)--all->count);
    (void)epoll_ctl(all->hang_ups, EPOLL_CTL_DEL, socket_of(stream->connection), NULL);
    pthread_mutex_unlock(&all->lock);
}

struct MHD_Response *http_stream_answer(struct http_request *request)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream,
                                             request->stream, NULL);
}

void http_stream_close(struct http_stream **stream)
{
    struct http_stream *old = *stream;
    if (old == NULL)
        return;
    *stream = NULL;
    /* Before the socket's number can be another connection's. */
    unlist(old);
    pthread_mutex_lock(&old->lock);
    old->is_over = true;
    old->connection = NULL;
    pthread_mutex_unlock(&old->lock);
    if (old->on_closed != NULL)
        old->on_closed(old->self);
    dereference(old);
}

/* --- what owners call --- */

enum status http_stream_begin(struct ctx *ctx, const struct http_request *request,
                              http_closed_fn *on_closed, void *self,
                              struct http_stream **ret_stream)
{
    struct http_streams *all = http_server_streams(request->server);
    if (all == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "this server takes no event streams");
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "no memory for a stream");
    char retry[32];
    const int size = snprintf(retry, sizeof retry, "retry: %d\n\n", HTTP_EVENT_RETRY_MS);
    stream->all = all;
    stream->on_closed = on_closed;
    stream->self = self;
    stream->references = 2;
    stream->connection = request->connection;
    stream->sending = strdup(retry);
    stream->sending_size = stream->sending == NULL ? 0 : (size_t)size;
    stream->told_us = clock_monotonic_us();
    pthread_mutex_init(&stream->lock, NULL);

    const enum status status = enlist(ctx, all, stream);
    if (status != ST_OK) {
        pthread_mutex_destroy(&stream->lock);
        free(stream->sending);
        free(stream);
        return status;
    }
    /* The request is the server's own, const for handlers only. */
    ((struct http_request *)(uintptr_t)request)->stream = stream;
    *ret_stream = stream;
    return ST_OK;
}

/* The event as it stands on the wire, or NULL. */
static char *write_event(const char *event, const char *id, const char *data, size_t *ret_size)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, ret_size);
    if (file == NULL)
        return NULL;
    if (event != NULL)
        fprintf(file, "event: %s\n", event);
    if (id != NULL)
        fprintf(file, "id: %s\n", id);
    for (const char *line = data; line != NULL;) {
        const size_t size = strcspn(line, "\r\n");
        fprintf(file, "data: %.*s\n", (int)size, line);
        line += size;
        line += strncmp(line, "\r\n", 2) == 0;
        line = *line == '\0' ? NULL : line + 1;
    }
    fputc('\n', file);
    const bool written = ferror(file) == 0;
    if (fclose(file) != 0 || !written || *ret_size > HTTP_EVENT_MAX) {
        free(text);
        return NULL;
    }
    return text;
}

bool http_stream_send(struct http_stream *stream, const char *event, const char *id,
                      const char *data)
{
    size_t size = 0;
    char *text = write_event(event, id, data, &size);
    if (text == NULL)
        return false;
    pthread_mutex_lock(&stream->lock);
    const bool open = takes_more(stream);
    if (open) {
        metrics_add(stream->all->events, 1);
        keep_pending(stream, text, size);
    }
    pthread_mutex_unlock(&stream->lock);
    if (!open)
        free(text);
    return open;
}

void http_stream_finish(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->finishing = true;
    wake(stream);
    pthread_mutex_unlock(&stream->lock);
}

bool http_stream_is_behind(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const bool behind = stream->pending != NULL;
    pthread_mutex_unlock(&stream->lock);
    return behind;
}

bool http_stream_is_over(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const bool over = !takes_more(stream);
    pthread_mutex_unlock(&stream->lock);
    return over;
}

struct http_stream *http_stream_acquire(struct http_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->references++;
    pthread_mutex_unlock(&stream->lock);
    return stream;
}

void http_stream_release(struct http_stream **stream)
{
    struct http_stream *old = *stream;
    *stream = NULL;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->lock);
    /* Nobody is left to send: the connection's reference alone. */
    if (old->references == 2 && old->connection != NULL) {
        old->finishing = true;
        wake(old);
    }
    pthread_mutex_unlock(&old->lock);
    dereference(old);
}
