#include "feed.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/uuid.h"

void feed_note_news(struct feed *feed)
{
    atomic_store(&feed->has_news, true);
}

void feed_note_end(struct feed *feed)
{
    atomic_store(&feed->is_lost, true);
}

static int64_t backoff_us(const struct feed *feed, const char *name)
{
    int64_t limit_ms = FEED_BACKOFF_MS_MIN;
    for (int i = 0; i < feed->failures && limit_ms < FEED_BACKOFF_MS_MAX; i++)
        limit_ms *= 2;
    limit_ms = limit_ms < FEED_BACKOFF_MS_MAX ? limit_ms : FEED_BACKOFF_MS_MAX;
    const int64_t spread = (int64_t)((base_hash64(name) + (uint64_t)feed->failures * 7919) % 1000);
    return (limit_ms / 2) * 1000 + limit_ms * spread / 2;
}

static void note_loss(struct feed *feed, const char *name)
{
    rpc_unsubscribe(&feed->subscription);
    feed->failures = atomic_load(&feed->has_news) ? 0 : feed->failures + 1;
    feed->due_us = clock_monotonic_us() + backoff_us(feed, name);
    atomic_store(&feed->has_news, false);
    atomic_store(&feed->is_lost, false);
}

bool feed_care(struct ctx *ctx, struct feed *feed, const struct feed_source *source)
{
    if (atomic_load(&feed->is_lost))
        note_loss(feed, source->name);
    if (feed->subscription != NULL || clock_monotonic_us() < feed->due_us)
        return false;
    ctx_forgive(ctx);
    if (rpc_subscribe(ctx, source->client, source->type, source->request, source->on_message,
                      source->on_end, source->self, &feed->subscription) == ST_OK)
        return true;
    note_loss(feed, source->name);
    return false;
}

void feed_end(struct feed *feed)
{
    rpc_unsubscribe(&feed->subscription);
}
