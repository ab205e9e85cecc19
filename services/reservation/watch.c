#include "watch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/ticker.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "metrics/metrics.h"
#include "occupancy.h"
#include "seats.h"

typedef Boxoffice__Reservation__V1__WatchOccupancyResponse News;
typedef Boxoffice__Reservation__V1__DateOccupancy DateOccupancy;
typedef Boxoffice__Reservation__V1__SeatChange SeatChange;

/* Fits the news of CHANGES_DATES_MAX dates of CLAIM_SEATS_MAX seats. */
enum { ROUND_ARENA = 4 * 1024 * 1024 };

struct reader {
    struct reader *next;
    struct rpc_stream *stream; /* NULL once released */
    bool is_told;              /* has had its first message */
    char concert_id[UUID_TEXT_SIZE];
    char date[CLOCK_DATE_SIZE];
};

struct watched_date {
    struct reader *readers;
    bool is_loaded;
    struct seat_map map;
    int64_t sent_version; /* of the last message to everybody, where the next delta starts */
};

struct seat_watch {
    struct db *db;
    struct ticker *ticker;
    struct metrics_gauge *streams_gauge, *dates_gauge;

    /* The publisher's own. */
    size_t date_count;
    struct watched_date *dates[WATCH_DATES_MAX];

    pthread_mutex_t mutex; /* guards what follows */
    bool is_closed;
    size_t reader_count;
    struct reader *incoming;
};

/* --- what is sent --- */

static bool send_map(const struct watched_date *date, struct rpc_stream *stream)
{
    News news;
    DateOccupancy occupancy;
    struct seat_map map = date->map;
    char text[CLOCK_DATE_SIZE];
    const size_t size = seat_map_size(&map);
    boxoffice__reservation__v1__watch_occupancy_response__init(&news);
    boxoffice__reservation__v1__date_occupancy__init(&occupancy);
    base_copy_text(text, sizeof text, date->readers->date);
    occupancy.date = text;
    occupancy.held = (ProtobufCBinaryData){size, map.held};
    occupancy.sold = (ProtobufCBinaryData){size, map.sold};
    occupancy.version = news.version = map.version;
    news.occupancy = &occupancy;
    return rpc_stream_send(stream, &news.base);
}

static Boxoffice__Reservation__V1__SeatState state_on_wire(enum seat_state state)
{
    switch (state) {
    case SEAT_FREE:
        return BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_FREE;
    case SEAT_HELD:
        return BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_HELD;
    case SEAT_SOLD:
        return BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_SOLD;
    }
    return BOXOFFICE__RESERVATION__V1__SEAT_STATE__SEAT_STATE_UNSPECIFIED;
}

/* To all who had their first message; those who are gone are let go. */
static void tell_all(struct watched_date *date, const News *news)
{
    for (struct reader *reader = date->readers; reader != NULL; reader = reader->next) {
        if (reader->stream == NULL || !reader->is_told)
            continue;
        if (!(news != NULL ? rpc_stream_send(reader->stream, &news->base)
                           : send_map(date, reader->stream)))
            rpc_stream_release(&reader->stream);
    }
}

static void tell_changes(struct watched_date *date, const uint8_t *changed, size_t count)
{
    SeatChange changes[WATCH_CHANGES_MAX];
    SeatChange *pointers[WATCH_CHANGES_MAX];
    News news;
    size_t used = 0;
    if (count > WATCH_CHANGES_MAX) {
        tell_all(date, NULL);
        return;
    }
    boxoffice__reservation__v1__watch_occupancy_response__init(&news);
    for (size_t seat_no = 1; used < count; seat_no++) {
        if (!seat_map_has(changed, seat_no))
            continue;
        boxoffice__reservation__v1__seat_change__init(&changes[used]);
        changes[used].seat_no = (int32_t)seat_no;
        changes[used].state = state_on_wire(seat_map_state(&date->map, seat_no));
        pointers[used] = &changes[used];
        used++;
    }
    news.version = date->map.version;
    news.from_version = date->sent_version;
    news.changes = pointers;
    news.n_changes = used;
    tell_all(date, &news);
}

