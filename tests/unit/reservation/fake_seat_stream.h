/* Streams that note what was done with them, by any thread. */
#ifndef FAKE_SEAT_STREAM_H
#define FAKE_SEAT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/method.h"
#include "seats.h"

/* As a reader would see it: the map after all messages, and whether one was missed. */
struct rpc_stream {
    bool is_over; /* the caller is gone */
    int sent, maps;
    size_t last_changes;
    bool missed;
    struct seat_map map;
    int finished, released;
    enum status finish_status;
};

/* A copy, taken at one moment. */
struct rpc_stream fake_stream_look(const struct rpc_stream *stream);
void fake_stream_leave(struct rpc_stream *stream);

#endif
