#include "fake_rpc_stream.h"

#include "boxoffice/queue/v1/queue.pb-c.h"

bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
    const Boxoffice__Queue__V1__WatchTokenResponse *response =
        (const Boxoffice__Queue__V1__WatchTokenResponse *)message;
    if (atomic_load(&stream->is_over))
        return false;
    atomic_store(&stream->last_status, (int)response->place->status);
    atomic_store(&stream->last_position, (int)response->place->position);
    atomic_fetch_add(&stream->sent, 1);
    return true;
}

void rpc_stream_finish(struct rpc_stream *stream, enum status status)
{
    atomic_store(&stream->finish_status, (int)status);
    atomic_fetch_add(&stream->finished, 1);
}

bool rpc_stream_is_over(struct rpc_stream *stream)
{
    return atomic_load(&stream->is_over);
}

void rpc_stream_release(struct rpc_stream **stream)
{
    if (*stream)
        atomic_fetch_add(&(*stream)->released, 1);
    *stream = NULL;
}
