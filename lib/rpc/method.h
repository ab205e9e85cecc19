/* What a service's handlers look like to the rpc server; free of any gRPC type. */
#ifndef RPC_METHOD_H
#define RPC_METHOD_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/ctx.h"
#include "base/status.h"

/* A unary handler: a plain blocking function on a worker. `in` is the unpacked request; `out` is
 * the response, already initialised to its defaults; both live in ctx->arena, and so does all that
 * `out` points to. `out` is sent only when the result is ST_OK. Statuses, notes and violations of
 * ctx reach the caller as google.rpc.ErrorInfo and BadRequest; details do not. */
typedef enum status rpc_handle_fn(struct ctx *ctx, void *self, const void *in, void *out);

/* A server stream. The open handler runs on a worker, registers the stream wherever the service
 * keeps its watchers and returns at once; ST_OK keeps the stream open, anything else ends it with
 * that status. The service then holds one reference (see rpc_stream_release). */
struct rpc_stream;
typedef enum status rpc_open_fn(struct ctx *ctx, void *self, const void *in,
                                struct rpc_stream *stream);

/* Sends a message, packed before the call returns, from any thread and without ever blocking. While
 * an earlier message is still on its way only the newest unsent one is kept: a slow reader gets the
 * newest state, not a backlog. False when the stream is over (caller gone, deadline, server
 * stopping): then release it. */
bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message);
/* Ends the stream with a status after what is still unsent. */
void rpc_stream_finish(struct rpc_stream *stream, enum status status);
bool rpc_stream_is_over(struct rpc_stream *stream);
/* Gives the service's reference back and sets NULL; an unfinished stream is finished with ST_OK. */
void rpc_stream_release(struct rpc_stream **stream);

struct rpc_method {
    const char *name; /* "Reserve" */
    const ProtobufCMessageDescriptor *input;
    const ProtobufCMessageDescriptor *output;
    rpc_handle_fn *handle; /* exactly one of handle and open */
    rpc_open_fn *open;
    /* With mutual TLS: the names whose certificates may call it, "gateway payment"; "*": anybody
     * with a certificate; NULL: nobody. */
    const char *callers;
};

struct rpc_service {
    const char *name; /* "boxoffice.reservation.v1.ReservationService" */
    const struct rpc_method *methods;
    size_t method_count;
    const unsigned char
        *descriptors; /* serialised FileDescriptorSet with imports, for reflection */
    size_t descriptors_size;
    void *self; /* borrowed, passed to the handlers */
};

#endif
