#include "watch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ticker.h"
#include "metrics/metrics.h"
#include "present.h"
#include "store.h"

enum { ROUND_TIMEOUT_MS = 2000, ROUND_ARENA = 1024 * 1024 };

struct watch {
    struct rpc_stream *stream;
    struct place place; /* as last sent */
    uint64_t round;     /* when it was last looked at */
};

struct watch_list {
    struct queue_store *store;
    struct ticker *ticker;
    struct metrics_gauge *open_streams;
    uint64_t round;

    pthread_mutex_t mutex; /* guards what follows; only the publisher removes */
    bool is_closed;
    size_t count;
    struct watch *watches[WATCHES_MAX];
};

bool watch_send(const struct line_figures *figures, const struct place *place,
                struct rpc_stream *stream)
{
    Boxoffice__Queue__V1__WatchTokenResponse response;
    Boxoffice__Queue__V1__Place message;
    struct place copy = *place;
    boxoffice__queue__v1__watch_token_response__init(&response);
    boxoffice__queue__v1__place__init(&message);
    present_place(figures, &copy, (uint64_t)clock_monotonic_us(), &message);
    response.place = &message;
    return rpc_stream_send(stream, &response.base);
}

static bool is_same(const struct place *a, const struct place *b)
{
    return a->status == b->status && a->position == b->position &&
           a->expires_at_unix_ms == b->expires_at_unix_ms;
}

/* Tells one user what changed. Frees the stream when there is nothing left to tell. */
static void tell(const struct line_figures *figures, struct watch *watch, const struct place *now)
{
    if (is_same(&watch->place, now)) {
        if (rpc_stream_is_over(watch->stream))
            rpc_stream_release(&watch->stream);
        return;
    }
    watch->place = *now;
    bool goes_on = watch_send(figures, now, watch->stream);
    if (goes_on && now->status != PLACE_WAITING && now->status != PLACE_ACTIVE) {
        rpc_stream_finish(watch->stream, ST_OK);
        goes_on = false;
    }
    if (!goes_on)
        rpc_stream_release(&watch->stream);
}

/* Up to LOOK_MAX watches of one queue, not yet looked at in this round. */
static size_t gather(struct watch_list *list, size_t from, size_t count,
                     struct watch *batch[LOOK_MAX])
{
    size_t used = 0;
    for (size_t i = from; i < count && used < LOOK_MAX; i++) {
        struct watch *watch = list->watches[i];
        if (watch->round == list->round)
            continue;
        if (used > 0 && strcmp(watch->place.queue, batch[0]->place.queue) != 0)
            continue;
        watch->round = list->round;
        batch[used++] = watch;
    }
    return used;
}

static void look_at(struct ctx *ctx, struct watch_list *list, struct watch *const batch[],
                    size_t count)
{
    struct place *places = arena_calloc(ctx->arena, count, sizeof *places);
    struct place **pointers = arena_calloc(ctx->arena, count, sizeof(struct place *));
    if (!places || !pointers)
        return;
    for (size_t i = 0; i < count; i++) {
        places[i] = batch[i]->place;
        pointers[i] = &places[i];
    }
    struct line_figures figures;
    const char *queue = batch[0]->place.queue;
    /* While Redis is away nobody is told anything: the place is what it was. */
    if (queue_store_look(ctx, list->store, queue, pointers, count, true) != ST_OK ||
        queue_store_recent_figures(ctx, list->store, queue, &figures) != ST_OK)
        return;
    for (size_t i = 0; i < count; i++)
        tell(&figures, batch[i], &places[i]);
}

static void remove_ended(struct watch_list *list)
{
    pthread_mutex_lock(&list->mutex);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->watches[i]->stream)
            list->watches[kept++] = list->watches[i];
        else
            free(list->watches[i]);
    }
    list->count = kept;
    metrics_set(list->open_streams, (int64_t)kept);
    pthread_mutex_unlock(&list->mutex);
}

static void run_round(struct ctx *ctx, void *self)
{
    struct watch_list *list = self;
    struct watch *batch[LOOK_MAX];
    pthread_mutex_lock(&list->mutex);
    size_t count = list->is_closed ? 0 : list->count;
    pthread_mutex_unlock(&list->mutex);
    if (count == 0)
        return;

    list->round++;
    for (size_t i = 0; i < count && !ctx_is_over(ctx); i++) {
        size_t used = gather(list, i, count, batch);
        if (used == 0)
            continue;
        size_t mark = arena_mark(ctx->arena);
        look_at(ctx, list, batch, used);
        ctx_forgive(ctx);
        arena_rewind(ctx->arena, mark);
        i--; /* more of this queue, or the next one that was passed over */
    }
    remove_ended(list);
}

struct watch_list *watch_list_start(struct queue_store *store, int64_t interval_ms)
{
    struct watch_list *list = calloc(1, sizeof *list);
    assert(list);
    list->store = store;
    list->open_streams =
        metrics_gauge("queue_watch_streams", "", "Users who watch their place by a stream.");
    pthread_mutex_init(&list->mutex, NULL);
    list->ticker = ticker_start(&(struct ticker_options){
        .name = "watch",
        .interval_ms = interval_ms,
        .timeout_ms = ROUND_TIMEOUT_MS,
        .arena_size = ROUND_ARENA,
        .run = run_round,
        .self = list,
    });
    return list;
}

void watch_list_close(struct watch_list *list)
{
    /* The publisher uses streams without the mutex, so it ends first. */
    ticker_stop(&list->ticker);
    pthread_mutex_lock(&list->mutex);
    list->is_closed = true;
    for (size_t i = 0; i < list->count; i++) {
        if (list->watches[i]->stream) {
            rpc_stream_finish(list->watches[i]->stream, ST_UNAVAILABLE);
            rpc_stream_release(&list->watches[i]->stream);
        }
        free(list->watches[i]);
    }
    list->count = 0;
    pthread_mutex_unlock(&list->mutex);
}

void watch_list_stop(struct watch_list **list)
{
    struct watch_list *self = *list;
    if (!self)
        return;
    watch_list_close(self);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *list = NULL;
}

enum status watch_list_add(struct ctx *ctx, struct watch_list *list, const struct place *place,
                           struct rpc_stream *stream)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return ctx_fail(ctx, ST_OVERLOADED, "out of memory");
    watch->stream = stream;
    watch->place = *place;

    enum status status = ST_OK;
    pthread_mutex_lock(&list->mutex);
    if (list->is_closed)
        status = ctx_fail(ctx, ST_UNAVAILABLE, "stopping");
    else if (list->count == WATCHES_MAX)
        status = ctx_fail(ctx, ST_OVERLOADED, "more than %d streams", WATCHES_MAX);
    else
        list->watches[list->count++] = watch;
    pthread_mutex_unlock(&list->mutex);
    if (status != ST_OK)
        free(watch);
    return status;
}
