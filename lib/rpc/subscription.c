/* Server streams from a peer, pushed to callbacks on the client's own thread. */
#include <assert.h>
#include <stdlib.h>

#include "rpc/client_internal.h"
#include "rpc/failure.h"
#include "rpc/message.h"

enum { ARENA_SIZE = 256 * 1024 };

struct rpc_subscription {
    struct rpc_client *client;
    const struct rpc_call_type *type;
    rpc_message_fn *on_message;
    rpc_end_fn *on_end;
    void *self;
    grpc_call *call;
    struct rpc_event started, received, ended;
    grpc_metadata traceparent;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *message;
    grpc_status_code code;
    grpc_slice text;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int outstanding; /* events to come */
};

static void settle(struct rpc_subscription *subscription)
{
    pthread_mutex_lock(&subscription->lock);
    subscription->outstanding--;
    pthread_cond_broadcast(&subscription->changed);
    pthread_mutex_unlock(&subscription->lock);
}

static void expect(struct rpc_subscription *subscription)
{
    pthread_mutex_lock(&subscription->lock);
    subscription->outstanding++;
    pthread_mutex_unlock(&subscription->lock);
}

static void begin_batch(struct rpc_subscription *subscription, const grpc_op ops[], size_t count,
                        struct rpc_event *event)
{
    expect(subscription);
    const grpc_call_error error = rpc_start_batch(subscription->call, ops, count, event);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void receive(struct rpc_subscription *subscription)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &subscription->message;
    begin_batch(subscription, &op, 1, &subscription->received);
}

static void on_started(void *self, bool ok)
{
    (void)ok; /* the status event tells */
    settle(self);
}

static void deliver(struct rpc_subscription *subscription)
{
    void *block = malloc(ARENA_SIZE);
    if (block == NULL)
        abort();
    struct arena arena;
    struct ctx ctx;
    ProtobufCMessage *message = NULL;
    arena_init(&arena, block, ARENA_SIZE);
    ctx_init(&ctx, &arena);
    if (rpc_unpack(&ctx, subscription->type->output, subscription->message, &message) == ST_OK)
        subscription->on_message(subscription->self, message);
    free(block);
}

static void on_received(void *self, bool ok)
{
    struct rpc_subscription *subscription = self;
    if (ok && subscription->message != NULL) {
        deliver(subscription);
        grpc_byte_buffer_destroy(subscription->message);
        subscription->message = NULL;
        receive(subscription);
    }
    settle(subscription);
}

static void on_ended(void *self, bool ok)
{
    struct rpc_subscription *subscription = self;
    (void)ok;
    unsigned char block[16 * 1024];
    struct arena arena;
    struct ctx ctx;
    char text[128];
    arena_init(&arena, block, sizeof block);
    ctx_init(&ctx, &arena);
    rpc_copy_slice(text, sizeof text, subscription->text);
    enum status status = ST_OK;
    if (subscription->code != GRPC_STATUS_OK)
        status = rpc_failure_read(&ctx, (int)subscription->code, text, &subscription->trailing,
                                  subscription->type->path);
    /* Last of the callbacks: what was on its way has been delivered, as the status comes after it.
     */
    subscription->on_end(subscription->self, status);
    settle(subscription);
}

static void start(struct rpc_subscription *subscription)
{
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &subscription->trailing;
    status.data.recv_status_on_client.status = &subscription->code;
    status.data.recv_status_on_client.status_details = &subscription->text;
    begin_batch(subscription, &status, 1, &subscription->ended);

    grpc_op ops[4] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA},
    };
    ops[0].data.send_initial_metadata.count = 1;
    ops[0].data.send_initial_metadata.metadata = &subscription->traceparent;
    ops[1].data.send_message.send_message = subscription->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &subscription->initial;
    begin_batch(subscription, ops, ARRAY_LEN(ops), &subscription->started);
    receive(subscription);
}

/* The client's own thread looks after subscriptions for as long as there are any. */
static void count(struct rpc_client *client, int change)
{
    pthread_mutex_lock(&client->lock);
    client->subscriptions += (size_t)change;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

enum status rpc_subscribe(struct ctx *ctx, struct rpc_client *client,
                          const struct rpc_call_type *type, const ProtobufCMessage *request,
                          rpc_message_fn *on_message, rpc_end_fn *on_end, void *self,
                          struct rpc_subscription **ret_subscription)
{
    struct rpc_subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "no memory for a subscription");
    char traceparent[CTX_TRACEPARENT_SIZE];
    subscription->type = type;
    subscription->on_message = on_message;
    subscription->on_end = on_end;
    subscription->self = self;
    subscription->request = rpc_pack(request);
    subscription->text = grpc_empty_slice();
    subscription->started = (struct rpc_event){.fire = on_started, .self = subscription};
    subscription->received = (struct rpc_event){.fire = on_received, .self = subscription};
    subscription->ended = (struct rpc_event){.fire = on_ended, .self = subscription};
    grpc_metadata_array_init(&subscription->initial);
    grpc_metadata_array_init(&subscription->trailing);
    pthread_mutex_init(&subscription->lock, NULL);
    pthread_cond_init(&subscription->changed, NULL);
    rpc_client_metadata(ctx, traceparent, &subscription->traceparent);

    const size_t channel = atomic_fetch_add(&client->next, 1) % client->channel_count;
    subscription->call = grpc_channel_create_call(
        client->channels[channel], NULL, GRPC_PROPAGATE_DEFAULTS, client->pushes,
        grpc_slice_from_static_string(type->path), NULL, rpc_deadline(CTX_NO_DEADLINE), NULL);
    subscription->client = client;
    count(client, 1);
    *ret_subscription = subscription;
    start(subscription);
    return ST_OK;
}

void rpc_unsubscribe(struct rpc_subscription **subscription)
{
    struct rpc_subscription *old = *subscription;
    if (old == NULL)
        return;
    grpc_call_cancel(old->call, NULL);
    pthread_mutex_lock(&old->lock);
    while (old->outstanding > 0)
        pthread_cond_wait(&old->changed, &old->lock);
    pthread_mutex_unlock(&old->lock);

    count(old->client, -1);
    grpc_call_unref(old->call);
    grpc_slice_unref(old->traceparent.value);
    grpc_slice_unref(old->text);
    grpc_metadata_array_destroy(&old->initial);
    grpc_metadata_array_destroy(&old->trailing);
    grpc_byte_buffer_destroy(old->request);
    grpc_byte_buffer_destroy(old->message);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    free(old);
    *subscription = NULL;
}
