#include <check.h>
#include <stdlib.h>

#include "catalog.h"

static size_t violations_of(const struct catalog_date *date)
{
    struct ctx ctx;
    ctx_init(&ctx, NULL);
    catalog_check_date(&ctx, "/dates/0", date);
    return ctx.violation_count;
}

static struct catalog_date date_of(int64_t seats_total)
{
    return (struct catalog_date){
        .date = "1970-01-02",
        .starts_at_unix_ms = 86400000,
        .seats_total = seats_total,
        .sale_closes_at_unix_ms = 1,
        .tiers = {{1, seats_total, 1000}},
        .tier_count = 1,
    };
}

START_TEST(a_date_has_one_to_five_thousand_seats)
{
    static const struct {
        int64_t seats_total;
        bool fits;
    } rows[] = {{1, true}, {CATALOG_SEATS_MAX, true}, {0, false}, {CATALOG_SEATS_MAX + 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct catalog_date date = date_of(rows[i].seats_total);
        ck_assert_msg((violations_of(&date) == 0) == rows[i].fits, "row %zu", i);
    }
}
END_TEST

START_TEST(a_price_is_one_won_to_the_limit)
{
    static const struct {
        int64_t price_won;
        size_t violations;
    } rows[] = {
        {1, 0}, {CATALOG_PRICE_WON_MAX, 0}, {0, 1}, {-1, 1}, {CATALOG_PRICE_WON_MAX + 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct catalog_date date = date_of(50);
        date.tiers[0].price_won = rows[i].price_won;
        ck_assert_uint_eq(violations_of(&date), rows[i].violations);
    }
}
END_TEST

START_TEST(tiers_leave_no_seat_out_and_share_none)
{
    struct catalog_date date = date_of(50);
    date.tier_count = 2;
    date.tiers[0] = (struct catalog_tier){1, 10, 2000};
    date.tiers[1] = (struct catalog_tier){11, 50, 1000};
    ck_assert_uint_eq(violations_of(&date), 0);
    ck_assert_int_eq(catalog_price_won(&date, 10), 2000);
    ck_assert_int_eq(catalog_price_won(&date, 11), 1000);
    date.tiers[1].first_seat_no = 12;
    ck_assert_uint_eq(violations_of(&date), 1);
    date.tiers[1].first_seat_no = 10;
    ck_assert_uint_eq(violations_of(&date), 1);
    date.tiers[1] = (struct catalog_tier){11, 49, 1000};
    ck_assert_uint_eq(violations_of(&date), 1);
    date.tier_count = 0;
    ck_assert_uint_eq(violations_of(&date), 1);
}
END_TEST

START_TEST(a_date_starts_on_its_day_and_its_sale_closes_after_it_opens)
{
    struct catalog_date date = date_of(50);
    date.starts_at_unix_ms = 2 * 86400000 - 1;
    ck_assert_uint_eq(violations_of(&date), 0);
    date.starts_at_unix_ms = 2 * 86400000;
    ck_assert_uint_eq(violations_of(&date), 1);
    date.sale_opens_at_unix_ms = date.sale_closes_at_unix_ms;
    ck_assert_uint_eq(violations_of(&date), 2);
}
END_TEST

START_TEST(a_seat_held_or_sold_is_not_free)
{
    static const uint8_t held[] = {0x01}, sold[] = {0x81, 0x01};
    const struct catalog_bits h = {held, sizeof held}, s = {sold, sizeof sold}, none = {NULL, 0};
    ck_assert_int_eq(catalog_free_seats(50, none, none), 50);
    ck_assert_int_eq(catalog_free_seats(50, h, s), 47);
    ck_assert_int_eq(catalog_free_seats(8, h, s), 6);
    ck_assert(catalog_bit(s, 8) && catalog_bit(s, 9) && !catalog_bit(s, 10) && !catalog_bit(s, 50));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("catalog");
    tcase_add_test(cases, a_date_has_one_to_five_thousand_seats);
    tcase_add_test(cases, a_price_is_one_won_to_the_limit);
    tcase_add_test(cases, tiers_leave_no_seat_out_and_share_none);
    tcase_add_test(cases, a_date_starts_on_its_day_and_its_sale_closes_after_it_opens);
    tcase_add_test(cases, a_seat_held_or_sold_is_not_free);
    Suite *suite = suite_create("catalog");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
