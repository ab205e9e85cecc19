/* What the API's objects say, and what they leave out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "present.h"

#define TEXT(text)                                                                                 \
    (char[])                                                                                       \
    {                                                                                              \
        text                                                                                       \
    }
#define ID "00000000-0000-4000-8000-0000000000aa"

static json_t *object;

static void tear_down(void)
{
    json_decref(object);
    object = NULL;
}

static const char *text_of(const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "(none)" : text;
}

static json_int_t number_of(const char *name)
{
    const json_t *value = json_object_get(object, name);
    ck_assert_msg(json_is_integer(value), "%s is no whole number", name);
    return json_integer_value(value);
}

static bool has(const char *name)
{
    return json_object_get(object, name) != NULL;
}

static Boxoffice__Queue__V1__Place place_of(int status)
{
    Boxoffice__Queue__V1__Place place = BOXOFFICE__QUEUE__V1__PLACE__INIT;
    static char id[] = ID, queue[] = "main";
    place.token_id = id;
    place.user_id = id;
    place.queue = queue;
    place.status = (Boxoffice__Queue__V1__PlaceStatus)status;
    return place;
}

START_TEST(a_place_says_where_and_until_when)
{
    Boxoffice__Queue__V1__Place place = place_of(1);
    place.position = 3;
    place.ahead = 2;
    place.estimated_wait_seconds = 7;
    place.next_poll_ms = 1500;
    place.issued_at_unix_ms = 1900000000123;
    object = present_place(&place, "a.b.c");
    ck_assert_str_eq(text_of("token"), "a.b.c");
    ck_assert_str_eq(text_of("status"), "WAITING");
    ck_assert_int_eq(number_of("position"), 3);
    ck_assert_int_eq(number_of("ahead"), 2);
    ck_assert_int_eq(number_of("estimated_wait_seconds"), 7);
    ck_assert_int_eq(number_of("next_poll_ms"), 1500);
    ck_assert_str_eq(text_of("issued_at"), "2030-03-17T17:46:40.123Z");
    ck_assert(!has("expires_at")); /* not while waiting */
    tear_down();
    place.expires_at_unix_ms = 1900000000000;
    object = present_place(&place, "");
    ck_assert_str_eq(text_of("expires_at"), "2030-03-17T17:46:40.000Z");
}
END_TEST

START_TEST(states_have_names_and_new_ones_do_no_harm)
{
    static const char *const names[] = {"UNKNOWN", "WAITING", "ACTIVE", "EXPIRED", "UNKNOWN"};
    for (int status = 0; status < 5; status++) {
        const Boxoffice__Queue__V1__Place place = place_of(status);
        object = present_place(&place, "");
        ck_assert_str_eq(text_of("status"), names[status]);
        tear_down();
    }
    const Boxoffice__Queue__V1__Place place = place_of(-1);
    object = present_place(&place, "");
    ck_assert_str_eq(text_of("status"), "UNKNOWN");
}
END_TEST

START_TEST(a_reservation_is_held_until_it_is_not)
{
    static const char *const names[] = {"UNKNOWN",   "HELD",    "PAYING",
                                        "CONFIRMED", "EXPIRED", "CANCELLED"};
    Boxoffice__Reservation__V1__Reservation reservation =
        BOXOFFICE__RESERVATION__V1__RESERVATION__INIT;
    reservation.reservation_id = TEXT(ID);
    reservation.date = TEXT("2031-05-01");
    reservation.seat_no = 7;
    reservation.price_won = INT64_C(9007199254740993); /* beyond a double */
    reservation.currency = TEXT("KRW");
    for (int status = 0; status < 6; status++) {
        reservation.status = (Boxoffice__Reservation__V1__ReservationStatus)status;
        reservation.held_until_unix_ms = status == 1 ? 1900000000000 : 0;
        object = present_reservation(&reservation);
        ck_assert_str_eq(text_of("status"), names[status]);
        ck_assert_int_eq(has("held_until"), status == 1);
        ck_assert_int_eq(number_of("price"), INT64_C(9007199254740993));
        ck_assert_int_eq(number_of("seat_no"), 7);
        tear_down();
    }
}
END_TEST

START_TEST(a_payment_tells_what_it_knows)
{
    Boxoffice__Payment__V1__Payment payment = BOXOFFICE__PAYMENT__V1__PAYMENT__INIT;
    payment.payment_id = TEXT(ID);
    payment.reservation_id = TEXT(ID);
    payment.status = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_PENDING;
    object = present_payment(&payment); /* the seat is still being claimed */
    static const char *const later[] = {"amount",  "currency",      "concert_id", "date",
                                        "seat_no", "balance_after", "paid_at",    "failure_code"};
    for (size_t i = 0; i < ARRAY_LEN(later); i++)
        ck_assert_msg(!has(later[i]), "%s", later[i]);
    ck_assert_str_eq(text_of("status"), "PENDING");
    tear_down();
    payment.status = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_COMPLETED;
    payment.amount_won = 150000;
    payment.currency = TEXT("KRW");
    payment.date = TEXT("2031-05-01");
    payment.balance_after_won = 0; /* spent to the last won: still told */
    payment.paid_at_unix_ms = 1900000000000;
    object = present_payment(&payment);
    ck_assert_int_eq(number_of("amount"), 150000);
    ck_assert_int_eq(number_of("balance_after"), 0);
    ck_assert(has("paid_at"));
    tear_down();
    payment.status = BOXOFFICE__PAYMENT__V1__PAYMENT_STATUS__PAYMENT_STATUS_FAILED;
    payment.failure_code = TEXT("INSUFFICIENT_BALANCE");
    payment.paid_at_unix_ms = 0;
    object = present_payment(&payment);
    ck_assert_str_eq(text_of("failure_code"), "INSUFFICIENT_BALANCE");
    ck_assert(!has("balance_after") && !has("paid_at"));
}
END_TEST

