/* Drives payments along the saga: runs a state's command, records the state its outcome leads to,
 * and so on. */
#ifndef PAYMENT_DRIVE_H
#define PAYMENT_DRIVE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/ctx.h"
#include "payment.h"

struct db;
struct payment_peers;

/* While the queue service gives no answer, users do not wait to hear that again: their payments are
 * answered without, and the jobs expire the tokens when it is back. */
struct payment_token_rest {
    _Atomic int64_t until_us; /* by the monotonic clock; starts as 0 */
};

struct payment_driver {
    struct db *db;                     /* borrowed */
    const struct payment_peers *peers; /* borrowed */
    int64_t lease_ms;                  /* of the payment, renewed with each state recorded */
    int64_t seat_lease_ms;             /* how long a claimed seat must not lapse */
    int64_t step_ms;     /* longest that one call may take; two of them fit into lease_ms */
    int64_t token_ms;    /* as step_ms, for the token's expiry, which nobody waits for */
    int64_t retries_max; /* of a step without an answer in one drive, while its user waits */
    struct payment_token_rest *rest; /* borrowed; NULL: tokens are tried whatever happened before */
};

/* Kept of the ctx's time for handing the payment over and answering. */
enum { DRIVE_MARGIN_MS = 300 };

/* Drives a payment that the caller leased until it is over, or a step stays without an answer, or
 * the ctx's time is nearly up; an unfinished one is then handed over to whoever comes next, after a
 * back-off. *payment becomes what was recorded last as far as this drive knows. When another driver
 * took the payment over, it stops and leaves it alone. */
void payment_drive(struct ctx *ctx, const struct payment_driver *driver, struct payment *payment);

#endif
