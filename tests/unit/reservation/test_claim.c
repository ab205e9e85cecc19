#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"

static const char mine[] = "0190b0f0-0000-7000-8000-00000000000a";
static const char other[] = "0190b0f0-0000-7000-8000-00000000000b";

START_TEST(the_table_has_the_diagrams_arrows_and_no_others)
{
    static const struct {
        enum claim_status from;
        enum claim_event event;
        enum claim_status to;
    } arrows[] = {
        {CLAIM_HELD, CLAIM_BEGIN, CLAIM_PAYING},        {CLAIM_HELD, CLAIM_CANCEL, CLAIM_CANCELLED},
        {CLAIM_HELD, CLAIM_LAPSE, CLAIM_EXPIRED},       {CLAIM_PAYING, CLAIM_BEGIN, CLAIM_PAYING},
        {CLAIM_PAYING, CLAIM_CONFIRM, CLAIM_CONFIRMED}, {CLAIM_PAYING, CLAIM_RELEASE, CLAIM_HELD},
        {CLAIM_PAYING, CLAIM_LAPSE, CLAIM_EXPIRED},
    };
    size_t found = 0;
    for (int from = 0; from < CLAIM_STATUS_COUNT; from++) {
        for (int event = CLAIM_BEGIN; event <= CLAIM_LAPSE; event++) {
            enum claim_status to;
            found += claim_next((enum claim_status)from, (enum claim_event)event, &to);
        }
    }
    ck_assert_uint_eq(found, ARRAY_LEN(arrows));
    for (size_t i = 0; i < ARRAY_LEN(arrows); i++) {
        enum claim_status to;
        ck_assert(claim_next(arrows[i].from, arrows[i].event, &to));
        ck_assert_int_eq(to, arrows[i].to);
    }
}
END_TEST

START_TEST(each_request_is_judged_in_each_state)
{
    /* payment: 'm' the asking one holds the claim, 'o' another, '-' none */
    static const struct {
        enum claim_status status;
        char payment;
        enum claim_event event;
        enum status answer;
        bool repeat;
    } table[] = {
        {CLAIM_HELD, '-', CLAIM_BEGIN, ST_OK, false},
        {CLAIM_HELD, 'o', CLAIM_BEGIN, ST_OK, false},
        {CLAIM_HELD, 'm', CLAIM_BEGIN, ST_NOT_HELD, false},
        {CLAIM_PAYING, 'm', CLAIM_BEGIN, ST_OK, false},
        {CLAIM_PAYING, 'o', CLAIM_BEGIN, ST_PAYMENT_IN_PROGRESS, false},
        {CLAIM_CONFIRMED, 'o', CLAIM_BEGIN, ST_ALREADY_PAID, false},
        {CLAIM_EXPIRED, '-', CLAIM_BEGIN, ST_HOLD_EXPIRED, false},
        {CLAIM_CANCELLED, '-', CLAIM_BEGIN, ST_HOLD_EXPIRED, false},
        {CLAIM_PAYING, 'm', CLAIM_CONFIRM, ST_OK, false},
        {CLAIM_CONFIRMED, 'm', CLAIM_CONFIRM, ST_OK, true},
        {CLAIM_CONFIRMED, 'o', CLAIM_CONFIRM, ST_ALREADY_PAID, false},
        {CLAIM_PAYING, 'o', CLAIM_CONFIRM, ST_HOLD_EXPIRED, false},
        {CLAIM_HELD, '-', CLAIM_CONFIRM, ST_HOLD_EXPIRED, false},
        {CLAIM_EXPIRED, 'm', CLAIM_CONFIRM, ST_HOLD_EXPIRED, false},
        {CLAIM_PAYING, 'm', CLAIM_RELEASE, ST_OK, false},
        {CLAIM_PAYING, 'o', CLAIM_RELEASE, ST_OK, true},
        {CLAIM_HELD, '-', CLAIM_RELEASE, ST_OK, true},
        {CLAIM_EXPIRED, 'm', CLAIM_RELEASE, ST_OK, true},
        {CLAIM_HELD, '-', CLAIM_CANCEL, ST_OK, false},
        {CLAIM_CANCELLED, '-', CLAIM_CANCEL, ST_OK, true},
        {CLAIM_PAYING, 'o', CLAIM_CANCEL, ST_NOT_HELD, false},
        {CLAIM_CONFIRMED, 'o', CLAIM_CANCEL, ST_NOT_HELD, false},
        {CLAIM_EXPIRED, '-', CLAIM_CANCEL, ST_HOLD_EXPIRED, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct claim claim = {.status = table[i].status};
        if (table[i].payment != '-')
            memcpy(claim.payment_id.text, table[i].payment == 'm' ? mine : other, UUID_TEXT_SIZE);
        bool repeat = !table[i].repeat;
        const char *asking = table[i].event == CLAIM_CANCEL ? NULL : mine;
        ck_assert_msg(claim_judge(&claim, table[i].event, asking, &repeat) == table[i].answer,
                      "row %zu", i);
        ck_assert_msg(repeat == table[i].repeat, "row %zu", i);
    }
}
END_TEST

START_TEST(names_go_both_ways)
{
    for (int i = 0; i < CLAIM_STATUS_COUNT; i++) {
        enum claim_status status;
        ck_assert(claim_status_from_name(claim_status_name((enum claim_status)i), &status));
        ck_assert_int_eq(status, i);
    }
    enum claim_status untouched = CLAIM_PAYING;
    ck_assert(!claim_status_from_name("FREE", &untouched));
    ck_assert_int_eq(untouched, CLAIM_PAYING);
}
END_TEST

START_TEST(a_seat_costs_what_its_tier_says)
{
    static const struct claim_tier tiers[] = {{1, 10, 300}, {11, 50, 200}};
    static const struct {
        int64_t seat_no, price;
    } table[] = {{1, 300}, {10, 300}, {11, 200}, {50, 200}, {51, 0}, {0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int64_t price = 0;
        ck_assert(claim_price(tiers, 2, table[i].seat_no, &price) == (table[i].price != 0));
        ck_assert_int_eq(price, table[i].price);
    }
}
END_TEST

START_TEST(seats_become_bits_lowest_first)
{
    uint8_t bits[2] = {0};
    ck_assert(claim_mark_seats("1,8,9,16", bits, 16));
    ck_assert_uint_eq(bits[0], 0x81);
    ck_assert_uint_eq(bits[1], 0x81);
    ck_assert(claim_mark_seats("", bits, 16));
    static const char *const bad[] = {"17", "0", "-1", "1,,2", "x", "99999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!claim_mark_seats(bad[i], bits, 16), "%s", bad[i]);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("claim");
    tcase_add_test(cases, the_table_has_the_diagrams_arrows_and_no_others);
    tcase_add_test(cases, each_request_is_judged_in_each_state);
    tcase_add_test(cases, names_go_both_ways);
    tcase_add_test(cases, a_seat_costs_what_its_tier_says);
    tcase_add_test(cases, seats_become_bits_lowest_first);
    Suite *suite = suite_create("claim");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
