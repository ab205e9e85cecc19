/* The inside of struct rpc_server. server.c calls stream.c, health.c and reflection.c, and all of
 * them call.c. */
#ifndef RPC_INTERNAL_H
#define RPC_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "metrics/metrics.h"
#include "rpc/core.h"
#include "rpc/server.h"
#include "base/workers.h"

enum {
    RPC_SERVICES_MAX = 16,
    RPC_METHODS_MAX = 128,
    RPC_HEALTH_WATCHERS_MAX = 1024,
    RPC_REFLECTIONS_MAX = 64,
    RPC_CODES = 17
};

/* One method as the server serves it. */
struct rpc_endpoint {
    struct rpc_server *server;
    const struct rpc_service *service;
    const struct rpc_method *method;
    char path[160]; /* "/package.Service/Method" */
    void *registered;
    struct metrics_counter *started, *handled[RPC_CODES];
    struct metrics_histogram *seconds;
    _Atomic(struct metrics_counter *) outcomes[ST_COUNT];
};

/* One call, from the slot posted for it to its last event. */
struct rpc_server_call {
    struct rpc_event event;
    struct rpc_server *server;
    struct rpc_endpoint *endpoint; /* NULL: the catch-all's */
    grpc_call *call;
    gpr_timespec deadline;
    grpc_call_details details; /* of the catch-all */
    grpc_metadata_array metadata;
    grpc_byte_buffer *payload;
    int cancelled; /* written by the core */
    grpc_byte_buffer *reply;
    grpc_slice failure, failure_text;
    grpc_metadata trailing;
    int64_t started_us;
    struct rpc_server_call *next; /* of the kept ones */
};

/* What a caller of the health service asks about. */
enum rpc_health_subject {
    RPC_HEALTH_UNKNOWN,     /* a service that is not here */
    RPC_HEALTH_IS_READY,    /* what rpc_server_set_serving() was told */
    RPC_HEALTH_TAKES_CALLS, /* until the last moments before a stop */
};

struct rpc_health_watcher {
    struct rpc_stream *stream;
    enum rpc_health_subject subject;
    int told; /* its newest message, -1: none yet */
};

struct reflection;

struct rpc_server {
    struct rpc_server_options options;
    grpc_server *core;
    grpc_completion_queue *queue;
    pthread_t poller;
    struct rpc_server_call *kept; /* answered ones, for new calls; the poller's alone */
    struct workers *workers;
    int port;
    struct rpc_service services[RPC_SERVICES_MAX]; /* the caller's, then our own */
    size_t service_count;
    struct rpc_endpoint endpoints[RPC_METHODS_MAX];
    size_t endpoint_count;
    _Atomic bool stopping;

    pthread_mutex_t lock; /* of the list of streams */
    pthread_mutex_t health_lock;
    pthread_cond_t changed;
    struct rpc_stream *streams; /* open ones */
    size_t stream_count;
    struct reflection *reflections; /* open reflection calls */
    size_t reflection_count;
    bool serving, leaving;
    struct rpc_health_watcher watchers[RPC_HEALTH_WATCHERS_MAX];
    size_t watcher_count;
    bool shut_down; /* the core said so */
    struct metrics_counter *shed;
};

/* call.c. Slots are made and kept ones reused on the poller alone. */
struct rpc_server_call *rpc_server_call_new(struct rpc_server *server,
                                            struct rpc_endpoint *endpoint);
void rpc_server_call_free(struct rpc_server_call *call);
void rpc_server_fill_ctx(struct ctx *ctx, const struct rpc_server_call *call, struct arena *arena);
void rpc_server_finish(const struct rpc_server_call *call, const struct ctx *ctx,
                       enum status status);
/* Answers a call that is not a stream with a failure, or with call->reply when status is ST_OK. */
void rpc_server_answer(struct rpc_server_call *call, const struct ctx *ctx, enum status status);

/* stream.c: takes the call over. NULL when there are too many. */
struct rpc_stream *rpc_stream_new(struct rpc_server_call *call);
/* Ends every open stream with ST_UNAVAILABLE, so that watchers go elsewhere. */
void rpc_streams_finish_all(struct rpc_server *server);

/* health.c, reflection.c: our own services. */
struct rpc_service rpc_health_service(struct rpc_server *server);
/* Tells clients of ours to call others from now on. */
void rpc_health_leave(struct rpc_server *server);
bool rpc_reflection_takes(const char *path);
/* Takes the call over. False when there are too many, or the server is stopping. */
bool rpc_reflection_begin(struct rpc_server_call *call);
/* Ends every open reflection call with UNAVAILABLE. */
void rpc_reflections_finish_all(struct rpc_server *server);

#endif
