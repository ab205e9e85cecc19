/* protobuf-c messages to and from the core's byte buffers. */
#ifndef RPC_MESSAGE_H
#define RPC_MESSAGE_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

#include "base/ctx.h"

/* The packed message; the caller destroys the buffer. */
grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message);

/* Unpacks into ctx->arena, whose size is the hard cap, and checks what protobuf-c does not: strings
 * are UTF-8. ST_INVALID_REQUEST when it is not such a message or does not fit. NULL buffer: an
 * empty message. */
enum status rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *type,
                       grpc_byte_buffer *buffer, ProtobufCMessage **ret_message) MUST_CHECK;
enum status rpc_unpack_bytes(struct ctx *ctx, const ProtobufCMessageDescriptor *type,
                             const uint8_t *bytes, size_t size,
                             ProtobufCMessage **ret_message) MUST_CHECK;

#endif
