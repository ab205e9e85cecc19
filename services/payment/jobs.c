#include "jobs.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/ticker.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "store.h"

enum {
    RECOVER_MAX = 100,        /* payments in one run of one worker */
    RECOVER_RUN_MS = 20000,   /* for such a run */
    RECOVER_RESERVE_MS = 1000 /* a run with less left takes no more payments */
};

struct payment_jobs {
    struct payment_driver driver;
    struct ticker *tickers[PAYMENT_JOBS_WORKERS_MAX];
    size_t worker_count;
    struct ticker *backlog_ticker;
    atomic_bool stopping; /* a worker ends after the payment it drives */
    struct metrics_counter *recovered;
    struct metrics_gauge *unfinished;
    struct metrics_gauge *oldest_ms;
};

size_t payment_jobs_recover(struct ctx *ctx, const struct payment_driver *driver, size_t limit)
{
    size_t taken = 0;

    while (taken < limit && ctx_remaining_ms(ctx) > RECOVER_RESERVE_MS) {
        size_t mark = arena_mark(ctx->arena);
        struct payment payment;
        bool found = false;
        ctx_forgive(ctx);
        enum status status =
            payment_store_take_over(ctx, driver->db, driver->lease_ms, &payment, &found);
        /* Readiness tells that the database is away; no need to say it at every interval. */
        if (status != ST_OK || !found)
            break;
        taken++;
        enum saga_state from = payment.state;
        payment_drive(ctx, driver, &payment);
        if (payment.state != from)
            log_line(LOG_INFO, ctx, "payment %s: taken over in %s, now %s", payment.payment_id.text,
                     saga_state_name(from), saga_state_name(payment.state));
        arena_rewind(ctx->arena, mark);
    }
    return taken;
}

static void run_recovery(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    for (int i = 0; i < RECOVER_MAX && !atomic_load(&jobs->stopping); i++) {
        if (payment_jobs_recover(ctx, &jobs->driver, 1) == 0)
            break;
        metrics_add(jobs->recovered, 1);
    }
}

static void run_backlog(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    struct payment_backlog backlog;
    if (payment_store_read_backlog(ctx, jobs->driver.db, &backlog) != ST_OK)
        return;
    metrics_set(jobs->unfinished, backlog.unfinished);
    metrics_set(jobs->oldest_ms, backlog.oldest_ms);
}

struct payment_jobs *payment_jobs_start(const struct payment_jobs_options *options)
{
    assert(options->workers >= 1 && options->workers <= PAYMENT_JOBS_WORKERS_MAX);

    struct payment_jobs *jobs = calloc(1, sizeof(*jobs));
    if (!jobs)
        abort();
    jobs->driver = *options->driver;
    jobs->recovered = metrics_counter("payment_taken_over_total", "",
                                      "Unfinished payments taken over to be driven.");
    jobs->unfinished = metrics_gauge("payment_unfinished", "", "Payments that are not over yet.");
    jobs->oldest_ms = metrics_gauge("payment_unfinished_oldest_milliseconds", "",
                                    "Age of the oldest payment that is not over yet.");
    jobs->worker_count = options->workers;
    for (size_t i = 0; i < jobs->worker_count; i++) {
        jobs->tickers[i] = ticker_start(&(struct ticker_options){
            .name = "pay-recover",
            .interval_ms = options->interval_ms,
            .timeout_ms = RECOVER_RUN_MS,
            .run = run_recovery,
            .self = jobs,
        });
        ticker_wake(jobs->tickers[i]);
    }
    jobs->backlog_ticker = ticker_start(&(struct ticker_options){
        .name = "pay-backlog",
        .interval_ms = 5000,
        .timeout_ms = 2000,
        .run = run_backlog,
        .self = jobs,
    });
    return jobs;
}

void payment_jobs_stop(struct payment_jobs **jobs)
{
    if (!*jobs)
        return;
    atomic_store(&(*jobs)->stopping, true);
    for (size_t i = 0; i < (*jobs)->worker_count; i++)
        ticker_stop(&(*jobs)->tickers[i]);
    ticker_stop(&(*jobs)->backlog_ticker);
    free(*jobs);
    *jobs = NULL;
}
