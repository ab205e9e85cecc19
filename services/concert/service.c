#include "service.h"

#include <stdio.h>
#include <string.h>

#include "present.h"
#include "store.h"

typedef Boxoffice__Concert__V1__ListConcertsRequest ListConcertsRequest;
typedef Boxoffice__Concert__V1__ListConcertsResponse ListConcertsResponse;
typedef Boxoffice__Concert__V1__ListDatesRequest ListDatesRequest;
typedef Boxoffice__Concert__V1__ListDatesResponse ListDatesResponse;
typedef Boxoffice__Concert__V1__DateAvailability DateAvailability;
typedef Boxoffice__Concert__V1__ListSeatsRequest ListSeatsRequest;
typedef Boxoffice__Concert__V1__ListSeatsResponse ListSeatsResponse;
typedef Boxoffice__Concert__V1__GetSeatRequest GetSeatRequest;
typedef Boxoffice__Concert__V1__GetSeatResponse GetSeatResponse;
typedef Boxoffice__Concert__V1__CreateConcertRequest CreateConcertRequest;
typedef Boxoffice__Concert__V1__CreateConcertResponse CreateConcertResponse;
typedef Boxoffice__Concert__V1__AddDateRequest AddDateRequest;
typedef Boxoffice__Concert__V1__AddDateResponse AddDateResponse;

extern const unsigned char boxoffice_concert_descriptors[];
extern const size_t boxoffice_concert_descriptors_size;

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

/* --- reading --- */

static enum status handle_list_concerts(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListConcertsRequest *req = in;
    ListConcertsResponse *res = out;

    if (req->page_size < 0 || req->page_size > CATALOG_PAGE_MAX)
        ctx_violate(ctx, "/page_size", "must be 1 to %d", CATALOG_PAGE_MAX);
    if (req->page_token[0] != '\0' && !uuid_is_valid(req->page_token))
        ctx_violate(ctx, "/page_token", "is not one of ours");
    TRY(ctx_checked(ctx));

    const size_t size = req->page_size == 0 ? CATALOG_PAGE_DEFAULT : (size_t)req->page_size;
    struct catalog_concert *concerts;
    size_t count;
    /* One more than asked tells whether there is a next page. */
    TRY(catalog_store_concerts(ctx, service->db, req->page_token, size + 1, &concerts, &count));
    const size_t shown = count > size ? size : count;
    res->concerts = arena_calloc(ctx->arena, shown, sizeof *res->concerts);
    if (res->concerts == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < shown; i++)
        TRY(present_concert(ctx, &concerts[i], &res->concerts[i]));
    res->n_concerts = shown;
    if (count > size)
        res->next_page_token = concerts[size - 1].concert_id.text;
    return ST_OK;
}

/* Later of the two days. */
static const char *later(const char *a, const char *b)
{
    return strcmp(a, b) >= 0 ? a : b;
}

static enum status handle_list_dates(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListDatesRequest *req = in;
    ListDatesResponse *res = out;

    check_uuid(ctx, "/concert_id", req->concert_id);
    if (req->from[0] != '\0')
        check_date(ctx, "/from", req->from);
    TRY(ctx_checked(ctx));
    struct catalog_concert concert;
    TRY(catalog_store_concert(ctx, service->db, req->concert_id, &concert));

    char today[CLOCK_DATE_SIZE];
    clock_format_date(clock_wall_ms(), today);
    struct catalog_date *dates;
    struct catalog_occupancy *occupancies;
    size_t count;
    TRY(catalog_store_dates(ctx, service->db, req->concert_id, later(today, req->from), "",
                            CATALOG_DATES_MAX, &dates, &count));
    TRY(peer_occupancy(ctx, service->reservation, req->concert_id, dates, count, &occupancies));

    res->dates = arena_calloc(ctx->arena, count, sizeof *res->dates);
    DateAvailability *list = arena_calloc(ctx->arena, count, sizeof *list);
    if (res->dates == NULL || list == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++) {
        const int64_t available =
            catalog_free_seats(dates[i].seats_total, occupancies[i].held, occupancies[i].sold);
        if (available == 0)
            continue;
        boxoffice__concert__v1__date_availability__init(&list[i]);
        list[i].date = dates[i].date;
        list[i].starts_at_unix_ms = dates[i].starts_at_unix_ms;
        list[i].seats_total = (int32_t)dates[i].seats_total;
        list[i].seats_available = (int32_t)available;
        res->dates[res->n_dates++] = &list[i];
    }
    return ST_OK;
}

