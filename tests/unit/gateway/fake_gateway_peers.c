#include "fake_gateway_peers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "boxoffice/payment/v1/payment.pb-c.h"
#include "boxoffice/queue/v1/queue.pb-c.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"

#define ID                                                                                         \
    (char[])                                                                                       \
    {                                                                                              \
        "00000000-0000-4000-8000-0000000000aa"                                                     \
    }
#define DATE                                                                                       \
    (char[])                                                                                       \
    {                                                                                              \
        "2031-05-01"                                                                               \
    }

struct fake_peers fake_peers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fake_peers_reset(void)
{
    pthread_mutex_lock(&lock);
    fake_peers = (struct fake_peers){.token_code = "OK", .is_new = true, .etag = "0a1b2c"};
    boxoffice__queue__v1__policy__init(&fake_peers.policy);
    fake_peers.policy.kind = BOXOFFICE__QUEUE__V1__POLICY_KIND__POLICY_KIND_COUNTER;
    fake_peers.policy.capacity = 100;
    pthread_mutex_unlock(&lock);
}

int fake_peers_called(void)
{
    int sum = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < FAKE_CALLS; i++)
        sum += i == CALL_VERIFY_TOKENS ? 0 : fake_peers.counts[i];
    pthread_mutex_unlock(&lock);
    return sum;
}

/* A message of the arena, as its __init leaves it. */
static void *make(struct ctx *ctx, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = arena_alloc(ctx->arena, type->sizeof_message);
    if (message != NULL)
        type->message_init(message);
    return message;
}
#define MAKE(package, name) make(ctx, &boxoffice__##package##__v1__##name##__descriptor)

static char *copy(struct ctx *ctx, const char *text)
{
    return arena_strdup(ctx->arena, text);
}

static void *one(struct ctx *ctx, void *element)
{
    return arena_memdup(ctx->arena, &element, sizeof element);
}

static Boxoffice__Queue__V1__Place *make_place(struct ctx *ctx)
{
    Boxoffice__Queue__V1__Place *place = MAKE(queue, place);
    place->token = copy(ctx, "a.new.token");
    place->token_id = copy(ctx, ID);
    place->user_id = copy(ctx, ID);
    place->queue = copy(ctx, "main");
    place->status = BOXOFFICE__QUEUE__V1__PLACE_STATUS__PLACE_STATUS_WAITING;
    place->position = 5;
    place->ahead = 4;
    place->issued_at_unix_ms = 1900000000000;
    return place;
}

static Boxoffice__Reservation__V1__Reservation *make_reservation(struct ctx *ctx)
{
    Boxoffice__Reservation__V1__Reservation *reservation = MAKE(reservation, reservation);
    reservation->reservation_id = copy(ctx, ID);
    reservation->user_id = copy(ctx, ID);
    reservation->concert_id = copy(ctx, ID);
    reservation->date = copy(ctx, DATE);
    reservation->seat_no = 7;
    reservation->price_won = 150000;
    reservation->currency = copy(ctx, "KRW");
    reservation->status = BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_HELD;
    reservation->held_until_unix_ms = 1900000300000;
    reservation->created_at_unix_ms = 1900000000000;
    return reservation;
}

static Boxoffice__Payment__V1__Payment *make_payment(struct ctx *ctx)
{
    Boxoffice__Payment__V1__Payment *payment = MAKE(payment, payment);
    payment->payment_id = copy(ctx, ID);
    payment->reservation_id = copy(ctx, ID);
    payment->user_id = copy(ctx, ID);
    payment->amount_won = 150000;
    payment->currency = copy(ctx, "KRW");
    payment->status = fake_peers.is_pending
                          ? BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_PENDING
                          : BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_COMPLETED;
    payment->concert_id = copy(ctx, ID);
    payment->date = copy(ctx, DATE);
    payment->seat_no = 7;
    return payment;
}

static enum status verify(struct ctx *ctx, const Boxoffice__Queue__V1__VerifyTokensRequest *req,
                          void **ret_response)
{
    if (fake_peers.verify_status != ST_OK)
        return ctx_fail(ctx, fake_peers.verify_status, "scripted");
    Boxoffice__Queue__V1__VerifyTokensResponse *res = MAKE(queue, verify_tokens_response);
    res->n_states = req->n_tokens;
    res->states = arena_calloc(ctx->arena, req->n_tokens, sizeof *res->states);
    for (size_t i = 0; i < req->n_tokens; i++) {
        res->states[i] = MAKE(queue, token_state);
        res->states[i]->code = copy(ctx, fake_peers.token_code);
        res->states[i]->position = 17;
        res->states[i]->next_poll_ms = 2500;
    }
    *ret_response = res;
    return ST_OK;
}

