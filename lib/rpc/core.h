/* Small things around the gRPC C core that server and client share. */
#ifndef RPC_CORE_H
#define RPC_CORE_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

/* What a completion queue hands back: the tag of a batch is the address of one of these. */
struct rpc_event {
    void (*fire)(void *self, bool ok);
    void *self;
};

/* The health service. Asked about itself it says whether to call this server: SERVING, until just
 * before it stops. Clients of ours watch that and go to others in time. Being ready is another
 * thing: an instance that has lost its database answers for itself. */
#define RPC_HEALTH_SERVICE "grpc.health.v1.Health"

/* Like grpc_init(), with the core's own lines in our log; grpc_shutdown() takes it back. */
void rpc_core_init(void);

/* grpc_call_start_batch and grpc_completion_queue_next. What was written before a batch begins is
 * seen by whoever gets its event: so that the thread sanitizer knows, as it sees nothing of what
 * Debian's core, built without it, puts in order. */
grpc_call_error rpc_start_batch(grpc_call *call, const grpc_op ops[], size_t count, void *tag);
grpc_event rpc_next_event(grpc_completion_queue *queue, gpr_timespec until);
/* The first half of that, for tags that go to the core in other ways. */
void rpc_give_tag(void *tag);

/* Runs events of a queue until it is shut down and empty; the body of a poller thread. */
void rpc_poll(grpc_completion_queue *queue);
/* The same until then, at the latest. */
void rpc_poll_until(grpc_completion_queue *queue, int64_t until_us);

/* The name of a gRPC code as metrics have it: "OK", "NotFound", ... */
const char *rpc_code_name(int code);

/* A ctx's deadline as the core wants it. */
gpr_timespec rpc_deadline(int64_t deadline_us);
/* The other way: microseconds of clock_monotonic_us(), CTX_NO_DEADLINE for the far future. */
int64_t rpc_deadline_us(gpr_timespec deadline);

/* Copies a slice as text, truncated to size - 1. */
void rpc_copy_slice(char *to, size_t size, grpc_slice slice);
/* The value of a metadata entry as text, "" when absent; truncated to size - 1. */
void rpc_find_metadata(const grpc_metadata_array *metadata, const char *key, char *to, size_t size);

#endif
