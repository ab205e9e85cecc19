#include "seat_events.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/ticker.h"
#include "feed.h"
#include "http/stream.h"
#include "metrics/metrics.h"
#include "present.h"
#include "rpc/client.h"
#include "seat_map.h"
#include "service.h"

enum {
    CARE_MS = 50, /* how soon a new, lost or left date is seen to, if nobody wakes us */
    CARE_TIMEOUT_MS = 5000,
    CARE_ARENA = 64 * 1024,
    EVENT_ID_MAX = 24,
};

typedef Boxoffice__Reservation__V1__WatchOccupancyResponse News;

struct reader {
    struct reader *next;
    struct seat_events *events;
    struct http_stream *stream; /* NULL until the handler has begun it */
    struct uuid user_id;
    int64_t since_us;
    bool is_told;           /* has had all seats */
    _Atomic bool is_closed; /* the user is gone, or never came */
};

/*
 *          handler             care                 care
 *  (made) ---------> waiting ---------> subscribed ------> (freed)   once nobody reads it
 *                       ^                   |
 *                       +------ care -------+ the subscription ended, or a change was missed
 */
struct seat_date {
    struct seat_events *events;
    struct seat_date *next;
    char concert_id[UUID_TEXT_SIZE];
    char date[CLOCK_DATE_SIZE];
    struct feed feed;

    pthread_mutex_t lock; /* guards what follows; nests inside the events' */
    struct reader *readers;
    bool is_loaded; /* the map is whole; not while a change was missed */
    struct seat_map map;
};

struct seat_events {
    struct rpc_client *reservation;
    struct ticker *ticker;
    struct metrics_gauge *open_readers, *open_dates;
    struct metrics_counter *subscribed;

    pthread_mutex_t lock; /* guards the list and joining a date; only care takes one out */
    size_t date_count;
    struct seat_date *dates;
};

static const struct rpc_call_type watch_occupancy = {
    .path = "/boxoffice.reservation.v1.ReservationService/WatchOccupancy",
    .output = &boxoffice__reservation__v1__watch_occupancy_response__descriptor,
};

/* --- what the readers are told; the date's lock is held --- */

