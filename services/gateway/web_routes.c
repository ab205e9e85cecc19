#include <string.h>

#include "service.h"
#include "web_files.h"

/* Scripts, styles, pictures and requests of this host only, nothing inline, in nobody's frame. */
static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static enum status serve(struct ctx *ctx, struct gateway *gateway,
                         const struct http_request *request, const char *name,
                         struct http_response *response)
{
    TRY(gateway_admit_anyone(ctx, gateway, response));
    const struct web_file *file =
        gateway->web_files == NULL ? NULL : web_files_find(gateway->web_files, name);
    if (file == NULL)
        return ctx_fail(ctx, ST_ROUTE_NOT_FOUND, "no such file");
    http_add_header(response, "ETag", file->etag);
    /* Names stay while contents change, so a browser asks each time; the answer is mostly 304. */
    http_add_header(response, "Cache-Control", "no-cache");
    http_add_header(response, "Content-Security-Policy", page_policy);
    if (http_matches_etag(request, file->etag)) {
        response->code = 304;
        return ST_OK;
    }
    response->content_type = file->content_type;
    response->body = file->content;
    response->body_size = file->size;
    return ST_OK;
}

#define PAGE(function, name)                                                                       \
    enum status function(struct ctx *ctx, void *self, const struct http_request *request,          \
                         struct http_response *response)                                           \
    {                                                                                              \
        return serve(ctx, self, request, name, response);                                          \
    }

PAGE(gateway_get_page, "index.html")
PAGE(gateway_get_docs, "docs.html")
PAGE(gateway_get_ops, "ops.html")
PAGE(gateway_get_openapi, "openapi.json")

enum status gateway_get_asset(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    /* What is in memory is all there is: a name cannot lead out of the folder. */
    const char *name = arena_printf(ctx->arena, "assets/%s", http_path_param(request, "name"));
    if (name == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    return serve(ctx, self, request, name, response);
}
