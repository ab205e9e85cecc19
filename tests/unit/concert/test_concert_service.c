#include <stdio.h>
#include <string.h>

#include "boxoffice/concert/v1/concert.pb-c.h"
#include "concert_fixture.h"
#include "service.h"

#define MESSAGE(name) Boxoffice__Concert__V1__##name
typedef MESSAGE(ListConcertsRequest) ListConcertsRequest;
typedef MESSAGE(ListConcertsResponse) ListConcertsResponse;
typedef MESSAGE(ListDatesRequest) ListDatesRequest;
typedef MESSAGE(ListDatesResponse) ListDatesResponse;
typedef MESSAGE(ListSeatsRequest) ListSeatsRequest;
typedef MESSAGE(ListSeatsResponse) ListSeatsResponse;
typedef MESSAGE(GetSeatRequest) GetSeatRequest;
typedef MESSAGE(GetSeatResponse) GetSeatResponse;
typedef MESSAGE(CreateConcertRequest) CreateConcertRequest;
typedef MESSAGE(CreateConcertResponse) CreateConcertResponse;
typedef MESSAGE(AddDateRequest) AddDateRequest;
typedef MESSAGE(AddDateResponse) AddDateResponse;
typedef MESSAGE(Concert) Concert;
typedef MESSAGE(ConcertDate) ConcertDate;
typedef MESSAGE(PriceTier) PriceTier;

static char concert_id[] = CONCERT_ID, other_id[] = "0190a000-0000-7000-8000-0000000000d1";
static char first_day[] = "2090-01-01", second_day[] = "2090-01-02", last_day[] = "2090-01-03",
            no_day[] = "2090-02-30", new_day[] = "2090-03-01", none[] = "";

static enum status call(const char *method, const void *in, void *out)
{
    struct concert_service service = {.moments = moments};
    const struct rpc_service rpc_service = concert_rpc_service(&service);
    fresh_ctx();
    for (size_t i = 0; i < rpc_service.method_count; i++) {
        if (strcmp(rpc_service.methods[i].name, method) == 0)
            return rpc_service.methods[i].handle(&ctx, rpc_service.self, in, out);
    }
    ck_abort_msg("no method %s", method);
    return ST_INTERNAL;
}

static bool has_violation(const char *pointer)
{
    for (size_t i = 0; i < ctx.violation_count; i++) {
        if (strcmp(ctx.violations[i].pointer, pointer) == 0)
            return true;
    }
    return false;
}

/* --- reading --- */

static enum status list_concerts(int32_t size, char *token, ListConcertsResponse *res)
{
    ListConcertsRequest req = BOXOFFICE__CONCERT__V1__LIST_CONCERTS_REQUEST__INIT;
    req.page_size = size;
    req.page_token = token;
    boxoffice__concert__v1__list_concerts_response__init(res);
    return call("ListConcerts", &req, res);
}

static void put_concert(struct fake_catalog *catalog, void *self)
{
    struct catalog_concert *concert = &catalog->concerts[catalog->concert_count++];
    *concert = catalog->concerts[0];
    snprintf(concert->concert_id.text, UUID_TEXT_SIZE, "0190a000-0000-7000-8000-%012x",
             *(unsigned *)self);
}

START_TEST(pages_keep_their_place_while_concerts_are_added)
{
    static char token[PAGE_TOKEN_MAX + 1];
    unsigned seen[16] = {0}, count = 0;
    ListConcertsResponse res;
    for (unsigned id = 0x10; id < 0x16; id++)
        fake_catalog_change(put_concert, &id);
    token[0] = '\0';
    do {
        ck_assert_int_eq(list_concerts(2, token, &res), ST_OK);
        for (size_t i = 0; i < res.n_concerts; i++) {
            unsigned id;
            ck_assert_int_eq(sscanf(res.concerts[i]->concert_id + 24, "%x", &id), 1);
            seen[count++] = id;
        }
        snprintf(token, sizeof token, "%s", res.next_page_token);
        if (count == 2) { /* one before the place, one behind it */
            unsigned before = 0x01, behind = 0x99;
            fake_catalog_change(put_concert, &before);
            fake_catalog_change(put_concert, &behind);
        }
    } while (token[0] != '\0');
    static const unsigned wanted[] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x99, 0xc1};
    ck_assert_uint_eq(count, ARRAY_LEN(wanted));
    ck_assert(memcmp(seen, wanted, sizeof wanted) == 0);
}
END_TEST

