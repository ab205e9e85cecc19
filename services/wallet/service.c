#include "service.h"

#include <inttypes.h>

#include "base/checked.h"
#include "base/ctx.h"
#include "base/uuid.h"
#include "boxoffice/wallet/v1/wallet.pb-c.h"
#include "failpoint/failpoint.h"
#include "store.h"

typedef Boxoffice__Wallet__V1__ChargeRequest ChargeRequest;
typedef Boxoffice__Wallet__V1__ChargeResponse ChargeResponse;
typedef Boxoffice__Wallet__V1__GetBalanceRequest GetBalanceRequest;
typedef Boxoffice__Wallet__V1__GetBalanceResponse GetBalanceResponse;
typedef Boxoffice__Wallet__V1__DebitRequest DebitRequest;
typedef Boxoffice__Wallet__V1__DebitResponse DebitResponse;
typedef Boxoffice__Wallet__V1__RefundRequest RefundRequest;
typedef Boxoffice__Wallet__V1__RefundResponse RefundResponse;
typedef Boxoffice__Wallet__V1__ListTransactionsRequest ListTransactionsRequest;
typedef Boxoffice__Wallet__V1__ListTransactionsResponse ListTransactionsResponse;
typedef Boxoffice__Wallet__V1__LedgerEntry LedgerEntry;

extern const unsigned char boxoffice_wallet_descriptors[];
extern const size_t boxoffice_wallet_descriptors_size;

static void check_uuid(struct ctx *ctx, const char *pointer, const char *text)
{
    if (!uuid_is_valid(text))
        ctx_violate(ctx, pointer, "must be a lower-case UUID");
}

/* Response texts are never freed, but protobuf-c has them as char *: copies keep the qualifiers
 * honest. */
static enum status give_text(struct ctx *ctx, const char *text, char **ret_text)
{
    char *copy = arena_strdup(ctx->arena, text);
    if (!copy)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    *ret_text = copy;
    return ST_OK;
}

static enum status check_charge(struct ctx *ctx, const struct wallet_limits *limits,
                                const ChargeRequest *req)
{
    if (!base_is_visible_ascii(req->idempotency_key, WALLET_KEY_MAX))
        return ctx_fail(ctx, ST_IDEMPOTENCY_KEY_REQUIRED, "no usable key");
    check_uuid(ctx, "/user_id", req->user_id);
    enum status amount = wallet_check_charge(req->amount_won, limits);
    if (amount == ST_INVALID_REQUEST)
        ctx_violate(ctx, "/amount", "must be 1 won or more");
    TRY(ctx_checked(ctx));
    return amount;
}

static enum status handle_charge(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct wallet_service *service = self;
    const ChargeRequest *req = in;
    ChargeResponse *res = out;

    TRY(check_charge(ctx, &service->limits, req));

    TRY(failpoint_hit("charge", FAILPOINT_BEFORE));
    struct wallet_movement movement;
    TRY(wallet_store_charge(ctx, service->db,
                            &(struct wallet_charge){
                                .user_id = req->user_id,
                                .amount_won = req->amount_won,
                                .idempotency_key = req->idempotency_key,
                                .balance_won_max = service->limits.balance_won_max,
                            },
                            &movement));
    TRY(failpoint_hit("charge", FAILPOINT_AFTER));

    TRY(give_text(ctx, movement.entry_id.text, &res->charge_id));
    TRY(give_text(ctx, req->user_id, &res->user_id));
    TRY(give_text(ctx, WALLET_CURRENCY, &res->currency));
    res->amount_won = movement.amount_won;
    res->balance_won = movement.balance_won;
    res->replayed = movement.replayed;
    return ST_OK;
}

static enum status handle_get_balance(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct wallet_service *service = self;
    const GetBalanceRequest *req = in;
    GetBalanceResponse *res = out;

    check_uuid(ctx, "/user_id", req->user_id);
    TRY(ctx_checked(ctx));

    TRY(wallet_store_get_balance(ctx, service->db, req->user_id, &res->balance_won));
    TRY(give_text(ctx, req->user_id, &res->user_id));
    return give_text(ctx, WALLET_CURRENCY, &res->currency);
}

static enum status handle_debit(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct wallet_service *service = self;
    const DebitRequest *req = in;
    DebitResponse *res = out;

    check_uuid(ctx, "/debit_id", req->debit_id);
    check_uuid(ctx, "/user_id", req->user_id);
    check_uuid(ctx, "/payment_id", req->payment_id);
    if (wallet_check_debit(req->amount_won) != ST_OK)
        ctx_violate(ctx, "/amount_won", "must be 1 to %" PRId64 " won", WALLET_LIMIT_MAX);
    TRY(ctx_checked(ctx));

    TRY(failpoint_hit("debit", FAILPOINT_BEFORE));
    struct wallet_movement movement;
    TRY(wallet_store_debit(ctx, service->db,
                           &(struct wallet_debit){
                               .debit_id = req->debit_id,
                               .user_id = req->user_id,
                               .amount_won = req->amount_won,
                               .payment_id = req->payment_id,
                           },
                           &movement));
    TRY(failpoint_hit("debit", FAILPOINT_AFTER));
    res->balance_won = movement.balance_won;
    res->replayed = movement.replayed;
    return ST_OK;
}