static void *answer_line(struct ctx *ctx, enum gateway_call call, const ProtobufCMessage *request)
{
    if (call == CALL_SET_POLICY) {
        const Boxoffice__Queue__V1__SetPolicyRequest *req = (const void *)request;
        Boxoffice__Queue__V1__SetPolicyResponse *res = MAKE(queue, set_policy_response);
        snprintf(fake_peers.queue, sizeof fake_peers.queue, "%s", req->queue);
        fake_peers.policy = *req->policy;
        res->policy = &fake_peers.policy;
        return res;
    }
    const Boxoffice__Queue__V1__GetQueueRequest *req = (const void *)request;
    Boxoffice__Queue__V1__GetQueueResponse *res = MAKE(queue, get_queue_response);
    res->queue = copy(ctx, req->queue);
    res->policy = &fake_peers.policy;
    res->waiting = 1200;
    res->active = 100;
    res->admission_rate_milli = 2500;
    res->oldest_wait_ms = 61500;
    return res;
}

static void *answer_queue(struct ctx *ctx, enum gateway_call call, const ProtobufCMessage *request)
{
    if (call == CALL_ISSUE_TOKEN) {
        const Boxoffice__Queue__V1__IssueTokenRequest *req = (const void *)request;
        Boxoffice__Queue__V1__IssueTokenResponse *res = MAKE(queue, issue_token_response);
        snprintf(fake_peers.queue, sizeof fake_peers.queue, "%s", req->queue);
        res->place = make_place(ctx);
        res->created = fake_peers.is_new;
        return res;
    }
    if (call == CALL_EXPIRE_TOKEN)
        return MAKE(queue, expire_token_response);
    Boxoffice__Queue__V1__GetTokenResponse *res = MAKE(queue, get_token_response);
    res->place = make_place(ctx);
    return res;
}

static void *answer_concert(struct ctx *ctx, enum gateway_call call,
                            const ProtobufCMessage *request)
{
    if (call == CALL_LIST_CONCERTS) {
        Boxoffice__Concert__V1__ListConcertsResponse *res = MAKE(concert, list_concerts_response);
        Boxoffice__Concert__V1__Concert *concert = MAKE(concert, concert);
        concert->concert_id = copy(ctx, ID);
        concert->title = copy(ctx, "A concert");
        concert->queue = copy(ctx, "arena");
        res->concerts = one(ctx, concert);
        res->n_concerts = 1;
        res->next_page_token = copy(ctx, "next");
        return res;
    }
    if (call == CALL_LIST_DATES) {
        Boxoffice__Concert__V1__ListDatesResponse *res = MAKE(concert, list_dates_response);
        Boxoffice__Concert__V1__DateAvailability *date = MAKE(concert, date_availability);
        const Boxoffice__Concert__V1__ListDatesRequest *req = (const void *)request;
        snprintf(fake_peers.known_etag, sizeof fake_peers.known_etag, "%s", req->known_etag);
        res->etag = copy(ctx, fake_peers.etag);
        res->unchanged = strcmp(req->known_etag, fake_peers.etag) == 0;
        date->date = copy(ctx, DATE);
        date->seats_total = 50;
        date->seats_available = 3;
        date->seats_held = 7;
        date->seats_sold = 40;
        res->dates = one(ctx, date);
        res->n_dates = 1;
        return res;
    }
    Boxoffice__Concert__V1__ListSeatsResponse *res = MAKE(concert, list_seats_response);
    Boxoffice__Concert__V1__DateSeats *date = MAKE(concert, date_seats);
    date->date = copy(ctx, DATE);
    date->seats_total = 50; /* none of them free */
    const Boxoffice__Concert__V1__ListSeatsRequest *req = (const void *)request;
    snprintf(fake_peers.known_etag, sizeof fake_peers.known_etag, "%s", req->known_etag);
    res->etag = copy(ctx, fake_peers.etag);
    res->unchanged = strcmp(req->known_etag, fake_peers.etag) == 0;
    res->dates = one(ctx, date);
    res->n_dates = 1;
    return res;
}

static void *answer_reservation(struct ctx *ctx, enum gateway_call call,
                                const ProtobufCMessage *request)
{
    if (call == CALL_RESERVE) {
        const Boxoffice__Reservation__V1__ReserveRequest *req = (const void *)request;
        Boxoffice__Reservation__V1__ReserveResponse *res = MAKE(reservation, reserve_response);
        snprintf(fake_peers.key, sizeof fake_peers.key, "%s", req->idempotency_key);
        snprintf(fake_peers.queue, sizeof fake_peers.queue, "%s", req->queue);
        res->reservation = make_reservation(ctx);
        res->replayed = !fake_peers.is_new;
        return res;
    }
    if (call == CALL_CANCEL)
        return MAKE(reservation, cancel_response);
    if (call == CALL_GET_RESERVATION) {
        Boxoffice__Reservation__V1__GetReservationResponse *res =
            MAKE(reservation, get_reservation_response);
        res->reservation = make_reservation(ctx);
        return res;
    }
    Boxoffice__Reservation__V1__ListReservationsResponse *res =
        MAKE(reservation, list_reservations_response);
    res->reservations = one(ctx, make_reservation(ctx));
    res->n_reservations = 1;
    return res;
}

