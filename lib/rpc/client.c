#include "rpc/client.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/workers.h"
#include "log/log.h"
#include "rpc/client_internal.h"
#include "rpc/client_metrics.h"
#include "rpc/failure.h"
#include "rpc/message.h"
#include "rpc/server.h"
#include "rpc/tls_internal.h"

enum { TIMEOUT_MS = 10000, KEEPALIVE_MS = 10000, TARGET_MAX = 1024 };
enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000, CONNECT_TIMEOUT_MS = 2000 };
enum { NAMES_AGE_MS_MIN = 1000 };
enum { MINDER_SLICE_MS = 250 };
enum { SENT_AGAIN_MAX = 4, PAUSE_NS = 2000000 };

/* The core watches the health of each instance and calls none that is about to stop. */
#define SERVICE_CONFIG                                                                             \
    "{\"loadBalancingConfig\":[{\"round_robin\":{}}],"                                             \
    "\"healthCheckConfig\":{\"serviceName\":\"" RPC_HEALTH_SERVICE "\"}}"

/* --- life --- */

static bool is_numeric(const char *addresses)
{
    return strspn(addresses, "0123456789.:,[]") == strlen(addresses);
}

/* "a:1,b:2" as a gRPC name; names with a scheme stay as they are. */
static void full_target(const char *target, char ret_text[static TARGET_MAX])
{
    const char *colon = strchr(target, ':');
    const bool has_scheme =
        colon != NULL && colon > target && strspn(colon + 1, "0123456789,") == 0;
    if (has_scheme)
        snprintf(ret_text, TARGET_MAX, "%s", target);
    else
        snprintf(ret_text, TARGET_MAX, "%s%s", is_numeric(target) ? "ipv4:" : "dns:///", target);
}

static grpc_channel *make_channel(const char *target, int number,
                                  const struct rpc_client_options *options)
{
    const int64_t keepalive_ms = options->keepalive_ms == 0 ? KEEPALIVE_MS : options->keepalive_ms;
    grpc_arg arguments[] = {
        {.type = GRPC_ARG_STRING,
         .key = GRPC_ARG_SERVICE_CONFIG,
         .value.string = (char[]){SERVICE_CONFIG}},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_KEEPALIVE_TIME_MS,
         .value.integer = (int)keepalive_ms},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
         .value.integer = (int)(keepalive_ms / 2)},
        /* Else the core stops asking after two pings on a stream on which nothing is said, and a
         * peer that is gone is never noticed. */
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA,
         .value.integer = 0},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
         .value.integer = BACKOFF_FIRST_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, /* the longest one attempt may take */
         .value.integer = CONNECT_TIMEOUT_MS},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
         .value.integer = BACKOFF_LAST_MS},
        /* By default 30 s: when both instances of a peer are replaced within that time, all
         * addresses known are old ones. */
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS,
         .value.integer = NAMES_AGE_MS_MIN},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_HTTP_PROXY, .value.integer = 0},
        /* Only the transparent ones, as the service config has no policy: a call that met a
         * connection on its way out (an old one, a stopping peer's) goes to another. */
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_RETRIES, .value.integer = 1},
        {.type = GRPC_ARG_INTEGER,
         .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         .value.integer = RPC_RESPONSE_MAX},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
        {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_ENABLE_CHANNELZ, .value.integer = 0},
        /* Distinct, so that each channel has a connection of its own. */
        {.type = GRPC_ARG_INTEGER, .key = (char[]){"boxoffice.channel"}, .value.integer = number},
        /* Last, as plain connections go without it: what the peer's certificate must be for. */
        {.type = GRPC_ARG_STRING,
         .key = (char[]){GRPC_SSL_TARGET_NAME_OVERRIDE_ARG},
         .value.string = (char *)(uintptr_t)options->peer},
    };
    const size_t count = ARRAY_LEN(arguments) - (options->tls == NULL);
    const grpc_channel_args all = {.num_args = count, .args = arguments};
    grpc_channel_credentials *credentials = rpc_tls_channel_credentials(options->tls);
    grpc_channel *channel = grpc_channel_create(target, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return channel;
}

