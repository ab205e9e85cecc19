#include "http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/workers.h"
#include "http/internal.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "trace/trace.h"

enum {
    THREADS = 2,
    WORKERS = 64,
    IN_FLIGHT_MAX = 1024,
    CONNECTIONS_MAX = 16384,
    IDLE_TIMEOUT_MS = 30000,
    REQUEST_TIMEOUT_MS = 10000,
    LISTEN_BACKLOG = 4096,
    STOP_LOOK_MS = 5,
    /* Of a connection. Headers beyond it are libmicrohttpd's to refuse: a bare 431, and closed. */
    CONNECTION_MEMORY = 2 * HTTP_HEADER_MAX,
    DROP_MAX = 1024 * 1024, /* bytes of a body of unknown size beyond its limit */
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct workers *workers;
    struct http_streams *streams; /* NULL when it takes none */
    int port;
    _Atomic bool draining;
    struct metrics_counter *shed;
    struct metrics_gauge *in_flight;
};

/* --- answers --- */

/* Those of `lines` that nobody gave before. */
static void add_missing(struct MHD_Response *answer, const struct http_header_line *lines,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (MHD_get_response_header(answer, lines[i].name) == NULL)
            MHD_add_response_header(answer, lines[i].name, lines[i].value);
    }
}

static void add_headers(struct http_request *request, const struct ctx *ctx,
                        const struct http_response *response)
{
    struct http_server *server = request->server;
    struct MHD_Response *answer = request->answer;
    const struct http_header_line usual[] = {
        {"X-Request-Id", http_request_id(ctx, request)},
        {"X-Content-Type-Options", "nosniff"},
        {"Cache-Control", "no-store"},
    };
    const char *type = response->content_type;
    if (response->body != NULL || type != NULL)
        MHD_add_response_header(answer, "Content-Type", type == NULL ? "application/json" : type);
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(answer, response->headers[i].name, response->headers[i].value);
    add_missing(answer, server->options.headers, server->options.header_count);
    add_missing(answer, usual, ARRAY_LEN(usual));
    if (atomic_load(&server->draining) || request->must_close)
        MHD_add_response_header(answer, "Connection", "close");
}

static void keep_answer(struct http_request *request, const struct ctx *ctx,
                        const struct http_response *response)
{
    request->answer = request->stream != NULL
                          ? http_stream_answer(request)
                          : MHD_create_response_from_buffer(response->body_size,
                                                            (void *)(uintptr_t)response->body,
                                                            MHD_RESPMEM_MUST_COPY);
    if (request->answer == NULL)
        abort();
    request->answer_code = response->code == 0 ? 200 : (unsigned)response->code;
    add_headers(request, ctx, response);
}

static void count_request(const struct http_request *request, const struct ctx *ctx,
                          enum status status)
{
    const struct http_server *server = request->server;
    const int64_t duration_us = clock_monotonic_us() - request->started_us;
    const char *route = request->route == NULL ? "" : request->route->pattern;
    char labels[256];
    snprintf(labels, sizeof labels, "server=\"%s\",route=\"%s\",method=\"%s\"",
             server->options.server_name, route, request->route == NULL ? "" : request->method);
    metrics_observe(
        metrics_histogram("http_request_seconds", labels, "Time from request to answer.", NULL, 0),
        (double)duration_us / 1e6);
    const size_t used = strlen(labels);
    snprintf(labels + used, sizeof labels - used, ",code=\"%u\"", request->answer_code);
    metrics_add(metrics_counter("http_requests_total", labels, "Requests answered."), 1);
    if (server->options.log_requests) {
        const char *id = http_request_id(ctx, request);
        const bool foreign_id = id != ctx->trace_id;
        char what[256];
        snprintf(what, sizeof what, "%s %s%s%s", request->method,
                 route[0] == '\0' ? "(no route)" : route, foreign_id ? " id " : "",
                 foreign_id ? id : "");
        log_request(ctx, what, status, duration_us);
        snprintf(what, sizeof what, "%s %s", request->method,
                 route[0] == '\0' ? "(no route)" : route);
        trace_hop(ctx, what, request->started_us, status);
    }
}

