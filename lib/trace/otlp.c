#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "trace/internal.h"

enum { STATUS_OK = 1, STATUS_ERROR = 2 };

static json_t *attribute(const char *key, const char *value)
{
    return json_pack("{s:s, s:{s:s}}", "key", key, "value", "stringValue", value);
}

/* 64-bit numbers are texts in protobuf's JSON. */
static json_t *nanoseconds(int64_t ns)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, ns);
    return json_string(text);
}

/* A refusal is an answer; what is nobody's fault but ours is an error. */
static bool is_error(enum status status)
{
    return status_http_code(status) >= 500;
}

static json_t *write_span(const struct trace_span *span)
{
    json_t *written = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:[o], s:{s:i}}", "traceId",
                                span->trace_id, "spanId", span->span_id, "name", span->name, "kind",
                                (int)span->kind, "startTimeUnixNano", nanoseconds(span->started_ns),
                                "endTimeUnixNano", nanoseconds(span->ended_ns), "attributes",
                                attribute("boxoffice.status", status_name(span->status)), "status",
                                "code", is_error(span->status) ? STATUS_ERROR : STATUS_OK);
    if (written != NULL && span->parent_span[0] != '\0')
        json_object_set_new(written, "parentSpanId", json_string(span->parent_span));
    return written;
}

char *trace_otlp_write(const char *service, const char *instance, const struct trace_span spans[],
                       size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, write_span(&spans[i]));
    json_t *root = json_pack("{s:[{s:{s:[o, o, o]}, s:[{s:{s:s}, s:o}]}]}", "resourceSpans",
                             "resource", "attributes", attribute("service.name", service),
                             attribute("service.namespace", "boxoffice"),
                             attribute("service.instance.id", instance), "scopeSpans", "scope",
                             "name", "boxoffice", "spans", list);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