START_TEST(page_sizes_and_tokens_have_limits)
{
    static char forged[] = "forged-token";
    ListConcertsResponse res;
    ck_assert_int_eq(list_concerts(-1, none, &res), ST_INVALID_REQUEST);
    ck_assert_int_eq(list_concerts(CATALOG_PAGE_MAX + 1, none, &res), ST_INVALID_REQUEST);
    ck_assert_int_eq(list_concerts(CATALOG_PAGE_MAX, none, &res), ST_OK);
    ck_assert_int_eq(list_concerts(0, forged, &res), ST_INVALID_REQUEST);
    ck_assert(has_violation("/page_token"));
    ck_assert_int_eq(list_concerts(0, concert_id, &res), ST_INVALID_REQUEST);
}
END_TEST

static enum status list_dates(char *from, char *etag, ListDatesResponse *res)
{
    ListDatesRequest req = BOXOFFICE__CONCERT__V1__LIST_DATES_REQUEST__INIT;
    req.concert_id = concert_id;
    req.from = from;
    req.known_etag = etag;
    boxoffice__concert__v1__list_dates_response__init(res);
    return call("ListDates", &req, res);
}

START_TEST(dates_are_those_with_a_free_seat)
{
    ListDatesResponse res;
    set_seats(0, 0xff, 0);    /* all held */
    set_seats(1, 0x0f, 0xf0); /* held or sold */
    set_seats(2, 0x01, 0x80);
    ck_assert_int_eq(list_dates(none, none, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 1);
    ck_assert_str_eq(res.dates[0]->date, last_day);
    ck_assert_int_eq(res.dates[0]->seats_available, 6);
    ck_assert_int_eq(res.dates[0]->seats_total, 8);
    set_seats(0, 0, 0);
    ck_assert_int_eq(list_dates(none, none, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 2);
    ck_assert_int_eq(list_dates(second_day, none, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 1);
    ck_assert_int_eq(list_dates(no_day, none, &res), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(an_operator_sees_full_dates_too_and_what_is_held_and_sold)
{
    ListDatesRequest req = BOXOFFICE__CONCERT__V1__LIST_DATES_REQUEST__INIT;
    ListDatesResponse res;
    set_seats(0, 0xff, 0x03); /* full; a sold seat counts once */
    set_seats(1, 0, 0);
    set_seats(2, 0x01, 0x80);
    req.concert_id = concert_id;
    req.include_full = true;
    boxoffice__concert__v1__list_dates_response__init(&res);
    ck_assert_int_eq(call("ListDates", &req, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 3);
    static const int held[] = {6, 0, 1}, sold[] = {2, 0, 1}, available[] = {0, 8, 6};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(res.dates[i]->seats_held, held[i]);
        ck_assert_int_eq(res.dates[i]->seats_sold, sold[i]);
        ck_assert_int_eq(res.dates[i]->seats_available, available[i]);
    }
    /* Another question: its answer has another name. */
    char etag[64];
    snprintf(etag, sizeof etag, "%s", res.etag);
    ck_assert_int_eq(list_dates(none, etag, &res), ST_OK);
    ck_assert(!res.unchanged);
    ck_assert_uint_eq(res.n_dates, 2);
}
END_TEST

START_TEST(dates_that_are_over_are_not_listed)
{
    static char long_ago[] = "1999-01-01";
    ListDatesResponse res;
    add_date(long_ago);
    ck_assert_int_eq(list_dates(long_ago, none, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 3);
}
END_TEST

static enum status list_seats(const ListSeatsRequest *req, ListSeatsResponse *res)
{
    boxoffice__concert__v1__list_seats_response__init(res);
    return call("ListSeats", req, res);
}

static ListSeatsRequest seats_of(char *date)
{
    ListSeatsRequest req = BOXOFFICE__CONCERT__V1__LIST_SEATS_REQUEST__INIT;
    req.concert_id = concert_id;
    req.date = date;
    return req;
}

START_TEST(seats_are_the_free_ones_or_all_with_their_state)
{
    ListSeatsResponse res;
    ListSeatsRequest req = seats_of(first_day);
    set_seats(0, 0x02, 0x04);
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 1);
    ck_assert_int_eq(res.dates[0]->seats_available, 6);
    ck_assert_uint_eq(res.dates[0]->n_seats, 6);
    ck_assert_int_eq(res.dates[0]->seats[1]->seat_no, 4);
    ck_assert_int_eq(res.dates[0]->seats[1]->price_won, 1000);
    ck_assert_int_eq(res.dates[0]->version, look().versions[0]);
    req.view = BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_uint_eq(res.dates[0]->n_seats, 8);
    static const int states[] = {1, 2, 3, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq((int)res.dates[0]->seats[i]->status, states[i]);
}
END_TEST

/* NOTES: own hold shown as sold out. A seat that is held is never called sold, and a date whose
 * last seat is held says 0 available and shows it held. */
START_TEST(a_held_seat_is_shown_as_held_and_not_as_sold)
{
    ListSeatsResponse res;
    ListSeatsRequest req = seats_of(first_day);
    set_seats(0, 0x80, 0x7f);
    req.view = BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_int_eq(res.dates[0]->seats_available, 0);
    ck_assert_int_eq((int)res.dates[0]->seats[7]->status, 2);
    ck_assert_int_eq((int)res.dates[0]->seats[6]->status, 3);
}
END_TEST

START_TEST(through_adds_the_later_dates_as_far_as_an_answer_goes)
{
    ListSeatsResponse res;
    ListSeatsRequest req = seats_of(first_day);
    req.through = last_day;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 3);
    req.date = last_day;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, 1);
    req.through = second_day;
    ck_assert_int_eq(list_seats(&req, &res), ST_INVALID_REQUEST);
    ck_assert(has_violation("/through"));
    req = seats_of(new_day);
    ck_assert_int_eq(list_seats(&req, &res), ST_DATE_NOT_FOUND);
    req.through = no_day;
    ck_assert_int_eq(list_seats(&req, &res), ST_INVALID_REQUEST);
}
END_TEST

static void enlarge(struct fake_catalog *catalog, void *self)
{
    (void)self;
    for (size_t i = 0; i < catalog->date_count; i++)
        catalog->dates[i] = date_named(catalog->dates[i].date, CATALOG_SEATS_MAX);
}

START_TEST(an_answer_of_large_dates_ends_before_it_is_too_large)
{
    ListSeatsResponse res;
    ListSeatsRequest req = seats_of(first_day);
    fake_catalog_change(enlarge, NULL);
    req.through = last_day;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert_uint_eq(res.n_dates, CATALOG_SEATS_ANSWER_MAX / CATALOG_SEATS_MAX);
    ck_assert_uint_eq(res.dates[0]->n_seats, CATALOG_SEATS_MAX);
}
END_TEST

START_TEST(an_answer_that_is_known_is_not_sent_again)
{
    char etag[64], dates_etag[64];
    ListSeatsResponse res;
    ListDatesResponse dates;
    ListSeatsRequest req = seats_of(first_day);
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert(!res.unchanged);
    snprintf(etag, sizeof etag, "%s", res.etag);
    req.known_etag = etag;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert(res.unchanged);
    ck_assert_uint_eq(res.n_dates, 0);
    ck_assert_str_eq(res.etag, etag);
    /* The other view is another answer, and so is what has changed. */
    req.view = BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_ALL;
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert(!res.unchanged);
    req.view = BOXOFFICE__CONCERT__V1__SEAT_VIEW__SEAT_VIEW_AVAILABLE;
    ck_assert_int_eq(list_dates(none, none, &dates), ST_OK);
    snprintf(dates_etag, sizeof dates_etag, "%s", dates.etag);
    ck_assert_int_eq(list_dates(none, dates_etag, &dates), ST_OK);
    ck_assert(dates.unchanged && dates.n_dates == 0);
    set_seats(0, 1, 0);
    ck_assert_int_eq(list_seats(&req, &res), ST_OK);
    ck_assert(!res.unchanged);
    ck_assert_int_eq(list_dates(none, dates_etag, &dates), ST_OK);
    ck_assert(!dates.unchanged);
}
END_TEST

START_TEST(a_turn_in_another_line_shows_nothing_and_names_the_right_one)
{
    static char right[] = "main", wrong[] = "vip";
    ListSeatsResponse seats;
    ListDatesResponse dates;
    ListSeatsRequest of_seats = seats_of(first_day);
    ListDatesRequest of_dates = BOXOFFICE__CONCERT__V1__LIST_DATES_REQUEST__INIT;
    of_dates.concert_id = concert_id;
    boxoffice__concert__v1__list_dates_response__init(&dates);
    of_seats.queue = of_dates.queue = right;
    ck_assert_int_eq(list_seats(&of_seats, &seats), ST_OK);
    ck_assert_int_eq(call("ListDates", &of_dates, &dates), ST_OK);
    of_seats.queue = of_dates.queue = wrong;
    ck_assert_int_eq(list_seats(&of_seats, &seats), ST_TOKEN_INVALID);
    ck_assert_str_eq(ctx_find_note(&ctx, "queue"), "main");
    ck_assert_uint_eq(seats.n_dates, 0);
    boxoffice__concert__v1__list_dates_response__init(&dates);
    ck_assert_int_eq(call("ListDates", &of_dates, &dates), ST_TOKEN_INVALID);
    ck_assert_uint_eq(dates.n_dates, 0);
}
END_TEST

START_TEST(a_seat_has_a_price_and_a_date_its_window)
{
    GetSeatResponse res;
    GetSeatRequest req = BOXOFFICE__CONCERT__V1__GET_SEAT_REQUEST__INIT;
    req.concert_id = concert_id;
    req.date = first_day;
    for (int seat = 0; seat <= 9; seat += 9) {
        req.seat_no = seat;
        boxoffice__concert__v1__get_seat_response__init(&res);
        ck_assert_int_eq(call("GetSeat", &req, &res), ST_INVALID_REQUEST);
    }
    req.seat_no = 8;
    ck_assert_int_eq(call("GetSeat", &req, &res), ST_OK);
    ck_assert_int_eq(res.price_won, 1000);
    ck_assert_int_eq(res.seats_total, 8);
    ck_assert_str_eq(res.queue, "main");
    req.date = new_day;
    ck_assert_int_eq(call("GetSeat", &req, &res), ST_DATE_NOT_FOUND);
    req.concert_id = other_id;
    ck_assert_int_eq(call("GetSeat", &req, &res), ST_CONCERT_NOT_FOUND);
}
END_TEST

/* --- writing --- */

static char title[] = "Neon Parade", upper_id[] = "0190A000-0000-7000-8000-0000000000D1",
            long_id[] = "0190a000-0000-7000-8000-0000000000d1x", not_utf8[] = "\xff",
            long_day[] = "2090-03-01x", dollars[] = "USD", capitals[] = "MAIN";

static struct {
    Concert concert;
    ConcertDate dates[3];
    PriceTier tiers[3];
    PriceTier *tier_lists[3];
    ConcertDate *list[3];
    CreateConcertRequest req;
} wish;

/* A concert of three dates from new_day on. */
static void wish_well(void)
{
    static char days[3][CLOCK_DATE_SIZE] = {"2090-03-01", "2090-03-02", "2090-03-03"};
    boxoffice__concert__v1__concert__init(&wish.concert);
    boxoffice__concert__v1__create_concert_request__init(&wish.req);
    wish.concert.concert_id = other_id;
    wish.concert.title = title;
    for (size_t i = 0; i < 3; i++) {
        boxoffice__concert__v1__concert_date__init(&wish.dates[i]);
        boxoffice__concert__v1__price_tier__init(&wish.tiers[i]);
        wish.tiers[i].first_seat_no = 1;
        wish.tiers[i].last_seat_no = 50;
        wish.tiers[i].price_won = 1000;
        wish.tier_lists[i] = &wish.tiers[i];
        wish.dates[i].date = days[i];
        wish.dates[i].starts_at_unix_ms = clock_date_to_wall_ms(days[i]) + 1;
        wish.dates[i].tiers = &wish.tier_lists[i];
        wish.dates[i].n_tiers = 1;
        wish.list[i] = &wish.dates[i];
    }
    wish.req.concert = &wish.concert;
    wish.req.dates = wish.list;
    wish.req.n_dates = 3;
}

static enum status create(CreateConcertResponse *res)
{
    boxoffice__concert__v1__create_concert_response__init(res);
    return call("CreateConcert", &wish.req, res);
}

START_TEST(a_concert_is_made_once_with_its_defaults)
{
    CreateConcertResponse res;
    wish_well();
    ck_assert_int_eq(create(&res), ST_OK);
    ck_assert(res.created);
    ck_assert_int_eq(res.dates_added, 3);
    ck_assert_str_eq(res.concert->queue, "main");
    ck_assert_str_eq(res.concert->currency, "KRW");
    const struct fake_catalog made = look();
    ck_assert_uint_eq(made.concert_count, 2);
    ck_assert_uint_eq(made.date_count, 6);
    ck_assert_int_eq(made.dates[5].seats_total, CATALOG_SEATS_DEFAULT);
    ck_assert_int_eq(made.dates[5].sale_closes_at_unix_ms, made.dates[5].starts_at_unix_ms);
    ck_assert_int_eq(create(&res), ST_OK);
    ck_assert(!res.created);
    ck_assert_int_eq(res.dates_added, 0);
    ck_assert_uint_eq(look().date_count, 6);
}
END_TEST

START_TEST(everything_that_is_wrong_is_told_at_once)
{
    CreateConcertResponse res;
    wish_well();
    wish.concert.concert_id = upper_id;
    wish.concert.title = none;
    wish.concert.artist = not_utf8;
    wish.concert.currency = dollars;
    wish.concert.queue = capitals;
    wish.dates[0].date = no_day;
    wish.dates[1].seats_total = CATALOG_SEATS_MAX + 1;
    wish.tiers[1].price_won = 0;
    wish.dates[2].sale_opens_at_unix_ms = wish.dates[2].starts_at_unix_ms;
    wish.tiers[2].first_seat_no = 2;
    ck_assert_int_eq(create(&res), ST_INVALID_REQUEST);
    static const char *const pointers[] = {
        "/concert/concert_id",
        "/concert/title",
        "/concert/artist",
        "/concert/currency",
        "/concert/queue",
        "/dates/0/date",
        "/dates/1/seats_total",
        "/dates/1/tiers/0/price_won",
        "/dates/1/tiers",
        "/dates/2/sale_closes_at_unix_ms",
        "/dates/2/tiers/0/first_seat_no",
    };
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        ck_assert_msg(has_violation(pointers[i]), "%s", pointers[i]);
    ck_assert_uint_eq(ctx.violation_count, ARRAY_LEN(pointers));
    ck_assert_uint_eq(look().calls, 0);
}
END_TEST

START_TEST(more_wrong_than_an_answer_holds_says_so)
{
    CreateConcertResponse res;
    wish_well();
    for (size_t i = 0; i < 3; i++) {
        wish.dates[i].starts_at_unix_ms = -1;
        wish.dates[i].seats_total = -1;
        wish.dates[i].sale_opens_at_unix_ms = -1;
        wish.dates[i].n_tiers = 0;
        wish.dates[i].date = none;
    }
    ck_assert_int_eq(create(&res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, CTX_VIOLATIONS_MAX);
    ck_assert_str_eq(ctx_find_note(&ctx, "more"), "true");
}
END_TEST

START_TEST(what_is_cut_off_is_not_taken)
{
    CreateConcertResponse res;
    wish_well();
    wish.concert.concert_id = long_id;
    wish.dates[0].date = long_day;
    ck_assert_int_eq(create(&res), ST_INVALID_REQUEST);
    ck_assert(has_violation("/concert/concert_id"));
    ck_assert(has_violation("/dates/0/date"));
}
END_TEST

START_TEST(a_day_comes_once_in_a_wish)
{
    CreateConcertResponse res;
    wish_well();
    wish.dates[2].date = wish.dates[0].date;
    wish.dates[2].starts_at_unix_ms = wish.dates[0].starts_at_unix_ms;
    ck_assert_int_eq(create(&res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 1);
    ck_assert(has_violation("/dates/2/date"));
}
END_TEST

START_TEST(what_is_there_with_other_content_is_refused_whole)
{
    CreateConcertResponse res;
    wish_well();
    wish.req.n_dates = 2;
    ck_assert_int_eq(create(&res), ST_OK);
    const size_t writes = look().writes;
    wish.req.n_dates = 3;
    wish.concert.artist = title;
    wish.tiers[1].price_won = 2000;
    ck_assert_int_eq(create(&res), ST_ALREADY_EXISTS);
    ck_assert(has_violation("/concert"));
    ck_assert(has_violation("/dates/1"));
    ck_assert_uint_eq(ctx.violation_count, 2);
    ck_assert_uint_eq(look().writes, writes);
    ck_assert_uint_eq(look().date_count, 5);
}
END_TEST

START_TEST(a_wish_can_be_judged_without_being_done)
{
    CreateConcertResponse res;
    wish_well();
    wish.req.validate_only = true;
    ck_assert_int_eq(create(&res), ST_OK);
    ck_assert(res.created);
    ck_assert_uint_eq(look().writes, 0);
    wish.tiers[0].price_won = 0;
    ck_assert_int_eq(create(&res), ST_INVALID_REQUEST);
}
END_TEST

static void fail_at(struct fake_catalog *catalog, void *self)
{
    catalog->fail_call = *(size_t *)self;
    catalog->fail_status = ST_UNAVAILABLE;
}

START_TEST(whatever_fails_nothing_is_half_done)
{
    CreateConcertResponse res;
    enum status status = ST_UNAVAILABLE;
    for (size_t call = 1; status != ST_OK; call++) { /* each call of the store in turn */
        ck_assert_uint_lt(call, 10);
        tear_down();
        set_up();
        wish_well();
        fake_catalog_change(fail_at, &call);
        status = create(&res);
        const struct fake_catalog after = look();
        ck_assert(status == ST_OK || status == ST_UNAVAILABLE);
        ck_assert_uint_eq(after.concert_count, 1 + after.writes);
        ck_assert_uint_eq(after.date_count, 3 + 3 * after.writes);
        /* Asking once more mends it, whatever it was. */
        size_t never = 0;
        fake_catalog_change(fail_at, &never);
        ck_assert_int_eq(create(&res), ST_OK);
        ck_assert_uint_eq(look().date_count, 6);
    }
}
END_TEST

static enum status add(ConcertDate *date, char *concert, AddDateResponse *res)
{
    AddDateRequest req = BOXOFFICE__CONCERT__V1__ADD_DATE_REQUEST__INIT;
    req.concert_id = concert;
    req.date = date;
    boxoffice__concert__v1__add_date_response__init(res);
    return call("AddDate", &req, res);
}

START_TEST(a_date_is_added_once_and_seen_at_once)
{
    AddDateResponse res;
    ListDatesResponse dates;
    wish_well();
    ck_assert_int_eq(list_dates(none, none, &dates), ST_OK);
    ck_assert_uint_eq(dates.n_dates, 3);
    ck_assert_int_eq(add(&wish.dates[0], concert_id, &res), ST_OK);
    ck_assert(res.created);
    ck_assert_int_eq(res.date->seats_total, CATALOG_SEATS_DEFAULT);
    ck_assert_int_eq(list_dates(none, none, &dates), ST_OK);
    ck_assert_uint_eq(dates.n_dates, 4);
    ck_assert_int_eq(add(&wish.dates[0], concert_id, &res), ST_OK);
    ck_assert(!res.created);
    wish.tiers[0].price_won = 7;
    ck_assert_int_eq(add(&wish.dates[0], concert_id, &res), ST_ALREADY_EXISTS);
    ck_assert(has_violation("/date"));
    wish.tiers[0].price_won = 0;
    ck_assert_int_eq(add(&wish.dates[0], concert_id, &res), ST_INVALID_REQUEST);
    ck_assert(has_violation("/date/tiers/0/price_won"));
    ck_assert_int_eq(add(&wish.dates[1], other_id, &res), ST_CONCERT_NOT_FOUND);
    ck_assert_int_eq(add(NULL, upper_id, &res), ST_INVALID_REQUEST);
    ck_assert_uint_eq(ctx.violation_count, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        pages_keep_their_place_while_concerts_are_added,
        page_sizes_and_tokens_have_limits,
        dates_are_those_with_a_free_seat,
        an_operator_sees_full_dates_too_and_what_is_held_and_sold,
        dates_that_are_over_are_not_listed,
        seats_are_the_free_ones_or_all_with_their_state,
        a_held_seat_is_shown_as_held_and_not_as_sold,
        through_adds_the_later_dates_as_far_as_an_answer_goes,
        an_answer_of_large_dates_ends_before_it_is_too_large,
        an_answer_that_is_known_is_not_sent_again,
        a_turn_in_another_line_shows_nothing_and_names_the_right_one,
        a_seat_has_a_price_and_a_date_its_window,
        a_concert_is_made_once_with_its_defaults,
        everything_that_is_wrong_is_told_at_once,
        more_wrong_than_an_answer_holds_says_so,
        what_is_cut_off_is_not_taken,
        a_day_comes_once_in_a_wish,
        what_is_there_with_other_content_is_refused_whole,
        a_wish_can_be_judged_without_being_done,
        whatever_fails_nothing_is_half_done,
        a_date_is_added_once_and_seen_at_once,
    };
    return run_tests("handlers", tests, ARRAY_LEN(tests));
}
