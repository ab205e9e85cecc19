#include "raw_client.h"

#include <check.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"

struct raw_client {
    grpc_channel *channel;
};

struct raw_client *raw_client_new(int port)
{
    char target[64];
    struct raw_client *client = calloc(1, sizeof *client);
    ck_assert_ptr_nonnull(client);
    snprintf(target, sizeof target, "ipv4:127.0.0.1:%d", port);
    grpc_init();
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    client->channel = grpc_channel_create(target, credentials, NULL);
    grpc_channel_credentials_release(credentials);
    return client;
}

void raw_client_free(struct raw_client **client)
{
    grpc_channel_destroy((*client)->channel);
    grpc_shutdown();
    free(*client);
    *client = NULL;
}

struct raw_answer raw_call(struct raw_client *client, const struct raw_request *request)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    const gpr_timespec deadline =
        request->timeout_ms == 0
            ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
            : gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                           gpr_time_from_millis(request->timeout_ms, GPR_TIMESPAN));
    grpc_call *call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               queue, grpc_slice_from_static_string(request->path),
                                               NULL, deadline, NULL);
    grpc_slice slice = grpc_slice_from_copied_buffer(request->bytes, request->size);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1), *response = NULL;
    grpc_metadata_array initial, trailing;
    grpc_metadata metadata = {0};
    grpc_status_code code;
    grpc_slice text;
    grpc_metadata_array_init(&initial);
    grpc_metadata_array_init(&trailing);

    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };
    if (request->key != NULL) {
        metadata.key = grpc_slice_from_static_string(request->key);
        metadata.value = grpc_slice_from_static_string(request->value);
        ops[0].data.send_initial_metadata.count = 1;
        ops[0].data.send_initial_metadata.metadata = &metadata;
    }
    ops[1].data.send_message.send_message = message;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &initial;
    ops[4].data.recv_message.recv_message = &response;
    ops[5].data.recv_status_on_client.trailing_metadata = &trailing;
    ops[5].data.recv_status_on_client.status = &code;
    ops[5].data.recv_status_on_client.status_details = &text;
    ck_assert_int_eq(grpc_call_start_batch(call, ops, ARRAY_LEN(ops), ops, NULL), GRPC_CALL_OK);
    const grpc_event event =
        grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    ck_assert_int_eq(event.type, GRPC_OP_COMPLETE);

    const struct raw_answer answer = {.code = (enum status_rpc_code)code,
                                      .size =
                                          response == NULL ? 0 : grpc_byte_buffer_length(response)};
    grpc_slice_unref(text);
    grpc_metadata_array_destroy(&initial);
    grpc_metadata_array_destroy(&trailing);
    grpc_byte_buffer_destroy(message);
    grpc_byte_buffer_destroy(response);
    grpc_slice_unref(slice);
    grpc_call_unref(call);
    grpc_completion_queue_shutdown(queue);
    while (grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(queue);
    return answer;
}

/* --- a call left open --- */

struct raw_talk {
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice text;
};

static void run_batch(struct raw_talk *talk, const grpc_op ops[], size_t count)
{
    ck_assert_int_eq(grpc_call_start_batch(talk->call, ops, count, talk, NULL), GRPC_CALL_OK);
    ck_assert_int_eq(
        grpc_completion_queue_next(talk->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type,
        GRPC_OP_COMPLETE);
}

struct raw_talk *raw_begin(struct raw_client *client, const struct raw_request *request,
                           size_t *ret_answer_size)
{
    struct raw_talk *talk = calloc(1, sizeof *talk);
    ck_assert_ptr_nonnull(talk);
    talk->queue = grpc_completion_queue_create_for_next(NULL);
    talk->call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                          talk->queue, grpc_slice_from_static_string(request->path),
                                          NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    grpc_metadata_array_init(&talk->initial);
    grpc_metadata_array_init(&talk->trailing);
    grpc_slice slice = grpc_slice_from_copied_buffer(request->bytes, request->size);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1), *answer = NULL;
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_MESSAGE}};
    ops[1].data.send_message.send_message = message;
    ops[2].data.recv_initial_metadata.recv_initial_metadata = &talk->initial;
    ops[3].data.recv_message.recv_message = &answer;
    run_batch(talk, ops, ARRAY_LEN(ops));
    *ret_answer_size = answer == NULL ? 0 : grpc_byte_buffer_length(answer);
    grpc_byte_buffer_destroy(message);
    grpc_byte_buffer_destroy(answer);
    grpc_slice_unref(slice);
    return talk;
}

enum status_rpc_code raw_end(struct raw_talk **talk)
{
    struct raw_talk *old = *talk;
    grpc_op op = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    op.data.recv_status_on_client.trailing_metadata = &old->trailing;
    op.data.recv_status_on_client.status = &old->code;
    op.data.recv_status_on_client.status_details = &old->text;
    run_batch(old, &op, 1);
    const enum status_rpc_code code = (enum status_rpc_code)old->code;
    grpc_slice_unref(old->text);
    grpc_metadata_array_destroy(&old->initial);
    grpc_metadata_array_destroy(&old->trailing);
    grpc_call_unref(old->call);
    grpc_completion_queue_shutdown(old->queue);
    while (grpc_completion_queue_next(old->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(old->queue);
    free(old);
    *talk = NULL;
    return code;
}
