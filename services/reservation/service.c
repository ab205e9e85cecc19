#include "service.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "boxoffice/reservation/v1/reservation.pb-c.h"
#include "claim.h"
#include "failpoint/failpoint.h"
#include "occupancy.h"
#include "peers.h"
#include "store.h"
#include "watch.h"

typedef Boxoffice__Reservation__V1__Reservation Reservation;
typedef Boxoffice__Reservation__V1__ReserveRequest ReserveRequest;
typedef Boxoffice__Reservation__V1__ReserveResponse ReserveResponse;
typedef Boxoffice__Reservation__V1__GetReservationRequest GetReservationRequest;
typedef Boxoffice__Reservation__V1__GetReservationResponse GetReservationResponse;
typedef Boxoffice__Reservation__V1__ListReservationsRequest ListReservationsRequest;
typedef Boxoffice__Reservation__V1__ListReservationsResponse ListReservationsResponse;
typedef Boxoffice__Reservation__V1__CancelRequest CancelRequest;
typedef Boxoffice__Reservation__V1__CancelResponse CancelResponse;
typedef Boxoffice__Reservation__V1__GetOccupancyRequest GetOccupancyRequest;
typedef Boxoffice__Reservation__V1__GetOccupancyResponse GetOccupancyResponse;
typedef Boxoffice__Reservation__V1__DateOccupancy DateOccupancy;
typedef Boxoffice__Reservation__V1__WatchOccupancyRequest WatchOccupancyRequest;
typedef Boxoffice__Reservation__V1__BeginPaymentRequest BeginPaymentRequest;
typedef Boxoffice__Reservation__V1__BeginPaymentResponse BeginPaymentResponse;
typedef Boxoffice__Reservation__V1__ConfirmRequest ConfirmRequest;
typedef Boxoffice__Reservation__V1__ConfirmResponse ConfirmResponse;
typedef Boxoffice__Reservation__V1__ReleaseRequest ReleaseRequest;
typedef Boxoffice__Reservation__V1__ReleaseResponse ReleaseResponse;

extern const unsigned char boxoffice_reservation_descriptors[];
extern const size_t boxoffice_reservation_descriptors_size;

static void check_uuid(struct ctx *ctx, const char *pointer, const char *text)
{
    if (!uuid_is_valid(text))
        ctx_violate(ctx, pointer, "must be a lower-case UUID");
}

static void check_date(struct ctx *ctx, const char *pointer, const char *text)
{
    if (!clock_date_is_valid(text))
        ctx_violate(ctx, pointer, "must be a date, YYYY-MM-DD");
}

static int status_on_wire(enum claim_status status)
{
    static const int values[CLAIM_STATUS_COUNT] = {
        [CLAIM_HELD] = BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_HELD,
        [CLAIM_PAYING] = BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_PAYING,
        [CLAIM_CONFIRMED] =
            BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_CONFIRMED,
        [CLAIM_EXPIRED] =
            BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_EXPIRED,
        [CLAIM_CANCELLED] =
            BOXOFFICE__RESERVATION__V1__RESERVATION_STATUS__RESERVATION_STATUS_CANCELLED,
    };
    return values[status];
}