static void fill_ctx(struct ctx *ctx, const struct http_request *request, struct arena *arena)
{
    const char *traceparent = http_header(request, "traceparent");
    ctx_init_traced(ctx, arena, traceparent == NULL ? "" : traceparent);
    if (traceparent == NULL && request->server->options.log_requests)
        trace_decide(ctx);
    /* From its arrival: whoever waited long for a worker is not waited for any more. */
    ctx->deadline_us = request->started_us + request->server->options.request_timeout_ms * 1000;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || getnameinfo(info->client_addr, sizeof(struct sockaddr_in), ctx->caller,
                                    sizeof ctx->caller, NULL, 0, NI_NUMERICHOST) != 0)
        base_copy_text(ctx->caller, sizeof ctx->caller, "unknown");
}

static void answer_options(const struct http_request *request, struct ctx *ctx,
                           struct http_response *response)
{
    const struct http_server_options *options = &request->server->options;
    char allowed[128];
    http_allowed_methods(request, options->routes, options->route_count, allowed, sizeof allowed);
    char *copy = arena_strdup(ctx->arena, allowed);
    http_add_header(response, "Allow", copy == NULL ? "OPTIONS" : copy);
}

static enum status handle(struct http_request *request, struct ctx *ctx,
                          struct http_response *response)
{
    const struct http_server_options *options = &request->server->options;
    if (request->refusal == ST_METHOD_NOT_ALLOWED && strcmp(request->method, "OPTIONS") == 0) {
        response->code = 204;
        answer_options(request, ctx, response);
        return ST_OK;
    }
    if (request->refusal != ST_OK)
        return request->refusal;
    if (ctx_is_over(ctx))
        return ctx_fail(ctx, ST_TIMEOUT, "no worker in time");
    return request->route->handle(ctx, options->self, request, response);
}

static void describe_stream(struct http_request *request, struct http_response *response)
{
    response->content_type = "text/event-stream";
    http_add_header(response, "X-Accel-Buffering", "no");
    /* Its end tells the reader; what follows would meet a server that is stopping. */
    request->must_close = true;
}

/* Everything about one request that may block or allocate: on a worker, or at once for a refusal.
 */
static void run_request(struct http_request *request, struct arena *arena)
{
    const struct http_server_options *options = &request->server->options;
    struct ctx ctx;
    struct http_response response = {0};
    fill_ctx(&ctx, request, arena);
    const enum status status = handle(request, &ctx, &response);
    if (status != ST_OK) {
        http_stream_close(&request->stream);
        http_write_problem(&ctx, request, status, &response);
        if (status == ST_METHOD_NOT_ALLOWED)
            answer_options(request, &ctx, &response);
    }
    if (request->stream != NULL)
        describe_stream(request, &response);
    if (options->on_answer != NULL)
        options->on_answer(&ctx, options->self, request, &response);
    keep_answer(request, &ctx, &response);
    count_request(request, &ctx, status);
}

static void run_job(void *job, struct arena *arena)
{
    struct http_request *request = job;
    run_request(request, arena);
    metrics_move(request->server->in_flight, -1);
    MHD_resume_connection(request->connection);
}

/* A refusal is cheap and needs no worker: that is the point of refusing. */
static void refuse(struct http_request *request, enum status status)
{
    unsigned char block[8192];
    struct arena arena;
    arena_init(&arena, block, sizeof block);
    request->refusal = status;
    run_request(request, &arena);
}

/* --- libmicrohttpd's side --- */

static enum MHD_Result send_answer(struct http_request *request)
{
    const enum MHD_Result queued =
        MHD_queue_response(request->connection, request->answer_code, request->answer);
    MHD_destroy_response(request->answer);
    request->answer = NULL;
    return queued;
}

static enum status check_head_size(struct http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const bool too_large = (info != NULL && info->header_size > HTTP_HEADER_MAX) ||
                           strlen(request->path) + 1 == sizeof request->path;
    request->must_close = too_large;
    return too_large ? ST_HEADER_TOO_LARGE : ST_OK;
}

/* Where a body ends must be beyond doubt (RFC 9112, 6.3): a proxy in front that reads it otherwise
 * would take the rest for the next user's request. */
