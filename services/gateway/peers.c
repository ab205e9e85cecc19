#include "peers.h"

#include <stddef.h>

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/payment/v1/payment.pb-c.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "rpc/client.h"

#define CALL(peer, service, method, lower)                                                         \
    {                                                                                              \
        offsetof(struct gateway_peers, peer),                                                      \
            {"/boxoffice." #peer ".v1." service "/" method,                                        \
             &boxoffice__##peer##__v1__##lower##_response__descriptor},                            \
    }

static const struct {
    size_t client;
    struct rpc_call_type type;
} calls[] = {
    [CALL_ISSUE_TOKEN] = CALL(queue, "QueueService", "IssueToken", issue_token),
    [CALL_GET_TOKEN] = CALL(queue, "QueueService", "GetToken", get_token),
    [CALL_VERIFY_TOKENS] = CALL(queue, "QueueService", "VerifyTokens", verify_tokens),
    [CALL_EXPIRE_TOKEN] = CALL(queue, "QueueService", "ExpireToken", expire_token),
    [CALL_GET_QUEUE] = CALL(queue, "QueueService", "GetQueue", get_queue),
    [CALL_SET_POLICY] = CALL(queue, "QueueService", "SetPolicy", set_policy),
    [CALL_LIST_CONCERTS] = CALL(concert, "ConcertService", "ListConcerts", list_concerts),
    [CALL_LIST_DATES] = CALL(concert, "ConcertService", "ListDates", list_dates),
    [CALL_LIST_SEATS] = CALL(concert, "ConcertService", "ListSeats", list_seats),
    [CALL_GET_SEAT] = CALL(concert, "ConcertService", "GetSeat", get_seat),
    [CALL_RESERVE] = CALL(reservation, "ReservationService", "Reserve", reserve),
    [CALL_GET_RESERVATION] =
        CALL(reservation, "ReservationService", "GetReservation", get_reservation),
    [CALL_LIST_RESERVATIONS] =
        CALL(reservation, "ReservationService", "ListReservations", list_reservations),
    [CALL_CANCEL] = CALL(reservation, "ReservationService", "Cancel", cancel),
    [CALL_CHARGE] = CALL(wallet, "WalletService", "Charge", charge),
    [CALL_GET_BALANCE] = CALL(wallet, "WalletService", "GetBalance", get_balance),
    [CALL_LIST_TRANSACTIONS] = CALL(wallet, "WalletService", "ListTransactions", list_transactions),
    [CALL_PAY] = CALL(payment, "PaymentService", "Pay", pay),
    [CALL_GET_PAYMENT] = CALL(payment, "PaymentService", "GetPayment", get_payment),
    [CALL_LIST_PAYMENTS] = CALL(payment, "PaymentService", "ListPayments", list_payments),
    [CALL_COUNT_PAYMENTS] = CALL(payment, "PaymentService", "CountPayments", count_payments),
};

enum status gateway_call(struct ctx *ctx, const struct gateway_peers *peers, enum gateway_call call,
                         const ProtobufCMessage *request, void *ret_response)
{
    const char *base = (const char *)peers;
    struct rpc_client *client =
        *(struct rpc_client *const *)(const void *)(base + calls[call].client);
    return rpc_call(ctx, client, &calls[call].type, request, ret_response);
}
