#include "service.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "event_routes.h"
#include "http/json.h"
#include "ops_routes.h"
#include "seat_events.h"

enum { PAGE_MAX = 100, KEY_MAX = 128 };

/* --- what every handler begins with --- */

/* Takes one token, and tells the client what is left
 * (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/). */
static enum status limit(struct ctx *ctx, struct limiter *limiter, const char *policy,
                         const char *whom, struct http_response *response)
{
    struct limiter_quota quota;
    const bool granted = limiter_take_of(limiter, base_hash64(whom), clock_monotonic_us(), &quota);
    const char *rule = NULL, *left = NULL;
    if (quota.burst > 0) {
        rule = arena_printf(ctx->arena, "\"%s\";q=%" PRId64 ";w=%d", policy, quota.burst,
                            LIMITER_FULL_S);
        left = arena_printf(ctx->arena, "\"%s\";r=%" PRId64 ";t=%" PRId64, policy, quota.remaining,
                            (quota.fill_us + 999999) / 1000000);
    }
    if (rule != NULL && left != NULL) {
        http_add_header(response, "RateLimit-Policy", rule);
        http_add_header(response, "RateLimit", left);
    }
    return granted ? ST_OK : ctx_fail(ctx, ST_RATE_LIMITED, "limit of one %s", policy);
}

enum status gateway_admit_anyone(struct ctx *ctx, struct gateway *gateway,
                                 struct http_response *response)
{
    return limit(ctx, gateway->address_limiter, "address", ctx->caller, response);
}

enum status gateway_limit_user(struct ctx *ctx, struct gateway *gateway, const char *user_id,
                               struct http_response *response)
{
    return limit(ctx, gateway->user_limiter, "user", user_id, response);
}

enum status gateway_admit(struct ctx *ctx, struct gateway *gateway,
                          const struct http_request *request, struct http_response *response,
                          enum need need, struct caller *ret_caller)
{
    TRY(gateway_admit_anyone(ctx, gateway, response));
    TRY(admission_identify(ctx, gateway->admission, request, ret_caller));
    /* Before the queue is asked: a limit that costs a call limits little. */
    TRY(gateway_limit_user(ctx, gateway, ret_caller->claims.user_id.text, response));
    return need == NEED_OWNER
               ? ST_OK
               : admission_require_turn(ctx, gateway->admission, request, ret_caller);
}

enum status gateway_path_uuid(struct ctx *ctx, const struct http_request *request, const char *name,
                              struct uuid *ret_uuid)
{
    if (!uuid_parse(http_path_param(request, name), ret_uuid)) {
        char pointer[64] = "{";
        base_copy_text(pointer + 1, sizeof pointer - 3, name);
        strncat(pointer, "}", 2);
        ctx_violate(ctx, pointer, "must be a UUID");
    }
    return ctx_checked(ctx);
}

enum status gateway_own_account(struct ctx *ctx, const struct http_request *request,
                                const struct caller *caller)
{
    struct uuid user_id;
    TRY(gateway_path_uuid(ctx, request, "user_id", &user_id));
    if (strcmp(user_id.text, caller->claims.user_id.text) != 0)
        return ctx_fail(ctx, ST_NOT_YOUR_ACCOUNT, "another user's account");
    return ST_OK;
}

enum status gateway_page(struct ctx *ctx, const struct http_request *request, int32_t *ret_size,
                         const char **ret_token)
{
    static const char *const names[] = {"page_size", "page_token"};
    TRY(http_check_query(ctx, request, names, ARRAY_LEN(names)));
    const char *text = http_query_param(request, "page_size");
    int64_t size = 0;
    if (text != NULL && (!base_parse_int64(text, &size) || size < 1 || size > PAGE_MAX))
        ctx_violate(ctx, "?page_size", "must be 1 to %d", PAGE_MAX);
    TRY(ctx_checked(ctx));
    *ret_size = (int32_t)size;
    *ret_token = http_query_param(request, "page_token");
    return ST_OK;
}

enum status gateway_idempotency_key(struct ctx *ctx, const struct http_request *request,
                                    bool required, const char **ret_key)
{
    const char *key = http_header(request, "Idempotency-Key");
    const bool good = key == NULL ? !required : base_is_visible_ascii(key, KEY_MAX);
    if (!good)
        return ctx_fail(ctx, ST_IDEMPOTENCY_KEY_REQUIRED, "key absent or malformed");
    *ret_key = key == NULL ? "" : key;
    return ST_OK;
}