static enum status check_list_seats(struct ctx *ctx, const ListSeatsRequest *req)
{
    check_uuid(ctx, "/concert_id", req->concert_id);
    check_date(ctx, "/date", req->date);
    if (req->through[0] != '\0')
        check_date(ctx, "/through", req->through);
    TRY(ctx_checked(ctx));
    if (req->through[0] != '\0' && strcmp(req->through, req->date) < 0)
        ctx_violate(ctx, "/through", "must not be before the date");
    return ctx_checked(ctx);
}

/* The asked date, and the later ones through the last, within what one answer may hold. */
static enum status load_dates(struct ctx *ctx, const struct concert_service *service,
                              const ListSeatsRequest *req, struct catalog_date **ret_dates,
                              size_t *ret_count)
{
    const char *through = req->through[0] == '\0' ? req->date : req->through;
    struct catalog_concert concert;
    TRY(catalog_store_concert(ctx, service->db, req->concert_id, &concert));
    TRY(catalog_store_dates(ctx, service->db, req->concert_id, req->date, through,
                            CATALOG_THROUGH_MAX, ret_dates, ret_count));
    if (*ret_count == 0 || strcmp((*ret_dates)[0].date, req->date) != 0)
        return ctx_fail(ctx, ST_DATE_NOT_FOUND, "no such date");
    int64_t seats = 0;
    for (size_t i = 0; i < *ret_count; i++) {
        seats += (*ret_dates)[i].seats_total;
        if (i > 0 && seats > CATALOG_SEATS_ANSWER_MAX) {
            *ret_count = i; /* the caller goes on from the next date */
            break;
        }
    }
    return ST_OK;
}

static enum status handle_list_seats(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListSeatsRequest *req = in;
    ListSeatsResponse *res = out;

    TRY(check_list_seats(ctx, req));
    struct catalog_date *dates;
    struct catalog_occupancy *occupancies;
    size_t count;
    TRY(load_dates(ctx, service, req, &dates, &count));
    /* Asked of the truth each time, so it is never older than any version the caller has seen. */
    TRY(peer_occupancy(ctx, service->reservation, req->concert_id, dates, count, &occupancies));

    const bool all = req->view == BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL;
    res->dates = arena_calloc(ctx->arena, count, sizeof *res->dates);
    if (res->dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++)
        TRY(present_seats(ctx, &dates[i], &occupancies[i], all, &res->dates[i]));
    res->n_dates = count;
    return ST_OK;
}

static enum status handle_get_seat(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const GetSeatRequest *req = in;
    GetSeatResponse *res = out;

    check_uuid(ctx, "/concert_id", req->concert_id);
    check_date(ctx, "/date", req->date);
    TRY(ctx_checked(ctx));
    struct catalog_concert concert;
    struct catalog_date *dates;
    size_t count;
    TRY(catalog_store_concert(ctx, service->db, req->concert_id, &concert));
    TRY(catalog_store_dates(ctx, service->db, req->concert_id, req->date, req->date, 1, &dates,
                            &count));
    if (count == 0)
        return ctx_fail(ctx, ST_DATE_NOT_FOUND, "no such date");
    const struct catalog_date *date = &dates[0];
    if (req->seat_no < 1 || req->seat_no > date->seats_total)
        ctx_violate(ctx, "/seat_no", "must be 1 to %d", (int)date->seats_total);
    TRY(ctx_checked(ctx));

    Concert *shown;
    TRY(present_concert(ctx, &concert, &shown));
    TRY(present_tiers(ctx, date, &res->tiers));
    res->n_tiers = date->tier_count;
    res->concert_id = shown->concert_id;
    res->currency = shown->currency;
    res->queue = shown->queue;
    res->date = dates[0].date;
    res->seat_no = req->seat_no;
    res->price_won = catalog_price_won(date, req->seat_no);
    res->seats_total = (int32_t)date->seats_total;
    res->starts_at_unix_ms = date->starts_at_unix_ms;
    res->sale_opens_at_unix_ms = date->sale_opens_at_unix_ms;
    res->sale_closes_at_unix_ms = date->sale_closes_at_unix_ms;
    return ST_OK;
}

