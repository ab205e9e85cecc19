/* A date's seats, pushed: GET /v1/concerts/{concert_id}/dates/{date}/events. However many users
 * look at a date, it has one WatchOccupancy subscription here, and what it brings is written out
 * once for everybody. A reader first gets all seats, then what changes; one that has not taken the
 * last event yet gets all seats again in its place, so that nobody misses a change. */
#ifndef GATEWAY_SEAT_EVENTS_H
#define GATEWAY_SEAT_EVENTS_H

#include "http/server.h"

enum {
    SEAT_EVENTS_PER_USER_MAX = 4, /* of one date: a tab each */
    SEAT_EVENTS_DATES_MAX = 512,  /* different dates at a time */
    SEAT_EVENTS_AGE_S = 300, /* then the stream ends, and the reader comes back with its token */
};

struct seat_events;
struct rpc_client;

/* Borrows the client of the reservation service. */
struct seat_events *seat_events_start(struct rpc_client *reservation);
/* After the HTTP server has stopped; sets NULL. */
void seat_events_stop(struct seat_events **events);

/* 200 and a stream of `event: seats`; ST_RATE_LIMITED with SEAT_EVENTS_PER_USER_MAX open,
 * ST_OVERLOADED with SEAT_EVENTS_DATES_MAX other dates; else as a seat of that date. */
http_handle_fn gateway_watch_seats;

#endif
