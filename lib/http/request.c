#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "http/internal.h"

enum { REQUEST_ID_MAX = 64 };

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    const char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool http_decode(const char *from, char *to, size_t size)
{
    size_t length = 0;
    for (; *from != '\0'; from++) {
        char byte = *from;
        if (byte == '%') {
            const int high = hex_value(from[1]);
            const int low = high < 0 ? -1 : hex_value(from[2]);
            if (low < 0)
                return false;
            byte = (char)(high << 4 | low);
            from += 2;
        }
        if (length + 1 >= size)
            return false;
        to[length++] = byte;
    }
    to[length] = '\0';
    return base_is_utf8(to, length);
}

/* One segment of the path against one of the pattern, both without slashes. */
static enum status match_segment(struct http_request *request, const char *pattern,
                                 size_t pattern_size, const char *text, size_t text_size)
{
    if (pattern[0] != '{') {
        const bool same = pattern_size == text_size && memcmp(pattern, text, text_size) == 0;
        return same ? ST_OK : ST_ROUTE_NOT_FOUND;
    }
    char raw[3 * HTTP_SEGMENT_MAX];
    const size_t index = request->param_count;
    if (text_size == 0)
        return ST_ROUTE_NOT_FOUND;
    if (text_size >= sizeof raw || index == HTTP_PATH_PARAMS_MAX)
        return ST_INVALID_REQUEST;
    memcpy(raw, text, text_size);
    raw[text_size] = '\0';
    base_copy_text(request->params[index].name, pattern_size - 1, pattern + 1);
    if (!http_decode(raw, request->params[index].value, HTTP_SEGMENT_MAX))
        return ST_INVALID_REQUEST;
    request->param_count++;
    return ST_OK;
}

static enum status match(struct http_request *request, const char *pattern)
{
    const char *path = request->path;
    request->param_count = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        const size_t pattern_size = strcspn(pattern, "/"), path_size = strcspn(path, "/");
        TRY(match_segment(request, pattern, pattern_size, path, path_size));
        pattern += pattern_size;
        path += path_size;
    }
    return *pattern == *path ? ST_OK : ST_ROUTE_NOT_FOUND;
}

static bool takes(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

enum status http_find_route(struct http_request *request, const struct http_route *routes,
                            size_t count)
{
    enum status result = ST_ROUTE_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        const enum status status = match(request, routes[i].pattern);
        if (status == ST_INVALID_REQUEST)
            return status;
        if (status != ST_OK)
            continue;
        if (takes(&routes[i], request->method)) {
            request->route = &routes[i];
            return ST_OK;
        }
        result = ST_METHOD_NOT_ALLOWED;
    }
    return result;
}

void http_allowed_methods(const struct http_request *request, const struct http_route *routes,
                          size_t count, char *ret_text, size_t size)
{
    struct http_request copy = {0};
    base_copy_text(copy.path, sizeof copy.path, request->path);
    ret_text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (match(&copy, routes[i].pattern) != ST_OK)
            continue;
        const size_t used = strlen(ret_text);
        snprintf(ret_text + used, size - used, "%s%s, ", routes[i].method,
                 strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
    }
    const size_t used = strlen(ret_text);
    snprintf(ret_text + used, size - used, "OPTIONS");
}

const char *http_path_param(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    }
    abort(); /* a handler asked for a name its pattern has not */
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_id(const struct ctx *ctx, const struct http_request *request)
{
    const char *id = http_header(request, "X-Request-Id");
    return id != NULL && base_is_visible_ascii(id, REQUEST_ID_MAX) ? id : ctx->trace_id;
}

/* An entity tag may hold commas, so the list is not split at them. */
bool http_matches_etag(const struct http_request *request, const char *etag)
{
    const char *item = http_header(request, "If-None-Match");
    while (item != NULL) {
        item += strspn(item, ", \t");
        if (strcmp(item, "*") == 0)
            return true;
        /* Weak comparison: W/ does not matter here. */
        item += strncmp(item, "W/", 2) == 0 ? 2 : 0;
        const char *end = *item == '"' ? strchr(item + 1, '"') : NULL;
        if (end == NULL)
            return false;
        const char *tag = strncmp(etag, "W/", 2) == 0 ? etag + 2 : etag;
        const size_t size = (size_t)(end - item) + 1;
        if (strlen(tag) == size && memcmp(tag, item, size) == 0)
            return true;
        item = end + 1;
    }
    return false;
}

const char *http_query_param(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct query_check {
    struct ctx *ctx;
    const char *const *names;
    size_t count;
    unsigned seen; /* a bit each name */
};

static enum MHD_Result check_query_value(void *self, enum MHD_ValueKind kind, const char *key,
                                         const char *value)
{
    struct query_check *check = self;
    (void)kind;
    char pointer[64];
    snprintf(pointer, sizeof pointer, "?%s", key);
    size_t index = 0;
    while (index < check->count && strcmp(check->names[index], key) != 0)
        index++;
    if (index == check->count)
        ctx_violate(check->ctx, pointer, "is not known here");
    else if ((check->seen & (1U << index)) != 0)
        ctx_violate(check->ctx, pointer, "is given twice");
    else if (value == NULL || !base_is_utf8(value, strlen(value)))
        ctx_violate(check->ctx, pointer, "has no good value");
    if (index < check->count)
        check->seen |= 1U << index;
    return MHD_YES;
}

enum status http_check_query(struct ctx *ctx, const struct http_request *request,
                             const char *const names[], size_t count)
{
    struct query_check check = {.ctx = ctx, .names = names, .count = count};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_query_value,
                              &check);
    return ctx_checked(ctx);
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    *ret_size = request->body_size;
    return request->body == NULL ? "" : request->body;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

/* The weight of a language in Accept-Language (RFC 9110, 12.5.4), -1 when it is not there. */
static double language_weight(const char *header, const char *language)
{
    double best = -1;
    for (const char *item = header; *item != '\0'; item += strcspn(item, ",")) {
        item += strspn(item, ", \t");
        const size_t size = strcspn(item, ",");
        if (size < 2 || strncasecmp(item, language, 2) != 0 || strchr("-; ,", item[2]) == NULL)
            continue;
        const char *q = memmem(item, size, "q=", 2);
        const double weight = q == NULL ? 1.0 : strtod(q + 2, NULL);
        best = weight > best ? weight : best;
    }
    return best;
}

enum status_language http_language(const struct http_request *request)
{
    const char *header = http_header(request, "Accept-Language");
    if (header == NULL)
        return LANGUAGE_EN;
    const double ko = language_weight(header, "ko"), en = language_weight(header, "en");
    return ko > 0 && ko >= en ? LANGUAGE_KO : LANGUAGE_EN;
}

void http_add_header(struct http_response *response, const char *name, const char *value)
{
    if (response->header_count == HTTP_RESPONSE_HEADERS_MAX)
        abort(); /* a handler's defect: the limit is a compile-time choice */
    response->headers[response->header_count].name = name;
    response->headers[response->header_count].value = value;
    response->header_count++;
}
