#include "peers.h"

#include <string.h>

#include "base/checked.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "rpc/client.h"

typedef Boxoffice__Reservation__V1__BeginPaymentRequest BeginPaymentRequest;
typedef Boxoffice__Reservation__V1__BeginPaymentResponse BeginPaymentResponse;
typedef Boxoffice__Reservation__V1__ConfirmRequest ConfirmRequest;
typedef Boxoffice__Reservation__V1__ConfirmResponse ConfirmResponse;
typedef Boxoffice__Reservation__V1__ReleaseRequest ReleaseRequest;
typedef Boxoffice__Reservation__V1__ReleaseResponse ReleaseResponse;
typedef Boxoffice__Wallet__V1__DebitRequest DebitRequest;
typedef Boxoffice__Wallet__V1__DebitResponse DebitResponse;
typedef Boxoffice__Wallet__V1__RefundRequest RefundRequest;
typedef Boxoffice__Wallet__V1__RefundResponse RefundResponse;
typedef Boxoffice__Queue__V1__ExpireTokenRequest ExpireTokenRequest;
typedef Boxoffice__Queue__V1__ExpireTokenResponse ExpireTokenResponse;

/* The payment's ids as request members: protobuf-c has them as char *, but only reads them. */
struct ids {
    char payment_id[UUID_TEXT_SIZE];
    char user_id[UUID_TEXT_SIZE];
    char reservation_id[UUID_TEXT_SIZE];
    char debit_id[UUID_TEXT_SIZE];
    char token_id[UUID_TEXT_SIZE];
    char queue[PAYMENT_QUEUE_MAX + 1];
};

static struct ids copy_ids(const struct payment *payment)
{
    struct ids ids = {0};
    base_copy_text(ids.payment_id, sizeof(ids.payment_id), payment->payment_id.text);
    base_copy_text(ids.user_id, sizeof(ids.user_id), payment->user_id.text);
    base_copy_text(ids.reservation_id, sizeof(ids.reservation_id), payment->reservation_id.text);
    base_copy_text(ids.debit_id, sizeof(ids.debit_id), payment->debit_id.text);
    base_copy_text(ids.token_id, sizeof(ids.token_id), payment->token_id.text);
    base_copy_text(ids.queue, sizeof(ids.queue), payment->queue);
    return ids;
}

/* An answer that cannot be right counts as no answer: the peer may have done it, so it is asked
 * again. */
static enum status read_claim(struct ctx *ctx, const struct payment *payment,
                              const BeginPaymentResponse *res, struct payment_claim *ret_claim)
{
    const Boxoffice__Reservation__V1__Reservation *reservation = res->reservation;
    if (!reservation || strcmp(reservation->reservation_id, payment->reservation_id.text) != 0 ||
        strcmp(reservation->user_id, payment->user_id.text) != 0)
        return ctx_fail(ctx, ST_INTERNAL, "the claim answered another reservation");

    struct payment_claim claim = {
        .amount_won = reservation->price_won,
        .seat_no = reservation->seat_no,
    };
    base_copy_text(claim.currency, sizeof(claim.currency), reservation->currency);
    base_copy_text(claim.date, sizeof(claim.date), reservation->date);
    base_copy_text(claim.concert_id.text, sizeof(claim.concert_id.text), reservation->concert_id);
    if (!payment_claim_is_valid(&claim))
        return ctx_fail(ctx, ST_INTERNAL, "the claim answered something that cannot be paid");
    *ret_claim = claim;
    return ST_OK;
}

enum status peer_claim_seat(struct ctx *ctx, const struct payment_peers *peers,
                            const struct payment *payment, int64_t lease_ms,
                            struct payment_claim *ret_claim)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.reservation.v1.ReservationService/BeginPayment",
        .output = &boxoffice__reservation__v1__begin_payment_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    BeginPaymentRequest req;
    boxoffice__reservation__v1__begin_payment_request__init(&req);
    req.reservation_id = ids.reservation_id;
    req.user_id = ids.user_id;
    req.payment_id = ids.payment_id;
    req.lease_ms = lease_ms;

    BeginPaymentResponse *res;
    TRY(rpc_call(ctx, peers->reservation, &type, &req.base, &res));
    return read_claim(ctx, payment, res, ret_claim);
}

enum status peer_confirm_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.reservation.v1.ReservationService/Confirm",
        .output = &boxoffice__reservation__v1__confirm_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    ConfirmRequest req;
    boxoffice__reservation__v1__confirm_request__init(&req);
    req.reservation_id = ids.reservation_id;
    req.payment_id = ids.payment_id;

    ConfirmResponse *res;
    return rpc_call(ctx, peers->reservation, &type, &req.base, &res);
}

enum status peer_release_seat(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.reservation.v1.ReservationService/Release",
        .output = &boxoffice__reservation__v1__release_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    ReleaseRequest req;
    boxoffice__reservation__v1__release_request__init(&req);
    req.reservation_id = ids.reservation_id;
    req.payment_id = ids.payment_id;

    ReleaseResponse *res;
    return rpc_call(ctx, peers->reservation, &type, &req.base, &res);
}

enum status peer_debit_wallet(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment, int64_t *ret_balance_won)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.wallet.v1.WalletService/Debit",
        .output = &boxoffice__wallet__v1__debit_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    DebitRequest req;
    boxoffice__wallet__v1__debit_request__init(&req);
    req.debit_id = ids.debit_id;
    req.user_id = ids.user_id;
    req.amount_won = payment->claim.amount_won;
    req.payment_id = ids.payment_id;

    DebitResponse *res;
    TRY(rpc_call(ctx, peers->wallet, &type, &req.base, &res));
    *ret_balance_won = res->balance_won;
    return ST_OK;
}

enum status peer_refund_wallet(struct ctx *ctx, const struct payment_peers *peers,
                               const struct payment *payment)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.wallet.v1.WalletService/Refund",
        .output = &boxoffice__wallet__v1__refund_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    RefundRequest req;
    boxoffice__wallet__v1__refund_request__init(&req);
    req.debit_id = ids.debit_id;
    req.user_id = ids.user_id;
    req.payment_id = ids.payment_id;

    RefundResponse *res;
    return rpc_call(ctx, peers->wallet, &type, &req.base, &res);
}

enum status peer_expire_token(struct ctx *ctx, const struct payment_peers *peers,
                              const struct payment *payment)
{
    static const struct rpc_call_type type = {
        .path = "/boxoffice.queue.v1.QueueService/ExpireToken",
        .output = &boxoffice__queue__v1__expire_token_response__descriptor,
    };

    struct ids ids = copy_ids(payment);
    ExpireTokenRequest req;
    boxoffice__queue__v1__expire_token_request__init(&req);
    req.queue = ids.queue;
    req.user_id = ids.user_id;
    req.token_id = ids.token_id;
    req.reason = BOXOFFICE__QUEUE__V1__EXPIRE_REASON__EXPIRE_REASON_PAID;

    ExpireTokenResponse *res;
    return rpc_call(ctx, peers->queue, &type, &req.base, &res);
}
