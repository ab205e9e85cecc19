/* The inside of struct rpc_client, shared by client.c and subscription.c. */
#ifndef RPC_CLIENT_INTERNAL_H
#define RPC_CLIENT_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/client.h"
#include "rpc/core.h"

enum { RPC_CHANNELS_MAX = 16 };

/* What a unary call waits on; its thread's alone until the call ends, then the next one's. */
struct rpc_waiter {
    grpc_completion_queue *queue;
    struct rpc_waiter *next;
};

struct rpc_client {
    int64_t timeout_ms_max;
    size_t channel_count;
    grpc_channel *channels[RPC_CHANNELS_MAX];
    _Atomic size_t next; /* spreads calls over channels */

    pthread_mutex_t lock;
    struct rpc_waiter *idle; /* the last used first */
    size_t calls;            /* that wait for an answer */
    size_t subscriptions;
    bool stopping;

    grpc_completion_queue *pushes; /* of subscriptions */
    pthread_t minder;
    pthread_cond_t changed; /* subscriptions, stopping */
};

/* A call's request headers: the trace. `text` must live until the call's first event. */
void rpc_client_metadata(const struct ctx *ctx, char text[static CTX_TRACEPARENT_SIZE],
                         grpc_metadata *ret_metadata);

#endif
