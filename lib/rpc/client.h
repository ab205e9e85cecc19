/* A gRPC client: blocking unary calls and pushed server streams over one or more channels. */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "rpc/tls.h"

struct rpc_client;

struct rpc_client_options {
    /* gRPC name: "dns:///host:port", "ipv4:127.0.0.1:50051,127.0.0.1:50151", or bare
     * "host:port[,host:port]"; several addresses are used round robin. Connects lazily; being
     * unreachable is an answer, not a failure to make the client. */
    const char *target;
    const struct rpc_tls *tls; /* borrowed; NULL: plain text */
    const char *peer;          /* with tls: the name the peer's certificate must hold, "wallet" */
    size_t channels;           /* connections to spread calls over, 0: 1 */
    int64_t timeout_ms_max; /* longest any call may take, 0: 10000; a ctx's nearer deadline wins */
    int64_t keepalive_ms;   /* a silent peer is asked so often while calls or streams are open, and
                             * given up after half of it more, 0: 10000 */
};

enum status rpc_client_new(const struct rpc_client_options *options,
                           struct rpc_client **ret_client) MUST_CHECK;
/* After the last call has returned and every subscription has ended. */
void rpc_client_free(struct rpc_client **client);

/* One method of a peer. */
struct rpc_call_type {
    const char *path; /* "/boxoffice.wallet.v1.WalletService/Debit" */
    const ProtobufCMessageDescriptor *output;
};

/* Calls and waits, at most until the ctx's deadline, which travels with the call, as does its
 * trace. On ST_OK *ret_response points to the unpacked response in ctx->arena. A failure is the
 * peer's own code when it sent a Boxoffice ErrorInfo (its notes and violations are copied into
 * ctx), else the status for the gRPC code: ST_UNAVAILABLE when nobody could be reached, ST_TIMEOUT.
 * The effect of a call that ended in ST_UNAVAILABLE, ST_TIMEOUT or ST_CANCELLED is unknown. Sent
 * again (up to 4 times, after 2 to 16 ms) only when a stopping peer's core turned the call away
 * before any handler saw it; servers must let running calls finish for at least as long as a call
 * may take. Any number
 * of threads at once. */
enum status rpc_call(struct ctx *ctx, struct rpc_client *client, const struct rpc_call_type *type,
                     const ProtobufCMessage *request, void *ret_response) MUST_CHECK;

/* A server stream from a peer, pushed to callbacks on the client's own thread (never block there).
 */
struct rpc_subscription;
typedef void rpc_message_fn(void *self,
                            const ProtobufCMessage *message); /* valid during the call only */
typedef void rpc_end_fn(void *self, enum status status);      /* last callback, exactly once */

/* Opens the stream; no deadline of its own. Callbacks may come before this returns. */
enum status rpc_subscribe(struct ctx *ctx, struct rpc_client *client,
                          const struct rpc_call_type *type, const ProtobufCMessage *request,
                          rpc_message_fn *on_message, rpc_end_fn *on_end, void *self,
                          struct rpc_subscription **ret_subscription) MUST_CHECK;
/* Ends it (on_end comes, with ST_CANCELLED, unless it came already) and frees the handle; no
 * callback runs after it has returned. Not from a callback. */
void rpc_unsubscribe(struct rpc_subscription **subscription);

#endif
