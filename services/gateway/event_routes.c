#include "event_routes.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/combiner.h"
#include "base/ticker.h"
#include "feed.h"
#include "http/stream.h"
#include "metrics/metrics.h"
#include "present.h"
#include "rpc/client.h"
#include "service.h"

enum {
    BUCKETS = 1024, /* of users */
    CARE_MS = 50,   /* how soon a new, lost or closed watch is seen to, if nobody wakes us */
    CARE_TIMEOUT_MS = 5000,
    CARE_ARENA = 64 * 1024,
    EVENT_ID_MAX = 48,
};

/*
 *            handler                care                 care
 *  (made) ------------> is_ready ----------> subscribed ------> (freed)   once is_closed
 *                                   ^           |
 *                                   +-- care ---+ the subscription ended, after a backoff
 */
struct watch {
    struct place_events *events;
    struct watch *next; /* of the same bucket */
    struct uuid user_id;
    char *token;
    struct http_stream *stream;
    char told[EVENT_ID_MAX]; /* id of the last event: by the handler, then by the subscription */

    _Atomic bool is_ready;  /* the handler is done with it */
    _Atomic bool is_ended;  /* the place has ended; there is nothing more to learn */
    _Atomic bool is_closed; /* the reader is gone */
    struct feed feed;
};

struct place_events {
    struct rpc_client *queue;
    struct ticker *ticker;
    _Atomic size_t count; /* of watches */
    struct metrics_gauge *open_watches;
    struct metrics_counter *subscribed;

    pthread_mutex_t lock; /* guards the buckets; only care removes, only handlers put in front */
    struct watch *buckets[BUCKETS];
};

static const struct rpc_call_type watch_token = {
    .path = "/boxoffice.queue.v1.QueueService/WatchToken",
    .output = &boxoffice__queue__v1__watch_token_response__descriptor,
};

/* --- what the reader is told --- */

static bool has_ended(const Boxoffice__Queue__V1__Place *place)
{
    return place->status != BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING &&
           place->status != BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_ACTIVE;
}

/* The state by name: the same state has the same id at every gateway. */
static void name_state(const Boxoffice__Queue__V1__Place *place, char ret_id[static EVENT_ID_MAX])
{
    snprintf(ret_id, EVENT_ID_MAX, "%d-%" PRId64 "-%" PRId64, (int)place->status, place->position,
             place->expires_at_unix_ms);
}

/* Tells the reader what is new, and that it was the last when the place has ended. */
static void tell(struct watch *watch, const Boxoffice__Queue__V1__Place *place)
{
    char id[EVENT_ID_MAX];
    name_state(place, id);
    if (strcmp(id, watch->told) != 0) {
        json_t *object = present_place(place, watch->token);
        char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
        if (text != NULL && http_stream_send(watch->stream, "place", id, text))
            base_copy_text(watch->told, sizeof watch->told, id);
        free(text);
        json_decref(object);
    }
    if (has_ended(place)) {
        atomic_store(&watch->is_ended, true);
        http_stream_finish(watch->stream);
    }
}

/* --- callbacks: of the rpc client's poller, of the http server --- */

static void on_message(void *self, const ProtobufCMessage *message)
{
    const Boxoffice__Queue__V1__WatchTokenResponse *response =
        (const Boxoffice__Queue__V1__WatchTokenResponse *)message;
    struct watch *watch = self;
    feed_note_news(&watch->feed);
    if (response->place != NULL)
        tell(watch, response->place);
}

static void on_end(void *self, enum status status)
{
    struct watch *watch = self;
    /* A token that the queue does not know (any more) will not become known. */
    if (status == ST_TOKEN_INVALID || status == ST_TOKEN_EXPIRED) {
        atomic_store(&watch->is_ended, true);
        http_stream_finish(watch->stream);
    }
    feed_note_end(&watch->feed);
}

static void on_closed(void *self)
{
    struct watch *watch = self;
    struct place_events *events = watch->events;
    atomic_store(&watch->is_closed, true); /* care may free it from here */
    ticker_wake(events->ticker);
}

/* --- care: one thread makes and ends all subscriptions, as ending one waits for its callbacks ---
 */

static void free_watch(struct watch *watch)
{
    feed_end(&watch->feed);
    http_stream_release(&watch->stream);
    free(watch->token);
    free(watch);
}

static void remove_watch(struct place_events *events, struct watch **link, struct watch *watch)
{
    pthread_mutex_lock(&events->lock);
    while (*link != watch)
        link = &(*link)->next;
    *link = watch->next;
    pthread_mutex_unlock(&events->lock);
    atomic_fetch_sub(&events->count, 1);
    metrics_move(events->open_watches, -1);
    free_watch(watch);
}

static void care_for(struct ctx *ctx, struct watch *watch)
{
    Boxoffice__Queue__V1__WatchTokenRequest request =
        BOXOFFICE__QUEUE__V1__WATCH_TOKEN_REQUEST__INIT;
    if (atomic_load(&watch->is_ended))
        return;
    request.token = watch->token;
    if (feed_care(ctx, &watch->feed,
                  &(struct feed_source){.client = watch->events->queue,
                                        .type = &watch_token,
                                        .request = &request.base,
                                        .on_message = on_message,
                                        .on_end = on_end,
                                        .self = watch,
                                        .name = watch->token}))
        metrics_add(watch->events->subscribed, 1);
}

