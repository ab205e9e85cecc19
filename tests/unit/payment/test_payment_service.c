#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "boxoffice/payment/v1/payment.pb-c.h"
#include "base/clock.h"
#include "jobs.h"
#include "peers.h"
#include "service.h"
#include "world.h"

typedef Boxoffice__Payment__V1__PayRequest PayRequest;
typedef Boxoffice__Payment__V1__PayResponse PayResponse;
typedef Boxoffice__Payment__V1__GetPaymentRequest GetRequest;
typedef Boxoffice__Payment__V1__GetPaymentResponse GetResponse;
typedef Boxoffice__Payment__V1__ListPaymentsRequest ListRequest;
typedef Boxoffice__Payment__V1__ListPaymentsResponse ListResponse;

#define PENDING   BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_PENDING
#define COMPLETED BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_COMPLETED

static char user_id[] = "0190a000-0000-7000-8000-000000000001";
static char reservation_id[] = "0190a000-0000-7000-8000-0000000000a1";
static char other_id[] = "0190a000-0000-7000-8000-0000000000a2";
static char token_id[] = "0190a000-0000-7000-8000-0000000000b1";
static char queue[] = "main";
static char key[] = "key-1";
static char other_key[] = "key-2";
static char nothing[] = "";

static _Alignas(16) unsigned char block[1024 * 1024];
static struct arena arena;
static struct ctx ctx;
static struct payment_service service = {
    .driver = {.lease_ms = 6000, .seat_lease_ms = 30000, .step_ms = 3000, .token_ms = 500},
};

static void fresh_ctx(void)
{
    arena_init(&arena, block, sizeof(block));
    ctx_init(&ctx, &arena);
}

static void set_up(void)
{
    world_begin();
    fresh_ctx();
    service.driver.retries_max = 0;
    service.driver.rest = NULL;
}

static enum status call(const char *method, const void *in, void *out)
{
    struct rpc_service rpc_service = payment_rpc_service(&service);
    for (size_t i = 0; i < rpc_service.method_count; i++) {
        if (strcmp(rpc_service.methods[i].name, method) == 0)
            return rpc_service.methods[i].handle(&ctx, rpc_service.self, in, out);
    }
    ck_abort_msg("no method %s", method);
    return ST_INTERNAL;
}

static PayRequest good_pay(void)
{
    PayRequest req;
    boxoffice__payment__v1__pay_request__init(&req);
    req.user_id = user_id;
    req.reservation_id = reservation_id;
    req.idempotency_key = key;
    req.token_id = token_id;
    req.queue = queue;
    return req;
}

static enum status pay(PayResponse *ret_res)
{
    PayRequest req = good_pay();
    fresh_ctx();
    boxoffice__payment__v1__pay_response__init(ret_res);
    return call("Pay", &req, ret_res);
}

static enum status pay_with(char *reservation, char *idempotency_key)
{
    PayRequest req = good_pay();
    req.reservation_id = reservation;
    req.idempotency_key = idempotency_key;
    PayResponse res;
    fresh_ctx();
    boxoffice__payment__v1__pay_response__init(&res);
    return call("Pay", &req, &res);
}

/* Lets the job run until nothing is left to do, as after any crash. */
static void recover(void)
{
    for (int i = 0; i < 20 && world.recorded && !saga_is_over(world.row.state); i++) {
        fresh_ctx();
        payment_jobs_recover(&ctx, &service.driver, PAYMENT_WORK_SETTLE, 1);
        payment_jobs_recover(&ctx, &service.driver, PAYMENT_WORK_TOKENS, 1);
    }
}

START_TEST(a_held_seat_is_paid)
{
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert(world_is_paid());
    ck_assert_int_eq(res.payment->status, COMPLETED);
    ck_assert_int_eq(res.payment->amount_won, 300);
    ck_assert_int_eq(res.payment->balance_after_won, 700);
    ck_assert_int_eq(res.payment->seat_no, 7);
    ck_assert_str_eq(res.payment->date, "2026-12-01");
    ck_assert_str_eq(res.payment->currency, "KRW");
    ck_assert_str_eq(res.payment->reservation_id, reservation_id);
    ck_assert_int_eq(res.payment->paid_at_unix_ms, 1);
    ck_assert(!res.replayed);
}
END_TEST