static enum status check_framing(struct http_request *request)
{
    const char *length = http_header(request, "Content-Length");
    int64_t size = 0;
    request->must_close = true;
    if (length != NULL && http_header(request, "Transfer-Encoding") != NULL)
        return ST_INVALID_REQUEST;
    if (length != NULL && (!base_parse_int64(length, &size) || size < 0))
        return ST_INVALID_REQUEST;
    if (size > HTTP_BODY_MAX)
        return ST_BODY_TOO_LARGE;
    request->must_close = false;
    return ST_OK;
}

static enum status check_head(struct http_request *request)
{
    const struct http_server_options *options = &request->server->options;
    TRY(check_head_size(request));
    TRY(check_framing(request));
    TRY(http_find_route(request, options->routes, options->route_count));
    if (!request->route->needs_json)
        return ST_OK;
    const char *type = http_header(request, "Content-Type");
    const bool json = type != NULL && strncasecmp(type, "application/json", 16) == 0 &&
                      strchr("; \t", type[16]) != NULL;
    return json ? ST_OK : ST_UNSUPPORTED_MEDIA_TYPE;
}

static struct http_request *begin(struct http_server *server, struct MHD_Connection *connection,
                                  const char *url, const char *method)
{
    struct http_request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->server = server;
    request->connection = connection;
    request->started_us = clock_monotonic_us();
    base_copy_text(request->method, sizeof request->method, method);
    base_copy_text(request->path, sizeof request->path, url);
    request->refusal = check_head(request);
    return request;
}

/* What is too much is read and dropped for a while, so that the sender gets to see the answer. */
static enum MHD_Result take_body(struct http_request *request, const char *data, size_t size)
{
    if (size > HTTP_BODY_MAX - request->body_size) {
        request->refusal = ST_BODY_TOO_LARGE;
        request->must_close = true;
        request->dropped += size;
        return request->dropped > DROP_MAX ? MHD_NO : MHD_YES;
    }
    if (request->body == NULL && (request->body = malloc(HTTP_BODY_MAX + 1)) == NULL)
        return MHD_NO;
    memcpy(request->body + request->body_size, data, size);
    request->body_size += size;
    return MHD_YES;
}

static enum MHD_Result hand_over(struct http_request *request)
{
    struct http_server *server = request->server;
    if (request->body != NULL)
        request->body[request->body_size] = '\0';
    request->handed_over = true;
    MHD_suspend_connection(request->connection);
    metrics_move(server->in_flight, 1);
    if (workers_submit(server->workers, request))
        return MHD_YES;
    metrics_move(server->in_flight, -1);
    metrics_add(server->shed, 1);
    refuse(request, ST_OVERLOADED);
    MHD_resume_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result on_access(void *self, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload_data,
                                 size_t *upload_data_size, void **slot)
{
    (void)version;
    struct http_request *request = *slot;
    if (request == NULL) {
        request = begin(self, connection, url, method);
        *slot = request;
        if (request == NULL)
            return MHD_NO;
        if (request->refusal == ST_OK || request->refusal == ST_METHOD_NOT_ALLOWED)
            return MHD_YES;
        refuse(request, request->refusal);
        return send_answer(request);
    }
    if (*upload_data_size > 0) {
        const size_t size = *upload_data_size;
        *upload_data_size = 0;
        return take_body(request, upload_data, size);
    }
    if (request->answer != NULL)
        return send_answer(request);
    if (request->refusal != ST_OK) {
        refuse(request, request->refusal);
        return send_answer(request);
    }
    return request->handed_over ? MHD_YES : hand_over(request);
}

static void on_completed(void *self, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode why)
{
    (void)self;
    (void)connection;
    (void)why;
    struct http_request *request = *slot;
    *slot = NULL;
    if (request == NULL)
        return;
    http_stream_close(&request->stream);
    if (request->answer != NULL)
        MHD_destroy_response(request->answer);
    free(request->body);
    free(request);
}

/* Paths and queries stay as sent: http_decode knows how to refuse. Queries are decoded here, with
 * '+' as sent. */
static size_t unescape(void *self, struct MHD_Connection *connection, char *text)
{
    (void)self;
    (void)connection;
    return strlen(text);
}

/* --- life --- */

static void fill_defaults(struct http_server_options *options)
{
    options->threads = options->threads == 0 ? THREADS : options->threads;
    options->workers = options->workers == 0 ? WORKERS : options->workers;
    options->in_flight_max = options->in_flight_max == 0 ? IN_FLIGHT_MAX : options->in_flight_max;
    options->connections_max =
        options->connections_max == 0 ? CONNECTIONS_MAX : options->connections_max;
    options->idle_timeout_ms =
        options->idle_timeout_ms == 0 ? IDLE_TIMEOUT_MS : options->idle_timeout_ms;
    if (options->request_timeout_ms == 0)
        options->request_timeout_ms = REQUEST_TIMEOUT_MS;
}

/* "127.0.0.1:8080" or "[::1]:8080", numeric. */
static bool parse_listen(const char *listen, struct sockaddr_in *ret_address)
{
    char host[64];
    int64_t port;
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || (size_t)(colon - listen) >= sizeof host ||
        !base_parse_int64(colon + 1, &port) || port < 0 || port > 65535)
        return false;
    base_copy_text(host, (size_t)(colon - listen) + 1, listen);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1;
}