static enum status present(struct ctx *ctx, const struct claim *claim,
                           Reservation **ret_reservation)
{
    Reservation *reservation = arena_alloc(ctx->arena, sizeof *reservation);
    struct claim *texts = arena_memdup(ctx->arena, claim, sizeof *claim); /* outlives the handler */
    if (reservation == NULL || texts == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    boxoffice__reservation__v1__reservation__init(reservation);
    reservation->reservation_id = texts->reservation_id.text;
    reservation->user_id = texts->user_id.text;
    reservation->concert_id = texts->concert_id.text;
    reservation->date = texts->date;
    reservation->seat_no = (int32_t)texts->seat_no;
    reservation->price_won = texts->price_won;
    reservation->currency = texts->currency;
    reservation->status =
        (Boxoffice__Reservation__V1__ReservationStatus)status_on_wire(texts->status);
    reservation->held_until_unix_ms = texts->held_until_unix_ms;
    reservation->created_at_unix_ms = texts->created_at_unix_ms;
    reservation->version = texts->version;
    *ret_reservation = reservation;
    return ST_OK;
}

/* --- Reserve --- */

static enum status check_reserve(struct ctx *ctx, const ReserveRequest *req)
{
    check_uuid(ctx, "/user_id", req->user_id);
    check_uuid(ctx, "/concert_id", req->concert_id);
    check_date(ctx, "/date", req->date);
    check_uuid(ctx, "/token_id", req->token_id);
    if (req->seat_no < 1 || req->seat_no > CLAIM_SEATS_MAX)
        ctx_violate(ctx, "/seat_no", "must be 1 to %d", CLAIM_SEATS_MAX);
    const size_t queue = strspn(req->queue, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    if (queue < 1 || queue > CLAIM_QUEUE_MAX || req->queue[queue] != '\0')
        ctx_violate(ctx, "/queue", "must be 1 to %d of a-z 0-9 - _", CLAIM_QUEUE_MAX);
    if (req->idempotency_key[0] != '\0' &&
        !base_is_visible_ascii(req->idempotency_key, CLAIM_KEY_MAX))
        return ctx_fail(ctx, ST_IDEMPOTENCY_KEY_REQUIRED, "unusable key");
    return ctx_checked(ctx);
}

/* A seat of this date, on sale now; its price. The window is judged by this clock: it opens a sale,
 * it does not decide who gets a seat. */
static enum status price_of(struct ctx *ctx, const ReserveRequest *req,
                            const struct claim_date *date, int64_t *ret_price_won)
{
    if (req->seat_no > date->seats_total ||
        !claim_price(date->tiers, date->tier_count, req->seat_no, ret_price_won)) {
        ctx_violate(ctx, "/seat_no", "must be 1 to %" PRId64, date->seats_total);
        return ctx_checked(ctx);
    }
    const int64_t now_ms = clock_wall_ms();
    if (now_ms < date->sale_opens_at_unix_ms || now_ms >= date->sale_closes_at_unix_ms ||
        now_ms >= date->starts_at_unix_ms)
        return ctx_fail(ctx, ST_NOT_ON_SALE, "outside the sale window");
    return ST_OK;
}

/* A turn in one line is no turn in another; the refusal says where to stand. */
static enum status check_line(struct ctx *ctx, const ReserveRequest *req,
                              const struct claim_date *date)
{
    if (strcmp(req->queue, date->queue) == 0)
        return ST_OK;
    ctx_note(ctx, "queue", "%s", date->queue);
    return ctx_fail(ctx, ST_TOKEN_INVALID, "a token of the line %s", req->queue);
}

static enum status handle_reserve(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct reservation_service *service = self;
    const ReserveRequest *req = in;
    ReserveResponse *res = out;

    TRY(check_reserve(ctx, req));
    struct claim_date date;
    int64_t price_won;
    TRY(claim_catalog_date(ctx, service->catalog, req->concert_id, req->date, &date));
    TRY(check_line(ctx, req, &date));
    TRY(price_of(ctx, req, &date, &price_won));

    TRY(failpoint_hit("reserve", FAILPOINT_BEFORE));
    struct claim claim;
    bool replayed;
    TRY(claim_store_reserve(ctx, service->db,
                            &(struct claim_wish){
                                .user_id = req->user_id,
                                .concert_id = req->concert_id,
                                .date = req->date,
                                .seat_no = req->seat_no,
                                .price_won = price_won,
                                .hold_ttl_ms = service->hold_ttl_ms,
                                .token_id = req->token_id,
                                .queue = req->queue,
                                .idempotency_key = req->idempotency_key,
                            },
                            &claim, &replayed));
    TRY(failpoint_hit("reserve", FAILPOINT_AFTER));
    res->replayed = replayed;
    return present(ctx, &claim, &res->reservation);
}

/* --- reading --- */

/* The claim, if it is this user's. */
static enum status load_own(struct ctx *ctx, const struct reservation_service *service,
                            const char *reservation_id, const char *user_id,
                            struct claim *ret_claim)
{
    check_uuid(ctx, "/reservation_id", reservation_id);
    check_uuid(ctx, "/user_id", user_id);
    TRY(ctx_checked(ctx));
    TRY(claim_store_get(ctx, service->db, reservation_id, ret_claim));
    if (strcmp(ret_claim->user_id.text, user_id) != 0)
        return ctx_fail(ctx, ST_RESERVATION_NOT_FOUND, "of another user");
    return ST_OK;
}

static enum status handle_get(struct ctx *ctx, void *self, const void *in, void *out)
{
    const GetReservationRequest *req = in;
    GetReservationResponse *res = out;
    struct claim claim;
    TRY(load_own(ctx, self, req->reservation_id, req->user_id, &claim));
    return present(ctx, &claim, &res->reservation);
}

/* A page token of one user's list is no token of another's. */
static const char *list_of(struct ctx *ctx, const char *user_id)
{
    return arena_printf(ctx->arena, "reservations/%s", user_id);
}

static enum status check_list(struct ctx *ctx, const struct reservation_service *service,
                              const ListReservationsRequest *req,
                              char ret_before[static PAGE_PLACE_MAX + 1])
{
    struct page_key key;
    ret_before[0] = '\0';
    check_uuid(ctx, "/user_id", req->user_id);
    if (req->page_size < 0 || req->page_size > CLAIM_PAGE_MAX)
        ctx_violate(ctx, "/page_size", "must be 1 to %d", CLAIM_PAGE_MAX);
    if (req->page_token[0] == '\0' || ctx->violation_count > 0)
        return ctx_checked(ctx);
    const char *list = list_of(ctx, req->user_id);
    if (list == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    TRY(claim_store_page_key(ctx, service->db, &key));
    if (!page_token_read(&key, list, req->page_token, ret_before))
        ctx_violate(ctx, "/page_token", "must come from an earlier page");
    return ctx_checked(ctx);
}

static enum status give_page_token(struct ctx *ctx, const struct reservation_service *service,
                                   const char *user_id, const char *before, char **ret_token)
{
    struct page_key key;
    const char *token, *list = list_of(ctx, user_id);
    if (list == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    TRY(claim_store_page_key(ctx, service->db, &key));
    TRY(page_token_make(ctx, &key, list, before, &token));
    *ret_token = arena_strdup(ctx->arena, token);
    return *ret_token != NULL ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "arena full");
}

static enum status handle_list(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct reservation_service *service = self;
    const ListReservationsRequest *req = in;
    ListReservationsResponse *res = out;

    char before[PAGE_PLACE_MAX + 1];
    TRY(check_list(ctx, service, req, before));
    const size_t size = req->page_size == 0 ? CLAIM_PAGE_DEFAULT : (size_t)req->page_size;
    struct claim *claims;
    size_t count;
    /* One more than asked tells whether there is a next page. */
    TRY(claim_store_list(ctx, service->db, req->user_id, before, size + 1, &claims, &count));
    const size_t shown = count > size ? size : count;
    res->reservations = arena_calloc(ctx->arena, shown, sizeof *res->reservations);
    if (res->reservations == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < shown; i++)
        TRY(present(ctx, &claims[i], &res->reservations[i]));
    res->n_reservations = shown;
    if (count > size)
        return give_page_token(ctx, service, req->user_id, claims[size - 1].reservation_id.text,
                               &res->next_page_token);
    return ST_OK;
}

/* The bitmaps stay where they were read to. */
static enum status present_occupancy(struct ctx *ctx, struct claim_occupancy *occupancy,
                                     DateOccupancy **ret_date)
{
    const size_t size = seat_map_size(&occupancy->map);
    DateOccupancy *date = arena_alloc(ctx->arena, sizeof *date);
    if (date == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    boxoffice__reservation__v1__date_occupancy__init(date);
    date->date = arena_strdup(ctx->arena, occupancy->date);
    if (date->date == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    date->held = (ProtobufCBinaryData){size, occupancy->map.held};
    date->sold = (ProtobufCBinaryData){size, occupancy->map.sold};
    date->version = occupancy->map.version;
    *ret_date = date;
    return ST_OK;
}

static enum status check_occupancy(struct ctx *ctx, const GetOccupancyRequest *req)
{
    check_uuid(ctx, "/concert_id", req->concert_id);
    if (req->n_dates < 1 || req->n_dates > CLAIM_DATES_MAX)
        ctx_violate(ctx, "/dates", "must be 1 to %d", CLAIM_DATES_MAX);
    for (size_t i = 0; i < req->n_dates; i++)
        check_date(ctx, "/dates", req->dates[i]);
    if (req->min_version < 0)
        ctx_violate(ctx, "/min_version", "must not be negative");
    if (req->n_known_versions != 0 && req->n_known_versions != req->n_dates)
        ctx_violate(ctx, "/known_versions", "must be one for each date");
    return ctx_checked(ctx);
}

/* Whether the caller has the newest of all dates. */
static enum status is_known(struct ctx *ctx, const struct reservation_service *service,
                            const GetOccupancyRequest *req, protobuf_c_boolean *ret_known)
{
    int64_t *versions;
    *ret_known = false;
    if (req->n_known_versions == 0)
        return ST_OK;
    TRY(claim_store_versions(ctx, service->db, req->concert_id, (const char *const *)req->dates,
                             req->n_dates, &versions));
    *ret_known = memcmp(versions, req->known_versions, req->n_dates * sizeof *versions) == 0;
    return ST_OK;
}

static enum status handle_occupancy(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct reservation_service *service = self;
    const GetOccupancyRequest *req = in;
    GetOccupancyResponse *res = out;

    TRY(check_occupancy(ctx, req));
    TRY(is_known(ctx, service, req, &res->unchanged));
    if (res->unchanged)
        return ST_OK;
    /* Read from the store, with no cache between: no answer is older than what anybody was told. */
    struct claim_occupancy *occupancies;
    TRY(claim_store_occupancy(ctx, service->db, req->concert_id, (const char *const *)req->dates,
                              req->n_dates, &occupancies));
    res->dates = arena_calloc(ctx->arena, req->n_dates, sizeof *res->dates);
    if (res->dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < req->n_dates; i++)
        TRY(present_occupancy(ctx, &occupancies[i], &res->dates[i]));
    res->n_dates = req->n_dates;
    return ST_OK;
}

/* Any date of the catalog, on sale or not. */
static enum status open_watch_occupancy(struct ctx *ctx, void *self, const void *in,
                                        struct rpc_stream *stream)
{
    const struct reservation_service *service = self;
    const WatchOccupancyRequest *req = in;
    struct claim_date date;
    check_uuid(ctx, "/concert_id", req->concert_id);
    check_date(ctx, "/date", req->date);
    TRY(ctx_checked(ctx));
    TRY(claim_catalog_date(ctx, service->catalog, req->concert_id, req->date, &date));
    return seat_watch_add(ctx, service->watch, req->concert_id, req->date, stream);
}

/* --- moving --- */

/* Judges, moves, and when the claim had moved on in between, judges what it has become. */
static enum status move(struct ctx *ctx, const struct reservation_service *service,
                        enum claim_event event, struct claim *claim, const char *payment_id,
                        int64_t lease_ms)
{
    enum { TRIES = 3 };
    const char *asking = payment_id[0] == '\0' ? NULL : payment_id;
    for (int i = 0; i < TRIES; i++) {
        bool repeat = false, moved = false;
        TRY(claim_judge(claim, event, asking, &repeat));
        if (repeat)
            return ST_OK;
        const struct claim_move wanted = {
            .event = event, .claim = claim, .payment_id = payment_id, .lease_ms = lease_ms};
        struct claim next;
        TRY(claim_store_move(ctx, service->db, &wanted, &next, &moved));
        if (moved) {
            *claim = next;
            return ST_OK;
        }
        struct uuid id = claim->reservation_id;
        TRY(claim_store_get(ctx, service->db, id.text, claim));
    }
    return ctx_fail(ctx, ST_CONFLICT, "the claim kept moving");
}

static enum status handle_cancel(struct ctx *ctx, void *self, const void *in, void *out)
{
    const CancelRequest *req = in;
    CancelResponse *res = out;
    struct claim claim;
    TRY(load_own(ctx, self, req->reservation_id, req->user_id, &claim));
    TRY(failpoint_hit("cancel", FAILPOINT_BEFORE));
    TRY(move(ctx, self, CLAIM_CANCEL, &claim, "", 0));
    TRY(failpoint_hit("cancel", FAILPOINT_AFTER));
    return present(ctx, &claim, &res->reservation);
}

static enum status handle_begin_payment(struct ctx *ctx, void *self, const void *in, void *out)
{
    const BeginPaymentRequest *req = in;
    BeginPaymentResponse *res = out;
    check_uuid(ctx, "/payment_id", req->payment_id);
    if (req->lease_ms < 1 || req->lease_ms > CLAIM_LEASE_MS_MAX)
        ctx_violate(ctx, "/lease_ms", "must be 1 to %d", CLAIM_LEASE_MS_MAX);
    struct claim claim;
    TRY(load_own(ctx, self, req->reservation_id, req->user_id, &claim));
    TRY(failpoint_hit("begin_payment", FAILPOINT_BEFORE));
    TRY(move(ctx, self, CLAIM_BEGIN, &claim, req->payment_id, req->lease_ms));
    TRY(failpoint_hit("begin_payment", FAILPOINT_AFTER));
    return present(ctx, &claim, &res->reservation);
}

/* Of any user: the payment that began it is proof enough. */
static enum status load_for_payment(struct ctx *ctx, const struct reservation_service *service,
                                    const char *reservation_id, const char *payment_id,
                                    struct claim *ret_claim)
{
    check_uuid(ctx, "/reservation_id", reservation_id);
    check_uuid(ctx, "/payment_id", payment_id);
    TRY(ctx_checked(ctx));
    return claim_store_get(ctx, service->db, reservation_id, ret_claim);
}

static enum status handle_confirm(struct ctx *ctx, void *self, const void *in, void *out)
{
    const ConfirmRequest *req = in;
    ConfirmResponse *res = out;
    struct claim claim;
    TRY(load_for_payment(ctx, self, req->reservation_id, req->payment_id, &claim));
    TRY(failpoint_hit("confirm", FAILPOINT_BEFORE));
    TRY(move(ctx, self, CLAIM_CONFIRM, &claim, req->payment_id, 0));
    TRY(failpoint_hit("confirm", FAILPOINT_AFTER));
    return present(ctx, &claim, &res->reservation);
}

static enum status handle_release(struct ctx *ctx, void *self, const void *in, void *out)
{
    const ReleaseRequest *req = in;
    ReleaseResponse *res = out;
    struct claim claim;
    TRY(load_for_payment(ctx, self, req->reservation_id, req->payment_id, &claim));
    TRY(failpoint_hit("release", FAILPOINT_BEFORE));
    TRY(move(ctx, self, CLAIM_RELEASE, &claim, req->payment_id, 0));
    TRY(failpoint_hit("release", FAILPOINT_AFTER));
    return present(ctx, &claim, &res->reservation);
}

#define TYPES(method, lower)                                                                       \
    .name = method, .input = &boxoffice__reservation__v1__##lower##_request__descriptor,           \
    .output = &boxoffice__reservation__v1__##lower##_response__descriptor
/* Who may call it by certificate stands last. */
#define METHOD(method, lower, handler, names)                                                      \
    {                                                                                              \
        TYPES(method, lower), .handle = handler, .callers = names                                  \
    }

static const struct rpc_method methods[] = {
    METHOD("Reserve", reserve, handle_reserve, "gateway"),
    METHOD("GetReservation", get_reservation, handle_get, "gateway"),
    METHOD("ListReservations", list_reservations, handle_list, "gateway"),
    METHOD("Cancel", cancel, handle_cancel, "gateway"),
    METHOD("GetOccupancy", get_occupancy, handle_occupancy, "concert"),
    {TYPES("WatchOccupancy", watch_occupancy), .open = open_watch_occupancy, .callers = "gateway"},
    METHOD("BeginPayment", begin_payment, handle_begin_payment, "payment"),
    METHOD("Confirm", confirm, handle_confirm, "payment"),
    METHOD("Release", release, handle_release, "payment"),
};

struct rpc_service reservation_rpc_service(struct reservation_service *service)
{
    return (struct rpc_service){
        .name = "boxoffice.reservation.v1.ReservationService",
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = boxoffice_reservation_descriptors,
        .descriptors_size = boxoffice_reservation_descriptors_size,
        .self = service,
    };
}
