/* The client's metrics of one method, by the usual names. */
#ifndef RPC_CLIENT_METRICS_H
#define RPC_CLIENT_METRICS_H

#include <stdint.h>

#include "rpc/client.h"

/* Counts an answered call. Any thread. */
void rpc_client_count(const struct rpc_call_type *type, int64_t started_us, int code);

#endif
