#include "jobs.h"

#include <stdlib.h>

#include "base/ticker.h"
#include "metrics/metrics.h"
#include "store.h"

enum {
    SWEEP_INTERVAL_MS = 60000,
    SWEEP_TIMEOUT_MS = 30000,
    SWEEP_KEYS_MAX = 1000, /* in one statement */
};

struct wallet_jobs {
    struct db *db;
    struct ticker *sweeper;
    struct metrics_counter *swept;
};

static void sweep(struct ctx *ctx, void *self)
{
    struct wallet_jobs *jobs = self;
    int64_t count = SWEEP_KEYS_MAX;
    /* Whatever is left over when the time is up, the next run sweeps. */
    while (count == SWEEP_KEYS_MAX) {
        size_t mark = arena_mark(ctx->arena);
        if (wallet_store_sweep_keys(ctx, jobs->db, SWEEP_KEYS_MAX, &count) != ST_OK)
            return;
        metrics_add(jobs->swept, (uint64_t)count);
        arena_rewind(ctx->arena, mark);
    }
}

struct wallet_jobs *wallet_jobs_start(struct db *db)
{
    struct wallet_jobs *jobs = calloc(1, sizeof(*jobs));
    if (!jobs)
        abort();
    jobs->db = db;
    jobs->swept =
        metrics_counter("wallet_keys_swept_total", "", "Idempotency keys that were kept 24 h.");
    jobs->sweeper = ticker_start(&(struct ticker_options){
        .name = "wallet-sweep",
        .interval_ms = SWEEP_INTERVAL_MS,
        .timeout_ms = SWEEP_TIMEOUT_MS,
        .run = sweep,
        .self = jobs,
    });
    return jobs;
}

void wallet_jobs_stop(struct wallet_jobs **jobs)
{
    if (!*jobs)
        return;
    ticker_stop(&(*jobs)->sweeper);
    free(*jobs);
    *jobs = NULL;
}