static void care_for_all(struct ctx *ctx, void *self)
{
    struct place_events *events = self;
    for (size_t i = 0; i < BUCKETS && atomic_load(&events->count) > 0; i++) {
        pthread_mutex_lock(&events->lock);
        struct watch *watch = events->buckets[i];
        pthread_mutex_unlock(&events->lock);
        while (watch != NULL) {
            struct watch *next = watch->next;
            if (atomic_load(&watch->is_closed))
                remove_watch(events, &events->buckets[i], watch);
            else if (atomic_load(&watch->is_ready))
                care_for(ctx, watch);
            watch = next;
        }
    }
}

struct place_events *place_events_start(struct rpc_client *queue)
{
    struct place_events *events = calloc(1, sizeof *events);
    if (events == NULL)
        abort();
    events->queue = queue;
    events->open_watches =
        metrics_gauge("gateway_place_watches", "", "Users who are told their place by events.");
    events->subscribed = metrics_counter("gateway_place_subscriptions_total", "",
                                         "Subscriptions made at the queue service.");
    pthread_mutex_init(&events->lock, NULL);
    events->ticker = ticker_start(&(struct ticker_options){
        .name = "place-events",
        .interval_ms = CARE_MS,
        .timeout_ms = CARE_TIMEOUT_MS,
        .arena_size = CARE_ARENA,
        .run = care_for_all,
        .self = events,
    });
    return events;
}

void place_events_stop(struct place_events **events)
{
    struct place_events *old = *events;
    if (old == NULL)
        return;
    *events = NULL;
    ticker_stop(&old->ticker);
    for (size_t i = 0; i < BUCKETS; i++) {
        while (old->buckets[i] != NULL) {
            struct watch *watch = old->buckets[i];
            old->buckets[i] = watch->next;
            free_watch(watch);
        }
    }
    pthread_mutex_destroy(&old->lock);
    free(old);
}

/* --- the route --- */

static bool is_users(const struct watch *watch, const char *user_id)
{
    return strcmp(watch->user_id.text, user_id) == 0 && !atomic_load(&watch->is_closed);
}

/* A watch with no stream yet, in its bucket: the user's number is counted and raised in one step.
 */
static enum status make_watch(struct ctx *ctx, struct place_events *events,
                              const struct caller *caller, struct watch **ret_watch)
{
    const char *user_id = caller->claims.user_id.text;
    struct watch *watch = calloc(1, sizeof *watch);
    char *token = strdup(caller->token);
    if (watch == NULL || token == NULL)
        abort();
    watch->events = events;
    watch->user_id = caller->claims.user_id;
    watch->token = token;

    struct watch **bucket = &events->buckets[base_hash64(user_id) % BUCKETS];
    int count = 0;
    pthread_mutex_lock(&events->lock);
    for (const struct watch *other = *bucket; other != NULL; other = other->next)
        count += is_users(other, user_id) ? 1 : 0;
    const bool room = count < PLACE_EVENTS_PER_USER_MAX;
    if (room) {
        watch->next = *bucket;
        *bucket = watch;
    }
    pthread_mutex_unlock(&events->lock);
    if (!room) {
        free_watch(watch);
        return ctx_fail(ctx, ST_RATE_LIMITED, "%d streams of one user", count);
    }
    atomic_fetch_add(&events->count, 1);
    metrics_move(events->open_watches, 1);
    *ret_watch = watch;
    return ST_OK;
}

/* Whether this reader was told before that the place has ended. */
static bool knows_the_end(const struct http_request *request,
                          const Boxoffice__Queue__V1__Place *place)
{
    const char *last_id = http_header(request, "Last-Event-ID");
    char id[EVENT_ID_MAX];
    name_state(place, id);
    return has_ended(place) && last_id != NULL && strcmp(last_id, id) == 0;
}

enum status gateway_watch_place(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));

    /* Asked as any other request, so that what is wrong is answered with its code. */
    Boxoffice__Queue__V1__GetTokenRequest req = BOXOFFICE__QUEUE__V1__GET_TOKEN_REQUEST__INIT;
    req.token = gateway_text(caller.token);
    Boxoffice__Queue__V1__GetTokenResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_TOKEN, &req.base, &res));
    if (knows_the_end(request, res->place)) {
        response->code = 204;
        return ST_OK;
    }

    struct watch *watch = NULL;
    TRY(make_watch(ctx, gateway->place_events, &caller, &watch));
    const enum status status = http_stream_begin(ctx, request, on_closed, watch, &watch->stream);
    if (status != ST_OK) {
        atomic_store(&watch->is_closed, true);
        return status;
    }
    tell(watch, res->place);
    atomic_store(&watch->is_ready, true);
    ticker_wake(gateway->place_events->ticker);
    return ST_OK;
}
