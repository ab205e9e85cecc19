/* The six calls over real gRPC, against servers that note what they are asked. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "peers.h"
#include "rpc/client.h"
#include "rpc/server.h"

static struct {
    enum status answer; /* of every call */
    char asked[512];
    bool other_reservation;
    bool no_price;
} peer;

static enum status begin_payment(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)self;
    const Boxoffice__Reservation__V1__BeginPaymentRequest *req = in;
    Boxoffice__Reservation__V1__BeginPaymentResponse *res = out;
    snprintf(peer.asked, sizeof(peer.asked), "claim %s %s %s %d", req->reservation_id, req->user_id,
             req->payment_id, (int)req->lease_ms);
    if (peer.answer != ST_OK)
        return peer.answer;

    res->reservation = arena_alloc(ctx->arena, sizeof(*res->reservation));
    boxoffice__reservation__v1__reservation__init(res->reservation);
    res->reservation->reservation_id =
        peer.other_reservation ? req->payment_id : req->reservation_id;
    res->reservation->user_id = req->user_id;
    res->reservation->concert_id = req->payment_id;
    res->reservation->date = arena_strdup(ctx->arena, "2026-12-01");
    res->reservation->currency = arena_strdup(ctx->arena, "KRW");
    res->reservation->seat_no = 7;
    res->reservation->price_won = peer.no_price ? 0 : 300;
    return ST_OK;
}

static enum status confirm(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)ctx;
    (void)self;
    (void)out;
    const Boxoffice__Reservation__V1__ConfirmRequest *req = in;
    snprintf(peer.asked, sizeof(peer.asked), "confirm %s %s", req->reservation_id, req->payment_id);
    return peer.answer;
}

static enum status release(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)ctx;
    (void)self;
    (void)out;
    const Boxoffice__Reservation__V1__ReleaseRequest *req = in;
    snprintf(peer.asked, sizeof(peer.asked), "release %s %s", req->reservation_id, req->payment_id);
    return peer.answer;
}

static enum status debit(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)ctx;
    (void)self;
    const Boxoffice__Wallet__V1__DebitRequest *req = in;
    Boxoffice__Wallet__V1__DebitResponse *res = out;
    snprintf(peer.asked, sizeof(peer.asked), "debit %s %s %d %s", req->debit_id, req->user_id,
             (int)req->amount_won, req->payment_id);
    res->balance_won = 700;
    return peer.answer;
}

static enum status refund(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)ctx;
    (void)self;
    (void)out;
    const Boxoffice__Wallet__V1__RefundRequest *req = in;
    snprintf(peer.asked, sizeof(peer.asked), "refund %s %s %s", req->debit_id, req->user_id,
             req->payment_id);
    return peer.answer;
}

static enum status expire_token(struct ctx *ctx, void *self, const void *in, void *out)
{
    (void)ctx;
    (void)self;
    (void)out;
    const Boxoffice__Queue__V1__ExpireTokenRequest *req = in;
    snprintf(peer.asked, sizeof(peer.asked), "expire %s %s %s %s", req->queue, req->user_id,
             req->token_id,
             req->reason == BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_PAID ? "paid" : "?");
    return peer.answer;
}

static const struct rpc_method reservation_methods[] = {
    {.name = "BeginPayment",
     .input = &boxoffice__reservation__v1__begin_payment_request__descriptor,
     .output = &boxoffice__reservation__v1__begin_payment_response__descriptor,
     .handle = begin_payment},
    {.name = "Confirm",
     .input = &boxoffice__reservation__v1__confirm_request__descriptor,
     .output = &boxoffice__reservation__v1__confirm_response__descriptor,
     .handle = confirm},
    {.name = "Release",
     .input = &boxoffice__reservation__v1__release_request__descriptor,
     .output = &boxoffice__reservation__v1__release_response__descriptor,
     .handle = release},
};
static const struct rpc_method wallet_methods[] = {
    {.name = "Debit",
     .input = &boxoffice__wallet__v1__debit_request__descriptor,
     .output = &boxoffice__wallet__v1__debit_response__descriptor,
     .handle = debit},
    {.name = "Refund",
     .input = &boxoffice__wallet__v1__refund_request__descriptor,
     .output = &boxoffice__wallet__v1__refund_response__descriptor,
     .handle = refund},
};
static const struct rpc_method queue_methods[] = {
    {.name = "ExpireToken",
     .input = &boxoffice__queue__v1__expire_token_request__descriptor,
     .output = &boxoffice__queue__v1__expire_token_response__descriptor,
     .handle = expire_token},
};

