/* The small admin endpoint that every service has: GET /livez (the process serves), /readyz (its
 * dependencies too), /metrics. */
#ifndef HTTP_ADMIN_H
#define HTTP_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "http/server.h"

/* One dependency's check, bounded by the ctx's deadline (1 s). */
typedef enum status http_check_fn(struct ctx *ctx, void *self);
struct http_dependency {
    const char *name; /* "postgres", "redis", "schema" */
    http_check_fn *check;
    void *self;
};

struct http_admin_options {
    const char *listen;
    const struct http_dependency *dependencies; /* borrowed */
    size_t dependency_count;
    /* Told after every change of readiness (checked each second on the admin's own thread), e.g. to
     * set rpc_server_set_serving; may be NULL. */
    void (*on_ready)(void *self, bool ready);
    void *self;
};
struct http_admin;
enum status http_admin_start(const struct http_admin_options *options,
                             struct http_admin **ret_admin) MUST_CHECK;
int http_admin_port(const struct http_admin *admin);
/* Answers /readyz with 503 from now on, whatever the dependencies say. */
void http_admin_set_draining(struct http_admin *admin);
void http_admin_stop(struct http_admin **admin);

#endif
