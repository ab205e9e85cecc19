#include "world.h"

#include <check.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "peers.h"

struct world world;

static const char concert_id[] = "0190a000-0000-7000-8000-0000000000c1";

void world_begin(void)
{
    world = (struct world){
        .seat = SEAT_HELD,
        .price_won = 300,
        .balance_won = 1000,
        .token_live = true,
        .fault = ST_UNAVAILABLE,
    };
}

bool world_is_paid(void)
{
    return world.row.state == SAGA_COMPLETED && world.seat == SEAT_CONFIRMED && world.debited &&
           !world.refunded && !world.token_live && world.row.claim.amount_won == world.price_won &&
           world.row.balance_after_won == world.balance_won;
}

bool world_is_undone(void)
{
    return world.row.state == SAGA_FAILED && world.row.failure != ST_OK &&
           (world.seat == SEAT_HELD || world.seat == SEAT_LAPSED) &&
           (!world.debited || world.refunded) && world.token_live;
}

/* Counts a call; whether it is lost before it has an effect. */
static bool is_lost_before(void)
{
    world.calls++;
    return world.calls == world.fault_at && !world.fault_after;
}

static enum status answer(enum status status)
{
    return world.calls == world.fault_at ? world.fault : status;
}

/* --- store.c --- */

enum status payment_store_start(struct ctx *ctx, struct db *db, const struct payment_order *order,
                                struct payment *ret_payment, bool *ret_created)
{
    (void)ctx;
    (void)db;
    if (is_lost_before())
        return world.fault;

    if (world.recorded && strcmp(world.key, order->idempotency_key) != 0) {
        if (saga_outcome(world.row.state) == SAGA_PAID)
            return answer(ST_ALREADY_PAID);
        if (saga_outcome(world.row.state) == SAGA_PENDING)
            return answer(ST_PAYMENT_IN_PROGRESS);
        world.recorded = false;
    }
    *ret_created = !world.recorded;
    if (!world.recorded) {
        world.recorded = true;
        world.debited = world.refunded = false; /* of the new payment's debit id */
        world.leased = true;
        world.starts++;
        base_copy_text(world.key, sizeof(world.key), order->idempotency_key);
        world.row = (struct payment){.state = SAGA_CLAIMING};
        uuid_v7(&world.row.payment_id);
        uuid_v7(&world.row.debit_id);
        uuid_v4(&world.row.lease_id);
        uuid_parse(order->user_id, &world.row.user_id);
        uuid_parse(order->reservation_id, &world.row.reservation_id);
        uuid_parse(order->token_id, &world.row.token_id);
        base_copy_text(world.row.queue, sizeof(world.row.queue), order->queue);
    }
    *ret_payment = world.row;
    ret_payment->lease_end_us = clock_monotonic_us() + order->lease_ms * 1000;
    return answer(ST_OK);
}

static bool holds_lease(const struct payment *payment)
{
    return world.leased && strcmp(payment->lease_id.text, world.row.lease_id.text) == 0;
}

enum status payment_store_record(struct ctx *ctx, struct db *db, struct payment *payment,
                                 enum saga_state from, int64_t lease_ms)
{
    (void)ctx;
    (void)db;
    if (is_lost_before())
        return world.fault;
    if (!holds_lease(payment) || (world.row.state != from && world.row.state != payment->state))
        return answer(ST_CONFLICT);
    world.row = *payment;
    if (payment->state == SAGA_EXPIRING_TOKEN)
        world.row.paid_at_unix_ms = 1;
    *payment = world.row;
    payment->lease_end_us = clock_monotonic_us() + lease_ms * 1000;
    return answer(ST_OK);
}

enum status payment_store_defer(struct ctx *ctx, struct db *db, const struct payment *payment,
                                int64_t delay_ms)
{
    (void)ctx;
    (void)db;
    (void)delay_ms;
    if (is_lost_before())
        return world.fault;
    if (holds_lease(payment)) {
        world.leased = false;
        world.row.attempts++;
    }
    return answer(ST_OK);
}

enum status payment_store_take_over(struct ctx *ctx, struct db *db, enum payment_work work,
                                    int64_t lease_ms, struct payment *ret_payment, bool *ret_found)
{
    (void)ctx;
    (void)db;
    if (is_lost_before())
        return world.fault;
    /* Time has passed: whatever lease there was is over. */
    *ret_found = world.recorded && !saga_is_over(world.row.state) &&
                 (world.row.state == SAGA_EXPIRING_TOKEN) == (work == PAYMENT_WORK_TOKENS);
    if (*ret_found) {
        uuid_v4(&world.row.lease_id);
        world.leased = true;
        *ret_payment = world.row;
        ret_payment->lease_end_us = clock_monotonic_us() + lease_ms * 1000;
    }
    return answer(ST_OK);
}

enum status payment_store_get(struct ctx *ctx, struct db *db, const char *payment_id,
                              const char *user_id, struct payment *ret_payment)
{
    (void)ctx;
    (void)db;
    if (is_lost_before())
        return world.fault;
    if (!world.recorded || strcmp(payment_id, world.row.payment_id.text) != 0 ||
        strcmp(user_id, world.row.user_id.text) != 0)
        return answer(ST_PAYMENT_NOT_FOUND);
    *ret_payment = world.row;
    return answer(ST_OK);
}

