#include "trace/trace.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "trace/internal.h"

enum {
    SEND_EVERY_MS = 1000,
    SEND_TIMEOUT_MS = 5000,
    LAST_TIMEOUT_MS = 2000, /* when the process stops */
    HEX_DIGITS = 8,         /* of the trace id, that decide */
};

/* The process's one tracer; `on` is written before any request and after the last one. */
static struct {
    _Atomic bool on;
    char *service, *url;
    char instance[128];
    uint32_t below; /* trace ids whose last 8 digits are below it are sampled */
    bool all;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct trace_span *queue; /* a ring */
    size_t first, count;
    bool stopping;

    pthread_t sender;
    struct trace_span *batch; /* the sender's own */
    struct metrics_counter *sent, *dropped_full, *dropped_unsent;
} tracer = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- sending --- */

static size_t ignore_answer(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    (void)self;
    return size * count;
}

static bool post(CURL *curl, const char *body, long timeout_ms)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    long code = 0;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, tracer.url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_answer);
    const CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_slist_free_all(headers);
    return result == CURLE_OK && code >= 200 && code < 300;
}

static void send_batch(CURL *curl, size_t count, long timeout_ms)
{
    char *body = trace_otlp_write(tracer.service, tracer.instance, tracer.batch, count);
    const bool sent = body != NULL && curl != NULL && post(curl, body, timeout_ms);
    metrics_add(sent ? tracer.sent : tracer.dropped_unsent, count);
    free(body);
}

/* Waits for a good number of spans, or a while; false when there will be none any more. */
static bool take_batch(size_t *ret_count)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SEND_EVERY_MS / 1000;
    pthread_mutex_lock(&tracer.lock);
    int waited = 0;
    while (tracer.count < TRACE_BATCH_MAX && !tracer.stopping && waited == 0)
        waited = pthread_cond_timedwait(&tracer.changed, &tracer.lock, &until);
    size_t count = 0;
    while (count < TRACE_BATCH_MAX && tracer.count > 0) {
        tracer.batch[count++] = tracer.queue[tracer.first];
        tracer.first = (tracer.first + 1) % TRACE_QUEUE_MAX;
        tracer.count--;
    }
    const bool more = !tracer.stopping || tracer.count > 0;
    pthread_mutex_unlock(&tracer.lock);
    *ret_count = count;
    return more;
}

static bool is_stopping(void)
{
    pthread_mutex_lock(&tracer.lock);
    const bool stopping = tracer.stopping;
    pthread_mutex_unlock(&tracer.lock);
    return stopping;
}

static void *run_sender(void *self)
{
    (void)self;
    CURL *curl = curl_easy_init();
    int64_t last_us = 0; /* until when to go on once the process stops */
    bool more = true;
    while (more) {
        size_t count = 0;
        more = take_batch(&count);
        const bool stopping = is_stopping();
        if (stopping && last_us == 0)
            last_us = clock_monotonic_us() + LAST_TIMEOUT_MS * 1000;
        const int64_t left_ms =
            stopping ? (last_us - clock_monotonic_us()) / 1000 : SEND_TIMEOUT_MS;
        if (count > 0 && left_ms > 0)
            send_batch(curl, count, (long)left_ms);
        else
            metrics_add(tracer.dropped_unsent, count);
    }
    if (curl != NULL)
        curl_easy_cleanup(curl);
    return NULL;
}

/* --- recording --- */

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void record(const struct ctx *ctx, const char *span_id, const char *parent_span,
                   struct trace_span *span)
{
    memcpy(span->trace_id, ctx->trace_id, sizeof span->trace_id);
    memcpy(span->span_id, span_id, sizeof span->span_id);
    memcpy(span->parent_span, parent_span, sizeof span->parent_span);
    pthread_mutex_lock(&tracer.lock);
    const bool room = tracer.count < TRACE_QUEUE_MAX;
    if (room) {
        tracer.queue[(tracer.first + tracer.count) % TRACE_QUEUE_MAX] = *span;
        tracer.count++;
        if (tracer.count == TRACE_BATCH_MAX)
            pthread_cond_signal(&tracer.changed);
    }
    pthread_mutex_unlock(&tracer.lock);
    if (!room)
        metrics_add(tracer.dropped_full, 1);
}