START_TEST(seats_have_their_price_and_state)
{
    Boxoffice__Concert__V1__Seat seats[3], *list[3];
    Boxoffice__Concert__V1__DateSeats date = BOXOFFICE__CONCERT__V1__DATE_SEATS__INIT;
    static const char *const names[] = {"AVAILABLE", "HELD", "SOLD"};
    for (int i = 0; i < 3; i++) {
        boxoffice__concert__v1__seat__init(&seats[i]);
        seats[i].seat_no = i + 1;
        seats[i].price_won = 1000 * (i + 1);
        seats[i].status = (Boxoffice__Concert__V1__SeatStatus)(i + 1);
        list[i] = &seats[i];
    }
    date.date = TEXT("2031-05-01");
    date.seats = list;
    date.n_seats = 3;
    date.seats_total = 50;
    date.seats_available = 1;
    object = present_seats(&date);
    ck_assert_int_eq(number_of("seats_total"), 50);
    ck_assert_int_eq(number_of("seats_available"), 1);
    for (size_t i = 0; i < 3; i++) {
        const json_t *seat = json_array_get(json_object_get(object, "seats"), i);
        ck_assert_str_eq(json_string_value(json_object_get(seat, "status")), names[i]);
        ck_assert_int_eq(json_integer_value(json_object_get(seat, "price")), 1000 * ((int)i + 1));
    }
}
END_TEST

static void expect_list(const char *name, size_t count, json_int_t first)
{
    const json_t *list = json_object_get(object, name);
    ck_assert_msg(json_array_size(list) == count, "%s: %zu", name, json_array_size(list));
    if (count > 0)
        ck_assert_int_eq(json_integer_value(json_array_get(list, 0)), first);
}

START_TEST(a_live_map_names_only_what_is_not_free_and_changes_name_all)
{
    static struct seat_map map;
    const uint8_t held[] = {0x81}, sold[] = {0x02, 0x01};
    ck_assert(seat_map_load(&map, held, sizeof held, sold, sizeof sold, 17));
    object = present_seat_map("2031-05-01", &map);
    ck_assert_int_eq(number_of("version"), 17);
    expect_list("held", 2, 1);
    expect_list("sold", 2, 2);
    tear_down();

    Boxoffice__Reservation__V1__SeatChange changes[3], *list[3];
    Boxoffice__Reservation__V1__WatchOccupancyResponse news =
        BOXOFFICE__RESERVATION__V1__WATCH_OCCUPANCY_RESPONSE__INIT;
    for (int i = 0; i < 3; i++) {
        boxoffice__reservation__v1__seat_change__init(&changes[i]);
        changes[i].seat_no = 10 + i;
        changes[i].state = (Boxoffice__Reservation__V1__SeatState)(i + 1);
        list[i] = &changes[i];
    }
    news.changes = list;
    news.n_changes = 3;
    news.from_version = 17;
    news.version = 20;
    object = present_seat_changes("2031-05-01", &news);
    ck_assert_int_eq(number_of("from_version"), 17);
    ck_assert_int_eq(number_of("version"), 20);
    expect_list("available", 1, 10);
    expect_list("held", 1, 11);
    expect_list("sold", 1, 12);
}
END_TEST

START_TEST(an_entry_names_its_payment_when_it_has_one)
{
    static const char *const names[] = {"UNKNOWN", "CHARGE", "DEBIT", "REFUND"};
    Boxoffice__Wallet__V1__LedgerEntry entry = BOXOFFICE__WALLET__V1__LEDGER_ENTRY__INIT;
    entry.entry_id = TEXT(ID);
    for (int kind = 0; kind < 4; kind++) {
        entry.kind = (Boxoffice__Wallet__V1__EntryKind)kind;
        entry.payment_id = kind < 2 ? TEXT("") : TEXT(ID);
        object = present_entry(&entry);
        ck_assert_str_eq(text_of("kind"), names[kind]);
        ck_assert_int_eq(has("payment_id"), kind >= 2);
        tear_down();
    }
}
END_TEST

START_TEST(the_last_page_has_no_next_one)
{
    object = present_page_token("");
    ck_assert(json_is_null(object));
    tear_down();
    object = present_page_token("next");
    ck_assert_str_eq(json_string_value(object), "next");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("present");
    tcase_add_checked_fixture(cases, NULL, tear_down);
    tcase_add_test(cases, a_place_says_where_and_until_when);
    tcase_add_test(cases, states_have_names_and_new_ones_do_no_harm);
    tcase_add_test(cases, a_reservation_is_held_until_it_is_not);
    tcase_add_test(cases, a_payment_tells_what_it_knows);
    tcase_add_test(cases, seats_have_their_price_and_state);
    tcase_add_test(cases, a_live_map_names_only_what_is_not_free_and_changes_name_all);
    tcase_add_test(cases, an_entry_names_its_payment_when_it_has_one);
    tcase_add_test(cases, the_last_page_has_no_next_one);
    Suite *suite = suite_create("gateway present");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
