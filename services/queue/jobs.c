#include "jobs.h"

#include <stdlib.h>

#include "base/ctx.h"
#include "base/ticker.h"
#include "log/log.h"
#include "store.h"

enum { TICK_MS = 100, TICK_TIMEOUT_MS = 5000, DRAIN_TIMEOUT_MS = 3000, DRAIN_ARENA = 1024 * 1024 };

static void tick(struct ctx *ctx, void *self)
{
    queue_store_tick(ctx, self);
}

struct ticker *jobs_start(struct queue_store *store)
{
    return ticker_start(&(struct ticker_options){
        .name = "queue-jobs",
        .interval_ms = TICK_MS,
        .timeout_ms = TICK_TIMEOUT_MS,
        .run = tick,
        .self = store,
    });
}

static void free_block(void **block)
{
    free(*block);
}

void jobs_stop(struct ticker **jobs, struct queue_store *store)
{
    ticker_stop(jobs);

    void *block scoped(free_block) = malloc(DRAIN_ARENA);
    if (!block)
        return;
    struct arena arena;
    struct ctx ctx;
    arena_init(&arena, block, DRAIN_ARENA);
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, DRAIN_TIMEOUT_MS);
    queue_store_drain(&ctx, store);
}
