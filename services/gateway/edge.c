#include "edge.h"

#include <string.h>

#include "service.h"

const struct http_header_line gateway_headers[] = {
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"},
};
const size_t gateway_header_count = ARRAY_LEN(gateway_headers);

/* --- cross-origin requests --- */

/* scheme://host[:port], as a browser writes it. */
static bool is_origin(const char *text, size_t size)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        const size_t length = strlen(schemes[i]);
        if (size <= length || strncmp(text, schemes[i], length) != 0)
            continue;
        return strspn(text + length, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") >= size - length;
    }
    return false;
}

/* The next item of a list at *at, which is moved behind it; its size, 0 at the end. */
static size_t next_item(const char **at, const char **ret_item)
{
    *ret_item = *at + strspn(*at, ", ");
    const size_t size = strcspn(*ret_item, ", ");
    *at = *ret_item + size;
    return size;
}

bool edge_origins_are_valid(const char *text)
{
    const char *item;
    size_t size;
    if (strcmp(text, "*") == 0)
        return true;
    while ((size = next_item(&text, &item)) > 0) {
        if (!is_origin(item, size))
            return false;
    }
    return true;
}

static bool is_listed(const char *list, const char *origin)
{
    const char *item;
    size_t size;
    while ((size = next_item(&list, &item)) > 0) {
        if (strlen(origin) == size && memcmp(origin, item, size) == 0)
            return true;
    }
    return false;
}

static void allow(struct ctx *ctx, const struct http_request *request, const char *origin,
                  struct http_response *response)
{
    const char *copy = arena_strdup(ctx->arena, origin);
    if (copy == NULL)
        return; /* the browser keeps the answer from the page, as without a setting */
    http_add_header(response, "Access-Control-Allow-Origin", copy);
    http_add_header(response, "Access-Control-Expose-Headers",
                    "ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, "
                    "Retry-After, X-Request-Id");
    if (http_header(request, "Access-Control-Request-Method") == NULL)
        return;
    http_add_header(response, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    http_add_header(response, "Access-Control-Allow-Headers",
                    "Accept-Language, Authorization, Content-Type, Idempotency-Key, If-None-Match, "
                    "Last-Event-ID, X-Request-Id, traceparent");
    http_add_header(response, "Access-Control-Max-Age", "600");
}

void edge_on_answer(struct ctx *ctx, void *self, const struct http_request *request,
                    struct http_response *response)
{
    const struct gateway *gateway = self;
    const char *origins = gateway->cors_origins;
    if (origins == NULL || origins[0] == '\0' || strncmp(http_path(request), "/ops", 4) == 0)
        return;
    if (strcmp(origins, "*") == 0) {
        allow(ctx, request, "*", response);
        return;
    }
    /* What is kept for one origin must not be given to another. */
    http_add_header(response, "Vary", "Origin");
    const char *origin = http_header(request, "Origin");
    if (origin != NULL && is_listed(origins, origin))
        allow(ctx, request, origin, response);
}
