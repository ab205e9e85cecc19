#include "service.h"

#include <stdio.h>
#include <string.h>

#include "moments.h"
#include "present.h"
#include "store.h"
#include "token/page.h"

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

#define CONCERTS_LIST "concerts"

static enum status check_list_concerts(struct ctx *ctx, const struct concert_service *service,
                                       const ListConcertsRequest *req,
                                       char ret_after[static PAGE_PLACE_MAX + 1])
{
    struct page_key key;
    ret_after[0] = '\0';
    if (req->page_size < 0 || req->page_size > CATALOG_PAGE_MAX)
        ctx_violate(ctx, "/page_size", "must be 1 to %d", CATALOG_PAGE_MAX);
    if (req->page_token[0] != '\0') {
        TRY(catalog_store_page_key(ctx, service->db, &key));
        if (!page_token_read(&key, CONCERTS_LIST, req->page_token, ret_after))
            ctx_violate(ctx, "/page_token", "must come from an earlier page");
    }
    return ctx_checked(ctx);
}

/* protobuf-c has texts as char *, but only reads them: a copy keeps the qualifiers honest. */
static enum status give_text(struct ctx *ctx, const char *text, char **ret_text)
{
    *ret_text = arena_strdup(ctx->arena, text);
    return *ret_text != NULL ? ST_OK : ctx_fail(ctx, ST_OVERLOADED, "arena full");
}

static enum status give_page_token(struct ctx *ctx, const struct concert_service *service,
                                   const char *after, char **ret_token)
{
    struct page_key key;
    const char *token;
    TRY(catalog_store_page_key(ctx, service->db, &key));
    TRY(page_token_make(ctx, &key, CONCERTS_LIST, after, &token));
    return give_text(ctx, token, ret_token);
}

static enum status handle_list_concerts(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListConcertsRequest *req = in;
    ListConcertsResponse *res = out;

    char after[PAGE_PLACE_MAX + 1];
    TRY(check_list_concerts(ctx, service, req, after));
    const size_t size = req->page_size == 0 ? CATALOG_PAGE_DEFAULT : (size_t)req->page_size;
    struct catalog_concert *concerts;
    size_t count;
    /* One more than asked tells whether there is a next page. */
    TRY(catalog_store_concerts(ctx, service->db, after, size + 1, &concerts, &count));
    const size_t shown = count > size ? size : count;
    res->concerts = arena_calloc(ctx->arena, shown, sizeof *res->concerts);
    if (res->concerts == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < shown; i++)
        TRY(present_concert(ctx, &concerts[i], &res->concerts[i]));
    res->n_concerts = shown;
    if (count > size)
        return give_page_token(ctx, service, concerts[size - 1].concert_id.text,
                               &res->next_page_token);
    return ST_OK;
}

/* Later of the two days. */
static const char *later(const char *a, const char *b)
{
    return strcmp(a, b) >= 0 ? a : b;
}

/* The etag of an answer made from a moment; *ret_known when the caller has that answer. */
static enum status give_etag(struct ctx *ctx, const struct moment *moment, bool all,
                             const char *known_etag, char **ret_etag, protobuf_c_boolean *ret_known)
{
    char etag[MOMENT_ETAG_SIZE + 1];
    snprintf(etag, sizeof etag, "%s%c", moment->etag, all ? '1' : '0');
    *ret_known = strcmp(etag, known_etag) == 0;
    return give_text(ctx, etag, ret_etag);
}

static enum status check_list_dates(struct ctx *ctx, const ListDatesRequest *req)
{
    check_uuid(ctx, "/concert_id", req->concert_id);
    if (req->from[0] != '\0')
        check_date(ctx, "/from", req->from);
    return ctx_checked(ctx);
}

static int64_t count_bits(struct catalog_bits bits, int64_t seats_total)
{
    int64_t count = 0;
    for (int64_t seat_no = 1; seat_no <= seats_total; seat_no++)
        count += catalog_bit(bits, seat_no);
    return count;
}

/* The dates of the moment: all, or those that have a free seat. */
static enum status show_dates(struct ctx *ctx, const struct moment *moment, bool all,
                              ListDatesResponse *res)
{
    res->dates = arena_calloc(ctx->arena, moment->date_count, sizeof *res->dates);
    DateAvailability *list = arena_calloc(ctx->arena, moment->date_count, sizeof *list);
    if (res->dates == NULL || list == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < moment->date_count; i++) {
        const struct catalog_date *date = &moment->dates[i];
        const int64_t available = catalog_free_seats(date->seats_total, moment->occupancies[i].held,
                                                     moment->occupancies[i].sold);
        if (available == 0 && !all)
            continue;
        boxoffice__concert__v1__date_availability__init(&list[i]);
        TRY(give_text(ctx, date->date, &list[i].date));
        list[i].starts_at_unix_ms = date->starts_at_unix_ms;
        list[i].seats_total = (int32_t)date->seats_total;
        list[i].seats_available = (int32_t)available;
        list[i].seats_sold = (int32_t)count_bits(moment->occupancies[i].sold, date->seats_total);
        list[i].seats_held = list[i].seats_total - list[i].seats_available - list[i].seats_sold;
        res->dates[res->n_dates++] = &list[i];
    }
    return ST_OK;
}

