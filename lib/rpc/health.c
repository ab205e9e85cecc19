/* grpc.health.v1.Health: Check and Watch, for "" and every service of the server. */
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "rpc/internal.h"

typedef Grpc__Health__V1__HealthCheckRequest CheckRequest;
typedef Grpc__Health__V1__HealthCheckResponse CheckResponse;

extern const unsigned char rpc_health_descriptors[];
extern const size_t rpc_health_descriptors_size;

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus ServingStatus;
#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

static enum rpc_health_subject subject_of(const struct rpc_server *server, const char *service)
{
    if (strcmp(service, RPC_HEALTH_SERVICE) == 0)
        return RPC_HEALTH_TAKES_CALLS;
    if (service[0] == '\0')
        return RPC_HEALTH_IS_READY;
    for (size_t i = 0; i < server->service_count; i++) {
        if (strcmp(server->services[i].name, service) == 0)
            return RPC_HEALTH_IS_READY;
    }
    return RPC_HEALTH_UNKNOWN;
}

/* Health lock held. */
static ServingStatus state_of(const struct rpc_server *server, enum rpc_health_subject subject)
{
    if (subject == RPC_HEALTH_UNKNOWN)
        return STATUS(SERVICE_UNKNOWN);
    const bool good = subject == RPC_HEALTH_TAKES_CALLS ? !server->leaving : server->serving;
    return good ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

static enum status check(struct ctx *ctx, void *self, const void *in, void *out)
{
    struct rpc_server *server = self;
    const CheckRequest *request = in;
    CheckResponse *response = out;
    const enum rpc_health_subject subject = subject_of(server, request->service);
    if (subject == RPC_HEALTH_UNKNOWN)
        return ctx_fail(ctx, ST_ROUTE_NOT_FOUND, "no such service here");
    pthread_mutex_lock(&server->health_lock);
    response->status = state_of(server, subject);
    pthread_mutex_unlock(&server->health_lock);
    return ST_OK;
}

/* Health lock held. */
static void tell(const struct rpc_server *server, struct rpc_health_watcher *watcher)
{
    CheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = state_of(server, watcher->subject);
    if (watcher->told == (int)response.status)
        return;
    watcher->told = (int)response.status;
    (void)rpc_stream_send(watcher->stream, &response.base); /* who is gone is forgotten later */
}

/* Health lock held: tells those for whom something changed, forgets who is gone. */
static void tell_all(struct rpc_server *server)
{
    size_t kept = 0;
    for (size_t i = 0; i < server->watcher_count; i++) {
        struct rpc_health_watcher *watcher = &server->watchers[i];
        if (rpc_stream_is_over(watcher->stream)) {
            rpc_stream_release(&watcher->stream);
            continue;
        }
        tell(server, watcher);
        server->watchers[kept++] = *watcher;
    }
    server->watcher_count = kept;
}

static enum status watch(struct ctx *ctx, void *self, const void *in, struct rpc_stream *stream)
{
    struct rpc_server *server = self;
    const CheckRequest *request = in;
    pthread_mutex_lock(&server->health_lock);
    if (server->watcher_count == RPC_HEALTH_WATCHERS_MAX)
        tell_all(server); /* makes room if anybody has gone */
    const bool room = server->watcher_count < RPC_HEALTH_WATCHERS_MAX;
    if (room) {
        struct rpc_health_watcher *watcher = &server->watchers[server->watcher_count++];
        *watcher = (struct rpc_health_watcher){
            .stream = stream, .subject = subject_of(server, request->service), .told = -1};
        tell(server, watcher);
    }
    pthread_mutex_unlock(&server->health_lock);
    return room ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "too many health watchers");
}

static const struct rpc_method methods[] = {
    {.name = "Check",
     .input = &grpc__health__v1__health_check_request__descriptor,
     .output = &grpc__health__v1__health_check_response__descriptor,
     .handle = check,
     .callers = "*"},
    {.name = "Watch",
     .input = &grpc__health__v1__health_check_request__descriptor,
     .output = &grpc__health__v1__health_check_response__descriptor,
     .open = watch,
     .callers = "*"},
};

struct rpc_service rpc_health_service(struct rpc_server *server)
{
    return (struct rpc_service){
        .name = RPC_HEALTH_SERVICE,
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = rpc_health_descriptors,
        .descriptors_size = rpc_health_descriptors_size,
        .self = server,
    };
}

void rpc_server_set_serving(struct rpc_server *server, bool serving)
{
    pthread_mutex_lock(&server->health_lock);
    server->serving = serving;
    tell_all(server);
    pthread_mutex_unlock(&server->health_lock);
}

void rpc_health_leave(struct rpc_server *server)
{
    pthread_mutex_lock(&server->health_lock);
    server->leaving = true;
    tell_all(server);
    pthread_mutex_unlock(&server->health_lock);
}