extern const unsigned char boxoffice_reservation_descriptors[];
extern const size_t boxoffice_reservation_descriptors_size;
extern const unsigned char boxoffice_wallet_descriptors[];
extern const size_t boxoffice_wallet_descriptors_size;
extern const unsigned char boxoffice_queue_descriptors[];
extern const size_t boxoffice_queue_descriptors_size;

static struct rpc_service services[3];
static struct rpc_server *server;
static struct rpc_client *client;
static struct payment_peers peers;
static struct payment payment;

static _Alignas(16) unsigned char block[256 * 1024];
static struct arena arena;
static struct ctx ctx;

#define PAYMENT_ID     "0190a000-0000-7000-8000-0000000000f1"
#define USER_ID        "0190a000-0000-7000-8000-000000000001"
#define RESERVATION_ID "0190a000-0000-7000-8000-0000000000a1"
#define DEBIT_ID       "0190a000-0000-7000-8000-0000000000d1"
#define TOKEN_ID       "0190a000-0000-7000-8000-0000000000b1"

static void start_servers(void)
{
    services[0] = (struct rpc_service){"boxoffice.reservation.v1.ReservationService",
                                       reservation_methods,
                                       ARRAY_LEN(reservation_methods),
                                       boxoffice_reservation_descriptors,
                                       boxoffice_reservation_descriptors_size,
                                       NULL};
    services[1] =
        (struct rpc_service){"boxoffice.wallet.v1.WalletService", wallet_methods,
                             ARRAY_LEN(wallet_methods),           boxoffice_wallet_descriptors,
                             boxoffice_wallet_descriptors_size,   NULL};
    services[2] =
        (struct rpc_service){"boxoffice.queue.v1.QueueService", queue_methods,
                             ARRAY_LEN(queue_methods),          boxoffice_queue_descriptors,
                             boxoffice_queue_descriptors_size,  NULL};
    ck_assert_int_eq(rpc_server_start(&(struct rpc_server_options){.listen = "127.0.0.1:0",
                                                                   .services = services,
                                                                   .service_count = 3,
                                                                   .workers = 2},
                                      &server),
                     ST_OK);
    char target[64];
    snprintf(target, sizeof(target), "127.0.0.1:%d", rpc_server_port(server));
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = target}, &client),
                     ST_OK);
    peers = (struct payment_peers){.reservation = client, .wallet = client, .queue = client};
}

static void stop_servers(void)
{
    rpc_client_free(&client);
    rpc_server_stop(&server, 1, 1000);
}

static void set_up(void)
{
    memset(&peer, 0, sizeof(peer));
    arena_init(&arena, block, sizeof(block));
    ctx_init(&ctx, &arena);
    ctx_set_timeout_ms(&ctx, 10000);
    payment = (struct payment){
        .payment_id = {PAYMENT_ID},
        .user_id = {USER_ID},
        .reservation_id = {RESERVATION_ID},
        .debit_id = {DEBIT_ID},
        .token_id = {TOKEN_ID},
        .queue = "main",
        .claim = {.amount_won = 300},
    };
}

