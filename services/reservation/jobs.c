#include "jobs.h"

#include <stdlib.h>

#include "base/ticker.h"
#include "metrics/metrics.h"
#include "store.h"

enum { SWEEP_TIMEOUT_MS = 5000, SWEEP_DATES_MAX = 200, FORGET_INTERVAL_MS = 60000 };

struct claim_jobs {
    struct db *db;
    struct ticker *sweeper, *forgetter;
    struct metrics_counter *lapsed, *forgotten;
};

static void sweep(struct ctx *ctx, void *self)
{
    struct claim_jobs *jobs = self;
    int64_t count = 0;
    /* An absent database is readiness's news; the next run tries again. */
    if (claim_store_sweep(ctx, jobs->db, SWEEP_DATES_MAX, &count) == ST_OK)
        metrics_add(jobs->lapsed, (uint64_t)count);
}

static void forget(struct ctx *ctx, void *self)
{
    struct claim_jobs *jobs = self;
    int64_t count = 0;
    if (claim_store_forget_keys(ctx, jobs->db, SWEEP_DATES_MAX, &count) == ST_OK)
        metrics_add(jobs->forgotten, (uint64_t)count);
}

struct claim_jobs *claim_jobs_start(struct db *db, int64_t sweep_interval_ms)
{
    struct claim_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        abort();
    jobs->db = db;
    jobs->lapsed =
        metrics_counter("boxoffice_holds_lapsed_total", "", "Claims that ran past their time.");
    jobs->forgotten = metrics_counter("boxoffice_reserve_keys_forgotten_total", "",
                                      "Idempotency keys older than 24 hours.");
    jobs->sweeper = ticker_start(&(struct ticker_options){.name = "sweeper",
                                                          .interval_ms = sweep_interval_ms,
                                                          .timeout_ms = SWEEP_TIMEOUT_MS,
                                                          .run = sweep,
                                                          .self = jobs});
    jobs->forgetter = ticker_start(&(struct ticker_options){.name = "forgetter",
                                                            .interval_ms = FORGET_INTERVAL_MS,
                                                            .timeout_ms = SWEEP_TIMEOUT_MS,
                                                            .run = forget,
                                                            .self = jobs});
    return jobs;
}

void claim_jobs_stop(struct claim_jobs **jobs)
{
    if (*jobs == NULL)
        return;
    ticker_stop(&(*jobs)->sweeper);
    ticker_stop(&(*jobs)->forgetter);
    free(*jobs);
    *jobs = NULL;
}
