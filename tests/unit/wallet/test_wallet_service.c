#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "fake_wallet_store.h"
#include "service.h"

typedef Boxoffice__Wallet__V1__ChargeRequest ChargeRequest;
typedef Boxoffice__Wallet__V1__ChargeResponse ChargeResponse;
typedef Boxoffice__Wallet__V1__DebitRequest DebitRequest;
typedef Boxoffice__Wallet__V1__DebitResponse DebitResponse;
typedef Boxoffice__Wallet__V1__RefundRequest RefundRequest;
typedef Boxoffice__Wallet__V1__RefundResponse RefundResponse;
typedef Boxoffice__Wallet__V1__GetBalanceRequest GetBalanceRequest;
typedef Boxoffice__Wallet__V1__GetBalanceResponse GetBalanceResponse;
typedef Boxoffice__Wallet__V1__ListTransactionsRequest ListRequest;
typedef Boxoffice__Wallet__V1__ListTransactionsResponse ListResponse;

static char user_id[] = "0190a000-0000-7000-8000-000000000001";
static char debit_id[] = "0190a000-0000-7000-8000-0000000000d1";
static char payment_id[] = "0190a000-0000-7000-8000-0000000000f1";
static char entry_id[] = "0190a000-0000-7000-8000-0000000000e1";
static char upper_case_id[] = "0190A000-0000-7000-8000-000000000001";
static char no_id[] = "";
static char key[] = "key-1";

static _Alignas(16) unsigned char block[256 * 1024];
static struct arena arena;
static struct ctx ctx;
static struct wallet_service service = {
    .limits = {.charge_won_max = 1000, .balance_won_max = 5000},
};

static void set_up(void)
{
    fake_wallet_store = (struct fake_wallet_store){
        .answer = ST_OK,
        .movement = {.amount_won = 500, .balance_won = 1500, .replayed = true},
        .balance_won = 1500,
    };
    memcpy(fake_wallet_store.movement.entry_id.text, entry_id, sizeof(entry_id));
    arena_init(&arena, block, sizeof(block));
    ctx_init(&ctx, &arena);
}

static enum status call(const char *method, const void *in, void *out)
{
    struct rpc_service rpc_service = wallet_rpc_service(&service);
    for (size_t i = 0; i < rpc_service.method_count; i++) {
        if (strcmp(rpc_service.methods[i].name, method) == 0)
            return rpc_service.methods[i].handle(&ctx, rpc_service.self, in, out);
    }
    ck_abort_msg("no method %s", method);
    return ST_INTERNAL;
}

static ChargeRequest good_charge(void)
{
    ChargeRequest req;
    boxoffice__wallet__v1__charge_request__init(&req);
    req.user_id = user_id;
    req.amount_won = 500;
    req.idempotency_key = key;
    return req;
}

static DebitRequest good_debit(void)
{
    DebitRequest req;
    boxoffice__wallet__v1__debit_request__init(&req);
    req.user_id = user_id;
    req.debit_id = debit_id;
    req.payment_id = payment_id;
    req.amount_won = 500;
    return req;
}

static RefundRequest good_refund(void)
{
    RefundRequest req;
    boxoffice__wallet__v1__refund_request__init(&req);
    req.user_id = user_id;
    req.debit_id = debit_id;
    req.payment_id = payment_id;
    return req;
}

START_TEST(a_charge_answers_what_the_store_recorded)
{
    ChargeRequest req = good_charge();
    ChargeResponse res;
    boxoffice__wallet__v1__charge_response__init(&res);

    ck_assert_int_eq(call("Charge", &req, &res), ST_OK);
    ck_assert_str_eq(res.charge_id, entry_id);
    ck_assert_str_eq(res.user_id, user_id);
    ck_assert_str_eq(res.currency, "KRW");
    ck_assert_int_eq(res.amount_won, 500);
    ck_assert_int_eq(res.balance_won, 1500);
    ck_assert(res.replayed);
    ck_assert_str_eq(fake_wallet_store.charge.idempotency_key, key);
    ck_assert_int_eq(fake_wallet_store.charge.balance_won_max, 5000);
}
END_TEST

