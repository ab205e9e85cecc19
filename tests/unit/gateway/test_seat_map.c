/* What a gateway knows of a date's seats. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "seat_map.h"

static struct seat_map map;

static void set_up(void)
{
    memset(&map, 0xff, sizeof map); /* whatever was there before */
    ck_assert(seat_map_load(&map, (const uint8_t[]){0x41}, 1, (const uint8_t[]){0x02, 0x80}, 2, 9));
}

START_TEST(a_whole_map_replaces_all_that_was_known)
{
    for (size_t seat_no = 1; seat_no <= SEAT_MAP_SEATS_MAX; seat_no++) {
        enum seat_state state = SEAT_AVAILABLE;
        if (seat_no == 1 || seat_no == 7)
            state = SEAT_HELD;
        else if (seat_no == 2 || seat_no == 16)
            state = SEAT_SOLD;
        ck_assert_msg(seat_map_state(&map, seat_no) == state, "seat %zu", seat_no);
    }
    ck_assert_int_eq(map.version, 9);
}
END_TEST

START_TEST(a_seat_is_one_thing_at_a_time)
{
    static const enum seat_state states[] = {SEAT_HELD, SEAT_SOLD, SEAT_AVAILABLE,
                                             SEAT_SOLD, SEAT_HELD, SEAT_AVAILABLE};
    static const int64_t seats[] = {1, 8, 9, SEAT_MAP_SEATS_MAX};
    for (size_t s = 0; s < ARRAY_LEN(seats); s++) {
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
            ck_assert(seat_map_set(&map, seats[s], states[i]));
            ck_assert_int_eq(seat_map_state(&map, (size_t)seats[s]), states[i]);
        }
    }
    ck_assert_int_eq(seat_map_state(&map, 7), SEAT_HELD); /* others are as they were */
    ck_assert_int_eq(seat_map_state(&map, 16), SEAT_SOLD);
}
END_TEST

START_TEST(what_no_date_has_is_refused_and_changes_nothing)
{
    static const uint8_t long_bitmap[SEAT_MAP_SIZE + 1];
    const struct seat_map before = map;
    ck_assert(!seat_map_set(&map, 0, SEAT_SOLD));
    ck_assert(!seat_map_set(&map, -1, SEAT_SOLD));
    ck_assert(!seat_map_set(&map, SEAT_MAP_SEATS_MAX + 1, SEAT_SOLD));
    ck_assert(!seat_map_load(&map, long_bitmap, SEAT_MAP_SIZE + 1, NULL, 0, 10));
    ck_assert(!seat_map_load(&map, NULL, 0, long_bitmap, SEAT_MAP_SIZE + 1, 10));
    ck_assert_mem_eq(&map, &before, sizeof map);
    ck_assert(seat_map_load(&map, long_bitmap, SEAT_MAP_SIZE, NULL, 0, 10));
    ck_assert_int_eq(seat_map_state(&map, 1), SEAT_AVAILABLE);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("seat map");
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, a_whole_map_replaces_all_that_was_known);
    tcase_add_test(cases, a_seat_is_one_thing_at_a_time);
    tcase_add_test(cases, what_no_date_has_is_refused_and_changes_nothing);
    Suite *suite = suite_create("seat map");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