char *gateway_text(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text);
}

/* --- small routes --- */

static enum status get_time(struct ctx *ctx, void *self, const struct http_request *request,
                            struct http_response *response)
{
    (void)self;
    (void)request;
    char now[CLOCK_RFC3339_SIZE];
    const int64_t now_ms = clock_wall_ms();
    clock_format_rfc3339(now_ms, now);
    return http_write_json(ctx, response,
                           json_pack("{s:s, s:I}", "time", now, "unix_ms", (json_int_t)now_ms));
}

static enum status get_health(struct ctx *ctx, void *self, const struct http_request *request,
                              struct http_response *response)
{
    (void)self;
    (void)request;
    return http_write_json(ctx, response, json_pack("{s:s}", "status", "ok"));
}

#define OPS_QUEUE   "/ops/api/queues/{queue}"
#define DATE        "/v1/concerts/{concert_id}/dates/{date}"
#define SEATS       DATE "/seats"
#define SEAT_EVENTS DATE "/events"

const struct http_route gateway_routes[] = {
    {.method = "POST",
     .pattern = "/v1/queue/tokens",
     .handle = gateway_issue_token,
     .needs_json = true},
    {.method = "GET", .pattern = "/v1/queue/tokens/me", .handle = gateway_get_token},
    {.method = "DELETE", .pattern = "/v1/queue/tokens/me", .handle = gateway_leave},
    {.method = "GET", .pattern = "/v1/queue/events", .handle = gateway_watch_place},
    {.method = "GET", .pattern = "/v1/concerts", .handle = gateway_list_concerts},
    {.method = "GET", .pattern = "/v1/concerts/{concert_id}/dates", .handle = gateway_list_dates},
    {.method = "GET", .pattern = SEATS, .handle = gateway_list_seats},
    {.method = "GET", .pattern = SEAT_EVENTS, .handle = gateway_watch_seats},
    {.method = "POST",
     .pattern = "/v1/reservations",
     .handle = gateway_reserve,
     .needs_json = true},
    {.method = "GET", .pattern = "/v1/reservations", .handle = gateway_list_reservations},
    {.method = "GET",
     .pattern = "/v1/reservations/{reservation_id}",
     .handle = gateway_get_reservation},
    {.method = "DELETE", .pattern = "/v1/reservations/{reservation_id}", .handle = gateway_cancel},
    {.method = "GET", .pattern = "/v1/users/{user_id}/balance", .handle = gateway_get_balance},
    {.method = "POST",
     .pattern = "/v1/users/{user_id}/charges",
     .handle = gateway_charge,
     .needs_json = true},
    {.method = "GET",
     .pattern = "/v1/users/{user_id}/transactions",
     .handle = gateway_list_transactions},
    {.method = "POST", .pattern = "/v1/payments", .handle = gateway_pay, .needs_json = true},
    {.method = "GET", .pattern = "/v1/payments", .handle = gateway_list_payments},
    {.method = "GET", .pattern = "/v1/payments/{payment_id}", .handle = gateway_get_payment},
    {.method = "GET", .pattern = "/v1/time", .handle = get_time},
    {.method = "GET", .pattern = "/healthz", .handle = get_health},
    {.method = "GET", .pattern = "/", .handle = gateway_get_page},
    {.method = "GET", .pattern = "/docs", .handle = gateway_get_docs},
    {.method = "GET", .pattern = "/ops", .handle = gateway_get_ops},
    {.method = "GET", .pattern = "/ops/api/overview", .handle = gateway_ops_overview},
    {.method = "PUT",
     .pattern = OPS_QUEUE "/policy",
     .handle = gateway_ops_set_policy,
     .needs_json = true},
    {.method = "POST", .pattern = OPS_QUEUE "/pause", .handle = gateway_ops_pause},
    {.method = "POST", .pattern = OPS_QUEUE "/resume", .handle = gateway_ops_resume},
    {.method = "GET", .pattern = "/openapi.json", .handle = gateway_get_openapi},
    {.method = "GET", .pattern = "/assets/{name}", .handle = gateway_get_asset},
};
const size_t gateway_route_count = ARRAY_LEN(gateway_routes);
