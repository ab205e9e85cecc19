/* The side of mutual TLS that server.c and client.c see. */
#ifndef RPC_TLS_INTERNAL_H
#define RPC_TLS_INTERNAL_H

#include <grpc/grpc.h>

#include "base/ctx.h"
#include "rpc/method.h"
#include "rpc/tls.h"

/* Plain text when tls is NULL. The caller releases them. */
grpc_server_credentials *rpc_tls_server_credentials(const struct rpc_tls *tls);
grpc_channel_credentials *rpc_tls_channel_credentials(const struct rpc_tls *tls);

/* ST_OK when a certificate of the caller's names one that may call the method; that name is then
 * ctx->caller. Else ST_CALLER_NOT_ALLOWED. */
enum status rpc_tls_check_caller(struct ctx *ctx, grpc_call *call,
                                 const struct rpc_method *method) MUST_CHECK;

#endif