static void tell_newcomers(struct watched_date *date)
{
    for (struct reader *reader = date->readers; reader != NULL; reader = reader->next) {
        if (reader->stream == NULL)
            continue;
        if (reader->is_told) {
            if (rpc_stream_is_over(reader->stream))
                rpc_stream_release(&reader->stream);
        } else if (!send_map(date, reader->stream)) {
            rpc_stream_release(&reader->stream);
        }
        reader->is_told = true;
    }
}

/* --- a round --- */

static void end_readers(struct reader *readers, enum status status)
{
    for (struct reader *reader = readers; reader != NULL; reader = reader->next) {
        if (reader->stream == NULL)
            continue;
        rpc_stream_finish(reader->stream, status);
        rpc_stream_release(&reader->stream);
    }
}

/* Frees those without a stream and returns how many. */
static size_t drop_ended(struct reader **list)
{
    size_t dropped = 0;
    for (struct reader **at = list; *at != NULL;) {
        struct reader *reader = *at;
        if (reader->stream != NULL) {
            at = &reader->next;
            continue;
        }
        *at = reader->next;
        free(reader);
        dropped++;
    }
    return dropped;
}

static struct watched_date *find_date(struct seat_watch *watch, const struct reader *reader)
{
    for (size_t i = 0; i < watch->date_count; i++) {
        const struct reader *first = watch->dates[i]->readers;
        if (strcmp(first->date, reader->date) == 0 &&
            strcmp(first->concert_id, reader->concert_id) == 0)
            return watch->dates[i];
    }
    if (watch->date_count == WATCH_DATES_MAX)
        return NULL;
    struct watched_date *date = calloc(1, sizeof *date);
    if (date == NULL)
        abort();
    watch->dates[watch->date_count++] = date;
    return date;
}

static void take_in(struct seat_watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    struct reader *incoming = take(&watch->incoming);
    pthread_mutex_unlock(&watch->mutex);
    size_t refused = 0;
    while (incoming != NULL) {
        struct reader *reader = incoming;
        incoming = reader->next;
        reader->next = NULL;
        struct watched_date *date = find_date(watch, reader);
        if (date == NULL) {
            end_readers(reader, ST_OVERLOADED);
            refused += drop_ended(&reader);
            continue;
        }
        reader->next = date->readers;
        date->readers = reader;
    }
    pthread_mutex_lock(&watch->mutex);
    watch->reader_count -= refused;
    pthread_mutex_unlock(&watch->mutex);
}

/* A date's first map. Its readers are sent away when there is none: they come back by themselves.
 */
static void load(struct ctx *ctx, struct seat_watch *watch, struct watched_date *date)
{
    const size_t mark = arena_mark(ctx->arena);
    const char *const days[] = {date->readers->date};
    struct claim_occupancy *seen;
    const enum status status =
        claim_store_occupancy(ctx, watch->db, date->readers->concert_id, days, 1, &seen);
    date->is_loaded = status == ST_OK;
    if (date->is_loaded) {
        date->map = seen->map;
        date->sent_version = date->map.version;
    } else {
        end_readers(date->readers, ST_UNAVAILABLE);
    }
    ctx_forgive(ctx);
    arena_rewind(ctx->arena, mark);
}

static void publish(struct watched_date *date, const struct seat_news *news)
{
    uint8_t changed[SEATS_BITMAP_SIZE];
    size_t count = 0;
    if (!seat_map_apply(&date->map, news, changed, &count)) {
        date->is_loaded = false;
        end_readers(date->readers, ST_INTERNAL);
        return;
    }
    if (count == 0)
        return; /* HELD and PAYING look the same from here */
    tell_changes(date, changed, count);
    date->sent_version = date->map.version;
}

/* What changed on the loaded dates from `first` on; returns where to go on. While the store is away
 * nobody is told anything, and afterwards everything since. */
static size_t look(struct ctx *ctx, struct seat_watch *watch, size_t first)
{
    struct changes_since since[CHANGES_DATES_MAX];
    struct watched_date *asked[CHANGES_DATES_MAX];
    const size_t mark = arena_mark(ctx->arena);
    size_t used = 0, changed = 0;
    struct changes *changes;
    for (; first < watch->date_count && used < CHANGES_DATES_MAX; first++) {
        struct watched_date *date = watch->dates[first];
        if (!date->is_loaded)
            continue;
        since[used] = (struct changes_since){.concert_id = date->readers->concert_id,
                                             .date = date->readers->date,
                                             .version = date->map.version};
        asked[used++] = date;
    }
    if (used > 0 && claim_store_changes(ctx, watch->db, since, used, &changes, &changed) == ST_OK) {
        for (size_t i = 0; i < changed; i++)
            publish(asked[changes[i].asked], &changes[i].news);
    }
    ctx_forgive(ctx);
    arena_rewind(ctx->arena, mark);
    return first;
}