/* As text for the wire; NULL when there is no memory. Takes the reference. */
static char *write_out(json_t *root)
{
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

/* The map for those who need it, the change (NULL: none) for those who can follow. */
static void tell(struct seat_date *date, const News *change)
{
    char id[EVENT_ID_MAX];
    char *whole = NULL;
    char *part = change == NULL ? NULL : write_out(present_seat_changes(date->date, change));
    snprintf(id, sizeof id, "%lld", (long long)date->map.version);
    for (struct reader *reader = date->readers; reader != NULL; reader = reader->next) {
        if (reader->stream == NULL || (reader->is_told && change == NULL))
            continue;
        const bool follows = reader->is_told && !http_stream_is_behind(reader->stream);
        if (!follows && whole == NULL)
            whole = write_out(present_seat_map(date->date, &date->map));
        const char *text = follows ? part : whole;
        reader->is_told = text != NULL && http_stream_send(reader->stream, "seats", id, text);
    }
    free(whole);
    free(part);
}

static void tell_all_anew(struct seat_date *date)
{
    for (struct reader *reader = date->readers; reader != NULL; reader = reader->next)
        reader->is_told = false;
    tell(date, NULL);
}

/* --- callbacks: of the rpc client's poller, of the http server --- */

static bool load(struct seat_date *date, const News *news)
{
    const Boxoffice__Reservation__V1__DateOccupancy *seats = news->occupancy;
    return seat_map_load(&date->map, seats->held.data, seats->held.len, seats->sold.data,
                         seats->sold.len, news->version);
}

static enum seat_state state_of(Boxoffice__Reservation__V1__SeatState state)
{
    if (state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_SOLD)
        return SEAT_SOLD;
    return state == BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_HELD ? SEAT_HELD
                                                                            : SEAT_AVAILABLE;
}

/* False when something was missed in between, or is nonsense. */
static bool apply(struct seat_date *date, const News *news)
{
    if (!date->is_loaded || news->from_version != date->map.version)
        return false;
    for (size_t i = 0; i < news->n_changes; i++) {
        if (!seat_map_set(&date->map, news->changes[i]->seat_no, state_of(news->changes[i]->state)))
            return false;
    }
    date->map.version = news->version;
    return true;
}

static void on_message(void *self, const ProtobufCMessage *message)
{
    const News *news = (const News *)message;
    struct seat_date *date = self;
    feed_note_news(&date->feed);
    pthread_mutex_lock(&date->lock);
    if (news->occupancy != NULL) {
        date->is_loaded = load(date, news);
        if (date->is_loaded)
            tell_all_anew(date);
    } else if (apply(date, news)) {
        tell(date, news);
    } else {
        date->is_loaded = false;
    }
    const bool is_whole = date->is_loaded;
    pthread_mutex_unlock(&date->lock);
    if (!is_whole)
        feed_note_end(&date->feed); /* a new subscription begins with all seats */
}

static void on_end(void *self, enum status status)
{
    struct seat_date *date = self;
    (void)status;
    feed_note_end(&date->feed);
}

static void on_closed(void *self)
{
    struct reader *reader = self;
    struct seat_events *events = reader->events;
    atomic_store(&reader->is_closed, true); /* care may free it from here */
    ticker_wake(events->ticker);
}

/* --- care: one thread makes and ends all subscriptions, as ending one waits for its callbacks ---
 */

static void free_readers(struct seat_events *events, struct reader *list)
{
    while (list != NULL) {
        struct reader *reader = list;
        list = reader->next;
        http_stream_release(&reader->stream);
        free(reader);
        metrics_move(events->open_readers, -1);
    }
}

/* Takes out those who are gone, and ends the streams of those who read for long. */
static struct reader *take_closed(struct seat_date *date)
{
    struct reader *closed = NULL;
    const int64_t oldest_us = clock_monotonic_us() - SEAT_EVENTS_AGE_S * INT64_C(1000000);
    for (struct reader **at = &date->readers; *at != NULL;) {
        struct reader *reader = *at;
        if (!atomic_load(&reader->is_closed)) {
            if (reader->stream != NULL && reader->since_us < oldest_us)
                http_stream_finish(reader->stream);
            at = &reader->next;
            continue;
        }
        *at = reader->next;
        reader->next = closed;
        closed = reader;
    }
    return closed;
}

static void free_date(struct seat_events *events, struct seat_date *date)
{
    feed_end(&date->feed);
    free_readers(events, date->readers);
    pthread_mutex_destroy(&date->lock);
    free(date);
    metrics_move(events->open_dates, -1);
}

/* Whether the date is still read; one that is not has left the list. */
static bool tidy(struct seat_events *events, struct seat_date *date)
{
    pthread_mutex_lock(&events->lock);
    pthread_mutex_lock(&date->lock);
    struct reader *closed = take_closed(date);
    const bool is_read = date->readers != NULL;
    pthread_mutex_unlock(&date->lock);
    if (!is_read) {
        struct seat_date **at = &events->dates;
        while (*at != date)
            at = &(*at)->next;
        *at = date->next;
        events->date_count--;
    }
    pthread_mutex_unlock(&events->lock);
    free_readers(events, closed);
    return is_read;
}

static void care_for(struct ctx *ctx, struct seat_events *events, struct seat_date *date)
{
    Boxoffice__Reservation__V1__WatchOccupancyRequest request =
        BOXOFFICE__RESERVATION__V1__WATCH_OCCUPANCY_REQUEST__INIT;
    request.concert_id = date->concert_id;
    request.date = date->date;
    if (feed_care(ctx, &date->feed,
                  &(struct feed_source){.client = events->reservation,
                                        .type = &watch_occupancy,
                                        .request = &request.base,
                                        .on_message = on_message,
                                        .on_end = on_end,
                                        .self = date,
                                        .name = date->concert_id}))
        metrics_add(events->subscribed, 1);
}

static void care_for_all(struct ctx *ctx, void *self)
{
    struct seat_events *events = self;
    pthread_mutex_lock(&events->lock);
    struct seat_date *date = events->dates;
    pthread_mutex_unlock(&events->lock);
    while (date != NULL) {
        struct seat_date *next = date->next; /* handlers put in front only */
        if (tidy(events, date))
            care_for(ctx, events, date);
        else
            free_date(events, date);
        date = next;
    }
}

struct seat_events *seat_events_start(struct rpc_client *reservation)
{
    struct seat_events *events = calloc(1, sizeof *events);
    if (events == NULL)
        abort();
    events->reservation = reservation;
    events->open_readers =
        metrics_gauge("gateway_seat_readers", "", "Users who are told a date's seats by events.");
    events->open_dates = metrics_gauge("gateway_seat_dates", "", "Dates they look at.");
    events->subscribed = metrics_counter("gateway_seat_subscriptions_total", "",
                                         "Subscriptions made at the reservation service.");
    pthread_mutex_init(&events->lock, NULL);
    events->ticker = ticker_start(&(struct ticker_options){
        .name = "seat-events",
        .interval_ms = CARE_MS,
        .timeout_ms = CARE_TIMEOUT_MS,
        .arena_size = CARE_ARENA,
        .run = care_for_all,
        .self = events,
    });
    return events;
}

void seat_events_stop(struct seat_events **events)
{
    struct seat_events *old = *events;
    if (old == NULL)
        return;
    *events = NULL;
    ticker_stop(&old->ticker);
    while (old->dates != NULL) {
        struct seat_date *date = old->dates;
        old->dates = date->next;
        free_date(old, date);
    }
    pthread_mutex_destroy(&old->lock);
    free(old);
}

/* --- the route --- */

static struct seat_date *find_date(struct seat_events *events, const char *concert_id,
                                   const char *day)
{
    for (struct seat_date *date = events->dates; date != NULL; date = date->next) {
        if (strcmp(date->concert_id, concert_id) == 0 && strcmp(date->date, day) == 0)
            return date;
    }
    return NULL;
}

static struct seat_date *add_date(struct seat_events *events, const char *concert_id,
                                  const char *day)
{
    if (events->date_count == SEAT_EVENTS_DATES_MAX)
        return NULL;
    struct seat_date *date = calloc(1, sizeof *date);
    if (date == NULL)
        abort();
    date->events = events;
    base_copy_text(date->concert_id, sizeof date->concert_id, concert_id);
    base_copy_text(date->date, sizeof date->date, day);
    pthread_mutex_init(&date->lock, NULL);
    date->next = events->dates;
    events->dates = date;
    events->date_count++;
    metrics_move(events->open_dates, 1);
    return date;
}

/* Puts the reader in; false when its user has SEAT_EVENTS_PER_USER_MAX already. */
static bool put_in(struct seat_date *date, struct reader *reader)
{
    int count = 0;
    pthread_mutex_lock(&date->lock);
    for (const struct reader *other = date->readers; other != NULL; other = other->next)
        count += strcmp(other->user_id.text, reader->user_id.text) == 0 &&
                 !atomic_load(&other->is_closed);
    const bool has_room = count < SEAT_EVENTS_PER_USER_MAX;
    if (has_room) {
        reader->next = date->readers;
        date->readers = reader;
    }
    pthread_mutex_unlock(&date->lock);
    return has_room;
}

static enum status join(struct ctx *ctx, struct seat_events *events, const char *concert_id,
                        const char *day, struct reader *reader, struct seat_date **ret_date)
{
    enum status status = ST_OK;
    pthread_mutex_lock(&events->lock);
    struct seat_date *date = find_date(events, concert_id, day);
    if (date == NULL)
        date = add_date(events, concert_id, day);
    if (date == NULL)
        status = ctx_fail(ctx, ST_OVERLOADED, "%d dates are watched", SEAT_EVENTS_DATES_MAX);
    else if (!put_in(date, reader))
        status = ctx_fail(ctx, ST_RATE_LIMITED, "%d streams of one user of a date",
                          SEAT_EVENTS_PER_USER_MAX);
    pthread_mutex_unlock(&events->lock);
    *ret_date = date;
    return status;
}

static struct reader *make_reader(struct seat_events *events, const struct caller *caller)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        abort();
    reader->events = events;
    reader->user_id = caller->claims.user_id;
    reader->since_us = clock_monotonic_us();
    return reader;
}

