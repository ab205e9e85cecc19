#include "rpc/server.h"

#include <assert.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "rpc/internal.h"
#include "rpc/message.h"
#include "rpc/tls_internal.h"
#include "trace/trace.h"

enum {
    WORKERS = 64,
    IN_FLIGHT_MAX = 1024,
    STREAMS_MAX = 16384,
    CONNECTION_AGE_MS = 45000,
    TIMEOUT_MS = 30000,
    SLOTS = 128, /* requests posted for each method before any comes */
    HANDSHAKE_TIMEOUT_MS = 5000,
    CONCURRENT_STREAMS_MAX = 20000, /* of one connection */
    PING_INTERVAL_MIN_MS = 5000,    /* half of our clients' keepalive */
    KEEPALIVE_MS = 30000,           /* for callers that are gone without a word */
    KEEPALIVE_TIMEOUT_MS = 10000,
    HEALTH_ARENA_SIZE = 4096,
    LEAVE_MS = 500,    /* for clients of ours to hear that they should call others */
    FORGOTTEN_MS = 20, /* between looks for calls that the core has forgotten */
};

/* --- on a worker --- */

static enum status handle_unary(struct ctx *ctx, struct rpc_server_call *call)
{
    const struct rpc_method *method = call->endpoint->method;
    if (ctx_is_over(ctx))
        return ctx_fail(ctx, ST_TIMEOUT, "deadline before the handler ran");
    ProtobufCMessage *request = NULL;
    TRY(rpc_unpack(ctx, method->input, call->payload, &request));
    ProtobufCMessage *response = arena_alloc(ctx->arena, method->output->sizeof_message);
    if (response == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    method->output->message_init(response);
    TRY(method->handle(ctx, call->endpoint->service->self, request, response));
    if (protobuf_c_message_get_packed_size(response) > RPC_RESPONSE_MAX)
        return ctx_fail(ctx, ST_OVERLOADED, "response larger than %d bytes", RPC_RESPONSE_MAX);
    call->reply = rpc_pack(response);
    return ST_OK;
}

static void open_stream(struct ctx *ctx, struct rpc_server_call *call)
{
    const struct rpc_endpoint *endpoint = call->endpoint;
    const struct rpc_method *method = endpoint->method;
    ProtobufCMessage *request = NULL;
    enum status status = rpc_unpack(ctx, method->input, call->payload, &request);
    struct rpc_stream *stream = status == ST_OK ? rpc_stream_new(call) : NULL;
    if (stream == NULL) {
        status = status == ST_OK ? ctx_fail(ctx, ST_OVERLOADED, "too many streams") : status;
        rpc_server_finish(call, ctx, status);
        rpc_server_answer(call, ctx, status);
        return;
    }
    /* From here the stream owns the call. */
    const int64_t started_us = clock_monotonic_us();
    status = method->open(ctx, endpoint->service->self, request, stream);
    log_request(ctx, endpoint->path, status, clock_monotonic_us() - started_us);
    trace_hop(ctx, endpoint->path + 1, started_us, status);
    if (status != ST_OK) {
        rpc_stream_finish(stream, status);
        rpc_stream_release(&stream);
    }
}

static void run_call(void *job, struct arena *arena)
{
    struct rpc_server_call *call = job;
    struct ctx ctx;
    rpc_server_fill_ctx(&ctx, call, arena);
    enum status status = ST_OK;
    if (call->server->options.tls != NULL)
        status = rpc_tls_check_caller(&ctx, call->call, call->endpoint->method);
    if (status == ST_OK && call->endpoint->method->open != NULL) {
        open_stream(&ctx, call);
        return;
    }
    if (status == ST_OK)
        status = handle_unary(&ctx, call);
    rpc_server_finish(call, &ctx, status);
    rpc_server_answer(call, &ctx, status);
}

/* --- on the poller --- */

static void arrive(void *self, bool ok);

/* Posts a slot: the core fills it with the next call of that method. */
static void post_slot(struct rpc_server *server, struct rpc_endpoint *endpoint)
{
    struct rpc_server_call *call = rpc_server_call_new(server, endpoint);
    call->event = (struct rpc_event){.fire = arrive, .self = call};
    grpc_call_error error;
    rpc_give_tag(&call->event);
    if (endpoint != NULL)
        error = grpc_server_request_registered_call(
            server->core, endpoint->registered, &call->call, &call->deadline, &call->metadata,
            &call->payload, server->queue, server->queue, &call->event);
    else
        error = grpc_server_request_call(server->core, &call->call, &call->details, &call->metadata,
                                         server->queue, server->queue, &call->event);
    if (error != GRPC_CALL_OK)
        rpc_server_call_free(call); /* shutting down: no event comes */
}

static void refuse(struct rpc_server_call *call, enum status status, const char *why)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    (void)ctx_fail(&ctx, status, "%s", why);
    rpc_server_answer(call, &ctx, status);
}