static void *answer_wallet(struct ctx *ctx, enum gateway_call call, const ProtobufCMessage *request)
{
    if (call == CALL_CHARGE) {
        const Boxoffice__Wallet__V1__ChargeRequest *req = (const void *)request;
        Boxoffice__Wallet__V1__ChargeResponse *res = MAKE(wallet, charge_response);
        snprintf(fake_peers.key, sizeof fake_peers.key, "%s", req->idempotency_key);
        res->charge_id = copy(ctx, ID);
        res->user_id = copy(ctx, ID);
        res->amount_won = req->amount_won;
        res->balance_won = req->amount_won;
        res->currency = copy(ctx, "KRW");
        res->replayed = !fake_peers.is_new;
        return res;
    }
    if (call == CALL_GET_BALANCE) {
        Boxoffice__Wallet__V1__GetBalanceResponse *res = MAKE(wallet, get_balance_response);
        res->user_id = copy(ctx, ID);
        res->balance_won = 9007199254740993; /* no double holds it */
        res->currency = copy(ctx, "KRW");
        return res;
    }
    Boxoffice__Wallet__V1__ListTransactionsResponse *res = MAKE(wallet, list_transactions_response);
    Boxoffice__Wallet__V1__LedgerEntry *entry = MAKE(wallet, ledger_entry);
    entry->entry_id = copy(ctx, ID);
    entry->kind = BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_CHARGE;
    res->entries = one(ctx, entry);
    res->n_entries = 1;
    return res;
}

static void *answer_payment(struct ctx *ctx, enum gateway_call call,
                            const ProtobufCMessage *request)
{
    if (call == CALL_PAY) {
        const Boxoffice__Payment__V1__PayRequest *req = (const void *)request;
        Boxoffice__Payment__V1__PayResponse *res = MAKE(payment, pay_response);
        snprintf(fake_peers.key, sizeof fake_peers.key, "%s", req->idempotency_key);
        fake_peers.replay_only = req->replay_only;
        res->payment = make_payment(ctx);
        res->replayed = !fake_peers.is_new;
        return res;
    }
    if (call == CALL_GET_PAYMENT) {
        Boxoffice__Payment__V1__GetPaymentResponse *res = MAKE(payment, get_payment_response);
        res->payment = make_payment(ctx);
        return res;
    }
    if (call == CALL_COUNT_PAYMENTS) {
        Boxoffice__Payment__V1__CountPaymentsResponse *res = MAKE(payment, count_payments_response);
        Boxoffice__Payment__V1__PaymentCount *count = MAKE(payment, payment_count);
        count->state = copy(ctx, "COMPLETED");
        count->count = 40;
        count->amount_won = 6000000;
        res->counts = one(ctx, count);
        res->n_counts = 1;
        return res;
    }
    Boxoffice__Payment__V1__ListPaymentsResponse *res = MAKE(payment, list_payments_response);
    res->payments = one(ctx, make_payment(ctx));
    res->n_payments = 1;
    return res;
}

static void *answer(struct ctx *ctx, enum gateway_call call, const ProtobufCMessage *request)
{
    if (call <= CALL_EXPIRE_TOKEN)
        return answer_queue(ctx, call, request);
    if (call <= CALL_SET_POLICY)
        return answer_line(ctx, call, request);
    if (call <= CALL_LIST_SEATS)
        return answer_concert(ctx, call, request);
    if (call <= CALL_CANCEL)
        return answer_reservation(ctx, call, request);
    return call <= CALL_LIST_TRANSACTIONS ? answer_wallet(ctx, call, request)
                                          : answer_payment(ctx, call, request);
}

enum status gateway_call(struct ctx *ctx, const struct gateway_peers *peers, enum gateway_call call,
                         const ProtobufCMessage *request, void *ret_response)
{
    (void)peers;
    void *response = NULL;
    pthread_mutex_lock(&lock);
    fake_peers.counts[call]++;
    enum status status =
        fake_peers.statuses[call] == ST_OK ? fake_peers.status : fake_peers.statuses[call];
    if (call == CALL_VERIFY_TOKENS)
        status = verify(ctx, (const void *)request, &response);
    else if (status != ST_OK) {
        if (call == CALL_SET_POLICY)
            ctx_violate(ctx, "/policy/capacity", "scripted");
        if (fake_peers.is_replay)
            ctx_note(ctx, "replayed", "true");
        status = ctx_fail(ctx, status, "scripted");
    } else
        response = answer(ctx, call, request);
    pthread_mutex_unlock(&lock);
    memcpy(ret_response, &response, sizeof response);
    return status;
}
