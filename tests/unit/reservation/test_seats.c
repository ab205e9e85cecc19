#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "seats.h"

static struct seat_map map;
static uint8_t changed[SEATS_BITMAP_SIZE];
static size_t count;

static bool apply(const char *freed, const char *held, const char *sold, int64_t version)
{
    const struct seat_news news = {.freed = freed, .held = held, .sold = sold, .version = version};
    return seat_map_apply(&map, &news, changed, &count);
}

START_TEST(a_map_is_what_the_lists_say)
{
    ck_assert(seat_map_load(&map, "1,5000", "2", 7));
    ck_assert_int_eq(seat_map_state(&map, 1), SEAT_HELD);
    ck_assert_int_eq(seat_map_state(&map, 2), SEAT_SOLD);
    ck_assert_int_eq(seat_map_state(&map, 3), SEAT_FREE);
    ck_assert_int_eq(seat_map_state(&map, 5000), SEAT_HELD);
    ck_assert_int_eq(map.version, 7);
    ck_assert_uint_eq(seat_map_size(&map), SEATS_BITMAP_SIZE);
    ck_assert(seat_map_load(&map, "8", "", 8));
    ck_assert_uint_eq(seat_map_size(&map), 1);
    ck_assert(seat_map_load(&map, "", "9", 9));
    ck_assert_uint_eq(seat_map_size(&map), 2);
    ck_assert(seat_map_load(&map, "", "", 10));
    ck_assert_uint_eq(seat_map_size(&map), 0);
}
END_TEST

START_TEST(news_change_what_they_name_and_nothing_else)
{
    ck_assert(seat_map_load(&map, "1,2,3", "4", 1));
    ck_assert(apply("1", "5", "2", 2));
    static const enum seat_state now[] = {SEAT_FREE, SEAT_SOLD, SEAT_HELD,
                                          SEAT_SOLD, SEAT_HELD, SEAT_FREE};
    static const bool is_changed[] = {true, true, false, false, true, false};
    for (size_t i = 0; i < ARRAY_LEN(now); i++) {
        ck_assert_int_eq(seat_map_state(&map, i + 1), now[i]);
        ck_assert_int_eq(seat_map_has(changed, i + 1), is_changed[i]);
    }
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(map.version, 2);
}
END_TEST

START_TEST(news_that_come_twice_change_nothing)
{
    ck_assert(seat_map_load(&map, "1", "", 1));
    ck_assert(apply("1", "2", "3", 2));
    ck_assert_uint_eq(count, 3);
    ck_assert(apply("1", "2", "3", 3));
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(map.version, 3);
}
END_TEST

START_TEST(unreadable_news_leave_the_map_alone)
{
    static const char *const bad[] = {"0", "5001", "x", "1,,2"};
    ck_assert(seat_map_load(&map, "1", "2", 1));
    const struct seat_map before = map;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert(!apply(bad[i], "", "", 2));
        ck_assert(!apply("", bad[i], "", 2));
        ck_assert(!apply("", "", bad[i], 2));
        ck_assert(!seat_map_load(&map, bad[i], "", 2));
        ck_assert(!seat_map_load(&map, "", bad[i], 2));
        ck_assert(memcmp(&map, &before, sizeof map) == 0);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("seats");
    tcase_add_test(cases, a_map_is_what_the_lists_say);
    tcase_add_test(cases, news_change_what_they_name_and_nothing_else);
    tcase_add_test(cases, news_that_come_twice_change_nothing);
    tcase_add_test(cases, unreadable_news_leave_the_map_alone);
    Suite *suite = suite_create("seats");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