/* MHD_OPTION_LISTENING_ADDRESS_REUSE would be SO_REUSEPORT: a second server of the same port would
 * start, and take half of its connections. Left out, it is SO_REUSEADDR alone. */
static struct MHD_Daemon *start_daemon(struct http_server *server, struct sockaddr_in *address)
{
    const struct http_server_options *options = &server->options;
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)address, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)options->threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((options->idle_timeout_ms + 999) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)LISTEN_BACKLOG, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_END);
}

/* Each connection is a descriptor; the soft limit is 1024 on most systems, for the sake of
 * select(2), which nobody here uses. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void free_server(struct http_server *server)
{
    workers_stop(&server->workers);
    http_streams_stop(&server->streams);
    free(server);
}

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **ret_server)
{
    struct sockaddr_in address;
    if (!parse_listen(options->listen, &address)) {
        log_line(LOG_ERROR, NULL, "http: %s is not an IPv4 address and port", options->listen);
        return ST_UNAVAILABLE;
    }
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->options = *options;
    fill_defaults(&server->options);
    char labels[64];
    snprintf(labels, sizeof labels, "server=\"%s\"", options->server_name);
    server->shed =
        metrics_counter("http_shed_total", labels, "Requests refused at the in-flight limit.");
    server->in_flight = metrics_gauge("http_in_flight", labels, "Requests queued or running.");
    server->workers = workers_start(server->options.workers, server->options.in_flight_max,
                                    HTTP_ARENA_SIZE, run_job);
    if (options->streams_max > 0)
        server->streams =
            http_streams_start(options->streams_max, options->heartbeat_ms, options->server_name);
    raise_descriptor_limit();
    server->daemon = start_daemon(server, &address);
    if (server->daemon == NULL) {
        log_line(LOG_ERROR, NULL, "http: cannot bind %s", options->listen);
        free_server(server);
        return ST_UNAVAILABLE;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info == NULL ? 0 : info->port;
    *ret_server = server;
    return ST_OK;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

struct http_streams *http_server_streams(struct http_server *server)
{
    return server->streams;
}

static void wait_ms(int64_t time_ms)
{
    const struct timespec time = {.tv_sec = time_ms / 1000, .tv_nsec = time_ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static bool is_busy(const struct http_server *server)
{
    return workers_in_flight(server->workers) > 0 ||
           (server->streams != NULL && http_streams_open(server->streams) > 0);
}

void http_server_stop(struct http_server **server, int64_t drain_ms, int64_t finish_ms)
{
    struct http_server *old = *server;
    if (old == NULL)
        return;
    *server = NULL;
    atomic_store(&old->draining, true);
    wait_ms(drain_ms);

    const MHD_socket listening = MHD_quiesce_daemon(old->daemon);
    if (old->streams != NULL)
        http_streams_end_all(old->streams);
    const int64_t until_us = clock_monotonic_us() + finish_ms * 1000;
    while (is_busy(old) && clock_monotonic_us() < until_us)
        wait_ms(STOP_LOOK_MS);
    workers_stop(&old->workers); /* every handler is bounded by its deadline; all resume */
    MHD_stop_daemon(old->daemon);
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    free_server(old);
}
