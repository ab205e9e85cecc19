/* One call of a server, from its slot to its answer. */
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "log/log.h"
#include "rpc/failure.h"
#include "rpc/internal.h"
#include "trace/trace.h"

void rpc_server_call_free(struct rpc_server_call *call)
{
    if (call->call != NULL)
        grpc_call_unref(call->call);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_call_details_destroy(&call->details);
    grpc_byte_buffer_destroy(call->payload);
    grpc_byte_buffer_destroy(call->reply);
    grpc_slice_unref(call->failure);
    grpc_slice_unref(call->failure_text);
    free(call);
}

/* On the poller, as the taking is: empties a call for the next one, with the room of its lists. */
static void keep_call(struct rpc_server_call *call)
{
    grpc_call_unref(call->call);
    grpc_byte_buffer_destroy(call->payload);
    grpc_byte_buffer_destroy(call->reply);
    grpc_slice_unref(call->failure);
    grpc_slice_unref(call->failure_text);
    call->metadata.count = 0;
    *call = (struct rpc_server_call){.server = call->server,
                                     .metadata = call->metadata,
                                     .details = call->details,
                                     .failure = grpc_empty_slice(),
                                     .failure_text = grpc_empty_slice(),
                                     .next = call->server->kept};
    call->server->kept = call;
}

struct rpc_server_call *rpc_server_call_new(struct rpc_server *server,
                                            struct rpc_endpoint *endpoint)
{
    struct rpc_server_call *call = server->kept;
    if (call != NULL) {
        server->kept = call->next;
        call->endpoint = endpoint;
        return call;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL)
        abort();
    call->server = server;
    call->endpoint = endpoint;
    call->failure = grpc_empty_slice();
    call->failure_text = grpc_empty_slice();
    grpc_metadata_array_init(&call->metadata);
    grpc_call_details_init(&call->details);
    return call;
}

void rpc_server_fill_ctx(struct ctx *ctx, const struct rpc_server_call *call, struct arena *arena)
{
    char traceparent[CTX_TRACEPARENT_SIZE + 1];
    rpc_find_metadata(&call->metadata, "traceparent", traceparent, sizeof traceparent);
    ctx_init_traced(ctx, arena, traceparent);
    ctx->deadline_us = rpc_deadline_us(call->deadline);
    if (ctx->deadline_us == CTX_NO_DEADLINE && call->endpoint->method->handle != NULL)
        ctx_set_timeout_ms(ctx, call->server->options.default_timeout_ms);
    char *peer = grpc_call_get_peer(call->call);
    base_copy_text(ctx->caller, sizeof ctx->caller, peer);
    gpr_free(peer);
}

/* By our own codes, which say more than gRPC's. Made when first met: most never are. */
static void count_outcome(struct rpc_endpoint *endpoint, enum status status)
{
    struct metrics_counter *counter =
        atomic_load_explicit(&endpoint->outcomes[status], memory_order_acquire);
    if (counter == NULL) {
        char labels[320];
        snprintf(labels, sizeof labels, "grpc_service=\"%s\",grpc_method=\"%s\",code=\"%s\"",
                 endpoint->service->name, endpoint->method->name, status_name(status));
        counter = metrics_counter("rpc_server_outcomes_total", labels,
                                  "RPCs completed on the server, by the code its caller was told.");
        atomic_store_explicit(&endpoint->outcomes[status], counter, memory_order_release);
    }
    metrics_add(counter, 1);
}

void rpc_server_finish(const struct rpc_server_call *call, const struct ctx *ctx,
                       enum status status)
{
    const int64_t duration_us = clock_monotonic_us() - call->started_us;
    metrics_add(call->endpoint->handled[status_rpc_code(status)], 1);
    metrics_observe(call->endpoint->seconds, (double)duration_us / 1e6);
    count_outcome(call->endpoint, status);
    trace_hop(ctx, call->endpoint->path + 1, call->started_us, status);
    log_request(ctx, call->endpoint->path, status, duration_us);
}

static void answered(void *self, bool ok)
{
    struct rpc_server_call *call = self;
    (void)ok; /* the caller may be gone: nothing to tell it */
    if (call->endpoint != NULL)
        keep_call(call);
    else
        rpc_server_call_free(call);
}

void rpc_server_answer(struct rpc_server_call *call, const struct ctx *ctx, enum status status)
{
    grpc_op ops[4] = {0};
    size_t count = 0;
    ops[count++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    if (status == ST_OK) {
        ops[count] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
        ops[count++].data.send_message.send_message = call->reply;
    } else {
        call->failure = rpc_failure_pack(ctx, status);
        call->failure_text = grpc_slice_from_static_string(status_text(status, LANGUAGE_EN));
        call->trailing = (grpc_metadata){.key = grpc_slice_from_static_string(RPC_DETAILS_KEY),
                                         .value = call->failure};
    }
    ops[count] = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    ops[count].data.send_status_from_server.status = (grpc_status_code)status_rpc_code(status);
    if (status != ST_OK) {
        ops[count].data.send_status_from_server.status_details = &call->failure_text;
        ops[count].data.send_status_from_server.trailing_metadata_count = 1;
        ops[count].data.send_status_from_server.trailing_metadata = &call->trailing;
    }
    count++;
    ops[count] = (grpc_op){.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    ops[count++].data.recv_close_on_server.cancelled = &call->cancelled;

    call->event = (struct rpc_event){.fire = answered, .self = call};
    if (rpc_start_batch(call->call, ops, count, &call->event) != GRPC_CALL_OK)
        rpc_server_call_free(call);
}
