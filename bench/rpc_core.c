#include "rpc_core.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/macros.h"
#include "bench_echo.pb-c.h"

enum { SLOTS = 256 };
#define METHOD "/bench.EchoService/Echo"

/* What any program needs: the message out of the bytes, and the other way. */
static Bench__Echo *unpack(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    if (buffer == NULL || !grpc_byte_buffer_reader_init(&reader, buffer))
        abort();
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    Bench__Echo *echo =
        bench__echo__unpack(NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    if (echo == NULL)
        abort();
    return echo;
}

static grpc_byte_buffer *pack(const Bench__Echo *echo)
{
    grpc_slice slice = grpc_slice_malloc(bench__echo__get_packed_size(echo));
    bench__echo__pack(echo, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* --- server --- */

struct slot {
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_byte_buffer *payload, *reply;
    int cancelled;
    int answering;
};

static void post(grpc_server *server, void *method, grpc_completion_queue *queue)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        abort();
    grpc_metadata_array_init(&slot->metadata);
    if (grpc_server_request_registered_call(server, method, &slot->call, &slot->deadline,
                                            &slot->metadata, &slot->payload, queue, queue,
                                            slot) != GRPC_CALL_OK)
        abort();
}

static void answer(struct slot *slot)
{
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                      {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
    Bench__Echo *echo = unpack(slot->payload);
    slot->reply = pack(echo);
    bench__echo__free_unpacked(echo, NULL);
    ops[1].data.send_message.send_message = slot->reply;
    ops[3].data.recv_close_on_server.cancelled = &slot->cancelled;
    slot->answering = 1;
    if (grpc_call_start_batch(slot->call, ops, ARRAY_LEN(ops), slot, NULL) != GRPC_CALL_OK)
        abort();
}

static void release(struct slot *slot)
{
    grpc_call_unref(slot->call);
    grpc_metadata_array_destroy(&slot->metadata);
    grpc_byte_buffer_destroy(slot->payload);
    grpc_byte_buffer_destroy(slot->reply);
    free(slot);
}

void core_serve(void)
{
    grpc_init();
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server *server = grpc_server_create(NULL, NULL);
    grpc_server_register_completion_queue(server, queue, NULL);
    void *method = grpc_server_register_method(server, METHOD, NULL,
                                               GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    const int port = grpc_server_add_http2_port(server, "127.0.0.1:0", credentials);
    grpc_server_start(server);
    for (int i = 0; i < SLOTS; i++)
        post(server, method, queue);
    printf("%d\n", port);
    fflush(stdout);
    for (;;) {
        const grpc_event event =
            grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        struct slot *slot = event.tag;
        if (slot->answering) {
            release(slot);
            continue;
        }
        post(server, method, queue);
        answer(slot);
    }
}

/* --- client --- */

struct flight {
    grpc_call *call;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice text;
};

static void take_off(struct flight *flight, grpc_channel *channel, grpc_completion_queue *queue)
{
    char text[] = "00000000-0000-7000-8000-0000000000000000000000000000000000";
    Bench__Echo echo = BENCH__ECHO__INIT;
    echo.text = text;
    echo.number = 1;
    const gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(10, GPR_TIMESPAN));
    flight->call =
        grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                 grpc_slice_from_static_string(METHOD), NULL, deadline, NULL);
    grpc_metadata_array_init(&flight->initial);
    grpc_metadata_array_init(&flight->trailing);
    flight->request = pack(&echo);
    flight->response = NULL;
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    ops[1].data.send_message.send_message = flight->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &flight->initial;
    ops[4].data.recv_message.recv_message = &flight->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &flight->trailing;
    ops[5].data.recv_status_on_client.status = &flight->code;
    ops[5].data.recv_status_on_client.status_details = &flight->text;
    if (grpc_call_start_batch(flight->call, ops, ARRAY_LEN(ops), flight, NULL) != GRPC_CALL_OK)
        abort();
}

static void land(struct flight *flight)
{
    if (flight->code != GRPC_STATUS_OK)
        abort();
    Bench__Echo *echo = unpack(flight->response);
    if (echo->number != 1)
        abort();
    bench__echo__free_unpacked(echo, NULL);
    grpc_call_unref(flight->call);
    grpc_metadata_array_destroy(&flight->initial);
    grpc_metadata_array_destroy(&flight->trailing);
    grpc_byte_buffer_destroy(flight->request);
    grpc_byte_buffer_destroy(flight->response);
    grpc_slice_unref(flight->text);
}

static grpc_channel *connect_to(int port)
{
    char target[64];
    snprintf(target, sizeof target, "ipv4:127.0.0.1:%d", port);
    grpc_init();
    return grpc_channel_create(target, grpc_insecure_credentials_create(), NULL);
}

void core_load(int port, int in_flight, double seconds, struct load_result *ret_result)
{
    grpc_channel *channel = connect_to(port);
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    struct flight *flights = calloc((size_t)in_flight, sizeof *flights);
    if (flights == NULL)
        abort();
    for (int i = 0; i < in_flight; i++)
        take_off(&flights[i], channel, queue);

    const int64_t warm_us = clock_monotonic_us() + LOAD_WARM_UP_MS * 1000;
    const int64_t end_us = warm_us + (int64_t)(seconds * 1e6);
    struct load_result result = {0};
    int flying = in_flight;
    while (flying > 0) {
        const grpc_event event =
            grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        struct flight *flight = event.tag;
        const int64_t now_us = clock_monotonic_us();
        land(flight);
        result.done += now_us >= warm_us && now_us < end_us;
        result.all++;
        if (now_us < end_us)
            take_off(flight, channel, queue);
        else
            flying--;
    }
    result.per_second = (double)result.done / seconds;
    *ret_result = result;
}

static void *make_queue(void *self, size_t thread)
{
    (void)self;
    (void)thread;
    return grpc_completion_queue_create_for_pluck(NULL);
}

static bool call_and_wait(void *self, void *state, uint64_t round)
{
    struct flight flight;
    (void)round;
    take_off(&flight, self, state);
    (void)grpc_completion_queue_pluck(state, &flight, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    land(&flight);
    return true;
}

void core_load_blocking(int port, size_t threads, double seconds, struct load_result *ret_result)
{
    load_run(&(struct load){.threads = threads,
                            .seconds = seconds,
                            .make = make_queue,
                            .run = call_and_wait,
                            .self = connect_to(port)},
             ret_result);
}
