/* What time does for payments: unfinished ones that nobody drives are taken over and driven to an
 * end, idempotency keys are forgotten after 24 hours, and how many payments are on their way is
 * shown as metrics. Any number of instances may run this. */
#ifndef PAYMENT_JOBS_H
#define PAYMENT_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "drive.h"

struct payment_jobs;

struct payment_jobs_options {
    const struct payment_driver *driver; /* borrowed */
    int64_t interval_ms;                 /* between looks for work, per worker */
    size_t workers;                      /* to settle payments, 1..PAYMENT_JOBS_WORKERS_MAX */
};
enum { PAYMENT_JOBS_WORKERS_MAX = 16 };

/* Starts looking at once. */
struct payment_jobs *payment_jobs_start(const struct payment_jobs_options *options);
/* Waits for the payments being driven to be handed over or finished. Sets NULL. */
void payment_jobs_stop(struct payment_jobs **jobs);

/* Takes over and drives at most `limit` payments with that work to do; how many it took. */
size_t payment_jobs_recover(struct ctx *ctx, const struct payment_driver *driver,
                            enum payment_work work, size_t limit);

#endif
