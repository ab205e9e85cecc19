/* A failure on the wire: code, message and google.rpc.Status with ErrorInfo and BadRequest in
 * grpc-status-details-bin (https://google.aip.dev/193). */
#ifndef RPC_FAILURE_H
#define RPC_FAILURE_H

#include <grpc/grpc.h>

#include "base/ctx.h"

#define RPC_DETAILS_KEY  "grpc-status-details-bin"
#define RPC_ERROR_DOMAIN "boxoffice"

/* The details of a ctx that failed with status; the caller unrefs the slice. */
grpc_slice rpc_failure_pack(const struct ctx *ctx, enum status status);

/* Whether the peer said more than the bare code. */
bool rpc_failure_is_told(const grpc_metadata_array *trailing);
/* What a peer's answer means: its own code when it sent one (notes and violations are copied into
 * ctx), else the status for the bare code. Notes the failure in ctx. */
enum status rpc_failure_read(struct ctx *ctx, int code, const char *message,
                             const grpc_metadata_array *trailing, const char *path);

#endif