START_TEST(a_repeat_gets_the_same_payment_again)
{
    PayResponse first, second;
    ck_assert_int_eq(pay(&first), ST_OK);
    char payment_id[UUID_TEXT_SIZE];
    memcpy(payment_id, first.payment->payment_id, sizeof(payment_id));

    ck_assert_int_eq(pay(&second), ST_OK);
    ck_assert(second.replayed);
    ck_assert_str_eq(second.payment->payment_id, payment_id);
    ck_assert_uint_eq(world.starts, 1);
    ck_assert_uint_eq(world.commands[SAGA_DEBIT_WALLET], 1);
}
END_TEST

START_TEST(a_key_is_good_for_one_reservation)
{
    ck_assert_int_eq(pay_with(reservation_id, key), ST_OK);
    ck_assert_int_eq(pay_with(other_id, key), ST_IDEMPOTENCY_KEY_REUSED);
}
END_TEST

START_TEST(a_paid_reservation_cannot_be_paid_with_another_key)
{
    ck_assert_int_eq(pay_with(reservation_id, key), ST_OK);
    ck_assert_int_eq(pay_with(reservation_id, other_key), ST_ALREADY_PAID);
}
END_TEST

START_TEST(too_little_money_gives_the_seat_back)
{
    world.balance_won = 299;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_INSUFFICIENT_BALANCE);
    ck_assert_ptr_null(ctx_find_note(&ctx, "replayed"));
    ck_assert(world_is_undone());
    ck_assert_int_eq(world.seat, SEAT_HELD);
    ck_assert_int_eq(world.balance_won, 299);

    /* The same key keeps its answer, a new one may try again. */
    world.balance_won = 300;
    ck_assert_int_eq(pay(&res), ST_INSUFFICIENT_BALANCE);
    ck_assert_str_eq(ctx_find_note(&ctx, "replayed"), "true");
    ck_assert_int_eq(pay_with(reservation_id, other_key), ST_OK);
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(an_attempt_of_a_refused_debit_that_arrives_late_takes_nothing)
{
    world.balance_won = 299;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_INSUFFICIENT_BALANCE);
    ck_assert_uint_eq(world.commands[SAGA_REFUND_WALLET], 1);

    /* Sent before the refusal, delivered now, when there is money. */
    world.balance_won = 1000;
    int64_t balance_won;
    ck_assert_int_eq(peer_debit_wallet(&ctx, NULL, &world.row, &balance_won), ST_DEBIT_REFUNDED);
    ck_assert_int_eq(world.balance_won, 1000);
}
END_TEST

START_TEST(a_seat_that_lapsed_before_its_confirmation_is_refunded)
{
    world.lapses_before_confirm = true;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_HOLD_EXPIRED);
    ck_assert(world_is_undone());
    ck_assert(world.debited && world.refunded);
    ck_assert_int_eq(world.balance_won, 1000);
}
END_TEST

START_TEST(what_the_claim_refuses_costs_nothing)
{
    static const enum status refusals[] = {ST_RESERVATION_NOT_FOUND, ST_HOLD_EXPIRED,
                                           ST_ALREADY_PAID, ST_NOT_HELD, ST_PAYMENT_IN_PROGRESS};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        world_begin();
        world.refusals[SAGA_CLAIM_SEAT] = refusals[i];
        PayResponse res;
        ck_assert_int_eq(pay(&res), refusals[i]);
        ck_assert(world_is_undone());
        ck_assert_uint_eq(world.commands[SAGA_DEBIT_WALLET], 0);
        ck_assert_uint_eq(world.commands[SAGA_RELEASE_SEAT], 0);
    }
}
END_TEST

