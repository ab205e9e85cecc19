#include "http/json.h"
#include "present.h"
#include "service.h"

struct pay {
    struct uuid reservation_id;
};

static const struct http_member pay_members[] = {
    {.name = "reservation_id",
     .kind = HTTP_UUID,
     .required = true,
     .offset = offsetof(struct pay, reservation_id)},
};

/* A retry of a payment comes with the token that the payment used up: it may still have the first
 * answer again, by its key. Only something new needs the turn. */
static enum status admit(struct ctx *ctx, struct gateway *gateway,
                         const struct http_request *request, struct http_response *response,
                         struct caller *ret_caller, bool *ret_used)
{
    const enum status status =
        gateway_admit(ctx, gateway, request, response, NEED_TURN, ret_caller);
    *ret_used = status == ST_TOKEN_EXPIRED;
    if (*ret_used)
        ctx_forgive(ctx);
    return *ret_used ? ST_OK : status;
}

static enum status answer(struct ctx *ctx, struct http_response *response,
                          const Boxoffice__Payment__V1__PayResponse *res)
{
    const char *location = arena_printf(ctx->arena, "/v1/payments/%s", res->payment->payment_id);
    if (location == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    const bool pending =
        res->payment->status == BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_PENDING;
    response->code = pending ? 202 : 201;
    http_add_header(response, "Location", location);
    if (res->replayed)
        http_add_header(response, "Idempotent-Replayed", "true");
    return http_write_json(ctx, response, present_payment(res->payment));
}

/* A first answer that was a refusal is given again like any other: said to be so, and in its own
 * words. */
static enum status refuse(struct ctx *ctx, struct http_response *response, enum status status)
{
    if (ctx_find_note(ctx, "replayed") == NULL)
        return status;
    http_add_header(response, "Idempotent-Replayed", "true");
    ctx_forgive(ctx);
    return ctx_fail(ctx, status, "the first answer of the key");
}

enum status gateway_pay(struct ctx *ctx, void *self, const struct http_request *request,
                        struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct pay wish;
    const char *key;
    bool used;
    TRY(admit(ctx, gateway, request, response, &caller, &used));
    TRY(gateway_idempotency_key(ctx, request, true, &key));
    TRY(http_read_json(ctx, request, pay_members, ARRAY_LEN(pay_members), &wish));

    Boxoffice__Payment__V1__PayRequest req = BOXOFFICE__PAYMENT__V1__PAY_REQUEST__INIT;
    req.user_id = caller.claims.user_id.text;
    req.reservation_id = wish.reservation_id.text;
    req.idempotency_key = gateway_text(key);
    req.token_id = caller.claims.token_id.text;
    req.queue = caller.claims.queue;
    req.replay_only = used;
    Boxoffice__Payment__V1__PayResponse *res = NULL;
    const enum status status = gateway_call(ctx, &gateway->peers, CALL_PAY, &req.base, &res);
    if (status != ST_OK)
        return refuse(ctx, response, status);
    return answer(ctx, response, res);
}

enum status gateway_list_payments(struct ctx *ctx, void *self, const struct http_request *request,
                                  struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    const char *page_token;
    Boxoffice__Payment__V1__ListPaymentsRequest req =
        BOXOFFICE__PAYMENT__V1__LIST_PAYMENTS_REQUEST__INIT;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));
    TRY(gateway_page(ctx, request, &req.page_size, &page_token));
    req.user_id = caller.claims.user_id.text;
    req.page_token = gateway_text(page_token);

    Boxoffice__Payment__V1__ListPaymentsResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_PAYMENTS, &req.base, &res));
    json_t *payments = json_array();
    for (size_t i = 0; i < res->n_payments; i++)
        json_array_append_new(payments, present_payment(res->payments[i]));
    return http_write_json(ctx, response,
                           json_pack("{s:o, s:o}", "payments", payments, "next_page_token",
                                     present_page_token(res->next_page_token)));
}

enum status gateway_get_payment(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct uuid payment_id;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));
    TRY(gateway_path_uuid(ctx, request, "payment_id", &payment_id));

    Boxoffice__Payment__V1__GetPaymentRequest req =
        BOXOFFICE__PAYMENT__V1__GET_PAYMENT_REQUEST__INIT;
    req.payment_id = payment_id.text;
    req.user_id = caller.claims.user_id.text;
    Boxoffice__Payment__V1__GetPaymentResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_PAYMENT, &req.base, &res));
    return http_write_json(ctx, response, present_payment(res->payment));
}
