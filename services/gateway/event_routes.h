/* A user's own place, pushed: GET /v1/queue/events. Each stream of events has one WatchToken
 * subscription at the queue service, which looks at all watched places at once; a subscription that
 * ends is made anew, with backoff, while the user's stream stays. */
#ifndef GATEWAY_EVENT_ROUTES_H
#define GATEWAY_EVENT_ROUTES_H

#include "http/server.h"

enum {
    PLACE_EVENTS_PER_USER_MAX = 4, /* a tab each; one user cannot take the streams of all */
};

struct place_events;
struct rpc_client;

/* Borrows the client. */
struct place_events *place_events_start(struct rpc_client *queue);
/* After the HTTP server has stopped; sets NULL. */
void place_events_stop(struct place_events **events);

/* 200 and a stream of `event: place`; 204 for a reader who comes back after it was told that its
 * place has ended, so that an EventSource stops; ST_RATE_LIMITED with PLACE_EVENTS_PER_USER_MAX
 * open; else as GET /v1/queue/tokens/me. */
http_handle_fn gateway_watch_place;

#endif
