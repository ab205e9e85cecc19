/* grpc.health.v1.Health: Check and Watch, for "" and every service of the server. */
#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "rpc/internal.h"

typedef Grpc__Health__V1__HealthCheckRequest CheckRequest;
typedef Grpc__Health__V1__HealthCheckResponse CheckResponse;

extern const unsigned char rpc_health_descriptors[];
extern const size_t rpc_health_descriptors_size;

static bool is_known(const struct rpc_server *server, const char *service)
{
    if (service[0] == '\0')
        return true;
    for (size_t i = 0; i < server->service_count; i++) {
        if (strcmp(server->services[i].name, service) == 0)
            return true;
    }
    return false;
}

static Grpc__Health__V1__HealthCheckResponse__ServingStatus answer(bool known, bool serving)
{
    if (!known)
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    return serving ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                   : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

static enum status check(struct ctx *ctx, void *self, const void *in, void *out)
{
    struct rpc_server *server = self;
    const CheckRequest *request = in;
    CheckResponse *response = out;
    if (!is_known(server, request->service))
        return ctx_fail(ctx, ST_ROUTE_NOT_FOUND, "no such service here");
    pthread_mutex_lock(&server->health_lock);
    response->status = answer(true, server->serving);
    pthread_mutex_unlock(&server->health_lock);
    return ST_OK;
}

/* Server's lock held; false when the watcher is gone. */
static bool tell(const struct rpc_server *server, size_t index)
{
    CheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = answer(server->watcher_known[index], server->serving);
    return rpc_stream_send(server->watchers[index], &response.base);
}

/* Server's lock held: tells everybody, forgets who is gone. */
static void tell_all(struct rpc_server *server)
{
    size_t kept = 0;
    for (size_t i = 0; i < server->watcher_count; i++) {
        if (!tell(server, i)) {
            rpc_stream_release(&server->watchers[i]);
            continue;
        }
        server->watchers[kept] = server->watchers[i];
        server->watcher_known[kept] = server->watcher_known[i];
        kept++;
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
        const size_t index = server->watcher_count++;
        server->watchers[index] = stream;
        server->watcher_known[index] = is_known(server, request->service);
        (void)tell(server, index); /* who is gone already is found the next time */
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
        .name = "grpc.health.v1.Health",
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
    const bool changed = server->serving != serving;
    server->serving = serving;
    if (changed)
        tell_all(server);
    pthread_mutex_unlock(&server->health_lock);
}