START_TEST(a_user_does_not_wait_for_the_queue)
{
    world.refusals[SAGA_EXPIRE_TOKEN] = ST_UNAVAILABLE;
    service.driver.retries_max = 3;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert_int_eq(res.payment->status, COMPLETED);
    ck_assert_uint_eq(world.commands[SAGA_EXPIRE_TOKEN], 1);
    ck_assert(world.token_live);
    ck_assert_int_eq(world.row.state, SAGA_EXPIRING_TOKEN);

    recover();
    ck_assert(world.token_live);
    world.refusals[SAGA_EXPIRE_TOKEN] = ST_OK;
    recover();
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(a_queue_that_is_away_is_asked_for_one_payment_at_a_time)
{
    struct payment_token_rest rest = {0};
    service.driver.rest = &rest;
    world.refusals[SAGA_EXPIRE_TOKEN] = ST_TIMEOUT;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert_uint_eq(world.commands[SAGA_EXPIRE_TOKEN], 1);
    ck_assert_int_gt(atomic_load(&rest.until_us), clock_monotonic_us());

    /* The next user hears nothing of it: the token is left to the jobs at once. */
    world_begin();
    world.refusals[SAGA_EXPIRE_TOKEN] = ST_TIMEOUT;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert_int_eq(res.payment->status, COMPLETED);
    ck_assert_uint_eq(world.commands[SAGA_EXPIRE_TOKEN], 0);
    ck_assert(!world.leased);
    ck_assert_int_eq(world.row.state, SAGA_EXPIRING_TOKEN);

    /* Nobody who settles payments is kept by it either; those for tokens ask. */
    fresh_ctx();
    ck_assert_uint_eq(payment_jobs_recover(&ctx, &service.driver, PAYMENT_WORK_SETTLE, 9), 0);
    world.refusals[SAGA_EXPIRE_TOKEN] = ST_OK;
    struct payment_driver driver = service.driver;
    driver.rest = NULL;
    ck_assert_uint_eq(payment_jobs_recover(&ctx, &driver, PAYMENT_WORK_TOKENS, 9), 1);
    ck_assert(world_is_paid());

    /* After the rest it is tried again. */
    world_begin();
    atomic_store(&rest.until_us, clock_monotonic_us() - 1);
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(a_lost_answer_of_a_recording_does_not_run_the_command_again)
{
    for (int after = 0; after <= 1; after++) {
        world_begin();
        world.fault_at = 5; /* start, claim, record, debit, record */
        world.fault_after = after;
        PayResponse res;
        ck_assert_int_eq(pay(&res), ST_OK);
        ck_assert_int_eq(res.payment->status, COMPLETED);
        ck_assert_uint_eq(world.commands[SAGA_DEBIT_WALLET], 1);
        ck_assert(world_is_paid());
    }
}
END_TEST

START_TEST(a_step_without_an_answer_is_tried_again_while_the_user_waits)
{
    service.driver.retries_max = 1;
    world.fault_at = 4; /* start, claim, record, debit */
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert_uint_eq(world.commands[SAGA_DEBIT_WALLET], 2);
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(a_payment_that_cannot_end_now_is_pending_and_ends_later)
{
    world.refusals[SAGA_DEBIT_WALLET] = ST_TIMEOUT;
    PayResponse res;
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert_int_eq(res.payment->status, PENDING);
    ck_assert_int_eq(pay(&res), ST_IDEMPOTENCY_IN_PROGRESS);
    ck_assert_int_eq(pay_with(reservation_id, other_key), ST_PAYMENT_IN_PROGRESS);

    world.refusals[SAGA_DEBIT_WALLET] = ST_OK;
    recover();
    ck_assert(world_is_paid());
    ck_assert_int_eq(pay(&res), ST_OK);
    ck_assert(res.replayed);
}
END_TEST

START_TEST(a_call_with_hardly_any_time_left_records_and_hands_over)
{
    PayRequest req = good_pay();
    PayResponse res;
    boxoffice__payment__v1__pay_response__init(&res);
    ctx_set_timeout_ms(&ctx, DRIVE_MARGIN_MS / 2);
    ck_assert_int_eq(call("Pay", &req, &res), ST_OK);
    ck_assert_int_eq(res.payment->status, PENDING);
    ck_assert_uint_eq(world.commands[SAGA_CLAIM_SEAT], 0);
    ck_assert(!world.leased);
    recover();
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(a_driver_that_lost_its_lease_changes_nothing)
{
    bool created, found;
    struct payment stale, fresh;
    struct payment_order order = {.user_id = user_id,
                                  .reservation_id = reservation_id,
                                  .idempotency_key = key,
                                  .token_id = token_id,
                                  .queue = queue,
                                  .lease_ms = service.driver.lease_ms};
    ck_assert_int_eq(payment_store_start(&ctx, NULL, &order, &stale, &created), ST_OK);
    ck_assert_int_eq(payment_store_take_over(&ctx, NULL, PAYMENT_WORK_SETTLE, 1, &fresh, &found),
                     ST_OK);
    ck_assert(found);

    payment_drive(&ctx, &service.driver, &stale);
    ck_assert_int_eq(world.row.state, SAGA_CLAIMING);
    ck_assert(world.leased);

    payment_drive(&ctx, &service.driver, &fresh);
    ck_assert(world_is_paid());
}
END_TEST

START_TEST(a_driver_who_was_away_for_longer_than_the_lease_asks_nobody_anything)
{
    bool created, found;
    struct payment stale, fresh;
    struct payment_order order = {.user_id = user_id,
                                  .reservation_id = reservation_id,
                                  .idempotency_key = key,
                                  .token_id = token_id,
                                  .queue = queue,
                                  .lease_ms = service.driver.lease_ms};
    ck_assert_int_eq(payment_store_start(&ctx, NULL, &order, &stale, &created), ST_OK);
    stale.lease_end_us = clock_monotonic_us() + service.driver.step_ms * 1000 - 1;
    /* Meanwhile the payment is undone, and its seat is free to be paid by another. */
    world.balance_won = 0;
    ck_assert_int_eq(payment_store_take_over(&ctx, NULL, PAYMENT_WORK_SETTLE, 6000, &fresh, &found),
                     ST_OK);
    payment_drive(&ctx, &service.driver, &fresh);
    ck_assert(world_is_undone());

    payment_drive(&ctx, &service.driver, &stale);
    ck_assert_uint_eq(world.commands[SAGA_CLAIM_SEAT], 1);
    ck_assert_int_eq(world.seat, SEAT_HELD);

    /* When nobody came, the lease is renewed and all goes on. */
    world_begin();
    ck_assert_int_eq(payment_store_start(&ctx, NULL, &order, &stale, &created), ST_OK);
    stale.lease_end_us = 0;
    payment_drive(&ctx, &service.driver, &stale);
    ck_assert(world_is_paid());
}
END_TEST

/* Fails every call to a store or a peer in turn, before and after its effect, in each story. */
static void fail_every_call(void (*story)(void), bool (*expected)(void))
{
    size_t calls;
    world_begin();
    story();
    PayResponse res;
    (void)pay(&res);
    ck_assert(expected());
    calls = world.calls;
    ck_assert_uint_ge(calls, 5);

    for (size_t at = 1; at <= calls; at++) {
        for (int after = 0; after <= 1; after++) {
            world_begin();
            story();
            world.fault_at = at;
            world.fault_after = after;
            enum status first = pay(&res);
            bool told_paid = first == ST_OK && res.payment->status == COMPLETED;
            recover();
            if (!world.recorded) {
                /* Lost before it was recorded: nothing has happened. */
                ck_assert_uint_eq(at, 1);
                ck_assert_int_eq(world.seat, SEAT_HELD);
                ck_assert(!told_paid);
                continue;
            }
            ck_assert_msg(expected(), "call %zu %s: in %s", at, after ? "after" : "before",
                          saga_state_name(world.row.state));
            ck_assert(!told_paid || world.row.state == SAGA_COMPLETED);
            /* The retry hears how it ended. */
            enum status again = pay(&res);
            if (world.row.state == SAGA_COMPLETED)
                ck_assert(again == ST_OK && res.replayed);
            else
                ck_assert_int_eq(again, world.row.failure);
        }
    }
}

static void rich(void)
{
}

static void poor(void)
{
    world.balance_won = 0;
}

static void late(void)
{
    world.lapses_before_confirm = true;
}

START_TEST(whatever_call_is_lost_a_payment_ends_paid)
{
    fail_every_call(rich, world_is_paid);
}
END_TEST

START_TEST(whatever_call_is_lost_a_refused_debit_ends_undone)
{
    fail_every_call(poor, world_is_undone);
}
END_TEST

START_TEST(whatever_call_is_lost_a_refused_confirmation_ends_refunded)
{
    fail_every_call(late, world_is_undone);
}
END_TEST

START_TEST(a_bad_order_never_reaches_the_store)
{
    PayRequest req = good_pay();
    PayResponse res;
    boxoffice__payment__v1__pay_response__init(&res);
    req.idempotency_key = nothing;
    ck_assert_int_eq(call("Pay", &req, &res), ST_IDEMPOTENCY_KEY_REQUIRED);

    fresh_ctx();
    req = good_pay();
    req.user_id = req.reservation_id = req.token_id = req.queue = nothing;
    ck_assert_int_eq(call("Pay", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 4);
    ck_assert_uint_eq(world.calls, 0);
}
END_TEST

START_TEST(a_payment_is_read_by_its_user_only)
{
    PayResponse paid;
    ck_assert_int_eq(pay(&paid), ST_OK);

    GetRequest req;
    boxoffice__payment__v1__get_payment_request__init(&req);
    GetResponse res;
    boxoffice__payment__v1__get_payment_response__init(&res);
    char payment_id[UUID_TEXT_SIZE];
    memcpy(payment_id, world.row.payment_id.text, sizeof(payment_id));
    req.payment_id = payment_id;
    req.user_id = user_id;
    fresh_ctx();
    ck_assert_int_eq(call("GetPayment", &req, &res), ST_OK);
    ck_assert_int_eq(res.payment->status, COMPLETED);

    req.user_id = other_id;
    ck_assert_int_eq(call("GetPayment", &req, &res), ST_PAYMENT_NOT_FOUND);
    req.user_id = nothing;
    ck_assert_int_eq(call("GetPayment", &req, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(a_list_goes_on_after_its_last_payment)
{
    PayResponse paid;
    ck_assert_int_eq(pay(&paid), ST_OK);

    ListRequest req;
    boxoffice__payment__v1__list_payments_request__init(&req);
    ListResponse res;
    boxoffice__payment__v1__list_payments_response__init(&res);
    req.user_id = user_id;
    req.page_size = 2;
    fresh_ctx();
    ck_assert_int_eq(call("ListPayments", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_payments, 2);
    ck_assert_str_eq(res.next_page_token, world.row.payment_id.text);

    boxoffice__payment__v1__list_payments_response__init(&res);
    req.page_size = 3;
    ck_assert_int_eq(call("ListPayments", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_payments, 3);
    ck_assert_str_eq(res.next_page_token, "");

    req.page_size = 101;
    ck_assert_int_eq(call("ListPayments", &req, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(an_operator_is_told_how_many_payments_are_where)
{
    Boxoffice__Payment__V1__CountPaymentsRequest req;
    Boxoffice__Payment__V1__CountPaymentsResponse res;
    boxoffice__payment__v1__count_payments_request__init(&req);
    boxoffice__payment__v1__count_payments_response__init(&res);
    fresh_ctx();
    ck_assert_int_eq(call("CountPayments", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_counts, 2);
    ck_assert_str_eq(res.counts[0]->state, "DEBITING");
    ck_assert_int_eq(res.counts[0]->count, 2);
    ck_assert_int_eq(res.counts[1]->amount_won, 900000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("service");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_held_seat_is_paid);
    tcase_add_test(tcase, a_repeat_gets_the_same_payment_again);
    tcase_add_test(tcase, a_key_is_good_for_one_reservation);
    tcase_add_test(tcase, a_paid_reservation_cannot_be_paid_with_another_key);
    tcase_add_test(tcase, too_little_money_gives_the_seat_back);
    tcase_add_test(tcase, an_attempt_of_a_refused_debit_that_arrives_late_takes_nothing);
    tcase_add_test(tcase, a_seat_that_lapsed_before_its_confirmation_is_refunded);
    tcase_add_test(tcase, what_the_claim_refuses_costs_nothing);
    tcase_add_test(tcase, a_user_does_not_wait_for_the_queue);
    tcase_add_test(tcase, a_queue_that_is_away_is_asked_for_one_payment_at_a_time);
    tcase_add_test(tcase, a_lost_answer_of_a_recording_does_not_run_the_command_again);
    tcase_add_test(tcase, a_step_without_an_answer_is_tried_again_while_the_user_waits);
    tcase_add_test(tcase, a_payment_that_cannot_end_now_is_pending_and_ends_later);
    tcase_add_test(tcase, a_call_with_hardly_any_time_left_records_and_hands_over);
    tcase_add_test(tcase, a_driver_that_lost_its_lease_changes_nothing);
    tcase_add_test(tcase, a_driver_who_was_away_for_longer_than_the_lease_asks_nobody_anything);
    tcase_add_test(tcase, whatever_call_is_lost_a_payment_ends_paid);
    tcase_add_test(tcase, whatever_call_is_lost_a_refused_debit_ends_undone);
    tcase_add_test(tcase, whatever_call_is_lost_a_refused_confirmation_ends_refunded);
    tcase_add_test(tcase, a_bad_order_never_reaches_the_store);
    tcase_add_test(tcase, a_payment_is_read_by_its_user_only);
    tcase_add_test(tcase, a_list_goes_on_after_its_last_payment);
    tcase_add_test(tcase, an_operator_is_told_how_many_payments_are_where);

    Suite *suite = suite_create("payment service");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