/* Steps aside for MINDER_SLICE_MS while calls wait and nothing is pushed; false when stopping. */
static bool minder_is_needed(struct rpc_client *client)
{
    pthread_mutex_lock(&client->lock);
    if (atomic_load(&client->answers.are_read) && client->subscriptions == 0 && !client->stopping) {
        const int64_t until_us = clock_monotonic_us() + MINDER_SLICE_MS * 1000;
        const struct timespec until = {.tv_sec = until_us / 1000000,
                                       .tv_nsec = until_us % 1000000 * 1000};
        pthread_cond_timedwait(&client->changed, &client->lock, &until);
    }
    const bool stopping = client->stopping;
    pthread_mutex_unlock(&client->lock);
    return !stopping;
}

/* Whoever waits for an answer reads the sockets (see answers.h). This thread does so for the
 * subscriptions, and while nobody waits: connections come and go all the same. */
static void *mind_connections(void *self)
{
    struct rpc_client *client = self;
    base_yield_to_waker();
    while (minder_is_needed(client))
        rpc_poll_until(client->pushes, clock_monotonic_us() + MINDER_SLICE_MS * 1000);
    rpc_poll(client->pushes); /* until it is empty */
    return NULL;
}

static void start_minder(struct rpc_client *client)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    client->pushes = grpc_completion_queue_create_for_next(NULL);
    if (pthread_create(&client->minder, NULL, mind_connections, client) != 0)
        abort();
    pthread_setname_np(client->minder, "rpc-client");
}

enum status rpc_client_new(const struct rpc_client_options *options, struct rpc_client **ret_client)
{
    assert(options->channels <= RPC_CHANNELS_MAX);
    assert(options->tls == NULL || options->peer != NULL);
    if (options->target == NULL || options->target[0] == '\0' ||
        strlen(options->target) > TARGET_MAX - 16)
        return ST_INVALID_REQUEST;
    char target[TARGET_MAX];
    full_target(options->target, target);

    struct rpc_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        abort();
    rpc_core_init();
    client->timeout_ms_max = options->timeout_ms_max == 0 ? TIMEOUT_MS : options->timeout_ms_max;
    client->channel_count = options->channels == 0 ? 1 : options->channels;
    pthread_mutex_init(&client->lock, NULL);
    for (size_t i = 0; i < client->channel_count; i++)
        client->channels[i] = make_channel(target, (int)i, options);
    rpc_answers_init(&client->answers);
    start_minder(client);
    *ret_client = client;
    return ST_OK;
}

void rpc_client_free(struct rpc_client **client)
{
    struct rpc_client *old = *client;
    if (old == NULL)
        return;
    for (size_t i = 0; i < old->channel_count; i++)
        grpc_channel_destroy(old->channels[i]);
    pthread_mutex_lock(&old->lock);
    old->stopping = true;
    pthread_cond_broadcast(&old->changed);
    pthread_mutex_unlock(&old->lock);
    grpc_completion_queue_shutdown(old->pushes);
    pthread_join(old->minder, NULL);
    grpc_completion_queue_destroy(old->pushes);
    pthread_cond_destroy(&old->changed);
    rpc_answers_done(&old->answers);
    pthread_mutex_destroy(&old->lock);
    free(old);
    grpc_shutdown();
    *client = NULL;
}

/* --- a unary call --- */

struct unary {
    struct rpc_waiter waiter;
    grpc_call *call;
    grpc_metadata traceparent;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice text;
};

void rpc_client_metadata(const struct ctx *ctx, char text[static CTX_TRACEPARENT_SIZE],
                         grpc_metadata *ret_metadata)
{
    ctx_format_traceparent(ctx, text);
    *ret_metadata = (grpc_metadata){.key = grpc_slice_from_static_string("traceparent"),
                                    .value = grpc_slice_from_copied_string(text)};
}

static grpc_call_error start(struct unary *unary)
{
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };
    ops[0].data.send_initial_metadata.count = 1;
    ops[0].data.send_initial_metadata.metadata = &unary->traceparent;
    ops[1].data.send_message.send_message = unary->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &unary->initial;
    ops[4].data.recv_message.recv_message = &unary->response;
    ops[5].data.recv_status_on_client.trailing_metadata = &unary->trailing;
    ops[5].data.recv_status_on_client.status = &unary->code;
    ops[5].data.recv_status_on_client.status_details = &unary->text;
    return rpc_start_batch(unary->call, ops, ARRAY_LEN(ops), &unary->waiter);
}