/* --- writing --- */

/* Adds the date, or finds the same one there. */
static enum status add_date(struct ctx *ctx, const struct concert_service *service,
                            const char *concert_id, const struct catalog_date *date,
                            bool *ret_created)
{
    TRY(catalog_store_add_date(ctx, service->db, concert_id, date, ret_created));
    if (*ret_created)
        return ST_OK;
    struct catalog_date *known;
    size_t count;
    TRY(catalog_store_dates(ctx, service->db, concert_id, date->date, date->date, 1, &known,
                            &count));
    if (count != 1 || !catalog_dates_equal(&known[0], date))
        return ctx_fail(ctx, ST_ALREADY_EXISTS, "the date is there with other content");
    return ST_OK;
}

static enum status handle_create_concert(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const CreateConcertRequest *req = in;
    CreateConcertResponse *res = out;

    if (req->concert == NULL)
        ctx_violate(ctx, "/concert", "is required");
    if (req->n_dates > CATALOG_CREATE_DATES_MAX)
        ctx_violate(ctx, "/dates", "must be at most %d", CATALOG_CREATE_DATES_MAX);
    TRY(ctx_checked(ctx));
    struct catalog_concert concert;
    struct catalog_date *dates = arena_calloc(ctx->arena, req->n_dates, sizeof *dates);
    if (dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    read_concert_message(ctx, req->concert, &concert);
    catalog_check_concert(ctx, &concert);
    for (size_t i = 0; i < req->n_dates; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "/dates/%zu", i);
        read_date_message(ctx, prefix, req->dates[i], &dates[i]);
    }
    TRY(ctx_checked(ctx));

    bool created, added;
    TRY(catalog_store_add_concert(ctx, service->db, &concert, &created));
    struct catalog_concert known;
    TRY(catalog_store_concert(ctx, service->db, concert.concert_id.text, &known));
    if (!catalog_concerts_equal(&known, &concert))
        return ctx_fail(ctx, ST_ALREADY_EXISTS, "the concert is there with other content");
    for (size_t i = 0; i < req->n_dates; i++)
        TRY(add_date(ctx, service, concert.concert_id.text, &dates[i], &added));
    res->created = created;
    return present_concert(ctx, &concert, &res->concert);
}

static enum status handle_add_date(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const AddDateRequest *req = in;
    AddDateResponse *res = out;

    check_uuid(ctx, "/concert_id", req->concert_id);
    if (req->date == NULL)
        ctx_violate(ctx, "/date", "is required");
    TRY(ctx_checked(ctx));
    struct catalog_date date;
    read_date_message(ctx, "/date", req->date, &date);
    TRY(ctx_checked(ctx));

    struct catalog_concert concert;
    bool created;
    TRY(catalog_store_concert(ctx, service->db, req->concert_id, &concert));
    TRY(add_date(ctx, service, req->concert_id, &date, &created));
    res->created = created;
    return present_date(ctx, &date, &res->date);
}

/* Who may call it by certificate stands last. */
#define METHOD(method, lower, handler, names)                                                      \
    {                                                                                              \
        .name = method, .input = &boxoffice__concert__v1__##lower##_request__descriptor,           \
        .output = &boxoffice__concert__v1__##lower##_response__descriptor, .handle = handler,      \
        .callers = names,                                                                          \
    }

static const struct rpc_method methods[] = {
    METHOD("ListConcerts", list_concerts, handle_list_concerts, "gateway"),
    METHOD("ListDates", list_dates, handle_list_dates, "gateway"),
    METHOD("ListSeats", list_seats, handle_list_seats, "gateway"),
    METHOD("GetSeat", get_seat, handle_get_seat, "reservation"),
    METHOD("CreateConcert", create_concert, handle_create_concert, "admin"),
    METHOD("AddDate", add_date, handle_add_date, "admin"),
};

struct rpc_service concert_rpc_service(struct concert_service *service)
{
    return (struct rpc_service){
        .name = "boxoffice.concert.v1.ConcertService",
        .methods = methods,
        .method_count = ARRAY_LEN(methods),
        .descriptors = boxoffice_concert_descriptors,
        .descriptors_size = boxoffice_concert_descriptors_size,
        .self = service,
    };
}