/* A turn in one line is no turn in another; the refusal says where to stand. */
static enum status check_line(struct ctx *ctx, const struct moment *moment, const char *queue)
{
    if (queue[0] == '\0' || strcmp(queue, moment->queue) == 0)
        return ST_OK;
    ctx_note(ctx, "queue", "%s", moment->queue);
    return ctx_fail(ctx, ST_TOKEN_INVALID, "a token of the line %s", queue);
}

static enum status handle_list_dates(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListDatesRequest *req = in;
    ListDatesResponse *res = out;

    TRY(check_list_dates(ctx, req));
    char today[CLOCK_DATE_SIZE];
    clock_format_date(clock_wall_ms(), today);
    const struct moment_question question = {.concert_id = req->concert_id,
                                             .from = later(today, req->from),
                                             .through = "",
                                             .dates_max = CATALOG_DATES_MAX};
    scoped(moment_release) struct moment *moment = NULL;
    TRY(moments_see(ctx, service->moments, &question, &moment));
    TRY(check_line(ctx, moment, req->queue));
    const bool all = req->include_full;
    TRY(give_etag(ctx, moment, all, req->known_etag, &res->etag, &res->unchanged));
    return res->unchanged ? ST_OK : show_dates(ctx, moment, all, res);
}

static enum status check_list_seats(struct ctx *ctx, const ListSeatsRequest *req)
{
    check_uuid(ctx, "/concert_id", req->concert_id);
    check_date(ctx, "/date", req->date);
    if (req->through[0] != '\0')
        check_date(ctx, "/through", req->through);
    if (req->min_version < 0)
        ctx_violate(ctx, "/min_version", "must not be negative");
    TRY(ctx_checked(ctx));
    if (req->through[0] != '\0' && strcmp(req->through, req->date) < 0)
        ctx_violate(ctx, "/through", "must not be before the date");
    return ctx_checked(ctx);
}

/* How many of the moment's dates one answer may hold: the caller goes on from the next one. */
static size_t dates_that_fit(const struct moment *moment)
{
    int64_t seats = 0;
    for (size_t i = 0; i < moment->date_count; i++) {
        seats += moment->dates[i].seats_total;
        if (i > 0 && seats > CATALOG_SEATS_ANSWER_MAX)
            return i;
    }
    return moment->date_count;
}

static enum status show_seats(struct ctx *ctx, const struct moment *moment, bool all,
                              ListSeatsResponse *res)
{
    const size_t count = dates_that_fit(moment);
    res->dates = arena_calloc(ctx->arena, count, sizeof *res->dates);
    if (res->dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < count; i++)
        TRY(present_seats(ctx, &moment->dates[i], &moment->occupancies[i], all, &res->dates[i]));
    res->n_dates = count;
    return ST_OK;
}

