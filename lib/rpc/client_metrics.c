#include "rpc/client_metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "rpc/internal.h"

enum { METHODS_MAX = 128 };

/* Filled once and never changed: readers look by the number that was filled, without a lock. */
struct method {
    const char *path;
    struct metrics_histogram *seconds;
    struct metrics_counter *handled[RPC_CODES];
};
static struct method methods[METHODS_MAX];
static _Atomic size_t method_count;
static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER;

static struct method *find(const char *path)
{
    const size_t count = atomic_load_explicit(&method_count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (methods[i].path == path)
            return &methods[i];
    }
    return NULL;
}

/* "/package.Service/Method" */
static void fill(struct method *method, const char *path)
{
    const char *service = path + 1;
    const char *slash = strchr(service, '/');
    assert(path[0] == '/' && slash != NULL);
    char labels[256];
    const int length = snprintf(labels, sizeof labels, "grpc_service=\"%.*s\",grpc_method=\"%s\"",
                                (int)(slash - service), service, slash + 1);
    assert(length > 0 && (size_t)length < sizeof labels);
    method->path = path;
    method->seconds = metrics_histogram("grpc_client_handling_seconds", labels,
                                        "Time until a call of ours was answered.", NULL, 0);
    for (int i = 0; i < RPC_CODES; i++) {
        char coded[320];
        snprintf(coded, sizeof coded, "%s,grpc_code=\"%s\"", labels, rpc_code_name(i));
        method->handled[i] =
            metrics_counter("grpc_client_handled_total", coded, "RPCs completed by the client.");
    }
}

static struct method *find_or_fill(const char *path)
{
    struct method *method = find(path);
    if (method != NULL)
        return method;
    pthread_mutex_lock(&filling);
    method = find(path);
    const size_t count = atomic_load(&method_count);
    if (method == NULL && count < METHODS_MAX) {
        method = &methods[count];
        fill(method, path);
        atomic_store_explicit(&method_count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&filling);
    return method;
}

void rpc_client_count(const struct rpc_call_type *type, int64_t started_us, int code)
{
    struct method *method = find_or_fill(type->path);
    if (method == NULL)
        return;
    metrics_observe(method->seconds, (double)(clock_monotonic_us() - started_us) / 1e6);
    metrics_add(method->handled[code >= 0 && code < RPC_CODES ? code : RPC_CODE_UNKNOWN], 1);
}
