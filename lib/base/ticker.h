/* What time does: a thread that runs a job every so often, until stopped. */
#ifndef BASE_TICKER_H
#define BASE_TICKER_H

#include <stdint.h>

#include "base/ctx.h"

struct ticker;

/* One run: ctx is fresh (own trace, own arena of arena_size, deadline timeout_ms). */
typedef void ticker_run_fn(struct ctx *ctx, void *self);

struct ticker_options {
    const char *name;    /* of the thread, at most 15 bytes; borrowed */
    int64_t interval_ms; /* between the end of a run and the next, with 10 % jitter; 1 or more */
    int64_t timeout_ms;  /* a run's deadline; 1 or more */
    size_t arena_size;   /* 0: 1 MiB */
    ticker_run_fn *run;
    void *self; /* borrowed */
};

struct ticker *ticker_start(const struct ticker_options *options);
/* Runs the job soon, without waiting for the interval. Any thread. */
void ticker_wake(struct ticker *ticker);
/* Waits for a running job to end, joins, frees, sets NULL. */
void ticker_stop(struct ticker **ticker);

#endif
