/* A span as it waits, and a batch of them as text; shared by trace.c and otlp.c. */
#ifndef TRACE_INTERNAL_H
#define TRACE_INTERNAL_H

#include <stddef.h>

#include "trace/trace.h"

struct trace_span {
    char trace_id[33], span_id[17], parent_span[17];
    char name[TRACE_NAME_MAX];
    enum trace_kind kind;
    enum status status;
    int64_t started_ns, ended_ns; /* wall time */
};

/* One ExportTraceServiceRequest as JSON; heap text for the caller, NULL without memory. */
char *trace_otlp_write(const char *service, const char *instance, const struct trace_span spans[],
                       size_t count);

#endif
