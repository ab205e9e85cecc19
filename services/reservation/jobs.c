#include "jobs.h"

#include <stdlib.h>

#include "base/ticker.h"
#include "metrics/metrics.h"
#include "store.h"

enum { SWEEP_TIMEOUT_MS = 5000, SWEEP_DATES_MAX = 200 };

struct claim_jobs {
    struct db *db;
    struct ticker *sweeper;
    struct metrics_counter *lapsed;
};

static void sweep(struct ctx *ctx, void *self)
{
    struct claim_jobs *jobs = self;
    int64_t count = 0;
    /* An absent database is readiness's news; the next run tries again. */
    if (claim_store_sweep(ctx, jobs->db, SWEEP_DATES_MAX, &count) == ST_OK)
        metrics_add(jobs->lapsed, (uint64_t)count);
}

struct claim_jobs *claim_jobs_start(struct db *db, int64_t sweep_interval_ms)
{
    struct claim_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        abort();
    jobs->db = db;
    jobs->lapsed =
        metrics_counter("boxoffice_holds_lapsed_total", "", "Claims that ran past their time.");
    jobs->sweeper = ticker_start(&(struct ticker_options){.name = "sweeper",
                                                          .interval_ms = sweep_interval_ms,
                                                          .timeout_ms = SWEEP_TIMEOUT_MS,
                                                          .run = sweep,
                                                          .self = jobs});
    return jobs;
}

void claim_jobs_stop(struct claim_jobs **jobs)
{
    if (*jobs == NULL)
        return;
    ticker_stop(&(*jobs)->sweeper);
    free(*jobs);
    *jobs = NULL;
}
