#include "http/json.h"
#include "present.h"
#include "service.h"

enum status gateway_get_balance(struct ctx *ctx, void *self, const struct http_request *request,
                                struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_own_account(ctx, request, &caller));

    Boxoffice__Wallet__V1__GetBalanceRequest req = BOXOFFICE__WALLET__V1__GET_BALANCE_REQUEST__INIT;
    req.user_id = caller.claims.user_id.text;
    Boxoffice__Wallet__V1__GetBalanceResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_BALANCE, &req.base, &res));
    return http_write_json(ctx, response,
                           json_pack("{s:s, s:I, s:s}", "user_id", res->user_id, "balance",
                                     (json_int_t)res->balance_won, "currency", res->currency));
}

struct charge {
    int64_t amount_won;
};

/* Any integer: what is too little or too much is the wallet's limit to tell. */
static const struct http_member charge_members[] = {
    {.name = "amount",
     .kind = HTTP_INT,
     .required = true,
     .offset = offsetof(struct charge, amount_won),
     .min = INT64_MIN,
     .max = INT64_MAX},
};

enum status gateway_charge(struct ctx *ctx, void *self, const struct http_request *request,
                           struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct charge charge;
    const char *key;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_own_account(ctx, request, &caller));
    TRY(gateway_idempotency_key(ctx, request, true, &key));
    TRY(http_read_json(ctx, request, charge_members, ARRAY_LEN(charge_members), &charge));

    Boxoffice__Wallet__V1__ChargeRequest req = BOXOFFICE__WALLET__V1__CHARGE_REQUEST__INIT;
    req.user_id = caller.claims.user_id.text;
    req.amount_won = charge.amount_won;
    req.idempotency_key = gateway_text(key);
    Boxoffice__Wallet__V1__ChargeResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_CHARGE, &req.base, &res));
    response->code = 201;
    if (res->replayed)
        http_add_header(response, "Idempotent-Replayed", "true");
    return http_write_json(ctx, response,
                           json_pack("{s:s, s:s, s:I, s:I, s:s}", "charge_id", res->charge_id,
                                     "user_id", res->user_id, "amount", (json_int_t)res->amount_won,
                                     "balance", (json_int_t)res->balance_won, "currency",
                                     res->currency));
}

enum status gateway_list_transactions(struct ctx *ctx, void *self,
                                      const struct http_request *request,
                                      struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    const char *page_token;
    Boxoffice__Wallet__V1__ListTransactionsRequest req =
        BOXOFFICE__WALLET__V1__LIST_TRANSACTIONS_REQUEST__INIT;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));
    TRY(gateway_own_account(ctx, request, &caller));
    TRY(gateway_page(ctx, request, &req.page_size, &page_token));
    req.user_id = caller.claims.user_id.text;
    req.page_token = gateway_text(page_token);

    Boxoffice__Wallet__V1__ListTransactionsResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_TRANSACTIONS, &req.base, &res));
    json_t *entries = json_array();
    for (size_t i = 0; i < res->n_entries; i++)
        json_array_append_new(entries, present_entry(res->entries[i]));
    return http_write_json(ctx, response,
                           json_pack("{s:o, s:o}", "transactions", entries, "next_page_token",
                                     present_page_token(res->next_page_token)));
}