static struct trace_span make_span(enum trace_kind kind, const char *name, int64_t started_us,
                                   enum status status)
{
    struct trace_span span = {.kind = kind, .status = status, .ended_ns = wall_ns()};
    span.started_ns = span.ended_ns - (clock_monotonic_us() - started_us) * 1000;
    base_copy_text(span.name, sizeof span.name, name);
    return span;
}

void trace_hop(const struct ctx *ctx, const char *name, int64_t started_us, enum status status)
{
    if (!ctx->sampled || !atomic_load_explicit(&tracer.on, memory_order_relaxed))
        return;
    struct trace_span span = make_span(TRACE_SERVER, name, started_us, status);
    record(ctx, ctx->span_id, ctx->parent_span, &span);
}

void trace_step(const struct ctx *ctx, enum trace_kind kind, const char *name, int64_t started_us,
                enum status status)
{
    if (!ctx->sampled || !atomic_load_explicit(&tracer.on, memory_order_relaxed))
        return;
    struct trace_span span = make_span(kind, name, started_us, status);
    uint8_t random[8];
    char span_id[17];
    base_random(random, sizeof random);
    random[0] |= 1; /* all zero is no span */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(span_id + 2 * i, 3, "%02x", random[i]);
    record(ctx, span_id, ctx->span_id, &span);
}

void trace_decide(struct ctx *ctx)
{
    if (!atomic_load_explicit(&tracer.on, memory_order_relaxed))
        return;
    const char *digits = ctx->trace_id + sizeof ctx->trace_id - 1 - HEX_DIGITS;
    ctx->sampled = tracer.all || strtoul(digits, NULL, 16) < tracer.below;
}

/* --- life --- */

void trace_start(const struct trace_options *options)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    snprintf(tracer.instance, sizeof tracer.instance, "%s:%d", host, (int)getpid());
    tracer.service = strdup(options->service);
    tracer.url = strdup(options->url);
    tracer.queue = calloc(TRACE_QUEUE_MAX, sizeof *tracer.queue);
    tracer.batch = calloc(TRACE_BATCH_MAX, sizeof *tracer.batch);
    if (!tracer.service || !tracer.url || !tracer.queue || !tracer.batch)
        abort();
    tracer.all = options->sample_per_mille >= 1000;
    tracer.below = tracer.all ? 0 : (uint32_t)(options->sample_per_mille * (UINT32_MAX / 1000));
    tracer.first = tracer.count = 0;
    tracer.stopping = false;
    tracer.sent = metrics_counter("trace_spans_sent_total", "", "Spans the collector has taken.");
    tracer.dropped_full = metrics_counter("trace_spans_dropped_total", "reason=\"queue_full\"",
                                          "Spans that were never sent.");
    tracer.dropped_unsent = metrics_counter("trace_spans_dropped_total", "reason=\"collector\"",
                                            "Spans that were never sent.");
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&tracer.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&tracer.sender, NULL, run_sender, NULL) != 0)
        abort();
    pthread_setname_np(tracer.sender, "trace");
    atomic_store(&tracer.on, true);
}

void trace_stop(void)
{
    if (!atomic_exchange(&tracer.on, false))
        return;
    pthread_mutex_lock(&tracer.lock);
    tracer.stopping = true;
    pthread_cond_signal(&tracer.changed);
    pthread_mutex_unlock(&tracer.lock);
    pthread_join(tracer.sender, NULL);
    pthread_cond_destroy(&tracer.changed);
    free(tracer.queue);
    free(tracer.batch);
    free(tracer.service);
    free(tracer.url);
    curl_global_cleanup();
}