static void arrive_unknown(struct rpc_server_call *call)
{
    char path[160];
    rpc_copy_slice(path, sizeof path, call->details.method);
    if (!rpc_reflection_takes(path))
        refuse(call, ST_UNIMPLEMENTED, "no such method");
    else if (!rpc_reflection_begin(call))
        refuse(call, ST_OVERLOADED, "too many reflection calls");
}

/* Health waits behind nothing that it tells about, and is never shed: who is refused a watch calls
 * nobody here for a second or more. Its handlers do not block. */
static void answer_for_itself(struct rpc_server_call *call)
{
    unsigned char block[HEALTH_ARENA_SIZE];
    struct arena arena;
    arena_init(&arena, block, sizeof block);
    run_call(call, &arena);
}

static void arrive(void *self, bool ok)
{
    struct rpc_server_call *call = self;
    struct rpc_server *server = call->server;
    if (!ok) {
        rpc_server_call_free(call); /* the slot was never used: shutting down */
        return;
    }
    post_slot(server, call->endpoint);
    call->started_us = clock_monotonic_us();
    if (call->endpoint == NULL) {
        arrive_unknown(call);
        return;
    }
    metrics_add(call->endpoint->started, 1);
    if (call->endpoint->service->self == server) {
        answer_for_itself(call);
        return;
    }
    if (workers_submit(server->workers, call))
        return;
    metrics_add(server->shed, 1);
    metrics_add(call->endpoint->handled[RPC_CODE_RESOURCE_EXHAUSTED], 1);
    refuse(call, ST_OVERLOADED, "in-flight limit");
}

static void *poll_events(void *self)
{
    struct rpc_server *server = self;
    base_yield_to_waker();
    rpc_poll(server->queue);
    return NULL;
}

/* --- start --- */

static void make_metrics(struct rpc_endpoint *endpoint)
{
    char labels[256];
    const int length = snprintf(labels, sizeof labels, "grpc_service=\"%s\",grpc_method=\"%s\"",
                                endpoint->service->name, endpoint->method->name);
    assert(length > 0 && (size_t)length < sizeof labels);
    endpoint->started =
        metrics_counter("grpc_server_started_total", labels, "RPCs started on the server.");
    endpoint->seconds = metrics_histogram("grpc_server_handling_seconds", labels,
                                          "Response latency of RPCs.", NULL, 0);
    for (size_t i = 0; i < RPC_CODES; i++) {
        char coded[320];
        snprintf(coded, sizeof coded, "%s,grpc_code=\"%s\"", labels, rpc_code_name((int)i));
        endpoint->handled[i] =
            metrics_counter("grpc_server_handled_total", coded, "RPCs completed on the server.");
    }
}

