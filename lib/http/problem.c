/* RFC 9457 problem details. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "http/internal.h"
#include "http/json.h"

static void add_violations(json_t *problem, const struct ctx *ctx)
{
    if (ctx->violation_count == 0)
        return;
    json_t *errors = json_array();
    for (size_t i = 0; i < ctx->violation_count; i++)
        json_array_append_new(errors, json_pack("{s:s, s:s}", "pointer", ctx->violations[i].pointer,
                                                "detail", ctx->violations[i].description));
    json_object_set_new(problem, "errors", errors);
}

static void add_notes(json_t *problem, const struct ctx *ctx)
{
    for (size_t i = 0; i < ctx->note_count; i++) {
        int64_t number;
        const bool is_number = base_parse_int64(ctx->notes[i].value, &number);
        json_object_set_new(problem, ctx->notes[i].key,
                            is_number ? json_integer(number) : json_string(ctx->notes[i].value));
    }
}

/* What the caller can do: the whole sentence for users, of which the title is the first. */
static json_t *make_problem(const struct ctx *ctx, const struct http_request *request,
                            enum status status)
{
    char type[80] = "urn:boxoffice:problem:";
    base_copy_text(type + strlen(type), sizeof type - strlen(type), status_name(status));
    for (char *c = type; *c != '\0'; c++)
        *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    const char *text = status_text(status, http_language(request));
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", type, "title", text,
                                "status", status_http_code(status), "detail", text, "code",
                                status_name(status), "trace_id", ctx->trace_id);
    /* A path that is no UTF-8 cannot stand in JSON. */
    json_object_set_new(problem, "instance", json_string(request->path));
    add_violations(problem, ctx);
    add_notes(problem, ctx);
    return problem;
}

void http_write_problem(struct ctx *ctx, const struct http_request *request, enum status status,
                        struct http_response *response)
{
    response->body = NULL;
    response->body_size = 0;
    json_t *problem = make_problem(ctx, request, status);
    const enum status written = http_write_json(ctx, response, problem);
    if (written != ST_OK) {
        /* The arena is full: the bare facts. */
        response->body = "{\"code\":\"OVERLOADED\",\"status\":503}";
        response->body_size = strlen(response->body);
        status = ST_OVERLOADED;
    }
    response->code = status_http_code(status);
    response->content_type = "application/problem+json";
    if (status_is_retryable(status) && response->code != 409) {
        const char *retry_after = ctx_find_note(ctx, "retry_after");
        char *seconds = arena_printf(ctx->arena, "%s", retry_after == NULL ? "1" : retry_after);
        http_add_header(response, "Retry-After", seconds == NULL ? "1" : seconds);
    }
    if (response->code == 401)
        http_add_header(response, "WWW-Authenticate", "Bearer");
    http_add_header(response, "Content-Language",
                    http_language(request) == LANGUAGE_KO ? "ko" : "en");
}