START_TEST(each_call_names_what_it_is_about)
{
    struct payment_claim claim;
    int64_t balance_won = 0;
    ck_assert_int_eq(peer_claim_seat(&ctx, &peers, &payment, 30000, &claim), ST_OK);
    ck_assert_str_eq(peer.asked, "claim " RESERVATION_ID " " USER_ID " " PAYMENT_ID " 30000");
    ck_assert_int_eq(claim.amount_won, 300);
    ck_assert_int_eq(claim.seat_no, 7);
    ck_assert_str_eq(claim.date, "2026-12-01");
    ck_assert_str_eq(claim.currency, "KRW");
    ck_assert_str_eq(claim.concert_id.text, PAYMENT_ID);

    ck_assert_int_eq(peer_debit_wallet(&ctx, &peers, &payment, &balance_won), ST_OK);
    ck_assert_str_eq(peer.asked, "debit " DEBIT_ID " " USER_ID " 300 " PAYMENT_ID);
    ck_assert_int_eq(balance_won, 700);
    ck_assert_int_eq(peer_confirm_seat(&ctx, &peers, &payment), ST_OK);
    ck_assert_str_eq(peer.asked, "confirm " RESERVATION_ID " " PAYMENT_ID);
    ck_assert_int_eq(peer_expire_token(&ctx, &peers, &payment), ST_OK);
    ck_assert_str_eq(peer.asked, "expire main " USER_ID " " TOKEN_ID " paid");
    ck_assert_int_eq(peer_refund_wallet(&ctx, &peers, &payment), ST_OK);
    ck_assert_str_eq(peer.asked, "refund " DEBIT_ID " " USER_ID " " PAYMENT_ID);
    ck_assert_int_eq(peer_release_seat(&ctx, &peers, &payment), ST_OK);
    ck_assert_str_eq(peer.asked, "release " RESERVATION_ID " " PAYMENT_ID);
}
END_TEST

START_TEST(a_refusal_keeps_its_code_on_the_way)
{
    static const enum status refusals[] = {ST_INSUFFICIENT_BALANCE, ST_HOLD_EXPIRED,
                                           ST_RESERVATION_NOT_FOUND, ST_ALREADY_PAID,
                                           ST_OVERLOADED};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct payment_claim claim;
        int64_t balance_won;
        peer.answer = refusals[i];
        ck_assert_int_eq(peer_claim_seat(&ctx, &peers, &payment, 1, &claim), refusals[i]);
        ck_assert_int_eq(peer_debit_wallet(&ctx, &peers, &payment, &balance_won), refusals[i]);
        ck_assert_int_eq(peer_confirm_seat(&ctx, &peers, &payment), refusals[i]);
        ck_assert_int_eq(peer_expire_token(&ctx, &peers, &payment), refusals[i]);
        ck_assert_int_eq(peer_refund_wallet(&ctx, &peers, &payment), refusals[i]);
        ck_assert_int_eq(peer_release_seat(&ctx, &peers, &payment), refusals[i]);
    }
}
END_TEST

START_TEST(a_claim_that_cannot_be_right_counts_as_no_answer)
{
    struct payment_claim claim;
    peer.other_reservation = true;
    ck_assert_int_eq(
        saga_classify(SAGA_CLAIM_SEAT, peer_claim_seat(&ctx, &peers, &payment, 1, &claim)),
        SAGA_UNKNOWN);
    peer.other_reservation = false;
    peer.no_price = true;
    ck_assert_int_eq(
        saga_classify(SAGA_CLAIM_SEAT, peer_claim_seat(&ctx, &peers, &payment, 1, &claim)),
        SAGA_UNKNOWN);
}
END_TEST

START_TEST(a_peer_that_is_away_counts_as_no_answer)
{
    scoped(rpc_client_free) struct rpc_client *nobody = NULL;
    ck_assert_int_eq(rpc_client_new(&(struct rpc_client_options){.target = "127.0.0.1:1"}, &nobody),
                     ST_OK);
    struct payment_peers away = {.reservation = nobody, .wallet = nobody, .queue = nobody};
    ctx_set_timeout_ms(&ctx, 1000);
    ck_assert_int_eq(saga_classify(SAGA_CONFIRM_SEAT, peer_confirm_seat(&ctx, &away, &payment)),
                     SAGA_UNKNOWN);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("peers");
    tcase_add_unchecked_fixture(tcase, start_servers, stop_servers);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_call_names_what_it_is_about);
    tcase_add_test(tcase, a_refusal_keeps_its_code_on_the_way);
    tcase_add_test(tcase, a_claim_that_cannot_be_right_counts_as_no_answer);
    tcase_add_test(tcase, a_peer_that_is_away_counts_as_no_answer);

    Suite *suite = suite_create("payment peers");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