static void add_endpoint(struct rpc_server *server, const struct rpc_service *service,
                         const struct rpc_method *method)
{
    assert(server->endpoint_count < RPC_METHODS_MAX);
    assert((method->handle == NULL) != (method->open == NULL));
    assert(server->options.tls == NULL || method->callers != NULL); /* a forgotten row */
    struct rpc_endpoint *endpoint = &server->endpoints[server->endpoint_count++];
    endpoint->server = server;
    endpoint->service = service;
    endpoint->method = method;
    snprintf(endpoint->path, sizeof endpoint->path, "/%s/%s", service->name, method->name);
    endpoint->registered = grpc_server_register_method(
        server->core, endpoint->path, NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    assert(endpoint->registered != NULL);
    make_metrics(endpoint);
}

static grpc_server *make_core(const struct rpc_server_options *options)
{
    grpc_arg arguments[] = {
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ALLOW_REUSEPORT, .value.integer = 0},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = RPC_MESSAGE_MAX},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_METADATA_SIZE,
         .value.integer = RPC_METADATA_MAX},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_CONCURRENT_STREAMS,
         .value.integer = CONCURRENT_STREAMS_MAX},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_CONNECTION_AGE_MS,
         .value.integer = (int)options->max_connection_age_ms},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
         .value.integer = HANDSHAKE_TIMEOUT_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
         .value.integer = (int)options->ping_interval_min_ms},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_KEEPALIVE_TIME_MS,
         .value.integer = KEEPALIVE_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
         .value.integer = KEEPALIVE_TIMEOUT_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA,
         .value.integer = 0},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS,
         .value.integer = 1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_CHANNELZ, .value.integer = 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
        assert(arguments[i].key != NULL);
    const grpc_channel_args all = {.num_args = ARRAY_LEN(arguments), .args = arguments};
    return grpc_server_create(&all, NULL);
}

static void fill_defaults(struct rpc_server_options *options)
{
    options->workers = options->workers == 0 ? WORKERS : options->workers;
    options->in_flight_max = options->in_flight_max == 0 ? IN_FLIGHT_MAX : options->in_flight_max;
    options->streams_max = options->streams_max == 0 ? STREAMS_MAX : options->streams_max;
    if (options->max_connection_age_ms == 0)
        options->max_connection_age_ms = CONNECTION_AGE_MS;
    if (options->ping_interval_min_ms == 0)
        options->ping_interval_min_ms = PING_INTERVAL_MIN_MS;
    if (options->default_timeout_ms == 0)
        options->default_timeout_ms = TIMEOUT_MS;
    assert(options->workers <= RPC_WORKERS_MAX && options->service_count < RPC_SERVICES_MAX);
}

static void free_server(struct rpc_server *server)
{
    for (size_t i = 0; i < server->watcher_count; i++)
        rpc_stream_release(&server->watchers[i].stream);
    grpc_server_destroy(server->core);
    grpc_completion_queue_shutdown(server->queue);
    pthread_join(server->poller, NULL); /* drains the queue */
    grpc_completion_queue_destroy(server->queue);
    while (server->kept != NULL) {
        struct rpc_server_call *call = server->kept;
        server->kept = call->next;
        rpc_server_call_free(call);
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->health_lock);
    free(server);
    grpc_shutdown();
}

static struct rpc_server *make_server(const struct rpc_server_options *options)
{
    struct rpc_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->options = *options;
    fill_defaults(&server->options);
    rpc_core_init();
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->health_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    server->shed =
        metrics_counter("rpc_server_shed_total", "", "Calls refused at the in-flight limit.");
    server->queue = grpc_completion_queue_create_for_next(NULL);
    server->core = make_core(&server->options);
    grpc_server_register_completion_queue(server->core, server->queue, NULL);

    for (size_t i = 0; i < options->service_count; i++)
        server->services[server->service_count++] = options->services[i];
    server->services[server->service_count++] = rpc_health_service(server);
    for (size_t i = 0; i < server->service_count; i++) {
        for (size_t j = 0; j < server->services[i].method_count; j++)
            add_endpoint(server, &server->services[i], &server->services[i].methods[j]);
    }
    return server;
}

