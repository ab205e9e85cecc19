/* Payments in PostgreSQL. Whoever drives a payment holds its lease: a lease_id made for this drive,
 * good until lease_until by the database's clock; a write under a lease that was taken over changes
 * nothing. All of db.h's statuses can come beside those named. */
#ifndef PAYMENT_STORE_H
#define PAYMENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "payment.h"

struct db;

struct payment_order {
    const char *user_id;
    const char *reservation_id;
    const char *idempotency_key;
    const char *token_id;
    const char *queue;
    int64_t lease_ms;
    bool replay_only; /* only an earlier payment of the key: ST_TOKEN_EXPIRED when there is none */
};
/* Records a new payment, CLAIMING and leased to the caller (*ret_created true), or finds the one
 * that this user made with this key before (false; not leased). A key is kept for 24 hours by the
 * database's clock, and for as long as its payment runs; then it is as good as new. ST_ALREADY_PAID
 * or ST_PAYMENT_IN_PROGRESS when another payment of the user for this reservation is paid or
 * running; nothing is recorded then. */
enum status payment_store_start(struct ctx *ctx, struct db *db, const struct payment_order *order,
                                struct payment *ret_payment, bool *ret_created) MUST_CHECK;

/* Records that `payment` has moved from state `from` to where it is now, and renews its lease; the
 * store fills paid_at. A repeat of what was recorded already is no failure, so a lost answer is
 * asked for again, and recording the state it is in renews the lease. ST_CONFLICT when the payment
 * was in neither state under this lease any more. */
enum status payment_store_record(struct ctx *ctx, struct db *db, struct payment *payment,
                                 enum saga_state from, int64_t lease_ms) MUST_CHECK;

/* Gives the lease back, so that anybody may take the payment after `delay_ms`, and counts an
 * attempt. No failure when the lease was lost. */
enum status payment_store_defer(struct ctx *ctx, struct db *db, const struct payment *payment,
                                int64_t delay_ms) MUST_CHECK;

/* Leases the unfinished payment of that kind that has been free for longest, whoever drove it
 * before; *ret_found false when there is none. Callers at the same time get different ones. */
enum status payment_store_take_over(struct ctx *ctx, struct db *db, enum payment_work work,
                                    int64_t lease_ms, struct payment *ret_payment,
                                    bool *ret_found) MUST_CHECK;

/* ST_PAYMENT_NOT_FOUND, also for another user's. */
enum status payment_store_get(struct ctx *ctx, struct db *db, const char *payment_id,
                              const char *user_id, struct payment *ret_payment) MUST_CHECK;

/* At most `limit` of the user's payments with ids below `before`, newest first, in the ctx's arena.
 * Those that never got hold of a seat are not listed. */
enum status payment_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                               const struct uuid *before, size_t limit,
                               const struct payment **ret_payments, size_t *ret_count) MUST_CHECK;

struct payment_backlog {
    int64_t unfinished; /* neither paid nor undone */
    int64_t oldest_ms;  /* since the oldest of them was made; 0 without any */
    int64_t tokens;     /* paid, and their queue tokens still to be expired */
};
enum status payment_store_read_backlog(struct ctx *ctx, struct db *db,
                                       struct payment_backlog *ret_backlog) MUST_CHECK;

struct payment_count {
    enum saga_state state;
    int64_t count;
    int64_t amount_won;
};
/* Of the states that payments are in, in the saga's order. Reads every payment: not for users. */
enum status payment_store_count(struct ctx *ctx, struct db *db,
                                struct payment_count ret_counts[static SAGA_STATE_COUNT],
                                size_t *ret_count) MUST_CHECK;

/* Forgets at most `limit` keys that need not be kept any more; how many. */
enum status payment_store_sweep_keys(struct ctx *ctx, struct db *db, int64_t limit,
                                     int64_t *ret_count) MUST_CHECK;

#endif
