/* The inside of struct rpc_client, shared by client.c and subscription.c. */
#ifndef RPC_CLIENT_INTERNAL_H
#define RPC_CLIENT_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/client.h"
#include "rpc/core.h"

enum { RPC_CHANNELS_MAX = 16 };

struct rpc_client {
    int64_t timeout_ms_max;
    size_t channel_count;
    grpc_channel *channels[RPC_CHANNELS_MAX];
    grpc_completion_queue *queues[RPC_CHANNELS_MAX]; /* one a channel, with a poller each */
    pthread_t pollers[RPC_CHANNELS_MAX];
    _Atomic size_t next; /* spreads calls over channels */
};

/* A call's request headers: the trace. `text` must live until the call's first event. */
void rpc_client_metadata(const struct ctx *ctx, char text[static CTX_TRACEPARENT_SIZE],
                         grpc_metadata *ret_metadata);

#endif
