#include "fake_wallet_store.h"

struct fake_wallet_store fake_wallet_store;

static enum status move(struct wallet_movement *ret_movement)
{
    fake_wallet_store.calls++;
    if (fake_wallet_store.answer == ST_OK)
        *ret_movement = fake_wallet_store.movement;
    return fake_wallet_store.answer;
}

enum status wallet_store_charge(struct ctx *ctx, struct db *db, const struct wallet_charge *charge,
                                struct wallet_movement *ret_movement)
{
    (void)ctx;
    (void)db;
    fake_wallet_store.charge = *charge;
    return move(ret_movement);
}

enum status wallet_store_debit(struct ctx *ctx, struct db *db, const struct wallet_debit *debit,
                               struct wallet_movement *ret_movement)
{
    (void)ctx;
    (void)db;
    fake_wallet_store.debit = *debit;
    return move(ret_movement);
}

enum status wallet_store_refund(struct ctx *ctx, struct db *db, const struct wallet_refund *refund,
                                struct wallet_movement *ret_movement)
{
    (void)ctx;
    (void)db;
    fake_wallet_store.refund = *refund;
    return move(ret_movement);
}

enum status wallet_store_get_balance(struct ctx *ctx, struct db *db, const char *user_id,
                                     int64_t *ret_balance_won)
{
    (void)ctx;
    (void)db;
    (void)user_id;
    fake_wallet_store.calls++;
    if (fake_wallet_store.answer == ST_OK)
        *ret_balance_won = fake_wallet_store.balance_won;
    return fake_wallet_store.answer;
}

enum status wallet_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                              const char *before_entry_id, size_t limit,
                              const struct wallet_entry **ret_entries, size_t *ret_count)
{
    (void)ctx;
    (void)db;
    (void)user_id;
    fake_wallet_store.calls++;
    fake_wallet_store.before_entry_id = before_entry_id;
    fake_wallet_store.limit = limit;
    if (fake_wallet_store.answer != ST_OK)
        return fake_wallet_store.answer;
    *ret_entries = fake_wallet_store.entries;
    *ret_count = fake_wallet_store.entry_count < limit ? fake_wallet_store.entry_count : limit;
    return ST_OK;
}