START_TEST(a_charge_without_a_usable_key_never_reaches_the_store)
{
    char longest[WALLET_KEY_MAX + 2];
    memset(longest, 'k', sizeof(longest));
    longest[WALLET_KEY_MAX + 1] = '\0';
    char blank[] = "a b";
    char *const bad[] = {no_id, blank, longest};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ChargeRequest req = good_charge();
        ChargeResponse res;
        boxoffice__wallet__v1__charge_response__init(&res);
        req.idempotency_key = bad[i];
        ck_assert_int_eq(call("Charge", &req, &res), ST_IDEMPOTENCY_KEY_REQUIRED);
    }
    ck_assert_uint_eq(fake_wallet_store.calls, 0);

    longest[WALLET_KEY_MAX] = '\0';
    ChargeRequest req = good_charge();
    ChargeResponse res;
    boxoffice__wallet__v1__charge_response__init(&res);
    req.idempotency_key = longest;
    ck_assert_int_eq(call("Charge", &req, &res), ST_OK);
}
END_TEST

START_TEST(a_charge_is_limited_before_it_reaches_the_store)
{
    static const struct {
        int64_t amount_won;
        enum status status;
    } table[] = {
        {0, ST_INVALID_REQUEST},
        {1001, ST_CHARGE_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        ChargeRequest req = good_charge();
        ChargeResponse res;
        boxoffice__wallet__v1__charge_response__init(&res);
        req.amount_won = table[i].amount_won;
        ck_assert_int_eq(call("Charge", &req, &res), table[i].status);
        ctx_forgive(&ctx);
    }
    ck_assert_uint_eq(fake_wallet_store.calls, 0);
}
END_TEST

START_TEST(all_wrong_members_are_reported_at_once)
{
    ChargeRequest req = good_charge();
    ChargeResponse res;
    boxoffice__wallet__v1__charge_response__init(&res);
    req.user_id = upper_case_id;
    req.amount_won = 0;
    ck_assert_int_eq(call("Charge", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 2);
    ck_assert_str_eq(ctx.violations[0].pointer, "/user_id");
    ck_assert_str_eq(ctx.violations[1].pointer, "/amount");
}
END_TEST

START_TEST(a_debit_wants_three_ids_and_an_amount)
{
    DebitRequest req = good_debit();
    DebitResponse res;
    boxoffice__wallet__v1__debit_response__init(&res);
    ck_assert_int_eq(call("Debit", &req, &res), ST_OK);
    ck_assert_int_eq(res.balance_won, 1500);
    ck_assert(res.replayed);
    ck_assert_str_eq(fake_wallet_store.debit.debit_id, debit_id);
    ck_assert_str_eq(fake_wallet_store.debit.payment_id, payment_id);
    ck_assert_int_eq(fake_wallet_store.debit.amount_won, 500);

    req.user_id = req.debit_id = req.payment_id = no_id;
    req.amount_won = 0;
    ck_assert_int_eq(call("Debit", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 4);
    ck_assert_uint_eq(fake_wallet_store.calls, 1);
}
END_TEST

START_TEST(a_refund_answers_how_much_came_back)
{
    RefundRequest req = good_refund();
    RefundResponse res;
    boxoffice__wallet__v1__refund_response__init(&res);
    ck_assert_int_eq(call("Refund", &req, &res), ST_OK);
    ck_assert_int_eq(res.refunded_won, 500);
    ck_assert_int_eq(res.balance_won, 1500);
    ck_assert_str_eq(fake_wallet_store.refund.debit_id, debit_id);

    req.user_id = req.debit_id = req.payment_id = no_id;
    ck_assert_int_eq(call("Refund", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 3);
}
END_TEST

START_TEST(a_balance_is_read_for_a_real_id_only)
{
    GetBalanceRequest req;
    boxoffice__wallet__v1__get_balance_request__init(&req);
    GetBalanceResponse res;
    boxoffice__wallet__v1__get_balance_response__init(&res);
    ck_assert_int_eq(call("GetBalance", &req, &res), ST_INVALID_REQUEST);
    ctx_forgive(&ctx);

    req.user_id = user_id;
    ck_assert_int_eq(call("GetBalance", &req, &res), ST_OK);
    ck_assert_int_eq(res.balance_won, 1500);
    ck_assert_str_eq(res.user_id, user_id);
}
END_TEST

static void fill_history(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fake_wallet_store.entries[i] = (struct wallet_entry){
            .entry_id = entry_id,
            .kind = (enum wallet_entry_kind)(i % 3),
            .payment_id = "",
        };
    }
    fake_wallet_store.entry_count = count;
}

START_TEST(a_history_that_fits_its_page_has_no_next_one)
{
    fill_history(3);
    ListRequest req;
    boxoffice__wallet__v1__list_transactions_request__init(&req);
    ListResponse res;
    boxoffice__wallet__v1__list_transactions_response__init(&res);
    req.user_id = user_id;
    req.page_size = 3;

    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_entries, 3);
    ck_assert_str_eq(res.next_page_token, "");
    ck_assert_str_eq(fake_wallet_store.before_entry_id, "");
    ck_assert_int_eq(res.entries[0]->kind, BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_CHARGE);
    ck_assert_int_eq(res.entries[1]->kind, BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_DEBIT);
    ck_assert_int_eq(res.entries[2]->kind, BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_REFUND);
}
END_TEST

START_TEST(a_longer_history_goes_on_after_the_last_entry_shown)
{
    fill_history(4);
    ListRequest req;
    boxoffice__wallet__v1__list_transactions_request__init(&req);
    ListResponse res;
    boxoffice__wallet__v1__list_transactions_response__init(&res);
    req.user_id = user_id;
    req.page_size = 3;

    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_entries, 3);
    ck_assert_str_eq(res.next_page_token, entry_id);

    req.page_token = res.next_page_token;
    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_OK);
    ck_assert_str_eq(fake_wallet_store.before_entry_id, entry_id);
    ck_assert_uint_eq(fake_wallet_store.limit, 4);
}
END_TEST

