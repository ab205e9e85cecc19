/* A stream that notes what was done with it. */
#ifndef FAKE_RPC_STREAM_H
#define FAKE_RPC_STREAM_H

#include <stdatomic.h>

#include "rpc/method.h"

struct rpc_stream {
    atomic_bool is_over; /* the caller is gone */
    atomic_int sent;
    atomic_int last_status; /* place status of the last message */
    atomic_int last_position;
    atomic_int finished; /* how often */
    atomic_int finish_status;
    atomic_int released;
};

#endif
