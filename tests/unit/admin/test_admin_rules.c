#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "demo.h"
#include "policy.h"

/* 2026-11-24T10:48:53Z */
static const int64_t now_ms = INT64_C(1795517333000);

START_TEST(the_demo_starts_tomorrow_and_has_thirty_dates)
{
    struct demo_date first = demo_date(now_ms, 1);
    struct demo_date last = demo_date(now_ms, DEMO_DATES);
    ck_assert_str_eq(first.date, "2026-11-25");
    ck_assert_str_eq(last.date, "2026-12-24");
    for (int days = 1; days <= DEMO_DATES; days++) {
        struct demo_date date = demo_date(now_ms, days);
        ck_assert(clock_date_is_valid(date.date));
        ck_assert_int_gt(date.starts_at_unix_ms, clock_date_to_wall_ms(date.date));
        ck_assert_int_lt(date.starts_at_unix_ms,
                         clock_date_to_wall_ms(date.date) + INT64_C(86400000));
        /* On sale by now, until it starts. */
        ck_assert_int_lt(date.sale_opens_at_unix_ms, now_ms);
        ck_assert_int_eq(date.sale_closes_at_unix_ms, date.starts_at_unix_ms);
    }
}
END_TEST

START_TEST(a_date_says_the_same_whenever_it_is_seeded)
{
    struct demo_date today = demo_date(now_ms, 5);
    struct demo_date later_today = demo_date(now_ms + 3600000, 5);
    struct demo_date yesterday = demo_date(now_ms - 86400000, 6);
    ck_assert_mem_eq(&today, &later_today, sizeof(today));
    ck_assert_mem_eq(&today, &yesterday, sizeof(today));
}
END_TEST

START_TEST(tiers_cover_every_seat_once)
{
    int32_t next = 1;
    for (size_t i = 0; i < DEMO_TIERS; i++) {
        ck_assert_int_eq(demo_tiers[i].first_seat_no, next);
        ck_assert_int_ge(demo_tiers[i].last_seat_no, next);
        next = demo_tiers[i].last_seat_no + 1;
    }
    ck_assert_int_eq(next, DEMO_SEATS + 1);
}
END_TEST

START_TEST(concerts_have_ids_of_their_own_and_prices)
{
    ck_assert_uint_ge(demo_concert_count, 3);
    for (size_t i = 0; i < demo_concert_count; i++) {
        ck_assert(uuid_is_valid(demo_concerts[i].concert_id));
        ck_assert_str_ne(demo_concerts[i].title, "");
        for (size_t j = 0; j < DEMO_TIERS; j++)
            ck_assert_int_ge(demo_concerts[i].prices_won[j], 1);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(demo_concerts[i].concert_id, demo_concerts[j].concert_id);
    }
}
END_TEST

START_TEST(a_policy_changes_word_by_word)
{
    struct queue_policy policy = {.kind = POLICY_COUNTER, .capacity = 100};
    ck_assert_int_eq(policy_apply(&policy, "both"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "capacity=7"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "admit_batch=8"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "admit_interval_ms=9"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "active_ttl_ms=10"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "absent_ms=11"), ST_OK);
    ck_assert_int_eq(policy_apply(&policy, "pause"), ST_OK);
    ck_assert_int_eq(policy.kind, POLICY_BOTH);
    ck_assert_int_eq(policy.capacity, 7);
    ck_assert_int_eq(policy.admit_batch, 8);
    ck_assert_int_eq(policy.admit_interval_ms, 9);
    ck_assert_int_eq(policy.active_ttl_ms, 10);
    ck_assert_int_eq(policy.absent_ms, 11);
    ck_assert(policy.paused);
    ck_assert_int_eq(policy_apply(&policy, "resume"), ST_OK);
    ck_assert(!policy.paused);
    ck_assert_int_eq(policy_apply(&policy, "gate"), ST_OK);
    ck_assert_int_eq(policy.kind, POLICY_GATE);
    ck_assert_int_eq(policy_apply(&policy, "counter"), ST_OK);
    ck_assert_int_eq(policy.kind, POLICY_COUNTER);
}
END_TEST

START_TEST(a_word_that_says_nothing_changes_nothing)
{
    static const char *const bad[] = {
        "", "Counter", "capacity", "capacity=", "capacity=x", "capacity=1 ", "speed=1", "paused"};
    struct queue_policy policy = {.kind = POLICY_GATE, .capacity = 100};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(policy_apply(&policy, bad[i]), ST_INVALID_REQUEST);
    ck_assert_int_eq(policy.kind, POLICY_GATE);
    ck_assert_int_eq(policy.capacity, 100);
    ck_assert(!policy.paused);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("rules");
    tcase_add_test(tcase, the_demo_starts_tomorrow_and_has_thirty_dates);
    tcase_add_test(tcase, a_date_says_the_same_whenever_it_is_seeded);
    tcase_add_test(tcase, tiers_cover_every_seat_once);
    tcase_add_test(tcase, concerts_have_ids_of_their_own_and_prices);
    tcase_add_test(tcase, a_policy_changes_word_by_word);
    tcase_add_test(tcase, a_word_that_says_nothing_changes_nothing);

    Suite *suite = suite_create("admin rules");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