enum status payment_store_list(struct ctx *ctx, struct db *db, const char *user_id,
                               const struct uuid *before, size_t limit,
                               const struct payment **ret_payments, size_t *ret_count)
{
    (void)ctx;
    (void)db;
    (void)user_id;
    (void)before;
    static struct payment rows[PAYMENT_PAGE_MAX + 1];
    if (is_lost_before())
        return world.fault;
    *ret_count = limit < 3 ? limit : 3;
    for (size_t i = 0; i < *ret_count; i++)
        rows[i] = world.row;
    *ret_payments = rows;
    return answer(ST_OK);
}

enum status payment_store_read_backlog(struct ctx *ctx, struct db *db,
                                       struct payment_backlog *ret_backlog)
{
    (void)ctx;
    (void)db;
    *ret_backlog = (struct payment_backlog){0};
    return ST_OK;
}

enum status payment_store_count(struct ctx *ctx, struct db *db,
                                struct payment_count ret_counts[static SAGA_STATE_COUNT],
                                size_t *ret_count)
{
    (void)ctx;
    (void)db;
    if (is_lost_before())
        return world.fault;
    ret_counts[0] = (struct payment_count){SAGA_DEBITING, 2, 300000};
    ret_counts[1] = (struct payment_count){SAGA_COMPLETED, 7, 900000};
    *ret_count = 2;
    return answer(ST_OK);
}

enum status payment_store_sweep_keys(struct ctx *ctx, struct db *db, int64_t limit,
                                     int64_t *ret_count)
{
    (void)ctx;
    (void)db;
    (void)limit;
    *ret_count = 0;
    return ST_OK;
}

/* --- peers.c --- */

/* Counts a command; what to answer instead of doing it, or ST_OK. */
static enum status begin_command(enum saga_command command)
{
    world.commands[command]++;
    if (is_lost_before())
        return world.fault;
    return world.refusals[command] == ST_OK ? ST_OK : answer(world.refusals[command]);
}

enum status peer_claim_seat(struct ctx *ctx, const struct payment_peers *peers,
                            const struct payment *payment, int64_t lease_ms,
                            struct payment_claim *ret_claim)
{
    (void)ctx;
    (void)peers;
    (void)payment;
    (void)lease_ms;
    TRY(begin_command(SAGA_CLAIM_SEAT));
    if (world.seat == SEAT_LAPSED)
        return answer(ST_HOLD_EXPIRED);
    ck_assert(world.seat == SEAT_HELD || world.seat == SEAT_PAYING);
    world.seat = SEAT_PAYING;
    *ret_claim = (struct payment_claim){
        .amount_won = world.price_won,
        .currency = "KRW",
        .date = "2026-12-01",
        .seat_no = 7,
    };
    memcpy(ret_claim->concert_id.text, concert_id, sizeof(concert_id));
    return answer(ST_OK);
}

enum status peer_confirm_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    (void)payment;
    TRY(begin_command(SAGA_CONFIRM_SEAT));
    if (world.lapses_before_confirm && world.seat == SEAT_PAYING)
        world.seat = SEAT_LAPSED;
    if (world.seat == SEAT_LAPSED)
        return answer(ST_HOLD_EXPIRED);
    ck_assert(world.seat == SEAT_PAYING || world.seat == SEAT_CONFIRMED);
    world.seat = SEAT_CONFIRMED;
    return answer(ST_OK);
}

enum status peer_release_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    (void)payment;
    TRY(begin_command(SAGA_RELEASE_SEAT));
    ck_assert(world.seat != SEAT_CONFIRMED);
    if (world.seat == SEAT_LAPSED)
        return answer(ST_HOLD_EXPIRED);
    world.seat = SEAT_HELD;
    return answer(ST_OK);
}

enum status peer_debit_wallet(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment, int64_t *ret_balance_won)
{
    (void)ctx;
    (void)peers;
    TRY(begin_command(SAGA_DEBIT_WALLET));
    ck_assert_int_eq(payment->claim.amount_won, world.price_won);
    if (world.refunded)
        return answer(ST_DEBIT_REFUNDED);
    if (!world.debited) {
        if (world.balance_won < world.price_won)
            return answer(ST_INSUFFICIENT_BALANCE);
        world.balance_won -= world.price_won;
        world.debited = true;
    }
    *ret_balance_won = world.balance_won;
    return answer(ST_OK);
}

enum status peer_refund_wallet(struct ctx *ctx, const struct payment_peers *peers,
                               const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    (void)payment;
    TRY(begin_command(SAGA_REFUND_WALLET));
    if (!world.refunded && world.debited)
        world.balance_won += world.price_won;
    world.refunded = true;
    return answer(ST_OK);
}

enum status peer_expire_token(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    (void)ctx;
    (void)peers;
    (void)payment;
    TRY(begin_command(SAGA_EXPIRE_TOKEN));
    world.token_live = false;
    return answer(ST_OK);
}