static enum status read_answer(struct ctx *ctx, const struct unary *unary,
                               const struct rpc_call_type *type, void *ret_response)
{
    if (unary->code != GRPC_STATUS_OK) {
        char text[128];
        rpc_copy_slice(text, sizeof text, unary->text);
        return rpc_failure_read(ctx, (int)unary->code, text, &unary->trailing, type->path);
    }
    ProtobufCMessage *response = NULL;
    if (rpc_unpack(ctx, type->output, unary->response, &response) != ST_OK)
        return ctx_fail(ctx, ST_INTERNAL, "%s: response is not a %s", type->path,
                        type->output->name);
    memcpy(ret_response, &response, sizeof response); /* any message pointer */
    return ST_OK;
}

static void unary_done(struct unary *unary)
{
    grpc_call_unref(unary->call);
    grpc_slice_unref(unary->traceparent.value);
    grpc_slice_unref(unary->text);
    grpc_metadata_array_destroy(&unary->initial);
    grpc_metadata_array_destroy(&unary->trailing);
    grpc_byte_buffer_destroy(unary->request);
    grpc_byte_buffer_destroy(unary->response);
}

/* One attempt: sends, and waits for the answer or the deadline. */
static void send_and_wait(struct unary *unary, const struct ctx *ctx, struct rpc_client *client,
                          const struct rpc_call_type *type, const ProtobufCMessage *request)
{
    const int64_t limit_us = clock_monotonic_us() + client->timeout_ms_max * 1000;
    const int64_t deadline_us = ctx->deadline_us < limit_us ? ctx->deadline_us : limit_us;
    char traceparent[CTX_TRACEPARENT_SIZE];
    const size_t channel = atomic_fetch_add(&client->next, 1) % client->channel_count;
    *unary = (struct unary){.request = rpc_pack(request), .text = grpc_empty_slice()};
    grpc_metadata_array_init(&unary->initial);
    grpc_metadata_array_init(&unary->trailing);
    rpc_client_metadata(ctx, traceparent, &unary->traceparent);
    unary->call = grpc_channel_create_call(
        client->channels[channel], NULL, GRPC_PROPAGATE_DEFAULTS, client->answers.queue,
        grpc_slice_from_static_string(type->path), NULL, rpc_deadline(deadline_us), NULL);
    const grpc_call_error error = start(unary);
    assert(error == GRPC_CALL_OK);
    (void)error;
    /* No time limit: the call has one, and its event always comes. */
    rpc_answers_wait(&client->answers, &unary->waiter);
}

/* Nobody here cancels a call. The peer's core did: it was stopping, and the call had come too late
 * to be handed to a handler (those that run are let finish, and say what they have to say). */
static bool was_turned_away(const struct unary *unary)
{
    return unary->code == GRPC_STATUS_CANCELLED && !rpc_failure_is_told(&unary->trailing);
}

enum status rpc_call(struct ctx *ctx, struct rpc_client *client, const struct rpc_call_type *type,
                     const ProtobufCMessage *request, void *ret_response)
{
    if (ctx_is_over(ctx))
        return ctx_fail(ctx, ST_TIMEOUT, "%s: deadline before the call", type->path);
    const int64_t started_us = clock_monotonic_us();
    struct unary unary;
    send_and_wait(&unary, ctx, client, type, request);
    /* So it may go to another instance; the pause is for the news that this one stops, which is on
     * its way to us. */
    for (int again = 0; was_turned_away(&unary) && again < SENT_AGAIN_MAX && !ctx_is_over(ctx);
         again++) {
        unary_done(&unary);
        const struct timespec pause = {.tv_nsec = PAUSE_NS << again};
        nanosleep(&pause, NULL);
        send_and_wait(&unary, ctx, client, type, request);
    }
    rpc_client_count(type, started_us, (int)unary.code);
    const enum status status = read_answer(ctx, &unary, type, ret_response);
    unary_done(&unary);
    return status == ST_CANCELLED ? ST_UNAVAILABLE : status;
}