/* Asked as any other request, so that what is wrong is answered with its code. */
static enum status check_date(struct ctx *ctx, struct gateway *gateway, struct uuid *concert_id,
                              const char *day)
{
    if (!clock_date_is_valid(day))
        ctx_violate(ctx, "{date}", "must be a date, YYYY-MM-DD");
    TRY(ctx_checked(ctx));
    Boxoffice__Concert__V1__GetSeatRequest req = BOXOFFICE__CONCERT__V1__GET_SEAT_REQUEST__INIT;
    req.concert_id = concert_id->text;
    req.date = gateway_text(day);
    req.seat_no = 1;
    Boxoffice__Concert__V1__GetSeatResponse *res = NULL;
    return gateway_call(ctx, &gateway->peers, CALL_GET_SEAT, &req.base, &res);
}

enum status gateway_watch_seats(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    struct gateway *gateway = self;
    struct seat_events *events = gateway->seat_events;
    const char *day = http_path_param(request, "date");
    struct caller caller;
    struct uuid concert_id;
    struct seat_date *date;
    (void)response;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_path_uuid(ctx, request, "concert_id", &concert_id));
    TRY(http_check_query(ctx, request, NULL, 0));
    TRY(check_date(ctx, gateway, &concert_id, day));

    struct reader *reader = make_reader(events, &caller);
    metrics_move(events->open_readers, 1);
    enum status status = join(ctx, events, concert_id.text, day, reader, &date);
    if (status != ST_OK) {
        free_readers(events, reader);
        return status;
    }
    struct http_stream *stream = NULL;
    status = http_stream_begin(ctx, request, on_closed, reader, &stream);
    if (status != ST_OK) {
        atomic_store(&reader->is_closed, true);
        return status;
    }
    /* A date with this reader in it stays until the reader is closed, and it is not before we
     * return. */
    pthread_mutex_lock(&date->lock);
    reader->stream = stream;
    if (date->is_loaded)
        tell(date, NULL);
    pthread_mutex_unlock(&date->lock);
    ticker_wake(events->ticker);
    return ST_OK;
}
