#include "service.h"

#include <string.h>

#include "base/checked.h"
#include "base/ctx.h"
#include "base/uuid.h"
#include "boxoffice/payment/v1/payment.pb-c.h"
#include "failpoint/failpoint.h"
#include "metrics/metrics.h"
#include "store.h"

typedef Boxoffice__Payment__V1__Payment PaymentMessage;
typedef Boxoffice__Payment__V1__PayRequest PayRequest;
typedef Boxoffice__Payment__V1__PayResponse PayResponse;
typedef Boxoffice__Payment__V1__GetPaymentRequest GetPaymentRequest;
typedef Boxoffice__Payment__V1__GetPaymentResponse GetPaymentResponse;
typedef Boxoffice__Payment__V1__ListPaymentsRequest ListPaymentsRequest;
typedef Boxoffice__Payment__V1__ListPaymentsResponse ListPaymentsResponse;

extern const unsigned char boxoffice_payment_descriptors[];
extern const size_t boxoffice_payment_descriptors_size;

static void check_uuid(struct ctx *ctx, const char *pointer, const char *text)
{
    if (!uuid_is_valid(text))
        ctx_violate(ctx, pointer, "must be a lower-case UUID");
}

static enum status check_pay(struct ctx *ctx, const PayRequest *req)
{
    if (!base_is_visible_ascii(req->idempotency_key, PAYMENT_KEY_MAX))
        return ctx_fail(ctx, ST_IDEMPOTENCY_KEY_REQUIRED, "no usable key");
    check_uuid(ctx, "/user_id", req->user_id);
    check_uuid(ctx, "/reservation_id", req->reservation_id);
    check_uuid(ctx, "/token_id", req->token_id);
    if (!base_is_visible_ascii(req->queue, PAYMENT_QUEUE_MAX))
        ctx_violate(ctx, "/queue", "must be 1 to %d visible ASCII characters", PAYMENT_QUEUE_MAX);
    return ctx_checked(ctx);
}

static enum status give_text(struct ctx *ctx, const char *text, char **ret_text)
{
    char *copy = arena_strdup(ctx->arena, text);
    if (!copy)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    *ret_text = copy;
    return ST_OK;
}

static enum status give_payment(struct ctx *ctx, const struct payment *payment,
                                PaymentMessage **ret_message)
{
    static const Boxoffice__Payment__V1__PaymentStatus statuses[] = {
        [SAGA_PENDING] = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_PENDING,
        [SAGA_PAID] = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_COMPLETED,
        [SAGA_NOT_PAID] = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_FAILED,
    };

    PaymentMessage *message = arena_alloc(ctx->arena, sizeof(*message));
    if (!message)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    boxoffice__payment__v1__payment__init(message);
    message->status = statuses[saga_outcome(payment->state)];
    message->amount_won = payment->claim.amount_won;
    message->balance_after_won = payment->balance_after_won;
    message->seat_no = payment->claim.seat_no;
    message->created_at_unix_ms = payment->created_at_unix_ms;
    message->paid_at_unix_ms = payment->paid_at_unix_ms;
    TRY(give_text(ctx, payment->payment_id.text, &message->payment_id));
    TRY(give_text(ctx, payment->reservation_id.text, &message->reservation_id));
    TRY(give_text(ctx, payment->user_id.text, &message->user_id));
    TRY(give_text(ctx, payment->claim.currency, &message->currency));
    TRY(give_text(ctx, payment->claim.concert_id.text, &message->concert_id));
    TRY(give_text(ctx, payment->claim.date, &message->date));
    if (payment->failure != ST_OK)
        TRY(give_text(ctx, status_name(payment->failure), &message->failure_code));
    *ret_message = message;
    return ST_OK;
}

static void count_outcome(enum saga_outcome outcome)
{
    static const char *const labels[] = {
        [SAGA_PENDING] = "outcome=\"pending\"",
        [SAGA_PAID] = "outcome=\"completed\"",
        [SAGA_NOT_PAID] = "outcome=\"failed\"",
    };
    metrics_add(metrics_counter("payment_payments_total", labels[outcome],
                                "New payments by what their user was told."),
                1);
}

/* Drives a new payment while its user waits. */
static void drive_new(struct ctx *ctx, const struct payment_service *service,
                      struct payment *payment)
{
    payment_drive(ctx, &service->driver, payment);
    count_outcome(saga_outcome(payment->state));
}

