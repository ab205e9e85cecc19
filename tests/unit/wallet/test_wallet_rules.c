#include <check.h>
#include <stdlib.h>

#include "wallet.h"

static const struct wallet_limits limits = {.charge_won_max = 1000, .balance_won_max = 5000};

START_TEST(a_charge_is_checked_on_both_sides_of_each_limit)
{
    static const struct {
        int64_t amount_won;
        enum status status;
    } table[] = {
        {INT64_MIN, ST_INVALID_REQUEST},
        {-1, ST_INVALID_REQUEST},
        {0, ST_INVALID_REQUEST},
        {1, ST_OK},
        {1000, ST_OK},
        {1001, ST_CHARGE_LIMIT},
        {INT64_MAX, ST_CHARGE_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ck_assert_int_eq(wallet_check_charge(table[i].amount_won, &limits), table[i].status);
}
END_TEST

START_TEST(a_charge_that_not_even_an_empty_account_could_take_is_refused)
{
    const struct wallet_limits low_brim = {.charge_won_max = 1000, .balance_won_max = 500};
    ck_assert_int_eq(wallet_check_charge(500, &low_brim), ST_OK);
    ck_assert_int_eq(wallet_check_charge(501, &low_brim), ST_BALANCE_LIMIT);
}
END_TEST

START_TEST(a_debit_is_checked_on_both_sides_of_each_limit)
{
    ck_assert_int_eq(wallet_check_debit(0), ST_INVALID_REQUEST);
    ck_assert_int_eq(wallet_check_debit(-1), ST_INVALID_REQUEST);
    ck_assert_int_eq(wallet_check_debit(1), ST_OK);
    ck_assert_int_eq(wallet_check_debit(WALLET_LIMIT_MAX), ST_OK);
    ck_assert_int_eq(wallet_check_debit(WALLET_LIMIT_MAX + 1), ST_INVALID_REQUEST);
}
END_TEST

START_TEST(limits_are_valid_from_one_won_to_the_highest)
{
    static const struct {
        struct wallet_limits limits;
        bool valid;
    } table[] = {
        {{1, 1}, true},
        {{0, 1}, false},
        {{1, 0}, false},
        {{WALLET_LIMIT_MAX, WALLET_LIMIT_MAX}, true},
        {{WALLET_LIMIT_MAX + 1, 1}, false},
        {{1, WALLET_LIMIT_MAX + 1}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        ck_assert_int_eq(wallet_limits_are_valid(&table[i].limits), table[i].valid);
}
END_TEST

START_TEST(a_page_has_twenty_entries_unless_asked_for_one_to_a_hundred)
{
    size_t size = 7;
    ck_assert(wallet_page_size(0, &size));
    ck_assert_uint_eq(size, 20);
    ck_assert(wallet_page_size(1, &size));
    ck_assert_uint_eq(size, 1);
    ck_assert(wallet_page_size(100, &size));
    ck_assert_uint_eq(size, 100);
    ck_assert(!wallet_page_size(101, &size));
    ck_assert(!wallet_page_size(-1, &size));
    ck_assert_uint_eq(size, 100);
}
END_TEST

START_TEST(a_page_token_is_the_id_of_an_entry)
{
    ck_assert(wallet_page_token_is_valid(""));
    ck_assert(wallet_page_token_is_valid("0190a000-0000-7000-8000-000000000001"));

    static const char *const bad[] = {"0",
                                      "1",
                                      "x",
                                      " ",
                                      "0190a000-0000-7000-8000-00000000000",
                                      "0190a000-0000-7000-8000-000000000001 "};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert(!wallet_page_token_is_valid(bad[i]));
}
END_TEST

START_TEST(entry_kinds_are_known_by_their_names_only)
{
    enum wallet_entry_kind kind = WALLET_CHARGE;
    ck_assert(wallet_entry_kind_from_text("REFUND", &kind));
    ck_assert_int_eq(kind, WALLET_REFUND);
    ck_assert(wallet_entry_kind_from_text("DEBIT", &kind));
    ck_assert_int_eq(kind, WALLET_DEBIT);
    ck_assert(!wallet_entry_kind_from_text("refund", &kind));
    ck_assert(!wallet_entry_kind_from_text("", &kind));
    ck_assert_int_eq(kind, WALLET_DEBIT);
    ck_assert(wallet_entry_kind_from_text("CHARGE", &kind));
    ck_assert_int_eq(kind, WALLET_CHARGE);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("rules");
    tcase_add_test(tcase, a_charge_is_checked_on_both_sides_of_each_limit);
    tcase_add_test(tcase, a_charge_that_not_even_an_empty_account_could_take_is_refused);
    tcase_add_test(tcase, a_debit_is_checked_on_both_sides_of_each_limit);
    tcase_add_test(tcase, limits_are_valid_from_one_won_to_the_highest);
    tcase_add_test(tcase, a_page_has_twenty_entries_unless_asked_for_one_to_a_hundred);
    tcase_add_test(tcase, a_page_token_is_the_id_of_an_entry);
    tcase_add_test(tcase, entry_kinds_are_known_by_their_names_only);

    Suite *suite = suite_create("wallet rules");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
