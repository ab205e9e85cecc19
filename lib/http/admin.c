#include "http/admin.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ticker.h"
#include "metrics/metrics.h"

enum { CHECK_TIMEOUT_MS = 1000, CHECK_INTERVAL_MS = 500, WORKERS = 4, IN_FLIGHT_MAX = 64 };

struct http_admin {
    struct http_admin_options options;
    struct http_server *server;
    struct ticker *ticker;
    _Atomic bool ready, draining;
    _Atomic size_t failing; /* index of the first dependency that is away */
};

static enum status live(struct ctx *ctx, void *self, const struct http_request *request,
                        struct http_response *response)
{
    (void)ctx;
    (void)self;
    (void)request;
    response->body = "{\"status\":\"live\"}";
    response->body_size = strlen(response->body);
    return ST_OK;
}

static enum status readiness(struct ctx *ctx, void *self, const struct http_request *request,
                             struct http_response *response)
{
    struct http_admin *admin = self;
    (void)request;
    if (atomic_load(&admin->draining))
        return ctx_fail(ctx, ST_UNAVAILABLE, "draining");
    if (!atomic_load(&admin->ready)) {
        const size_t failing = atomic_load(&admin->failing);
        if (failing < admin->options.dependency_count)
            ctx_note(ctx, "dependency", "%s", admin->options.dependencies[failing].name);
        return ctx_fail(ctx, ST_UNAVAILABLE, "a dependency is away");
    }
    response->body = "{\"status\":\"ready\"}";
    response->body_size = strlen(response->body);
    return ST_OK;
}

static enum status show_metrics(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    (void)self;
    (void)request;
    size_t size;
    char *text = metrics_render(&size);
    char *copy = arena_memdup(ctx->arena, text, size);
    free(text);
    if (copy == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "metrics do not fit");
    response->body = copy;
    response->body_size = size;
    response->content_type = "text/plain; version=0.0.4";
    return ST_OK;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/livez", .handle = live},
    {.method = "GET", .pattern = "/readyz", .handle = readiness},
    {.method = "GET", .pattern = "/metrics", .handle = show_metrics},
};

static void check(struct ctx *ctx, void *self)
{
    struct http_admin *admin = self;
    size_t index = 0;
    while (index < admin->options.dependency_count) {
        const struct http_dependency *dependency = &admin->options.dependencies[index];
        arena_reset(ctx->arena);
        ctx_forgive(ctx);
        ctx_set_timeout_ms(ctx, CHECK_TIMEOUT_MS);
        if (dependency->check(ctx, dependency->self) != ST_OK)
            break;
        index++;
    }
    const bool ready = index == admin->options.dependency_count;
    atomic_store(&admin->failing, index);
    const bool was_ready = atomic_exchange(&admin->ready, ready);
    if (ready != was_ready && admin->options.on_ready != NULL)
        admin->options.on_ready(admin->options.self, ready);
}

enum status http_admin_start(const struct http_admin_options *options,
                             struct http_admin **ret_admin)
{
    struct http_admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL)
        abort();
    admin->options = *options;
    const struct http_server_options server_options = {
        .listen = options->listen,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .self = admin,
        .server_name = "admin",
        .threads = 1,
        .workers = WORKERS,
        .in_flight_max = IN_FLIGHT_MAX,
    };
    const enum status status = http_server_start(&server_options, &admin->server);
    if (status != ST_OK) {
        free(admin);
        return status;
    }
    admin->ticker = ticker_start(&(struct ticker_options){
        .name = "readiness",
        .interval_ms = CHECK_INTERVAL_MS,
        .timeout_ms = CHECK_TIMEOUT_MS,
        .run = check,
        .self = admin,
    });
    *ret_admin = admin;
    return ST_OK;
}

int http_admin_port(const struct http_admin *admin)
{
    return http_server_port(admin->server);
}

void http_admin_set_draining(struct http_admin *admin)
{
    atomic_store(&admin->draining, true);
}

void http_admin_stop(struct http_admin **admin)
{
    struct http_admin *old = *admin;
    if (old == NULL)
        return;
    ticker_stop(&old->ticker);
    http_server_stop(&old->server, 0, CHECK_TIMEOUT_MS);
    free(old);
    *admin = NULL;
}