static void shut_down(void *self, bool ok)
{
    struct rpc_server *server = self;
    (void)ok;
    pthread_mutex_lock(&server->lock);
    server->shut_down = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **ret_server)
{
    struct rpc_server *server = make_server(options);
    grpc_server_credentials *credentials = rpc_tls_server_credentials(options->tls);
    server->port = grpc_server_add_http2_port(server->core, options->listen, credentials);
    grpc_server_credentials_release(credentials);
    if (server->port == 0) {
        log_line(LOG_ERROR, NULL, "rpc: cannot bind %s", options->listen);
        struct rpc_event event = {.fire = shut_down, .self = server};
        rpc_give_tag(&event);
        grpc_server_shutdown_and_notify(server->core, server->queue, &event);
        if (pthread_create(&server->poller, NULL, poll_events, server) != 0)
            abort();
        pthread_mutex_lock(&server->lock);
        while (!server->shut_down)
            pthread_cond_wait(&server->changed, &server->lock);
        pthread_mutex_unlock(&server->lock);
        free_server(server);
        return ST_UNAVAILABLE;
    }
    server->workers = workers_start(server->options.workers, server->options.in_flight_max,
                                    RPC_ARENA_SIZE, run_call);
    grpc_server_start(server->core);
    for (size_t i = 0; i < server->endpoint_count; i++) {
        for (size_t j = 0; j < SLOTS; j++)
            post_slot(server, &server->endpoints[i]);
    }
    for (size_t j = 0; j < SLOTS; j++)
        post_slot(server, NULL);
    if (pthread_create(&server->poller, NULL, poll_events, server) != 0)
        abort();
    pthread_setname_np(server->poller, "rpc-poller");
    *ret_server = server;
    return ST_OK;
}

int rpc_server_port(const struct rpc_server *server)
{
    return server->port;
}

/* --- stop --- */

/* False after the limit. */
static bool is_shut_down_by(struct rpc_server *server, int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};
    pthread_mutex_lock(&server->lock);
    while (!server->shut_down && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&server->changed, &server->lock, &until);
    const bool done = server->shut_down;
    pthread_mutex_unlock(&server->lock);
    return done;
}

/* The core (1.51) takes its slots back before it says that it is shutting down. A call that comes
 * in between finds no slot, and is put aside until there is one, which is never. The core turns
 * away what it put aside whenever a connection ends: so it is given one, which it ends at once. */
static void turn_away_forgotten_calls(struct rpc_server *server)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return; /* the next time, then */
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    grpc_server_add_channel_from_fd(server->core, ends[0], credentials); /* owns it */
    grpc_server_credentials_release(credentials);
    close(ends[1]);
}

/* Waits until the core has shut down; false after the limit. */
static bool wait_shut_down(struct rpc_server *server, int64_t limit_ms)
{
    const int64_t until_us = clock_monotonic_us() + limit_ms * 1000;
    int64_t now_us = clock_monotonic_us();
    bool done = is_shut_down_by(server, now_us);
    while (!done && now_us < until_us) {
        turn_away_forgotten_calls(server);
        const int64_t next_us = now_us + FORGOTTEN_MS * 1000;
        done = is_shut_down_by(server, next_us < until_us ? next_us : until_us);
        now_us = clock_monotonic_us();
    }
    return done;
}

static void wait_ms(int64_t ms)
{
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

void rpc_server_stop(struct rpc_server **server, int64_t drain_ms, int64_t finish_ms)
{
    struct rpc_server *old = *server;
    if (old == NULL)
        return;
    *server = NULL;
    rpc_server_set_serving(old, false);
    const int64_t leave_ms = drain_ms < LEAVE_MS ? drain_ms : LEAVE_MS;
    wait_ms(drain_ms - leave_ms);
    rpc_health_leave(old);
    wait_ms(leave_ms);

    atomic_store(&old->stopping, true);
    struct rpc_event event = {.fire = shut_down, .self = old};
    rpc_give_tag(&event);
    grpc_server_shutdown_and_notify(old->core, old->queue, &event);
    rpc_streams_finish_all(old);
    rpc_reflections_finish_all(old);
    if (!wait_shut_down(old, finish_ms)) {
        grpc_server_cancel_all_calls(old->core);
        while (!wait_shut_down(old, 1000))
            ;
    }
    workers_stop(&old->workers);
    free_server(old);
}
