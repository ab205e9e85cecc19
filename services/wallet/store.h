/* Accounts and their ledger in PostgreSQL. Every movement is one statement of a batch, under its
 * account's lock, and happens at most once per id: a repeat answers what was recorded, with
 * `replayed`. Beside the statuses named, all of db.h's can come. */
#ifndef WALLET_STORE_H
#define WALLET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/macros.h"
#include "base/status.h"
#include "base/uuid.h"
#include "wallet.h"

struct db;

struct wallet_movement {
    struct uuid entry_id;
    int64_t amount_won;  /* what moved: positive in, negative out */
    int64_t balance_won; /* right after it */
    bool replayed;
};

struct wallet_charge {
    const char *user_id;
    int64_t amount_won;
    const char *idempotency_key;
    int64_t balance_won_max;
};
/* Makes the account when it is the first. ST_BALANCE_LIMIT; ST_IDEMPOTENCY_KEY_REUSED when the key
 * charged another amount before. Nothing changed on failure. A key is kept for 24 hours by the
 * database's clock; then it is as good as new. */
enum status wallet_store_charge(struct ctx *ctx, struct db *db, const struct wallet_charge *charge,
                                struct wallet_movement *ret_movement) MUST_CHECK;

struct wallet_debit {
    const char *debit_id;
    const char *user_id;
    int64_t amount_won;
    const char *payment_id;
};
/* ST_INSUFFICIENT_BALANCE; ST_DEBIT_REFUNDED when the debit was given back or blocked by its
 * refund; ST_IDEMPOTENCY_KEY_REUSED when the id was used with other content. Nothing changed on
 * failure. */
enum status wallet_store_debit(struct ctx *ctx, struct db *db, const struct wallet_debit *debit,
                               struct wallet_movement *ret_movement) MUST_CHECK;

struct wallet_refund {
    const char *debit_id;
    const char *user_id;
    const char *payment_id;
};
/* Gives back what the debit took; 0 won when there is no such debit, which can then never happen.
 * ST_IDEMPOTENCY_KEY_REUSED when the debit or its refund has other content. Nothing changed on
 * failure. */
enum status wallet_store_refund(struct ctx *ctx, struct db *db, const struct wallet_refund *refund,
                                struct wallet_movement *ret_movement) MUST_CHECK;

/* 0 for an account that nobody has charged yet. */
enum status wallet_store_get_balance(struct ctx *ctx, struct db *db, const char *user_id,
                                     int64_t *ret_balance_won) MUST_CHECK;

struct wallet_entry {
    const char *entry_id;
    enum wallet_entry_kind kind;
    int64_t amount_won;
    int64_t balance_after_won;
    int64_t created_at_unix_ms;
    const char *payment_id; /* "" for a charge */
};
/* At most `limit` entries that are older than the entry `before_entry_id` ("" for none), newest
 * first, in the ctx's arena. Refunds of nothing are not listed. ST_INVALID_REQUEST when the user
 * has no entry of that id. */
enum status wallet_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                              const char *before_entry_id, size_t limit,
                              const struct wallet_entry **ret_entries,
                              size_t *ret_count) MUST_CHECK;

/* Forgets at most `limit` keys that were kept for 24 hours; how many. */
enum status wallet_store_sweep_keys(struct ctx *ctx, struct db *db, int64_t limit,
                                    int64_t *ret_count) MUST_CHECK;

#endif
