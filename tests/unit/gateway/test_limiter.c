/* Token buckets under a clock of the test's own. */
#include <check.h>
#include <stdlib.h>

#include "limiter.h"

enum { SECOND_US = 1000000, RATE = 50, BURST = 2 * RATE };

static struct limiter *limiter;

static void set_up(void)
{
    limiter = limiter_new(RATE);
}

static void tear_down(void)
{
    limiter_free(&limiter);
    ck_assert_ptr_null(limiter);
}

static int take_all(uint64_t key, int64_t now_us)
{
    int taken = 0;
    while (limiter_take(limiter, key, now_us))
        taken++;
    return taken;
}

START_TEST(a_new_key_has_its_whole_burst_and_no_more)
{
    ck_assert_int_eq(take_all(7, SECOND_US), BURST);
    ck_assert(!limiter_take(limiter, 7, SECOND_US));
}
END_TEST

START_TEST(a_bucket_fills_at_its_rate)
{
    const int64_t now_us = SECOND_US;
    take_all(7, now_us);
    ck_assert(!limiter_take(limiter, 7, now_us + SECOND_US / RATE - 1));
    ck_assert(limiter_take(limiter, 7, now_us + SECOND_US / RATE));
    ck_assert_int_eq(take_all(7, now_us + SECOND_US / RATE + SECOND_US), RATE);
}
END_TEST

START_TEST(a_bucket_never_holds_more_than_its_burst)
{
    take_all(7, SECOND_US);
    ck_assert_int_eq(take_all(7, INT64_C(3600) * SECOND_US), BURST);
}
END_TEST

START_TEST(a_clock_that_steps_back_gives_and_takes_nothing)
{
    take_all(7, 10 * SECOND_US);
    ck_assert_int_eq(take_all(7, SECOND_US), 0);
    ck_assert_int_eq(take_all(7, 11 * SECOND_US), RATE);
}
END_TEST

START_TEST(keys_do_not_share_a_bucket)
{
    take_all(7, SECOND_US);
    ck_assert_int_eq(take_all(8, SECOND_US), BURST);
}
END_TEST

START_TEST(keys_that_meet_in_one_place_only_ever_get_more)
{
    take_all(7, SECOND_US);
    ck_assert_int_eq(take_all(7 + LIMITER_KEYS, SECOND_US), BURST);
    ck_assert_int_eq(take_all(7, SECOND_US), BURST);
}
END_TEST

START_TEST(rate_zero_grants_everything)
{
    limiter_free(&limiter);
    limiter = limiter_new(0);
    for (int i = 0; i < 100000; i++)
        ck_assert(limiter_take(limiter, 7, SECOND_US));
}
END_TEST

START_TEST(what_is_left_is_told)
{
    struct limiter_quota quota;
    ck_assert(limiter_take_of(limiter, 7, SECOND_US, &quota));
    ck_assert_int_eq(quota.burst, BURST);
    ck_assert_int_eq(quota.remaining, BURST - 1);
    ck_assert_int_eq(quota.fill_us, SECOND_US / RATE);
    take_all(7, SECOND_US);
    ck_assert(!limiter_take_of(limiter, 7, SECOND_US, &quota));
    ck_assert_int_eq(quota.remaining, 0);
    ck_assert_int_eq(quota.fill_us, LIMITER_FULL_S * SECOND_US);
    limiter_free(&limiter);
    limiter = limiter_new(0);
    ck_assert(limiter_take_of(limiter, 7, SECOND_US, &quota));
    ck_assert_int_eq(quota.burst, 0); /* there is nothing to tell */
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("limiter");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, a_new_key_has_its_whole_burst_and_no_more);
    tcase_add_test(cases, a_bucket_fills_at_its_rate);
    tcase_add_test(cases, a_bucket_never_holds_more_than_its_burst);
    tcase_add_test(cases, a_clock_that_steps_back_gives_and_takes_nothing);
    tcase_add_test(cases, keys_do_not_share_a_bucket);
    tcase_add_test(cases, keys_that_meet_in_one_place_only_ever_get_more);
    tcase_add_test(cases, what_is_left_is_told);
    tcase_add_test(cases, rate_zero_grants_everything);
    Suite *suite = suite_create("limiter");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
