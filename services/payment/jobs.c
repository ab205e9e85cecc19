#include "jobs.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/ticker.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "store.h"

enum {
    RECOVER_MAX = 100,         /* payments in one run of one worker */
    RECOVER_RUN_MS = 20000,    /* for such a run */
    RECOVER_RESERVE_MS = 1000, /* a run with less left takes no more payments */
    TOKEN_WORKERS = 2,         /* threads for tokens */
    SWEEP_INTERVAL_MS = 60000,
    SWEEP_TIMEOUT_MS = 30000,
    SWEEP_KEYS_MAX = 1000, /* in one statement */
};

struct payment_jobs {
    struct payment_driver driver;
    struct ticker *tickers[PAYMENT_JOBS_WORKERS_MAX];
    size_t worker_count;
    struct payment_driver token_driver;
    struct ticker *token_tickers[TOKEN_WORKERS];
    struct ticker *backlog_ticker;
    struct ticker *sweep_ticker;
    atomic_bool stopping; /* a worker ends after the payment it drives */
    struct metrics_counter *recovered;
    struct metrics_gauge *unfinished;
    struct metrics_gauge *oldest_s;
    struct metrics_gauge *tokens;
    struct metrics_counter *swept;
};

size_t payment_jobs_recover(struct ctx *ctx, const struct payment_driver *driver,
                            enum payment_work work, size_t limit)
{
    size_t taken = 0;

    while (taken < limit && ctx_remaining_ms(ctx) > RECOVER_RESERVE_MS) {
        size_t mark = arena_mark(ctx->arena);
        struct payment payment;
        bool found = false;
        ctx_forgive(ctx);
        enum status status =
            payment_store_take_over(ctx, driver->db, work, driver->lease_ms, &payment, &found);
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

static void run_work(struct ctx *ctx, struct payment_jobs *jobs,
                     const struct payment_driver *driver, enum payment_work work)
{
    for (int i = 0; i < RECOVER_MAX && !atomic_load(&jobs->stopping); i++) {
        if (payment_jobs_recover(ctx, driver, work, 1) == 0)
            break;
        metrics_add(jobs->recovered, 1);
    }
}

static void run_recovery(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    run_work(ctx, jobs, &jobs->driver, PAYMENT_WORK_SETTLE);
}

static void run_tokens(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    run_work(ctx, jobs, &jobs->token_driver, PAYMENT_WORK_TOKENS);
}

static void run_sweep(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    int64_t count = SWEEP_KEYS_MAX;
    while (count == SWEEP_KEYS_MAX && !atomic_load(&jobs->stopping)) {
        size_t mark = arena_mark(ctx->arena);
        if (payment_store_sweep_keys(ctx, jobs->driver.db, SWEEP_KEYS_MAX, &count) != ST_OK)
            return;
        metrics_add(jobs->swept, (uint64_t)count);
        arena_rewind(ctx->arena, mark);
    }
}

static void run_backlog(struct ctx *ctx, void *self)
{
    struct payment_jobs *jobs = self;
    struct payment_backlog backlog;
    if (payment_store_read_backlog(ctx, jobs->driver.db, &backlog) != ST_OK)
        return;
    metrics_set(jobs->unfinished, backlog.unfinished);
    metrics_set(jobs->oldest_s, backlog.oldest_ms / 1000);
    metrics_set(jobs->tokens, backlog.tokens);
}

static void make_metrics(struct payment_jobs *jobs)
{
    jobs->recovered = metrics_counter("payment_taken_over_total", "",
                                      "Unfinished payments taken over to be driven.");
    jobs->unfinished =
        metrics_gauge("payment_unfinished", "", "Payments that are neither paid nor undone yet.");
    jobs->oldest_s = metrics_gauge("payment_unfinished_oldest_seconds", "",
                                   "Age of the oldest payment that is neither paid nor undone.");
    jobs->tokens = metrics_gauge("payment_tokens_outstanding", "",
                                 "Paid payments whose queue token is still to be expired.");
    jobs->swept =
        metrics_counter("payment_keys_swept_total", "", "Idempotency keys that were kept 24 h.");
}

static struct ticker *start_worker(const char *name, int64_t interval_ms, ticker_run_fn *run,
                                   struct payment_jobs *jobs)
{
    struct ticker *worker = ticker_start(&(struct ticker_options){
        .name = name,
        .interval_ms = interval_ms,
        .timeout_ms = RECOVER_RUN_MS,
        .run = run,
        .self = jobs,
    });
    ticker_wake(worker);
    return worker;
}

struct payment_jobs *payment_jobs_start(const struct payment_jobs_options *options)
{
    assert(options->workers >= 1 && options->workers <= PAYMENT_JOBS_WORKERS_MAX);

    struct payment_jobs *jobs = calloc(1, sizeof(*jobs));
    if (!jobs)
        abort();
    jobs->driver = *options->driver;
    /* Whoever works off tokens finds out whether the queue service is back. */
    jobs->token_driver = *options->driver;
    jobs->token_driver.rest = NULL;
    jobs->token_driver.token_ms = jobs->token_driver.step_ms;
    make_metrics(jobs);
    jobs->worker_count = options->workers;
    for (size_t i = 0; i < jobs->worker_count; i++)
        jobs->tickers[i] = start_worker("pay-recover", options->interval_ms, run_recovery, jobs);
    for (size_t i = 0; i < TOKEN_WORKERS; i++)
        jobs->token_tickers[i] = start_worker("pay-token", options->interval_ms, run_tokens, jobs);
    jobs->backlog_ticker = ticker_start(&(struct ticker_options){
        .name = "pay-backlog",
        .interval_ms = 5000,
        .timeout_ms = 2000,
        .run = run_backlog,
        .self = jobs,
    });
    jobs->sweep_ticker = ticker_start(&(struct ticker_options){
        .name = "pay-sweep",
        .interval_ms = SWEEP_INTERVAL_MS,
        .timeout_ms = SWEEP_TIMEOUT_MS,
        .run = run_sweep,
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
    for (size_t i = 0; i < TOKEN_WORKERS; i++)
        ticker_stop(&(*jobs)->token_tickers[i]);
    ticker_stop(&(*jobs)->backlog_ticker);
    ticker_stop(&(*jobs)->sweep_ticker);
    free(*jobs);
    *jobs = NULL;
}
