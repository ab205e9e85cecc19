/* The inside of struct rpc_client, shared by client.c and subscription.c. */
#ifndef RPC_CLIENT_INTERNAL_H
#define RPC_CLIENT_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/answers.h"
#include "rpc/client.h"
#include "rpc/core.h"

enum { RPC_CHANNELS_MAX = 16 };

struct rpc_client {
    int64_t timeout_ms_max;
    size_t channel_count;
    grpc_channel *channels[RPC_CHANNELS_MAX];
    _Atomic size_t next; /* spreads calls over channels */
    struct rpc_answers answers;

    pthread_mutex_t lock;
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
