/* The gateway's routes: HTTP and JSON in front, gRPC behind. Handlers read: who, what, call,
 * answer. */
#ifndef GATEWAY_SERVICE_H
#define GATEWAY_SERVICE_H

#include "admission.h"
#include "http/server.h"
#include "limiter.h"
#include "peers.h"

struct gateway {
    struct gateway_peers peers;
    struct admission *admission;  /* borrowed, as are all below */
    struct limiter *user_limiter; /* by user id */
    struct limiter *address_limiter;
    struct place_events *place_events;
    struct seat_events *seat_events;
    struct identity *identity;         /* NULL: anybody is who they say */
    const struct web_files *web_files; /* NULL: no page is served */
    const char *ops_secret;            /* NULL or "": no operator's view */
    struct limiter *ops_limiter;       /* by address */
    const char *audit_file;            /* NULL or "": no audit to show */
    const char *cors_origins;          /* as edge.h has them; NULL or "": none */
};

extern const struct http_route gateway_routes[];
extern const size_t gateway_route_count;

/* --- what every handler begins with --- */

enum need { NEED_TURN, NEED_OWNER };
/* Address limit, token, user limit, turn if needed. The response tells what the limits leave. */
enum status gateway_admit(struct ctx *ctx, struct gateway *gateway,
                          const struct http_request *request, struct http_response *response,
                          enum need need, struct caller *ret_caller) MUST_CHECK;
/* For the one route without a token. */
enum status gateway_admit_anyone(struct ctx *ctx, struct gateway *gateway,
                                 struct http_response *response) MUST_CHECK;
enum status gateway_limit_user(struct ctx *ctx, struct gateway *gateway, const char *user_id,
                               struct http_response *response) MUST_CHECK;

/* The path's user is the caller: ST_INVALID_REQUEST, ST_NOT_YOUR_ACCOUNT. */
enum status gateway_own_account(struct ctx *ctx, const struct http_request *request,
                                const struct caller *caller) MUST_CHECK;
/* A UUID of the path, lower case. */
enum status gateway_path_uuid(struct ctx *ctx, const struct http_request *request, const char *name,
                              struct uuid *ret_uuid) MUST_CHECK;
/* ?page_size= and ?page_token=, nothing else. */
enum status gateway_page(struct ctx *ctx, const struct http_request *request, int32_t *ret_size,
                         const char **ret_token) MUST_CHECK;
/* Idempotency-Key: ST_IDEMPOTENCY_KEY_REQUIRED when it is malformed, or absent though required; ""
 * when absent. */
enum status gateway_idempotency_key(struct ctx *ctx, const struct http_request *request,
                                    bool required, const char **ret_key) MUST_CHECK;

/* protobuf-c's members are char *, though packing only reads them; "" for NULL. */
char *gateway_text(const char *text);

/* --- the handlers, by area --- */
http_handle_fn gateway_issue_token, gateway_get_token, gateway_leave;
http_handle_fn gateway_list_concerts, gateway_list_dates, gateway_list_seats;
http_handle_fn gateway_reserve, gateway_list_reservations, gateway_get_reservation, gateway_cancel;
http_handle_fn gateway_get_balance, gateway_charge, gateway_list_transactions;
http_handle_fn gateway_get_page, gateway_get_docs, gateway_get_ops, gateway_get_openapi;
http_handle_fn gateway_get_asset;
http_handle_fn gateway_pay, gateway_list_payments, gateway_get_payment;

#endif