START_TEST(a_page_out_of_range_is_refused)
{
    char bad_token[] = "next";
    ListRequest req;
    boxoffice__wallet__v1__list_transactions_request__init(&req);
    ListResponse res;
    boxoffice__wallet__v1__list_transactions_response__init(&res);
    req.page_size = 101;
    req.page_token = bad_token;
    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 3);
    ck_assert_uint_eq(fake_wallet_store.calls, 0);

    /* An id that is no entry of this user's. */
    ctx_forgive(&ctx);
    req.user_id = req.page_token = user_id;
    req.page_size = 3;
    fake_wallet_store.answer = ST_INVALID_REQUEST;
    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 1);
    ck_assert_str_eq(ctx.violations[0].pointer, "/page_token");
}
END_TEST

START_TEST(what_the_store_refuses_is_what_the_caller_hears)
{
    static const enum status refusals[] = {ST_BALANCE_LIMIT, ST_IDEMPOTENCY_KEY_REUSED,
                                           ST_UNAVAILABLE, ST_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        fake_wallet_store.answer = refusals[i];
        ChargeRequest charge = good_charge();
        ChargeResponse charged;
        boxoffice__wallet__v1__charge_response__init(&charged);
        ck_assert_int_eq(call("Charge", &charge, &charged), refusals[i]);
        ck_assert_str_eq(charged.charge_id, "");

        DebitRequest debit = good_debit();
        DebitResponse debited;
        boxoffice__wallet__v1__debit_response__init(&debited);
        ck_assert_int_eq(call("Debit", &debit, &debited), refusals[i]);

        RefundRequest refund = good_refund();
        RefundResponse refunded;
        boxoffice__wallet__v1__refund_response__init(&refunded);
        ck_assert_int_eq(call("Refund", &refund, &refunded), refusals[i]);
        ck_assert_int_eq(refunded.refunded_won, 0);
    }
}
END_TEST

START_TEST(a_full_arena_is_a_refusal)
{
    fill_history(3);
    arena_init(&arena, block, 16);
    ListRequest req;
    boxoffice__wallet__v1__list_transactions_request__init(&req);
    ListResponse res;
    boxoffice__wallet__v1__list_transactions_response__init(&res);
    req.user_id = user_id;
    ck_assert_int_eq(call("ListTransactions", &req, &res), ST_OVERLOADED);

    ChargeRequest charge = good_charge();
    ChargeResponse charged;
    boxoffice__wallet__v1__charge_response__init(&charged);
    ck_assert_int_eq(call("Charge", &charge, &charged), ST_OVERLOADED);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("service");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, a_charge_answers_what_the_store_recorded);
    tcase_add_test(tcase, a_charge_without_a_usable_key_never_reaches_the_store);
    tcase_add_test(tcase, a_charge_is_limited_before_it_reaches_the_store);
    tcase_add_test(tcase, all_wrong_members_are_reported_at_once);
    tcase_add_test(tcase, a_debit_wants_three_ids_and_an_amount);
    tcase_add_test(tcase, a_refund_answers_how_much_came_back);
    tcase_add_test(tcase, a_balance_is_read_for_a_real_id_only);
    tcase_add_test(tcase, a_history_that_fits_its_page_has_no_next_one);
    tcase_add_test(tcase, a_longer_history_goes_on_after_the_last_entry_shown);
    tcase_add_test(tcase, a_page_out_of_range_is_refused);
    tcase_add_test(tcase, what_the_store_refuses_is_what_the_caller_hears);
    tcase_add_test(tcase, a_full_arena_is_a_refusal);

    Suite *suite = suite_create("wallet service");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