static void tidy(struct seat_watch *watch)
{
    size_t dropped = 0, kept = 0;
    for (size_t i = 0; i < watch->date_count; i++) {
        struct watched_date *date = watch->dates[i];
        dropped += drop_ended(&date->readers);
        if (date->readers != NULL)
            watch->dates[kept++] = date;
        else
            free(date);
    }
    watch->date_count = kept;
    pthread_mutex_lock(&watch->mutex);
    watch->reader_count -= dropped;
    metrics_set(watch->streams_gauge, (int64_t)watch->reader_count);
    pthread_mutex_unlock(&watch->mutex);
    metrics_set(watch->dates_gauge, (int64_t)kept);
}

static void run_round(struct ctx *ctx, void *self)
{
    struct seat_watch *watch = self;
    take_in(watch);
    if (watch->date_count == 0)
        return;
    for (size_t i = 0; i < watch->date_count;)
        i = look(ctx, watch, i);
    for (size_t i = 0; i < watch->date_count; i++) {
        if (!watch->dates[i]->is_loaded)
            load(ctx, watch, watch->dates[i]);
        tell_newcomers(watch->dates[i]);
    }
    tidy(watch);
}

/* --- from outside --- */

struct seat_watch *seat_watch_start(struct db *db, int64_t interval_ms)
{
    struct seat_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        abort();
    watch->db = db;
    watch->streams_gauge = metrics_gauge("boxoffice_seat_watch_streams", "",
                                         "Readers who watch a date's seats by a stream.");
    watch->dates_gauge =
        metrics_gauge("boxoffice_seat_watch_dates", "", "Dates whose seats are watched.");
    pthread_mutex_init(&watch->mutex, NULL);
    watch->ticker = ticker_start(&(struct ticker_options){.name = "seat-watch",
                                                          .interval_ms = interval_ms,
                                                          .timeout_ms = WATCH_ROUND_MS_MAX,
                                                          .arena_size = ROUND_ARENA,
                                                          .run = run_round,
                                                          .self = watch});
    return watch;
}

void seat_watch_close(struct seat_watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    const bool was_closed = watch->is_closed;
    watch->is_closed = true;
    pthread_mutex_unlock(&watch->mutex);
    if (was_closed)
        return;
    /* The publisher uses the dates without the mutex, so it ends first. */
    ticker_stop(&watch->ticker);
    end_readers(watch->incoming, ST_UNAVAILABLE);
    drop_ended(&watch->incoming);
    for (size_t i = 0; i < watch->date_count; i++)
        end_readers(watch->dates[i]->readers, ST_UNAVAILABLE);
    tidy(watch);
}

void seat_watch_stop(struct seat_watch **watch)
{
    if (*watch == NULL)
        return;
    seat_watch_close(*watch);
    pthread_mutex_destroy(&(*watch)->mutex);
    free(*watch);
    *watch = NULL;
}

enum status seat_watch_add(struct ctx *ctx, struct seat_watch *watch, const char *concert_id,
                           const char *date, struct rpc_stream *stream)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "out of memory");
    reader->stream = stream;
    base_copy_text(reader->concert_id, sizeof reader->concert_id, concert_id);
    base_copy_text(reader->date, sizeof reader->date, date);

    enum status status = ST_OK;
    pthread_mutex_lock(&watch->mutex);
    if (watch->is_closed) {
        status = ctx_fail(ctx, ST_UNAVAILABLE, "stopping");
    } else if (watch->reader_count == WATCHES_MAX) {
        status = ctx_fail(ctx, ST_OVERLOADED, "more than %d streams", WATCHES_MAX);
    } else {
        reader->next = watch->incoming;
        watch->incoming = reader;
        watch->reader_count++;
    }
    if (status == ST_OK)
        ticker_wake(watch->ticker);
    pthread_mutex_unlock(&watch->mutex);
    if (status != ST_OK)
        free(reader);
    return status;
}
