/* Spans of sampled requests, sent to a collector as OTLP/HTTP JSON
 * (https://opentelemetry.io/docs/specs/otlp/). The trace itself travels in the ctx as W3C
 * `traceparent`; recording a span is a copy into a bounded queue, and one thread sends: a collector
 * that is slow or away costs spans, never a request. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"

enum {
    TRACE_QUEUE_MAX = 4096, /* spans that wait to be sent; more are dropped and counted */
    TRACE_BATCH_MAX = 512,  /* spans in one request to the collector */
    TRACE_NAME_MAX = 96,    /* bytes of a span's name */
};

/* As OTLP numbers them. */
enum trace_kind { TRACE_INTERNAL = 1, TRACE_SERVER = 2, TRACE_CLIENT = 3 };

struct trace_options {
    const char *service;
    const char *url;          /* "http://collector:4318/v1/traces" */
    int64_t sample_per_mille; /* of the requests that bring no trace of their own */
};

/* Once a process, before the first request; without it everything below does nothing. */
void trace_start(const struct trace_options *options);
/* Sends what waits, for two seconds at most. */
void trace_stop(void);

/* For a request that begins here: whether its trace is one of those that are sent. By the trace id,
 * so that every process would decide the same. */
void trace_decide(struct ctx *ctx);

/* The ctx's own span: what this process did for its caller. Nothing unless the trace is sampled. */
void trace_hop(const struct ctx *ctx, const char *name, int64_t started_us, enum status status);
/* A span of its own below it: one step on the way, such as a statement. */
void trace_step(const struct ctx *ctx, enum trace_kind kind, const char *name, int64_t started_us,
                enum status status);

#endif
