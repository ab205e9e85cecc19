#include "fake_seat_stream.h"

#include <pthread.h>
#include <string.h>

#include "boxoffice/reservation/v1/reservation.pb-c.h"

typedef Boxoffice__Reservation__V1__WatchOccupancyResponse News;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void read_map(struct seat_map *map, const Boxoffice__Reservation__V1__DateOccupancy *seats)
{
    memset(map, 0, sizeof *map);
    memcpy(map->held, seats->held.data, seats->held.len);
    memcpy(map->sold, seats->sold.data, seats->sold.len);
}

static void read_change(struct seat_map *map, const Boxoffice__Reservation__V1__SeatChange *change)
{
    const size_t at = (size_t)(change->seat_no - 1) / 8;
    const uint8_t bit = (uint8_t)(1U << ((change->seat_no - 1) % 8));
    map->held[at] &= (uint8_t)~bit;
    map->sold[at] &= (uint8_t)~bit;
    if (change->state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_HELD)
        map->held[at] |= bit;
    if (change->state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_SOLD)
        map->sold[at] |= bit;
}

bool rpc_stream_send(struct rpc_stream *stream, const ProtobufCMessage *message)
{
    const News *news = (const News *)message;
    pthread_mutex_lock(&mutex);
    const bool goes = !stream->is_over;
    if (goes) {
        stream->sent++;
        stream->maps += news->occupancy != NULL;
        stream->last_changes = news->n_changes;
        if (news->occupancy != NULL)
            read_map(&stream->map, news->occupancy);
        else
            stream->missed = stream->missed || news->from_version > stream->map.version;
        for (size_t i = 0; i < news->n_changes; i++)
            read_change(&stream->map, news->changes[i]);
        stream->map.version = news->version;
    }
    pthread_mutex_unlock(&mutex);
    return goes;
}

void rpc_stream_finish(struct rpc_stream *stream, enum status status)
{
    pthread_mutex_lock(&mutex);
    stream->finished++;
    stream->finish_status = status;
    pthread_mutex_unlock(&mutex);
}

bool rpc_stream_is_over(struct rpc_stream *stream)
{
    pthread_mutex_lock(&mutex);
    const bool is_over = stream->is_over;
    pthread_mutex_unlock(&mutex);
    return is_over;
}

void rpc_stream_release(struct rpc_stream **stream)
{
    pthread_mutex_lock(&mutex);
    if (*stream != NULL)
        (*stream)->released++;
    *stream = NULL;
    pthread_mutex_unlock(&mutex);
}

struct rpc_stream fake_stream_look(const struct rpc_stream *stream)
{
    pthread_mutex_lock(&mutex);
    const struct rpc_stream copy = *stream;
    pthread_mutex_unlock(&mutex);
    return copy;
}

void fake_stream_leave(struct rpc_stream *stream)
{
    pthread_mutex_lock(&mutex);
    stream->is_over = true;
    pthread_mutex_unlock(&mutex);
}
