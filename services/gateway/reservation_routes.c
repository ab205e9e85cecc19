#include "base/clock.h"
#include "http/json.h"
#include "present.h"
#include "service.h"

enum {
    SEAT_NO_MAX = 5000
}; /* of any date; the date's own limit is the reservation service's answer */

struct wish {
    struct uuid concert_id;
    char date[CLOCK_DATE_SIZE];
    int64_t seat_no;
};

static const struct http_member wish_members[] = {
    {.name = "concert_id",
     .kind = HTTP_UUID,
     .required = true,
     .offset = offsetof(struct wish, concert_id)},
    {.name = "date", .kind = HTTP_DATE, .required = true, .offset = offsetof(struct wish, date)},
    {.name = "seat_no",
     .kind = HTTP_INT,
     .required = true,
     .offset = offsetof(struct wish, seat_no),
     .min = 1,
     .max = SEAT_NO_MAX},
};

enum status gateway_reserve(struct ctx *ctx, void *self, const struct http_request *request,
                            struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct wish wish;
    const char *key;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_idempotency_key(ctx, request, false, &key));
    TRY(http_read_json(ctx, request, wish_members, ARRAY_LEN(wish_members), &wish));

    Boxoffice__Reservation__V1__ReserveRequest req =
        BOXOFFICE__RESERVATION__V1__RESERVE_REQUEST__INIT;
    req.user_id = caller.claims.user_id.text;
    req.concert_id = wish.concert_id.text;
    req.date = wish.date;
    req.seat_no = (int32_t)wish.seat_no;
    req.token_id = caller.claims.token_id.text;
    req.queue = caller.claims.queue;
    req.idempotency_key = gateway_text(key);
    Boxoffice__Reservation__V1__ReserveResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_RESERVE, &req.base, &res));
    const char *location =
        arena_printf(ctx->arena, "/v1/reservations/%s", res->reservation->reservation_id);
    if (location == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    response->code = 201;
    http_add_header(response, "Location", location);
    if (res->replayed)
        http_add_header(response, "Idempotent-Replayed", "true");
    return http_write_json(ctx, response, present_reservation(res->reservation));
}

enum status gateway_list_reservations(struct ctx *ctx, void *self,
                                      const struct http_request *request,
                                      struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    const char *page_token;
    Boxoffice__Reservation__V1__ListReservationsRequest req =
        BOXOFFICE__RESERVATION__V1__LIST_RESERVATIONS_REQUEST__INIT;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));
    TRY(gateway_page(ctx, request, &req.page_size, &page_token));
    req.user_id = caller.claims.user_id.text;
    req.page_token = gateway_text(page_token);

    Boxoffice__Reservation__V1__ListReservationsResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_LIST_RESERVATIONS, &req.base, &res));
    json_t *reservations = json_array();
    for (size_t i = 0; i < res->n_reservations; i++)
        json_array_append_new(reservations, present_reservation(res->reservations[i]));
    return http_write_json(ctx, response,
                           json_pack("{s:o, s:o}", "reservations", reservations, "next_page_token",
                                     present_page_token(res->next_page_token)));
}

enum status gateway_get_reservation(struct ctx *ctx, void *self, const struct http_request *request,
                                    struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct uuid reservation_id;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_OWNER, &caller));
    TRY(gateway_path_uuid(ctx, request, "reservation_id", &reservation_id));

    Boxoffice__Reservation__V1__GetReservationRequest req =
        BOXOFFICE__RESERVATION__V1__GET_RESERVATION_REQUEST__INIT;
    req.reservation_id = reservation_id.text;
    req.user_id = caller.claims.user_id.text;
    Boxoffice__Reservation__V1__GetReservationResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_GET_RESERVATION, &req.base, &res));
    return http_write_json(ctx, response, present_reservation(res->reservation));
}

enum status gateway_cancel(struct ctx *ctx, void *self, const struct http_request *request,
                           struct http_response *response)
{
    struct gateway *gateway = self;
    struct caller caller;
    struct uuid reservation_id;
    TRY(gateway_admit(ctx, gateway, request, response, NEED_TURN, &caller));
    TRY(gateway_path_uuid(ctx, request, "reservation_id", &reservation_id));

    Boxoffice__Reservation__V1__CancelRequest req =
        BOXOFFICE__RESERVATION__V1__CANCEL_REQUEST__INIT;
    req.reservation_id = reservation_id.text;
    req.user_id = caller.claims.user_id.text;
    Boxoffice__Reservation__V1__CancelResponse *res = NULL;
    TRY(gateway_call(ctx, &gateway->peers, CALL_CANCEL, &req.base, &res));
    response->code = 204;
    return ST_OK;
}