static enum status handle_list_seats(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const ListSeatsRequest *req = in;
    ListSeatsResponse *res = out;

    TRY(check_list_seats(ctx, req));
    const struct moment_question question = {.concert_id = req->concert_id,
                                             .from = req->date,
                                             .through =
                                                 req->through[0] == '\0' ? req->date : req->through,
                                             .dates_max = CATALOG_THROUGH_MAX};
    scoped(moment_release) struct moment *moment = NULL;
    TRY(moments_see(ctx, service->moments, &question, &moment));
    TRY(check_line(ctx, moment, req->queue));
    if (moment->date_count == 0 || strcmp(moment->dates[0].date, req->date) != 0)
        return ctx_fail(ctx, ST_DATE_NOT_FOUND, "no such date");
    const bool all = req->view == BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL;
    TRY(give_etag(ctx, moment, all, req->known_etag, &res->etag, &res->unchanged));
    return res->unchanged ? ST_OK : show_seats(ctx, moment, all, res);
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

/* What is to stand in the catalog. */
struct entry {
    struct catalog_concert concert;
    struct catalog_date *dates;
    size_t count;
    bool is_date; /* a date alone, whose concert is there */
};

/* A full list of violations may hide more of them. */
static enum status all_checked(struct ctx *ctx)
{
    if (ctx->violation_count == CTX_VIOLATIONS_MAX)
        ctx_note(ctx, "more", "true");
    return ctx_checked(ctx);
}

/* What stands there already must be the same. */
static enum status check_known(struct ctx *ctx, const struct concert_service *service,
                               const struct entry *entry, bool *ret_created)
{
    const char *concert_id = entry->concert.concert_id.text;
    struct catalog_concert known;
    struct catalog_date *known_dates = NULL;
    size_t known_count = 0;
    const enum status status = catalog_store_concert(ctx, service->db, concert_id, &known);
    *ret_created = status == ST_CONCERT_NOT_FOUND;
    if (*ret_created)
        return ST_OK;
    TRY(status);
    TRY(catalog_store_find_dates(ctx, service->db, concert_id, entry->dates, entry->count,
                                 &known_dates, &known_count));
    if (!catalog_concerts_equal(&known, &entry->concert))
        ctx_violate(ctx, "/concert", "is there with other content");
    for (size_t i = 0; i < entry->count; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, entry->is_date ? "/date" : "/dates/%zu", i);
        for (size_t j = 0; j < known_count; j++) {
            if (strcmp(known_dates[j].date, entry->dates[i].date) == 0 &&
                !catalog_dates_equal(&known_dates[j], &entry->dates[i]))
                ctx_violate(ctx, pointer, "is there with other content");
        }
    }
    return ctx->violation_count == 0
               ? ST_OK
               : ctx_fail(ctx, ST_ALREADY_EXISTS, "%s is there with other content",
                          ctx->violations[0].pointer);
}

/* Writes what is missing and looks again: another writer may have come in between. */
static enum status write_entry(struct ctx *ctx, const struct concert_service *service,
                               const struct entry *entry, int64_t *ret_added)
{
    bool created;
    TRY(catalog_store_add(ctx, service->db, &entry->concert, entry->dates, entry->count, &created,
                          ret_added));
    moments_forget(service->moments, entry->concert.concert_id.text);
    return check_known(ctx, service, entry, &created);
}

static enum status check_create(struct ctx *ctx, const CreateConcertRequest *req,
                                struct entry *ret_entry)
{
    struct entry entry = {.count = req->n_dates};
    if (req->concert == NULL)
        ctx_violate(ctx, "/concert", "is required");
    else
        read_concert_message(ctx, req->concert, &entry.concert);
    if (entry.count > CATALOG_CREATE_DATES_MAX) {
        ctx_violate(ctx, "/dates", "must be at most %d", CATALOG_CREATE_DATES_MAX);
        return ctx_checked(ctx);
    }
    entry.dates = arena_calloc(ctx->arena, entry.count, sizeof *entry.dates);
    if (entry.dates == NULL)
        return ctx_fail(ctx, ST_OVERLOADED, "arena full");
    for (size_t i = 0; i < entry.count; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "/dates/%zu", i);
        read_date_message(ctx, prefix, req->dates[i], &entry.dates[i]);
    }
    catalog_check_distinct(ctx, entry.dates, entry.count);
    *ret_entry = entry;
    return all_checked(ctx);
}

static enum status handle_create_concert(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const CreateConcertRequest *req = in;
    CreateConcertResponse *res = out;

    struct entry entry;
    bool created;
    int64_t added = 0;
    TRY(check_create(ctx, req, &entry));
    TRY(check_known(ctx, service, &entry, &created));
    if (!req->validate_only)
        TRY(write_entry(ctx, service, &entry, &added));
    res->created = created;
    res->dates_added = (int32_t)added;
    return present_concert(ctx, &entry.concert, &res->concert);
}

static enum status handle_add_date(struct ctx *ctx, void *self, const void *in, void *out)
{
    const struct concert_service *service = self;
    const AddDateRequest *req = in;
    AddDateResponse *res = out;

    struct catalog_date date;
    check_uuid(ctx, "/concert_id", req->concert_id);
    if (req->date == NULL)
        ctx_violate(ctx, "/date", "is required");
    else
        read_date_message(ctx, "/date", req->date, &date);
    TRY(all_checked(ctx));

    struct entry entry = {.dates = &date, .count = 1, .is_date = true};
    bool created;
    int64_t added;
    TRY(catalog_store_concert(ctx, service->db, req->concert_id, &entry.concert));
    TRY(check_known(ctx, service, &entry, &created));
    TRY(write_entry(ctx, service, &entry, &added));
    res->created = added == 1;
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
    METHOD("GetSeat", get_seat, handle_get_seat, "gateway reservation"),
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