static enum status handle_pay(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct payment_service *service = self;
    const PayRequest *req = in;
    PayResponse *res = out;

    TRY(check_pay(ctx, req));

    TRY(failpoint_hit("start", FAILPOINT_BEFORE));
    struct payment payment;
    bool created;
    TRY(payment_store_start(ctx, service->db,
                            &(struct payment_order){
                                .user_id = req->user_id,
                                .reservation_id = req->reservation_id,
                                .idempotency_key = req->idempotency_key,
                                .token_id = req->token_id,
                                .queue = req->queue,
                                .lease_ms = service->driver.lease_ms,
                                .replay_only = req->replay_only,
                            },
                            &payment, &created));
    TRY(failpoint_hit("start", FAILPOINT_AFTER));
    if (!created && strcmp(payment.reservation_id.text, req->reservation_id) != 0)
        return ST_IDEMPOTENCY_KEY_REUSED;
    if (!created && saga_outcome(payment.state) == SAGA_PENDING)
        return ST_IDEMPOTENCY_IN_PROGRESS;
    if (created)
        drive_new(ctx, service, &payment);

    if (saga_outcome(payment.state) == SAGA_NOT_PAID) {
        if (!created)
            ctx_note(ctx, "replayed", "true");
        return ctx_fail(ctx, payment.failure, "payment %s failed", payment.payment_id.text);
    }
    res->replayed = !created;
    return give_payment(ctx, &payment, &res->payment);
}

static enum status handle_get_payment(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct payment_service *service = self;
    const GetPaymentRequest *req = in;
    GetPaymentResponse *res = out;

    check_uuid(ctx, "/payment_id", req->payment_id);
    check_uuid(ctx, "/user_id", req->user_id);
    TRY(ctx_checked(ctx));

    struct payment payment;
    TRY(payment_store_get(ctx, service->db, req->payment_id, req->user_id, &payment));
    return give_payment(ctx, &payment, &res->payment);
}

static enum status handle_list_payments(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct payment_service *service = self;
    const ListPaymentsRequest *req = in;
    ListPaymentsResponse *res = out;

    size_t page_size = 0;
    struct uuid before = {""};
    check_uuid(ctx, "/user_id", req->user_id);
    if (!payment_page_size(req->page_size, &page_size))
        ctx_violate(ctx, "/page_size", "must be 1 to %d", PAYMENT_PAGE_MAX);
    if (!payment_page_start(req->page_token, &before))
        ctx_violate(ctx, "/page_token", "must come from an earlier page");
    TRY(ctx_checked(ctx));

    /* One more than the page tells whether another one follows. */
    const struct payment *payments;
    size_t found;
    TRY(payment_store_list(ctx, service->db, req->user_id, &before, page_size + 1, &payments,
                           &found));
    size_t shown = found > page_size ? page_size : found;

    res->payments = arena_calloc(ctx->arena, shown + 1, sizeof(PaymentMessage *));
    if (!res->payments)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < shown; i++)
        TRY(give_payment(ctx, &payments[i], &res->payments[i]));
    res->n_payments = shown;
    if (found > page_size)
        TRY(give_text(ctx, payments[page_size - 1].payment_id.text, &res->next_page_token));
    return ST_OK;
}

static enum status handle_count_payments(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct payment_service *service = self;
    Boxoffice__Payment__V1__CountPaymentsResponse *res = out;
    (void)in;

    struct payment_count counts[SAGA_STATE_COUNT];
    size_t count;
    TRY(payment_store_count(ctx, service->db, counts, &count));
    Boxoffice__Payment__V1__PaymentCount *list = arena_calloc(ctx->arena, count + 1, sizeof *list);
    res->counts = arena_calloc(ctx->arena, count + 1, sizeof *res->counts);
    if (!list || !res->counts)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++) {
        boxoffice__payment__v1__payment_count__init(&list[i]);
        list[i].count = counts[i].count;
        list[i].amount_won = counts[i].amount_won;
        TRY(give_text(ctx, saga_state_name(counts[i].state), &list[i].state));
        res->counts[i] = &list[i];
    }
    res->n_counts = count;
    return ST_OK;
}

/* Who may call it by certificate stands last. */
#define METHOD(method, snake, handler, names)                                                      \
    {                                                                                              \
        .name = method, .input = &boxoffice__payment__v1__##snake##_request__descriptor,           \
        .output = &boxoffice__payment__v1__##snake##_response__descriptor, .handle = handler,      \
        .callers = names,                                                                          \
    }

static const struct rpc_method methods[] = {
    METHOD("Pay", pay, handle_pay, "gateway"),
    METHOD("GetPayment", get_payment, handle_get_payment, "gateway"),
    METHOD("ListPayments", list_payments, handle_list_payments, "gateway"),
    METHOD("CountPayments", count_payments, handle_count_payments, "gateway"),
};

struct rpc_service payment_rpc_service(struct payment_service *service)
{
    return (struct rpc_service){
        .name = "boxoffice.payment.v1.PaymentService",
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = boxoffice_payment_descriptors,
        .descriptors_size = boxoffice_payment_descriptors_size,
        .self = service,
    };
}