static enum status handle_refund(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct wallet_service *service = self;
    const RefundRequest *req = in;
    RefundResponse *res = out;

    check_uuid(ctx, "/debit_id", req->debit_id);
    check_uuid(ctx, "/user_id", req->user_id);
    check_uuid(ctx, "/payment_id", req->payment_id);
    TRY(ctx_checked(ctx));

    TRY(failpoint_hit("refund", FAILPOINT_BEFORE));
    struct wallet_movement movement;
    TRY(wallet_store_refund(ctx, service->db,
                            &(struct wallet_refund){
                                .debit_id = req->debit_id,
                                .user_id = req->user_id,
                                .payment_id = req->payment_id,
                            },
                            &movement));
    TRY(failpoint_hit("refund", FAILPOINT_AFTER));
    res->balance_won = movement.balance_won;
    res->refunded_won = movement.amount_won;
    res->replayed = movement.replayed;
    return ST_OK;
}

#define FOREIGN_PAGE "must come from an earlier page"

static enum status give_entry(struct ctx *ctx, const struct wallet_entry *entry,
                              LedgerEntry **ret_entry)
{
    static const Boxoffice__Wallet__V1__EntryKind kinds[] = {
        [WALLET_CHARGE] = BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_CHARGE,
        [WALLET_DEBIT] = BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_DEBIT,
        [WALLET_REFUND] = BOXOFFICE__WALLET__V1__ENTRY_KIND__ENTRY_KIND_REFUND,
    };

    LedgerEntry *given = arena_alloc(ctx->arena, sizeof(*given));
    if (!given)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    boxoffice__wallet__v1__ledger_entry__init(given);
    given->kind = kinds[entry->kind];
    given->amount_won = entry->amount_won;
    given->balance_after_won = entry->balance_after_won;
    given->created_at_unix_ms = entry->created_at_unix_ms;
    TRY(give_text(ctx, entry->entry_id, &given->entry_id));
    TRY(give_text(ctx, entry->payment_id, &given->payment_id));
    *ret_entry = given;
    return ST_OK;
}

static enum status handle_list_transactions(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct wallet_service *service = self;
    const ListTransactionsRequest *req = in;
    ListTransactionsResponse *res = out;

    size_t page_size = 0;
    check_uuid(ctx, "/user_id", req->user_id);
    if (!wallet_page_size(req->page_size, &page_size))
        ctx_violate(ctx, "/page_size", "must be 1 to %d", WALLET_PAGE_MAX);
    if (!wallet_page_token_is_valid(req->page_token))
        ctx_violate(ctx, "/page_token", FOREIGN_PAGE);
    TRY(ctx_checked(ctx));

    /* One more than the page tells whether another one follows. */
    const struct wallet_entry *entries;
    size_t found;
    enum status status = wallet_store_list(ctx, service->db, req->user_id, req->page_token,
                                           page_size + 1, &entries, &found);
    if (status == ST_INVALID_REQUEST)
        ctx_violate(ctx, "/page_token", FOREIGN_PAGE);
    TRY(status);
    size_t shown = found > page_size ? page_size : found;

    res->entries = arena_calloc(ctx->arena, shown + 1, sizeof(LedgerEntry *));
    if (!res->entries)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < shown; i++)
        TRY(give_entry(ctx, &entries[i], &res->entries[i]));
    res->n_entries = shown;

    if (found > page_size)
        TRY(give_text(ctx, entries[page_size - 1].entry_id, &res->next_page_token));
    return ST_OK;
}

/* Who may call it by certificate stands last. */
#define METHOD(method, snake, handler, names)                                                      \
    {                                                                                              \
        .name = method, .input = &boxoffice__wallet__v1__##snake##_request__descriptor,            \
        .output = &boxoffice__wallet__v1__##snake##_response__descriptor, .handle = handler,       \
        .callers = names,                                                                          \
    }

static const struct rpc_method methods[] = {
    METHOD("Charge", charge, handle_charge, "gateway"),
    METHOD("GetBalance", get_balance, handle_get_balance, "gateway"),
    METHOD("Debit", debit, handle_debit, "payment"),
    METHOD("Refund", refund, handle_refund, "payment"),
    METHOD("ListTransactions", list_transactions, handle_list_transactions, "gateway"),
};

struct rpc_service wallet_rpc_service(struct wallet_service *service)
{
    return (struct rpc_service){
        .name = "boxoffice.wallet.v1.WalletService",
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = boxoffice_wallet_descriptors,
        .descriptors_size = boxoffice_wallet_descriptors_size,
        .self = service,
    };
}
