/* Server streams: one message on its way at most, the newest unsent one behind it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/failure.h"
#include "rpc/internal.h"
#include "rpc/message.h"
#include "rpc/method.h"

/*
 * References: one of the service, one while the close event is out, one while a send is out. The
 * core's call goes when the close event has come and nothing is being sent; the memory goes with
 * the last reference.
 */
struct rpc_stream {
    struct rpc_server_call *call; /* NULL once it is over and done with */
    struct rpc_server *server;
    struct rpc_event closed, sent;
    pthread_mutex_t lock;
    int references;
    grpc_byte_buffer *pending, *sending_message;
    bool sending, metadata_sent;
    bool finishing, status_sent;
    bool is_over, is_closed;
    bool counts; /* towards streams_max; health watchers have a limit of their own */
    enum status status;
    struct rpc_stream *next, **link; /* of the server's list, under its lock */
};

static void unlist(struct rpc_stream *stream)
{
    pthread_mutex_lock(&stream->server->lock);
    if (stream->link != NULL) {
        *stream->link = stream->next;
        if (stream->next != NULL)
            stream->next->link = stream->link;
        stream->server->stream_count -= stream->counts;
        stream->link = NULL;
    }
    pthread_mutex_unlock(&stream->server->lock);
}

/* Lock held. */
static void drop_call_if_done(struct rpc_stream *stream)
{
    if (!stream->is_closed || stream->sending || stream->call == NULL)
        return;
    rpc_server_call_free(stream->call);
    stream->call = NULL;
}

/* Gives one reference back; called without the lock. */
static void dereference(struct rpc_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const bool last = --stream->references == 0;
    pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    assert(stream->call == NULL);
    grpc_byte_buffer_destroy(stream->pending);
    grpc_byte_buffer_destroy(stream->sending_message);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

static size_t add_status(struct rpc_stream *stream, grpc_op *op)
{
    struct rpc_server_call *call = stream->call;
    *op = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    op->data.send_status_from_server.status = (grpc_status_code)status_rpc_code(stream->status);
    if (stream->status != ST_OK) {
        struct ctx ctx;
        ctx_init(&ctx, NULL);
        call->failure = rpc_failure_pack(&ctx, stream->status);
        call->failure_text =
            grpc_slice_from_static_string(status_text(stream->status, LANGUAGE_EN));
        call->trailing = (grpc_metadata){.key = grpc_slice_from_static_string(RPC_DETAILS_KEY),
                                         .value = call->failure};
        op->data.send_status_from_server.status_details = &call->failure_text;
        op->data.send_status_from_server.trailing_metadata_count = 1;
        op->data.send_status_from_server.trailing_metadata = &call->trailing;
    }
    stream->status_sent = true;
    return 1;
}

/* Lock held: starts the next send, if there is something to send and nothing on its way. */
static void pump(struct rpc_stream *stream)
{
    if (stream->sending || stream->is_over || stream->call == NULL || stream->status_sent)
        return;
    if (stream->pending == NULL && !stream->finishing)
        return;
    grpc_op ops[3];
    size_t count = 0;
    if (!stream->metadata_sent)
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    stream->metadata_sent = true;
    if (stream->pending != NULL) {
        stream->sending_message = stream->pending;
        stream->pending = NULL;
        ops[count] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
        ops[count++].data.send_message.send_message = stream->sending_message;
    }
    if (stream->finishing)
        count += add_status(stream, &ops[count]);
    stream->sending = true;
    stream->references++;
    if (rpc_start_batch(stream->call->call, ops, count, &stream->sent) != GRPC_CALL_OK) {
        stream->sending = false;
        stream->references--;
        stream->is_over = true;
    }
}

static void on_sent(void *self, bool ok)
{
    struct rpc_stream *stream = self;
    pthread_mutex_lock(&stream->lock);
    grpc_byte_buffer_destroy(stream->sending_message);
    stream->sending_message = NULL;
    stream->sending = false;
    stream->is_over = stream->is_over || !ok;
    pump(stream);
    drop_call_if_done(stream);
    pthread_mutex_unlock(&stream->lock);
    dereference(stream);
}

static void on_closed(void *self, bool ok)
{
    struct rpc_stream *stream = self;
    (void)ok;
    unlist(stream);
    pthread_mutex_lock(&stream->lock);
    stream->is_over = true;
    stream->is_closed = true;
    drop_call_if_done(stream);
    pthread_mutex_unlock(&stream->lock);
    dereference(stream);
}

/* False when there are too many, or the server is stopping. */
static bool enlist(struct rpc_stream *stream)
{
    struct rpc_server *server = stream->server;
    pthread_mutex_lock(&server->lock);
    const bool room = (!stream->counts || server->stream_count < server->options.streams_max) &&
                      !atomic_load(&server->stopping);
    if (room) {
        stream->next = server->streams;
        stream->link = &server->streams;
        if (stream->next != NULL)
            stream->next->link = &stream->next;
        server->streams = stream;
        server->stream_count += stream->counts;
    }
    pthread_mutex_unlock(&server->lock);
    return room;
}

struct rpc_stream *rpc_stream_new(struct rpc_server_call *call)
{
    struct rpc_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        abort();
    stream->call = call;
    stream->server = call->server;
    stream->counts = strcmp(call->endpoint->service->name, RPC_HEALTH_SERVICE) != 0;
    stream->references = 2; /* the service's, and the close event's */
    stream->closed = (struct rpc_event){.fire = on_closed, .self = stream};
    stream->sent = (struct rpc_event){.fire = on_sent, .self = stream};
    pthread_mutex_init(&stream->lock, NULL);
    if (!enlist(stream)) {
        pthread_mutex_destroy(&stream->lock);
        free(stream);
        return NULL;
    }
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    close.data.recv_close_on_server.cancelled = &call->cancelled;
    const grpc_call_error error = rpc_start_batch(call->call, &close, 1, &stream->closed);
    assert(error == GRPC_CALL_OK);
    (void)error;
    return stream;
}

bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
    grpc_byte_buffer *packed = rpc_pack(message);
    pthread_mutex_lock(&stream->lock);
    const bool open = !stream->is_over && !stream->finishing;
    if (open) {
        grpc_byte_buffer_destroy(stream->pending); /* newest wins */
        stream->pending = packed;
        pump(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    if (!open)
        grpc_byte_buffer_destroy(packed);
    return open;
}

void rpc_stream_finish(struct rpc_stream *stream, enum status status)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->finishing) {
        stream->finishing = true;
        stream->status = status;
        pump(stream);
    }
    pthread_mutex_unlock(&stream->lock);
}

bool rpc_stream_is_over(struct rpc_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    const bool over = stream->is_over || stream->finishing;
    pthread_mutex_unlock(&stream->lock);
    return over;
}

void rpc_stream_release(struct rpc_stream **stream)
{
    struct rpc_stream *old = *stream;
    *stream = NULL;
    if (old == NULL)
        return;
    rpc_stream_finish(old, ST_OK);
    dereference(old);
}

void rpc_streams_finish_all(struct rpc_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct rpc_stream *stream = server->streams; stream != NULL; stream = stream->next) {
        /* Listed streams hold their close reference, so they live; their lock nests inside ours. */
        rpc_stream_finish(stream, ST_UNAVAILABLE);
    }
    pthread_mutex_unlock(&server->lock);
}
