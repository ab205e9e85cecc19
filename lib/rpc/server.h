/* A gRPC server: pollers that never block, blocking handlers on a bounded worker pool. Adds
 * grpc.health.v1.Health (Check, Watch) and server reflection (v1 and v1alpha) by itself. */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/status.h"
#include "rpc/method.h"
#include "rpc/tls.h"

/* Limits of every server; each refuses with the status named. */
enum {
    RPC_MESSAGE_MAX = 64 * 1024,    /* bytes of a request; RESOURCE_EXHAUSTED */
    RPC_RESPONSE_MAX = 1024 * 1024, /* bytes of a response the client takes */
    RPC_METADATA_MAX = 8 * 1024,    /* bytes of metadata; RESOURCE_EXHAUSTED */
    RPC_ARENA_SIZE = 1024 * 1024,   /* a worker's arena; OVERLOADED when full */
    RPC_WORKERS_MAX = 512,
};

struct rpc_server;

struct rpc_server_options {
    const char *listen;                 /* "127.0.0.1:50051"; port 0 picks a free one */
    const struct rpc_service *services; /* borrowed */
    size_t service_count;
    size_t workers;       /* 0: 64 */
    size_t in_flight_max; /* queued and running unary calls, 0: 1024; more: RESOURCE_EXHAUSTED */
    size_t streams_max;   /* open server streams, 0: 16384 */
    int64_t max_connection_age_ms; /* 0: 45000, so that clients find scaled-up instances */
    const struct rpc_tls *tls;     /* borrowed; NULL: plain text, any caller */
    int64_t default_timeout_ms;    /* for calls that came without a deadline, 0: 30000 */
    int64_t
        ping_interval_min_ms; /* clients whose keepalive is more frequent are sent away, 0: 5000 */
};

/* Binds and serves. ST_UNAVAILABLE with a line in the log when the address cannot be bound. */
enum status rpc_server_start(const struct rpc_server_options *options,
                             struct rpc_server **ret_server) MUST_CHECK;
/* The port bound. */
int rpc_server_port(const struct rpc_server *server);

/* What grpc.health.v1 answers for "" and every service but itself; NOT_SERVING until first set. Any
 * thread; watchers are told at once. */
void rpc_server_set_serving(struct rpc_server *server, bool serving);

/* Graceful stop: NOT_SERVING, keeps accepting for drain_ms so that clients turn away (ours are told
 * to in its last half second), then refuses new calls (GOAWAY), lets the running ones finish for at
 * most finish_ms, cancels the rest, joins all threads and frees the server. */
void rpc_server_stop(struct rpc_server **server, int64_t drain_ms, int64_t finish_ms);

#endif
